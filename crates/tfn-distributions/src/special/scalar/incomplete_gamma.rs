//! The incomplete gamma functions, their logarithms, derivatives in `a`, and inverses.

use std::f64::consts::PI;

use super::gamma::{digamma, ln_gamma, ln_gamma_1p, stirling_rest};
use super::log1p_gap;
use super::normal::{ndtri, ndtri_rough};
use super::uniform_gamma;

/// More terms than any series here needs.
const MOST_TERMS: usize = 20_000;
const SMALL: f64 = 1e-17;
/// From here on Wilson and Hilferty's cube has all digits.
const HUGE: f64 = 1e20;
/// From here on the first term of the continued fraction has all digits, and the squares of its others overflow.
const FAR: f64 = 1e100;

/// The logarithm of the tail that was computed; the other is 1 less it.
#[derive(Clone, Copy)]
pub(crate) enum LogTail {
    Lower(f64),
    Upper(f64),
}

impl LogTail {
    pub(crate) fn lower(self) -> f64 {
        match self {
            Self::Lower(l) => l.exp(),
            Self::Upper(l) => -l.exp_m1(),
        }
    }

    pub(crate) fn log_lower(self) -> f64 {
        match self {
            Self::Lower(l) if l > 0.0 => 0.0,
            Self::Lower(l) => l,
            Self::Upper(l) => log_of_rest(l),
        }
    }

    pub(crate) fn swapped(self) -> Self {
        match self {
            Self::Lower(l) => Self::Upper(l),
            Self::Upper(l) => Self::Lower(l),
        }
    }
}

/// `ln(1 − exp(l))`.
fn log_of_rest(l: f64) -> f64 {
    if l >= 0.0 {
        f64::NEG_INFINITY
    } else if l > -0.7 {
        (-l.exp_m1()).ln()
    } else {
        (-l.exp()).ln_1p()
    }
}

/// `ln[x^a e^−x / Γ(a + 1)]`.
pub(crate) fn log_front(a: f64, x: f64) -> f64 {
    if a < 10.0 {
        return a * x.ln() - x - ln_gamma_1p(a);
    }
    let mu = (x - a) / a;
    let exponent = if mu.abs() < 0.5 { -a * log1p_gap(mu) } else { (a - x) + a * (x / a).ln() };
    exponent - 0.5 * (2.0 * PI * a).ln() - stirling_rest(a)
}

/// `Σ x^n/((a + 1)…(a + n))` and its derivative in `a`.
fn series(a: f64, x: f64) -> (f64, f64) {
    let (mut term, mut harmonic, mut sum, mut slope) = (1.0, 0.0, 1.0, 0.0);
    for n in 1..MOST_TERMS {
        let factor = a + n as f64;
        term *= x / factor;
        harmonic += 1.0 / factor;
        sum += term;
        slope -= term * harmonic;
        if term * (1.0 + harmonic) < SMALL * sum.min(1.0 + slope.abs()) && factor > x {
            break;
        }
    }
    (sum, slope)
}

/// `G` and its derivative in `a`, where `Q = x^a e^−x G/Γ(a)`: Legendre's continued fraction by Lentz's method.
fn fraction(a: f64, x: f64) -> (f64, f64) {
    let mut b = x + 1.0 - a;
    if x > FAR {
        return (1.0 / b, 0.0);
    }
    let (mut d, mut d_slope) = (1.0 / b, 1.0 / (b * b));
    let (mut c, mut c_slope, mut first) = (0.0, 0.0, true);
    let (mut h, mut h_slope) = (d, d_slope);
    for n in 1..MOST_TERMS {
        let n = n as f64;
        let (numerator, numerator_slope) = (n * (a - n), n);
        b += 2.0;
        let next = 1.0 / (numerator * d + b);
        d_slope = -next * next * (numerator_slope * d + numerator * d_slope - 1.0);
        d = next;
        if first {
            (c, c_slope, first) = (b, -1.0, false);
        } else {
            c_slope = -1.0 + (numerator_slope * c - numerator * c_slope) / (c * c);
            c = b + numerator / c;
        }
        let (factor, factor_slope) = (c * d, c_slope * d + c * d_slope);
        h_slope = h_slope * factor + h * factor_slope;
        h *= factor;
        if (factor - 1.0).abs() < 1e-16 && factor_slope.abs() * h < 1e-17 * h_slope.abs() + 1e-300 {
            break;
        }
    }
    (h, h_slope)
}

/// `Q` for small `a` and moderate `x`, where `P` is nearly 1.
fn upper_by_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for n in 1..MOST_TERMS {
        let n = n as f64;
        term *= -x / n;
        let part = term / (a + n);
        sum += part;
        if part.abs() <= SMALL * f64::abs(sum) {
            break;
        }
    }
    let log = a * x.ln() - ln_gamma_1p(a);
    -log.exp_m1() - a * log.exp() * sum
}

/// `ln(p·q)` of positive numbers whose product may underflow.
fn ln_product(p: f64, q: f64) -> f64 {
    if p * q > f64::MIN_POSITIVE { (p * q).ln() } else { p.ln() + q.ln() }
}

/// Whether `P` is taken from its series, and not from `Q`.
fn by_lower(a: f64, x: f64) -> bool {
    if x > 1.1 {
        x <= a
    } else if x <= 0.5 {
        -0.4 / x.ln() < a
    } else {
        x * 1.1 < a
    }
}

