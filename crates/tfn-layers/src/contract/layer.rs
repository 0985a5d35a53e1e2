//! The contract of a layer.

use std::fmt::Debug;
use std::sync::Arc;

use tfn_module::{Module, find, open_trait};
use tfn_tensor::{DType, Key, Tensor};

use super::calls::Calls;
use super::conversion::Conversion;
use super::moments::Moments;
use super::pass::{Input, Pass, along_draws, weights_key};
use super::weights::Weights;
use crate::error::{LayerError, Result};

/// What [`Layer::prepare`] gives: the outputs for some keys, stacked along a new first axis.
pub type Prepared<'a> = Box<dyn Fn(&[Key]) -> Result<Tensor> + Send + Sync + 'a>;

/// A module that computes a tensor from a tensor.
///
/// Counterpart: `tfp.experimental.nn.Layer`.
///
/// An author writes [`forward`](Self::forward); all other methods are given. `forward` takes all its randomness from the
/// [`Pass`], which holds a key: the same key gives the same draws, on any thread, in any order.
/// [`call_at`](Self::call_at) makes a pass with the caller's key. [`call`](Self::call) takes the next key of the layer's own
/// sequence, so that calls in sequence are reproducible from the layer's seed, and [`losses`](Self::losses) then refers to
/// the last call. Weights are found by the walk over modules, at any depth.
///
/// # Examples
/// A layer of one's own:
/// ```
/// use tfn_layers::module::{Module, Variable};
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Layer, Pass, Result};
///
/// #[derive(Debug, Module)]
/// struct Gain {
///     gain: Variable,
/// }
///
/// impl Layer for Gain {
///     fn forward(&self, x: &Tensor, _pass: &Pass) -> Result<Tensor> {
///         Ok((x * self.gain.tensor()).check()?)
///     }
/// }
///
/// let double = Gain { gain: Variable::new("gain", Tensor::scalar(2.0))? };
/// assert_eq!(double.call(&Tensor::scalar(3.0))?.item()?, 6.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
/// A container of one's own: the losses and keys of its children need no code.
/// ```
/// use tfn_layers::module::Module;
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Pass, Result};
///
/// #[derive(Debug, Module)]
/// struct Residual {
///     inner: Bayesian,
/// }
///
/// impl Layer for Residual {
///     fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
///         Ok((x + pass.call("inner", &self.inner, x)?).check()?)
///     }
/// }
///
/// let residual = Residual { inner: Bayesian::new(3, 3)? };
/// residual.call(&Tensor::ones(&[2, 3], DType::F32))?;
/// assert_eq!(residual.losses()?.item()?, residual.inner.losses()?.item()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait Layer: Module + Debug + LayerCopy + AsLayer {
    /// The layer's output at `x`, all of whose draws come from `pass`.
    ///
    /// # Errors
    /// What the layer finds wrong with `x`. Callers add the layer's name.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor>;

    /// Whether [`forward`](Self::forward) can compute several draws at once.
    ///
    /// Such a layer returns them along a new first axis, which its input has too if there is
    /// [one input for each draw](Pass::is_input_of_each). This is faster where rows are independent of each other, for then all
    /// draws are one matrix product. By default it is `false`, and `forward` is called once for each draw.
    fn draws_together(&self) -> bool {
        false
    }

    /// Mean and variance of each entry of the output, over all draws, for an input whose mean and variance are known.
    ///
    /// [`MomentMatching`](crate::MomentMatching) uses them, and says what they are good for. The given method serves a layer that
    /// draws nothing, at an input without variance: the mean is its output, the variance 0. Any other layer writes this method,
    /// or has no moments.
    ///
    /// # Errors
    /// [`LayerError::NoMoments`] if they are not known.
    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        if x.variance.is_none() {
            let here = pass.here(pass.input());
            let y = self.forward(&x.mean, &here)?;
            if !here.drew() {
                return Ok(Moments::known(y));
            }
        }
        Err(LayerError::NoMoments { of: "this layer" })
    }

    /// This layer with uncertain weights, as `conversion` asks; `None` if it has none to convert, or does not know how.
    ///
    /// [`Moped`](crate::Moped) calls it. A layer of weights asks [`Conversion::takes`]; a container hands over its children,
    /// from the last to the first, to [`Conversion::child`].
    ///
    /// # Errors
    /// What building the layer reports.
    fn to_bayesian(&self, conversion: &mut Conversion) -> Result<Option<Arc<dyn Layer>>> {
        let _ = conversion;
        Ok(None)
    }

    /// The layer's output at `x`, whose draws are all made from `key`.
    ///
    /// # Errors
    /// What the layer finds wrong with `x`, under the layer's name.
    fn call_at(&self, x: &Tensor, key: &Key) -> Result<Tensor> {
        let layer = self.as_layer();
        let called = layer.forward(x, &Pass::new(layer, key));
        called.map_err(|error| error.within(&layer.name()))
    }

    /// [`call_at`](Self::call_at) with the next key.
    ///
    /// # Errors
    /// As `call_at`.
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        self.call_at(x, &self.begin_call())
    }

    /// A function that evaluates the layer at `x` for many keys. What does not depend on the key is computed only once.
    ///
    /// The function takes keys and returns what [`call_at`](Self::call_at) gives for each, stacked along a new first axis. The
    /// result has no graph: no gradient flows through it.
    ///
    /// Prediction asks for many draws at the same input. Whatever comes before the first draw is the same for all of them,
    /// and so are mean and deviation of a layer that draws its pre-activations.
    ///
    /// Do not change the weights between `prepare` and the last call of the function: some layers read them in `prepare`, others
    /// only when the function is called, so that a change would reach a part of the net only.
    ///
    /// # Errors
    /// As `call_at`, from the function; no keys are an error of it.
    fn prepare<'a>(&'a self, x: &Tensor) -> Prepared<'a> {
        prepared(self.as_layer(), x.detach())
    }

    /// The layer at several inputs, each with its own key: entry `i` of the result is what [`call_at`](Self::call_at) gives at
    /// entry `i` of `x` with key `i`. The result has no graph: no gradient flows through it.
    ///
    /// Where several draws go through a layer together, sums may be rounded differently.
    ///
    /// # Shapes
    /// `x` `[keys, ..]`; the result `[keys, ..]`.
    ///
    /// # Errors
    /// As `call_at`; no keys are an error.
    fn call_each(&self, x: &Tensor, keys: &[Key]) -> Result<Tensor> {
        let layer = self.as_layer();
        several(layer, &x.detach(), &Pass::begin(layer, keys, Input::Each, false))
    }

    /// Starts a call: takes the next key, and has all weights of this layer remember it as that of their last call.
    ///
    /// The key comes from the layer's [`Calls`]. Several of them, as in a net, give one sequence of keys together; a layer without
    /// any gets the same key at each call.
    /// [`call`](Self::call) is [`call_at`](Self::call_at) with the key that this returns.
    fn begin_call(&self) -> Key {
        begin_call(self.as_layer())
    }

    /// Sum of the divergences of posterior from prior over all weights of this layer, for the call with `key`: a scalar, zero
    /// if there are no weights. Weights that are held in two places count once.
    ///
    /// Divide it by the number of training examples before adding it to a mean negative log-likelihood.
    ///
    /// # Errors
    /// What the divergence reports, under the path and name of the weights.
    fn losses_at(&self, key: &Key) -> Result<Tensor> {
        sum_of_losses(self.as_layer(), &|path, weights| weights.losses_at(&weights_key(key, path)))
    }

    /// The losses for the last [`call`](Self::call), whether it was this layer's or that of a net around it.
    ///
    /// # Errors
    /// [`LayerError::NotCalled`] before the first call of a layer with weights.
    fn losses(&self) -> Result<Tensor> {
        sum_of_losses(self.as_layer(), &|_, weights| {
            weights.losses_at(&weights.last_key("losses")?)
        })
    }
}

