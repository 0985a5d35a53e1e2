//! Layers and models in files that describe them: see [`tfn_module::describe`].
//!
//! All layers, estimators and likelihoods of this crate come back from such a file with all that is in them: weights with
//! posterior and prior, the divergence, the seed and how many calls there were. Functions are known by name: the
//! elementwise methods of [`Tensor`], the divergences in [`losses`], and those that a user names. Only
//! the type of a function tells which one it is, so it has to be a function item or a closure without captures.
//!
//! # Examples
//! ```
//! use tfn_layers::module::describe::{FileReader, FileWriter, Registry};
//! use tfn_layers::tensor::{DType, Key, Tensor};
//! use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Model, Sequential, describe, likelihoods};
//!
//! fn leaky(x: &Tensor) -> Tensor {
//!     x.relu() + x * 0.01
//! }
//!
//! let mut registry = Registry::new();
//! describe::register(&mut registry);
//! describe::add_activation(&mut registry, "mine.leaky", leaky);
//!
//! let model = Sequential::of(Bayesian::builder(3, 8).activation_fn(leaky).build()?)
//!     .then(Bayesian::builder(8, 1).name("last").build()?)
//!     .with_likelihood(likelihoods::Normal::new()?);
//! let bytes = FileWriter::new(&registry).add("model", &model)?.to_bytes()?;
//!
//! let same: Model = FileReader::from_bytes(&bytes, &registry)?.take("model")?;
//! let (x, key) = (Tensor::ones(&[4, 3], DType::F32), Key::from_seed(1));
//! let [a, b] = [&model, &same].map(|model| model.call_at(&x, &key).and_then(|y| Ok(y.mean()?.to_vec::<f32>()?)));
//! assert_eq!(a?, b?);
//! # Ok::<(), tfn_layers::LayerError>(())
//! ```

use tfn_distributions::describe::{add_distribution, add_source};
use tfn_distributions::{Distribution, IntoDistribution};
use tfn_module::describe::{Describe, Registry};
use tfn_module::{DeepCopy, Module};
use tfn_tensor::{Key, Tensor};
use tfn_util::{AnyError, ConvArgs};

use crate::activation::{Activation, named};
use crate::arguments::{ValueFn, sample};
use crate::containers::{Model, MomentMatching, Parallel, Residual, Sequential, Tracked};
use crate::contract::{Calls, Layer, Likelihood, Weights};
use crate::divergence::{Divergence, PosteriorValue};
use crate::dropout::{Dropout, GaussianDropout};
use crate::error::Result;
use crate::estimator::{
    Estimated, Estimator, Flipout, Local, Mean, PerExample, Reparameterization,
};
use crate::kernel_bias::{Affine, KernelBiasLayer};
use crate::lambda::{Lambda, Stateless};
use crate::likelihoods::{self, FromFn, Head, Noise, of_output};
use crate::linear::{Conv, ConvTranspose, ConvV2, Dense, Embed, LinearMap, Scaling};
use crate::losses;
use crate::norm::{BatchNormalization, GroupNormalization, LayerNormalization};
use crate::pool::{AveragePooling, GlobalAveragePooling, GlobalMaxPooling, MaxPooling};
use crate::recurrent::{
    Activations, Bidirectional, Cell, CellWeights, GRUGates, Gates, LSTMGates, Options, Recurrent,
};
use crate::shape::{Flatten, Permute, Reshape, UpSampling, ZeroPadding};
use crate::variational::Variational;
use crate::variational_dropout::{DropoutScale, ScaleFree};

