//! Mixtures of distributions of one family.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::{Categorical, Normal};
use crate::IntoDistribution;
use crate::masking::constant;
use crate::structure::Support;
use crate::{Distribution, DistributionError, ParameterSpec, Result};

/// The mixture of the distributions along the last batch axis of `components_distribution`, with the
/// probabilities of `mixture_distribution`.
///
/// Counterpart: `tfp.distributions.MixtureSameFamily`.
///
/// ```text
/// log p(x) = logsumexp over k of (ln w_k + log p_k(x))
/// ```
///
/// # Shapes
/// Components of batch `[batch…, K]` and weights of batch `[batch…]` over `K` labels (or of batch `[]`) make
/// a mixture of batch `[batch…]`.
///
/// # Examples
/// A spike and a slab:
/// ```
/// use tfn_distributions::{Categorical, Distribution, MixtureSameFamily, Normal};
/// use tfn_tensor::Tensor;
///
/// let prior = MixtureSameFamily::new(
///     Categorical::from_probs(Tensor::from_vec(vec![0.5, 0.5], &[2]))?,
///     Normal::new(0.0, Tensor::from_vec(vec![1.0, 2000.0], &[2]))?,
/// )?;
/// assert_eq!(prior.variance()?.item()?, 2000000.5);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MixtureSameFamily {
    mixture_distribution: Categorical,
    components_distribution: Arc<dyn Distribution>,
    validate_args: bool,
}

family!(MixtureSameFamily);

impl MixtureSameFamily {
    /// The mixture of `components_distribution` by `mixture_distribution`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the components have no batch axis or another number of them than the
    /// weights, [`DistributionError::Shapes`] if their batches do not broadcast, [`DistributionError::DType`]
    /// if their types differ.
    pub fn new(
        mixture_distribution: Categorical,
        components_distribution: impl IntoDistribution,
    ) -> Result<Self> {
        let components_distribution = components_distribution.into_distribution();
        let made = Self { mixture_distribution, components_distribution, validate_args: false };
        made.check_components()?;
        made.batch_shape()?;
        Ok(made)
    }

    /// The weights.
    pub fn mixture_distribution(&self) -> &Categorical {
        &self.mixture_distribution
    }

    /// The components.
    pub fn components_distribution(&self) -> &Arc<dyn Distribution> {
        &self.components_distribution
    }

    fn check_components(&self) -> Result<()> {
        let (family, argument) = ("MixtureSameFamily", "components_distribution");
        let (given, expected) =
            (self.components_distribution.dtype()?, self.mixture_distribution.dtype()?);
        if given != expected {
            return Err(DistributionError::DType { family, argument, given, expected });
        }
        let given = self.components_distribution.batch_shape()?;
        let weights = self.mixture_distribution.num_categories()?;
        if given.last() == Some(&weights) {
            return Ok(());
        }
        let expected = format!("a batch whose last axis has the {weights} entries of the weights");
        Err(DistributionError::Shape { family, argument, given, expected })
    }

    /// The axis of the components in statistics of the shape `batch + [K] + event`.
    fn axis(&self) -> Result<isize> {
        Ok(-(self.event_shape()?.len() as isize) - 1)
    }

    /// `per_component` averaged with the weights.
    fn average(&self, per_component: &Tensor) -> Result<Tensor> {
        let mut weights = self.mixture_distribution.probs();
        for _ in self.event_shape()? {
            weights = weights.expand_dims(-1);
        }
        let sum = (weights * per_component).sum_axes(&[self.axis()?], false);
        self.spread(&sum)
    }
}

