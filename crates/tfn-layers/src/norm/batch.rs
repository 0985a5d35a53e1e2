//! Normalization by the statistics of a batch.

use tfn_module::describe::{self, Description, Reader};
use tfn_module::{Copies, DeepCopy, Properties, Variable};
use tfn_tensor::{DType, Element, Key, Tensor, TensorError};
use tfn_util::{Initializer, initializers};

use super::builder::NormalizationBuilder;
use super::normalization::{NormalizationLayer, Statistics, check_shape};
use super::place::{Place, Standardized};
use crate::contract::Pass;
use crate::error::{LayerError, Result};

/// Normalizes each channel: by mean and variance of the batch in training, by moving ones in prediction.
///
/// Counterpart: `tf.keras.layers.BatchNormalization`.
///
/// In a pass of training ([`Pass::is_training`]), with mean `m` and variance `v` of a channel over all axes but the channels',
/// ```text
/// y = gamma (x − m) / √(v + epsilon) + beta
/// moving_mean     ← momentum · moving_mean     + (1 − momentum) m
/// moving_variance ← momentum · moving_variance + (1 − momentum) v
/// ```
/// and gradients flow through `m` and `v`, which is the mean of squared differences from `m` (not multiplied by `n/(n−1)`). In
/// prediction the moving ones stand in the place of `m` and `v`, and rows are independent of each other. `gamma` and `beta` are trained;
/// `moving_mean` and `moving_variance` are variables that are not, and are saved with them. Statistics that are not finite are not taken over.
///
/// # Shapes
/// Input and output `[.., input_size]`, or with the channels along another [`axis`](NormalizationBuilder::<BatchStatistics>::axis); all variables
/// `[input_size]`. In training there have to be two numbers of each channel, or none: an empty batch gives an empty output, and
/// changes nothing.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`] for another number of channels and for a single number of each channel in
/// training.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{BatchNormalization, Layer, Pass};
///
/// let layer = BatchNormalization::builder(2).momentum(0.9).dtype(DType::F64).build()?;
/// let x = Tensor::from_vec(vec![1.0, 10.0, 3.0, 30.0], &[2, 2]);
/// let pass = Pass::new(&layer, &Key::from_seed(1)).training(true);
/// let y = layer.forward(&x, &pass)?.to_vec::<f64>()?;
/// assert!((y[0] + 1.0 / 1.001_f64.sqrt()).abs() < 1e-12);
/// assert!((layer.moving_mean().value().to_vec::<f64>()?[1] - 0.1 * 20.0).abs() < 1e-12);
///
/// // In prediction by the moving statistics.
/// let y = layer.call(&x)?.to_vec::<f64>()?;
/// assert!((y[0] - (1.0 - 0.2) / (0.9 + 0.1 + 1e-3_f64).sqrt()).abs() < 1e-12);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// S. Ioffe and C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate shift*, ICML
/// 2015, arXiv 1502.03167, algorithms 1 and 2.
pub type BatchNormalization = NormalizationLayer<BatchStatistics>;

/// Mean and variance of each channel over a batch, and moving ones: the [`Statistics`] of [`BatchNormalization`].
#[derive(Debug)]
pub struct BatchStatistics {
    momentum: f64,
    moving_mean: Variable,
    moving_variance: Variable,
}

/// The arguments of [`BatchNormalization`] that other normalizing layers do not have.
#[derive(Debug)]
pub struct BatchSettings {
    momentum: f64,
    moving_mean: Initializer,
    moving_variance: Initializer,
}

impl Default for BatchSettings {
    fn default() -> Self {
        let (moving_mean, moving_variance) = (initializers::zeros(), initializers::ones());
        Self { momentum: 0.99, moving_mean, moving_variance }
    }
}

impl BatchNormalization {
    /// The layer with all defaults, for `input_size` channels.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero.
    pub fn new(input_size: usize) -> Result<Self> {
        Self::builder(input_size).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(input_size: usize) -> NormalizationBuilder<BatchStatistics> {
        Self::over(vec![-1], vec![input_size])
    }

    /// The means used in prediction, `[input_size]`.
    pub fn moving_mean(&self) -> &Variable {
        &self.statistics.moving_mean
    }

    /// The variances used in prediction, `[input_size]`.
    pub fn moving_variance(&self) -> &Variable {
        &self.statistics.moving_variance
    }
}

impl NormalizationBuilder<BatchStatistics> {
    /// Axis of the channels: from 0 on counted from the first, which is the batch's; below 0 from the last. −1 by default.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = vec![axis];
        self
    }

