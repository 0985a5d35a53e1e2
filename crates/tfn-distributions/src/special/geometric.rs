//! Tails and quantiles of the geometric distribution on tensors, from the logarithm of the probability of failure.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::counts::is_single;
use super::scalar::count_quantile::{Level, Moments, quantile};
use super::scalar::incomplete_gamma::LogTail;

/// Trials up to the count `k`.
fn trials(k: f64) -> f64 {
    if k < 0.0 { 0.0 } else { k.floor() + 1.0 }
}

/// The mass up to the count `k`.
fn tail(k: f64, log_failure: f64) -> LogTail {
    match trials(k) {
        0.0 => LogTail::Upper(0.0),
        f64::INFINITY => LogTail::Upper(f64::NEG_INFINITY),
        trials => LogTail::Upper(trials * log_failure),
    }
}

const fn tails<const UPPER: bool, const LOG: bool>() -> Pointwise<2> {
    Pointwise {
        name: "geometric_tail",
        value: |[k, log_failure]| {
            let lower = tail(k, log_failure);
            let tail = if UPPER { lower.swapped() } else { lower };
            if LOG { tail.log_lower() } else { tail.lower() }
        },
        partials: [
            |_, _| 0.0,
            |[k, log_failure], _| {
                let (trials, log) = (trials(k), tail(k, log_failure).swapped().log_lower());
                let slope = match (UPPER, LOG) {
                    (true, true) => trials,
                    (true, false) => trials * log.exp(),
                    (false, true) => -trials / (-log).exp_m1(),
                    (false, false) => -trials * log.exp(),
                };
                if slope.is_finite() { slope } else { 0.0 }
            },
        ],
    }
}

/// The mass up to the count `k` (above it, if `UPPER`), or its logarithm.
pub(crate) fn geometric_tail<const UPPER: bool, const LOG: bool>(
    k: &Tensor,
    log_failure: &Tensor,
) -> Tensor {
    pointwise(tails::<UPPER, LOG>(), [k, log_failure])
}

/// The first count up to which the mass reaches `p`; without gradient.
pub(crate) fn geometric_quantile(log_failure: &Tensor, p: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<3> = Pointwise {
        name: "geometric_quantile",
        value: |[log_failure, p, single]| {
            // As that of the smallest count whose trials fail with the probability 1 − p.
            let mean = (-p).ln_1p() / log_failure - 1.0;
            let moments = Moments { mean, stddev: 0.0, skewness: 0.0 };
            let level = Level { p, is_single: single == 1.0 };
            quantile(&level, f64::INFINITY, &moments, &|k| tail(k, log_failure))
        },
        partials: [|_, _| 0.0; 3],
    };
    pointwise(QUANTILE, [&log_failure.detach(), &p.detach(), &is_single(p)])
}
