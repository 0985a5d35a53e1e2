//! Functions in two pieces, of which neither spoils the other's gradient.
//!
//! [`Tensor::select`] computes both of its sides for every entry. Where the side that is not taken has an infinite slope, the
//! chain rule multiplies it by 0, and the gradient is NaN. So a function that is one piece of two is given a harmless number
//! (its *stand-in*) wherever the other piece is taken.

use tfn_tensor::Tensor;

use crate::axes::sum_last;
use crate::error::Result;

/// `value` where `mask` is not 0, minus infinity elsewhere.
pub(crate) fn only_where(mask: &Tensor, value: &Tensor) -> Tensor {
    Tensor::select(mask, value, &constant(f64::NEG_INFINITY, value))
}

/// `result` where `x` is a number, NaN where it is none.
pub(crate) fn unless_nan(x: &Tensor, result: &Tensor) -> Tensor {
    Tensor::select(&x.eq(x), result, &constant(f64::NAN, result))
}

/// `result` of rows along the last axis, NaN where one holds a NaN.
pub(crate) fn unless_nan_in_row(x: &Tensor, result: &Tensor) -> Tensor {
    let nans = (1.0 - x.eq(x)).sum_axes(&[-1], false);
    Tensor::select(&nans, &constant(f64::NAN, result), result)
}

/// `|z|²` over the last `ndims` axes, where `z` solves equations with the right sides `x`: infinite where entries of `x` are
/// numbers and such an overflow on the way left `z` without one.
pub(crate) fn squared_length(z: &Tensor, x: &Tensor, ndims: usize) -> Result<Tensor> {
    let square = sum_last(&z.square(), ndims);
    if square.all_finite()? {
        return Ok(square);
    }
    let nans = sum_last(&(1.0 - x.eq(x)), ndims) + square.eq(&square);
    Ok(Tensor::select(&nans, &square, &constant(f64::INFINITY, &square)))
}

/// `result` where `p` is a probability, NaN elsewhere.
pub(crate) fn at_probability(p: &Tensor, result: &Tensor) -> Tensor {
    let is_one = p.ge(&constant(0.0, p)) * p.le(&constant(1.0, p));
    Tensor::select(&is_one, result, &constant(f64::NAN, result))
}

/// `f(x)` where `mask` is not 0, `g(x)` elsewhere. In place of the entries that it is not for, each function gets its stand-in.
pub(crate) fn branch(
    mask: &Tensor,
    x: &Tensor,
    (f_stand_in, f): (f64, impl Fn(&Tensor) -> Tensor),
    (g_stand_in, g): (f64, impl Fn(&Tensor) -> Tensor),
) -> Tensor {
    branch_by(mask, x, [(f_stand_in, &f), (g_stand_in, &g)])
}

/// A function, and the stand-in that it gets for entries that it is not for.
type Side<'a> = (f64, &'a dyn Fn(&Tensor) -> Tensor);