/// A layer as a trait object, so that the given methods of [`Layer`] are compiled once for all layers.
pub trait AsLayer {
    /// The layer itself.
    fn as_layer(&self) -> &dyn Layer;
}

impl<L: Layer> AsLayer for L {
    fn as_layer(&self) -> &dyn Layer {
        self
    }
}

impl Pass {
    /// The output of `layer` at `x`, called from the layer that has this pass.
    ///
    /// `label` names the child: the keys of its draws lie below that label, and errors contain it. A layer that is called
    /// twice with different labels draws different noise.
    ///
    /// # Errors
    /// What the layer reports, under the label and the layer's name.
    pub fn call(&self, label: &str, layer: &dyn Layer, x: &Tensor) -> Result<Tensor> {
        Ok(self.through(label, layer, x, self.input())?.0)
    }

    /// [`call`](Self::call), with what the first axis of the layer's input is, and with that of its output.
    pub(crate) fn through(
        &self,
        label: &str,
        layer: &dyn Layer,
        x: &Tensor,
        input: Input,
    ) -> Result<(Tensor, Input)> {
        let pass = self.child(label, input);
        if input == Input::Common
            && let Some(y) = pass.known_output(x)
        {
            return Ok((y, input));
        }
        let called = forward(layer, x, &pass);
        let y = called.map_err(|error| error.within(&layer.name()).within(label))?;
        self.note(&pass);
        if self.draws() == 0 && pass.drew() {
            // Without draws only the part of the net that all draws share can be computed, and it ends here.
            return Err(LayerError::NoDraws);
        }
        Ok(match input {
            Input::Common if !pass.drew() => {
                pass.remember_output(x, &y);
                (y, input)
            }
            Input::Common => (y, Input::Each),
            other => (y, other),
        })
    }
}

