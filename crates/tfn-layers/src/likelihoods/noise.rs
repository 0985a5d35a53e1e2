//! The scale of noise that does not depend on the input.

use std::sync::Arc;

use tfn_distributions::bijectors::Softplus;
use tfn_distributions::{
    Distribution, Independent, Normal, Parameter, Sample, TransformedVariable,
};
use tfn_module::Module;
use tfn_tensor::{DType, Tensor};
use tfn_util::{KernelBias, KernelBiasSpec, UtilError};

use crate::arguments::VariationalArguments;
use crate::contract::{Pass, Weights, along_draws};
use crate::divergence::Divergence;
use crate::error::{LayerError, Result};
use crate::losses::kl_divergence_exact;

/// The scale of noise: one for all targets, or one for each.
///
/// It is kept in `f64` and read in the type of the net's output.
///
/// # Examples
/// ```
/// use tfn_layers::likelihoods::{Noise, Normal};
/// use tfn_layers::module::Module;
///
/// // For three targets, with a posterior over the logarithm of each scale, and 0.5 to begin with.
/// let noise = Noise::starting_at(&[0.5; 3])?.with_posterior(0.0, 1.0)?;
/// let likelihood = Normal::with_noise(noise);
/// assert_eq!(likelihood.trainable_variables().len(), 2);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct Noise {
    scale: Option<Parameter>,
    log_scale: Option<Weights>,
}

tfn_module::describe_fields!(Noise as "tfn.likelihoods.Noise" { scale, log_scale });

/// The deviation of the posterior of a logarithm of a scale at the start.
const START: f64 = 0.1;

impl Noise {
    /// One scale for all targets, which is learned and starts at 1.
    ///
    /// # Errors
    /// None.
    pub fn learned() -> Result<Self> {
        Self::of(Tensor::scalar(1.0))
    }

    /// A learned scale for each target, which starts at the number given here. A single number is one scale for all
    /// targets.
    ///
    /// # Errors
    /// [`LayerError::Size`] if there are none, [`LayerError::Distribution`] for a scale that is not positive.
    pub fn starting_at(scales: &[f64]) -> Result<Self> {
        match scales {
            [] => Err(LayerError::Size { layer: "Noise".into(), argument: "scales", given: 0 }),
            [one] => Self::of(Tensor::scalar(*one)),
            all => Self::of(Tensor::from_slice(all, &[all.len()])),
        }
    }

    fn of(start: Tensor) -> Result<Self> {
        let scale = TransformedVariable::new(&start, Softplus::new(), "scale")?;
        Ok(Self { scale: Some(scale.into()), log_scale: None })
    }

    /// A scale that is not learned (a number or a tensor), or a parameter of one's own.
    pub fn given(scale: impl Into<Parameter>) -> Self {
        Self { scale: Some(scale.into()), log_scale: None }
    }

    /// The same noise with a normal posterior over the logarithm of each scale, and the prior `N(prior_loc, prior_scale²)`.
    ///
    /// Its divergence is among the losses of the model, and each draw of a prediction has its own scale.
    ///
    /// # Errors
    /// [`LayerError::Distribution`] for a `prior_scale` that is not positive.
    pub fn with_posterior(self, prior_loc: f64, prior_scale: f64) -> Result<Self> {
        let start = match &self.scale {
            Some(scale) => scale.value().cast(DType::F64).ln().detach(),
            None => return Ok(self),
        };
        let shape = start.shape()?.to_vec();
        let mut spec = KernelBiasSpec::new(&shape, &[]);
        spec.use_bias = false;
        let posterior = move |_: &KernelBiasSpec| -> Result<Arc<dyn Distribution>, UtilError> {
            let loc = tfn_module::Variable::new("log_scale/loc", start.clone())?;
            let deviation = Tensor::full(start.shape()?, START, DType::F64);
            let deviation =
                TransformedVariable::new(&deviation, Softplus::new(), "log_scale/scale")?;
            let ndims = start.shape()?.len();
            Ok(Independent::new(Normal::new(loc, deviation)?, ndims)?.into())
        };
        let prior = move |spec: &KernelBiasSpec| -> Result<Arc<dyn Distribution>, UtilError> {
            Ok(Sample::new(Normal::new(prior_loc, prior_scale)?, &spec.kernel_shape)?.into())
        };
        let arguments = VariationalArguments {
            make_posterior_fn: Arc::new(posterior),
            make_prior_fn: Arc::new(prior),
            unpack_weights_fn: Arc::new(|_| Ok(KernelBias { kernel: 0, bias: None })),
            dtype: DType::F64,
            seed: Some(0),
            divergence: Divergence::new(kl_divergence_exact),
            ..VariationalArguments::default()
        };
        let log_scale = Weights::new("Noise", &arguments, spec)?;
        Ok(Self { scale: None, log_scale: Some(log_scale) })
    }

    /// The scale where it has no posterior.
    pub(super) fn known_scale(&self, dtype: DType) -> Result<Option<Tensor>> {
        match &self.scale {
            Some(scale) => Ok(Some(scale.value().cast(dtype).check()?)),
            None => Ok(None),
        }
    }

    /// The scale for a net's `output`, in its type.
    ///
    /// # Shapes
    /// `[]` or `[targets]`; for several draws with a posterior `[draws, 1, ..]` before that.
    ///
    /// # Errors
    /// What the posterior reports.
    pub fn scale(&self, output: &Tensor, pass: &Pass) -> Result<Tensor> {
        let dtype = output.dtype()?;
        let scale = match (&self.scale, &self.log_scale) {
            (Some(scale), _) => scale.value(),
            (None, Some(weights)) => {
                let draw = |key| Ok(weights.value_at(&key)?.swap_remove(0).exp());
                let draws = pass.weights_keys(weights)?.into_iter().map(draw);
                let draws = draws.collect::<Result<Vec<_>>>()?;
                match draws.as_slice() {
                    [one] if !pass.is_input_of_each() => one.clone(),
                    all => {
                        let shape = all.first().map_or(Ok(&[][..]), |one| one.shape())?.to_vec();
                        let stacked = along_draws(all.iter().cloned(), &shape, DType::F64)?;
                        // `[draws, 1, targets]`, beside the output's `[draws, n, targets]`.
                        let targets = shape.first().copied().unwrap_or(1);
                        stacked.reshape(&[all.len(), 1, targets])
                    }
                }
            }
            (None, None) => Tensor::scalar(1.0),
        };
        Ok(scale.cast(dtype).check()?)
    }
}
