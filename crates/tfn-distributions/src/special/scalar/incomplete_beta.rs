//! The incomplete beta function, its logarithm, derivatives in `a` and `b`, and inverse.

use super::beta_front::{Point, log_front};
use super::gamma::{digamma_rise, ln_gamma_1p, ln_gamma_rise, log_beta};
use super::incomplete_gamma::{self, LogTail, log_quantile};
use super::normal::ndtri_rough;
use super::uniform_beta;

const MOST_TERMS: usize = 50_000;
const SMALL: f64 = 1e-17;
/// From here on what the larger concentration does to the smaller one is beyond all digits.
const FAR: f64 = 1e100;

/// A number with its derivatives in `a` and `b`.
type Dual = [f64; 3];

fn product(p: Dual, q: Dual) -> Dual {
    [p[0] * q[0], p[1] * q[0] + p[0] * q[1], p[2] * q[0] + p[0] * q[2]]
}

fn reciprocal(p: Dual) -> Dual {
    let q = 1.0 / p[0];
    [q, -p[1] * q * q, -p[2] * q * q]
}

fn sum(p: Dual, q: Dual) -> Dual {
    [p[0] + q[0], p[1] + q[1], p[2] + q[2]]
}

/// `C` where `I = x^a y^b C/(a B(a, b))`, by Lentz's method.
///
/// The continued fraction is that of DiDonato and Morris (1992), "Algorithm 708", equation 9, which reads
/// `a y − b x` and `y` and so keeps its digits where `x` is near 1.
fn fraction(a: f64, b: f64, at: Point) -> Dual {
    let mut f = denominator(a, b, at, 0.0);
    let (mut c, mut d) = (f, [0.0; 3]);
    for m in 1..MOST_TERMS {
        let m = m as f64;
        let (over, under) = (numerator(a, b, at.x, m), denominator(a, b, at, m));
        d = reciprocal(sum(under, product(over, d)));
        c = sum(under, product(over, reciprocal(c)));
        let factor = product(c, d);
        f = product(f, factor);
        let settled = |i: usize| factor[i].abs() * f[0].abs() <= 1e-16 * f[i].abs() + 1e-300;
        if (factor[0] - 1.0).abs() <= 2.3e-16 && (m > 500.0 || settled(1) && settled(2)) {
            break;
        }
    }
    reciprocal(f)
}

fn numerator(a: f64, b: f64, x: f64, m: f64) -> Dual {
    let s = a + 2.0 * m - 1.0;
    let q = a + b + m - 1.0;
    // The first lacks the factor a, which is taken out of the whole.
    let (p, p_slope) = if m == 1.0 { (1.0, 0.0) } else { (a + m - 1.0, 1.0) };
    let common = m * (x / s) * (x / s);
    let value = p * q * (b - m) * common;
    let by_a = (p_slope * q + p) * (b - m) * common - 2.0 * value / s;
    [value, by_a, p * (b - m + q) * common]
}

fn denominator(a: f64, b: f64, at: Point, m: f64) -> Dual {
    let (s, t) = (a + 2.0 * m - 1.0, a + 2.0 * m + 1.0);
    let u = 1.0 - at.lean(a, b) + m * (1.0 + at.y);
    if m == 0.0 {
        return [u / t, at.y / t - u / (t * t), -at.x / t];
    }
    let (p, w) = (a + m, m * (b - m) * at.x / s);
    [m + w + p * u / t, -w / s + (u + p * at.y) / t - p * u / (t * t), m * at.x / s - p * at.x / t]
}

/// `1 − I` for small `a`, where `I` is nearly 1.
fn rest_by_series(a: f64, b: f64, at: Point) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for n in 1..MOST_TERMS {
        let n = n as f64;
        term *= (n - b) * at.x / n;
        let part = term / (a + n);
        sum += part;
        if part.abs() <= SMALL * f64::abs(sum) {
            break;
        }
    }
    // 1/(a B(a, b)) = Γ(a + b)/(Γ(a + 1) Γ(b))
    let log = a * at.ln_x() + ln_gamma_rise(b, a) - ln_gamma_1p(a);
    -log.exp_m1() - a * log.exp() * sum
}

/// One of the tails of `I` at a point that lies left of the middle.
fn left(a: f64, b: f64, at: Point) -> LogTail {
    let log = log_front(a, b, at) + (fraction(a, b, at)[0] / a).ln();
    if a < 1.0 && log > -0.5 {
        // Of the smallest concentrations nothing is left.
        LogTail::Upper(rest_by_series(a, b, at).max(0.0).ln())
    } else {
        LogTail::Lower(log)
    }
}