    /// Share of a moving statistic that a step of training leaves, from 0 to 1; 0.99 by default.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.settings.momentum = momentum;
        self
    }

    /// Fills the moving means; [`zeros`](initializers::zeros) by default.
    pub fn moving_mean_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.moving_mean = initializer;
        self
    }

    /// Fills the moving variances; [`ones`](initializers::ones) by default.
    pub fn moving_variance_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.moving_variance = initializer;
        self
    }
}

impl BatchStatistics {
    fn of_batch(&self, x: &Tensor, place: &Place, epsilon: f64) -> Result<Tensor> {
        if x.is_empty()? {
            return Ok(x.clone());
        }
        let (shape, others) = (x.shape()?, place.others());
        if others.iter().all(|at| shape[at.unsigned_abs()] == 1) {
            return Err(LayerError::Input {
                given: shape[place.batch()..].to_vec(),
                expected:
                    "at least 2 numbers of each channel, for their mean and variance in training"
                        .to_owned(),
            });
        }
        let Standardized { y, mean, variance } = Standardized::over(x, &others, epsilon);
        let [mean, variance] = [mean.check()?, variance.check()?];
        if mean.all_finite()? && variance.all_finite()? {
            follow(&self.moving_mean, &mean, self.momentum)?;
            follow(&self.moving_variance, &variance, self.momentum)?;
        }
        Ok(y)
    }
}

/// Moves a moving statistic towards that of a batch; of several draws, towards that of each in turn.
fn follow(moving: &Variable, batch: &Tensor, momentum: f64) -> Result<(), TensorError> {
    fn follow<E: Element>(
        moving: &Variable,
        batch: &Tensor,
        momentum: f64,
    ) -> Result<(), TensorError> {
        let batch = batch.data::<E>()?;
        moving.update::<E>(|moving| {
            for of_draw in batch.chunks_exact(moving.len().max(1)) {
                for (moving, &batch) in moving.iter_mut().zip(of_draw) {
                    let (old, new) = (moving.to_f64(), batch.to_f64());
                    *moving = E::from_f64(momentum * old + (1.0 - momentum) * new);
                }
            }
        })
    }
    match moving.dtype() {
        DType::F32 => follow::<f32>(moving, batch, momentum),
        DType::F64 => follow::<f64>(moving, batch, momentum),
    }
}

impl Statistics for BatchStatistics {
    const CLASS: &'static str = "BatchNormalization";
    type Settings = BatchSettings;

    fn make(settings: BatchSettings, shape: &[usize], dtype: DType) -> Result<Self> {
        let variable = |name: &str, initializer: &Initializer| -> Result<Variable> {
            let value = initializer.make(shape, 0, dtype, &Key::from_seed(0).child(name))?;
            Ok(Variable::new(name, value)?.non_trainable())
        };
        Ok(Self {
            momentum: settings.momentum,
            moving_mean: variable("moving_mean", &settings.moving_mean)?,
            moving_variance: variable("moving_variance", &settings.moving_variance)?,
        })
    }

    fn check(&self, _axis: &[isize], shape: &[usize]) -> Result<()> {
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(LayerError::Argument {
                layer: Self::CLASS.to_owned(),
                argument: "momentum",
                given: self.momentum.to_string(),
                expected: "a number from 0 to 1".to_owned(),
            });
        }
        check_shape(Self::CLASS, "moving_mean_initializer", Some(&self.moving_mean), shape)?;
        check_shape(Self::CLASS, "moving_variance_initializer", Some(&self.moving_variance), shape)
    }

    fn normalized(&self, x: &Tensor, place: &Place, epsilon: f64, pass: &Pass) -> Result<Tensor> {
        if pass.is_training() {
            return self.of_batch(x, place, epsilon);
        }
        let deviation = (self.moving_variance.value() + epsilon).sqrt();
        // The mean is taken away first: both it and the input may be large, and the difference small.
        Ok((x - place.widened(&self.moving_mean.value())) / place.widened(&deviation))
    }

    fn variance_factor(&self, epsilon: f64, pass: &Pass) -> Option<Tensor> {
        let one = Tensor::scalar_of(1.0, self.moving_variance.dtype());
        (!pass.is_training()).then(|| one / (self.moving_variance.value() + epsilon))
    }

    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("moving_mean", &self.moving_mean);
        properties.add("moving_variance", &self.moving_variance);
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("momentum", &self.momentum)?
            .field("moving_mean", &self.moving_mean)?
            .field("moving_variance", &self.moving_variance)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(Self {
            momentum: reader.field("momentum")?,
            moving_mean: reader.field("moving_mean")?,
            moving_variance: reader.field("moving_variance")?,
        })
    }
}

impl DeepCopy for BatchStatistics {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            momentum: self.momentum,
            moving_mean: self.moving_mean.deep_copy_with(copies),
            moving_variance: self.moving_variance.deep_copy_with(copies),
        }
    }
}
