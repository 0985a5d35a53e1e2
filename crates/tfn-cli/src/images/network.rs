//! The networks: the Bayesian one and its deterministic twin.

use tfn_distributions::{JointDistributionSequential, Normal, OneHotCategorical, Sample};
use tfn_layers::{
    Affine, AffineVariationalReparameterizationLocal as BayesAffine, LayerError, Model, Sequential,
    losses,
};
use tfn_tensor::Tensor;
use tfn_util::{
    KernelBiasSpec, initializers, make_kernel_bias_posterior_mvn_diag_with_scale,
    make_kernel_bias_prior_scale_mixture, make_kernel_bias_prior_spike_and_slab,
};

use super::options::{Options, Prior};

/// Digits.
pub(super) const CLASSES: usize = 10;
/// Pixels of an image.
pub(super) const PIXELS: usize = 784;
/// Pixels, hidden units, hidden units, digits.
const SIZES: [usize; 4] = [PIXELS, 300, 100, CLASSES];
/// Scale of every weight at the start: wide enough to learn from, small enough not to drown the signal.
const INITIAL_SCALE: f64 = 0.02;

/// 784-300-100-10 with local reparameterization, and one-hot targets.
pub(super) fn bayesian(options: &Options) -> Result<Model, LayerError> {
    let [hidden, wide, narrow] = [0, 1, 2].map(|i| {
        let layer = BayesAffine::builder(SIZES[i], SIZES[i + 1])
            .kernel_initializer(initializers::he_normal())
            .make_posterior_fn(|spec| {
                make_kernel_bias_posterior_mvn_diag_with_scale(spec, INITIAL_SCALE)
            })
            .seed(options.seed)
            .name(format!("layer{i}"));
        match options.prior {
            Prior::Tfp => layer.make_prior_fn(make_kernel_bias_prior_spike_and_slab),
            Prior::Blundell => layer.make_prior_fn(|spec| {
                make_kernel_bias_prior_scale_mixture(spec, &[0.5, 0.5], &[1.0, 0.0025])
            }),
            Prior::Normal => {
                layer.make_prior_fn(normal_prior).divergence(losses::kl_divergence_exact)
            }
        }
    });
    Ok(Sequential::of(hidden.activation_fn(Tensor::relu).build()?)
        .then(wide.activation_fn(Tensor::relu).build()?)
        .then(narrow.build()?)
        .named("bnn")?
        .with_head(|logits| OneHotCategorical::from_logits(logits)))
}

/// `N(0, 0.1²)` on each weight and bias.
fn normal_prior(spec: &KernelBiasSpec) -> tfn_util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0_f32, 0.1_f32)?, weight.shape)?))
}

/// The same net without uncertainty.
pub(super) fn deterministic(options: &Options) -> Result<Model, LayerError> {
    let [hidden, wide, narrow] = [0, 1, 2].map(|i| {
        Affine::builder(SIZES[i], SIZES[i + 1])
            .kernel_initializer(initializers::he_normal())
            .seed(options.seed)
            .name(format!("layer{i}"))
    });
    Ok(Sequential::of(hidden.activation_fn(Tensor::relu).build()?)
        .then(wide.activation_fn(Tensor::relu).build()?)
        .then(narrow.build()?)
        .named("twin")?
        .with_head(|logits| OneHotCategorical::from_logits(logits)))
}