fn is_left(a: f64, b: f64, at: Point) -> bool {
    // From the smaller of both, which has the digits.
    if at.x <= 0.5 { at.x * (a + b + 2.0) <= a + 1.0 } else { at.y * (a + b + 2.0) >= b + 1.0 }
}

/// One of the tails, by whichever way keeps its digits; NaN unless `a, b > 0` and `0 ≤ x ≤ 1`.
pub(crate) fn log_tail(a: f64, b: f64, at: Point) -> LogTail {
    let positive = |n: f64| n > 0.0 && n < f64::INFINITY;
    if !(positive(a) && positive(b) && (0.0..=1.0).contains(&at.x)) {
        LogTail::Lower(f64::NAN)
    } else if at.x == 0.0 {
        LogTail::Lower(f64::NEG_INFINITY)
    } else if at.y == 0.0 {
        LogTail::Upper(f64::NEG_INFINITY)
    } else if uniform_beta::applies(a, b) {
        uniform_beta::log_tail(a, b, at)
    } else if b > FAR {
        incomplete_gamma::log_tail(a, b * at.x)
    } else if a > FAR {
        incomplete_gamma::log_tail(b, a * at.y).swapped()
    } else if is_left(a, b, at) {
        left(a, b, at)
    } else {
        left(b, a, at.swapped()).swapped()
    }
}

/// `exp(log_front)` over `1 − I` or over `I`, without their logarithms where both are large and cancel.
pub(crate) fn front_over_tail(a: f64, b: f64, at: Point, upper: bool) -> f64 {
    let is_plain = !uniform_beta::applies(a, b) && a.max(b) <= FAR && at.is_inside();
    let (own, other, at_own) = if upper { (b, a, at.swapped()) } else { (a, b, at) };
    if is_plain && is_left(a, b, at) != upper {
        return own / fraction(own, other, at_own)[0];
    }
    let tail = log_tail(a, b, at);
    let log_tail = if upper { tail.swapped().log_lower() } else { tail.log_lower() };
    (log_front(a, b, at) - log_tail).exp()
}

/// `∂I/∂a` and `∂I/∂b` over `exp(log_front)`.
pub(crate) fn by_parameters(a: f64, b: f64, at: Point) -> [f64; 2] {
    if a.max(b) > FAR {
        return by_parameters_far(a, b, at);
    }
    if !is_left(a, b, at) {
        let [by_b, by_a] = by_parameters_left(b, a, at.swapped());
        return [-by_a, -by_b];
    }
    by_parameters_left(a, b, at)
}

/// The same of concentrations of which the squares overflow: of the limit, a gamma distribution, or of a point at the mean.
fn by_parameters_far(a: f64, b: f64, at: Point) -> [f64; 2] {
    let (small, large) = (a.min(b), a.max(b));
    if small > 1e30 {
        return [-1.0 / at.x / large, 1.0 / at.y / large]
            .map(|slope| slope / (1.0 + small / large));
    }
    if a > b {
        return [-1.0 / a, -incomplete_gamma::by_a(b, a * at.y) / b];
    }
    [incomplete_gamma::by_a(a, b * at.x) / a, 1.0 / b]
}

fn by_parameters_left(a: f64, b: f64, at: Point) -> [f64; 2] {
    let [c, c_a, c_b] = fraction(a, b, at);
    // ψ(a + b) − ψ(a + 1), with the digits of a small b.
    let rise = digamma_rise(a + 1.0, b) - 1.0 / (a + b);
    let by_a = (at.ln_x() + rise) * c + c_a;
    if a < 0.1 {
        return [by_a / a, by_other_of_small(a, b, at)];
    }
    let by_b = (at.swapped().ln_x() + digamma_rise(b, a)) * c + c_b;
    [by_a / a, by_b / a]
}

/// The second of these for small `a`, where `I` hardly moves and the terms of the fraction cancel: by the series of
/// [`rest_by_series`], of which each term has the factor `a` that is taken out.
fn by_other_of_small(a: f64, b: f64, at: Point) -> f64 {
    let (mut term, mut slope) = (1.0, 0.0);
    let (mut sum, mut sum_slope) = (0.0, 0.0);
    for n in 1..MOST_TERMS {
        let n = n as f64;
        slope = (slope * (n - b) - term) * at.x / n;
        term *= (n - b) * at.x / n;
        sum += term / (a + n);
        sum_slope += slope / (a + n);
        if slope.abs() <= SMALL * f64::abs(sum_slope) && term.abs() <= SMALL {
            break;
        }
    }
    // A step that is nothing beside b, but not lost beside it.
    let step = a.max(1e-20 * b);
    let rise = digamma_rise(b, step) / step;
    (rise * (1.0 + a * sum) + sum_slope) * (-b * at.swapped().ln_x()).exp()
}

