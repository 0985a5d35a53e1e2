//! How mixtures are computed from what each component has, along an axis of components before those of the event.

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Categorical;
use super::logits_or_probs::{one_hot_rows, sample_labels};
use crate::distribution::{Distribution, Support};
use crate::error::{DistributionError, Result};
use crate::masking::{constant, log_sum_exp, unless_nan};

/// The weights of a mixture, and how many axes its events have.
pub(super) struct Mixing<'a> {
    pub(super) weights: &'a Categorical,
    pub(super) event_ndims: usize,
}

/// Refuses a method of which the components' answers do not add up to the mixture's around a circle: directions are no
/// numbers to average, and each cdf counts from a place of its own.
pub(super) fn expect_line(mixture: &dyn Distribution, method: &'static str) -> Result<()> {
    match mixture.support() {
        Support::Circle => Err(DistributionError::Unsupported { family: mixture.family(), method }),
        _ => Ok(()),
    }
}

impl Mixing<'_> {
    /// The axis of the components in what has the shape `batch + [K] + event`.
    pub(super) fn axis(&self) -> isize {
        -(self.event_ndims as isize) - 1
    }

    /// What each component has, averaged.
    pub(super) fn average(&self, per_component: &Tensor) -> Tensor {
        let weights = (0..self.event_ndims).fold(self.weights.probs(), |w, _| w.expand_dims(-1));
        (weights * per_component).sum_axes(&[self.axis()], false)
    }

    /// The variance within the components and between them.
    pub(super) fn variance(&self, means: &Tensor, variances: &Tensor) -> Tensor {
        let distance = means - self.average(means).expand_dims(self.axis());
        self.average(&(variances + distance.square()))
    }

    /// What each component has as a whole, on the last axis, averaged.
    pub(super) fn share(&self, by_component: &Tensor) -> Tensor {
        (by_component * self.weights.probs()).sum_axes(&[-1], false)
    }

    /// A probability from that of each component; the weights may sum to a little more than 1.
    pub(super) fn probability(&self, by_component: &Tensor) -> Tensor {
        self.share(by_component).clamp(0.0, 1.0)
    }

    /// A density from that of each component, in the logarithm.
    pub(super) fn log_density(&self, by_component: &Tensor) -> Tensor {
        let log_weights = self.weights.log_probs();
        // A component without weight does not count, even where its density is infinite.
        let is_none = log_weights.eq(&constant(f64::NEG_INFINITY, &log_weights));
        let counted = Tensor::select(&is_none, &constant(0.0, by_component), by_component);
        let log_density = log_sum_exp(&(counted + log_weights));
        if self.can_gain_weight() {
            let gain = self.gain(by_component, &log_density.detach());
            return log_density + gain;
        }
        log_density
    }

    /// Whether a component has the weight 0 exactly and could get another: by its probability, as the slope in log-odds of minus
    /// infinity is 0.
    pub(super) fn can_gain_weight(&self) -> bool {
        if !self.weights.is_by_probs() {
            return false;
        }
        let probs = self.weights.probs();
        probs.is_tracked() && probs.to_f64_vec().is_ok_and(|probs| probs.contains(&0.0))
    }

    /// 0, with the slope `p_k(x)/p(x)` in each weight `k` of 0, which `ln 0` hides.
    fn gain(&self, by_component: &Tensor, log_density: &Tensor) -> Tensor {
        let probs = self.weights.probs();
        let is_none = probs.eq(&constant(0.0, &probs));
        let ratio = (by_component.detach() - log_density.expand_dims(-1)).exp();
        let ratio = finite(&ratio);
        let gains =
            Tensor::select(&is_none, &(ratio * (&probs - probs.detach())), &constant(0.0, &probs));
        gains.sum_axes(&[-1], false)
    }

    /// A probability from that of each component, in the logarithm.
    pub(super) fn log_probability(&self, by_component: &Tensor) -> Tensor {
        self.log_density(by_component).clamp(f64::NEG_INFINITY, 0.0)
    }

    /// Labels of the components to draw from, of the shape `outer`, as zeros and ones along [`axis`](Self::axis).
    pub(super) fn choose(&self, outer: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let labels = sample_labels(&self.weights.log_probs(), outer, stream)?;
        let chosen = one_hot_rows(&labels, self.weights.num_categories()?);
        Ok((0..self.event_ndims).fold(chosen, |chosen, _| chosen.expand_dims(-1)))
    }

    /// The draws, one of each component, that were chosen.
    pub(super) fn pick(&self, chosen: &Tensor, draws: &Tensor) -> Tensor {
        let draws = draws.detach();
        let picked = Tensor::select(chosen, &draws, &constant(0.0, &draws));
        // NaN where nothing was chosen.
        unless_nan(chosen, &picked).sum_axes(&[self.axis()], false)
    }
}

/// A ratio of densities or tails, the largest number instead of infinity, and 0 where both are nothing.
pub(super) fn finite(weight: &Tensor) -> Tensor {
    let largest = match weight.dtype() {
        Ok(DType::F32) => f64::from(f32::MAX),
        _ => f64::MAX,
    };
    Tensor::select(&weight.eq(weight), &weight.clamp(0.0, largest), &constant(0.0, weight))
}
