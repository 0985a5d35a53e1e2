//! The chi-squared distribution.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Gamma;
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};

/// The chi-squared distribution of `df` degrees of freedom: of the sum of that many squared standard normals.
///
/// Counterpart: `tfp.distributions.Chi2`. It is the [`Gamma`] distribution of concentration `df/2` and rate ½, which
/// gives it all its methods.
///
/// # Examples
/// ```
/// use tfn_distributions::{Chi2, Distribution};
///
/// let chi2 = Chi2::new(5.0)?;
/// assert_eq!((chi2.mean()?.item()?, chi2.variance()?.item()?), (5.0, 10.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Chi2 {
    df: Parameter,
    validate_args: bool,
}

family!(Chi2);

impl Chi2 {
    /// Chi-squared distributions of `df` degrees of freedom.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `df` is not positive.
    pub fn new(df: impl Into<Parameter>) -> Result<Self> {
        Self { df: df.into(), validate_args: false }.checked()
    }

    /// The degrees of freedom.
    pub fn df(&self) -> &Parameter {
        &self.df
    }

    fn gamma(&self) -> Gamma {
        let df = self.df.value();
        // Half of the smallest number is none.
        let smallest = match df.dtype() {
            Ok(DType::F32) => f64::from(f32::from_bits(1)),
            _ => f64::from_bits(1),
        };
        Gamma::of((&df * 0.5).maximum(&constant(smallest, &df)), constant(0.5, &df))
    }
}

impl Distribution for Chi2 {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.df.positive("df")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.gamma().log_prob_of(x)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.gamma().sample_of(shape, stream)
    }

    fn mean(&self) -> Result<Tensor> {
        self.gamma().mean()
    }

    fn variance(&self) -> Result<Tensor> {
        self.gamma().variance()
    }

    /// NaN up to 2 degrees of freedom, as in the original.
    fn mode(&self) -> Result<Tensor> {
        self.gamma().mode()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.gamma().entropy()
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.gamma().cdf(value)
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.gamma().log_cdf(value)
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.gamma().survival_function(value)
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.gamma().log_survival_function(value)
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.gamma().quantile(p)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.gamma().inverse_survival_function(p)
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn parent(&self) -> Option<Arc<dyn Distribution>> {
        Some(Arc::new(self.gamma()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DistributionError;

    #[test]
    fn two_degrees_of_freedom_are_exponential() {
        let chi2 = Chi2::new(2.0).unwrap();
        let x = Tensor::scalar(7.0);
        let survival = chi2.survival_function(&x).unwrap().item().unwrap();
        assert!((survival / (-3.5_f64).exp() - 1.0).abs() < 1e-14);
        let error = Chi2::new(-1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "df", .. }));
    }
}