impl Distribution for MixtureSameFamily {
    fn family(&self) -> &'static str {
        "MixtureSameFamily"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.components_distribution.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        let mut components = self.components_distribution.batch_shape()?;
        components.pop();
        let weights = self.mixture_distribution.batch_shape()?;
        broadcast_shapes(&components, &weights).ok_or(DistributionError::Shapes {
            family: "MixtureSameFamily",
            argument: "components_distribution",
            lhs: weights,
            rhs: components,
        })
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.components_distribution.event_shape()
    }

    fn check_values(&self) -> Result<()> {
        self.mixture_distribution.check_values()?;
        self.components_distribution.check_values()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(normal) = self.components_distribution.downcast_ref::<Normal>() {
            let (loc, scale) = (normal.loc().value(), normal.scale().value());
            let log_weights = self.mixture_distribution.log_probs();
            return Ok(Tensor::normal_mixture_log_prob(x, &log_weights, &loc, &scale));
        }
        let by_component = self.components_distribution.log_prob(&x.expand_dims(self.axis()?))?;
        Ok((by_component + self.mixture_distribution.log_probs()).logsumexp(-1, false))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let event = self.event_shape()?;
        let outer = &shape[..shape.len() - event.len()];
        let components = self.mixture_distribution.num_categories()?;
        let log_probs = self.mixture_distribution.log_probs();
        let labels = super::logits_or_probs::sample_labels(&log_probs, outer, stream)?;
        let mut chosen = labels.one_hot(components);
        for _ in &event {
            chosen = chosen.expand_dims(-1);
        }
        let all = [outer, &[components], &event].concat();
        // The components' batch may be smaller than the mixture's: it broadcasts with `all`.
        let draws = self.components_distribution.sample_of(&all, stream)?.detach();
        let picked = Tensor::select(&chosen, &draws, &constant(0.0, &draws));
        Ok(picked.sum_axes(&[self.axis()?], false))
    }

    fn mean(&self) -> Result<Tensor> {
        self.average(&self.components_distribution.mean()?)
    }

    fn variance(&self) -> Result<Tensor> {
        let means = self.components_distribution.mean()?;
        let distance = means - self.mean()?.expand_dims(self.axis()?);
        self.average(&(self.components_distribution.variance()? + distance.square()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let value = value.expand_dims(self.axis()?);
        let by_component = self.components_distribution.cdf(&value)?;
        Ok((by_component * self.mixture_distribution.probs()).sum_axes(&[-1], false))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let value = value.expand_dims(self.axis()?);
        let by_component = self.components_distribution.log_cdf(&value)?;
        Ok((by_component + self.mixture_distribution.log_probs()).logsumexp(-1, false))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        let value = value.expand_dims(self.axis()?);
        let by_component = self.components_distribution.survival_function(&value)?;
        Ok((by_component * self.mixture_distribution.probs()).sum_axes(&[-1], false))
    }

    fn support(&self) -> Support {
        self.components_distribution.support()
    }

    fn validate_args(&self) -> bool {
        self.validate_args
            || self.mixture_distribution.validate_args()
            || self.components_distribution.validate_args()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Independent, Normal};

    fn even(components: usize) -> Categorical {
        Categorical::from_logits(Tensor::zeros(&[components], DType::F64)).unwrap()
    }

    #[test]
    fn components_and_weights_must_fit() {
        let three = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = MixtureSameFamily::new(even(2), three).unwrap_err();
        assert!(matches!(
            error,
            DistributionError::Shape { argument: "components_distribution", .. }
        ));
        assert!(MixtureSameFamily::new(even(2), Normal::new(0.0, 1.0).unwrap()).is_err());
        let narrow = Normal::new(Tensor::zeros(&[2], DType::F32), 1.0).unwrap();
        let error = MixtureSameFamily::new(even(2), narrow).unwrap_err();
        assert!(matches!(error, DistributionError::DType { .. }));
    }

    #[test]
    fn components_may_be_vectors() {
        let loc = Tensor::from_vec(vec![0.0, 0.0, 3.0, -3.0], &[2, 2]);
        let components = Independent::new(Normal::new(loc, 1.0).unwrap(), 1).unwrap();
        let mixture = MixtureSameFamily::new(even(2), components).unwrap();
        assert_eq!(
            (mixture.batch_shape().unwrap(), mixture.event_shape().unwrap()),
            (vec![], vec![2])
        );
        assert_eq!(mixture.mean().unwrap().to_vec::<f64>().unwrap(), [1.5, -1.5]);
        assert_eq!(mixture.variance().unwrap().to_vec::<f64>().unwrap(), [3.25, 3.25]);
        let x = mixture.sample(&[4, 3], &mut Stream::from_seed(1)).unwrap();
        assert_eq!(x.shape().unwrap(), [4, 3, 2]);
        assert_eq!(mixture.log_prob(&x).unwrap().shape().unwrap(), [4, 3]);
    }

    #[test]
    fn shared_components_broadcast_with_batched_weights() {
        let weights = Categorical::from_logits(Tensor::zeros(&[5, 2], DType::F64)).unwrap();
        let loc = Tensor::from_vec(vec![-1.0, 1.0], &[2]);
        let mixture = MixtureSameFamily::new(weights, Normal::new(loc, 1.0).unwrap()).unwrap();
        assert_eq!(
            mixture.sample(&[3], &mut Stream::from_seed(1)).unwrap().shape().unwrap(),
            [3, 5]
        );
        assert_eq!(mixture.mean().unwrap().to_vec::<f64>().unwrap(), [0.0; 5]);
    }
}
