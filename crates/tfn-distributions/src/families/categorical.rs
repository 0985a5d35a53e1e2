//! The categorical distribution over labels.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::logits_or_probs::{LogitsOrProbs, sample_labels};
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::{at_probability, constant, log_sum_exp, only_where, unless_nan};
use crate::parameter::{Parameter, ParameterSpec};

/// The distribution of a label `0 … K − 1` with given log-odds or probabilities.
///
/// Counterpart: `tfp.distributions.Categorical`. Labels are numbers of the distribution's type.
///
/// # Shapes
/// `logits` or `probs` is `[batch…, K]`; a label has the event shape `[]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Categorical, Distribution};
/// use tfn_tensor::Tensor;
///
/// let die = Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.25, 0.25], &[3]))?;
/// let labels = Tensor::from_vec(vec![0.0, 2.0, 3.0], &[3]);
/// assert_eq!(die.prob(&labels)?.to_vec::<f64>()?, [0.5, 0.25, 0.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Categorical {
    row: LogitsOrProbs,
    validate_args: bool,
}

family!(Categorical);

impl Categorical {
    /// Labels with log-probabilities `logits` up to a constant.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN or have no axis.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { row: LogitsOrProbs::Logits(logits.into()), validate_args: false }.checked()
    }

    /// Labels with probabilities `probs`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` do not sum to 1, or have no axis.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { row: LogitsOrProbs::Probs(probs.into()), validate_args: false }.checked()
    }

    /// Log-probabilities of the labels, normalised, on the last axis.
    pub fn log_probs(&self) -> Tensor {
        self.row.log_row()
    }

    /// Probabilities of the labels on the last axis.
    pub fn probs(&self) -> Tensor {
        self.row.row()
    }

    /// Number of labels.
    ///
    /// # Errors
    /// The error that the parameter carries.
    pub fn num_categories(&self) -> Result<usize> {
        self.row.num_categories()
    }

    /// The labels `0 … K − 1`.
    fn labels(&self) -> Result<Tensor> {
        let labels: Vec<f64> = (0..self.num_categories()?).map(|label| label as f64).collect();
        Ok(Tensor::from_f64(&labels, &[labels.len()], self.dtype()?))
    }

    /// 1 for each label of at most `value`, along a new last axis.
    fn up_to(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.labels()?.le(&value.expand_dims(-1)))
    }

    /// Logarithm of the probability of the labels chosen, exact near minus infinity and near 0.
    fn log_mass(&self, chosen: &Tensor) -> Tensor {
        let log_probs = self.log_probs();
        let [own, others] = [chosen, &(1.0 - chosen)]
            .map(|mask| log_sum_exp(&only_where(mask, &log_probs)));
        let is_small = own.le(&others);
        let rest = Tensor::select(&is_small, &constant(-1.0, &others), &others);
        Tensor::select(&is_small, &own, &(-rest.exp()).log1p())
    }
}

/// Probability of the labels chosen, by the smaller of two sums: 1 if no other label is possible.
fn mass_of(probs: &Tensor, chosen: &Tensor) -> Tensor {
    let sum = |mask: &Tensor| (probs * mask).sum_axes(&[-1], false);
    let (own, others) = (sum(chosen), sum(&(1.0 - chosen)));
    Tensor::select(&own.le(&others), &own, &(1.0 - &others))
}

impl Categorical {
    /// Whether it was given by probabilities.
    pub(super) fn is_by_probs(&self) -> bool {
        matches!(self.row, LogitsOrProbs::Probs(_))
    }
}

impl Distribution for Categorical {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.row.spec_of_row()]
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let chosen = x.expand_dims(-1).eq(&self.labels()?);
        let log_probs = self.log_probs();
        let picked = Tensor::select(&chosen, &log_probs, &constant(0.0, &log_probs));
        let value = picked.sum_axes(&[-1], false);
        Ok(unless_nan(x, &only_where(&chosen.sum_axes(&[-1], false), &value)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        sample_labels(&self.log_probs(), shape, stream)
    }

    fn mean(&self) -> Result<Tensor> {
        Ok((self.probs() * self.labels()?).sum_axes(&[-1], false))
    }

    fn variance(&self) -> Result<Tensor> {
        let distance = self.labels()? - self.mean()?.expand_dims(-1);
        Ok((self.probs() * distance.square()).sum_axes(&[-1], false))
    }

    fn mode(&self) -> Result<Tensor> {
        Ok(self.log_probs().argmax(-1))
    }

    fn class_log_probs(&self) -> Option<Result<Tensor>> {
        Some(Ok(self.log_probs()))
    }

    fn entropy(&self) -> Result<Tensor> {
        Ok(self.row.row_entropy())
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(value, &mass_of(&self.probs(), &self.up_to(value)?)))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(value, &self.log_mass(&self.up_to(value)?)))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(value, &mass_of(&self.probs(), &(1.0 - self.up_to(value)?))))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(value, &self.log_mass(&(1.0 - self.up_to(value)?))))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let labels = self.labels()?;
        // Each label's cdf on the last axis: the sum over the labels up to it.
        let up_to = labels.le(&labels.expand_dims(-1));
        let cdf = mass_of(&self.probs().detach().expand_dims(-2), &up_to);
        Ok(at_probability(p, &cdf.lt(&p.expand_dims(-1)).sum_axes(&[-1], false)))
    }

    fn support(&self) -> Support {
        Support::Integers
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Categorical, Categorical>()] }
    }
}

