//! The Bernoulli distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::logits_or_probs::LogitsOrProbs;
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::{at_probability, constant, only_where, unless_nan, weigh};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{Counted, trials_divergence};

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
    one: LogitsOrProbs,
    validate_args: bool,
}

family!(Bernoulli);

impl Bernoulli {
    /// Ones with the log-odds `logits`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { one: LogitsOrProbs::Logits(logits.into()), validate_args: false }.checked()
    }

    /// Ones with the probability `probs`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` are not in `[0, 1]`.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { one: LogitsOrProbs::Probs(probs.into()), validate_args: false }.checked()
    }

    /// Probability of 1.
    pub fn probs(&self) -> Tensor {
        let [one, _] = self.one.masses();
        one
    }
}

/// `below` for values below 0, `between` for those below 1, `above` from there on.
fn steps(value: &Tensor, [below, between, above]: [&Tensor; 3]) -> Tensor {
    let [zero, one] = [0.0, 1.0].map(|bound| constant(bound, value));
    let below_one = Tensor::select(&value.ge(&zero), between, below);
    unless_nan(value, &Tensor::select(&value.ge(&one), above, &below_one))
}

impl Distribution for Bernoulli {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.one.spec_of_one()]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let [one, zero] = self.one.log_masses();
        let is_one = x.eq(&constant(1.0, x));
        let possible = &is_one + x.eq(&constant(0.0, x));
        Ok(unless_nan(x, &only_where(&possible, &Tensor::select(&is_one, &one, &zero))))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        // In f64 also for f32, and never 0, so that rare outcomes are as rare as they should be.
        let noise = stream.uniform_open(shape, DType::F64);
        let [probs, _] = self.one.widened().masses();
        Ok(unless_nan(&probs, &noise.lt(&probs)).cast(self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.probs())
    }

    fn variance(&self) -> Result<Tensor> {
        let [one, zero] = self.one.masses();
        Ok(one * zero)
    }

    fn mode(&self) -> Result<Tensor> {
        let [one, zero] = self.one.log_masses();
        Ok(one.gt(&zero))
    }

    fn class_log_probs(&self) -> Option<Result<Tensor>> {
        let [one, zero] = self.one.log_masses();
        Some(Ok(Tensor::stack(&[&zero, &one], -1)))
    }

    fn entropy(&self) -> Result<Tensor> {
        let ([one, zero], [log_one, log_zero]) = (self.one.masses(), self.one.log_masses());
        Ok(-(weigh(&one, &log_one) + weigh(&zero, &log_zero)))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let [none, all] = [0.0, 1.0].map(|share| constant(share, value));
        let [_, zero] = self.one.masses();
        Ok(steps(value, [&none, &zero, &all]))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let [none, all] = [f64::NEG_INFINITY, 0.0].map(|log| constant(log, value));
        let [_, zero] = self.one.log_masses();
        Ok(steps(value, [&none, &zero, &all]))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let [none, all] = [0.0, 1.0].map(|share| constant(share, value));
        let [one, _] = self.one.masses();
        Ok(steps(value, [&all, &one, &none]))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let [none, all] = [f64::NEG_INFINITY, 0.0].map(|log| constant(log, value));
        let [one, _] = self.one.log_masses();
        Ok(steps(value, [&all, &one, &none]))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let [_, zero] = self.one.masses();
        Ok(at_probability(p, &p.gt(&zero)))
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
        Ok(trials_divergence(Counted::Success, &self.one.success_prob(), &p.one.success_prob()))
    }
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

    #[test]
    fn rare_outcomes_are_drawn_as_rarely_as_they_should_be() {
        let draws = 3_000_000;
        let ones = |coin: Bernoulli| {
            let sample = coin.sample(&[draws], &mut Stream::from_seed(3)).unwrap();
            sample.cast(DType::F64).sum().item().unwrap()
        };
        for dtype in [DType::F32, DType::F64] {
            for p in [0.0, 1e-12, 1e-10, 1e-6, 1e-4, 1e-3] {
                let given = |p: f64| Tensor::scalar_of(p, dtype);
                let expected = draws as f64 * p;
                let off = |count: f64| (count - expected).abs() <= 5.0 * expected.sqrt() + 0.01;
                let rare = ones(Bernoulli::from_probs(given(p)).unwrap());
                assert!(off(rare), "{p}: {rare}");
                // Zeros as rare as that, by log-odds: as a probability it would be rounded to 1.
                let often = ones(Bernoulli::from_logits(given(-p.ln())).unwrap());
                assert!(off(draws as f64 - often), "{p}: {often}");
            }
        }
    }

    #[test]
    fn rare_outcomes_keep_their_probability() {
        let rare = Bernoulli::from_logits(-50.0).unwrap();
        let x = Tensor::from_vec(vec![-0.5, 0.0, 0.7, 1.0, f64::NAN], &[5]);
        let above = rare.survival_function(&x).unwrap().to_vec::<f64>().unwrap();
        let mass = (-50.0_f64).exp();
        assert!((above[1] / mass - 1.0).abs() < 1e-14 && above[1] == above[2]);
        assert!(above[0] == 1.0 && above[3] == 0.0 && above[4].is_nan());
        let log = rare.log_cdf(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((log[1] / -mass - 1.0).abs() < 1e-14);
        assert!(log[0] == f64::NEG_INFINITY && log[3] == 0.0 && log[4].is_nan());
    }
}
