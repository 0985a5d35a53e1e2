//! The incomplete gamma functions on tensors.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::incomplete_gamma::{
    by_a, front_over_tail, log_density, log_front, log_quantile, log_tail, quantile,
};

/// Numbers below this may have lost digits, which a quotient by a small `x` would show. Where a front is so little of its
/// tail, that tail is 1, and what the tail falls by is the density.
pub(super) const LEAST: f64 = 1e-290;

/// `∂P/∂a`.
fn slope_in_a(a: f64, x: f64) -> f64 {
    if !(x > 0.0 && x < f64::INFINITY) {
        return 0.0;
    }
    let front = log_front(a, x).exp();
    // What has underflowed stays so.
    if front == 0.0 { 0.0 } else { front * by_a(a, x) }
}

/// `∂P/∂x`.
fn slope_in_x(a: f64, x: f64) -> f64 {
    if x == f64::INFINITY {
        0.0
    } else if x == 0.0 {
        power_at_zero(a - 1.0)
    } else {
        log_density(a, x).exp()
    }
}

/// `∂ ln P/∂a` and `∂ ln P/∂x`, or those of `ln Q` if `UPPER`; 0 where that is minus infinity.
fn log_slopes<const UPPER: bool>(a: f64, x: f64) -> [f64; 2] {
    let sign = if UPPER { -1.0 } else { 1.0 };
    if x > 0.0 && x < f64::INFINITY {
        let share = sign * front_over_tail(a, x, UPPER);
        // What has underflowed stays so, and what has overflowed.
        if share == 0.0 || share.is_nan() {
            return [0.0; 2];
        }
        // So far out that Q is x^(a−1) e^−x/Γ(a).
        if share.is_infinite() {
            return [x.ln() - super::scalar::gamma::digamma(a), sign];
        }
        let in_x =
            if share.abs() < LEAST { sign * log_density(a, x).exp() } else { share * (a / x) };
        [share * by_a(a, x), in_x]
    } else if x == 0.0 && UPPER {
        [0.0, -power_at_zero(a - 1.0)]
    } else {
        [0.0; 2]
    }
}

/// `x^power` at 0 from above.
fn power_at_zero(power: f64) -> f64 {
    if power > 0.0 {
        0.0
    } else if power < 0.0 {
        f64::INFINITY
    } else {
        1.0
    }
}

/// `∂ ln x/∂a` at a fixed probability: Figurnov, Mohamed and Mnih (2018), equation 8.
pub(super) fn log_quantile_in_a(a: f64, log_x: f64) -> f64 {
    if log_x.is_infinite() {
        return 0.0;
    }
    let x = log_x.exp();
    if x > 1e-300 { -by_a(a, x) / a } else { (super::scalar::gamma::digamma(a + 1.0) - log_x) / a }
}

/// `∂x/∂a` at a fixed probability; 0 where `x` stays at an end.
pub(super) fn quantile_in_a(a: f64, x: f64) -> f64 {
    if x == 0.0 || x == f64::INFINITY { 0.0 } else { x * log_quantile_in_a(a, x.ln()) }
}

/// `∂x/∂P`.
fn quantile_in_p(a: f64, x: f64) -> f64 {
    if x == 0.0 {
        power_at_zero(1.0 / a - 1.0)
    } else if x == f64::INFINITY {
        x
    } else {
        x * log_quantile_in_p(a, x.ln())
    }
}

/// `∂ ln x/∂P`.
fn log_quantile_in_p(a: f64, log_x: f64) -> f64 {
    let x = log_x.exp();
    let log_front =
        if x > 1e-300 { log_front(a, x) } else { a * log_x - super::scalar::gamma::ln_gamma_1p(a) };
    1.0 / (log_front.exp() * a)
}

/// The regularized lower incomplete gamma function.
///
/// ```text
/// P(a, x) = 1/Γ(a) ∫ t^(a−1) e^−t dt   over [0, x],   a > 0, x ≥ 0
/// ```
///
/// Counterpart: `tf.math.igamma`, whose gradient in `a` is approximate.
///
/// # Examples
/// ```
/// use tfn_distributions::special::gammainc;
/// use tfn_distributions::tensor::Tensor;
///
/// let p = gammainc(&Tensor::scalar(1.0), &Tensor::scalar(2.0)).item()?;
/// assert!((p - (1.0 - (-2.0_f64).exp())).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn gammainc(a: &Tensor, x: &Tensor) -> Tensor {
    const P: Pointwise<2> = Pointwise {
        name: "gammainc",
        value: |[a, x]| log_tail(a, x).lower(),
        partials: [|[a, x], _| slope_in_a(a, x), |[a, x], _| slope_in_x(a, x)],
    };
    pointwise(P, [a, x])
}

