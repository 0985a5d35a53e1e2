//! Masses, tails, quantiles and draws of the binomial and the negative binomial distribution on tensors.

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use super::counts::is_single;
use super::draws::{in_type_of, words};
use super::scalar::count_quantile::{Level, Moments, quantile};
use super::scalar::incomplete_gamma::LogTail;
use super::scalar::numbers::Numbers;
pub(crate) use super::scalar::trials_divergence::Counted;
use super::scalar::trials_divergence::{divergence, slopes};
use super::scalar::trials_law::{Odds, Over};
use super::scalar::{count_draws, count_entropy, trials_law as law};

/// The probability of success, as it was given.
pub(crate) struct SuccessProb {
    pub(crate) given: Tensor,
    pub(crate) is_logit: bool,
}

impl SuccessProb {
    fn detached(&self) -> Tensor {
        self.given.detach()
    }
}

fn odds<const LOGIT: bool>(given: f64) -> Odds {
    if LOGIT { Odds::of_logit(given) } else { Odds::of_prob(given) }
}

/// `pointwise` by logits or by probabilities, whichever `success` is given by.
macro_rules! by_given {
    ($success:expr, $function:ident $(, $which:ident)*; $inputs:expr) => {
        if $success.is_logit {
            pointwise($function::<true $(, $which)*>(), $inputs)
        } else {
            pointwise($function::<false $(, $which)*>(), $inputs)
        }
    };
}

/// The derivative of `k ln p + m ln q`, 0 where there is no mass.
fn log_power_slope<const LOGIT: bool>(log_mass: f64, k: f64, m: f64, at: Odds) -> f64 {
    if log_mass == f64::NEG_INFINITY {
        0.0
    } else if LOGIT {
        law::log_power_in_logit(k, m, at)
    } else {
        law::log_power_in_prob(k, m, at)
    }
}

fn unless_impossible(log_mass: f64, slope: impl Fn() -> f64) -> f64 {
    if log_mass == f64::NEG_INFINITY { 0.0 } else { slope() }
}

const fn log_mass<const LOGIT: bool>() -> Pointwise<3> {
    Pointwise {
        name: "binomial_log_mass",
        value: |[n, k, s]| law::log_mass(n, k, odds::<LOGIT>(s)),
        partials: [
            |[n, k, s], l| unless_impossible(l, || law::log_mass_in_trials(n, k, odds::<LOGIT>(s))),
            |[n, k, s], l| unless_impossible(l, || law::log_mass_in_count(n, k, odds::<LOGIT>(s))),
            |[n, k, s], l| log_power_slope::<LOGIT>(l, k, n - k, odds::<LOGIT>(s)),
        ],
    }
}

/// The log-mass of `k` successes of `n` trials.
pub(crate) fn binomial_log_mass(n: &Tensor, k: &Tensor, success: &SuccessProb) -> Tensor {
    by_given!(success, log_mass; [n, k, &success.given])
}

const fn entropy<const LOGIT: bool>() -> Pointwise<2> {
    Pointwise {
        name: "binomial_entropy",
        value: |[n, s]| count_entropy::binomial(n, odds::<LOGIT>(s)),
        partials: [
            |_, _| 0.0,
            |[n, s], _| {
                let (at, scale) =
                    (odds::<LOGIT>(s), if LOGIT { 1.0 } else { odds::<false>(s).logit_slope() });
                let slope = count_entropy::binomial_in_logit(n, at);
                if slope == 0.0 { 0.0 } else { slope * scale }
            },
        ],
    }
}

/// The entropy of the number of successes of `n` trials; without gradient in `n`.
pub(crate) fn binomial_entropy(n: &Tensor, success: &SuccessProb) -> Tensor {
    by_given!(success, entropy; [&n.detach(), &success.given])
}

const fn waiting_log_mass<const LOGIT: bool>() -> Pointwise<3> {
    Pointwise {
        name: "negative_binomial_log_mass",
        value: |[r, k, s]| law::waiting_log_mass(r, k, odds::<LOGIT>(s)),
        partials: [
            |[r, k, s], l| {
                unless_impossible(l, || law::waiting_log_mass_in_failures(r, k, odds::<LOGIT>(s)))
            },
            |[r, k, s], l| {
                unless_impossible(l, || law::waiting_log_mass_in_count(r, k, odds::<LOGIT>(s)))
            },
            |[r, k, s], l| log_power_slope::<LOGIT>(l, k, r, odds::<LOGIT>(s)),
        ],
    }
}

/// The log-mass of `k` successes before failure number `r`.
pub(crate) fn negative_binomial_log_mass(r: &Tensor, k: &Tensor, success: &SuccessProb) -> Tensor {
    by_given!(success, waiting_log_mass; [r, k, &success.given])
}

const fn pair_divergence<const Q_LOGIT: bool, const P_LOGIT: bool, const COUNTED: u8>()
-> Pointwise<2> {
    const fn counted(which: u8) -> Counted {
        match which {
            0 => Counted::Success,
            1 => Counted::UntilSuccess,
            _ => Counted::UntilFailure,
        }
    }
    Pointwise {
        name: "trials_divergence",
        value: |given| divergence(counted(COUNTED), given, [Q_LOGIT, P_LOGIT]),
        partials: [
            |given, value| slopes(counted(COUNTED), given, [Q_LOGIT, P_LOGIT], value)[0],
            |given, value| slopes(counted(COUNTED), given, [Q_LOGIT, P_LOGIT], value)[1],
        ],
    }
}

