//! The beta distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};
use crate::stable::{in_double, not_below_zero};
use crate::special::{
    beta_log_density, beta_sample, betainc, betaincc, betaincinv, betainccinv, digamma, gamma_entropy,
    lgamma_divergence, log_betainc, log_betaincc,
};

/// The beta distribution, of numbers between 0 and 1: a large `concentration1` draws them towards 1, a large
/// `concentration0` towards 0.
///
/// Counterpart: `tfp.distributions.Beta`.
///
/// ```text
/// log p(x) = (concentration1 − 1) ln x + (concentration0 − 1) ln(1 − x) − ln B(concentration1, concentration0)
/// ```
///
/// Samples are shares of two gamma variables, with implicit gradients as those of [`Gamma`](crate::Gamma).
///
/// # Examples
/// ```
/// use tfn_distributions::{Beta, Distribution};
///
/// let beta = Beta::new(3.0, 1.0)?;
/// assert_eq!((beta.mean()?.item()?, beta.variance()?.item()?), (0.75, 0.0375));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Beta {
    concentration1: Parameter,
    concentration0: Parameter,
    validate_args: bool,
}

family!(Beta);

impl Beta {
    /// Beta distributions of these concentrations.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed concentration is not positive, if their shapes do
    /// not broadcast, or if their types differ.
    pub fn new(
        concentration1: impl Into<Parameter>,
        concentration0: impl Into<Parameter>,
    ) -> Result<Self> {
        let [concentration1, concentration0] =
            Parameter::unify([concentration1.into(), concentration0.into()]);
        Self { concentration1, concentration0, validate_args: false }.checked()
    }

    /// The parameter `α`: the larger it is, the more probability lies near 1.
    pub fn concentration1(&self) -> &Parameter {
        &self.concentration1
    }

    /// The parameter `β`: the larger it is, the more probability lies near 0.
    pub fn concentration0(&self) -> &Parameter {
        &self.concentration0
    }

    fn values(&self) -> [Tensor; 2] {
        [self.concentration1.value(), self.concentration0.value()]
    }

    /// A function of both concentrations and of the value, moved into the support.
    fn within(&self, f: fn(&Tensor, &Tensor, &Tensor) -> Tensor, value: &Tensor) -> Tensor {
        let [a, b] = self.values();
        f(&a, &b, &value.clamp(0.0, 1.0))
    }
}

impl Distribution for Beta {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.concentration1.positive("concentration1"),
            self.concentration0.positive("concentration0"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let [a, b] = self.values();
        Ok(beta_log_density(&a, &b, x))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let [a, b] = self.values();
        Ok(beta_sample(&a, &b, shape, stream))
    }

    fn mean(&self) -> Result<Tensor> {
        let [a, b] = self.values();
        self.spread(&(&a / (&a + b)))
    }

    fn variance(&self) -> Result<Tensor> {
        let [a, b] = self.values();
        let sum = &a + &b;
        self.spread(&((a / &sum) * (b / &sum) / (sum + 1.0)))
    }

    /// NaN unless both concentrations are above 1, as in the original.
    fn mode(&self) -> Result<Tensor> {
        let [a, b] = self.values().map(|c| c - 1.0);
        let zero = constant(0.0, &a);
        let mode = &a / (&a + &b);
        let defined = a.gt(&zero) * b.gt(&zero);
        self.spread(&Tensor::select(&defined, &mode, &constant(f64::NAN, &mode)))
    }

    /// From those of two gamma variables, whose share and sum are independent.
    fn entropy(&self) -> Result<Tensor> {
        let [a, b] = self.values();
        let sum = &a + &b;
        let parts = gamma_entropy(&a) + gamma_entropy(&b);
        self.spread(&(parts - gamma_entropy(&sum) - digamma(&sum)))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.within(betainc, value))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.within(log_betainc, value))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.within(betaincc, value))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.within(log_betaincc, value))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let [a, b] = self.values();
        Ok(betaincinv(&a, &b, p))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let [a, b] = self.values();
        Ok(betainccinv(&a, &b, p))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Beta, Beta>()] }
    }
}

/// ```text
/// D(a_p, a_q) + D(b_p, b_q) − D(a_p + b_p, a_q + b_q)
/// ```
///
/// with `D` of [`lgamma_divergence`]: the usual form, as in W. Penny, "KL-Divergences of Normal, Gamma, Dirichlet and
/// Wishart densities" (2001), without the terms that cancel.
impl KlDivergence<Self> for Beta {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let ([a_q, b_q], [a_p, b_p]) = (self.values(), p.values());
        // Of large concentrations the terms all but cancel.
        Ok(in_double([a_q, b_q, a_p, b_p], |[a_q, b_q, a_p, b_p]| {
            let parts = lgamma_divergence(&a_p, &a_q) + lgamma_divergence(&b_p, &b_q);
            not_below_zero(&(parts - lgamma_divergence(&(a_p + b_p), &(a_q + b_q))))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = Beta::new(1.0, 0.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration0", .. }));
    }

    #[test]
    fn outside_there_is_no_density_and_no_slope() {
        let x = Variable::new("x", Tensor::from_vec(vec![-0.5, 1.5, 0.0, 1.0], &[4])).unwrap();
        let log_prob = Beta::new(2.0, 3.0).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
        assert!(log_prob.sum().gradients().unwrap().of(&x).all_finite().unwrap());
    }

    #[test]
    fn large_concentrations_keep_their_digits() {
        // mpmath, 50 digits.
        let beta = Beta::new(1e6, 2e6).unwrap();
        let log_prob = beta.log_prob(&Tensor::scalar(0.333)).unwrap().item().unwrap();
        assert!((log_prob / 6.540411835131777 - 1.0).abs() < 1e-13, "{log_prob}");
        let entropy = beta.entropy().unwrap().item().unwrap();
        assert!((entropy / -6.790161810721964 - 1.0).abs() < 1e-14, "{entropy}");
        assert_eq!(kl_divergence(&beta, &beta).unwrap().item().unwrap(), 0.0);
    }
}
