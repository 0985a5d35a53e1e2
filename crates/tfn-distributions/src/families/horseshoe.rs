//! The horseshoe distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::cauchy::StandardCauchy;
use super::location_scale::{Folded, Standard};
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::exponential_integral::log_scaled_e1_of_half_square;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};

/// `ln sqrt(2π³)`.
const LN_SQRT_2PI3: f64 = 2.063_668_419_054_073;

/// The horseshoe distribution: normals around 0 whose standard deviations are half-Cauchy with scale `scale`.
///
/// Counterpart: `tfp.distributions.Horseshoe`, whose density is an approximation; this one is exact. It is infinite at 0.
/// The tails are those of a Cauchy distribution; as in the original the mean is 0, by symmetry, and the variance NaN.
///
/// ```text
/// p(x) = exp(h) E₁(h)/(scale sqrt(2π³)),   h = (x/scale)²/2
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Horseshoe};
/// use tfn_tensor::Tensor;
///
/// let prior = Horseshoe::new(0.5)?;
/// assert_eq!(prior.log_prob(&Tensor::scalar(0.0))?.item()?, f64::INFINITY);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
///
/// # References
/// C. M. Carvalho, N. G. Polson and J. G. Scott, Handling sparsity via the horseshoe, AISTATS 2009, section 2: the
/// integral of the normal density over the half-Cauchy scale, here in closed form.
#[derive(Clone, Debug, Module)]
pub struct Horseshoe {
    scale: Parameter,
    validate_args: bool,
}

family!(Horseshoe);

impl Horseshoe {
    /// Horseshoe distributions of the sizes `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `scale` is not finite and positive.
    pub fn new(scale: impl Into<Parameter>) -> Result<Self> {
        Self { scale: scale.into(), validate_args: false }.checked()
    }

    /// The scale of the half-Cauchy distribution.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }
}

impl Distribution for Horseshoe {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let scale = self.scale.value();
        Ok(log_scaled_e1_of_half_square(&(x / &scale)) - (scale.ln() + LN_SQRT_2PI3))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let dtype = self.dtype()?;
        let spread = Folded(StandardCauchy).draw(shape, dtype, stream);
        Ok(self.scale.value() * (spread * stream.normal(shape, dtype)))
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&constant(0.0, &self.scale.value()))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&constant(f64::NAN, &self.scale.value()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    #[test]
    fn it_serves_as_a_prior_from_the_pole_to_the_far_tail() {
        let x = Variable::new("x", Tensor::from_vec(vec![0.0, 1e-300, -3.0, 1e200], &[4])).unwrap();
        let log_prob = Horseshoe::new(2.0).unwrap().log_prob(&x.tensor()).unwrap();
        let values = log_prob.to_vec::<f64>().unwrap();
        assert!(values[0] == f64::INFINITY && values[1..].iter().all(|value| value.is_finite()));
        let slope = log_prob.sum().gradients().unwrap().of(&x).to_vec::<f64>().unwrap();
        assert!(slope.iter().all(|slope| slope.is_finite()));
        assert!(slope[0] == 0.0 && slope[1] < 0.0 && slope[2] > 0.0 && slope[3] < 0.0);
    }
}