/// The divergence of `q` from `p`, for what is counted until the first of an outcome, or of one trial.
pub(crate) fn trials_divergence(counted: Counted, q: &SuccessProb, p: &SuccessProb) -> Tensor {
    let inputs = [&q.given, &p.given];
    macro_rules! of {
        ($counted:literal) => {
            match [q.is_logit, p.is_logit] {
                [true, true] => pointwise(pair_divergence::<true, true, $counted>(), inputs),
                [true, false] => pointwise(pair_divergence::<true, false, $counted>(), inputs),
                [false, true] => pointwise(pair_divergence::<false, true, $counted>(), inputs),
                [false, false] => pointwise(pair_divergence::<false, false, $counted>(), inputs),
            }
        };
    }
    match counted {
        Counted::Success => of!(0),
        Counted::UntilSuccess => of!(1),
        Counted::UntilFailure => of!(2),
    }
}

/// The tail asked for as the lower one.
fn chosen<const UPPER: bool>(tail: LogTail) -> LogTail {
    if UPPER { tail.swapped() } else { tail }
}

/// `slope` of the lower tail, given what it is to be divided by, as that of the tail asked for.
fn tail_slope<const LOGIT: bool, const UPPER: bool, const LOG: bool>(
    [k, m, s]: [f64; 3],
    slope: fn(f64, f64, Odds, Over) -> f64,
) -> f64 {
    let over = match (LOG, UPPER) {
        (false, _) => Over::Nothing,
        (true, false) => Over::Lower,
        (true, true) => Over::Upper,
    };
    let slope = slope(k, m, odds::<LOGIT>(s), over);
    if UPPER { -slope } else { slope }
}

const fn tail<const LOGIT: bool, const UPPER: bool, const LOG: bool>() -> Pointwise<3> {
    Pointwise {
        name: "trials_tail",
        value: |[k, m, s]| {
            let tail = chosen::<UPPER>(law::tail(k, m, odds::<LOGIT>(s)));
            if LOG { tail.log_lower() } else { tail.lower() }
        },
        partials: [
            |_, _| 0.0,
            |at, _| tail_slope::<LOGIT, UPPER, LOG>(at, law::tail_in_failures),
            |at, _| {
                let slope = tail_slope::<LOGIT, UPPER, LOG>(at, law::tail_in_logit);
                if LOGIT || slope == 0.0 {
                    slope
                } else {
                    slope * odds::<LOGIT>(at[2]).logit_slope()
                }
            },
        ],
    }
}

/// The mass up to the count `k` (above it, if `UPPER`), beside which there are `m` failures, or its logarithm.
pub(crate) fn trials_tail<const UPPER: bool, const LOG: bool>(
    k: &Tensor,
    m: &Tensor,
    success: &SuccessProb,
) -> Tensor {
    by_given!(success, tail, UPPER, LOG; [k, m, &success.given])
}

const fn binomial_quantiles<const LOGIT: bool>() -> Pointwise<4> {
    Pointwise {
        name: "binomial_quantile",
        value: |[n, s, p, single]| {
            let at = odds::<LOGIT>(s);
            let stddev = (n * at.p * at.q).sqrt();
            let moments = Moments { mean: n * at.p, stddev, skewness: (at.q - at.p) / stddev };
            quantile(&Level { p, is_single: single == 1.0 }, n, &moments, &|k| {
                law::tail(k, n - k, at)
            })
        },
        partials: [|_, _| 0.0; 4],
    }
}

/// The first count of successes of `n` trials up to which the mass reaches `p`; without gradient.
pub(crate) fn binomial_quantile(n: &Tensor, success: &SuccessProb, p: &Tensor) -> Tensor {
    by_given!(success, binomial_quantiles; [&n.detach(), &success.detached(), &p.detach(), &is_single(p)])
}

const fn waiting_quantiles<const LOGIT: bool>() -> Pointwise<4> {
    Pointwise {
        name: "negative_binomial_quantile",
        value: |[r, s, p, single]| {
            let at = odds::<LOGIT>(s);
            let (mean, root) = (r * at.p / at.q, (r * at.p).sqrt());
            let moments = Moments { mean, stddev: root / at.q, skewness: (1.0 + at.p) / root };
            quantile(&Level { p, is_single: single == 1.0 }, f64::INFINITY, &moments, &|k| {
                law::tail(k, r, at)
            })
        },
        partials: [|_, _| 0.0; 4],
    }
}

/// The first count of successes before failure number `r` up to which the mass reaches `p`; without gradient.
pub(crate) fn negative_binomial_quantile(r: &Tensor, success: &SuccessProb, p: &Tensor) -> Tensor {
    by_given!(success, waiting_quantiles; [&r.detach(), &success.detached(), &p.detach(), &is_single(p)])
}

const fn draws<const LOGIT: bool, const WAITING: bool>() -> Pointwise<3> {
    Pointwise {
        name: "trials_sample",
        value: |[n, s, word]| {
            let draw = if WAITING { count_draws::negative_binomial } else { count_draws::binomial };
            draw(n, odds::<LOGIT>(s), &mut Numbers::new(word))
        },
        partials: [|_, _| 0.0, |_, _| 0.0, |_, _| 0.0],
    }
}

/// Counts of successes of `n` trials (before failure number `n`, if `WAITING`), in the type of `n`.
pub(crate) fn trials_sample<const WAITING: bool>(
    n: &Tensor,
    success: &SuccessProb,
    shape: &[usize],
    stream: &mut Stream,
) -> Tensor {
    let [count, given] = [n.detach(), success.detached()].map(|tensor| tensor.cast(DType::F64));
    let words = words(shape, stream);
    in_type_of(n, by_given!(success, draws, WAITING; [&count, &given, &words]))
}
