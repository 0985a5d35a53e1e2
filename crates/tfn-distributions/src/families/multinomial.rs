//! The multinomial distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::logits_or_probs::LogitsOrProbs;
use super::total_count;
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::{DistributionError, Result};
use crate::masking::{constant, only_where, unless_nan_in_row, weigh};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{SuccessProb, multinomial_log_terms, poisson_log_mass, trials_sample};

/// How often each of `K` outcomes comes in `total_count` trials, with given log-odds or probabilities.
///
/// Counterpart: `tfp.distributions.Multinomial`. Counts are numbers of the distribution's type; rows that are no counts
/// or do not sum to `total_count` have the log-probability minus infinity.
///
/// ```text
/// P(k) = total_count!/(Π kᵢ!) Π pᵢ^kᵢ,   Σ kᵢ = total_count
/// ```
///
/// Samples are counts of one outcome after another among the trials that are left: binomial ones, each of one number of
/// the stream (C. S. Davis (1993), "The computer generation of multinomial random variates").
///
/// # Shapes
/// `logits` or `probs` is `[batch…, K]`, `total_count` is `[batch…]`; the event shape is `[K]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Multinomial};
/// use tfn_tensor::Tensor;
///
/// let throws = Multinomial::from_probs(3.0, Tensor::from_vec(vec![0.5, 0.25, 0.25], &[3]))?;
/// let rows = Tensor::from_vec(vec![1.0, 1.0, 1.0, 3.0, 1.0, 0.0], &[2, 3]);
/// let prob = throws.prob(&rows)?.to_vec::<f64>()?;
/// assert!((prob[0] - 0.1875).abs() < 1e-15 && prob[1] == 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Multinomial {
    total_count: Parameter,
    row: LogitsOrProbs,
    validate_args: bool,
}

family!(Multinomial);

impl Multinomial {
    /// Counts of outcomes with log-probabilities `logits` up to a constant.
    ///
    /// # Errors
    /// [`DistributionError`] if a fixed `total_count` is no whole number of at least 0, if fixed `logits` hold a NaN or
    /// have no axis, if the shapes of the batches do not broadcast, or if the types differ.
    pub fn from_logits(
        total_count: impl Into<Parameter>,
        logits: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, logits] = Parameter::unify([total_count.into(), logits.into()]);
        Self { total_count, row: LogitsOrProbs::Logits(logits), validate_args: false }.checked()
    }

    /// Counts of outcomes with probabilities `probs`.
    ///
    /// # Errors
    /// [`DistributionError`] if a fixed `total_count` is no whole number of at least 0, if fixed `probs` do not sum to 1
    /// or have no axis, if the shapes of the batches do not broadcast, or if the types differ.
    pub fn from_probs(
        total_count: impl Into<Parameter>,
        probs: impl Into<Parameter>,
    ) -> Result<Self> {
        let [total_count, probs] = Parameter::unify([total_count.into(), probs.into()]);
        Self { total_count, row: LogitsOrProbs::Probs(probs), validate_args: false }.checked()
    }

    /// The number of trials.
    pub fn total_count(&self) -> &Parameter {
        &self.total_count
    }

    /// Probabilities of the outcomes on the last axis.
    pub fn probs(&self) -> Tensor {
        self.row.row()
    }

    /// The number of trials with an axis for the outcomes.
    fn trials(&self) -> Tensor {
        self.total_count.value().expand_dims(-1)
    }

    /// The log-odds of each outcome but the last against those after it, and so on along a list.
    fn log_odds_of_rest(&self) -> Result<Vec<Tensor>> {
        let log_probs = self.row.log_row().detach().cast(DType::F64);
        let outcomes = self.row.num_categories()?;
        let column = |i: usize| log_probs.narrow(-1, i, 1).squeeze(-1);
        let mut odds = Vec::with_capacity(outcomes);
        let mut rest = column(outcomes.saturating_sub(1));
        for i in (0..outcomes.saturating_sub(1)).rev() {
            let own = column(i);
            odds.push(&own - &rest);
            rest = Tensor::stack(&[&own, &rest], -1).logsumexp(-1, false);
        }
        odds.reverse();
        Ok(odds)
    }
}

