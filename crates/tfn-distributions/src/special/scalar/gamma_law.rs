//! The gamma distribution: its log-density, and its entropy at rate 1, for concentrations of any size.

use super::gamma::{LN_SQRT_2PI, STIRLING, digamma, ln_gamma, stirling_rest, trigamma};
use super::incomplete_gamma::log_front;
use super::log1p_gap;

const LARGE: f64 = 10.0;

/// What a point is to the distribution of concentration `a`.
enum Place {
    Inside,
    Outside,
    Edge,
    Nan,
}

fn place(a: f64, rate: f64, x: f64) -> Place {
    if a.is_nan() || rate.is_nan() || x.is_nan() {
        Place::Nan
    } else if x == 0.0 && a <= 1.0 {
        Place::Edge
    } else if x > 0.0 && rate * x < f64::INFINITY {
        Place::Inside
    } else {
        Place::Outside
    }
}

/// The log-density at `x`: minus infinity outside the support.
pub(crate) fn log_density([a, rate, x]: [f64; 3]) -> f64 {
    match place(a, rate, x) {
        Place::Nan => f64::NAN,
        Place::Outside => f64::NEG_INFINITY,
        Place::Edge if a < 1.0 => f64::INFINITY,
        Place::Edge => rate.ln(),
        Place::Inside if a < LARGE || rate * x < f64::MIN_POSITIVE => {
            let y = rate * x;
            // Where the product underflows its logarithm is still there.
            let log_y = if y > f64::MIN_POSITIVE { y.ln() } else { rate.ln() + x.ln() };
            let rest = if a == 1.0 { 0.0 } else { (a - 1.0) * log_y - ln_gamma(a) };
            rest - y + rate.ln()
        }
        Place::Inside => log_front(a, rate * x) + a.ln() - x.ln(),
    }
}

/// Its derivative in `a`, `ln(rate x) − ψ(a)`; 0 where there is no density.
pub(crate) fn log_density_in_a([a, rate, x]: [f64; 3]) -> f64 {
    let y = rate * x;
    match place(a, rate, x) {
        Place::Nan => f64::NAN,
        Place::Outside => 0.0,
        // There it jumps: what is left is the part that does not depend on the value, as in the original.
        Place::Edge => rate.ln() - digamma(a),
        Place::Inside if a < LARGE || (y - a).abs() > 0.5 * a => rate.ln() + x.ln() - digamma(a),
        Place::Inside => {
            let mu = (y - a) / a;
            mu - log1p_gap(mu) - digamma_gap(a)
        }
    }
}

/// Its derivative in the rate, `a/rate − x`; 0 where there is no density.
pub(crate) fn log_density_in_rate([a, rate, x]: [f64; 3]) -> f64 {
    match place(a, rate, x) {
        Place::Nan => f64::NAN,
        Place::Outside => 0.0,
        Place::Edge | Place::Inside => (-rate).mul_add(x, a) / rate,
    }
}

/// Its derivative in `x`, `(a − 1)/x − rate`; 0 where there is no density.
pub(crate) fn log_density_in_x([a, rate, x]: [f64; 3]) -> f64 {
    match place(a, rate, x) {
        Place::Nan => f64::NAN,
        Place::Outside => 0.0,
        Place::Edge => {
            if a == 1.0 {
                -rate
            } else {
                0.0
            }
        }
        Place::Inside => (-rate).mul_add(x, a - 1.0) / x,
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
