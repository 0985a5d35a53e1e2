//! Trials that succeed or fail: what the binomial and the negative binomial distribution are made of.

use super::beta_front::{Point, log_front};
use super::gamma::{digamma_rise, log_beta};
use super::incomplete_beta;
use super::incomplete_beta::by_parameters;
use super::incomplete_gamma;
use super::incomplete_gamma::LogTail;
use super::poisson_law;
use super::poisson_law::{Rate, is_count};

/// Probabilities so small that the incomplete beta function does not take them.
const TINY: f64 = 1e-290;

/// The probabilities `p` of success and `q` of failure, and their logarithms.
#[derive(Clone, Copy)]
pub(crate) struct Odds {
    pub(crate) p: f64,
    pub(crate) q: f64,
    pub(crate) log_p: f64,
    pub(crate) log_q: f64,
}

impl Odds {
    pub(crate) fn of_logit(logit: f64) -> Self {
        let ratio = (-logit.abs()).exp();
        let (small, large) = (ratio / (1.0 + ratio), 1.0 / (1.0 + ratio));
        let log_large = -ratio.ln_1p();
        let failure_is_rare =
            Self { p: large, q: small, log_p: log_large, log_q: log_large - logit.abs() };
        if logit < 0.0 { failure_is_rare.swapped() } else { failure_is_rare }
    }

    pub(crate) fn of_prob(p: f64) -> Self {
        if p > 0.5 {
            let q = 1.0 - p;
            Self { p, q, log_p: (-q).ln_1p(), log_q: q.ln() }
        } else {
            Self { p, q: 1.0 - p, log_p: p.ln(), log_q: (-p).ln_1p() }
        }
    }

    pub(super) fn swapped(self) -> Self {
        Self { p: self.q, q: self.p, log_p: self.log_q, log_q: self.log_p }
    }

    pub(super) fn logit(self) -> f64 {
        self.log_p - self.log_q
    }

    /// The derivative of the logit in the probability.
    pub(crate) fn logit_slope(self) -> f64 {
        1.0 / (self.p * self.q)
    }

    fn is_nan(self) -> bool {
        self.log_p.is_nan() || self.log_q.is_nan()
    }
}

/// The logarithm of `Γ(k + m + 1)/(Γ(k + 1) Γ(m + 1)) p^k q^m`.
///
/// By Poisson masses of the means, so that no large terms cancel: C. Loader (2000), "Fast and accurate computation of
/// binomial probabilities".
fn log_term(k: f64, m: f64, at: Odds) -> f64 {
    let power = |count: f64, log: f64| if count == 0.0 { 0.0 } else { count * log };
    if k == 0.0 || m == 0.0 {
        return power(k, at.log_p) + power(m, at.log_q);
    }
    let n = k + m;
    if n > 1e307 {
        return f64::NEG_INFINITY; // The products below overflow.
    }
    let share = |p: f64, log_p: f64| Rate { rate: n * p, log: n.ln() + log_p };
    poisson_law::log_term(k, share(at.p, at.log_p))
        + poisson_law::log_term(m, share(at.q, at.log_q))
        - incomplete_gamma::log_front(n, n)
}

/// The log-mass of the binomial distribution of `n` trials at `k` successes.
pub(crate) fn log_mass(n: f64, k: f64, at: Odds) -> f64 {
    if n.is_nan() || k.is_nan() || at.is_nan() {
        f64::NAN
    } else if is_count(k) && k <= n {
        log_term(k, n - k, at)
    } else {
        f64::NEG_INFINITY
    }
}

/// The log-mass of `k` successes before failure number `r`.
pub(crate) fn waiting_log_mass(r: f64, k: f64, at: Odds) -> f64 {
    if r.is_nan() || k.is_nan() || at.is_nan() {
        f64::NAN
    } else if k == 0.0 {
        r * at.log_q
    } else if is_count(k) {
        let share_of_last = if k > r { (r / (r + k)).ln() } else { -(k / r).ln_1p() };
        share_of_last + log_term(k, r, at)
    } else {
        f64::NEG_INFINITY
    }
}

fn finite_or_zero(slope: f64) -> f64 {
    if slope.is_finite() { slope } else { 0.0 }
}

/// The derivative of `k ln p + m ln q` in the logit.
pub(crate) fn log_power_in_logit(k: f64, m: f64, at: Odds) -> f64 {
    k * at.q - m * at.p
}

/// That in the probability.
pub(crate) fn log_power_in_prob(k: f64, m: f64, at: Odds) -> f64 {
    let ratio = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count / p };
    finite_or_zero(ratio(k, at.p) - ratio(m, at.q))
}

/// The derivative of [`log_mass`] in `n`, as if that were any number.
pub(crate) fn log_mass_in_trials(n: f64, k: f64, at: Odds) -> f64 {
    finite_or_zero(at.log_q + digamma_rise(n - k + 1.0, k))
}