impl Distribution for Multinomial {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.total_count.count("total_count"), self.row.spec_of_row()]
    }

    /// Poisson counts of the same means, given their sum: no large terms are left to cancel.
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (trials, log_probs) = (self.trials(), self.row.log_row());
        let (sum, log_terms) = (
            x.sum_axes(&[-1], true),
            multinomial_log_terms(&trials, x, &self.row.row(), &log_probs).sum_axes(&[-1], true),
        );
        let is_possible =
            sum.eq(&trials) * log_terms.gt(&constant(f64::NEG_INFINITY, &log_terms));
        // The probability of one outcome alone may be near 1, with a logarithm that has its own digits.
        let is_alone = x.eq(&sum).sum_axes(&[-1], true);
        let counts = Tensor::select(&is_possible, x, &constant(0.0, x));
        let alone = weigh(&counts, &log_probs).sum_axes(&[-1], true);
        let several = log_terms - poisson_log_mass(&trials, &trials);
        let log_prob = only_where(&is_possible, &Tensor::select(&is_alone, &alone, &several));
        Ok(unless_nan_in_row(x, &log_prob.squeeze(-1)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let outer = &shape[..shape.len().saturating_sub(1)];
        let trials = self.total_count.value().detach().cast(DType::F64);
        let mut left = trials.broadcast_to(outer);
        let mut counts = Vec::new();
        for odds in self.log_odds_of_rest()? {
            let success = SuccessProb { given: odds, is_logit: true };
            let count = trials_sample::<false>(&left, &success, outer, stream);
            left = &left - &count;
            counts.push(count);
        }
        counts.push(left);
        let columns: Vec<&Tensor> = counts.iter().collect();
        Ok(Tensor::stack(&columns, -1).cast(self.dtype()?))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.trials() * self.probs())
    }

    fn variance(&self) -> Result<Tensor> {
        let probs = self.probs();
        Ok(self.trials() * &probs * (1.0 - &probs))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Multinomial, Multinomial>()] }
    }
}

