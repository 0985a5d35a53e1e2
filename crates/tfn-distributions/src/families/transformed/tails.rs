//! Tails of a distribution seen through a bijector, and the outcomes at their levels.

use tfn_tensor::Tensor;

use super::TransformedDistribution;
use super::range::{all_nonzero, unless_all_outside};
use crate::distribution::Distribution;
use crate::error::Result;
use crate::masking::constant;

/// A method of the distribution before the bijector.
pub(super) type Method = fn(&dyn Distribution, &Tensor) -> Result<Tensor>;

/// A tail: how it is named, what it is below and above all outcomes, and what it is of the distribution before a
/// bijector that increases and before one that decreases.
struct Tail {
    method: &'static str,
    ends: [f64; 2],
    rising: Method,
    falling: Method,
}

const CDF: Tail = Tail {
    method: "cdf",
    ends: [0.0, 1.0],
    rising: |d, x| d.cdf(x),
    falling: |d, x| d.survival_function(x),
};
const LOG_CDF: Tail = Tail {
    method: "log_cdf",
    ends: [f64::NEG_INFINITY, 0.0],
    rising: |d, x| d.log_cdf(x),
    falling: |d, x| d.log_survival_function(x),
};
const SURVIVAL: Tail = Tail {
    method: "survival_function",
    ends: [1.0, 0.0],
    rising: |d, x| d.survival_function(x),
    falling: |d, x| d.cdf(x),
};
const LOG_SURVIVAL: Tail = Tail {
    method: "log_survival_function",
    ends: [0.0, f64::NEG_INFINITY],
    rising: |d, x| d.log_survival_function(x),
    falling: |d, x| d.log_cdf(x),
};

