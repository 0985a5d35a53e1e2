//! The incomplete beta function on tensors.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::incomplete_gamma::LEAST;
use super::scalar::beta_front::{Point, log_front};
use super::scalar::beta_law;
use super::scalar::incomplete_beta::{by_parameters, front_over_tail, log_tail, quantile};

/// `∂I/∂a` or `∂I/∂b`.
fn slope_in(parameter: usize, [a, b, x]: [f64; 3]) -> f64 {
    let at = Point::new(x);
    if x > 0.0 && x < 1.0 {
        log_front(a, b, at).exp() * by_parameters(a, b, at)[parameter]
    } else {
        0.0
    }
}

/// `∂I/∂x`.
fn slope_in_x([a, b, x]: [f64; 3]) -> f64 {
    match x {
        0.0 => density_at_end(a, b),
        1.0 => density_at_end(b, a),
        _ => (log_front(a, b, Point::new(x)) - x.ln() - (-x).ln_1p()).exp(),
    }
}

/// The density at the end of which `own` is the concentration.
fn density_at_end(own: f64, other: f64) -> f64 {
    match own {
        own if own < 1.0 => f64::INFINITY,
        own if own > 1.0 => 0.0,
        _ => other,
    }
}

/// The derivatives of `ln I`, or of `ln(1 − I)` if `UPPER`, in `a`, `b` and `x`; 0 where that is minus infinity.
fn log_slope<const UPPER: bool>(which: usize, [a, b, x]: [f64; 3]) -> f64 {
    let (at, sign) = (Point::new(x), if UPPER { -1.0 } else { 1.0 });
    if x > 0.0 && x < 1.0 {
        let share = sign * front_over_tail(a, b, at, UPPER);
        return match which {
            _ if share == 0.0 => 0.0,
            2 if share.abs() < LEAST => sign * slope_in_x([a, b, x]),
            2 => share / x / (1.0 - x),
            parameter => share * by_parameters(a, b, at)[parameter],
        };
    }
    match (which, UPPER, x) {
        (2, true, 0.0) => -density_at_end(a, b),
        (2, false, 1.0) => density_at_end(b, a),
        _ => 0.0,
    }
}

/// `∂x/∂a` or `∂x/∂b` at a fixed probability: Figurnov, Mohamed and Mnih (2018), equation 8.
pub(super) fn quantile_in(parameter: usize, a: f64, b: f64, x: f64) -> f64 {
    if x > 0.0 && x < 1.0 {
        -by_parameters(a, b, Point::new(x))[parameter] * x * (1.0 - x)
    } else {
        0.0
    }
}

/// The logarithm of `I`.
fn log_lower([a, b, x]: [f64; 3]) -> f64 {
    log_tail(a, b, Point::new(x)).log_lower()
}

/// That of `1 − I`.
fn log_upper([a, b, x]: [f64; 3]) -> f64 {
    log_tail(a, b, Point::new(x)).swapped().log_lower()
}

/// The regularized incomplete beta function.
///
/// ```text
/// I_x(a, b) = 1/B(a, b) ∫ t^(a−1) (1 − t)^(b−1) dt   over [0, x],   a, b > 0, 0 ≤ x ≤ 1
/// ```
///
/// Counterpart: `tfp.math.betainc`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::betainc;
/// use tfn_distributions::tensor::Tensor;
///
/// let p = betainc(&Tensor::scalar(3.0), &Tensor::scalar(1.0), &Tensor::scalar(0.5)).item()?;
/// assert!((p - 0.125).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn betainc(a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
    const I: Pointwise<3> = Pointwise {
        name: "betainc",
        value: |[a, b, x]| log_tail(a, b, Point::new(x)).lower(),
        partials: [|at, _| slope_in(0, at), |at, _| slope_in(1, at), |at, _| slope_in_x(at)],
    };
    pointwise(I, [a, b, x])
}

/// `1 −` [`betainc`], with its own digits.
///
/// Counterpart: `tfp.math.betainc` with the arguments exchanged.
///
/// # Examples
/// ```
/// use tfn_distributions::special::betaincc;
/// use tfn_distributions::tensor::Tensor;
///
/// let q = betaincc(&Tensor::scalar(1.0), &Tensor::scalar(20.0), &Tensor::scalar(0.75)).item()?;
/// assert!((q / 0.25_f64.powi(20) - 1.0).abs() < 1e-14);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn betaincc(a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
    const J: Pointwise<3> = Pointwise {
        name: "betaincc",
        value: |[a, b, x]| log_tail(a, b, Point::new(x)).swapped().lower(),
        partials: [|at, _| -slope_in(0, at), |at, _| -slope_in(1, at), |at, _| -slope_in_x(at)],
    };
    pointwise(J, [a, b, x])
}