/// `total_count` times the divergence of one trial, of two distributions of the same number of trials.
///
/// Infinite with zero gradient where `p` excludes an outcome that `q` does not.
impl KlDivergence<Self> for Multinomial {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let [lhs, rhs] = [self, p].map(Distribution::event_shape);
        let (lhs, rhs) = (lhs?, rhs?);
        if lhs != rhs {
            let [q, p] = [self.family().into(), p.family().into()];
            return Err(DistributionError::KlEventShapes { q, p, lhs, rhs });
        }
        total_count::check_equal(self.family(), &self.total_count, &p.total_count)?;
        Ok(weigh(&self.total_count.value(), &self.row.row_kl(&p.row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::{entries, row};
    use crate::{Binomial, kl_divergence};
    use tfn_tensor::Variable;

    /// All rows of three counts that sum to `n`.
    fn rows(n: usize) -> Tensor {
        let rows: Vec<f64> = (0..=n)
            .flat_map(|i| (0..=n - i).flat_map(move |j| [i, j, n - i - j]))
            .map(|count| count as f64)
            .collect();
        let shape = [rows.len() / 3, 3];
        Tensor::from_vec(rows, &shape)
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = Multinomial::from_logits(-1.0, row(&[0.0, 1.0])).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "total_count", .. }));
        let error = Multinomial::from_probs(2.0, row(&[0.5, 0.6])).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "probs", .. }));
        let error = Multinomial::from_logits(2.0, 0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "logits", .. }));
        let [q, p] = [2.0, 3.0].map(|n| Multinomial::from_logits(n, row(&[0.0, 1.0])).unwrap());
        let error = kl_divergence(&q, &p).unwrap_err();
        assert!(matches!(error, DistributionError::NoKlRule { .. }));
        let wide = Multinomial::from_logits(2.0, row(&[0.0; 3])).unwrap();
        let error = kl_divergence(&q, &wide).unwrap_err();
        assert!(matches!(error, DistributionError::KlEventShapes { .. }));
    }

    #[test]
    fn masses_sum_to_one_and_statistics_are_their_sums() {
        let throws = Multinomial::from_logits(9.0, row(&[0.3, -1.0, 0.8])).unwrap();
        let all = rows(9);
        let prob = throws.prob(&all).unwrap();
        assert!((prob.sum().item().unwrap() - 1.0).abs() < 1e-13);
        let mean = entries(throws.mean());
        let sums = entries(Ok((&all * prob.expand_dims(-1)).sum_axes(&[0], false)));
        assert!(mean.iter().zip(&sums).all(|(a, b)| (a - b).abs() < 1e-12), "{mean:?} {sums:?}");
        let squares = (all - row(&mean)).square() * prob.expand_dims(-1);
        let (variance, sums) = (entries(throws.variance()), entries(Ok(squares.sum_axes(&[0], false))));
        assert!(variance.iter().zip(&sums).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn two_outcomes_are_a_binomial_distribution() {
        for (n, k, logit) in [(1e6, 299_000.0, -0.8), (12.0, 12.0, 35.0), (5.0, 0.0, -800.0), (5.0, 1.0, -800.0)] {
            let two = Multinomial::from_logits(n, row(&[logit, 0.0])).unwrap();
            let one = Binomial::from_logits(n, logit).unwrap();
            let given = entries(two.log_prob(&row(&[k, n - k])))[0];
            let expected = entries(one.log_prob(&Tensor::scalar(k)))[0];
            assert!(given == expected || (given / expected - 1.0).abs() < 1e-12, "{given} {expected}");
        }
    }

    #[test]
    fn rows_that_are_no_counts_have_no_mass_and_no_gradient() {
        let logits = Variable::new("logits", row(&[0.1, 0.7])).unwrap();
        let throws = Multinomial::from_logits(3.0, &logits).unwrap();
        let outside = [1.0, 1.0, 0.5, 2.5, -1.0, 4.0, f64::INFINITY, 0.0];
        let log_prob = throws.log_prob(&Tensor::from_slice(&outside, &[4, 2])).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
        let slope = log_prob.sum().gradients().unwrap().of(&logits);
        assert_eq!(slope.to_vec::<f64>().unwrap(), [0.0, 0.0]);
        assert!(entries(throws.log_prob(&row(&[f64::NAN, 1.0])))[0].is_nan());
        let alone = throws.log_prob(&row(&[-0.0, 3.0])).unwrap();
        assert!(alone.gradients().unwrap().of(&logits).all_finite().unwrap());
    }

    #[test]
    fn outcomes_of_probability_zero_do_no_harm() {
        let sure = Multinomial::from_probs(4.0, row(&[0.0, 1.0, 0.0])).unwrap();
        let x = Tensor::from_slice(&[0.0, 4.0, 0.0, 1.0, 3.0, 0.0], &[2, 3]);
        assert_eq!(entries(sure.log_prob(&x)), [0.0, f64::NEG_INFINITY]);
        assert_eq!(entries(sure.sample(&[], &mut Stream::from_seed(2))), [0.0, 4.0, 0.0]);
        let none = Multinomial::from_probs(0.0, row(&[0.5, 0.5])).unwrap();
        assert_eq!(entries(none.log_prob(&row(&[0.0, 0.0]))), [0.0]);
        assert_eq!(entries(none.sample(&[], &mut Stream::from_seed(2))), [0.0, 0.0]);
        let even = Multinomial::from_probs(4.0, row(&[0.25, 0.5, 0.25])).unwrap();
        assert!((entries(kl_divergence(&sure, &even))[0] - 4.0 * 2.0_f64.ln()).abs() < 1e-14);
        assert_eq!(entries(kl_divergence(&even, &sure)), [f64::INFINITY]);
    }

    #[test]
    fn samples_of_many_trials_sum_to_them_and_have_the_covariance() {
        let probs = [0.7, 0.1, 0.2];
        let throws = Multinomial::from_probs(1e9, row(&probs)).unwrap();
        let sample = throws.sample(&[20_000], &mut Stream::from_seed(5)).unwrap();
        let sums = entries(Ok(sample.sum_axes(&[-1], false)));
        assert!(sums.iter().all(|&sum| sum == 1e9));
        let z = (sample - throws.mean().unwrap()) / 1e9_f64.sqrt();
        for (i, j) in [(0, 0), (1, 1), (0, 1), (1, 2)] {
            let [a, b] = [i, j].map(|k| z.narrow(-1, k, 1));
            let given = (a * b).mean().item().unwrap();
            let expected = probs[i] * (if i == j { 1.0 } else { 0.0 } - probs[j]);
            assert!((given - expected).abs() < 0.01, "{i} {j}: {given} {expected}");
        }
    }
}
