//! The minimum of a function of one number.

use crate::error::Result;

/// How far from the start it is looked: so many steps.
const MOST_STEPS: i32 = 160;
/// A factor of √2.
const STEP: f64 = 0.5 * std::f64::consts::LN_2;
/// Steps to either side of the start that are all looked at, so that a second minimum does not hide a better one.
const NEAR: i32 = 12;

/// The `t` at which `f` is least, from a grid around `start` and then by the golden section; infinity, with the sign of the
/// direction, if `f` falls as far as is looked.
///
/// Exact to about the root of the rounding error of `f`, as anything is that compares values.
pub(super) fn minimum(f: &dyn Fn(f64) -> Result<f64>, start: f64) -> Result<f64> {
    let at = |step: i32| start + f64::from(step) * STEP;
    let (mut best, mut least) = (0, f64::INFINITY);
    for step in -NEAR..=NEAR {
        let value = f(at(step))?;
        if value < least {
            (best, least) = (step, value);
        }
    }
    for direction in [-1, 1] {
        while best == direction * NEAR || best.abs() > NEAR && best.signum() == direction {
            if best.abs() >= MOST_STEPS {
                return Ok(f64::from(direction) * f64::INFINITY);
            }
            let value = f(at(best + direction))?;
            if value >= least || value.is_nan() {
                break;
            }
            (best, least) = (best + direction, value);
        }
    }
    golden_section(f, at(best - 1), at(best + 1))
}

/// The least value between two points, to either side of which `f` rises.
fn golden_section(f: &dyn Fn(f64) -> Result<f64>, mut low: f64, mut high: f64) -> Result<f64> {
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let inner = |low: f64, high: f64| (high - ratio * (high - low), low + ratio * (high - low));
    let (mut left, mut right) = inner(low, high);
    let (mut at_left, mut at_right) = (f(left)?, f(right)?);
    while high - low > 1e-9 {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = inner(low, high).0;
            at_left = f(left)?;
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = inner(low, high).1;
            at_right = f(right)?;
        }
    }
    Ok(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_near_and_far_and_the_better_of_two() {
        let of = |f: fn(f64) -> f64, start| minimum(&|t| Ok(f(t)), start).unwrap();
        assert!((of(|t| (t - 1.25).powi(2), 0.0) - 1.25).abs() < 1e-7);
        assert!((of(|t| (t - 20.0).abs(), 0.0) - 20.0).abs() < 1e-7);
        assert!((of(|t| (t + 31.0).cosh(), 0.0) + 31.0).abs() < 1e-7);
        // Minima at about -2 and 2, the second one lower.
        let two = |t: f64| (t * t - 4.0).powi(2) - t;
        assert!((of(two, -2.0) - 2.0305).abs() < 1e-3);
        assert_eq!(of(|t| t, 3.0), f64::NEG_INFINITY);
        assert_eq!(of(|t| -t, 3.0), f64::INFINITY);
        // Not defined on one side.
        assert!((of(|t| if t < 0.5 { f64::INFINITY } else { t }, 4.0) - 0.5).abs() < 1e-7);
    }
}
