//! Entropies of distributions of counts.
//!
//! They are sums of terms of one sign over the mass. Where both ends of the support are far off, the terms are those of a
//! smooth function, and every second standard deviation of a bell in four steps sums it to all digits: the trapezoidal
//! rule, L. N. Trefethen and J. A. C. Weideman, SIAM Review 56 (2014), section 5.

use std::f64::consts::PI;

use super::log1p_gap;
use super::poisson_law;
use super::poisson_law::Rate;
use super::trials_law;
use super::trials_law::Odds;

/// Variances from which on the distribution is a normal one to all digits: what is left out is `O(1/variance)`.
const NORMAL: f64 = 1e15;
/// Logarithm of a mass beside the largest one that does not count.
const NOTHING: f64 = 60.0;

/// Where the counts of a distribution lie.
struct Counts {
    mean: f64,
    variance: f64,
    highest: f64,
}

impl Counts {
    fn binomial(n: f64, at: Odds) -> Self {
        Self { mean: n * at.p, variance: n * at.p * at.q, highest: n }
    }

    fn poisson(at: Rate) -> Self {
        Self { mean: at.rate, variance: at.rate, highest: f64::INFINITY }
    }

    /// `Σ mass·f(k, ln mass)` for `f ≥ 0`.
    fn expect(&self, log_mass: &dyn Fn(f64) -> f64, f: &dyn Fn(f64, f64) -> f64) -> f64 {
        let (start, stddev) = (self.mean.floor().min(self.highest), self.variance.sqrt());
        let least = log_mass(start) - NOTHING;
        let is_far = |k: f64| k == f64::INFINITY || log_mass(k) < least;
        let is_smooth = is_far(0.0) && is_far(self.highest);
        let stride = if is_smooth { (0.5 * stddev).floor().max(1.0) } else { 1.0 };
        let mut sum = 0.0;
        for (mut k, step) in [(start, stride), (start - stride, -stride)] {
            while (0.0..=self.highest).contains(&k) {
                let log = log_mass(k);
                let term = log.exp() * f(k, log);
                sum += term;
                let is_outside = (k - self.mean).abs() > 3.0 * stddev + 3.0;
                if term.is_nan() || (is_outside && term <= 1e-19 * sum) {
                    break;
                }
                k += step;
            }
        }
        sum * stride
    }

    fn entropy(&self, log_mass: &dyn Fn(f64) -> f64) -> f64 {
        self.expect(log_mass, &|_, log| if log == f64::NEG_INFINITY { 0.0 } else { -log })
    }

    /// `E ln((k + 1)/mean)`, given the logarithm of that mean, which may be another one, and `E (k + 1)/mean − 1`.
    fn mean_log(&self, [mean, log, above]: [f64; 3], log_mass: &dyn Fn(f64) -> f64) -> f64 {
        if mean < 1.0 {
            return self.expect(log_mass, &|k, _| k.ln_1p()) - log;
        }
        above - self.expect(log_mass, &|k, _| log1p_gap((k + 1.0 - mean) / mean))
    }
}

/// `½ ln 2πe·variance`.
fn normal_entropy(log_variance: f64) -> f64 {
    0.5 * (1.0 + (2.0 * PI).ln() + log_variance)
}

/// The entropy of the Poisson distribution.
pub(crate) fn poisson(at: Rate) -> f64 {
    if at.rate.is_nan() {
        return f64::NAN;
    }
    if at.rate > NORMAL {
        return normal_entropy(at.log);
    }
    Counts::poisson(at).entropy(&|k| poisson_law::log_mass(k, at))
}

/// Its derivative in the logarithm of the rate.
///
/// The rate times `E ln((k + 1)/rate)`, by `E (k − rate) g(k) = rate·E (g(k + 1) − g(k))`.
pub(crate) fn poisson_in_log_rate(at: Rate) -> f64 {
    if at.rate.is_nan() || at.rate == 0.0 {
        return at.rate;
    }
    if at.rate > NORMAL {
        return 0.5;
    }
    let arguments = [at.rate, at.log, 1.0 / at.rate];
    at.rate * Counts::poisson(at).mean_log(arguments, &|k| poisson_law::log_mass(k, at))
}

/// The rarer outcome as the success, and whether it was.
fn rare(at: Odds) -> (Odds, bool) {
    if at.p <= at.q { (at, true) } else { (at.swapped(), false) }
}

/// The entropy of the binomial distribution.
pub(crate) fn binomial(n: f64, at: Odds) -> f64 {
    let (at, _) = rare(at);
    let counts = Counts::binomial(n, at);
    if counts.variance.is_nan() {
        return f64::NAN;
    }
    if counts.variance > NORMAL {
        return normal_entropy(n.ln() + at.log_p + at.log_q);
    }
    counts.entropy(&|k| trials_law::log_mass(n, k, at))
}

