//! The gamma and beta functions' logarithms on tensors.

use std::f64::consts::PI;

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar;
use super::scalar::gamma::{digamma_rise, trigamma};
use super::scalar::{gamma, gamma_law};

/// `ln|Γ(x)|`.
///
/// Counterpart: `tf.math.lgamma`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::lgamma;
/// use tfn_distributions::tensor::Tensor;
///
/// assert_eq!(lgamma(&Tensor::scalar(5.0)).item()?, 24.0_f64.ln());
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn lgamma(x: &Tensor) -> Tensor {
    const LGAMMA: Pointwise<1> = Pointwise {
        name: "lgamma",
        value: |[x]| gamma::ln_gamma(x),
        partials: [|[x], _| gamma::digamma(x)],
    };
    pointwise(LGAMMA, [x])
}

/// `ψ(x)`, the derivative of [`lgamma`].
///
/// Counterpart: `tf.math.digamma`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::digamma;
/// use tfn_distributions::tensor::Tensor;
///
/// // ψ(1) = −γ
/// assert!((digamma(&Tensor::scalar(1.0)).item()? + 0.577_215_664_901_532_9).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn digamma(x: &Tensor) -> Tensor {
    const DIGAMMA: Pointwise<1> = Pointwise {
        name: "digamma",
        value: |[x]| gamma::digamma(x),
        partials: [|[x], _| trigamma(x)],
    };
    pointwise(DIGAMMA, [x])
}

/// `ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b)` for positive arguments, without cancellation where they are large.
///
/// Counterpart: `tfp.math.lbeta`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_beta;
/// use tfn_distributions::tensor::Tensor;
///
/// // B(a, 1) = 1/a
/// let beta = log_beta(&Tensor::scalar(1e15), &Tensor::scalar(1.0)).item()?;
/// assert!((beta + 1e15_f64.ln()).abs() < 1e-13);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_beta(a: &Tensor, b: &Tensor) -> Tensor {
    const LOG_BETA: Pointwise<2> = Pointwise {
        name: "log_beta",
        value: |[a, b]| gamma::log_beta(a, b),
        partials: [|[a, b], _| -digamma_rise(a, b), |[a, b], _| -digamma_rise(b, a)],
    };
    pointwise(LOG_BETA, [a, b])
}

/// Logarithm of the multivariate gamma function of order `p`.
///
/// ```text
/// ln Γ_p(a) = p (p − 1)/4 · ln π + Σ ln Γ(a − j/2),   j = 0 … p − 1
/// ```
///
/// Counterpart: `tfp.math.log_multigamma` (there `_log_multigamma` of the Wishart family).
pub fn log_multigamma(a: &Tensor, p: usize) -> Tensor {
    let order = p as f64;
    let constant = a * 0.0 + order * (order - 1.0) / 4.0 * PI.ln();
    (0..p).fold(constant, |sum, j| sum + lgamma(&(a - 0.5 * j as f64)))
}

/// `ln Γ(p) − ln Γ(q) − (p − q) ψ(q)` for positive arguments: the divergence that `ln Γ` generates, never negative and
/// exact where `p` and `q` nearly agree.
///
/// It is the divergence of two gamma distributions of one rate and the concentrations `q` and `p`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::lgamma_divergence;
/// use tfn_distributions::tensor::Tensor;
///
/// let near = lgamma_divergence(&Tensor::scalar(3.0 + 1e-9), &Tensor::scalar(3.0)).item()?;
/// // ψ′(3)/2 times the square of the difference
/// assert!((near / 0.197_467_033_424_113e-18 - 1.0).abs() < 1e-6);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn lgamma_divergence(p: &Tensor, q: &Tensor) -> Tensor {
    const DIVERGENCE: Pointwise<2> = Pointwise {
        name: "lgamma_divergence",
        value: |[p, q]| gamma::ln_gamma_bregman(p, q),
        partials: [|[p, q], _| digamma_rise(q, p - q), |[p, q], _| (q - p) * trigamma(q)],
    };
    pointwise(DIVERGENCE, [p, q])
}

