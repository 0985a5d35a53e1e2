//! The log-density of the beta distribution for concentrations of any size.

use super::beta_front::{Point, log_front};
use super::gamma::{digamma_rise, log_beta};

/// Where the terms of the density begin to cancel.
const LARGE: f64 = 10.0;

/// `power·ln x` near an end of the support, where the power 0 counts.
fn weighed(power: f64, x: f64) -> f64 {
    if power == 0.0 { 0.0 } else { power * x.ln() }
}

/// Minus infinity outside the support.
pub(crate) fn log_density([a, b, x]: [f64; 3]) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return if x.is_nan() { x } else { f64::NEG_INFINITY };
    }
    if a >= LARGE && b >= LARGE && x > 0.0 && x < 1.0 {
        return log_front(a, b, Point::new(x)) - x.ln() - (-x).ln_1p();
    }
    let above = if x < 0.5 { (b - 1.0) * (-x).ln_1p() } else { weighed(b - 1.0, 1.0 - x) };
    weighed(a - 1.0, x) + above - log_beta(a, b)
}

/// The derivative in `a`; 0 where there is no density.
pub(crate) fn log_density_in_a([a, b, x]: [f64; 3]) -> f64 {
    if x > 0.0 && x <= 1.0 {
        x.ln() + digamma_rise(a, b)
    } else if x == 0.0 && a == 1.0 {
        digamma_rise(a, b)
    } else {
        0.0
    }
}

/// The derivative in `b`.
pub(crate) fn log_density_in_b([a, b, x]: [f64; 3]) -> f64 {
    if (0.0..1.0).contains(&x) {
        (-x).ln_1p() + digamma_rise(b, a)
    } else if x == 1.0 && b == 1.0 {
        digamma_rise(b, a)
    } else {
        0.0
    }
}

/// The derivative in `x`.
pub(crate) fn log_density_in_x([a, b, x]: [f64; 3]) -> f64 {
    let term = |power: f64, x: f64| if power == 0.0 { 0.0 } else { power / x };
    let slope = term(a - 1.0, x) - term(b - 1.0, 1.0 - x);
    if (0.0..=1.0).contains(&x) && slope.is_finite() { slope } else { 0.0 }
}