/// Its derivative in the logit.
///
/// `n p q` times `E ln((k + 1)/(n p)) − E ln((m + 1)/(n q))` for `k` successes and `m` failures of `n − 1` trials, by
/// `E (k − n p) g(k) = n p q E (g(k + 1) − g(k))` with one trial less on the right.
pub(crate) fn binomial_in_logit(n: f64, at: Odds) -> f64 {
    let (at, is_success) = rare(at);
    let (successes, failures) = (n * at.p, n * at.q);
    let variance = successes * at.q;
    if variance.is_nan() || variance == 0.0 {
        return variance;
    }
    let slope = if variance > NORMAL {
        0.5 * (at.q - at.p)
    } else {
        let (less, log_mean) = (n - 1.0, n.ln() + at.log_p);
        let log_mass = |k: f64| trials_law::log_mass(less, k, at);
        let counts = Counts::binomial(less, at);
        let of_successes = counts.mean_log([successes, log_mean, at.q / successes], &log_mass);
        let gaps = counts.expect(&log_mass, &|k, _| log1p_gap((successes - k) / failures));
        variance * (of_successes - (at.p / failures - gaps))
    };
    if is_success { slope } else { -slope }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(given: f64, expected: f64) {
        assert!((given - expected).abs() <= 1e-14 * expected.abs(), "{given} {expected}");
    }

    #[test]
    fn entropies_of_poisson_counts_and_their_slopes_have_all_digits() {
        // mpmath, 50 digits: r, -sum(p*log(p)) and r*sum(p*log((k + 1)/r)) with p = exp(k*log(r) - r - loggamma(k + 1))
        for (rate, entropy, slope) in [
            (1e-12, 2.863_102_111_592_889_5e-11, 2.763_102_111_592_924e-11),
            (0.01, 0.056_086_311_342_591_01, 0.046_120_873_019_580_406),
            (0.7, 1.104_597_198_725_476_3, 0.546_037_138_922_795_4),
            (3.2, 1.966_673_638_160_817, 0.543_652_716_730_319_1),
            (40.0, 3.261_268_012_937_685_4, 0.502_138_085_474_634_8),
            (70.0, 3.541_987_015_864_646, 0.501_207_964_443_322_7),
            (1000.5, 4.872_982_776_851_234, 0.500_083_375_096_098_9),
            (10000.0, 6.024_100_385_442_711, 0.500_008_334_166_825),
        ] {
            let at = Rate::of(rate);
            near(poisson(at), entropy);
            near(poisson_in_log_rate(at), slope);
        }
        // ½ ln 2πe·rate − 1/(12 rate)
        let far = Rate::of(1e14);
        near(poisson(far), normal_entropy(far.log));
        near(poisson_in_log_rate(far), 0.5);
        near(poisson(Rate::of(1e300)), 346.806_702_482_311_54);
    }

    #[test]
    fn entropies_of_binomial_counts_and_their_slopes_have_all_digits() {
        // mpmath, 50 digits: n, P, -sum(p*log(p)) and -sum(p*(k - n*P)*log(p)) with
        // p = binomial(n, k)*P**k*(1 - P)**(n - k), P the number of type f64
        for (n, p, entropy, slope) in [
            (1.0, 0.3, 0.610_864_302_054_893_5, 0.177_932_550_681_312_78),
            (7.0, 1e-9, 1.384_414_898_295_309_6e-7, 1.314_414_897_123_827e-7),
            (7.0, 0.9, 1.082_910_859_190_992_2, -0.456_287_214_571_283_46),
            (60.0, 0.4, 2.752_288_591_817_372, 0.101_202_293_913_449_31),
            (1000.0, 0.03, 3.101_731_744_107_677, 0.472_784_989_763_113_1),
            (5000.0, 0.999, 2.203_950_693_277_074_3, -0.522_306_479_287_076_1),
            (20000.0, 0.25, 5.533_688_536_182_057, 0.250_011_112_963_568_2),
            (1_000_000.0, 1e-5, 2.561_405_195_423_465, 0.509_404_162_475_189_3),
        ] {
            let at = Odds::of_prob(p);
            near(binomial(n, at), entropy);
            near(binomial_in_logit(n, at), slope);
            near(binomial(n, at.swapped()), entropy);
            near(binomial_in_logit(n, at.swapped()), -slope);
        }
        assert!(binomial_in_logit(90.0, Odds::of_prob(0.5)).abs() < 1e-15);
        assert_eq!([0.0, 1.0].map(|p| binomial(9.0, Odds::of_prob(p))), [0.0; 2]);
        assert_eq!(binomial(0.0, Odds::of_prob(0.3)), 0.0);
        // Half of ln 2πe·n/4.
        near(
            binomial(1e200, Odds::of_logit(0.0)),
            normal_entropy(200.0 * 10.0_f64.ln() - 4.0_f64.ln()),
        );
    }
}