/// Adds all layers, estimators, likelihoods and functions of this crate, and what
/// [`tfn_distributions::describe::register`] adds.
pub fn register(registry: &mut Registry) {
    tfn_distributions::describe::register(registry);
    registry.add::<Model>();
    registry.add::<Calls>();
    registry.add::<Weights>();
    registry.add::<Estimated>();
    registry.add::<Noise>();
    for add in [
        add_layer::<Lambda>,
        add_layer::<MomentMatching>,
        add_layer::<Sequential>,
        add_layer::<Parallel>,
        add_layer::<Residual>,
        add_layer::<Flatten>,
        add_layer::<Permute>,
        add_layer::<Reshape>,
        add_layer::<UpSampling>,
        add_layer::<ZeroPadding>,
        add_layer::<AveragePooling>,
        add_layer::<MaxPooling>,
        add_layer::<GlobalAveragePooling>,
        add_layer::<GlobalMaxPooling>,
    ] {
        add(registry);
    }
    add_layer::<BatchNormalization>(registry);
    add_layer::<Dropout>(registry);
    add_layer::<GaussianDropout>(registry);
    add_layer::<GroupNormalization>(registry);
    add_layer::<LayerNormalization>(registry);
    registry.add::<ConvArgs>();
    add_map::<Dense>(registry);
    add_map::<Conv>(registry);
    add_map::<ConvV2>(registry);
    add_map::<ConvTranspose>(registry);
    add_map::<Embed>(registry);
    add_map::<Scaling>(registry);
    registry.add::<Activations>();
    registry.add::<Options>();
    add_gates::<LSTMGates>(registry);
    add_gates::<GRUGates>(registry);
    add_source::<DropoutScale>(registry);
    add_distribution::<ScaleFree>(registry);
    register_likelihoods(registry);
    for (name, activation) in named() {
        registry.name(name, activation.id(), activation);
    }
    add_divergence(registry, "kl_divergence_exact", losses::kl_divergence_exact);
    add_divergence(registry, "kl_divergence_monte_carlo", losses::kl_divergence_monte_carlo);
    add_divergence(registry, "kl_divergence_quadrature", losses::kl_divergence_quadrature);
    add_divergence(
        registry,
        "kl_divergence_variational_dropout",
        losses::kl_divergence_variational_dropout,
    );
    add_posterior_value(registry, "sample", sample);
}

fn register_likelihoods(registry: &mut Registry) {
    for add in [
        add_likelihood::<likelihoods::Affine>,
        add_likelihood::<likelihoods::Bernoulli>,
        add_likelihood::<likelihoods::Categorical>,
        add_likelihood::<FromFn<Stateless>>,
        add_likelihood::<likelihoods::HeteroscedasticNormal>,
        add_likelihood::<likelihoods::Laplace>,
        add_likelihood::<likelihoods::LogNormal>,
        add_likelihood::<likelihoods::MixtureDensity>,
        add_likelihood::<likelihoods::NegativeBinomial>,
        add_likelihood::<likelihoods::Normal>,
        add_likelihood::<likelihoods::OneHotCategorical>,
        add_likelihood::<likelihoods::Poisson>,
        add_likelihood::<likelihoods::StudentT>,
    ] {
        add(registry);
    }
}

/// Adds a layer.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use tfn_layers::module::describe::{FileReader, FileWriter, Registry};
/// use tfn_layers::module::{Module, Variable, describe_fields};
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Layer, Pass, Sequential, describe};
///
/// #[derive(Debug, Module)]
/// struct Gain {
///     gain: Variable,
/// }
/// describe_fields!(Gain as "mine.Gain" { gain });
///
/// impl Layer for Gain {
///     fn forward(&self, x: &Tensor, _pass: &Pass) -> tfn_layers::Result<Tensor> {
///         Ok((x * self.gain.tensor()).check()?)
///     }
/// }
///
/// let mut registry = Registry::new();
/// describe::register(&mut registry);
/// describe::add_layer::<Gain>(&mut registry);
/// let net = Sequential::of(Gain { gain: Variable::new("gain", Tensor::scalar(2.0))? });
/// let bytes = FileWriter::new(&registry).add("net", &net)?.to_bytes()?;
/// let same: Sequential = FileReader::from_bytes(&bytes, &registry)?.take("net")?;
/// assert_eq!(same.call(&Tensor::scalar(3.0))?.item()?, 6.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub fn add_layer<L: Layer + DeepCopy + Describe>(registry: &mut Registry) {
    let added = registry.add::<L>();
    added.seen_as::<dyn Layer>(|layer| layer).seen_as::<dyn Tracked>(|layer| layer);
}

