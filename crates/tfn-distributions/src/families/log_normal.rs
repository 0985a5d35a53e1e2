//! The log-normal distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::Normal;
use crate::bijectors::Exp;
use crate::distribution::{Distribution, Reparameterization, Structure};
use crate::error::Result;
use crate::gaussian::STANDARD_ENTROPY;
use crate::masking::{above_zero, without_infinity};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::ndtri;
use crate::standardizing::placed;

/// The log-normal distribution: that of `exp(y)` for a normal `y` with mean `loc` and standard deviation `scale`.
///
/// Counterpart: `tfp.distributions.LogNormal`. At and below 0 the log-density is minus infinity with zero gradient.
///
/// ```text
/// log p(x) = −z²/2 − ln scale − ln sqrt(2π) − ln x,   z = (ln x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, LogNormal};
/// use tfn_tensor::Tensor;
///
/// let log_normal = LogNormal::new(0.0, 0.5)?;
/// assert!((log_normal.mean()?.item()? - 0.125_f64.exp()).abs() < 1e-15);
/// assert_eq!(log_normal.cdf(&Tensor::from_vec(vec![0.0, 1.0], &[2]))?.to_vec::<f64>()?, [0.0, 0.5]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct LogNormal {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(LogNormal);

impl LogNormal {
    /// Distributions of the exponentials of normals with means `loc` and standard deviations `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `scale` not
    /// positive, if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale] = Parameter::unify([loc.into(), scale.into()]);
        Self { loc, scale, validate_args: false }.checked()
    }

    /// The mean of the logarithm.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The standard deviation of the logarithm.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    /// `z` of a positive `x`.
    fn standardized(&self, x: &Tensor) -> Tensor {
        (x.ln() - self.loc.value()) / self.scale.value()
    }

    fn variance_of_log(&self) -> Tensor {
        self.scale.value().square()
    }
}

impl Distribution for LogNormal {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(above_zero(&without_infinity(x), f64::NEG_INFINITY, &|x| {
            let log = x.ln();
            Tensor::normal_log_prob(&log, &self.loc.value(), &self.scale.value()) - log
        }))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        Ok(Tensor::normal_sample(&self.loc.value(), &self.scale.value(), &noise).exp())
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.loc.value() + self.variance_of_log() * 0.5).exp())
    }

    fn variance(&self) -> Result<Tensor> {
        Ok(self.stddev()?.square())
    }

    fn stddev(&self) -> Result<Tensor> {
        Ok(self.mean()? * self.variance_of_log().expm1().sqrt())
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&(self.loc.value() - self.variance_of_log()).exp())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + self.loc.value() + STANDARD_ENTROPY))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(above_zero(value, 0.0, &|x| self.standardized(x).ndtr()))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(above_zero(value, f64::NEG_INFINITY, &|x| self.standardized(x).log_ndtr()))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(above_zero(value, 1.0, &|x| (-self.standardized(x)).ndtr()))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(above_zero(value, 0.0, &|x| (-self.standardized(x)).log_ndtr()))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(placed(&self.loc.value(), &self.scale.value(), &ndtri(p)).exp())
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(placed(&self.loc.value(), &self.scale.value(), &-ndtri(p)).exp())
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    /// Divergences are those of the normals: the logarithm, which both share, changes nothing.
    fn structure(&self) -> Structure {
        Normal::new(self.loc.clone(), self.scale.clone()).map_or(Structure::Simple, |normal| {
            Structure::Transformed { base: normal.into(), bijector: Exp::new().into() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    #[test]
    fn at_and_below_zero_there_is_no_density() {
        let loc = Variable::new("loc", Tensor::scalar(0.0)).unwrap();
        let log_normal = LogNormal::new(&loc, 1.0).unwrap();
        let x = Tensor::from_vec(vec![0.0, -1.0, f64::INFINITY], &[3]);
        let log_prob = log_normal.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let below = log_normal.log_prob(&x.narrow(0, 0, 2)).unwrap();
        assert_eq!(below.sum().gradients().unwrap().of(&loc).item().unwrap(), 0.0);
        assert!(log_normal.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn small_scales_keep_their_digits_in_the_variance() {
        let given = LogNormal::new(0.0, 1e-9).unwrap().variance().unwrap().item().unwrap();
        assert!((given / 1e-18 - 1.0).abs() < 1e-15);
    }
}