impl KlDivergence<Self> for Categorical {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        same_categories(self, p)?;
        Ok(self.row.row_kl(&p.row))
    }
}

fn same_categories(q: &Categorical, p: &Categorical) -> Result<()> {
    let (lhs, rhs) = (q.num_categories()?, p.num_categories()?);
    if lhs == rhs {
        return Ok(());
    }
    Err(crate::error::DistributionError::KlEventShapes {
        q: format!("Categorical of {lhs} labels"),
        p: format!("Categorical of {rhs} labels"),
        lhs: vec![lhs],
        rhs: vec![rhs],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.6], &[2])).unwrap_err();
        assert!(error.to_string().contains("row 0, which sums to 1.1"), "{error}");
        let error =
            Categorical::from_logits(Tensor::from_vec(vec![0.5, f64::NAN], &[2])).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "logits", .. }));
        let error = Categorical::from_logits(0.5).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "logits", .. }));
        let [two, three] =
            [2, 3].map(|n| Categorical::from_logits(Tensor::from_vec(vec![0.0; n], &[n])).unwrap());
        let error = kl_divergence(&two, &three).unwrap_err();
        assert!(matches!(error, DistributionError::KlEventShapes { .. }));
    }

    #[test]
    fn labels_outside_have_no_mass_and_no_gradient() {
        let logits = Variable::new("logits", Tensor::from_vec(vec![0.1, 0.7], &[2])).unwrap();
        let categorical = Categorical::from_logits(&logits).unwrap();
        let outside = Tensor::from_vec(vec![-1.0, 0.5, 2.0, f64::NAN], &[4]);
        let log_prob = categorical.log_prob(&outside).unwrap();
        let values = log_prob.to_vec::<f64>().unwrap();
        assert_eq!(values[..3], [f64::NEG_INFINITY; 3]);
        assert!(values[3].is_nan());
        let slope = log_prob.sum().gradients().unwrap().of(&logits);
        assert_eq!(slope.to_vec::<f64>().unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn probabilities_of_zero_do_no_harm() {
        let q = Variable::new("q", Tensor::from_vec(vec![1.0, 0.0], &[2])).unwrap();
        let p = Variable::new("p", Tensor::from_vec(vec![0.5, 0.5], &[2])).unwrap();
        let [q_, p_] = [&q, &p].map(|probs| Categorical::from_probs(probs).unwrap());
        let there = kl_divergence(&q_, &p_).unwrap();
        assert!((there.item().unwrap() - 2.0_f64.ln()).abs() < 1e-15);
        assert!(there.gradients().unwrap().of(&q).all_finite().unwrap());
        let back = kl_divergence(&p_, &q_).unwrap();
        assert_eq!(back.item().unwrap(), f64::INFINITY);
        let slopes = back.gradients().unwrap();
        assert!(slopes.of(&q).all_finite().unwrap() && slopes.of(&p).all_finite().unwrap());
        assert_eq!(q_.entropy().unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn both_tails_are_exact_and_no_probability_exceeds_one() {
        let thirds = Categorical::from_logits(Tensor::from_vec(vec![0.3; 7], &[7])).unwrap();
        let last = Tensor::scalar(6.0);
        assert_eq!(thirds.cdf(&last).unwrap().item().unwrap(), 1.0);
        assert_eq!(thirds.log_cdf(&last).unwrap().item().unwrap(), 0.0);
        assert_eq!(thirds.survival_function(&last).unwrap().item().unwrap(), 0.0);
        let logits = Variable::new("l", Tensor::from_vec(vec![0.0, -900.0], &[2])).unwrap();
        let rare = Categorical::from_logits(&logits).unwrap();
        let log = rare.log_survival_function(&Tensor::from_vec(vec![-1.0, 0.0, 1.0], &[3])).unwrap();
        assert_eq!(log.to_vec::<f64>().unwrap(), [0.0, -900.0, f64::NEG_INFINITY]);
        let slope = log.narrow(0, 1, 1).sum().gradients().unwrap().of(&logits);
        assert_eq!(slope.to_vec::<f64>().unwrap(), [-1.0, 1.0]);
        assert!(log.sum().gradients().unwrap().of(&logits).all_finite().unwrap());
    }

    #[test]
    fn the_log_probability_of_a_dominant_label_keeps_its_digits() {
        let logits = Tensor::from_vec(vec![0.5, 33.0, 1.25, -60.0], &[4]);
        let log_prob = Categorical::from_logits(logits).unwrap().log_prob(&Tensor::scalar(1.0));
        // mpmath, 50 digits: −ln(1 + e^−32.5 + e^−31.75 + e^−93).
        let expected = -2.394_231_513_138e-14;
        let given = log_prob.unwrap().item().unwrap();
        assert!((given / expected - 1.0).abs() < 1e-15, "{given} {expected}");
    }

    #[test]
    fn a_quantile_is_a_label_of_some_mass() {
        let probs = Tensor::from_vec(vec![0.0, 0.25, 0.5, 0.25, 0.0], &[5]);
        let categorical = Categorical::from_probs(probs).unwrap();
        let p = Tensor::from_vec(vec![0.1, 0.25, 0.26, 0.75, 1.0, 1.1], &[6]);
        let labels = categorical.quantile(&p).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(labels[..5], [1.0, 1.0, 2.0, 2.0, 3.0]);
        assert!(labels[5].is_nan());
    }
}
