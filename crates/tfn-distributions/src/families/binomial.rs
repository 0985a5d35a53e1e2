//! The binomial distribution.

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
    Counted, binomial_entropy, binomial_log_mass, binomial_quantile, trials_divergence, trials_sample,
    trials_tail,
};

/// The number of successes of `total_count` trials, with given log-odds or probability of success.
///
/// Counterpart: `tfp.distributions.Binomial`. Counts are numbers of the distribution's type; numbers that are no count
/// of at most `total_count` have the log-probability minus infinity.
///
/// ```text
/// P(k) = C(total_count, k) p^k (1 − p)^(total_count − k),   k = 0, …, total_count
/// ```
///
/// Each sample takes one number of the stream, however many trials it stands for.
///
/// # Examples
/// ```
/// use tfn_distributions::{Binomial, Distribution};
/// use tfn_tensor::Tensor;
///
/// let heads = Binomial::from_probs(3.0, 0.5)?;
/// let prob = heads.prob(&Tensor::from_vec(vec![0.0, 1.0, 4.0], &[3]))?.to_vec::<f64>()?;
/// assert!((prob[0] - 0.125).abs() < 1e-15 && (prob[1] - 0.375).abs() < 1e-15 && prob[2] == 0.0);
/// assert_eq!((heads.mean()?.item()?, heads.variance()?.item()?), (1.5, 0.75));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Binomial {
    total_count: Parameter,
    success: LogitsOrProbs,
    validate_args: bool,
}

family!(Binomial);

impl Binomial {
    /// Successes of `total_count` trials, with the log-odds `logits` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `total_count` is no whole number of at least 0, if
    /// fixed `logits` hold a NaN, if their shapes do not broadcast, or if their types differ.
    pub fn from_logits(
        total_count: impl Into<Parameter>,
        logits: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, logits] = Parameter::unify([total_count.into(), logits.into()]);
        let success = LogitsOrProbs::Logits(logits);
        Self { total_count, success, validate_args: false }.checked()
    }

    /// Successes of `total_count` trials, with the probability `probs` of success.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `total_count` is no whole number of at least 0, if
    /// fixed `probs` are not in `[0, 1]`, if their shapes do not broadcast, or if their types differ.
    pub fn from_probs(
        total_count: impl Into<Parameter>,
        probs: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, probs] = Parameter::unify([total_count.into(), probs.into()]);
        let success = LogitsOrProbs::Probs(probs);
        Self { total_count, success, validate_args: false }.checked()
    }

    /// The number of trials.
    pub fn total_count(&self) -> &Parameter {
        &self.total_count
    }

    /// Probability of success.
    pub fn probs(&self) -> Tensor {
        let [success, _] = self.success.masses();
        success
    }

    /// The mass up to `value` (above it, if `UPPER`), or its logarithm.
    fn tail<const UPPER: bool, const LOG: bool>(&self, value: &Tensor) -> Tensor {
        let count = value.detach().floor();
        let failures = self.total_count.value() - &count;
        trials_tail::<UPPER, LOG>(&count, &failures, &self.success.success_prob())
    }
}

impl Distribution for Binomial {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.total_count.count("total_count"),
            self.success.spec_of_one(),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(binomial_log_mass(&self.total_count.value(), x, &self.success.success_prob()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let success = self.success.success_prob();
        Ok(trials_sample::<false>(&self.total_count.value(), &success, shape, stream))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.total_count.value() * self.probs())
    }

    fn variance(&self) -> Result<Tensor> {
        let [success, failure] = self.success.masses();
        Ok(self.total_count.value() * success * failure)
    }

    fn mode(&self) -> Result<Tensor> {
        let trials = self.total_count.value().detach();
        let mode = ((&trials + 1.0) * self.probs().detach()).floor();
        Ok(mode.minimum(&trials))
    }

    /// Without gradient in `total_count`.
    fn entropy(&self) -> Result<Tensor> {
        Ok(binomial_entropy(&self.total_count.value(), &self.success.success_prob()))
    }

    tails_of_trials!();

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(binomial_quantile(&self.total_count.value(), &self.success.success_prob(), p))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Binomial, Binomial>()] }
    }
}

