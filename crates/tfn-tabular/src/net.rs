//! The models: the Bayesian net itself, and the simpler ones that it has to be better than.

use tfn_distributions::{Independent, JointDistributionSequential, Normal};
use tfn_layers::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, Likelihood, Model, Sequential,
    likelihoods, losses,
};
use tfn_module::DeepCopy;
use tfn_tensor::{Key, Stream, Tensor};
use tfn_train::data::{Dataset, Standardizer};
use tfn_util::{KernelBiasSpec, make_kernel_bias_posterior_mvn_diag_with_scale};

use crate::error::Result;
use crate::setup::Setup;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Weights with a posterior, and noise that depends on the row.
    Bayesian,
    /// The same net with plain weights and one scale of the noise.
    Plain,
    /// No hidden layer; weights with a posterior, which keeps them within bounds, and one scale of the noise.
    Linear,
}

/// Scale that all posteriors begin with.
const INITIAL_SCALE: f64 = 0.01;

/// A model of `data`, before it is trained: of so many classes, or of numbers.
pub(crate) fn build(
    kind: Kind,
    setup: &Setup,
    data: &Dataset,
    classes: Option<usize>,
    key: &Key,
) -> Result<Model> {
    let hidden: &[usize] = if kind == Kind::Linear { &[] } else { &setup.hidden };
    let mut net = Net { kind, setup, seeds: key.child("seeds").stream() };
    let columns = data.features().shape()?.last().copied().unwrap_or(0);
    let (mut layers, mut inputs) = (Sequential::of(Standardizer::fit(data.features())?), columns);
    for &units in hidden {
        layers = net.layer(layers, inputs, units, true, false)?;
        inputs = units;
    }
    let Some(classes) = classes else {
        let targets = Standardizer::fit(data.targets())?;
        let is_noisy = kind == Kind::Bayesian;
        layers = net.layer(layers, inputs, 1 + usize::from(is_noisy), false, is_noisy)?;
        return Ok(if is_noisy {
            with_head(layers, targets.units_of(likelihoods::HeteroscedasticNormal::new()))
        } else {
            with_head(layers, targets.units_of(likelihoods::Normal::new()?))
        });
    };
    let layers = net.layer(layers, inputs, classes, false, false)?;
    Ok(with_head(layers, likelihoods::Categorical::new()))
}

fn with_head(net: Sequential, likelihood: impl Likelihood + DeepCopy) -> Model {
    net.with_likelihood(likelihood)
}

/// What layers are made by.
struct Net<'a> {
    kind: Kind,
    setup: &'a Setup,
    seeds: Stream,
}

impl Net<'_> {
    /// `layers` and one more; of a noisy one the second output is the noise.
    fn layer(
        &mut self,
        layers: Sequential,
        inputs: usize,
        outputs: usize,
        is_hidden: bool,
        is_noisy: bool,
    ) -> Result<Sequential> {
        let seed = self.seeds.next_u64();
        if self.kind == Kind::Plain {
            let layer = Affine::builder(inputs, outputs).seed(seed);
            let layer = if is_hidden { layer.activation_fn(Tensor::relu) } else { layer };
            return Ok(layers.then(layer.build()?));
        }
        let (all, noise) = (self.setup.prior_scale, self.setup.noise_prior_scale);
        let scales = if is_noisy { vec![all, noise] } else { vec![all] };
        let layer = Bayesian::builder(inputs, outputs)
            .make_posterior_fn(|spec| {
                make_kernel_bias_posterior_mvn_diag_with_scale(spec, INITIAL_SCALE)
            })
            .make_prior_fn(move |spec| normals(spec, &scales))
            .divergence(losses::kl_divergence_exact)
            .seed(seed);
        let layer = if is_hidden { layer.activation_fn(Tensor::relu) } else { layer };
        Ok(layers.then(layer.build()?))
    }
}

/// Independent normals around 0: of one scale, or of one for each output.
fn normals(spec: &KernelBiasSpec, scales: &[f64]) -> tfn_util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| {
        let shape: &[usize] = if scales.len() == 1 { &[] } else { &[scales.len()] };
        let scale = Tensor::from_f64(scales, shape, weight.dtype).broadcast_to(weight.shape);
        Ok(Independent::new(Normal::new(0.0, scale)?, weight.shape.len())?)
    })
}
