//! The contract of a variational layer.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_tensor::{Key, Tensor};

use crate::error::{LayerError, Result};
use crate::layer::Layer;
use crate::weights::Weights;

/// A layer whose weights have a posterior and a prior.
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
        self.weights().value_at(key).map_err(|error| error.within(&self.name()))
    }

    /// The draw of the weights that belongs to the last [`call`](Layer::call).
    ///
    /// # Errors
    /// [`LayerError::NotCalled`] before the first call.
    fn posterior_value(&self) -> Result<Vec<Tensor>> {
        let key = self.weights().calls().last_key();
        let key = key.ok_or_else(|| LayerError::NotCalled {
            layer: self.name(),
            method: "posterior_value",
        })?;
        self.posterior_value_at(&key)
    }
}

/// What every class over [`Weights`] has: walk, copy, constructors, and the layer's given methods.
///
/// A class with methods for [`prepare`](crate::Layer::prepare) and [`call_each`](crate::Layer::call_each) names them.
macro_rules! variational_layer {
    ($Class:ident $(, $prepared:ident, $each:ident)?) => {
        impl $Class {
            /// The layer with all defaults.
            ///
            /// # Errors
            /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero.
            pub fn new(input_size: usize, output_size: usize) -> $crate::Result<Self> {
                Self::builder(input_size, output_size).build()
            }

            /// The other arguments, by TFP's names.
            pub fn builder(input_size: usize, output_size: usize) -> $crate::Builder<Self> {
                $crate::Builder::new(input_size, output_size)
            }
        }

        impl tfn_module::Module for $Class {
            fn properties<'a>(&'a self, properties: &mut tfn_module::Properties<'a>) {
                self.weights.properties(properties);
            }

            fn name(&self) -> String {
                self.weights.name().to_string()
            }
        }

        impl tfn_module::DeepCopy for $Class {
            fn deep_copy_with(&self, copies: &mut tfn_module::Copies) -> Self {
                Self { weights: self.weights.deep_copy_with(copies), ..*self }
            }
        }

        impl std::fmt::Debug for $Class {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("<", stringify!($Class), ": name={}>"), self.weights.name())
            }
        }

        impl $crate::VariationalLayer for $Class {
            fn weights(&self) -> &$crate::Weights {
                &self.weights
            }
        }

        impl $crate::Layer for $Class {
            fn call_at(
                &self,
                x: &tfn_tensor::Tensor,
                key: &tfn_tensor::Key,
            ) -> $crate::Result<tfn_tensor::Tensor> {
                self.output(x, key).map_err(|error| error.within(self.weights.name()))
            }

            $(fn prepare<'a>(
                &'a self,
                x: &tfn_tensor::Tensor,
            ) -> $crate::Result<$crate::Prepared<'a>> {
                self.$prepared(x).map_err(|error| error.within(self.weights.name()))
            }

            fn call_each(
                &self,
                x: &tfn_tensor::Tensor,
                keys: &[tfn_tensor::Key],
            ) -> $crate::Result<tfn_tensor::Tensor> {
                self.$each(x, keys).map_err(|error| error.within(self.weights.name()))
            })?

            fn calls(&self) -> Option<&$crate::Calls> {
                Some(self.weights.calls())
            }

            fn variational_layers<'a>(
                &'a self,
                key: &tfn_tensor::Key,
                visit: &mut dyn FnMut(&'a dyn $crate::VariationalLayer, &tfn_tensor::Key),
            ) {
                visit(self, key);
            }
        }
    };
}
pub(crate) use variational_layer;
