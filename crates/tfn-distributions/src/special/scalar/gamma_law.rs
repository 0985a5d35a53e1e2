//! The gamma distribution of rate 1: its log-density and entropy for concentrations of any size.

use super::gamma::{LN_SQRT_2PI, STIRLING, digamma, ln_gamma, stirling_rest, trigamma};
use super::incomplete_gamma::log_front;
use super::log1p_gap;

const LARGE: f64 = 10.0;

/// The log-density at `x`: minus infinity outside the support.
pub(crate) fn log_density(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        f64::NAN
    } else if x > 0.0 && x < f64::INFINITY {
        log_front(a, x) + a.ln() - x.ln()
    } else if x == 0.0 && a <= 1.0 {
        if a < 1.0 { f64::INFINITY } else { 0.0 }
    } else {
        f64::NEG_INFINITY
    }
}

/// Its derivative in `a`, `ln x − ψ(a)`; 0 where there is no density.
pub(crate) fn log_density_in_a(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        f64::NAN
    } else if !(x > 0.0 && x < f64::INFINITY) {
        0.0
    } else if a < LARGE || (x - a).abs() > 0.5 * a {
        x.ln() - digamma(a)
    } else {
        let mu = (x - a) / a;
        mu - log1p_gap(mu) - digamma_gap(a)
    }
}

/// Its derivative in `x`, `(a − 1)/x − 1`; 0 where there is no density.
pub(crate) fn log_density_in_x(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() {
        f64::NAN
    } else if x > 0.0 && x < f64::INFINITY {
        (a - 1.0 - x) / x
    } else if x == 0.0 && a == 1.0 {
        -1.0
    } else {
        0.0
    }
}

/// `ψ(a) − ln a` for large `a`.
fn digamma_gap(a: f64) -> f64 {
    let square = 1.0 / (a * a);
    let series = STIRLING.iter().enumerate().rev();
    let series = series.fold(0.0, |rest, (k, c)| rest * square + c * (2 * k + 1) as f64);
    -0.5 / a - square * series
}

/// `ψ′(a) − 1/a` for large `a`.
fn trigamma_gap(a: f64) -> f64 {
    let square = 1.0 / (a * a);
    let series = STIRLING.iter().enumerate().rev();
    let series =
        series.fold(0.0, |rest, (k, c)| rest * square + c * ((2 * k + 1) * (2 * k + 2)) as f64);
    square * (0.5 + series / a)
}

/// `a + ln Γ(a) + (1 − a) ψ(a)`.
pub(crate) fn entropy(a: f64) -> f64 {
    if a < LARGE {
        return a + ln_gamma(a) + (1.0 - a) * digamma(a);
    }
    0.5 * a.ln() + LN_SQRT_2PI + stirling_rest(a) + (1.0 - a) * digamma_gap(a)
}

/// Its derivative `1 + (1 − a) ψ′(a)`.
pub(crate) fn entropy_slope(a: f64) -> f64 {
    if a < LARGE {
        return 1.0 + (1.0 - a) * trigamma(a);
    }
    1.0 / a + (1.0 - a) * trigamma_gap(a)
}
