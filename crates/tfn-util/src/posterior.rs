//! The mean-field normal posterior.

use std::sync::Arc;

use tfn_distributions::bijectors::Softplus;
use tfn_distributions::{Distribution, Independent, Normal};

use crate::error::{Result, UtilError};
use crate::spec::KernelBiasSpec;

/// What softplus is shifted by, so that a scale never reaches zero.
const SHIFT: f64 = 1e-5;
/// Initial scale of every weight.
const INITIAL_SCALE: f64 = 1e-3;

/// Independent normals for every entry of a kernel and a bias, all trainable.
///
/// Counterpart: `tfp.experimental.nn.util.make_kernel_bias_posterior_mvn_diag`.
///
/// ```text
/// kernel ~ N(M, S²), bias ~ N(m, s²)        S = 1e-5 + softplus(ρ)
/// ```
///
/// The locations start where the spec's initializers put them, the scales at 1e-3. Variables, in order:
/// `posterior_kernel_loc`, `posterior_kernel_scale`, `posterior_bias_loc`, `posterior_bias_scale`; those of
/// the scales hold the unconstrained ρ.
///
/// # Errors
/// What the initializers report.
///
/// # Examples
/// ```
/// use tfn_util::module::Module;
/// use tfn_util::{KernelBiasSpec, make_kernel_bias_posterior_mvn_diag};
///
/// let posterior = make_kernel_bias_posterior_mvn_diag(&KernelBiasSpec::new(&[3, 2], &[2]))?;
/// let names: Vec<_> = posterior.variables().iter().map(|v| v.name().to_string()).collect();
/// assert_eq!(names[..2], ["posterior_kernel_loc", "posterior_kernel_scale"]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_kernel_bias_posterior_mvn_diag(spec: &KernelBiasSpec) -> Result<Arc<dyn Distribution>> {
    make_kernel_bias_posterior_mvn_diag_with_scale(spec, INITIAL_SCALE)
}

/// [`make_kernel_bias_posterior_mvn_diag`] with scales that start at `initial_scale`.
///
/// Wide layers learn faster from a scale nearer to their locations' spread, such as 0.02.
///
/// # Errors
/// [`UtilError::Value`] if `initial_scale` is not finite and above 1e-5; what the initializers report.
pub fn make_kernel_bias_posterior_mvn_diag_with_scale(
    spec: &KernelBiasSpec,
    initial_scale: f64,
) -> Result<Arc<dyn Distribution>> {
    if !(initial_scale.is_finite() && initial_scale > SHIFT) {
        return Err(UtilError::Value {
            function: "make_kernel_bias_posterior_mvn_diag_with_scale",
            argument: "initial_scale",
            given: initial_scale,
            expected: "a finite number above 1e-5",
        });
    }
    let posterior = spec.joint("posterior_", |weight| {
        let loc = weight.initial()?;
        let start = weight.full(initial_scale);
        let scale = weight.transformed("scale", start, Softplus::above(SHIFT)?)?;
        let normal = Normal::new(weight.variable("loc", loc)?, scale)?;
        Ok(Independent::new(normal, weight.event_ndims())?)
    })?;
    Ok(Arc::new(posterior))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::DType;

    #[test]
    fn scales_start_where_asked() -> Result<()> {
        for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F64, 1e-14)] {
            let mut spec = KernelBiasSpec::new(&[3, 2], &[2]);
            spec.dtype = dtype;
            let posterior = make_kernel_bias_posterior_mvn_diag_with_scale(&spec, 0.02)?;
            for part in posterior.parts().unwrap() {
                for scale in part.stddev()?.to_f64_vec()? {
                    assert!((scale / 0.02 - 1.0).abs() < tolerance, "{scale}");
                }
            }
            assert_eq!(posterior.trainable_variables().len(), 4);
        }
        Ok(())
    }

    #[test]
    fn batch_axes_stay_out_of_the_event() -> Result<()> {
        let mut spec = KernelBiasSpec::new(&[4, 3, 2], &[4, 2]);
        (spec.kernel_batch_ndims, spec.bias_batch_ndims) = (1, 1);
        let posterior = make_kernel_bias_posterior_mvn_diag(&spec)?;
        let parts = posterior.parts().unwrap();
        assert_eq!((parts[0].batch_shape()?, parts[0].event_shape()?), (vec![4], vec![3, 2]));
        assert_eq!((parts[1].batch_shape()?, parts[1].event_shape()?), (vec![4], vec![2]));
        Ok(())
    }

    #[test]
    fn a_scale_that_softplus_cannot_reach_is_an_error() {
        let spec = KernelBiasSpec::new(&[1, 1], &[1]);
        for scale in [0.0, -1.0, 1e-5, f64::NAN, f64::INFINITY] {
            let error = make_kernel_bias_posterior_mvn_diag_with_scale(&spec, scale).unwrap_err();
            assert!(matches!(error, UtilError::Value { argument: "initial_scale", .. }), "{error}");
        }
    }
}