/// One of the tails, by whichever way keeps its digits; NaN unless `a > 0` and `x ≥ 0`.
pub(crate) fn log_tail(a: f64, x: f64) -> LogTail {
    if !(a > 0.0 && x >= 0.0 && a < f64::INFINITY) {
        return LogTail::Lower(f64::NAN);
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 {
            LogTail::Lower(-f64::INFINITY)
        } else {
            LogTail::Upper(-f64::INFINITY)
        };
    }
    if uniform_gamma::applies(a, x) {
        let log = uniform_gamma::log_tail(a, x);
        return if x <= a { LogTail::Lower(log) } else { LogTail::Upper(log) };
    }
    if by_lower(a, x) {
        LogTail::Lower(log_front(a, x) + series(a, x).0.ln())
    } else if x <= 1.1 {
        LogTail::Upper(upper_by_series(a, x).max(0.0).ln())
    } else {
        LogTail::Upper(log_front(a, x) + ln_product(a, fraction(a, x).0))
    }
}

/// `exp(log_front(a, x))` over the upper or the lower tail, without their logarithms where both are large and cancel.
pub(crate) fn front_over_tail(a: f64, x: f64, upper: bool) -> f64 {
    let is_uniform = uniform_gamma::applies(a, x);
    if is_uniform && upper == (x > a) {
        let fall = (-stirling_rest(a)).exp() / (2.0 * PI * a).sqrt();
        return fall / uniform_gamma::tail_over_fall(a, x);
    }
    if !is_uniform {
        if !upper && by_lower(a, x) {
            return series(a, x).0.recip();
        } else if upper && !by_lower(a, x) && x > 1.1 {
            return (a * fraction(a, x).0).recip();
        }
    }
    let tail = log_tail(a, x);
    let log_tail = if upper { tail.swapped().log_lower() } else { tail.log_lower() };
    (log_front(a, x) - log_tail).exp()
}

/// `∂P/∂a` over `exp(log_front(a, x))`: what a quantile's derivative `∂x/∂a = −x·this/a` takes without a tail.
pub(crate) fn by_a(a: f64, x: f64) -> f64 {
    if uniform_gamma::applies(a, x) {
        return uniform_gamma::by_a(a, x) * stirling_rest(a).exp();
    }
    if x <= 1.1 || x <= a {
        let (sum, slope) = series(a, x);
        return sum * (x.ln() - digamma(a + 1.0)) + slope;
    }
    let (value, slope) = fraction(a, x);
    -a * ((x.ln() - digamma(a)) * value + slope)
}

/// The logarithm of the density at `x`.
pub(crate) fn log_density(a: f64, x: f64) -> f64 {
    log_front(a, x) + a.ln() - x.ln()
}

/// The `x` for which `P(a, x) = p` (or `Q(a, x) = p` if `upper`).
pub(crate) fn quantile(a: f64, p: f64, upper: bool) -> f64 {
    if a > HUGE && a < f64::INFINITY && p > 0.0 && p < 1.0 {
        // Of so large a number the logarithm has fewer digits than the number.
        let z = ndtri(p.min(1.0 - p));
        return a * cube_root(a, if upper == (p > 0.5) { z } else { -z }).powi(3);
    }
    log_quantile(a, p, upper).exp()
}

/// `ln x` for which `P(a, x) = p` (or `Q(a, x) = p` if `upper`), given `p` and `1 − p`.
///
/// Newton's method with a cubic term, in `ln x`, on the logarithm of the smaller tail: that is concave, so it
/// arrives from anywhere.
pub(crate) fn log_quantile(a: f64, p: f64, upper: bool) -> f64 {
    if !(a > 0.0 && (0.0..=1.0).contains(&p) && a < f64::INFINITY) {
        return f64::NAN;
    }
    let at_zero = if upper { 1.0 } else { 0.0 };
    if p == at_zero || p == 1.0 - at_zero {
        return if p == at_zero { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if a > HUGE {
        return quantile(a, p, upper).ln();
    }
    // The level of the smaller tail, and which that is.
    let upper = upper != (p > 0.5);
    let (level, log_level) = if p > 0.5 { (1.0 - p, (-p).ln_1p()) } else { (p, p.ln()) };
    let log_p = if upper { (-level).ln_1p() } else { log_level };
    let leftmost = (log_p + ln_gamma_1p(a)) / a;
    if leftmost < -40.0 {
        return leftmost;
    }
    let mut y = start(a, level, log_level, upper, leftmost);
    for _ in 0..60 {
        let x = y.exp();
        let tail = log_tail(a, x);
        let log_tail = if upper { tail.swapped().log_lower() } else { tail.log_lower() };
        let slope = (log_front(a, x) + a.ln() - log_tail).exp();
        let (newton, bend) = if upper {
            ((log_level - log_tail) / -slope, a - x + slope)
        } else {
            ((log_level - log_tail) / slope, a - x - slope)
        };
        let step = newton / (1.0 + 0.5 * newton * bend).clamp(0.5, 2.0);
        y += step;
        // The error that is left goes with the step's third power.
        if step.abs() < 3e-6 / (1.0 + a.sqrt()) || step.is_nan() {
            break;
        }
    }
    y
}

/// The cube root of a quantile over `a`, by that of the normal distribution: Wilson and Hilferty's.
fn cube_root(a: f64, z: f64) -> f64 {
    1.0 - 1.0 / (9.0 * a) + z / (3.0 * a.sqrt())
}

/// Where to begin: Wilson and Hilferty's cube, or what the ends of the distribution look like.
fn start(a: f64, level: f64, log_level: f64, upper: bool, leftmost: f64) -> f64 {
    if a > 0.8 {
        let z = if upper { -ndtri_rough(level) } else { ndtri_rough(level) };
        let root = cube_root(a, z);
        if root > 0.3 {
            return a.ln() + 3.0 * root.ln();
        }
        return leftmost;
    }
    let far = -log_level - ln_gamma(a);
    if upper && far > 1.0 { (far + (a - 1.0) * far.ln()).max(0.5).ln() } else { leftmost }
}
