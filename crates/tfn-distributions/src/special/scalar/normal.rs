//! The scaled complementary error function and the normal distribution's quantiles.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, PI, SQRT_2};

use statrs::function::erf::erfc_inv;

use super::gamma::LN_SQRT_2PI;

/// `exp(x²) erfc(x)`.
pub(crate) fn erfcx(x: f64) -> f64 {
    if x < 25.0 {
        let square = x * x;
        // The digits that rounding the square lost.
        let rest = x.mul_add(x, -square);
        return if square > 709.0 && x < 0.0 {
            f64::INFINITY.min(2.0 * square.exp())
        } else {
            square.exp() * (1.0 + rest) * libm::erfc(x)
        };
    }
    1.0 / ((x + 0.5 / tail_fraction(x)) * PI.sqrt())
}

/// `x + 1/(x + (3/2)/(x + 2/(x + …)))`, Laplace's continued fraction without its first step, for `x ≥ 3`.
fn tail_fraction(x: f64) -> f64 {
    (2..40).rev().fold(x, |rest, n| x + 0.5 * f64::from(n) / rest)
}

/// Logarithm of [`erfcx`].
pub(crate) fn log_erfcx(x: f64) -> f64 {
    if x.abs() < 0.5 {
        x * x + (-libm::erf(x)).ln_1p()
    } else if x > -5.0 {
        erfcx(x).ln()
    } else {
        x * x + LN_2 + (-0.5 * libm::erfc(-x)).ln_1p()
    }
}

/// The derivative of [`log_erfcx`]: `2x − (2/sqrt π)/erfcx(x)`.
pub(crate) fn log_erfcx_slope(x: f64) -> f64 {
    if x < 3.0 { 2.0 * x - FRAC_2_SQRT_PI / erfcx(x) } else { -1.0 / tail_fraction(x) }
}

/// `ln Φ(z)`.
pub(crate) fn log_ndtr(z: f64) -> f64 {
    if z > 0.0 {
        return (-0.5 * libm::erfc(z / SQRT_2)).ln_1p();
    }
    log_erfcx(-z / SQRT_2) - 0.5 * z * z - LN_2
}

/// The quantile function of the standard normal.
pub(crate) fn ndtri(p: f64) -> f64 {
    match p {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        p if p > 0.0 && p < 1.0 => refined(p),
        _ => f64::NAN,
    }
}

/// Roughly [`ndtri`], for starts of iterations.
pub(crate) fn ndtri_rough(p: f64) -> f64 {
    if p > 0.0 { -SQRT_2 * erfc_inv(2.0 * p) } else { -38.0 }
}

/// One step of Newton's method in `ln p` on the library's value, on the side of the smaller tail.
fn refined(p: f64) -> f64 {
    let (tail, sign) = if p < 0.5 { (p, 1.0) } else { (1.0 - p, -1.0) };
    let start = ndtri_rough(tail);
    let log_cdf = log_ndtr(start);
    // The slope of ln Φ at z is exp(−z²/2 − ln sqrt(2π) − ln Φ(z)).
    let slope = (-0.5 * start * start - LN_SQRT_2PI - log_cdf).exp();
    sign * (start + (tail.ln() - log_cdf) / slope)
}