/// Each tail, of the distribution before where the bijector increases, and the other one of it where it decreases.
impl TransformedDistribution {
    pub(super) fn cdf_through(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, &CDF)
    }

    pub(super) fn log_cdf_through(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, &LOG_CDF)
    }

    pub(super) fn survival_function_through(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, &SURVIVAL)
    }

    pub(super) fn log_survival_function_through(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, &LOG_SURVIVAL)
    }

    /// What `tail` asks for at `value`, from the tail of the distribution that the bijector makes it of.
    fn tail(&self, value: &Tensor, tail: &Tail) -> Result<Tensor> {
        if !self.event_shape()?.is_empty() {
            return self.tail_of_event(value, tail);
        }
        let (y, mask) = self.inside(value)?;
        let (mut x, increasing) = (self.bijector.inverse(&y), self.increasing(tail.method)?);
        if let Some(mask) = &mask {
            // A point of the range that was rounded to an end of it is not sent back.
            x = Tensor::select(mask, &x, &self.moderate()?);
        }
        let inside = self.by_side(
            &increasing,
            &|| (tail.rising)(&*self.distribution, &x),
            &|| (tail.falling)(&*self.distribution, &x),
        )?;
        let Some(mask) = mask else { return Ok(inside) };
        // Outside the range `y` is a point of it: a value less than that lies below all outcomes.
        let [below, above] = tail.ends.map(|end| constant(end, &y));
        let outside = Tensor::select(&value.lt(&y), &below, &above);
        unless_all_outside(&mask, Tensor::select(&mask, &inside, &outside))
    }

    /// The same of an event, whose entries the bijector must leave in their order. One that is infinite asks for the rest.
    fn tail_of_event(&self, value: &Tensor, tail: &Tail) -> Result<Tensor> {
        let falls = self.increasing(tail.method)?.to_f64_vec()?.contains(&0.0);
        let infinite = value.abs().eq(&constant(f64::INFINITY, value));
        let outside = match self.bijector.in_range(value) {
            Some(mask) => !all_nonzero(&mask.maximum(&infinite))?,
            None => false,
        };
        if falls || outside {
            return self.unsupported(tail.method);
        }
        (tail.rising)(&*self.distribution, &self.bijector.inverse(value))
    }

    /// `rising` where the bijector increases, `falling` where it decreases; each is asked only if there is such a place.
    fn by_side(
        &self,
        increasing: &Tensor,
        rising: &dyn Fn() -> Result<Tensor>,
        falling: &dyn Fn() -> Result<Tensor>,
    ) -> Result<Tensor> {
        let sides = increasing.to_f64_vec()?;
        match (sides.contains(&0.0), sides.iter().any(|&side| side != 0.0)) {
            (false, _) => rising(),
            (true, false) => falling(),
            (true, true) => Ok(Tensor::select(increasing, &rising()?, &falling()?)),
        }
    }

    /// The outcome at a level of the distribution before: by one method where the bijector increases, by the other one
    /// where it decreases.
    pub(super) fn at_level(
        &self,
        p: &Tensor,
        method: &'static str,
        [rising, falling]: [Method; 2],
    ) -> Result<Tensor> {
        if !self.event_shape()?.is_empty() {
            return self.unsupported(method);
        }
        let before = self.by_side(
            &self.increasing(method)?,
            &|| rising(&*self.distribution, p),
            &|| falling(&*self.distribution, p),
        )?;
        Ok(self.bijector.forward(&before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{
        Bijector, Chain, Exp, IntoBijector, Invert, NormalCDF, Scale, Shift, Sigmoid, Softplus, Tanh,
    };
    use crate::{Chi2, Kumaraswamy};
    use std::sync::Arc;
    use tfn_tensor::{DType, Variable};

    /// Draws of about 1e-31 are rounded to an end of a range on their way through the chain.
    #[test]
    fn outside_nothing_moves_even_if_draws_do_not_come_back() {
        for (dtype, count) in [(DType::F64, 1.5e75), (DType::F32, 1.5e37)] {
            let number = |x: f64| Tensor::from_f64(&[x], &[1], dtype);
            let variables = [25.0, -21.0].map(|x| Variable::new("v", number(x)).unwrap());
            let [scale, shift] = &variables;
            let base = Kumaraswamy::new(number(2.4), number(count)).unwrap();
            let chain = Chain::new([
                Softplus::new().into_bijector(),
                Exp::new().into_bijector(),
                Shift::new(shift).unwrap().into_bijector(),
                Scale::new(scale).unwrap().into_bijector(),
                Invert::new(Sigmoid::new()).into_bijector(),
            ]);
            let whole = TransformedDistribution::new(base, chain).unwrap();
            for x in [f64::NEG_INFINITY, -1.0, f64::INFINITY] {
                let x = number(x);
                for tail in [whole.cdf(&x), whole.survival_function(&x), whole.log_survival_function(&x)] {
                    let gradients = tail.unwrap().sum().gradients().unwrap();
                    for variable in &variables {
                        assert_eq!(gradients.of(variable).to_f64_vec().unwrap(), [0.0]);
                    }
                }
            }
        }
    }

    /// The numbers that come back through these chains are some about 1e-8, some above 10, and some between 0.991 and 0.993: no
    /// draw does, and no half.
    #[test]
    fn outside_nothing_moves_even_if_few_numbers_come_back() {
        for dtype in [DType::F64, DType::F32] {
            let row = |x: [f64; 2]| Tensor::from_f64(&x, &[2], dtype);
            let variable = |x: f64| Variable::new("v", row([x; 2])).unwrap();
            let steep = |shift: &Variable, scale: &Variable| -> Vec<Arc<dyn Bijector>> {
                vec![
                    Exp::new().into_bijector(),
                    Shift::new(shift).unwrap().into_bijector(),
                    Scale::new(scale).unwrap().into_bijector(),
                ]
            };
            let [shift, scale] = [0.5, 1e9].map(variable);
            let next_to_zero = [
                steep(&shift, &scale),
                vec![Sigmoid::new().into_bijector(), Invert::new(Softplus::new()).into_bijector()],
            ];
            let [far, half] = [1e9, 0.5].map(variable);
            let above: [Vec<Arc<dyn Bijector>>; 2] = [
                vec![Scale::new(&half).unwrap().into_bijector()],
                vec![Shift::new(&far).unwrap().into_bijector(), Exp::new().into_bijector()],
            ];
            let [low, fast] = [-82_044.25, 7370.33].map(variable);
            let narrow = [
                steep(&low, &fast),
                vec![Exp::new().into_bijector(), Invert::new(NormalCDF::new()).into_bijector()],
            ];
            for (chain, of, inside) in [
                (next_to_zero, [&shift, &scale], 3.0),
                (above, [&far, &half], 1e9),
                (narrow, [&low, &fast], 1.0),
            ] {
                let base = Chi2::new(row([3.0; 2])).unwrap();
                let whole = TransformedDistribution::new(base, Chain::new(chain.concat())).unwrap();
                let x = row([-1.0, inside]);
                for answer in [whole.log_prob(&x), whole.cdf(&x), whole.log_survival_function(&x)] {
                    let gradients = answer.unwrap().sum().gradients().unwrap();
                    for variable in of {
                        let slopes = gradients.of(variable).to_f64_vec().unwrap();
                        assert!(slopes[0] == 0.0 && slopes[1] != 0.0, "{dtype:?} {slopes:?}");
                    }
                }
            }
        }
    }

    /// All outcomes of this chain overflow.
    #[test]
    fn below_what_is_larger_than_all_numbers_nothing_lies_or_moves() {
        for dtype in [DType::F64, DType::F32] {
            let variable = |x: f64| Variable::new("v", Tensor::from_f64(&[x], &[1], dtype)).unwrap();
            let [shift, scale] = [51_786.0, 635.0].map(variable);
            let chain = Chain::new([
                Exp::new().into_bijector(),
                Shift::new(&shift).unwrap().into_bijector(),
                Scale::new(&scale).unwrap().into_bijector(),
                Tanh::new().into_bijector(),
            ]);
            let base = Chi2::new(Tensor::from_f64(&[3.0], &[1], dtype)).unwrap();
            let whole = TransformedDistribution::new(base, chain).unwrap();
            for x in [f64::NEG_INFINITY, -1.0] {
                let x = Tensor::from_f64(&[x], &[1], dtype);
                for (answer, expected) in [
                    (whole.log_prob(&x), f64::NEG_INFINITY),
                    (whole.cdf(&x), 0.0),
                    (whole.survival_function(&x), 1.0),
                ] {
                    let answer = answer.unwrap().sum();
                    assert_eq!(answer.to_f64_vec().unwrap(), [expected]);
                    let gradients = answer.gradients().unwrap();
                    for variable in [&shift, &scale] {
                        assert_eq!(gradients.of(variable).to_f64_vec().unwrap(), [0.0]);
                    }
                }
            }
        }
    }
}