/// `total_count` times the divergence of one trial, of two distributions of the same number of trials.
///
/// Infinite with zero gradient where `p` excludes an outcome that `q` does not.
impl KlDivergence<Self> for Binomial {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        total_count::check_equal(self.family(), &self.total_count, &p.total_count)?;
        let (q, p) = (self.success.success_prob(), p.success.success_prob());
        Ok(weigh(&self.total_count.value(), &trials_divergence(Counted::Success, &q, &p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::{entries, row};
    use crate::{Bernoulli, DistributionError, KlMethod, estimate_kl, kl_divergence};
    use tfn_tensor::Variable;
    use tfn_tensor::random::Key;

    #[test]
    fn bad_arguments_are_named() {
        let error = Binomial::from_probs(2.5, 0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "total_count", .. }));
        let error = Binomial::from_probs(2.0, 1.5).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        let error = Binomial::from_logits(2.0, f64::NAN).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "logits", .. }));
        assert!(Binomial::from_logits(row(&[2.0, 3.0]), row(&[0.1; 3])).is_err());
    }

    #[test]
    fn one_trial_is_a_bernoulli_distribution() {
        let (one, coin) = (Binomial::from_logits(1.0, -40.0), Bernoulli::from_logits(-40.0));
        let (one, coin) = (one.unwrap(), coin.unwrap());
        let x = row(&[-1.0, 0.0, 0.5, 1.0, 2.0]);
        assert_eq!(entries(one.log_prob(&x)), entries(coin.log_prob(&x)));
        let tails = entries(one.log_survival_function(&x)).into_iter();
        for (given, expected) in tails.zip(entries(coin.log_survival_function(&x))) {
            assert!(given == expected || (given / expected - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn masses_and_tails_of_many_trials_are_exact() {
        let trials = row(&[1_000_000.0, 1_000_000_000.0, 50.0, 12.0, 100_000.0]);
        let binomial = Binomial::from_probs(trials, row(&[0.3, 1e-10, 0.999, 0.5, 0.5])).unwrap();
        let k = row(&[295_000.0, 4.0, 49.0, 3.0, 51_500.0]);
        let near = |given: Vec<f64>, expected: &[f64]| {
            let mut pairs = given.iter().zip(expected);
            assert!(pairs.all(|(a, b)| (a / b - 1.0).abs() < 2e-13), "{given:?} {expected:?}");
        };
        // mpmath, 60 digits: log-mass, and sums of the masses of either tail.
        near(entries(binomial.log_prob(&k)), &[-66.756_399_146_777_88, -12.488_394_207_929_13, -3.044_756_789_899_583, -2.924_138_620_366_982, -50.988_558_816_683_22]);
        near(entries(binomial.log_cdf(&k)), &[-63.019_705_445_604_68, -7.667_801_906_647_193e-08, -3.020_140_304_680_651, -2.617_322_593_328_657, -1.147_442_006_069_198e-21]);
        near(entries(binomial.log_survival_function(&k)), &[-4.274_542_838_161_309e-28, -16.383_650_791_212_25, -0.050_025_016_679_176_72, -0.075_799_606_487_541_39, -48.216_751_830_572_8]);
    }

    #[test]
    fn what_is_no_count_has_no_mass_and_no_gradient() {
        let probs = Variable::new("probs", Tensor::scalar(0.3)).unwrap();
        let binomial = Binomial::from_probs(4.0, &probs).unwrap();
        let x = row(&[-1.0, 0.5, 5.0, f64::INFINITY]);
        let log_prob = binomial.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&probs).item().unwrap(), 0.0);
        assert_eq!(entries(binomial.cdf(&x))[2..], [1.0, 1.0]);
        let nan = Tensor::scalar(f64::NAN);
        assert!(entries(binomial.log_prob(&nan))[0].is_nan() && entries(binomial.cdf(&nan))[0].is_nan());
    }

    #[test]
    fn certain_outcomes_do_no_harm() {
        let probs = Variable::new("probs", row(&[0.0, 1.0])).unwrap();
        let sure = Binomial::from_probs(3.0, &probs).unwrap();
        let log_prob = sure.log_prob(&row(&[0.0, 3.0])).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [0.0, 0.0]);
        let slope = log_prob.sum().gradients().unwrap().of(&probs);
        assert_eq!(slope.to_vec::<f64>().unwrap(), [-3.0, 3.0]);
        assert_eq!(entries(sure.log_prob(&row(&[1.0, 1.0]))), [f64::NEG_INFINITY; 2]);
        assert_eq!(entries(sure.cdf(&row(&[0.0, 2.0]))), [1.0, 0.0]);
        assert_eq!(entries(sure.mode()), [0.0, 3.0]);
        assert_eq!(entries(sure.sample(&[], &mut Stream::from_seed(1))), [0.0, 3.0]);
        assert_eq!(entries(sure.quantile(&Tensor::scalar(0.5))), [0.0, 3.0]);
        let none = Binomial::from_probs(0.0, 0.3).unwrap();
        assert_eq!(entries(none.log_prob(&Tensor::scalar(0.0))), [0.0]);
        assert_eq!(entries(none.sample(&[2], &mut Stream::from_seed(1))), [0.0; 2]);
    }

    #[test]
    fn quantiles_are_the_first_count_that_reaches_the_level() {
        let binomial =
            Binomial::from_probs(row(&[1.0, 7.0, 1e4, 1e9]), row(&[0.2, 0.5, 1e-3, 0.9])).unwrap();
        for level in [1e-300, 1e-9, 0.1, 0.51, 0.77, 1.0 - 1e-9] {
            let k = binomial.quantile(&Tensor::scalar(level)).unwrap();
            let (at, before) = (entries(binomial.cdf(&k)), entries(binomial.cdf(&(&k - 1.0))));
            let reached = at.iter().zip(&before).all(|(at, before)| *at >= level && *before < level);
            assert!(reached, "{level}: {at:?} {before:?}");
        }
        assert_eq!(entries(binomial.quantile(&Tensor::scalar(1.0)))[1], 7.0);
    }

    #[test]
    fn a_level_that_is_a_cdf_leads_back_to_its_count() {
        for trials in 1..=50_u32 {
            let binomial = Binomial::from_probs(f64::from(trials), 0.5).unwrap();
            let (mut ways, mut sum) = (1_u64, 0_u64);
            for k in 0..trials {
                sum += ways;
                ways = ways * u64::from(trials - k) / u64::from(k + 1);
                let level = sum as f64 / f64::from(trials).exp2();
                let given = binomial.quantile(&Tensor::scalar(level)).unwrap().item().unwrap();
                assert_eq!(given, f64::from(k), "{trials} {level}");
            }
        }
        // And what lies above it to the next one.
        let above = Binomial::from_probs(2.0, 0.5).unwrap().quantile(&Tensor::scalar(0.75 + 1e-13));
        assert_eq!(entries(above), [2.0]);
    }

    #[test]
    fn slopes_of_far_tails_have_their_digits() {
        let logits = Variable::new("logits", Tensor::scalar(0.0)).unwrap();
        let binomial = Binomial::from_logits(1e6, &logits).unwrap();
        let below = binomial.log_cdf(&Tensor::scalar(1000.0)).unwrap();
        // mpmath, 60 digits, where the logarithm is −684000.
        let (given, exact) =
            (below.gradients().unwrap().of(&logits).item().unwrap(), -499_000.001_002_001);
        assert!((given / exact - 1.0).abs() < 1e-13, "{given}");
    }

    #[test]
    fn samples_of_many_trials_have_their_mean_and_variance() {
        let binomial =
            Binomial::from_probs(row(&[40.0, 1e4, 1e9, 1e15]), row(&[0.4, 0.002, 0.97, 0.5])).unwrap();
        let sample = binomial.sample(&[20_000], &mut Stream::from_seed(5)).unwrap();
        let z = (sample - binomial.mean().unwrap()) / binomial.stddev().unwrap();
        let means = entries(Ok(z.mean_axes(&[0], false)));
        let squares = entries(Ok(z.square().mean_axes(&[0], false)));
        assert!(means.iter().all(|mean| mean.abs() < 0.04), "{means:?}");
        assert!(squares.iter().all(|square| (square - 1.0).abs() < 0.07), "{squares:?}");
    }

    #[test]
    fn without_equal_counts_there_is_no_closed_form_but_an_estimate() {
        let [q, p] = [3.0, 4.0].map(|n| Binomial::from_probs(n, 0.4).unwrap());
        let error = kl_divergence(&q, &p).unwrap_err();
        let DistributionError::NoKlRule { tried, .. } = &error else { panic!("{error}") };
        assert_eq!(tried[0], "Binomial || Binomial of equal `total_count`");
        let key = Key::from_seed(1);
        let estimate = estimate_kl(&q, &p, KlMethod::best(key)).unwrap();
        assert!(estimate.value.item().unwrap() > 0.0);
    }
}