/// The regularized upper incomplete gamma function, `1 −` [`gammainc`] with its own digits.
///
/// Counterpart: `tf.math.igammac`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::gammaincc;
/// use tfn_distributions::tensor::Tensor;
///
/// let q = gammaincc(&Tensor::scalar(1.0), &Tensor::scalar(200.0)).item()?;
/// assert!((q / (-200.0_f64).exp() - 1.0).abs() < 1e-13);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn gammaincc(a: &Tensor, x: &Tensor) -> Tensor {
    const Q: Pointwise<2> = Pointwise {
        name: "gammaincc",
        value: |[a, x]| log_tail(a, x).swapped().lower(),
        partials: [|[a, x], _| -slope_in_a(a, x), |[a, x], _| -slope_in_x(a, x)],
    };
    pointwise(Q, [a, x])
}

/// Logarithm of [`gammainc`], far beyond where that is 0.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_gammainc;
/// use tfn_distributions::tensor::Tensor;
///
/// // P(1, x) = 1 − exp(−x)
/// let log = log_gammainc(&Tensor::scalar(1.0), &Tensor::scalar(1e-320)).item()?;
/// assert!((log - 1e-320_f64.ln()).abs() < 1e-12);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_gammainc(a: &Tensor, x: &Tensor) -> Tensor {
    const LOG_P: Pointwise<2> = Pointwise {
        name: "log_gammainc",
        value: |[a, x]| log_tail(a, x).log_lower(),
        partials: [
            |[a, x], _| log_slopes::<false>(a, x)[0],
            |[a, x], _| log_slopes::<false>(a, x)[1],
        ],
    };
    pointwise(LOG_P, [a, x])
}

/// Logarithm of [`gammaincc`], far beyond where that is 0.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_gammaincc;
/// use tfn_distributions::tensor::Tensor;
///
/// let log = log_gammaincc(&Tensor::scalar(1.0), &Tensor::scalar(1e5)).item()?;
/// assert!((log / -1e5 - 1.0).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_gammaincc(a: &Tensor, x: &Tensor) -> Tensor {
    const LOG_Q: Pointwise<2> = Pointwise {
        name: "log_gammaincc",
        value: |[a, x]| log_tail(a, x).swapped().log_lower(),
        partials: [
            |[a, x], _| log_slopes::<true>(a, x)[0],
            |[a, x], _| log_slopes::<true>(a, x)[1],
        ],
    };
    pointwise(LOG_Q, [a, x])
}

/// Logarithm of [`gammaincinv`]: finite where the quantile of a small concentration is not a number above 0 any more.
///
/// Counterpart: none.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_gammaincinv;
/// use tfn_distributions::tensor::Tensor;
///
/// // x^a/Γ(a + 1) = p for small x
/// let y = log_gammaincinv(&Tensor::scalar(1e-3), &Tensor::scalar(0.1)).item()?;
/// assert!((y + 2_303.161_486_592_289_4).abs() < 1e-9, "{y}");
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn log_gammaincinv(a: &Tensor, p: &Tensor) -> Tensor {
    const LOG_INVERSE: Pointwise<2> = Pointwise {
        name: "log_gammaincinv",
        value: |[a, p]| log_quantile(a, p, false),
        partials: [|[a, _], y| log_quantile_in_a(a, y), |[a, _], y| log_quantile_in_p(a, y)],
    };
    pointwise(LOG_INVERSE, [a, p])
}

/// The `x` for which `P(a, x) = p`: the quantile function of the gamma distribution.
///
/// Counterpart: `tfp.math.igammainv`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::gammaincinv;
/// use tfn_distributions::tensor::Tensor;
///
/// let x = gammaincinv(&Tensor::scalar(1.0), &Tensor::scalar(0.5)).item()?;
/// assert!((x - std::f64::consts::LN_2).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn gammaincinv(a: &Tensor, p: &Tensor) -> Tensor {
    const INVERSE: Pointwise<2> = Pointwise {
        name: "gammaincinv",
        value: |[a, p]| quantile(a, p, false),
        partials: [|[a, _], x| quantile_in_a(a, x), |[a, _], x| quantile_in_p(a, x)],
    };
    pointwise(INVERSE, [a, p])
}

/// The `x` for which `Q(a, x) = q`, exact in the upper tail.
///
/// Counterpart: `tfp.math.igammacinv`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::gammainccinv;
/// use tfn_distributions::tensor::Tensor;
///
/// let x = gammainccinv(&Tensor::scalar(1.0), &Tensor::scalar(1e-200)).item()?;
/// assert!((x - 460.517_018_598_809_1).abs() < 1e-11);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
#[track_caller]
pub fn gammainccinv(a: &Tensor, q: &Tensor) -> Tensor {
    const UPPER_INVERSE: Pointwise<2> = Pointwise {
        name: "gammainccinv",
        value: |[a, q]| quantile(a, q, true),
        partials: [|[a, _], x| quantile_in_a(a, x), |[a, _], x| -quantile_in_p(a, x)],
    };
    pointwise(UPPER_INVERSE, [a, q])
}