/// Its derivative in `k`.
pub(crate) fn log_mass_in_count(n: f64, k: f64, at: Odds) -> f64 {
    finite_or_zero(at.logit() + digamma_rise(k + 1.0, n - 2.0 * k))
}

/// The derivative of [`waiting_log_mass`] in `r`.
pub(crate) fn waiting_log_mass_in_failures(r: f64, k: f64, at: Odds) -> f64 {
    finite_or_zero(at.log_q + digamma_rise(r, k))
}

/// Its derivative in `k`.
pub(crate) fn waiting_log_mass_in_count(r: f64, k: f64, at: Odds) -> f64 {
    finite_or_zero(at.log_p + digamma_rise(k + 1.0, r - 1.0))
}

/// `ln I_x(a, b)` for tiny `x`.
fn log_first_term(a: f64, b: f64, log_x: f64) -> f64 {
    let power = a * log_x;
    // The logarithm of the beta function may be as infinite, but is the smaller one.
    if power == f64::NEG_INFINITY { power } else { power - a.ln() - log_beta(a, b) }
}

/// Where the count `k` lies, with `m` failures left.
fn is_inside(k: f64, m: f64) -> bool {
    (0.0..f64::INFINITY).contains(&k) && m > 0.0
}

/// Whether one term is all there is to a tail of `count` trials.
fn is_rare(p: f64, count: f64) -> bool {
    p < TINY && p * count < 1e-17
}

/// The mass up to the count `k`, beside which there are `m` failures: `I_q(m, k + 1)`.
pub(crate) fn tail(k: f64, m: f64, at: Odds) -> LogTail {
    if k.is_nan() || m.is_nan() || at.is_nan() {
        LogTail::Lower(f64::NAN)
    } else if !is_inside(k, m) {
        if k < 0.0 { LogTail::Lower(f64::NEG_INFINITY) } else { LogTail::Upper(f64::NEG_INFINITY) }
    } else if is_rare(at.p, m) {
        LogTail::Upper(log_first_term(k + 1.0, m, at.log_p))
    } else if is_rare(at.q, k + 1.0) {
        LogTail::Lower(log_first_term(m, k + 1.0, at.log_q))
    } else {
        incomplete_beta::log_tail(m, k + 1.0, Point::pair(at.q, at.p))
    }
}

/// What a slope is divided by: nothing, the mass up to the count, or that above it, as for the slope of its logarithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Nothing,
    Lower,
    Upper,
}

/// `exp(log)` over that.
fn over(k: f64, m: f64, at: Odds, log: f64, by: Over) -> f64 {
    match by {
        Over::Nothing => log.exp(),
        Over::Lower => (log - tail(k, m, at).log_lower()).exp(),
        Over::Upper => (log - tail(k, m, at).swapped().log_lower()).exp(),
    }
}

/// The front of the incomplete beta function over that.
fn front_over(k: f64, m: f64, at: Odds, by: Over) -> f64 {
    let point = Point::pair(at.q, at.p);
    match by {
        Over::Nothing => log_front(m, k + 1.0, point).exp(),
        _ => incomplete_beta::front_over_tail(m, k + 1.0, point, by == Over::Upper),
    }
}

/// Its derivative in the logit, divided.
pub(crate) fn tail_in_logit(k: f64, m: f64, at: Odds, by: Over) -> f64 {
    if !is_inside(k, m) {
        return 0.0;
    }
    let slope = if is_rare(at.p, m) {
        over(k, m, at, log_first_term(k + 1.0, m, at.log_p) + (k + 1.0).ln(), by)
    } else if is_rare(at.q, k + 1.0) {
        over(k, m, at, log_first_term(m, k + 1.0, at.log_q) + m.ln(), by)
    } else {
        front_over(k, m, at, by)
    };
    finite_or_zero(-slope)
}

/// Its derivative in `m`, divided.
pub(crate) fn tail_in_failures(k: f64, m: f64, at: Odds, by: Over) -> f64 {
    if !is_inside(k, m) {
        return 0.0;
    }
    let (factor, slope) = if is_rare(at.p, m) {
        let log = log_first_term(k + 1.0, m, at.log_p);
        (over(k, m, at, log, by), -digamma_rise(m, k + 1.0))
    } else if is_rare(at.q, k + 1.0) {
        let log = log_first_term(m, k + 1.0, at.log_q);
        (over(k, m, at, log, by), at.log_q - 1.0 / m + digamma_rise(m, k + 1.0))
    } else {
        let slope = by_parameters(m, k + 1.0, Point::pair(at.q, at.p))[0];
        (front_over(k, m, at, by), slope)
    };
    finite_or_zero(factor * slope)
}
