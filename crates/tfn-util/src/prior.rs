//! Scale-mixture priors.

use std::sync::Arc;

use tfn_distributions::{Categorical, Distribution, MixtureSameFamily, Normal, Sample};
use tfn_tensor::{DType, Tensor};

use crate::error::Result;
use crate::spec::KernelBiasSpec;

/// The spike-and-slab prior `½N(0, 1) + ½N(0, 2000²)` on every weight and bias.
///
/// Counterpart: `tfp.experimental.nn.util.make_kernel_bias_prior_spike_and_slab`, whose slab has the
/// scale (not the variance) 2000.
///
/// # Errors
/// What the distributions report; none for shapes that fit.
///
/// # References
/// Mitchell & Beauchamp 1988, Journal of the American Statistical Association 83, 1023–1032; as a mixture
/// of two normals, Blundell et al. 2015, [arXiv 1505.05424](https://arxiv.org/abs/1505.05424), equation 7.
///
/// # Examples
/// ```
/// use tfn_util::{KernelBiasSpec, make_kernel_bias_prior_spike_and_slab};
///
/// let prior = make_kernel_bias_prior_spike_and_slab(&KernelBiasSpec::new(&[3, 2], &[2]))?;
/// assert_eq!(prior.parts().map(<[_]>::len), Some(2));
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_kernel_bias_prior_spike_and_slab(
    spec: &KernelBiasSpec,
) -> Result<Arc<dyn Distribution>> {
    make_kernel_bias_prior_scale_mixture(spec, &[0.5, 0.5], &[1.0, 2000.0])
}

/// A prior `Σ pᵢ N(0, sᵢ²)` on every weight and bias.
///
/// With a narrow spike, such as `½N(0, 1) + ½N(0, 0.0025²)`, it is the scale mixture of Blundell et al.
///
/// # Errors
/// What the distributions report: probabilities that are not positive, scales that are not positive, a
/// different number of the two.
///
/// # References
/// Blundell et al. 2015, [arXiv 1505.05424](https://arxiv.org/abs/1505.05424), section 3.3.
///
/// # Examples
/// ```
/// use tfn_util::{KernelBiasSpec, make_kernel_bias_prior_scale_mixture};
///
/// let spec = KernelBiasSpec::new(&[3, 2], &[2]);
/// let prior = make_kernel_bias_prior_scale_mixture(&spec, &[0.5, 0.5], &[1.0, 0.0025])?;
/// assert!(prior.variables().is_empty());
/// # use tfn_util::module::Module;
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_kernel_bias_prior_scale_mixture(
    spec: &KernelBiasSpec,
    probs: &[f64],
    scales: &[f64],
) -> Result<Arc<dyn Distribution>> {
    let prior = spec.joint("prior_", |weight| {
        let (_, event) = weight.shape.split_at(weight.shape.len() - weight.event_ndims());
        Ok(Sample::new(scale_mixture(probs, scales, weight.dtype)?, event)?)
    })?;
    Ok(Arc::new(prior))
}

/// The distribution `Σ pᵢ N(0, sᵢ²)` of one weight.
fn scale_mixture(probs: &[f64], scales: &[f64], dtype: DType) -> Result<MixtureSameFamily> {
    let vector = |values: &[f64]| Tensor::from_f64(values, &[values.len()], dtype);
    let components = Normal::new(Tensor::zeros(&[], dtype), vector(scales))?;
    Ok(MixtureSameFamily::new(Categorical::from_probs(vector(probs))?, components)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_density_is_the_mixture() -> Result<()> {
        let mut spec = KernelBiasSpec::new(&[1, 1], &[1]);
        spec.dtype = DType::F64;
        let prior = make_kernel_bias_prior_spike_and_slab(&spec)?;
        let density = |x: f64, s: f64| {
            (-0.5 * (x / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt())
        };
        for x in [0.0, 0.7, -3.0, 50.0, 4000.0] {
            let weight = Tensor::full(&[1, 1], x, DType::F64);
            let log_prob = prior.parts().unwrap()[0].log_prob(&weight)?.item()?;
            let expected = (0.5 * density(x, 1.0) + 0.5 * density(x, 2000.0)).ln();
            assert!(
                (log_prob - expected).abs() < 1e-13 * expected.abs(),
                "{x}: {log_prob} {expected}"
            );
        }
        Ok(())
    }

    #[test]
    fn scales_must_be_positive() {
        let spec = KernelBiasSpec::new(&[1, 1], &[1]);
        assert!(make_kernel_bias_prior_scale_mixture(&spec, &[0.5, 0.5], &[1.0, 0.0]).is_err());
        assert!(make_kernel_bias_prior_scale_mixture(&spec, &[0.5], &[1.0, 2.0]).is_err());
    }
}
