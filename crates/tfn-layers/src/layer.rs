//! The contract of a layer.

use std::fmt::Debug;
use std::sync::Arc;

use tfn_module::{Module, open_trait};
use tfn_tensor::{DType, Key, Tensor};

use crate::calls::Calls;
use crate::error::{LayerError, Result};
use crate::variational::VariationalLayer;
use crate::weights::Weights;

/// What [`Layer::prepare`] gives: the outputs for some keys, stacked along a new first axis.
pub type Prepared<'a> = Box<dyn Fn(&[Key]) -> Result<Tensor> + Send + Sync + 'a>;

/// A module that makes a tensor of a tensor.
///
/// Counterpart: `tfp.experimental.nn.Layer`.
///
/// [`call_at`](Self::call_at) is pure: the same key gives the same draws, on any thread, in any order.
/// [`call`](Self::call) is `call_at` with the next key of the layer's own counter, so that calls in sequence
/// are reproducible from the layer's seed; [`losses`](Self::losses) then speaks of the last one.
///
/// # Examples
/// A layer of one's own:
/// ```
/// use tfn_layers::module::{Module, Variable};
/// use tfn_layers::tensor::{Key, Tensor};
/// use tfn_layers::{Layer, Result};
///
/// #[derive(Debug, Module)]
/// struct Gain {
///     gain: Variable,
/// }
///
/// impl Layer for Gain {
///     fn call_at(&self, x: &Tensor, _key: &Key) -> Result<Tensor> {
///         Ok((x * self.gain.tensor()).check()?)
///     }
/// }
///
/// let double = Gain { gain: Variable::new("gain", Tensor::scalar(2.0))? };
/// assert_eq!(double.call(&Tensor::scalar(3.0))?.item()?, 6.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait Layer: Module + Debug + LayerCopy {
    /// The layer's output at `x`, whose draws are all made from `key`.
    ///
    /// # Errors
    /// What the layer finds wrong with `x`, under the layer's name.
    fn call_at(&self, x: &Tensor, key: &Key) -> Result<Tensor>;

    /// The layer at `x` with everything done that does not depend on the draw: a function from keys to what
    /// [`call_at`](Self::call_at) gives for each, stacked along a new first axis, without a memory of how it was
    /// made.
    ///
    /// Prediction asks for many draws at the same input. A layer that draws its pre-activations has the same
    /// mean and deviation for all of them, and a sequence has so for its first layer. The weights are those at
    /// the time of this call or of the function's, whichever a layer reads later.
    ///
    /// # Errors
    /// As `call_at`, from here or from the function; no keys are an error of the function.
    fn prepare<'a>(&'a self, x: &Tensor) -> Result<Prepared<'a>> {
        let x = x.detach();
        Ok(Box::new(move |keys| {
            stacked(keys.iter().map(|key| Ok(self.call_at(&x, key)?.detach())))
        }))
    }

    /// The layer at an input of its own for each key: entry `i` of the result is what
    /// [`call_at`](Self::call_at) gives at entry `i` of `x` with key `i`, without a memory of how it was made.
    ///
    /// A layer whose rows do not know of each other does all in one product; sums may then be rounded
    /// differently.
    ///
    /// # Shapes
    /// `x` `[keys, ..]`; the result `[keys, ..]`.
    ///
    /// # Errors
    /// As `call_at`; no keys are an error.
    fn call_each(&self, x: &Tensor, keys: &[Key]) -> Result<Tensor> {
        call_one_by_one(self, x, keys)
    }

    /// Where the keys of `call` come from; `None` for a layer that draws nothing.
    fn calls(&self) -> Option<&Calls> {
        None
    }

    /// Hands each variational layer in here to `visit`, with the key that a call with `key` gives it.
    ///
    /// Containers pass it on to their layers with the keys that their own `call_at` derives.
    fn variational_layers<'a>(
        &'a self,
        key: &Key,
        visit: &mut dyn FnMut(&'a dyn VariationalLayer, &Key),
    ) {
        let _ = (key, visit);
    }

    /// [`call_at`](Self::call_at) with the next key.
    ///
    /// # Errors
    /// As `call_at`.
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        self.call_at(x, &self.begin_call())
    }

    /// The next key, made the key of the last call here and in all layers below.
    fn begin_call(&self) -> Key {
        let Some(calls) = self.calls() else {
            return Key::from_seed(0);
        };
        let key = calls.next_key();
        calls.remember(&key);
        self.variational_layers(&key, &mut |layer, key| layer.weights().calls().remember(key));
        key
    }

    /// Sum of the divergences of posterior from prior of all variational layers in here, for the call with
    /// `key`: a scalar, zero if there are none.
    ///
    /// Divide it by the number of training examples before adding it to a mean negative log-likelihood.
    ///
    /// # Errors
    /// What the divergence reports, under the layer's name.
    fn losses_at(&self, key: &Key) -> Result<Tensor> {
        self.sum_of_losses(key, &|weights, key| weights.losses_at(key))
    }

    /// The sum of `loss` over the variational layers in here, each with its key.
    ///
    /// # Errors
    /// What `loss` reports, under the layer's name.
    fn sum_of_losses(
        &self,
        key: &Key,
        loss: &dyn Fn(&Weights, &Key) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut layers: Vec<(&dyn VariationalLayer, Key)> = Vec::new();
        self.variational_layers(key, &mut |layer, key| {
            // A layer that stands in a net twice has one set of weights, whose divergence counts once.
            if !layers.iter().any(|(other, _)| std::ptr::addr_eq(*other, layer)) {
                layers.push((layer, key.clone()));
            }
        });
        let mut sum: Option<Tensor> = None;
        for (layer, key) in layers {
            let term = loss(layer.weights(), &key).map_err(|error| error.within(&layer.name()))?;
            sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
        }
        let dtype = || self.variables().first().map_or(DType::F32, |variable| variable.dtype());
        Ok(sum.unwrap_or_else(|| Tensor::zeros(&[], dtype())).check()?)
    }

    /// [`losses_at`](Self::losses_at) the last [`call`](Self::call).
    ///
    /// # Errors
    /// [`LayerError::NotCalled`] before the first call of a layer that draws.
    fn losses(&self) -> Result<Tensor> {
        match self.calls() {
            None => self.losses_at(&Key::from_seed(0)),
            Some(calls) => {
                let key = calls.last_key().ok_or_else(|| LayerError::NotCalled {
                    layer: self.name(),
                    method: "losses",
                })?;
                self.losses_at(&key)
            }
        }
    }
}

