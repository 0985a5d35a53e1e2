//! The set-up: a net, its prior and noise, and how it is trained.

use clap::{Args, ValueEnum};
use tfn::distributions::{Independent, JointDistributionSequential, Normal};
use tfn::train::data::{Dataset, Standardizer};
use tfn::train::{Adam, Fit, KlWeight, MonteCarlo, Predictive, Schedule};
use tfn::util::make_kernel_bias_posterior_mvn_diag_with_scale;
use tfn::{
    AffineVariationalReparameterizationLocal as Bayesian, KernelBiasSpec, Key, Likelihood, Model,
    Sequential, Tensor, likelihoods, losses,
};

use crate::Failure;

/// One hidden layer of ReLU units, as in the published comparison, and two numbers from it: mean and scale of a normal.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// Steps of the optimizer at least, in whole epochs; but no more epochs than `max-epochs`.
    #[arg(long, default_value_t = 20_000)]
    steps: u64,
    #[arg(long, default_value_t = 1000)]
    max_epochs: u64,
    /// Adam's rate at the beginning; it falls to 0 by half a cosine.
    #[arg(long, default_value_t = 0.01)]
    rate: f64,
    /// Share of the epochs within which the weight of the KL term rises from 0 to 1.
    #[arg(long, default_value_t = 0.9)]
    warmup: f64,
    /// Scale of the normal prior of all weights but those of `noise-prior`.
    #[arg(long, default_value_t = 1.0)]
    prior: f64,
    /// Scale of the prior of the weights by which the noise depends on the row.
    #[arg(long, default_value_t = 0.1)]
    noise_prior: f64,
    #[arg(long, value_enum, default_value_t = Head::Heteroscedastic)]
    head: Head,
    /// Draws of the weights for each prediction.
    #[arg(long, default_value_t = 100)]
    samples: usize,
}

/// How targets scatter around what the net gives.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Head {
    /// By a normal whose scale the net gives for each row.
    Heteroscedastic,
    /// By a normal of one learned scale.
    Normal,
}

/// Scale that all posteriors begin with.
const INITIAL_SCALE: f64 = 0.01;
/// Norm of all gradients together at most.
const CLIP_NORM: f64 = 1.0;

impl Setup {
    /// A model of `data`, trained.
    pub(crate) fn train(&self, data: &Dataset, hidden: usize, key: &Key) -> Result<Model, Failure> {
        let model = self.model(data, hidden, key)?;
        // From 32 rows of small sets to 256 of large ones.
        let batch = (data.len() / 64).clamp(32, 256);
        let per_epoch = data.len().div_ceil(batch) as u64;
        let epochs = self.steps.div_ceil(per_epoch).clamp(1, self.max_epochs.max(1));
        let fit = Fit::new(data)?
            .batch_size(batch)?
            .epochs(epochs)
            .kl_weight(KlWeight::linear_warmup(self.warmup * epochs as f64)?)
            .key(key.child("fit"));
        let rate = Schedule::cosine_decay(self.rate, fit.steps());
        fit.run_model(&model, &mut Adam::builder(rate).clip_norm(CLIP_NORM).build()?, ())?;
        Ok(model)
    }

    pub(crate) fn predict(
        &self,
        model: &Model,
        data: &Dataset,
        key: &Key,
    ) -> Result<Predictive, Failure> {
        Ok(MonteCarlo::new(self.samples)?.predict(model, data.features(), &key.child("predict"))?)
    }

    fn model(&self, data: &Dataset, hidden: usize, key: &Key) -> Result<Model, Failure> {
        let columns = data.features().shape()?[1];
        let targets = Standardizer::fit(data.targets())?;
        let mut seeds = key.child("seeds").stream();
        let scales = [self.prior, self.noise_prior];
        let mut layer = |inputs, outputs| {
            Bayesian::builder(inputs, outputs)
                .make_posterior_fn(|spec| {
                    make_kernel_bias_posterior_mvn_diag_with_scale(spec, INITIAL_SCALE)
                })
                .make_prior_fn(move |spec| normals(spec, scales))
                .divergence(losses::kl_divergence_exact)
                .seed(seeds.next_u64())
        };
        let net = Sequential::of(Standardizer::fit(data.features())?)
            .then(layer(columns, hidden).activation_fn(Tensor::relu).build()?);
        Ok(match self.head {
            Head::Heteroscedastic => {
                let noise = likelihoods::HeteroscedasticNormal::new();
                net.then(layer(hidden, noise.outputs(1)).build()?)
                    .with_likelihood(targets.units_of(noise))
            }
            Head::Normal => net
                .then(layer(hidden, 1).build()?)
                .with_likelihood(targets.units_of(likelihoods::Normal::new()?)),
        })
    }
}

/// Independent normals around 0. Of a layer with two outputs, mean and noise, each column of the kernel has a scale of its own.
fn normals(
    spec: &KernelBiasSpec,
    scales: [f64; 2],
) -> tfn::util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| {
        let scale = match weight.shape {
            [_, 2] => Tensor::from_f64(&scales, &[2], weight.dtype),
            _ => Tensor::scalar_of(scales[0], weight.dtype),
        };
        let normal = Normal::new(0.0, scale.broadcast_to(weight.shape))?;
        Ok(Independent::new(normal, weight.shape.len())?)
    })
}
