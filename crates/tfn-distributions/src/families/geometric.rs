//! The geometric distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::logits_or_probs::LogitsOrProbs;
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::{constant, only_where, unless_nan, weigh};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{Counted, geometric_quantile, geometric_tail, trials_divergence};

/// The number of failures before the first success, of trials with given log-odds or probability of success.
///
/// Counterpart: `tfp.distributions.Geometric`. Counts are numbers of the distribution's type.
///
/// ```text
/// P(k) = (1 − p)^k p,   k = 0, 1, 2, …
/// ```
///
/// Numbers that are no such count have the log-probability minus infinity. At `p = 0` mean, variance and entropy
/// are infinite.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Geometric};
/// use tfn_tensor::Tensor;
///
/// let failures = Geometric::from_probs(0.5)?;
/// let prob = failures.prob(&Tensor::from_vec(vec![0.0, 2.0, 0.5], &[3]))?.to_vec::<f64>()?;
/// assert!(prob[0] == 0.5 && (prob[1] - 0.125).abs() < 1e-15 && prob[2] == 0.0);
/// assert_eq!((failures.mean()?.item()?, failures.variance()?.item()?), (1.0, 2.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Geometric {
    success: LogitsOrProbs,
    validate_args: bool,
}

family!(Geometric);

impl Geometric {
    /// Counts of failures, with the log-odds `logits` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { success: LogitsOrProbs::Logits(logits.into()), validate_args: false }.checked()
    }

    /// Counts of failures, with the probability `probs` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` are not in `[0, 1]`.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { success: LogitsOrProbs::Probs(probs.into()), validate_args: false }.checked()
    }

    /// Probability of success.
    pub fn probs(&self) -> Tensor {
        let [success, _] = self.success.masses();
        success
    }

    /// `(1 − p)/p`.
    fn odds_of_failure(&self) -> Tensor {
        match &self.success {
            LogitsOrProbs::Logits(logits) => (-logits.value()).exp(),
            LogitsOrProbs::Probs(probs) => (1.0 - probs.value()) / probs.value(),
        }
    }

    /// `−(1 − p) ln(1 − p)/p`, the number of failures expected times what each adds to `−ln P`.
    fn cost_of_failures(&self) -> Tensor {
        let ([success, failure], [_, log_failure]) =
            (self.success.masses(), self.success.log_masses());
        // Below, 1 − p/2 is all there is to the last digit.
        let is_rare = success.lt(&constant(1e-8, &success));
        let safe = Tensor::select(&is_rare, &constant(1.0, &success), &success);
        let usual = -(weigh(&failure, &log_failure) / safe);
        Tensor::select(&is_rare, &(1.0 - &success * 0.5), &usual)
    }

    /// Logarithm of the probability of failure.
    fn log_failure(&self) -> Tensor {
        let [_, log_failure] = self.success.log_masses();
        log_failure
    }
}

/// `count·log`, and 0 where the count is 0 and `log` minus infinity.
fn count_times(count: &Tensor, log: &Tensor) -> Tensor {
    let impossible = log.eq(&constant(f64::NEG_INFINITY, log));
    let none = count.eq(&constant(0.0, count)) * impossible;
    let finite = count.lt(&constant(f64::INFINITY, count));
    let product = Tensor::select(&finite, count, &constant(0.0, count))
        * Tensor::select(&none, &constant(0.0, log), log);
    unless_nan(count, &only_where(&finite, &product))
}

/// 1 where `x` is 0, 1, 2, ….
fn is_count(x: &Tensor) -> Tensor {
    x.ge(&constant(0.0, x)) * x.lt(&constant(f64::INFINITY, x)) * x.floor().eq(x)
}

impl Distribution for Geometric {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.success.spec_of_one()]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let [log_success, log_failure] = self.success.log_masses();
        let possible = is_count(x);
        let count = Tensor::select(&possible, x, &constant(0.0, x));
        let value = count_times(&count, &log_failure) + log_success;
        Ok(unless_nan(x, &only_where(&possible, &value)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        // In f64 also for f32, so that long runs are as likely as they should be.
        let noise = stream.uniform_open(shape, DType::F64);
        let dtype = self.dtype()?;
        let [_, log_failure] = self.success.log_masses();
        let trials = (noise.ln() / log_failure.detach().cast(DType::F64)).floor();
        Ok(trials.cast(dtype))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.odds_of_failure())
    }

    fn variance(&self) -> Result<Tensor> {
        let odds = self.odds_of_failure();
        Ok(&odds * (1.0 + &odds))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&constant(0.0, &self.probs()))
    }

    fn entropy(&self) -> Result<Tensor> {
        let [log_success, _] = self.success.log_masses();
        Ok(self.cost_of_failures() - log_success)
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(geometric_tail::<false, false>(value, &self.log_failure()))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(geometric_tail::<false, true>(value, &self.log_failure()))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(geometric_tail::<true, false>(value, &self.log_failure()))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(geometric_tail::<true, true>(value, &self.log_failure()))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(geometric_quantile(&self.log_failure(), p))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Geometric, Geometric>()] }
    }
}

