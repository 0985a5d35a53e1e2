//! The contract of a variational layer.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_tensor::{Key, Tensor};

use super::layer::Layer;
use super::pass::Pass;
use super::weights::Weights;
use crate::error::Result;

/// A layer with one set of weights, which has a posterior and a prior.
///
/// Counterpart: `tfp.experimental.nn.VariationalLayer`, with what its documentation promises: the
/// posterior and prior of kernel and bias, the draw of the weights, and (on [`Layer`]) the losses.
pub trait VariationalLayer: Layer {
    /// Posterior, prior and all that is common to variational layers.
    fn weights(&self) -> &Weights;

    /// The surrogate posterior of all weights.
    fn posterior(&self) -> &Arc<dyn Distribution> {
        self.weights().posterior()
    }

    /// The prior of all weights.
    fn prior(&self) -> &Arc<dyn Distribution> {
        self.weights().prior()
    }

    /// The surrogate posterior of the kernel.
    fn kernel_posterior(&self) -> &Arc<dyn Distribution> {
        self.weights().posteriors().kernel
    }

    /// The prior of the kernel.
    fn kernel_prior(&self) -> &Arc<dyn Distribution> {
        self.weights().priors().kernel
    }

    /// The surrogate posterior of the bias, if there is one.
    fn bias_posterior(&self) -> Option<&Arc<dyn Distribution>> {
        self.weights().posteriors().bias
    }

    /// The prior of the bias, if there is one.
    fn bias_prior(&self) -> Option<&Arc<dyn Distribution>> {
        self.weights().priors().bias
    }

    /// Whether each call checks its input and the weights' scales.
    fn validate_args(&self) -> bool {
        self.weights().validate_args()
    }

    /// The draw of the weights that belongs to `key`, one tensor for each part of the posterior.
    ///
    /// # Errors
    /// What `posterior_value_fn` reports, under the layer's name.
    fn posterior_value_at(&self, key: &Key) -> Result<Vec<Tensor>> {
        let layer = self.as_layer();
        let value = Pass::new(layer, key)
            .weights_key(self.weights())
            .and_then(|key| self.weights().value_at(&key));
        value.map_err(|error| error.within(&layer.name()))
    }

    /// The draw of the weights that belongs to the last [`call`](Layer::call) of the layer or of a net around it.
    ///
    /// # Errors
    /// [`LayerError::NotCalled`](crate::LayerError::NotCalled) before the first call.
    fn posterior_value(&self) -> Result<Vec<Tensor>> {
        let value = self.weights().last_key("posterior_value");
        let value = value.and_then(|key| self.weights().value_at(&key));
        value.map_err(|error| error.within(&self.name()))
    }
}