/// [`branch`] by trait objects, so that it is compiled once for all functions.
fn branch_by(
    mask: &Tensor,
    x: &Tensor,
    [(f_stand_in, f), (g_stand_in, g)]: [Side<'_>; 2],
) -> Tensor {
    let for_f = Tensor::select(mask, x, &constant(f_stand_in, x));
    let for_g = Tensor::select(mask, &constant(g_stand_in, x), x);
    Tensor::select(mask, &f(&for_f), &g(&for_g))
}

/// `f(x)` where `x` is above 0 (or NaN), `outside` with zero gradient elsewhere.
pub(crate) fn above_zero(x: &Tensor, outside: f64, f: &dyn Fn(&Tensor) -> Tensor) -> Tensor {
    branch(&x.le(&constant(0.0, x)), x, (1.0, |x| constant(outside, x)), (1.0, f))
}

/// `f(x)` where `x` is between 0 and 1 (or NaN), outside and at the ends one of `ends` with zero gradient.
pub(crate) fn in_unit_interval(
    x: &Tensor,
    [below, above]: [f64; 2],
    f: &dyn Fn(&Tensor) -> Tensor,
) -> Tensor {
    let is_above = x.ge(&constant(1.0, x));
    let is_below = x.le(&constant(0.0, x));
    let inside = |x: &Tensor| branch(&is_below, x, (0.5, |x| constant(below, x)), (0.5, f));
    branch(&is_above, x, (0.5, |x| constant(above, x)), (0.5, inside))
}

/// `x` with 0 for infinity, where a density on the positive numbers is nothing as it is there.
pub(crate) fn without_infinity(x: &Tensor) -> Tensor {
    Tensor::select(&x.eq(&constant(f64::INFINITY, x)), &constant(0.0, x), x)
}

/// `log_density(x)` of events of `ndims` axes, with zero gradient where it is minus infinity; `inside` stands in there.
pub(crate) fn flat_at_nothing(
    x: &Tensor,
    inside: &Tensor,
    ndims: usize,
    log_density: &dyn Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let value = log_density(x)?;
    if !value.is_tracked() || value.all_finite()? {
        return Ok(value);
    }
    let nothing = value.eq(&constant(f64::NEG_INFINITY, &value)).detach();
    let wide = (0..ndims).fold(nothing.clone(), |mask, _| mask.expand_dims(-1));
    let safe = log_density(&Tensor::select(&wide, &inside.detach(), x))?;
    Ok(only_where(&(1.0 - nothing), &safe))
}

/// `weight·value`, and 0 where the weight is 0, whatever the value: `p ln p` at `p = 0`.
pub(crate) fn weigh(weight: &Tensor, value: &Tensor) -> Tensor {
    let (zero, some) = (constant(0.0, weight), nonzero(weight));
    Tensor::select(&some, &(weight * Tensor::select(&some, value, &zero)), &zero)
}

/// `ln(p)`, minus infinity with zero gradient at 0 and below.
pub(crate) fn ln_or_minus_infinity(p: &Tensor) -> Tensor {
    // NaN is not at most 0, and goes on.
    let positive = 1.0 - p.le(&constant(0.0, p));
    let safe = Tensor::select(&positive, p, &constant(1.0, p));
    only_where(&positive, &safe.ln())
}

/// `ln(p)` of a probability from it and its complement, whichever of them has the digits; minus infinity with zero
/// gradient at 0.
pub(crate) fn ln_probability(p: &Tensor, complement: &Tensor) -> Tensor {
    let (large, none) = (p.gt(&constant(0.5, p)), p.eq(&constant(0.0, p)));
    let small = Tensor::select(&(&large + &none), &constant(1.0, p), p).ln();
    let rest = Tensor::select(&large, complement, &constant(0.0, p));
    let some = Tensor::select(&large, &(-rest).log1p(), &small);
    Tensor::select(&none, &constant(f64::NEG_INFINITY, p), &some)
}

/// `logsumexp` along the last axis, with zero gradient where all terms are minus infinity.
pub(crate) fn log_sum_exp(terms: &Tensor) -> Tensor {
    let missing = terms.eq(&constant(f64::NEG_INFINITY, terms));
    let some = nonzero(&(1.0 - missing).sum_axes(&[-1], true));
    let safe = Tensor::select(&some, terms, &constant(0.0, terms));
    only_where(&some.squeeze(-1), &safe.logsumexp(-1, false))
}

/// 1 where all entries of a mask along its last `ndims` axes are 1.
pub(crate) fn all_last(mask: &Tensor, ndims: usize) -> Tensor {
    if ndims == 0 {
        return mask.clone();
    }
    let outside = sum_last(&(1.0 - mask), ndims);
    outside.eq(&constant(0.0, &outside))
}

/// 1 where `tensor` is not 0, as for a NaN; 0 elsewhere.
pub(crate) fn nonzero(tensor: &Tensor) -> Tensor {
    1.0 - tensor.eq(&constant(0.0, tensor))
}

/// A number in the type of `like`; carries the error of `like`.
pub(crate) fn constant(value: f64, like: &Tensor) -> Tensor {
    match like.dtype() {
        Ok(dtype) => Tensor::scalar_of(value, dtype),
        Err(error) => Tensor::from_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    #[test]
    fn a_logarithm_of_a_probability_takes_the_digits_that_there_are() {
        let p = Tensor::from_vec(vec![0.0, 1e-300, 0.25, 1.0, 1.0, f64::NAN], &[6]);
        let complement = Tensor::from_vec(vec![1.0, 1.0, 0.75, 1e-300, 0.0, f64::NAN], &[6]);
        let value = ln_probability(&p, &complement).to_vec::<f64>().unwrap();
        let expected = [f64::NEG_INFINITY, 1e-300_f64.ln(), 0.25_f64.ln(), -1e-300, 0.0];
        assert_eq!(value[..5], expected);
        assert!(value[5].is_nan());
    }

    #[test]
    fn nothing_times_infinity_is_nothing() {
        let p = Variable::new("p", Tensor::from_vec(vec![0.0, 0.5, 1.0], &[3])).unwrap();
        let value = weigh(&p.tensor(), &ln_or_minus_infinity(&p.tensor()));
        assert_eq!(value.to_vec::<f64>().unwrap(), [0.0, 0.5 * 0.5_f64.ln(), 0.0]);
        let slope = value.sum().gradients().unwrap().of(&p).to_vec::<f64>().unwrap();
        assert_eq!(slope, [0.0, 0.5_f64.ln() + 1.0, 1.0]);
    }
}
