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

/// The first count up to which the mass reaches `p`, of counts up to `most`.
///
/// From the guess in steps that double until the count is between two, and then by halves.
pub(crate) fn quantile(p: f64, most: f64, moments: &Moments, tail: &dyn Fn(f64) -> LogTail) -> f64 {
    if !(0.0..=1.0).contains(&p) || tail(0.0).lower().is_nan() {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { 0.0 } else { most };
    }
    // The smaller tail has the digits.
    let reaches = |k: f64| {
        k >= most
            || if p > 0.5 { tail(k).swapped().lower() <= 1.0 - p } else { tail(k).lower() >= p }
    };
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
