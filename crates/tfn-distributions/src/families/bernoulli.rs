//! The Bernoulli distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::kl::{KlDivergence, KlRule};
use crate::masking::{constant, ln_or_minus_infinity, only_where, weigh};
use crate::structure::Support;
use crate::{Distribution, Parameter, ParameterSpec, Result};

/// The distribution of a 1 with given log-odds or probability, and of a 0 otherwise.
///
/// Counterpart: `tfp.distributions.Bernoulli`. Outcomes are numbers of the distribution's type.
///
/// # Examples
/// ```
/// use tfn_distributions::{Bernoulli, Distribution};
/// use tfn_tensor::Tensor;
///
/// let coin = Bernoulli::from_probs(0.25)?;
/// let prob = coin.prob(&Tensor::from_vec(vec![1.0, 0.0, 0.5], &[3]))?;
/// assert_eq!(prob.to_vec::<f64>()?, [0.25, 0.75, 0.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Bernoulli {
    logits: Option<Parameter>,
    probs: Option<Parameter>,
    validate_args: bool,
}

family!(Bernoulli);

impl Bernoulli {
    /// Ones with the log-odds `logits`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { logits: Some(logits.into()), probs: None, validate_args: false }.checked()
    }

    /// Ones with the probability `probs`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` are not in `[0, 1]`.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { logits: None, probs: Some(probs.into()), validate_args: false }.checked()
    }

    /// Probability of 1.
    pub fn probs(&self) -> Tensor {
        self.both(Tensor::sigmoid, |probs| probs.clone()).0
    }

    /// Probabilities of 1 and of 0.
    fn masses(&self) -> (Tensor, Tensor) {
        self.both(Tensor::sigmoid, Tensor::clone)
    }

    /// Log-probabilities of 1 and of 0.
    fn log_masses(&self) -> (Tensor, Tensor) {
        self.both(Tensor::log_sigmoid, ln_or_minus_infinity)
    }

    /// A function of the logits and of their negative, or of the probabilities and of their complement.
    fn both(
        &self,
        of_logits: impl Fn(&Tensor) -> Tensor,
        of_probs: impl Fn(&Tensor) -> Tensor,
    ) -> (Tensor, Tensor) {
        if let Some(logits) = self.logits.as_ref().map(Parameter::value) {
            return (of_logits(&logits), of_logits(&-logits));
        }
        let probs = self.probs.as_ref().map_or_else(|| Tensor::scalar(f64::NAN), Parameter::value);
        (of_probs(&probs), of_probs(&(1.0 - &probs)))
    }
}

impl Distribution for Bernoulli {
    fn family(&self) -> &'static str {
        "Bernoulli"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        let logits = self.logits.iter().map(|logits| ParameterSpec::extended("logits", logits));
        let probs = self.probs.iter().map(|probs| ParameterSpec::unit_interval("probs", probs));
        logits.chain(probs).collect()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (one, zero) = self.log_masses();
        let is_one = x.eq(&constant(1.0, x));
        let possible = &is_one + x.eq(&constant(0.0, x));
        Ok(only_where(&possible, &Tensor::select(&is_one, &one, &zero)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(stream.uniform(shape, self.dtype()?).lt(&self.probs().detach()))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.probs())
    }

    fn variance(&self) -> Result<Tensor> {
        let (one, zero) = self.masses();
        Ok(one * zero)
    }

    fn mode(&self) -> Result<Tensor> {
        let (one, zero) = self.log_masses();
        Ok(one.gt(&zero))
    }

    fn entropy(&self) -> Result<Tensor> {
        let ((one, zero), (log_one, log_zero)) = (self.masses(), self.log_masses());
        Ok(-(weigh(&one, &log_one) + weigh(&zero, &log_zero)))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let [zero, one] = [0.0, 1.0].map(|bound| constant(bound, value));
        let below_one = Tensor::select(&value.ge(&zero), &self.masses().1, &zero);
        Ok(Tensor::select(&value.ge(&one), &one, &below_one))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Bernoulli, Bernoulli>()] }
    }
}

/// The sum over both outcomes; infinite with zero gradient where `p` excludes one that `q` does not.
impl KlDivergence<Self> for Bernoulli {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let ((one, zero), (q_one, q_zero)) = (self.masses(), self.log_masses());
        let (p_one, p_zero) = p.log_masses();
        Ok(term(&one, &q_one, &p_one) + term(&zero, &q_zero, &p_zero))
    }
}

/// `mass·(log_q − log_p)` of one outcome.
fn term(mass: &Tensor, log_q: &Tensor, log_p: &Tensor) -> Tensor {
    let excluded = log_p.eq(&constant(f64::NEG_INFINITY, log_p));
    let safe = Tensor::select(&excluded, &constant(0.0, log_p), log_p);
    let value = weigh(mass, &(log_q - safe));
    let impossible = excluded * mass.gt(&constant(0.0, mass));
    Tensor::select(&impossible, &constant(f64::INFINITY, &value), &value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};

    #[test]
    fn bad_arguments_are_named() {
        let error = Bernoulli::from_probs(1.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        assert!(Bernoulli::from_logits(f64::NAN).is_err());
    }

    #[test]
    fn certain_outcomes_do_no_harm() {
        let (always, never) = (Bernoulli::from_logits(f64::INFINITY), Bernoulli::from_probs(0.0));
        let (always, never) = (always.unwrap(), never.unwrap());
        assert_eq!(always.entropy().unwrap().item().unwrap(), 0.0);
        assert_eq!(kl_divergence(&always, &always).unwrap().item().unwrap(), 0.0);
        assert_eq!(kl_divergence(&always, &never).unwrap().item().unwrap(), f64::INFINITY);
        let even = Bernoulli::from_probs(0.5).unwrap();
        let divergence = kl_divergence(&never, &even).unwrap().item().unwrap();
        assert!((divergence - 2.0_f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn logits_and_probabilities_agree() {
        let x = Tensor::from_vec(vec![0.0, 1.0], &[2]);
        let by_logits = Bernoulli::from_logits(0.8).unwrap().log_prob(&x).unwrap();
        let probability = 1.0 / (1.0 + (-0.8_f64).exp());
        let by_probs = Bernoulli::from_probs(probability).unwrap().log_prob(&x).unwrap();
        let (a, b) = (by_logits.to_vec::<f64>().unwrap(), by_probs.to_vec::<f64>().unwrap());
        assert!((a[0] - b[0]).abs() < 1e-14 && (a[1] - b[1]).abs() < 1e-14);
    }
}
