//! The normal distribution's tails on tensors.

use std::f64::consts::FRAC_2_SQRT_PI;

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::gamma::LN_SQRT_2PI;
use super::scalar::normal;

/// `exp(x²) erfc(x)`.
///
/// Counterpart: `tfp.math.erfcx`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::erfcx;
/// use tfn_distributions::tensor::Tensor;
///
/// let far = erfcx(&Tensor::scalar(1e10)).item()?;
/// assert!((far * 1e10 * std::f64::consts::PI.sqrt() - 1.0).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn erfcx(x: &Tensor) -> Tensor {
    const ERFCX: Pointwise<1> = Pointwise {
        name: "erfcx",
        value: |[x]| normal::erfcx(x),
        partials: [|[x], _| {
            if x < 3.0 {
                2.0 * x * normal::erfcx(x) - FRAC_2_SQRT_PI
            } else {
                normal::erfcx(x) * normal::log_erfcx_slope(x)
            }
        }],
    };
    pointwise(ERFCX, [x])
}

/// Logarithm of [`erfcx`], finite for every number.
///
/// Counterpart: `tfp.math.logerfcx`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::log_erfcx;
/// use tfn_distributions::tensor::Tensor;
///
/// let left = log_erfcx(&Tensor::scalar(-100.0)).item()?;
/// assert_eq!(left, 1e4 + std::f64::consts::LN_2);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn log_erfcx(x: &Tensor) -> Tensor {
    const LOG_ERFCX: Pointwise<1> = Pointwise {
        name: "log_erfcx",
        value: |[x]| normal::log_erfcx(x),
        partials: [|[x], _| normal::log_erfcx_slope(x)],
    };
    pointwise(LOG_ERFCX, [x])
}

/// The quantile function of the standard normal: infinite at 0 and 1, NaN outside.
///
/// Counterpart: `tf.math.ndtri`.
///
/// # Examples
/// ```
/// use tfn_distributions::special::ndtri;
/// use tfn_distributions::tensor::Tensor;
///
/// assert!((ndtri(&Tensor::scalar(0.975)).item()? - 1.959_963_984_540_054).abs() < 1e-14);
/// # Ok::<(), tfn_distributions::tensor::TensorError>(())
/// ```
pub fn ndtri(p: &Tensor) -> Tensor {
    const NDTRI: Pointwise<1> = Pointwise {
        name: "ndtri",
        value: |[p]| normal::ndtri(p),
        partials: [|_, z| (0.5 * z * z + LN_SQRT_2PI).exp()],
    };
    pointwise(NDTRI, [p])
}