/// [`Layer::call_each`] for a layer that has to be called once a key.
pub(crate) fn call_one_by_one<L: Layer + ?Sized>(
    layer: &L,
    x: &Tensor,
    keys: &[Key],
) -> Result<Tensor> {
    stacked(
        (0..)
            .zip(keys)
            .map(|(i, key)| Ok(layer.call_at(&x.narrow(0, i, 1).squeeze(0), key)?.detach())),
    )
}

/// Outputs along a new first axis.
fn stacked(outputs: impl Iterator<Item = Result<Tensor>>) -> Result<Tensor> {
    Ok(along_keys(&outputs.collect::<Result<Vec<_>>>()?).check()?)
}

/// The tensors of some keys along a new first axis; that of one key is not copied.
pub(crate) fn along_keys(tensors: &[Tensor]) -> Tensor {
    match tensors {
        [one] => one.expand_dims(0),
        all => Tensor::stack(&all.iter().collect::<Vec<_>>(), 0),
    }
}

open_trait!(Layer, LayerCopy);

/// What can stand where a layer is asked for: a layer, or an `Arc` of one.
pub trait IntoLayer {
    /// The shared layer.
    fn into_layer(self) -> Arc<dyn Layer>;
}

impl<L: Layer> IntoLayer for L {
    fn into_layer(self) -> Arc<dyn Layer> {
        Arc::new(self)
    }
}

impl<L: Layer> IntoLayer for Arc<L> {
    fn into_layer(self) -> Arc<dyn Layer> {
        self
    }
}

impl IntoLayer for Arc<dyn Layer> {
    fn into_layer(self) -> Arc<dyn Layer> {
        self
    }
}
