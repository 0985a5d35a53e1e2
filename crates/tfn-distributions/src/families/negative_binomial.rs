//! The negative binomial distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::logits_or_probs::LogitsOrProbs;
use super::total_count;
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::weigh;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{
    Counted, negative_binomial_log_mass, negative_binomial_quantile, trials_divergence, trials_sample,
    trials_tail,
};

/// The number of successes before failure number `total_count`, with given log-odds or probability of success.
///
/// Counterpart: `tfp.distributions.NegativeBinomial`. `total_count` is any positive number: these are Poisson counts whose
/// rate is gamma-distributed. Numbers that are no count have the log-probability minus infinity.
///
/// ```text
/// P(k) = Γ(total_count + k)/(Γ(total_count) k!) p^k (1 − p)^total_count,   k = 0, 1, 2, …
/// ```
///
/// Each sample takes one number of the stream.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, NegativeBinomial};
/// use tfn_tensor::Tensor;
///
/// let successes = NegativeBinomial::from_probs(2.0, 0.5)?;
/// let prob = successes.prob(&Tensor::from_vec(vec![0.0, 1.0, 0.5], &[3]))?.to_vec::<f64>()?;
/// assert!((prob[0] - 0.25).abs() < 1e-15 && (prob[1] - 0.25).abs() < 1e-15 && prob[2] == 0.0);
/// assert_eq!((successes.mean()?.item()?, successes.variance()?.item()?), (2.0, 4.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct NegativeBinomial {
    total_count: Parameter,
    success: LogitsOrProbs,
    validate_args: bool,
}

family!(NegativeBinomial);

impl NegativeBinomial {
    /// Successes before failure number `total_count`, with the log-odds `logits` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `total_count` is not positive, if fixed `logits` hold
    /// a NaN, if their shapes do not broadcast, or if their types differ.
    pub fn from_logits(
        total_count: impl Into<Parameter>,
        logits: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, logits] = Parameter::unify([total_count.into(), logits.into()]);
        let success = LogitsOrProbs::Logits(logits);
        Self { total_count, success, validate_args: false }.checked()
    }

    /// Successes before failure number `total_count`, with the probability `probs` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `total_count` is not positive, if fixed `probs` are not
    /// in `[0, 1]`, if their shapes do not broadcast, or if their types differ.
    pub fn from_probs(
        total_count: impl Into<Parameter>,
        probs: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, probs] = Parameter::unify([total_count.into(), probs.into()]);
        let success = LogitsOrProbs::Probs(probs);
        Self { total_count, success, validate_args: false }.checked()
    }

    /// The number of failures at which the count ends.
    pub fn total_count(&self) -> &Parameter {
        &self.total_count
    }

    /// Probability of success.
    pub fn probs(&self) -> Tensor {
        let [success, _] = self.success.masses();
        success
    }

    /// `p/(1 − p)`.
    fn odds(&self) -> Tensor {
        match &self.success {
            LogitsOrProbs::Logits(logits) => logits.value().exp(),
            LogitsOrProbs::Probs(probs) => probs.value() / (1.0 - probs.value()),
        }
    }

    /// The mass up to `value` (above it, if `UPPER`), or its logarithm.
    fn tail<const UPPER: bool, const LOG: bool>(&self, value: &Tensor) -> Tensor {
        let count = value.detach().floor();
        trials_tail::<UPPER, LOG>(&count, &self.total_count.value(), &self.success.success_prob())
    }
}

impl Distribution for NegativeBinomial {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.total_count.positive("total_count"),
            self.success.spec_of_one(),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(negative_binomial_log_mass(&self.total_count.value(), x, &self.success.success_prob()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let success = self.success.success_prob();
        Ok(trials_sample::<true>(&self.total_count.value(), &success, shape, stream))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.total_count.value() * self.odds())
    }

    fn variance(&self) -> Result<Tensor> {
        let odds = self.odds();
        Ok(self.total_count.value() * &odds * (1.0 + &odds))
    }

