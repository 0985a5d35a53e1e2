//! The categorical distribution over one-hot rows.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::logits_or_probs::{LogitsOrProbs, one_hot_rows, sample_labels};
use crate::distribution::{Distribution, KlDivergence, KlRule, Support};
use crate::error::Result;
use crate::masking::{constant, only_where, unless_nan_in_row};
use crate::parameter::{Parameter, ParameterSpec};

/// The distribution of a row of `K` zeros but for a single 1, with given log-odds or probabilities.
///
/// Counterpart: `tfp.distributions.OneHotCategorical`. A row that is not one-hot has the log-probability
/// minus infinity (TFP gives a cross entropy for it).
///
/// # Shapes
/// `logits` or `probs` is `[batch…, K]`; the event shape is `[K]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, OneHotCategorical};
/// use tfn_tensor::Tensor;
///
/// let logits = Tensor::from_vec(vec![0.0, 3.0_f64.ln(), 1.0, 1.0], &[2, 2]);
/// let head = OneHotCategorical::from_logits(logits)?;
/// let targets = Tensor::from_vec(vec![0.0, 1.0, 1.0, 0.0], &[2, 2]);
/// let prob = head.prob(&targets)?.to_vec::<f64>()?;
/// assert!((prob[0] - 0.75).abs() < 1e-15 && (prob[1] - 0.5).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct OneHotCategorical {
    row: LogitsOrProbs,
    validate_args: bool,
}

family!(OneHotCategorical);

impl OneHotCategorical {
    /// Rows with log-probabilities `logits` up to a constant.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `logits` hold a NaN or have no axis.
    pub fn from_logits(logits: impl Into<Parameter>) -> Result<Self> {
        Self { row: LogitsOrProbs::Logits(logits.into()), validate_args: false }.checked()
    }

    /// Rows with probabilities `probs`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if fixed `probs` do not sum to 1, or have no axis.
    pub fn from_probs(probs: impl Into<Parameter>) -> Result<Self> {
        Self { row: LogitsOrProbs::Probs(probs.into()), validate_args: false }.checked()
    }

    /// Log-probabilities of the places, normalised, on the last axis.
    pub fn log_probs(&self) -> Tensor {
        self.row.log_row()
    }

    /// Probabilities of the places on the last axis.
    pub fn probs(&self) -> Tensor {
        self.row.row()
    }
}

/// 1 for rows of zeros but for a single 1.
fn is_one_hot(x: &Tensor) -> Tensor {
    let [zero, one] = [0.0, 1.0].map(|value| constant(value, x));
    let binary = 1.0 - (x.eq(&zero) + x.eq(&one));
    let strange = binary.sum_axes(&[-1], false);
    x.eq(&one).sum_axes(&[-1], false).eq(&one) * strange.eq(&zero)
}

impl Distribution for OneHotCategorical {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.row.spec_of_row()]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let log_probs = self.log_probs();
        let picked = Tensor::select(&x.detach(), &log_probs, &constant(0.0, &log_probs));
        let value = only_where(&is_one_hot(x), &picked.sum_axes(&[-1], false));
        Ok(unless_nan_in_row(x, &value))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let classes = self.row.num_categories()?;
        let outer = &shape[..shape.len() - 1];
        Ok(one_hot_rows(&sample_labels(&self.log_probs(), outer, stream)?, classes))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.probs())
    }

    fn variance(&self) -> Result<Tensor> {
        let probs = self.probs();
        Ok(&probs * (1.0 - &probs))
    }

    fn mode(&self) -> Result<Tensor> {
        Ok(self.log_probs().argmax(-1).one_hot(self.row.num_categories()?))
    }

    fn class_log_probs(&self) -> Option<Result<Tensor>> {
        Some(Ok(self.log_probs()))
    }

    fn entropy(&self) -> Result<Tensor> {
        Ok(self.row.row_entropy())
    }

    fn support(&self) -> Support {
        Support::OneHot
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<OneHotCategorical, OneHotCategorical>()] }
    }
}

impl KlDivergence<Self> for OneHotCategorical {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        Ok(self.row.row_kl(&p.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DistributionError;

    #[test]
    fn rows_that_are_not_one_hot_have_no_mass() {
        let head = OneHotCategorical::from_logits(Tensor::from_vec(vec![0.1, 0.7], &[2])).unwrap();
        let rows = Tensor::from_vec(vec![0.0, 0.0, 1.0, 1.0, 0.5, 0.5, 2.0, -1.0], &[4, 2]);
        let log_prob = head.log_prob(&rows).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(log_prob, [f64::NEG_INFINITY; 4]);
    }

    #[test]
    fn bad_arguments_are_named() {
        let error = OneHotCategorical::from_logits(Tensor::scalar(f64::NAN)).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "logits", .. }), "{error}");
        let head = OneHotCategorical::from_logits(Tensor::from_vec(vec![0.1, 0.7], &[2])).unwrap();
        let error = head.log_prob(&Tensor::from_vec(vec![1.0, 0.0, 0.0], &[3])).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "value", .. }), "{error}");
    }

    #[test]
    fn an_impossible_row_takes_nothing_from_the_others() {
        let logits = Tensor::from_vec(vec![0.0, 1.0, f64::NEG_INFINITY], &[3]);
        let head = OneHotCategorical::from_logits(logits).unwrap();
        let log_prob = head.log_prob(&Tensor::from_vec(vec![0.0, 1.0, 0.0], &[3])).unwrap();
        assert!((log_prob.item().unwrap() + (1.0 + (-1.0_f64).exp()).ln()).abs() < 1e-15);
    }
}