/// ```text
/// ln p_q − ln p_p + (1 − p_q)/p_q (ln(1 − p_q) − ln(1 − p_p))
/// ```
///
/// Infinite with zero gradient where `p` excludes a count that `q` does not. The sum over the counts, by their mean.
impl KlDivergence<Self> for Geometric {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (q, p) = (self.success.success_prob(), p.success.success_prob());
        Ok(trials_divergence(Counted::UntilSuccess, &q, &p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    fn entries(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec::<f64>().unwrap()
    }

    #[test]
    fn small_probabilities_keep_their_digits() {
        let geometric = Geometric::from_probs(1e-9).unwrap();
        let given = geometric.log_prob(&Tensor::scalar(1e9)).unwrap().item().unwrap();
        let expected = 1e9 * (-1e-9_f64).ln_1p() + 1e-9_f64.ln();
        assert!((given / expected - 1.0).abs() < 1e-15, "{given} {expected}");
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = Geometric::from_probs(1.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        assert!(Geometric::from_logits(f64::NAN).is_err());
    }

    #[test]
    fn both_tails_are_exact() {
        let rare = Geometric::from_logits(-60.0).unwrap();
        let x = Tensor::from_vec(vec![-1.0, 0.0, 2.5, 1e29], &[4]);
        let mass = (-60.0_f64).exp();
        let below = entries(rare.cdf(&x));
        assert!(below[0] == 0.0 && (below[1] / mass - 1.0).abs() < 1e-14);
        assert!((below[2] / (3.0 * mass) - 1.0).abs() < 1e-14);
        let log = entries(rare.log_cdf(&x));
        assert!(log[0] == f64::NEG_INFINITY && (log[1] + 60.0).abs() < 1e-13);
        let far = entries(rare.log_survival_function(&x))[3];
        assert!((far / (-1e29 * mass) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn what_is_no_count_has_no_mass_and_no_gradient() {
        let logits = Variable::new("logits", Tensor::scalar(0.3)).unwrap();
        let geometric = Geometric::from_logits(&logits).unwrap();
        let x = Tensor::from_vec(vec![-1.0, 0.5, f64::INFINITY], &[3]);
        let log_prob = geometric.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&logits).item().unwrap(), 0.0);
        assert!(entries(geometric.log_prob(&Tensor::scalar(f64::NAN)))[0].is_nan());
    }

    #[test]
    fn a_certain_success_comes_at_once() {
        let sure = Geometric::from_probs(1.0).unwrap();
        let x = Tensor::from_vec(vec![0.0, 1.0], &[2]);
        assert_eq!(entries(sure.log_prob(&x)), [0.0, f64::NEG_INFINITY]);
        assert_eq!(entries(sure.entropy()), [0.0]);
        assert_eq!(entries(sure.sample(&[3], &mut Stream::from_seed(1))), [0.0; 3]);
        assert_eq!(entries(sure.quantile(&Tensor::from_vec(vec![0.0, 1.0], &[2]))), [0.0; 2]);
        let even = Geometric::from_probs(0.5).unwrap();
        assert_eq!(entries(kl_divergence(&sure, &even)), [2.0_f64.ln()]);
        assert_eq!(entries(kl_divergence(&even, &sure)), [f64::INFINITY]);
    }

    #[test]
    fn the_entropy_of_rare_successes_is_one_more_than_the_surprise() {
        let rare = Geometric::from_logits(Tensor::from_vec(vec![-800.0, -19.0], &[2])).unwrap();
        let entropy = entries(rare.entropy());
        assert_eq!(entropy[0], 801.0);
        // mpmath, 50 digits: ln(1 + e¹⁹) + e¹⁹ ln(1 + e⁻¹⁹).
        assert!((entropy[1] - 20.000_000_002_801_398).abs() < 1e-14, "{entropy:?}");
    }
}
