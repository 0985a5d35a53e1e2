//! The categorical distribution over labels.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::kl::{KlDivergence, KlRule};
use crate::masking::{constant, ln_or_minus_infinity, only_where, weigh};
use crate::structure::Support;
use crate::{Distribution, Parameter, ParameterSpec, Result};

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
    logits: Option<Parameter>,
    probs: Option<Parameter>,
    validate_args: bool,
}

family!(Categorical);

impl Categorical {
    /// Labels with log-probabilities `logits` up to a constant.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN or have no axis.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { logits: Some(logits.into()), probs: None, validate_args: false }.checked()
    }

    /// Labels with probabilities `probs`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` do not sum to 1, or have no axis.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { logits: None, probs: Some(probs.into()), validate_args: false }.checked()
    }

    /// Log-probabilities of the labels, normalised, on the last axis.
    pub fn log_probs(&self) -> Tensor {
        log_probs(self.logits.as_ref(), self.probs.as_ref())
    }

    /// Probabilities of the labels on the last axis.
    pub fn probs(&self) -> Tensor {
        probs(self.logits.as_ref(), self.probs.as_ref())
    }

    /// Number of labels.
    ///
    /// # Errors
    /// The error that the parameter carries.
    pub fn num_categories(&self) -> Result<usize> {
        let [spec] = &self.parameters()[..] else {
            return Ok(0);
        };
        Ok(spec.parameter.shape()?.last().copied().unwrap_or(0))
    }

    /// The labels `0 … K − 1`.
    fn labels(&self) -> Result<Tensor> {
        let labels: Vec<f64> = (0..self.num_categories()?).map(|label| label as f64).collect();
        Ok(Tensor::from_f64(&labels, &[labels.len()], self.dtype()?))
    }
}

/// Parameters of a family given by logits or by probabilities along the last axis.
pub(super) fn specs<'a>(
    logits: Option<&'a Parameter>,
    probs: Option<&'a Parameter>,
) -> Vec<ParameterSpec<'a>> {
    let logits = logits.map(|logits| ParameterSpec::extended("logits", logits).event_ndims(1));
    let probs = probs.map(|probs| ParameterSpec::simplex("probs", probs).event_ndims(1));
    logits.into_iter().chain(probs).collect()
}

/// Normalised log-probabilities along the last axis.
pub(super) fn log_probs(logits: Option<&Parameter>, probs: Option<&Parameter>) -> Tensor {
    match (logits, probs) {
        (Some(logits), _) => logits.value().log_softmax(-1),
        (None, Some(probs)) => ln_or_minus_infinity(&probs.value()),
        (None, None) => Tensor::scalar(f64::NAN),
    }
}

/// Probabilities along the last axis.
pub(super) fn probs(logits: Option<&Parameter>, probs: Option<&Parameter>) -> Tensor {
    match (logits, probs) {
        (Some(logits), _) => logits.value().softmax(-1),
        (None, Some(probs)) => probs.value(),
        (None, None) => Tensor::scalar(f64::NAN),
    }
}

/// Labels drawn by adding Gumbel noise to the log-probabilities and taking the largest.
pub(super) fn sample_labels(
    log_probs: &Tensor,
    shape: &[usize],
    stream: &mut Stream,
) -> Result<Tensor> {
    let log_probs = log_probs.detach();
    let classes = log_probs.shape()?.last().copied().unwrap_or(0);
    let noise = stream.uniform_open(&[shape, &[classes]].concat(), log_probs.dtype()?);
    Ok((log_probs - (-noise.ln()).ln()).argmax(-1))
}

/// `Σ p (ln p − ln p′)` along the last axis; 0 where `p = 0`, and infinite with zero gradient where `p′ = 0`
/// but `p` is not.
pub(super) fn categorical_kl(probs: &Tensor, log_q: &Tensor, log_p: &Tensor) -> Tensor {
    let minus_infinity = constant(f64::NEG_INFINITY, log_p);
    let impossible = log_p.eq(&minus_infinity) * probs.gt(&constant(0.0, probs));
    let never = constant(0.0, log_p);
    let safe = Tensor::select(&log_p.eq(&minus_infinity), &never, log_p);
    let terms = weigh(probs, &(log_q - safe));
    Tensor::select(&impossible, &constant(f64::INFINITY, &terms), &terms).sum_axes(&[-1], false)
}

impl Distribution for Categorical {
    fn family(&self) -> &'static str {
        "Categorical"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        specs(self.logits.as_ref(), self.probs.as_ref())
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let chosen = x.expand_dims(-1).eq(&self.labels()?);
        let log_probs = self.log_probs();
        let picked = Tensor::select(&chosen, &log_probs, &constant(0.0, &log_probs));
        Ok(only_where(&chosen.sum_axes(&[-1], false), &picked.sum_axes(&[-1], false)))
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

    fn entropy(&self) -> Result<Tensor> {
        Ok(-weigh(&self.probs(), &self.log_probs()).sum_axes(&[-1], false))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let below = self.labels()?.le(&value.expand_dims(-1));
        Ok((self.probs() * below).sum_axes(&[-1], false))
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
        Ok(categorical_kl(&self.probs(), &self.log_probs(), &p.log_probs()))
    }
}

fn same_categories(q: &Categorical, p: &Categorical) -> Result<()> {
    let (lhs, rhs) = (q.num_categories()?, p.num_categories()?);
    if lhs == rhs {
        return Ok(());
    }
    Err(crate::DistributionError::KlEventShapes {
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
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
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
}
