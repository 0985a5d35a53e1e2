//! The exponential distribution.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::Gamma;
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::masking::{above_zero, at_probability, constant, only_where};
use crate::parameter::{Parameter, ParameterSpec};
use crate::stable::log1m_exp;

/// The exponential distribution of a `rate`.
///
/// Counterpart: `tfp.distributions.Exponential`, which has a density below 0 and no mode.
///
/// ```text
/// log p(x) = ln rate − rate·x,   x ≥ 0
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Exponential};
///
/// let waiting = Exponential::new(0.5)?;
/// assert_eq!((waiting.mean()?.item()?, waiting.variance()?.item()?), (2.0, 4.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Exponential {
    rate: Parameter,
    validate_args: bool,
}

family!(Exponential);

impl Exponential {
    /// Exponential distributions of these rates.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `rate` is not positive.
    pub fn new(rate: impl Into<Parameter>) -> Result<Self> {
        Self { rate: rate.into(), validate_args: false }.checked()
    }

    /// The reciprocal of the mean.
    pub fn rate(&self) -> &Parameter {
        &self.rate
    }

    /// `rate·x`, and 0 below the support.
    fn scaled(&self, x: &Tensor) -> Tensor {
        (x * self.rate.value()).maximum(&constant(0.0, x))
    }
}

impl Distribution for Exponential {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.rate.positive("rate")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let rate = self.rate.value();
        // NaN is not below 0, and goes on.
        let (zero, inside) = (constant(0.0, x), 1.0 - x.lt(&constant(0.0, x)));
        let safe = Tensor::select(&inside, x, &zero);
        Ok(only_where(&inside, &(rate.ln() - safe * &rate)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(-stream.uniform_open(shape, self.dtype()?).ln() / self.rate.value())
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.rate.value().reciprocal())
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&self.rate.value().reciprocal().square())
    }

    fn stddev(&self) -> Result<Tensor> {
        self.mean()
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&(self.rate.value() * 0.0))
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(1.0 - self.rate.value().ln()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(-(-self.scaled(value)).expm1())
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let inside = |x: &Tensor| log1m_exp(&self.scaled(x));
        Ok(above_zero(value, f64::NEG_INFINITY, &inside))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok((-self.scaled(value)).exp())
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(-self.scaled(value))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(-at_probability(p, &(-p).log1p()) / self.rate.value())
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(-at_probability(p, &p.ln()) / self.rate.value())
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    /// A gamma distribution of concentration 1.
    fn parent(&self) -> Option<Arc<dyn Distribution>> {
        let rate = self.rate.value();
        Some(Arc::new(Gamma::of(constant(1.0, &rate), rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kl_divergence;
    use tfn_tensor::Variable;

    #[test]
    fn there_is_no_density_and_no_slope_below_zero() {
        let x = Variable::new("x", Tensor::from_vec(vec![-1.0, 0.0, f64::NAN], &[3])).unwrap();
        let waiting = Exponential::new(1.0).unwrap();
        let log_prob = waiting.log_prob(&x.tensor()).unwrap();
        let values = log_prob.to_vec::<f64>().unwrap();
        assert!(values[..2] == [f64::NEG_INFINITY, 0.0] && values[2].is_nan());
        let slopes = log_prob.sum().gradients().unwrap().of(&x).to_vec::<f64>().unwrap();
        assert_eq!(slopes[..2], [0.0, -1.0]);
    }

    #[test]
    fn both_tails_are_exact() {
        let waiting = Exponential::new(2.0).unwrap();
        let far = Tensor::from_vec(vec![1e-30, 400.0], &[2]);
        let log = waiting.log_cdf(&far).unwrap().to_vec::<f64>().unwrap();
        assert!((log[0] - 2e-30_f64.ln()).abs() < 1e-13 && log[1] == 0.0);
        assert_eq!(
            waiting.log_survival_function(&far).unwrap().to_vec::<f64>().unwrap(),
            [-2e-30, -800.0]
        );
    }

    #[test]
    fn the_divergence_is_that_of_its_parent() {
        let (q, p) = (Exponential::new(2.0).unwrap(), Exponential::new(0.5).unwrap());
        let kl = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((kl - (4.0_f64.ln() + 0.25 - 1.0)).abs() < 1e-15);
        assert!(kl_divergence(&q, &Gamma::new(2.0, 1.0).unwrap()).is_ok());
    }
}
