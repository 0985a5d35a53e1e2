//! From values to standardised ones and back, also where the way there overflows and the answer does not.

use tfn_tensor::{Element, Entrywise, Tensor, entrywise};

use crate::masking::constant;

/// `(x − loc)/scale`. Its slope in the scale times another one may be a number where alone it is none: no pass of its own.
pub(crate) fn standardized(x: &Tensor, loc: &Tensor, scale: &Tensor) -> Tensor {
    let distance = x - loc;
    if distance.all_finite().unwrap_or(true) {
        return distance / scale;
    }
    let is_over = distance.abs().eq(&constant(f64::INFINITY, &distance));
    let near = Tensor::select(&is_over, &constant(0.0, &distance), &distance) / scale;
    // The halves of two numbers have a distance, whatever they are.
    let half = (x * 0.5 - loc * 0.5) / scale;
    Tensor::select(&is_over, &(&half + &half), &near)
}

/// `loc + scale·z`.
pub(crate) fn placed(loc: &Tensor, scale: &Tensor, z: &Tensor) -> Tensor {
    entrywise(Placed, [loc, scale, z])
}

#[inline(always)]
fn half<E: Element>(x: E) -> E {
    <E as Element>::from_f64(0.5) * x
}

/// [`standardized`] of one entry, for a pass that has it on its way.
#[inline(always)]
pub(crate) fn standard<E: Element>(x: E, loc: E, scale: E) -> E {
    let distance = x - loc;
    // The halves of two numbers have a distance, whatever they are.
    let is_over = distance.m_abs() == E::infinity();
    let z = (if is_over { half(x) - half(loc) } else { distance }) / scale;
    if is_over { z + z } else { z }
}

#[derive(Clone, Copy)]
struct Placed;

impl Entrywise<3> for Placed {
    const NAME: &'static str = "placed";

    #[inline(always)]
    fn value<E: Element>(self, [loc, scale, z]: [E; 3]) -> E {
        let way = scale * z;
        let halfway = half(loc) + scale * half(z);
        if way.m_abs() == E::infinity() { halfway + halfway } else { loc + way }
    }

    #[inline(always)]
    fn partials<E: Element>(self, [_, scale, z]: [E; 3]) -> [E; 3] {
        [E::one(), z, scale]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::DType;
    use tfn_tensor::testing::check_gradients;

    fn row(values: &[f64], dtype: DType) -> Tensor {
        Tensor::from_f64(values, &[values.len()], dtype)
    }

    #[test]
    fn what_overflows_on_the_way_arrives() {
        for dtype in [DType::F32, DType::F64] {
            // Twice that is no number.
            let unit = 2.0_f64.powi(if dtype == DType::F32 { 127 } else { 1023 });
            let (far, none) = (f64::INFINITY, f64::NEG_INFINITY);
            let x = row(&[-unit, unit, -unit, unit, far, 5.0], dtype);
            let loc = row(&[unit, -unit, unit, unit, unit, 3.0], dtype);
            let scale = row(&[unit, 0.5 * unit, 1.0, 1e-30, 1.0, 4.0], dtype);
            let z = standardized(&x, &loc, &scale).to_f64_vec().unwrap();
            assert_eq!(z, [-2.0, 4.0, none, 0.0, far, 0.5]);
            let scale = row(&[unit, 0.875 * unit, unit, 1e-30, unit, 4.0], dtype);
            let z = row(&[-2.5, 2.5, -3.0, far, none, 0.5], dtype);
            let back = placed(&loc, &scale, &z).to_f64_vec().unwrap();
            assert_eq!(back, [-1.5 * unit, 1.1875 * unit, none, far, none, 5.0]);
        }
    }

    #[test]
    fn nan_goes_on() {
        let [one, nan] = [1.0, f64::NAN].map(|x| row(&[x], DType::F64));
        for [a, b, c] in [[&nan, &one, &one], [&one, &nan, &one], [&one, &one, &nan]] {
            for value in [standardized(a, b, c), placed(a, b, c)] {
                assert!(value.item().unwrap().is_nan());
            }
        }
    }

    #[test]
    fn slopes_agree_with_differences() {
        let inputs = [&[-1.3, 0.4, 2.0][..], &[0.7], &[0.6, 1.5, 3.0]];
        let inputs = inputs.map(|values| row(values, DType::F64));
        check_gradients(&inputs, |v| standardized(&v[0], &v[1], &v[2])).unwrap();
        check_gradients(&inputs, |v| placed(&v[0], &v[1], &v[2])).unwrap();
    }
}
