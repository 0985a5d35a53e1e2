//! The incomplete beta function where both concentrations are large.
//!
//! N. M. Temme, "Incomplete Laplace integrals: uniform asymptotic expansion with application to the incomplete beta
//! function" (1987), section 3.3: with `z²/2` the [`exponent`] and `w = sqrt(ab/(a + b))`
//!
//! ```text
//! I = Φ(z) + φ(z) (1/z − w/(b x − a y)) + …
//! ```

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::beta_front::{Point, exponent, shrunk};
use super::incomplete_gamma::LogTail;
use super::normal::erfcx;

/// Whether these two terms are better than a continued fraction, which takes a number of terms that grows as their
/// square root.
pub(crate) fn applies(a: f64, b: f64) -> bool {
    a.min(b) > 1e8
}

/// One of the tails.
pub(crate) fn log_tail(a: f64, b: f64, at: Point) -> LogTail {
    if let Some([a, b]) = shrunk(a, b) {
        return log_tail(a, b, at);
    }
    let (lean, w) = (at.lean(a, b), (1.0 / (1.0 / a + 1.0 / b)).sqrt());
    let half_square = exponent(a, b, at);
    let z = (2.0 * half_square).sqrt().copysign(lean);
    let bend = if z.abs() < 1e-8 * w {
        (1.0 / (1.0 + a / b) - 1.0 / (1.0 + b / a)) / (3.0 * w)
    } else {
        1.0 / z - w / lean
    };
    let sum = 0.5 * erfcx(z.abs() * FRAC_1_SQRT_2) - bend * z.signum() / (2.0 * PI).sqrt();
    // Far out the terms cancel, and what is left is nothing beside the exponent.
    let log = sum.max(f64::MIN_POSITIVE).ln() - half_square;
    if z < 0.0 { LogTail::Lower(log) } else { LogTail::Upper(log) }
}

/// Whether the distribution is normal in all digits that a value has.
pub(crate) fn is_normal(a: f64, b: f64) -> bool {
    a.min(b) > 1e16
}

/// The point `z` standard deviations from the mean.
pub(crate) fn normal_quantile(a: f64, b: f64, z: f64) -> f64 {
    (1.0 + z * (1.0 / (1.0 + a / b) / a).sqrt()) / (1.0 + b / a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_numeric_integrals() {
        // mpmath, 60 digits: the density integrated from `x` outwards.
        for [a, b, x, exact] in [
            [2e8, 3e8, 0.4000328633534174, -2.705929652136101],
            [2e8, 3e8, 0.3999999978091098, -0.6932221160525229],
            [1.5e8, 4e12, 3.748940873286199e-05, -6.608441153449475],
            [1e9, 2e8, 0.8333871247686749, -15.067141569085061],
            [5e8, 5e8, 0.4995256583512119, -454.3214460051487],
            [3e8, 2e8, 0.600438178045566, -203.9659338981772],
        ] {
            let (LogTail::Lower(log) | LogTail::Upper(log)) = log_tail(a, b, Point::new(x));
            assert!((log / exact - 1.0).abs() < 2e-12, "{a} {b} {x}: {log} {exact}");
        }
    }
}
