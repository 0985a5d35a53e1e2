//! Quantiles of distributions of counts, from their tails.

use super::incomplete_gamma::LogTail;
use super::normal::ndtri_rough;

/// Mean, standard deviation and skewness of a distribution, of which a first guess is made.
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) stddev: f64,
    pub(crate) skewness: f64,
}

impl Moments {
    /// Where the probability is about `p`: the first terms of Cornish and Fisher's expansion.
    fn guess(&self, p: f64) -> f64 {
        let z = if p > 0.5 { -ndtri_rough(1.0 - p) } else { ndtri_rough(p) };
        let guess = self.mean + self.stddev * (z + self.skewness * (z * z - 1.0) / 6.0);
        if guess.is_finite() { guess.round().max(0.0) } else { 0.0 }
    }
}

/// What a tail may be off by, relatively, beside a level that is written down exactly.
const TAIL_ERROR: f64 = 64.0 * f64::EPSILON;

/// A level in the type of which it came.
///
/// The cdf of a count comes rounded to that type, and must lead back to the count as a level.
pub(crate) struct Level {
    pub(crate) p: f64,
    pub(crate) is_single: bool,
}

impl Level {
    fn is_reached_by(&self, tail: LogTail) -> bool {
        let (p, lower) = (self.p, tail.lower());
        let rounded = if self.is_single { f64::from(lower as f32) } else { lower };
        // The smaller tail has the digits.
        rounded >= p
            || if p > 0.5 {
                tail.swapped().lower() <= (1.0 - p) * (1.0 + TAIL_ERROR)
            } else {
                lower >= p * (1.0 - TAIL_ERROR)
            }
    }
}

/// The first count up to which the mass reaches the level, of counts up to `most`.
///
/// From the guess in steps that double until the count is between two, and then by halves.
pub(crate) fn quantile(
    level: &Level,
    most: f64,
    moments: &Moments,
    tail: &dyn Fn(f64) -> LogTail,
) -> f64 {
    let p = level.p;
    if !(0.0..=1.0).contains(&p) || tail(0.0).lower().is_nan() {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        let is_first = p == 0.0 || tail(0.0).swapped().lower() == 0.0;
        return if is_first { 0.0 } else { most };
    }
    let reaches = |k: f64| k >= most || level.is_reached_by(tail(k));
    let start = moments.guess(p).min(most);
    let (mut low, mut high, mut step) = (start, start, 1.0);
    if reaches(start) {
        while low >= 0.0 && reaches(low) {
            (high, low, step) = (low, low - step, 2.0 * step);
        }
        low = low.max(-1.0);
    } else {
        while !reaches(high) {
            (low, high, step) = (high, high + step, 2.0 * step);
        }
    }
    loop {
        let middle = low + ((high - low) / 2.0).floor();
        if middle <= low || middle >= high {
            return high;
        }
        if reaches(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
}
