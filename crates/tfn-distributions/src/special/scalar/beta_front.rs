//! Points of the unit interval, and the front `x^a y^b / B(a, b)` of the incomplete beta function there.

use std::f64::consts::PI;

use super::gamma::{log_beta, stirling_rest};
use super::log1p_gap;

/// A point of the interval with its complement, each with its own digits.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Point {
    #[inline]
    pub(crate) fn new(x: f64) -> Self {
        Self { x, y: 1.0 - x }
    }

    /// The point `t/(1 + t)`.
    #[inline]
    pub(crate) fn of_odds(t: f64) -> Self {
        let y = 1.0 / (1.0 + t);
        Self { x: if t < f64::INFINITY { t * y } else { 1.0 }, y }
    }

    /// `x/(1 − x)`.
    #[inline]
    pub(crate) fn odds(self) -> f64 {
        self.x / self.y
    }

    /// Whether it is neither end.
    #[inline]
    pub(crate) fn is_inside(self) -> bool {
        self.x > 0.0 && self.y > 0.0
    }

    /// From both, where each has its own digits.
    #[inline]
    pub(crate) fn pair(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(super) fn of_logit(logit: f64) -> Self {
        let small = 1.0 / (1.0 + logit.abs().exp());
        let (small, large) = if !(-30.0..=30.0).contains(&logit) {
            ((-logit.abs()).exp(), 1.0)
        } else {
            (small, 1.0 / (1.0 + (-logit.abs()).exp()))
        };
        if logit < 0.0 { Self { x: small, y: large } } else { Self { x: large, y: small } }
    }

    #[inline]
    pub(super) fn swapped(self) -> Self {
        Self { x: self.y, y: self.x }
    }

    #[inline]
    pub(super) fn ln_x(self) -> f64 {
        if self.x > 0.5 { (-self.y).ln_1p() } else { self.x.ln() }
    }

    /// `b x − a y` with one rounding, from the smaller of both.
    #[inline]
    pub(crate) fn lean(self, a: f64, b: f64) -> f64 {
        let sum = a + b;
        let (large, small) = if a > b { (a, b) } else { (b, a) };
        let lost = small - (sum - large);
        if self.x <= 0.5 {
            self.x.mul_add(sum, -a) + self.x * lost
        } else {
            -(self.y.mul_add(sum, -b) + self.y * lost)
        }
    }
}

/// Both parameters by 2⁻²⁰⁰, if their sum or a product might overflow. What follows from them is as far off at any
/// point but the mean, where the front loses half of the power.
pub(super) fn shrunk(a: f64, b: f64) -> Option<[f64; 2]> {
    let factor = f64::from_bits((1023 - 200) << 52);
    (a.min(b) > 1e280).then_some([a * factor, b * factor])
}

/// `ln[x^a y^b / B(a, b)]`.
pub(crate) fn log_front(a: f64, b: f64, at: Point) -> f64 {
    if let Some([a, b]) = shrunk(a, b) {
        return log_front(a, b, at) + 100.0 * std::f64::consts::LN_2;
    }
    if a < 10.0 || b < 10.0 {
        return a * at.ln_x() + b * at.swapped().ln_x() - log_beta(a, b);
    }
    let sum = a + b;
    let rests = stirling_rest(a) + (stirling_rest(b) - stirling_rest(sum));
    0.5 * (a / sum * b / (2.0 * PI)).ln() - exponent(a, b, at) - rests
}

/// `a ln(a/((a + b) x)) + b ln(b/((a + b) y))`, which is 0 at the mean.
pub(crate) fn exponent(a: f64, b: f64, at: Point) -> f64 {
    let (lean, sum) = (at.lean(a, b), a + b);
    let term = |n: f64, t: f64, ln: f64| {
        if t.abs() < 0.5 { n * log1p_gap(t) } else { n * (t - ln) }
    };
    term(a, lean / a, at.ln_x() - (a / sum).ln())
        + term(b, -lean / b, at.swapped().ln_x() - (b / sum).ln())
}