/// Adds a likelihood.
pub fn add_likelihood<L: Likelihood + DeepCopy + Describe>(registry: &mut Registry) {
    let added = registry.add::<L>();
    added.seen_as::<dyn Likelihood>(|head| head).seen_as::<dyn Tracked>(|head| head);
}

/// Adds any other module that a net holds by [`Sequential::also_track`].
pub fn add_tracked<M: Module + DeepCopy + Describe>(registry: &mut Registry) {
    registry.add::<M>().seen_as::<dyn Tracked>(|module| module);
}

/// Adds a linear map, and the layers over it: without uncertainty, and with the estimators of this crate.
pub fn add_map<M: LinearMap + Clone + Describe>(registry: &mut Registry) {
    registry.add::<M>();
    add_layer::<KernelBiasLayer<M>>(registry);
    add_estimator_over::<M, Flipout>(registry);
    add_estimator_over::<M, Local>(registry);
    add_estimator_over::<M, Mean>(registry);
    add_estimator_over::<M, PerExample>(registry);
    add_estimator_over::<M, Reparameterization>(registry);
}

/// Adds an estimator, and the layer over a map with it.
pub fn add_estimator_over<M, E>(registry: &mut Registry)
where
    M: LinearMap + Clone + Describe,
    E: Estimator + Describe,
{
    registry.add::<E>().seen_as::<dyn Estimator>(|estimator| estimator);
    add_layer::<Variational<M, E>>(registry);
}

/// Adds the gates of cells, and the recurrent layers of them: without uncertainty, and as named by this crate. Those with other estimators are
/// added by [`add_recurrent`].
pub fn add_gates<G: Gates>(registry: &mut Registry) {
    registry.add::<G>();
    add_recurrent::<G, Affine>(registry);
    add_recurrent::<G, Variational<Dense, Flipout>>(registry);
    add_recurrent::<G, Variational<Dense, Local>>(registry);
    add_recurrent::<G, Variational<Dense, Reparameterization>>(registry);
}

/// Adds the recurrent layers of these gates and weights, and their cell.
pub fn add_recurrent<G: Gates, W: CellWeights>(registry: &mut Registry) {
    registry.add::<Cell<G, W>>().seen_as::<dyn Tracked>(|cell| cell);
    add_layer::<Recurrent<G, W>>(registry);
    add_layer::<Bidirectional<G, W>>(registry);
}

/// Names a function of pre-activations, or of the input of a [`Lambda`].
pub fn add_activation(
    registry: &mut Registry,
    name: &str,
    activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
) {
    let activation = Activation::new(activation);
    registry.name(name, activation.id(), activation);
}

/// Names a divergence.
pub fn add_divergence(
    registry: &mut Registry,
    name: &str,
    divergence: impl Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>
    + Send
    + Sync
    + 'static,
) {
    let divergence = Divergence::new(divergence);
    registry.name(name, divergence.id(), divergence);
}

/// Names a function that draws weights from the posterior: a layer's `posterior_value_fn`.
pub fn add_posterior_value<E: Into<AnyError>>(
    registry: &mut Registry,
    name: &str,
    value: impl Fn(&dyn Distribution, &Key) -> Result<Vec<Tensor>, E> + Send + Sync + 'static,
) {
    let value = ValueFn::new(value);
    registry.name(name, value.id(), value);
}

/// Names a head: the function of [`Sequential::with_head`].
pub fn add_head<D, E>(
    registry: &mut Registry,
    name: &str,
    head: impl Fn(&Tensor) -> Result<D, E> + Copy + Send + Sync + 'static,
) where
    D: IntoDistribution,
    E: Into<AnyError>,
{
    let head = of_output(head);
    registry.name(name, head.id(), Head(head));
}