/// `x` for which `I = p` (or `1 − I = p` if `upper`).
///
/// Newton's method with a cubic term, in the logit of `x`, on the logarithm of the smaller tail: that is concave, so
/// it arrives from anywhere.
pub(crate) fn quantile(a: f64, b: f64, p: f64, upper: bool) -> Point {
    let positive = |n: f64| n > 0.0 && n < f64::INFINITY;
    if !(positive(a) && positive(b) && (0.0..=1.0).contains(&p)) {
        return Point { x: f64::NAN, y: f64::NAN };
    }
    let at_zero = if upper { 1.0 } else { 0.0 };
    if p == at_zero || p == 1.0 - at_zero {
        return Point::new(if p == at_zero { 0.0 } else { 1.0 });
    }
    let upper = upper != (p > 0.5);
    let (level, log_level) = if p > 0.5 { (1.0 - p, (-p).ln_1p()) } else { (p, p.ln()) };
    if upper {
        lower_quantile(b, a, level, log_level).swapped()
    } else {
        lower_quantile(a, b, level, log_level)
    }
}

/// Whether the larger concentration times the variable is a gamma variable in all digits.
fn is_far(large: f64, small: f64) -> bool {
    large > 1e25 * small.max(1.0) * small.max(1.0)
}

/// The point below which the probability is `level`, at most ½.
fn lower_quantile(a: f64, b: f64, level: f64, log_level: f64) -> Point {
    if uniform_beta::is_normal(a, b) {
        return Point::new(uniform_beta::normal_quantile(a, b, ndtri_rough(level)));
    } else if is_far(b, a) {
        return Point::new(log_quantile(a, level, false).exp() / b);
    } else if is_far(a, b) {
        return Point::new(log_quantile(b, level, true).exp() / a).swapped();
    }
    let leftmost = (log_level + a.ln() + log_beta(a, b)) / a;
    let spread = (1.0 / a + 1.0 / b).sqrt();
    let mut logit = if leftmost < -1.0 && (a < 3.0 || leftmost < -20.0) {
        leftmost - (-leftmost.exp()).ln_1p()
    } else {
        ((a / b).ln() + ndtri_rough(level).max(-8.0) * spread.min(3.0)).clamp(-745.0, 745.0)
    };
    for _ in 0..100 {
        let at = Point::of_logit(logit);
        if at.x == 0.0 {
            return at;
        }
        let log_tail = log_tail(a, b, at).log_lower();
        let slope = (log_front(a, b, at) - log_tail).exp();
        let newton = (log_level - log_tail) / slope;
        let bend = -at.lean(a, b) - slope;
        let step = newton / (1.0 + 0.5 * newton * bend).clamp(0.5, 2.0);
        if step.is_nan() {
            break;
        }
        logit = (logit + step).clamp(-745.0, 745.0);
        // The error that is left goes with the step's third power.
        if step.abs() < 3e-6 * spread.min(1.0) {
            break;
        }
    }
    Point::of_logit(logit)
}

impl Point {
    pub(crate) fn x(self) -> f64 {
        self.x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_concentration_leaves_the_slope_in_the_other_its_digits() {
        // By ball arithmetic, differences of the series with more bits than 1/a has. Its terms change their sign and are up
        // to exp(bx) times as large as what is left.
        for ([a, b, x], exact) in [
            ([1e-300, 1e90, 3e-91], 1e-90),
            ([1e-12, 3.0, 0.2], 0.437_518_581_907_353_3),
            ([1e-5, 1e-5, 0.4], 5_000_051_083.308_731),
            ([0.05, 0.7, 0.3], 3.039_254_068_465_554_7),
            ([1e-8, 1e6, 1e-7], 1.000_000_550_000_181_7e-6),
            ([0.0999, 2.5, 0.3], 0.562_512_386_991_274),
            ([1e-30, 7.0, 1e-5], 0.153_545_926_126_721_24),
            ([3e-6, 1e6, 1.5e-6], 1.000_001_249_999_666_7e-6),
        ] {
            let [_, given] = by_parameters(a, b, Point::new(x));
            assert!((given / exact - 1.0).abs() < 1e-14, "{a} {b} {x}: {given} {exact}");
            let [given, _] = by_parameters(b, a, Point::new(x).swapped());
            assert!((given / -exact - 1.0).abs() < 1e-14, "{b} {a}: {given} {exact}");
        }
    }
}
