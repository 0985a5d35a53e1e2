//! A net with a head: from inputs to a distribution over targets.

use std::fmt;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Copies, DeepCopy, Module, Properties};
use tfn_tensor::{Key, Tensor};

use crate::contract::{IntoLayer, Layer, Pass};
use crate::error::Result;

/// Makes a distribution over targets of a net's output.
pub type Head = Arc<dyn Fn(&Tensor) -> Result<Arc<dyn Distribution>> + Send + Sync>;

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
    head: Head,
}

impl Model {
    /// The model of `net`'s output through `head`.
    pub fn new(
        net: impl IntoLayer,
        head: impl Fn(&Tensor) -> Result<Arc<dyn Distribution>> + Send + Sync + 'static,
    ) -> Self {
        Self { net: net.into_layer(), head: Arc::new(head) }
    }

    /// The net before the head.
    pub fn net(&self) -> &Arc<dyn Layer> {
        &self.net
    }

    /// The distribution over targets at `x`, for the draws of a pass over [`net`](Self::net).
    ///
    /// # Errors
    /// What the net and the head report.
    pub fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>> {
        let y = self.net.forward(x, pass).map_err(|error| error.within(&self.net.name()))?;
        (self.head)(&y).map_err(|error| error.within("head"))
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
        self.call_at(x, &self.net.begin_call())
    }

    /// The net's losses for `key`.
    ///
    /// # Errors
    /// As [`Layer::losses_at`].
    pub fn losses_at(&self, key: &Key) -> Result<Tensor> {
        self.net.losses_at(key)
    }

    /// The net's losses for the last [`call`](Self::call).
    ///
    /// # Errors
    /// As [`Layer::losses`].
    pub fn losses(&self) -> Result<Tensor> {
        self.net.losses()
    }
}

impl Module for Model {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("net", &self.net);
    }

    fn name(&self) -> String {
        self.net.name()
    }
}

impl DeepCopy for Model {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self { net: self.net.deep_copy_with(copies), head: self.head.clone() }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Model: net={:?}>", self.net)
    }
}