/// `t − ln(1 + t)` for `t > −1`, exact near 0, where it is `t²/2`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log1p_gap;
/// use tfn_distributions::tensor::Tensor;
///
/// assert!((log1p_gap(&Tensor::scalar(1e-9)).item()? / 0.5e-18 - 1.0).abs() < 1e-8);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn log1p_gap(t: &Tensor) -> Tensor {
    const GAP: Pointwise<1> = Pointwise {
        name: "log1p_gap",
        value: |[t]| scalar::log1p_gap(t),
        partials: [|[t], _| t / (1.0 + t)],
    };
    pointwise(GAP, [t])
}

/// `exp(t) − 1 − t`.
pub(crate) fn expm1_gap(t: &Tensor) -> Tensor {
    const GAP: Pointwise<1> = Pointwise {
        name: "expm1_gap",
        value: |[t]| scalar::expm1_gap(t),
        partials: [|[t], _| t.exp_m1()],
    };
    pointwise(GAP, [t])
}

/// `r − 1 − ln r` of the ratio `r = a/b` of positive numbers.
pub(crate) fn ratio_gap(a: &Tensor, b: &Tensor) -> Tensor {
    const GAP: Pointwise<2> = Pointwise {
        name: "ratio_gap",
        value: |[a, b]| scalar::ratio_gap(a, b),
        partials: [|[a, b], _| (a - b) / b / a, |[a, b], _| -((a - b) / b / b)],
    };
    pointwise(GAP, [a, b])
}

/// The log-density at `x` of the gamma distribution of concentration `a`, for concentrations of any size: minus
/// infinity outside the support.
pub(crate) fn gamma_log_density(a: &Tensor, rate: &Tensor, x: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "gamma_log_density",
        value: gamma_law::log_density,
        partials: [
            |at, _| gamma_law::log_density_in_a(at),
            |at, _| gamma_law::log_density_in_rate(at),
            |at, _| gamma_law::log_density_in_x(at),
        ],
    };
    pointwise(LOG_DENSITY, [a, rate, x])
}

/// The log-density at `y` of the reciprocal of a gamma variable, as [`gamma_log_density`].
pub(crate) fn inverse_gamma_log_density(a: &Tensor, scale: &Tensor, y: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "inverse_gamma_log_density",
        value: |at| {
            let (of_gamma, unit) = of_reciprocal(at);
            gamma_law::log_density(of_gamma) - 2.0 * at[2].ln() + unit.ln()
        },
        partials: [
            |at, _| gamma_law::log_density_in_a(of_reciprocal(at).0),
            |[a, scale, y], _| {
                let (of_gamma, unit) = of_reciprocal([a, scale, y]);
                gamma_law::log_density_in_rate(of_gamma) / unit
            },
            |[a, scale, y], _| {
                // Each of both terms over y may be larger than all numbers.
                let rest = (-(a + 1.0)).mul_add(y, scale);
                if rest.is_infinite() { -(a + 1.0) / y } else { rest / y / y }
            },
        ],
    };
    pointwise(LOG_DENSITY, [a, scale, y])
}

/// Concentration, rate and value of the gamma variable whose reciprocal is `y`, and the unit of that value: 1, but `1/y` where that
/// overflows.
fn of_reciprocal([a, scale, y]: [f64; 3]) -> ([f64; 3], f64) {
    let x = y.recip();
    if x == f64::INFINITY { ([a, scale / y, 1.0], y) } else { ([a, scale, x], 1.0) }
}

/// The entropy of that distribution at rate 1.
pub(crate) fn gamma_entropy(a: &Tensor) -> Tensor {
    const ENTROPY: Pointwise<1> = Pointwise {
        name: "gamma_entropy",
        value: |[a]| gamma_law::entropy(a),
        partials: [|[a], _| gamma_law::entropy_slope(a)],
    };
    pointwise(ENTROPY, [a])
}
