//! Modified Bessel functions of the first kind on tensors.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::bessel;
use super::scalar::bessel::{i0e, i1e, ratio, ratio_rest, ratio_slope};

/// `exp(−|x|) I₀(x)`.
///
/// Counterpart: `tf.math.bessel_i0e`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::bessel_i0e;
/// use tfn_distributions::tensor::Tensor;
///
/// assert!((bessel_i0e(&Tensor::scalar(1.0)).item()? - 0.465_759_607_593_640_43).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn bessel_i0e(x: &Tensor) -> Tensor {
    const I0E: Pointwise<1> = Pointwise {
        name: "bessel_i0e",
        value: |[x]| i0e(x),
        partials: [|[x], _| i0e(x) * log_slope(x)],
    };
    pointwise(I0E, [x])
}

/// `exp(−|x|) I₁(x)`.
///
/// Counterpart: `tf.math.bessel_i1e`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::bessel_i1e;
/// use tfn_distributions::tensor::Tensor;
///
/// assert!((bessel_i1e(&Tensor::scalar(1.0)).item()? - 0.207_910_415_349_708_45).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn bessel_i1e(x: &Tensor) -> Tensor {
    const I1E: Pointwise<1> = Pointwise {
        name: "bessel_i1e",
        value: |[x]| i1e(x),
        // I₁′ = I₀ − I₁/x
        partials: [|[x], _| i0e(x) * (ratio_slope(x) + ratio(x) * log_slope(x))],
    };
    pointwise(I1E, [x])
}

/// Logarithm of [`bessel_i0e`].
///
/// Counterpart: `tfp.math.log_bessel_ive` of order 0.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_bessel_i0e;
/// use tfn_distributions::tensor::Tensor;
///
/// // 1/sqrt(2πx) far out
/// let far = log_bessel_i0e(&Tensor::scalar(1e20)).item()?;
/// assert!((far + 0.5 * (std::f64::consts::TAU * 1e20).ln()).abs() < 1e-14);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn log_bessel_i0e(x: &Tensor) -> Tensor {
    const LOG_I0E: Pointwise<1> = Pointwise {
        name: "log_bessel_i0e",
        value: |[x]| i0e(x).ln(),
        partials: [|[x], _| log_slope(x)],
    };
    pointwise(LOG_I0E, [x])
}

/// `I₁(x)/I₀(x)`: the mean length of a von Mises direction of concentration `x`.
///
/// Counterpart: `tfp.math.bessel_iv_ratio` of order 1.
///
/// # Examples
/// ```
/// use tfn_distributions::special::bessel_ratio;
/// use tfn_distributions::tensor::Tensor;
///
/// assert!((bessel_ratio(&Tensor::scalar(1.0)).item()? - 0.446_389_965_896_534_5).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn bessel_ratio(x: &Tensor) -> Tensor {
    const RATIO: Pointwise<1> = Pointwise {
        name: "bessel_ratio",
        value: |[x]| ratio(x),
        partials: [|[x], _| ratio_slope(x)],
    };
    pointwise(RATIO, [x])
}

/// `1 − I₁(x)/I₀(x)` for `x ≥ 0`, with all digits where the ratio is near 1.
pub(crate) fn bessel_ratio_rest(x: &Tensor) -> Tensor {
    const REST: Pointwise<1> = Pointwise {
        name: "bessel_ratio_rest",
        value: |[x]| ratio_rest(x),
        partials: [|[x], _| -ratio_slope(x)],
    };
    pointwise(REST, [x])
}

/// `ln I₀(p) − ln I₀(q) − (p − q) I₁(q)/I₀(q)` for `p`, `q ≥ 0`: the divergence that `ln I₀` generates, never negative and
/// exact where `p` and `q` nearly agree.
pub(crate) fn log_bessel_i0_divergence(p: &Tensor, q: &Tensor) -> Tensor {
    const DIVERGENCE: Pointwise<2> = Pointwise {
        name: "log_bessel_i0_divergence",
        value: |[p, q]| bessel::log_i0_bregman(p, q),
        partials: [|[p, q], _| bessel::ratio_rise(q, p), |[p, q], _| (q - p) * ratio_slope(q)],
    };
    pointwise(DIVERGENCE, [p, q])
}

/// The derivative of `ln I₀ − |x|`.
fn log_slope(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { -ratio_rest(x.abs()) * x.signum() }
}