    fn mode(&self) -> Result<Tensor> {
        let others = (self.total_count.value().detach() - 1.0).relu();
        Ok((others * self.odds().detach()).floor())
    }

    tails_of_trials!();

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(negative_binomial_quantile(&self.total_count.value(), &self.success.success_prob(), p))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<NegativeBinomial, NegativeBinomial>()] }
    }
}

/// ```text
/// total_count (ln(1 − p_q) − ln(1 − p_p) + p_q/(1 − p_q) (ln p_q − ln p_p))
/// ```
///
/// for two distributions of one `total_count`: the sum over the counts, by their mean. Infinite with zero gradient
/// where `p` excludes a count that `q` does not.
impl KlDivergence<Self> for NegativeBinomial {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        total_count::check_equal(self.family(), &self.total_count, &p.total_count)?;
        let (q, p) = (self.success.success_prob(), p.success.success_prob());
        Ok(weigh(&self.total_count.value(), &trials_divergence(Counted::UntilFailure, &q, &p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::{entries, row};
    use crate::{DistributionError, Geometric, kl_divergence};
    use tfn_tensor::Variable;

    fn near(given: &[f64], expected: &[f64], tolerance: f64) {
        let mut pairs = given.iter().zip(expected);
        let all = pairs.all(|(a, b)| a == b || (a / b - 1.0).abs() < tolerance);
        assert!(all, "{given:?} {expected:?}");
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = NegativeBinomial::from_probs(0.0, 0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "total_count", .. }));
        let error = NegativeBinomial::from_probs(2.0, -0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        let error = NegativeBinomial::from_logits(2.0, f64::NAN).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "logits", .. }));
        let [q, p] = [1.0, 2.0].map(|r| NegativeBinomial::from_probs(r, 0.5).unwrap());
        let error = kl_divergence(&q, &p).unwrap_err();
        assert!(matches!(error, DistributionError::NoKlRule { .. }));
    }

    #[test]
    fn up_to_one_failure_it_is_a_geometric_distribution() {
        // There success ends the count, here failure.
        let (one, geometric) =
            (NegativeBinomial::from_logits(1.0, 30.0), Geometric::from_logits(-30.0));
        let (one, geometric) = (one.unwrap(), geometric.unwrap());
        let x = row(&[-1.0, 0.0, 2.5, 1e14]);
        let pairs = [
            (one.log_prob(&x), geometric.log_prob(&x)),
            (one.log_cdf(&x), geometric.log_cdf(&x)),
            (one.log_survival_function(&x), geometric.log_survival_function(&x)),
            (one.mean(), geometric.mean()),
            (one.variance(), geometric.variance()),
        ];
        for (given, expected) in pairs {
            near(&entries(given), &entries(expected), 1e-12);
        }
    }

    #[test]
    fn masses_and_tails_are_exact() {
        let counts = row(&[0.3, 1e-6, 2_500.0, 1_000_000.0, 4.0, 0.05]);
        let waiting = NegativeBinomial::from_probs(counts, row(&[0.9, 0.5, 0.25, 0.5, 1e-9, 0.99])).unwrap();
        let k = row(&[7.0, 3.0, 2_000.0, 999_000.0, 0.0, 500.0]);
        // mpmath, 60 digits: log-mass, and sums of the masses of either tail.
        near(&entries(waiting.log_prob(&k)), &[-3.901_365_970_364_239, -16.993_563_581_460_03, -405.480_148_258_186_3, -8.422_642_287_805_298, -4.000_000_002e-09, -14.128_230_844_851_43], 1e-13);
        near(&entries(waiting.log_cdf(&k)), &[-0.119_447_444_234_918_6, -2.648_054_861_550_627e-08, -1.024_483_922_950_858e-176, -1.427_470_990_788_096, -4.000_000_002e-09, -6.216_207_785_620_63e-05], 1e-13);
        near(&entries(waiting.log_survival_function(&k)), &[-2.184_008_107_167_584, -17.446_855_401_224_25, -405.230_787_370_959_3, -0.274_324_881_778_689_2, -19.336_971_477_326_52, -9.685_796_505_796_347], 1e-13);
    }

    #[test]
    fn what_is_no_count_has_no_mass_and_no_gradient() {
        let logits = Variable::new("logits", Tensor::scalar(0.3)).unwrap();
        let count = Variable::new("count", Tensor::scalar(1.7)).unwrap();
        let waiting = NegativeBinomial::from_logits(&count, &logits).unwrap();
        let x = row(&[-1.0, 0.5, f64::INFINITY]);
        let log_prob = waiting.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&logits).item().unwrap(), 0.0);
        assert_eq!(gradients.of(&count).item().unwrap(), 0.0);
        assert!(entries(waiting.log_prob(&Tensor::scalar(f64::NAN)))[0].is_nan());
        assert_eq!(entries(waiting.cdf(&x))[2], 1.0);
    }

    #[test]
    fn certain_outcomes_do_no_harm() {
        let never = NegativeBinomial::from_probs(2.5, 0.0).unwrap();
        assert_eq!(entries(never.log_prob(&row(&[0.0, 1.0]))), [0.0, f64::NEG_INFINITY]);
        assert_eq!(entries(never.sample(&[2], &mut Stream::from_seed(1))), [0.0; 2]);
        assert_eq!(entries(never.quantile(&row(&[0.3, 0.9]))), [0.0; 2]);
        let even = NegativeBinomial::from_probs(2.5, 0.5).unwrap();
        near(&entries(kl_divergence(&never, &even)), &[2.5 * 2.0_f64.ln()], 1e-15);
        assert_eq!(entries(kl_divergence(&even, &never)), [f64::INFINITY]);
        let always = NegativeBinomial::from_probs(2.5, 1.0).unwrap();
        assert_eq!(entries(always.mean()), [f64::INFINITY]);
        assert_eq!(entries(always.quantile(&Tensor::scalar(0.3))), [f64::INFINITY]);
        assert!(!entries(always.sample(&[2], &mut Stream::from_seed(1)))[0].is_nan());
    }

    #[test]
    fn quantiles_are_the_first_count_that_reaches_the_level() {
        let (counts, probs) = (row(&[0.01, 2.0, 1e4, 0.3]), row(&[0.9, 0.5, 0.3, 0.999_999]));
        let waiting = NegativeBinomial::from_probs(counts, probs).unwrap();
        for level in [1e-300, 1e-9, 0.1, 0.51, 0.77, 1.0 - 1e-6] {
            let k = waiting.quantile(&Tensor::scalar(level)).unwrap();
            let (at, before) = (entries(waiting.cdf(&k)), entries(waiting.cdf(&(&k - 1.0))));
            let reached = at.iter().zip(&before).all(|(at, before)| *at >= level && *before < level);
            assert!(reached, "{level}: {at:?} {before:?}");
        }
    }

    #[test]
    fn samples_have_their_mean_and_variance() {
        let (counts, probs) = (row(&[3.0, 20.0, 1e9, 7.5]), row(&[0.3, 0.6, 0.4, 1.0 - 1e-12]));
        let waiting = NegativeBinomial::from_probs(counts, probs).unwrap();
        let sample = waiting.sample(&[20_000], &mut Stream::from_seed(5)).unwrap();
        let z = (sample - waiting.mean().unwrap()) / waiting.stddev().unwrap();
        let means = entries(Ok(z.mean_axes(&[0], false)));
        let squares = entries(Ok(z.square().mean_axes(&[0], false)));
        assert!(means.iter().all(|mean| mean.abs() < 0.04), "{means:?}");
        assert!(squares.iter().all(|square| (square - 1.0).abs() < 0.1), "{squares:?}");
    }
}
