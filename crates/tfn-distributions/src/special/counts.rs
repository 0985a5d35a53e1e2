//! Masses, tails, quantiles and draws of distributions of counts on tensors.

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use super::draws::{draws_of_one, in_type_of, words};
use super::scalar::count_quantile::{Level, Moments, quantile};
use super::scalar::numbers::Numbers;
use super::scalar::poisson_law::Rate;
use super::scalar::{count_draws, count_entropy, poisson_law};
use crate::masking::constant;

/// The log-mass of the Poisson distribution at `k`: minus infinity where that is no count.
pub(crate) fn poisson_log_mass(k: &Tensor, rate: &Tensor) -> Tensor {
    const LOG_MASS: Pointwise<2> = Pointwise {
        name: "poisson_log_mass",
        value: |[k, rate]| poisson_law::log_mass(k, Rate::of(rate)),
        partials: [
            |[k, rate], _| poisson_law::log_mass_in_count(k, Rate::of(rate)),
            |[k, rate], _| poisson_law::log_mass_in_rate(k, Rate::of(rate)),
        ],
    };
    pointwise(LOG_MASS, [k, rate])
}

/// The same from the logarithm of the rate.
pub(crate) fn poisson_log_mass_of_log(k: &Tensor, log_rate: &Tensor) -> Tensor {
    const LOG_MASS: Pointwise<2> = Pointwise {
        name: "poisson_log_mass",
        value: |[k, log]| poisson_law::log_mass(k, Rate::of_log(log)),
        partials: [
            |[k, log], _| poisson_law::log_mass_in_count(k, Rate::of_log(log)),
            |[k, log], _| poisson_law::log_mass_in_log_rate(k, Rate::of_log(log)),
        ],
    };
    pointwise(LOG_MASS, [k, log_rate])
}

/// The entropy of the Poisson distribution.
pub(crate) fn poisson_entropy(rate: &Tensor) -> Tensor {
    const ENTROPY: Pointwise<1> = Pointwise {
        name: "poisson_entropy",
        value: |[rate]| count_entropy::poisson(Rate::of(rate)),
        partials: [|[rate], _| match rate {
            0.0 => f64::INFINITY,
            _ => count_entropy::poisson_in_log_rate(Rate::of(rate)) / rate,
        }],
    };
    pointwise(ENTROPY, [rate])
}

/// The same from the logarithm of the rate.
pub(crate) fn poisson_entropy_of_log(log_rate: &Tensor) -> Tensor {
    const ENTROPY: Pointwise<1> = Pointwise {
        name: "poisson_entropy",
        value: |[log]| count_entropy::poisson(Rate::of_log(log)),
        partials: [|[log], _| count_entropy::poisson_in_log_rate(Rate::of_log(log))],
    };
    pointwise(ENTROPY, [log_rate])
}

/// The log-mass at `x` of a Poisson distribution of the rate `n p`, whose slope in `log_p` is that of `x log_p`.
///
/// The sum of the rates is fixed, so that their own slopes would cancel.
pub(crate) fn multinomial_log_terms(n: &Tensor, x: &Tensor, p: &Tensor, log_p: &Tensor) -> Tensor {
    fn rate(n: f64, p: f64, log_p: f64) -> Rate {
        Rate { rate: n * p, log: n.ln() + log_p }
    }
    const LOG_TERM: Pointwise<4> = Pointwise {
        name: "multinomial_log_term",
        value: |[n, x, p, log_p]| poisson_law::log_mass(x, rate(n, p, log_p)),
        partials: [
            |[n, x, p, _], _| if x > 0.0 { x / n - p } else { -p },
            |[n, x, p, log_p], _| poisson_law::log_mass_in_count(x, rate(n, p, log_p)),
            |_, _| 0.0,
            |[_, x, ..], log_mass| if log_mass == f64::NEG_INFINITY { 0.0 } else { x },
        ],
    };
    pointwise(LOG_TERM, [n, x, &p.detach(), log_p])
}

/// 1 if `levels` are of single precision.
pub(super) fn is_single(levels: &Tensor) -> Tensor {
    constant(f64::from(u8::from(levels.dtype() == Ok(DType::F32))), levels)
}

/// The first count up to which the mass of the Poisson distribution reaches `p`; without gradient.
pub(crate) fn poisson_quantile(rate: &Tensor, p: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<3> = Pointwise {
        name: "poisson_quantile",
        value: |[rate, p, single]| {
            let stddev = rate.sqrt();
            let moments = Moments { mean: rate, stddev, skewness: 1.0 / stddev };
            let level = Level { p, is_single: single == 1.0 };
            quantile(&level, f64::INFINITY, &moments, &|k| poisson_law::tail(k, rate))
        },
        partials: [|_, _| 0.0; 3],
    };
    pointwise(QUANTILE, [&rate.detach(), &p.detach(), &is_single(p)])
}

/// Counts of the Poisson distribution, in the type of `rate`.
pub(crate) fn poisson_sample(rate: &Tensor, shape: &[usize], stream: &mut Stream) -> Tensor {
    const DRAW: Pointwise<2> = Pointwise {
        name: "poisson_sample",
        value: |[rate, word]| count_draws::poisson(rate, &mut Numbers::new(word)),
        partials: [|_, _| 0.0, |_, _| 0.0],
    };
    if rate.len() == Ok(1)
        && let Ok(one) = rate.item()
    {
        let draws = count_draws::PoissonDraws::new(one);
        return draws_of_one(rate, shape, stream, &|numbers| draws.draw(numbers));
    }
    let rates = rate.detach().cast(DType::F64);
    in_type_of(rate, pointwise(DRAW, [&rates, &words(shape, stream)]))
}

/// `rate_q ln(rate_q/rate_p) − rate_q + rate_p` without cancellation; infinite with zero gradient where only `rate_p`
/// is 0.
pub(crate) fn poisson_divergence(rate_q: &Tensor, rate_p: &Tensor) -> Tensor {
    const DIVERGENCE: Pointwise<2> = Pointwise {
        name: "poisson_divergence",
        value: |[q, p]| poisson_law::divergence(q, p),
        partials: [
            |[q, p], _| if q > 0.0 && p > 0.0 { -((p - q) / q).ln_1p() } else { 0.0 },
            |[q, p], _| if p > 0.0 { (p - q) / p } else { 0.0 },
        ],
    };
    pointwise(DIVERGENCE, [rate_q, rate_p])
}
