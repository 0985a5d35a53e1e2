//! A net with a head: from inputs to a distribution over targets.

use std::fmt;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Copies, DeepCopy, Module, Properties, describe_fields, find};
use tfn_tensor::{Key, Tensor};

use crate::contract::{
    Input, IntoLayer, Layer, Likelihood, Marginal, Moments, Pass, Weights, align_targets,
    sum_of_losses, weights_key,
};
use crate::error::{LayerError, Result};

/// A net whose call gives a distribution over targets.
///
/// Counterpart: a `tfp.experimental.nn.Sequential` that ends in a `Lambda` which makes a distribution.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::OneHotCategorical;
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Sequential};
///
/// let bnn = Sequential::of(Bayesian::builder(784, 300).activation_fn(Tensor::relu).build()?)
///     .then(Bayesian::new(300, 10)?)
///     .with_head(|logits| OneHotCategorical::from_logits(logits));
/// let (x, y) = (Tensor::ones(&[32, 784], DType::F32), Tensor::zeros(&[32], DType::F32).one_hot(10));
/// let nll = -bnn.call(&x)?.log_prob(&y)?.mean();
/// let loss = nll + bnn.losses()? / 60_000.0;
/// assert_eq!(loss.gradients()?.len(), 8);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Model {
    net: Arc<dyn Layer>,
    head: Arc<dyn Likelihood>,
}

/// The label below which a head draws.
const HEAD: &str = "head";

impl Model {
    /// The model of `net`'s output through the likelihood `head`.
    pub fn new(net: impl IntoLayer, head: impl Likelihood + DeepCopy) -> Self {
        Self { net: net.into_layer(), head: Arc::new(head) }
    }

    /// The net before the head.
    pub fn net(&self) -> &Arc<dyn Layer> {
        &self.net
    }

    /// What makes a distribution of the net's output.
    pub fn head(&self) -> &Arc<dyn Likelihood> {
        &self.head
    }

    /// The distribution over targets at `x`, for the draws of a pass over [`net`](Self::net).
    ///
    /// # Errors
    /// What the net and the head report.
    pub fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
        let y = self.net.forward(x, pass).map_err(|error| error.within(&self.net.name()))?;
        self.distribution(&y, &pass.beside(HEAD, self.head.as_ref(), Input::One))
    }

    fn distribution(&self, y: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
        self.head.distribution(y, pass).map_err(|error| error.within(HEAD))
    }

    /// The distribution over targets at `x`, for the draws of `key`.
    ///
    /// # Errors
    /// What the net and the head report.
    pub fn call_at(&self, x: &Tensor, key: &Key) -> Result<Arc<dyn Distribution>> {
        self.forward(x, &Pass::new(self.net.as_ref(), key))
    }

    /// [`call_at`](Self::call_at) with the net's next key.
    ///
    /// # Errors
    /// As `call_at`.
    pub fn call(&self, x: &Tensor) -> Result<Arc<dyn Distribution>> {
        let key = self.net.begin_call();
        for (path, weights) in find::<Weights>(self.head.as_ref()) {
            weights.calls().remember(&weights_key(&key.child(HEAD), &path));
        }
        self.call_at(x, &key)
    }

    /// The distributions over targets for several draws of the net's output, as [`Layer::prepare`] gives them. Each is
    /// made with the key of its draw.
    ///
    /// # Shapes
    /// `outputs`: `[keys, n, ..]`. If the head takes [draws together](Likelihood::draws_together), the result is a
    /// single distribution whose batch begins with the axis of the draws. Otherwise it is one distribution for each
    /// draw, without such an axis.
    ///
    /// # Errors
    /// What the head reports.
    pub fn distributions(
        &self,
        outputs: &Tensor,
        keys: &[Key],
    ) -> Result<Vec<Arc<dyn Distribution>>> {
        let of = |keys: &[Key], input| {
            let keys: Vec<Key> = keys.iter().map(|key| key.child(HEAD)).collect();
            Pass::begin(self.head.as_ref(), &keys, input, false)
        };
        if self.head.draws_together() {
            return Ok(vec![self.distribution(outputs, &of(keys, Input::Each))?]);
        }
        let each = keys.chunks(1).enumerate();
        each.map(|(draw, key)| {
            self.distribution(&outputs.narrow(0, draw, 1).squeeze(0), &of(key, Input::One))
        })
        .collect()
    }

    /// Mean and variance of the net's output at `x`; [`MomentMatching`](crate::MomentMatching) says where they are exact.
    ///
    /// # Errors
    /// [`LayerError::NoMoments`] for a layer whose moments are not known.
    pub fn moments(&self, x: &Tensor) -> Result<Moments> {
        let pass = Pass::new(self.net.as_ref(), &Key::from_seed(0));
        let moments = self.net.forward_moments(&Moments::known(x.clone()), &pass);
        moments.map_err(|error| error.within(&self.net.name()))
    }

    /// The distribution over targets for an output of the net whose entries are independent normals.
    ///
    /// # Errors
    /// [`LayerError::NoMarginal`] if the head has no closed form; what it reports.
    pub fn marginal(&self, output: &Moments) -> Result<Marginal> {
        let none = || LayerError::NoMarginal { likelihood: self.head.name() };
        let marginal = self.head.marginal(output).and_then(|found| found.ok_or_else(none));
        marginal.map_err(|error| error.within(HEAD))
    }

    /// The log-likelihood of each row, under a distribution that this model made.
    ///
    /// # Shapes
    /// `targets`: batch and event of the distribution together, where `[n]` and `[n, 1]` are the same. The result: `[n]`.
    ///
    /// # Errors
    /// [`LayerError::Targets`](crate::LayerError::Targets) for another shape, and what the head reports.
    pub fn log_prob(&self, distribution: &dyn Distribution, targets: &Tensor) -> Result<Tensor> {
        let shape = [distribution.batch_shape()?, distribution.event_shape()?].concat();
        self.head.log_prob(distribution, &align_targets(targets, &shape)?)
    }

    /// The losses of net and head for `key`.
    ///
    /// # Errors
    /// As [`Layer::losses_at`].
    pub fn losses_at(&self, key: &Key) -> Result<Tensor> {
        let of_net = self.net.losses_at(key)?;
        self.with_head_losses(of_net, &|path, weights| {
            weights.losses_at(&weights_key(&key.child(HEAD), path))
        })
    }

    /// The losses of net and head for the last [`call`](Self::call).
    ///
    /// # Errors
    /// As [`Layer::losses`].
    pub fn losses(&self) -> Result<Tensor> {
        let of_net = self.net.losses()?;
        self.with_head_losses(of_net, &|_, weights| weights.losses_at(&weights.last_key("losses")?))
    }

    fn with_head_losses(
        &self,
        of_net: Tensor,
        loss: &dyn Fn(&str, &Weights) -> Result<Tensor>,
    ) -> Result<Tensor> {
        if find::<Weights>(self.head.as_ref()).is_empty() {
            return Ok(of_net);
        }
        let of_head =
            sum_of_losses(self.head.as_ref(), loss).map_err(|error| error.within(HEAD))?;
        Ok((&of_net + of_head.cast(of_net.dtype()?)).check()?)
    }
}

impl Module for Model {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("head", &self.head).add("net", &self.net);
    }

    fn name(&self) -> String {
        self.net.name()
    }
}

impl DeepCopy for Model {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self { net: self.net.deep_copy_with(copies), head: self.head.deep_copy_with(copies) }
    }
}

describe_fields!(Model as "tfn.layers.Model" { net, head });

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Model: net={:?}, head={:?}>", self.net, self.head)
    }
}
