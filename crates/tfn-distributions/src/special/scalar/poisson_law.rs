//! The Poisson distribution: its log-mass for counts and rates of any size.

use super::gamma::{digamma, ln_gamma_1p};
use super::gamma_law::log_density_in_a;
use super::incomplete_gamma::{LogTail, log_front, log_tail};

/// A rate with its logarithm, which is there where the rate underflows.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) rate: f64,
    pub(crate) log: f64,
}

impl Rate {
    pub(crate) fn of(rate: f64) -> Self {
        Self { rate, log: rate.ln() }
    }

    pub(crate) fn of_log(log: f64) -> Self {
        Self { rate: log.exp(), log }
    }
}

/// Whether `x` is 0, 1, 2, ….
pub(crate) fn is_count(x: f64) -> bool {
    (0.0..f64::INFINITY).contains(&x) && x.floor() == x
}

/// `k ln rate − rate − ln Γ(k + 1)` for any `k ≥ 0`.
pub(super) fn log_term(k: f64, Rate { rate, log }: Rate) -> f64 {
    if k == 0.0 {
        -rate
    } else if rate == f64::INFINITY {
        f64::NEG_INFINITY
    } else if rate < f64::MIN_POSITIVE {
        k * log - ln_gamma_1p(k)
    } else {
        log_front(k, rate)
    }
}

/// The log-mass at `k`: minus infinity where that is no count.
pub(crate) fn log_mass(k: f64, at: Rate) -> f64 {
    if k.is_nan() || at.rate.is_nan() {
        f64::NAN
    } else if is_count(k) {
        log_term(k, at)
    } else {
        f64::NEG_INFINITY
    }
}

/// Its derivative in `k`, as if that were any number; 0 where there is no mass.
pub(crate) fn log_mass_in_count(k: f64, at: Rate) -> f64 {
    if !is_count(k) {
        0.0
    } else if at.rate > f64::MIN_POSITIVE && at.rate < f64::INFINITY {
        log_density_in_a([k + 1.0, at.rate, 1.0])
    } else {
        at.log - digamma(k + 1.0)
    }
}

/// Its derivative in the logarithm of the rate.
pub(crate) fn log_mass_in_log_rate(k: f64, at: Rate) -> f64 {
    if is_count(k) { k - at.rate } else { 0.0 }
}

/// Its derivative in the rate.
pub(crate) fn log_mass_in_rate(k: f64, at: Rate) -> f64 {
    match at.rate {
        _ if !is_count(k) => 0.0,
        0.0 => {
            if k == 0.0 {
                -1.0
            } else {
                0.0
            }
        }
        rate => (k - rate) / rate,
    }
}

/// The mass up to the count `k`.
pub(crate) fn tail(k: f64, rate: f64) -> LogTail {
    log_tail(k + 1.0, rate).swapped()
}

/// `q ln(q/p) − q + p`: the divergence of two Poisson distributions of rates `q` and `p`.
pub(crate) fn divergence(q: f64, p: f64) -> f64 {
    let t = (p - q) / q;
    if q == 0.0 {
        p
    } else if p == 0.0 {
        f64::INFINITY
    } else if t.abs() < 2.0 {
        q * super::log1p_gap(t)
    } else {
        (p - q) + q * (q.ln() - p.ln())
    }
}