/// The output of `layer` for all draws of `pass`.
fn forward(layer: &dyn Layer, x: &Tensor, pass: &Pass) -> Result<Tensor> {
    if pass.input() == Input::One {
        return layer.forward(x, pass);
    }
    if layer.draws_together() {
        return Ok(layer.forward(x, pass)?.detach());
    }
    if pass.draws() == 0 && pass.input() == Input::Each {
        return Err(LayerError::NoDraws);
    }
    let draw = |draw: usize| {
        let own;
        let x = match pass.input() {
            Input::Each => {
                own = x.narrow(0, draw, 1).squeeze(0);
                &own
            }
            _ => x,
        };
        let pass_of_draw = pass.only(draw);
        let y = layer.forward(x, &pass_of_draw)?.detach();
        pass.note(&pass_of_draw);
        Ok::<_, LayerError>(y)
    };
    let first = draw(0)?;
    if pass.input() == Input::Common && !pass.drew() {
        return Ok(first);
    }
    if pass.draws() == 0 {
        return Err(LayerError::NoDraws);
    }
    let (shape, dtype) = (first.shape()?.to_vec(), first.dtype()?);
    let rest = (1..pass.draws()).map(draw).collect::<Result<Vec<_>>>()?;
    along_draws(std::iter::once(first).chain(rest), &shape, dtype)
}

/// The output of a whole net for all draws of `pass`, one along each entry of the first axis.
fn several(layer: &dyn Layer, x: &Tensor, pass: &Pass) -> Result<Tensor> {
    let called = || -> Result<Tensor> {
        if pass.draws() == 0 {
            return Err(LayerError::NoDraws);
        }
        let y = forward(layer, x, pass)?.detach();
        if pass.input() == Input::Each || pass.drew() {
            return Ok(y);
        }
        let shape = [&[pass.draws()], y.shape()?].concat();
        Ok(y.broadcast_to(&shape).check()?)
    };
    called().map_err(|error| error.within(&layer.name()))
}

fn prepared(layer: &dyn Layer, x: Tensor) -> Prepared<'_> {
    let pass = Pass::begin(layer, &[], Input::Common, true);
    if layer.draws_together() {
        // For no draws at all, so that what they share is there before threads ask for it at the same time. If it
        // fails, so does the pass of the first draw.
        drop(layer.forward(&x, &pass));
    }
    Box::new(move |keys| several(layer, &x, &pass.with_keys(keys)))
}

fn begin_call(layer: &dyn Layer) -> Key {
    let all = find::<Calls>(layer);
    let key = match all.as_slice() {
        [] => return Key::from_seed(0),
        [(_, one)] => one.next_key(),
        [(_, first), ..] => {
            let mix = |root: Key, calls: &Calls| root.index(calls.root().stream().next_u64());
            let root = all.iter().fold(Key::from_seed(0), |root, (_, calls)| mix(root, calls));
            root.index(first.next_number())
        }
    };
    for (path, weights) in find::<Weights>(layer) {
        weights.calls().remember(&weights_key(&key, &path));
    }
    key
}

/// The sum of `loss` over the weights in `net`, with their paths.
pub(crate) fn sum_of_losses(
    net: &(impl Module + ?Sized),
    loss: &dyn Fn(&str, &Weights) -> Result<Tensor>,
) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for (path, weights) in find::<Weights>(net) {
        let term =
            loss(&path, weights).map_err(|error| error.within(weights.name()).below(&path))?;
        sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
    }
    // The type of the output: that of the last weights, for statistics in front of them may be of another.
    let last = || net.trainable_variables().pop().or_else(|| net.variables().pop());
    let dtype = || last().map_or(DType::F32, |variable| variable.dtype());
    Ok(sum.unwrap_or_else(|| Tensor::zeros(&[], dtype())).check()?)
}

open_trait!(Layer, LayerCopy);

/// What can be given where a layer is expected: a layer, or an `Arc` of one.
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
