//! The gamma distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::kl::{KlDivergence, KlRule};
use crate::masking::constant;
use crate::special::{
    gamma_entropy, gamma_log_density, gammainc, gammaincc, gammaincinv, lgamma_divergence,
    log_gammainc, log_gammaincc, log1p_gap,
};
use crate::{Distribution, Parameter, ParameterSpec, Reparameterization, Result};

/// The gamma distribution of a `concentration` (shape) and a `rate`.
///
/// Counterpart: `tfp.distributions.Gamma`.
///
/// ```text
/// log p(x) = (concentration − 1) ln y − y − ln Γ(concentration) + ln rate,   y = rate·x,   x ≥ 0
/// ```
///
/// Samples are quantiles of uniform numbers: each takes one number, and they are smooth functions of both parameters,
/// with the implicit gradient of Figurnov, Mohamed and Mnih (2018), "Implicit Reparameterization Gradients".
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Gamma};
///
/// let gamma = Gamma::new(3.0, 2.0)?;
/// assert_eq!((gamma.mean()?.item()?, gamma.variance()?.item()?), (1.5, 0.75));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Gamma {
    concentration: Parameter,
    rate: Parameter,
    validate_args: bool,
}

family!(Gamma);

impl Gamma {
    /// Gamma distributions of these concentrations and rates.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed parameter is not positive, if their shapes do not
    /// broadcast, or if their types differ.
    pub fn new(concentration: impl Into<Parameter>, rate: impl Into<Parameter>) -> Result<Self> {
        let [concentration, rate] = Parameter::unify([concentration.into(), rate.into()]);
        Self { concentration, rate, validate_args: false }.checked()
    }

    /// What is checked elsewhere, under another name.
    pub(crate) fn of(concentration: Tensor, rate: Tensor) -> Self {
        Self { concentration: concentration.into(), rate: rate.into(), validate_args: false }
    }

    /// The shape of the density.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// The reciprocal of the scale.
    pub fn rate(&self) -> &Parameter {
        &self.rate
    }

    /// `rate·x`, and 0 below the support.
    fn scaled(&self, x: &Tensor) -> Tensor {
        (x * self.rate.value()).maximum(&constant(0.0, x))
    }
}

impl Distribution for Gamma {
    fn family(&self) -> &'static str {
        "Gamma"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            ParameterSpec::positive("concentration", &self.concentration),
            ParameterSpec::positive("rate", &self.rate),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(gamma_log_density(&self.concentration.value(), &self.rate.value(), x))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.quantile(&stream.uniform_open(shape, self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.concentration.value() / self.rate.value()))
    }

    fn variance(&self) -> Result<Tensor> {
        let rate = self.rate.value();
        self.spread(&(self.concentration.value() / &rate / rate))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.concentration.value().sqrt() / self.rate.value()))
    }

    /// NaN for concentrations up to 1, where the density falls from 0 on: as in the original.
    fn mode(&self) -> Result<Tensor> {
        let below = self.concentration.value() - 1.0;
        let defined = below.gt(&constant(0.0, &below));
        let mode = Tensor::select(&defined, &below, &constant(f64::NAN, &below));
        self.spread(&(mode / self.rate.value()))
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(gamma_entropy(&self.concentration.value()) - self.rate.value().ln()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(gammainc(&self.concentration.value(), &self.scaled(value)))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(log_gammainc(&self.concentration.value(), &self.scaled(value)))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(gammaincc(&self.concentration.value(), &self.scaled(value)))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(log_gammaincc(&self.concentration.value(), &self.scaled(value)))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(gammaincinv(&self.concentration.value(), p) / self.rate.value())
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Gamma, Gamma>()] }
    }
}

/// ```text
/// D(a_p, a_q) + a_p (t − ln(1 + t)) + (a_q − a_p) t,   t = rate_p/rate_q − 1
/// ```
///
/// with `D` of [`lgamma_divergence`]: the usual form, as in W. Penny, "KL-Divergences of Normal, Gamma, Dirichlet and
/// Wishart densities" (2001), without the terms that cancel.
impl KlDivergence<Self> for Gamma {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (a_q, a_p) = (self.concentration.value(), p.concentration.value());
        let (rate_q, rate_p) = (self.rate.value(), p.rate.value());
        let t = (rate_p - &rate_q) / rate_q;
        Ok(lgamma_divergence(&a_p, &a_q) + &a_p * log1p_gap(&t) + (a_q - a_p) * t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = Gamma::new(0.0, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration", .. }));
        assert!(Gamma::new(1.0, f64::NAN).is_err());
    }

    #[test]
    fn the_gradient_at_concentration_one_is_there() {
        let a = Variable::new("a", Tensor::scalar(1.0)).unwrap();
        let log_prob = Gamma::new(&a, 1.0).unwrap().log_prob(&Tensor::scalar(0.5)).unwrap();
        let slope = log_prob.gradients().unwrap().of(&a).item().unwrap();
        // ln ½ + γ
        assert!((slope + 0.115_931_515_658_412_45).abs() < 1e-15, "{slope}");
    }

    #[test]
    fn outside_there_is_no_density_and_no_slope() {
        let x = Variable::new("x", Tensor::from_vec(vec![-1.0, f64::INFINITY, 0.0], &[3])).unwrap();
        let a = Variable::new("a", Tensor::scalar(2.0)).unwrap();
        let rate = Variable::new("rate", Tensor::scalar(3.0)).unwrap();
        let log_prob = Gamma::new(&a, &rate).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap(), [0.0; 3]);
        assert_eq!(gradients.of(&a).item().unwrap(), 0.0);
        assert_eq!(gradients.of(&rate).item().unwrap(), 0.0);
    }

    #[test]
    fn a_tiny_difference_has_a_divergence_with_all_digits() {
        let q = Gamma::new(1e4, 3.0).unwrap();
        assert_eq!(kl_divergence(&q, &q).unwrap().item().unwrap(), 0.0);
        let p = Gamma::new(1e4, 3.0 * (1.0 + 1e-9)).unwrap();
        let kl = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((kl / 0.5e-14 - 1.0).abs() < 1e-6, "{kl}");
    }
}