/// Logarithm of [`betainc`], far beyond where that is 0.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_betainc;
/// use tfn_distributions::tensor::Tensor;
///
/// let log = log_betainc(&Tensor::scalar(1e4), &Tensor::scalar(1.0), &Tensor::scalar(0.5)).item()?;
/// assert!((log / (0.5_f64.ln() * 1e4) - 1.0).abs() < 1e-14);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_betainc(a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
    const LOG_I: Pointwise<3> = Pointwise {
        name: "log_betainc",
        value: log_lower,
        partials: [
            |at, _| log_slope::<false>(0, at),
            |at, _| log_slope::<false>(1, at),
            |at, _| log_slope::<false>(2, at),
        ],
    };
    pointwise(LOG_I, [a, b, x])
}

/// Logarithm of [`betaincc`], far beyond where that is 0.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_betaincc;
/// use tfn_distributions::tensor::Tensor;
///
/// let log = log_betaincc(&Tensor::scalar(1.0), &Tensor::scalar(1e4), &Tensor::scalar(0.5)).item()?;
/// assert!((log / (0.5_f64.ln() * 1e4) - 1.0).abs() < 1e-14);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_betaincc(a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
    const LOG_J: Pointwise<3> = Pointwise {
        name: "log_betaincc",
        value: log_upper,
        partials: [
            |at, _| log_slope::<true>(0, at),
            |at, _| log_slope::<true>(1, at),
            |at, _| log_slope::<true>(2, at),
        ],
    };
    pointwise(LOG_J, [a, b, x])
}

/// The `x` for which `I_x(a, b) = p`: the quantile function of the beta distribution.
///
/// Counterpart: `tfp.math.special.betaincinv`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::betaincinv;
/// use tfn_distributions::tensor::Tensor;
///
/// let x = betaincinv(&Tensor::scalar(3.0), &Tensor::scalar(1.0), &Tensor::scalar(0.125)).item()?;
/// assert!((x - 0.5).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn betaincinv(a: &Tensor, b: &Tensor, p: &Tensor) -> Tensor {
    const INVERSE: Pointwise<3> = Pointwise {
        name: "betaincinv",
        value: |[a, b, p]| quantile(a, b, p, false).x(),
        partials: [
            |[a, b, _], x| quantile_in(0, a, b, x),
            |[a, b, _], x| quantile_in(1, a, b, x),
            |[a, b, _], x| 1.0 / slope_in_x([a, b, x]),
        ],
    };
    pointwise(INVERSE, [a, b, p])
}

/// The `x` for which `1 − I_x(a, b) = q`, exact in the upper tail.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::betainccinv;
/// use tfn_distributions::tensor::Tensor;
///
/// let x = betainccinv(&Tensor::scalar(1.0), &Tensor::scalar(2.0), &Tensor::scalar(0.25)).item()?;
/// assert!((x - 0.5).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn betainccinv(a: &Tensor, b: &Tensor, q: &Tensor) -> Tensor {
    const UPPER_INVERSE: Pointwise<3> = Pointwise {
        name: "betainccinv",
        value: |[a, b, q]| quantile(a, b, q, true).x(),
        partials: [
            |[a, b, _], x| quantile_in(0, a, b, x),
            |[a, b, _], x| quantile_in(1, a, b, x),
            |[a, b, _], x| -1.0 / slope_in_x([a, b, x]),
        ],
    };
    pointwise(UPPER_INVERSE, [a, b, q])
}

/// The log-density at `x` of the beta distribution, for concentrations of any size: minus infinity outside the support.
pub(crate) fn beta_log_density(a: &Tensor, b: &Tensor, x: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "beta_log_density",
        value: beta_law::log_density,
        partials: [
            |at, _| beta_law::log_density_in_a(at),
            |at, _| beta_law::log_density_in_b(at),
            |at, _| beta_law::log_density_in_x(at),
        ],
    };
    pointwise(LOG_DENSITY, [a, b, x])
}
