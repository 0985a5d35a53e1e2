//! Draws of gamma and beta variables.

use super::log1p_gap;
use super::numbers::Numbers;

/// A variable of the gamma distribution of rate 1: `base·exp(log)`, where the power of a small concentration may be far
/// below all numbers.
#[derive(Clone, Copy)]
pub(crate) struct GammaDraw {
    base: f64,
    log: f64,
}

impl GammaDraw {
    /// G. Marsaglia and W. W. Tsang (2000), "A simple method for generating gamma variables"; NaN where there is no
    /// such distribution.
    pub(crate) fn new(a: f64, numbers: &mut Numbers) -> Self {
        if !is_concentration(a) {
            return Self { base: f64::NAN, log: 0.0 };
        }
        if a >= 1.0 {
            return Self { base: from_one_on(a, numbers), log: 0.0 };
        }
        // That of the next concentration, times a power of a uniform number.
        Self { base: from_one_on(a + 1.0, numbers), log: numbers.uniform().ln() / a }
    }

    pub(crate) fn value(self) -> f64 {
        if self.log == 0.0 { self.base } else { self.base * self.log.exp() }
    }

    pub(crate) fn ln(self) -> f64 {
        self.base.ln() + self.log
    }

    /// How many times this is contained in `other`.
    fn in_other(self, other: Self) -> f64 {
        let ratio = other.base / self.base;
        let log = other.log - self.log;
        if log == 0.0 { ratio } else { ratio * log.exp() }
    }
}

/// Whether there is a distribution of this concentration.
fn is_concentration(a: f64) -> bool {
    a > 0.0 && a < f64::INFINITY
}

/// A variable of a concentration of at least 1.
fn from_one_on(a: f64, numbers: &mut Numbers) -> f64 {
    let d = a - 1.0 / 3.0;
    let c = 1.0 / (3.0 * d.sqrt());
    loop {
        let x = numbers.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        let square = x * x;
        let u = numbers.uniform();
        if u < 1.0 - 0.0331 * square * square
            // d (1 − v + ln v), whose terms cancel where d is large.
            || u.ln() < 0.5 * square - d * log1p_gap(c * x * (root * root + root + 1.0))
        {
            return d * v;
        }
    }
}

/// A variable of the beta distribution: the share of one of two gamma variables.
pub(crate) fn beta([a, b]: [f64; 2], numbers: &mut Numbers) -> f64 {
    let ratio = GammaDraw::new(a, numbers).in_other(GammaDraw::new(b, numbers));
    if ratio.is_nan() && is_concentration(a) && is_concentration(b) {
        // Both powers are beyond all numbers, so that one of the variables is nothing beside the other.
        return if numbers.uniform() < 1.0 / (1.0 + b / a) { 1.0 } else { 0.0 };
    }
    1.0 / (1.0 + ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_logarithm_hold_for_all_concentrations() {
        // ψ and ψ′ by mpmath.
        for (a, mean, variance) in [
            (1e-6, -1_000_000.577_214_02, 1e12),
            (0.3, -3.502_524_222_200_133, 12.245_364_546_107_73),
            (1.0, -0.577_215_664_901_532_9, 1.644_934_066_848_226_4),
            (4.5, 1.388_870_926_359_529, 0.248_725_103_039_010_38),
            (1e6, 13.815_510_057_964_19, 1.000_000_5e-6),
            (1e200, 460.517_018_598_809_1, 1e-200),
        ] {
            let count = 100_000;
            let mut numbers = Numbers::new(0.3);
            let logs: Vec<f64> = (0..count).map(|_| GammaDraw::new(a, &mut numbers).ln()).collect();
            let given = logs.iter().sum::<f64>() / f64::from(count);
            let error = 5.0 * f64::sqrt(variance / f64::from(count));
            assert!((given - mean).abs() < error + 1e-12 * mean.abs(), "{a}: {given} {mean}");
            let squares = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
            let given = squares / f64::from(count);
            // The fourth moment of a logarithm's distribution is at most nine times the square of the second.
            assert!(a > 1e100 || (given / variance - 1.0).abs() < 0.05, "{a}: {given} {variance}");
        }
    }

    #[test]
    fn shares_of_what_is_smaller_than_all_numbers_are_whole() {
        let mut numbers = Numbers::new(0.7);
        let draws: Vec<f64> = (0..10_000).map(|_| beta([1e-320, 3e-320], &mut numbers)).collect();
        assert!(draws.iter().all(|x| *x == 0.0 || *x == 1.0));
        let mean = draws.iter().sum::<f64>() / 1e4;
        assert!((mean - 0.25).abs() < 0.02, "{mean}");
        assert!(GammaDraw::new(f64::NAN, &mut numbers).value().is_nan());
        assert!(beta([f64::INFINITY, 1.0], &mut numbers).is_nan());
    }
}
