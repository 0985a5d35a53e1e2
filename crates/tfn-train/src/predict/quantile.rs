//! Roots of the cdf of a mixture.

use tfn_distributions::{Distribution, DistributionError, Support};
use tfn_tensor::Tensor;

use super::draws::Batch;
use crate::error::{Result, TrainError};

/// Steps after which a bracket is as narrow as numbers are: halving alone needs fewer.
const MOST_STEPS: usize = 200;

/// For each entry the outcome at which `cdf` reaches `p`, from a bracket around it.
///
/// Chandrupatla's method: inverse quadratic interpolation where three points make a well-behaved curve, else halving, so
/// that a flat or steep cdf costs no more than halving does. All entries go on until the last one is there, since `cdf`
/// is asked for all at once.
///
/// # References
/// Chandrupatla, *A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function without using
/// derivatives*, Advances in Engineering Software 28 (1997).
pub(super) fn continuous(
    cdf: &dyn Fn(&[f64]) -> Result<Vec<f64>>,
    p: f64,
    low: Vec<f64>,
    high: Vec<f64>,
) -> Result<Vec<f64>> {
    let above = |values: Vec<f64>| values.into_iter().map(|value| value - p).collect::<Vec<f64>>();
    let mut entries: Vec<Bracket> = {
        let (at_low, at_high) = (above(cdf(&low)?), above(cdf(&high)?));
        let ends = low.into_iter().zip(high).zip(at_low.into_iter().zip(at_high));
        ends.map(|((low, high), (at_low, at_high))| Bracket::new(low, high, at_low, at_high))
            .collect()
    };
    for _ in 0..MOST_STEPS {
        if entries.iter().all(|entry| entry.is_done) {
            break;
        }
        let points: Vec<f64> = entries.iter().map(Bracket::next).collect();
        for (entry, value) in entries.iter_mut().zip(above(cdf(&points)?)) {
            entry.narrow(value);
        }
    }
    Ok(entries.into_iter().map(|entry| entry.best()).collect())
}

/// The ends of an interval with a root in it, and the point before.
struct Bracket {
    a: f64,
    b: f64,
    c: f64,
    at_a: f64,
    at_b: f64,
    at_c: f64,
    /// Where between `a` and `b` the next point lies.
    t: f64,
    is_done: bool,
}

impl Bracket {
    fn new(a: f64, b: f64, at_a: f64, at_b: f64) -> Self {
        // An end at the level itself, or a NaN, needs no search.
        let mut made = Self { a, b, c: a, at_a, at_b, at_c: at_a, t: 0.5, is_done: false };
        made.is_done = made.is_narrow() || at_a == 0.0 || at_b == 0.0 || (at_a + at_b).is_nan();
        made
    }

    fn is_narrow(&self) -> bool {
        let size = self.a.abs().max(self.b.abs());
        (self.b - self.a).abs() <= 2.0 * f64::EPSILON * size + f64::MIN_POSITIVE
    }

    fn next(&self) -> f64 {
        if self.is_done { self.best() } else { self.a + self.t * (self.b - self.a) }
    }

    fn narrow(&mut self, value: f64) {
        if self.is_done {
            return;
        }
        let x = self.next();
        if (value < 0.0) == (self.at_a < 0.0) {
            (self.c, self.at_c) = (self.a, self.at_a);
        } else {
            (self.c, self.b, self.at_c, self.at_b) = (self.b, self.a, self.at_b, self.at_a);
        }
        (self.a, self.at_a) = (x, value);
        if value == 0.0 || value.is_nan() || self.is_narrow() {
            self.is_done = true;
            return;
        }
        let xi = (self.a - self.b) / (self.c - self.b);
        let phi = (self.at_a - self.at_b) / (self.at_c - self.at_b);
        let curves_well = phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi;
        self.t = if curves_well {
            let (of_b, of_c) = (self.at_b - self.at_a, self.at_c - self.at_a);
            let between = self.at_b - self.at_c;
            self.at_a / of_b * self.at_c / between
                + (self.c - self.a) / (self.b - self.a) * self.at_a / of_c * self.at_b / -between
        } else {
            0.5
        };
        let least = (2.0 * f64::EPSILON * self.a.abs() + f64::MIN_POSITIVE)
            / (self.b - self.a).abs().max(f64::MIN_POSITIVE);
        let least = least.min(0.5);
        self.t = if self.t.is_nan() { 0.5 } else { self.t.clamp(least, 1.0 - least) };
    }

    fn best(&self) -> f64 {
        if self.at_a.is_nan() || self.at_b.is_nan() {
            return f64::NAN;
        }
        if self.at_a.abs() <= self.at_b.abs() { self.a } else { self.b }
    }
}

/// For each entry the smallest whole number at which `cdf` is at least `p`, from numbers below and at or above it.
pub(super) fn whole(
    cdf: &dyn Fn(&[f64]) -> Result<Vec<f64>>,
    p: f64,
    mut low: Vec<f64>,
    mut high: Vec<f64>,
) -> Result<Vec<f64>> {
    // `low` is below the level, `high` is not. Beyond 2^53, and of infinite ends, no number lies between two neighbours.
    let between = |low: f64, high: f64| {
        let middle = low + ((high - low) / 2.0).floor();
        (low < middle && middle < high).then_some(middle)
    };
    loop {
        let middle: Vec<Option<f64>> =
            low.iter().zip(&high).map(|(&low, &high)| between(low, high)).collect();
        if middle.iter().all(Option::is_none) {
            break;
        }
        let points: Vec<f64> =
            middle.iter().zip(&high).map(|(middle, high)| middle.unwrap_or(*high)).collect();
        for (entry, value) in cdf(&points)?.into_iter().enumerate() {
            if let Some(middle) = middle[entry] {
                let end = if value >= p { &mut high } else { &mut low };
                end[entry] = middle;
            }
        }
    }
    Ok(high)
}

