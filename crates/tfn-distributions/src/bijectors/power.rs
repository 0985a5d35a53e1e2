//! Powers of a number.

use tfn_module::Module;
use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::{Bijector, check_nonzero};
use crate::error::Result;
use crate::parameter::Parameter;

/// `f(x) = x^power`, for numbers of at least 0, and for all numbers if `power` is an odd integer.
///
/// Counterpart: `tfp.bijectors.Power`. The root is refined, so that it has the digits of `x`.
///
/// ```text
/// ln |f′(x)| = ln |power| + (power − 1)·ln |x|
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Power};
/// use tfn_tensor::Tensor;
///
/// let cube = Power::new(3.0)?;
/// assert_eq!(cube.forward(&Tensor::scalar(-2.0)).item()?, -8.0);
/// assert_eq!(cube.inverse(&Tensor::scalar(-8.0)).item()?, -2.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Power {
    power: Parameter,
}

impl Power {
    /// The numbers to the power of `power`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`](crate::DistributionError::Argument) if `power` is zero or not finite.
    pub fn new(power: impl Into<Parameter>) -> Result<Self> {
        let power = power.into();
        check_nonzero("Power", "power", &power, &Tensor::clone)?;
        Ok(Self { power })
    }

    /// The exponent.
    pub fn power(&self) -> &Parameter {
        &self.power
    }

    fn apply(&self, function: Pointwise<2>, x: &Tensor) -> Tensor {
        pointwise(function, [x, &self.power.value_like(x)])
    }
}

const POWER: Pointwise<2> = Pointwise {
    name: "Power",
    value: |[x, p]| x.powf(p),
    partials: [
        |[x, p], _| p * x.powf(p - 1.0),
        |[x, _], value| if value == 0.0 { 0.0 } else { value * x.abs().ln() },
    ],
};

const ROOT: Pointwise<2> = Pointwise {
    name: "Power",
    value: root,
    partials: [
        |[y, p], x| x / (p * y),
        |[y, p], x| if x == 0.0 { 0.0 } else { -x * y.abs().ln() / (p * p) },
    ],
};

const LOG_SLOPE: Pointwise<2> = Pointwise {
    name: "Power",
    value: |[x, p]| {
        let factor = p - 1.0;
        p.abs().ln() + if factor == 0.0 { 0.0 } else { factor * x.abs().ln() }
    },
    partials: [|[x, p], _| (p - 1.0) / x, |[x, p], _| 1.0 / p + x.abs().ln()],
};

const IN_RANGE: Pointwise<2> = Pointwise {
    name: "Power",
    value: |[y, p]| {
        let on_its_side = if is_odd(p) { !y.is_nan() } else { y >= 0.0 };
        f64::from(u8::from(on_its_side && (p > 0.0 || y != 0.0)))
    },
    partials: [|_, _| 0.0, |_, _| 0.0],
};

fn is_odd(p: f64) -> bool {
    p.fract() == 0.0 && (p / 2.0).fract() != 0.0
}

/// `x` with `x^p = y`.
fn root([y, p]: [f64; 2]) -> f64 {
    let (size, sign) = (y.abs(), 1.0_f64.copysign(y));
    if y < 0.0 && !is_odd(p) {
        return f64::NAN;
    }
    let x = size.powf(1.0 / p);
    if x == 0.0 || x.is_infinite() || size == 0.0 || size.is_infinite() {
        return sign * x;
    }
    // 1/p is rounded: one step of Newton's takes that back.
    let excess = x.powf(p) / size - 1.0;
    let refined = x * (1.0 - excess / p);
    sign * if refined.is_finite() { refined } else { x }
}

impl Bijector for Power {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.apply(POWER, x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.apply(ROOT, y)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        self.apply(LOG_SLOPE, x)
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        Some(self.apply(IN_RANGE, y).detach())
    }

    /// As the range, which is the domain of the root.
    fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
        self.in_range(x)
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        let power = self.power.value_like(like);
        let odd_and_falling = |&p: &f64| p < 0.0 && is_odd(p);
        // One of an odd negative power falls on either side of 0, but not across.
        let falls_in_parts = power.to_f64_vec().ok()?.iter().any(odd_and_falling);
        (!falls_in_parts).then(|| power.gt(&super::number(0.0, like)))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.power.is_same(&other.power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;
    use tfn_tensor::Variable;

    #[test]
    fn keeps_the_laws() {
        for power in [2.0, 0.5, -1.5, -2.0, 1.0] {
            check_bijector(&Power::new(power).unwrap(), &[0.1, 0.5, 1.3, 30.0]).unwrap();
            let power = Variable::new("power", Tensor::scalar(power)).unwrap();
            check_bijector(&Power::new(power).unwrap(), &[0.1, 0.5, 1.3, 30.0]).unwrap();
        }
        for power in [3.0, 1.0, -1.0, -3.0] {
            check_bijector(&Power::new(power).unwrap(), &[-3.0, -0.2, 0.5, 3.0]).unwrap();
        }
    }

    #[test]
    fn a_root_has_the_digits_of_the_number() {
        for x in [1.1e-100, 3.3e-7, 0.7, 123.4, 9.9e99] {
            for power in [3.0, -3.0, 1.7, 2.9] {
                let bijector = Power::new(power).unwrap();
                let back = bijector.inverse(&bijector.forward(&Tensor::scalar(x)));
                let off = (back.item().unwrap() / x - 1.0).abs();
                assert!(off <= 4.5e-16, "{x}^{power}: {off:e}");
            }
        }
    }

    #[test]
    fn ranges_and_ends() {
        let y = Tensor::from_vec(vec![-8.0, 0.0, 8.0, f64::NAN], &[4]);
        let inside = |power| {
            Power::new(power).unwrap().in_range(&y).unwrap().to_vec::<f64>().unwrap()
        };
        assert_eq!(inside(3.0), [1.0, 1.0, 1.0, 0.0]);
        assert_eq!(inside(2.0), [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(inside(-3.0), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(inside(-2.0), [0.0, 0.0, 1.0, 0.0]);
        let back = Power::new(2.0).unwrap().inverse(&y).to_vec::<f64>().unwrap();
        assert!(back[0].is_nan() && back[1] == 0.0);
        let error = Power::new(0.0).unwrap_err().to_string();
        assert_eq!(error, "Power: argument `power` is 0 at entry 0, expected numbers other than 0");
    }
}