impl Batch {
    /// The outcome below which the probability is `p`, for each entry.
    pub(super) fn quantile(&self, p: f64) -> Result<Vec<f64>> {
        let Some(first) = self.groups.first() else { return Ok(Vec::new()) };
        let shape = first.shape()?;
        let support = first.distribution().support();
        let is_numbers = matches!(support, Support::Continuous | Support::Integers);
        if !is_numbers || !first.distribution().event_shape()?.is_empty() {
            let (family, method) = (first.distribution().family(), "quantile");
            return Err(DistributionError::Unsupported { family, method }.into());
        }
        let cdf = |points: &[f64]| self.cdf(&shape, points);
        let [low, high] = self.bracket(p)?;
        if support == Support::Integers {
            let below = low.into_iter().map(|low| low - 1.0).collect();
            return whole(&cdf, p, below, high);
        }
        continuous(&cdf, p, low, high)
    }

    /// Two numbers for each entry, between which the quantile lies: the least and the greatest of the draws' own; if they
    /// have none, by the inequality of Cantelli.
    fn bracket(&self, p: f64) -> Result<[Vec<f64>; 2]> {
        let mut ends: Option<[Vec<f64>; 2]> = None;
        let of_draw = |distribution: &dyn Distribution| {
            let level = Tensor::scalar_of(p, distribution.dtype()?);
            Ok(distribution.quantile(&level)?)
        };
        let found = self.fold(&of_draw, |values| match &mut ends {
            None => ends = Some([values.to_vec(), values.to_vec()]),
            Some([low, high]) => {
                for ((low, high), &value) in low.iter_mut().zip(high).zip(values) {
                    (*low, *high) = (low.min(value), high.max(value));
                }
            }
        });
        match (found, ends) {
            (Ok(()), Some(ends)) => return Ok(ends),
            (Err(TrainError::Distribution(DistributionError::Unsupported { .. })), _) => {}
            (Err(error), _) => return Err(error),
            (Ok(()), None) => return Ok([Vec::new(), Vec::new()]),
        }
        let moments = self.moments()?;
        // A little more than needed, for rounding.
        let [down, up] = [(1.0 - p) / p, p / (1.0 - p)].map(|odds: f64| 1.001 * odds.sqrt() + 1e-3);
        let (mean, variance) = (moments.mean(), moments.total());
        let side = |sign: f64, times: f64| {
            let at = |(mean, variance): (&f64, &f64)| mean + sign * times * variance.sqrt();
            mean.iter().zip(&variance).map(at).collect::<Vec<f64>>()
        };
        Ok([side(-1.0, down), side(1.0, up)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_smooth_steep_and_flat_curves() {
        let mut calls = std::cell::Cell::new(0);
        let logistic = |x: f64, loc: f64, scale: f64| 1.0 / (1.0 + ((loc - x) / scale).exp());
        let cdf = |points: &[f64]| {
            calls.set(calls.get() + 1);
            let of = |i: usize, x: f64| match i {
                0 => logistic(x, 0.3, 1.0),
                1 => logistic(x, 1e3, 1e-6),
                // Two steps with nothing between them.
                2 => 0.5 * logistic(x, -50.0, 0.01) + 0.5 * logistic(x, 50.0, 0.01),
                _ => x.clamp(0.0, 1.0),
            };
            Ok(points.iter().enumerate().map(|(i, &x)| of(i, x)).collect())
        };
        let found = continuous(&cdf, 0.7, vec![-1e4, 0.0, -60.0, 0.0], vec![1e4, 1e4, 60.0, 1.0]);
        let found = found.unwrap();
        let odds = (0.7_f64 / 0.3).ln();
        let expected = [0.3 + odds, 1e3 + 1e-6 * odds, 50.0 + 0.01 * (0.4_f64 / 0.6).ln(), 0.7];
        for (given, expected) in found.iter().zip(expected) {
            assert!((given - expected).abs() <= 1e-12 * expected.abs(), "{given} {expected}");
        }
        assert!(*calls.get_mut() < 80, "{}", calls.get());
    }

    #[test]
    fn whole_numbers_are_the_first_to_reach_the_level() {
        let cdf = |points: &[f64]| {
            Ok(points.iter().map(|x| ((x.floor() + 1.0) / 10.0).clamp(0.0, 1.0)).collect())
        };
        let at = |p| whole(&cdf, p, vec![-1.0, -1.0], vec![9.0, 100.0]).unwrap();
        assert_eq!(at(0.35), [3.0, 3.0]);
        assert_eq!(at(0.4), [3.0, 3.0]);
        assert_eq!(at(0.05), [0.0, 0.0]);
        assert_eq!(at(0.95), [9.0, 9.0]);
        // Ends between which there is no other number: of large ones, and of infinite ones.
        let far = 2.0_f64.powi(60);
        let step = |points: &[f64]| Ok(points.iter().map(|&x| f64::from(x >= far)).collect());
        let high = vec![2.0 * far, f64::INFINITY, f64::NAN];
        let found = whole(&step, 0.5, vec![1.0, 1.0, 1.0], high).unwrap();
        assert_eq!(found[..2], [far, f64::INFINITY]);
        assert!(found[2].is_nan());
    }

    #[test]
    fn a_cdf_that_is_nan_gives_nan() {
        let cdf = |points: &[f64]| Ok(vec![f64::NAN; points.len()]);
        assert!(continuous(&cdf, 0.5, vec![0.0], vec![1.0]).unwrap()[0].is_nan());
    }
}
