//! How a Bayesian net is made of a trained one: the numbers, and what became of each layer.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use tfn_module::{Copies, DeepCopy};
use tfn_tensor::{DType, Key, Tensor};

use crate::error::{LayerError, Result};

/// Makes a Bayesian net of a trained one: MOPED, model priors with empirical Bayes from a deterministic network.
///
/// ```text
/// prior N(w, prior_scale²)        posterior, to be trained, at first N(w, (δ·|w|)²)
/// ```
///
/// with the trained weights `w`; a deviation is at least `min_scale`. So training begins where the trained net ended, which is
/// what makes deep Bayesian nets learn. The trained net stays as it is: what is not converted is copied.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Affine, Convolution, Flatten, Layer, Mean, Moped, Sequential, set_estimator};
///
/// let trained = Sequential::of(Convolution::builder(1, 4, 3).activation_fn(Tensor::relu).build()?)
///     .then(Flatten::new(3))
///     .then(Affine::new(6 * 6 * 4, 10)?);
/// let converted = Moped::new(0.1)?.convert(&trained)?;
/// println!("{converted}");
/// assert_eq!(converted.report.len(), 3);
///
/// // Its mean is the trained net.
/// let x = Tensor::ones(&[2, 8, 8, 1], DType::F32);
/// set_estimator(converted.net.as_ref(), Mean)?;
/// assert_eq!(converted.net.call(&x)?.to_vec::<f32>()?, trained.call(&x)?.to_vec::<f32>()?);
///
/// // The last layer alone.
/// let last = Moped::new(0.1)?.last_layer_only().convert(&trained)?;
/// assert_eq!(last.report.iter().filter(|record| record.is_converted()).count(), 1);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Krishnan, Subedar & Tickoo 2020, [arXiv 1906.05323](https://arxiv.org/abs/1906.05323), equations 5 to 7.
#[derive(Clone, Copy, Debug)]
pub struct Moped {
    delta: f64,
    prior_scale: f64,
    min_scale: f64,
    seed: Option<u64>,
    pub(super) last_layer_only: bool,
}

impl Moped {
    /// With deviations of `delta·|w|`, a prior of deviation 1, and deviations of at least 1e-4.
    ///
    /// # Errors
    /// [`LayerError::Argument`] for a number that is not finite and positive.
    pub fn new(delta: f64) -> Result<Self> {
        positive("delta", delta)?;
        Ok(Self { delta, prior_scale: 1.0, min_scale: 1e-4, seed: None, last_layer_only: false })
    }

    /// With another deviation of the prior.
    ///
    /// # Errors
    /// [`LayerError::Argument`] for a number that is not finite and positive.
    pub fn prior_scale(self, prior_scale: f64) -> Result<Self> {
        positive("prior_scale", prior_scale)?;
        Ok(Self { prior_scale, ..self })
    }

    /// With another least deviation: that of weights near 0, such as biases that were not trained.
    ///
    /// # Errors
    /// [`LayerError::Argument`] for a number that is not finite and above 2e-5.
    pub fn min_scale(self, min_scale: f64) -> Result<Self> {
        if !(min_scale.is_finite() && min_scale > 2e-5) {
            return Err(wrong("min_scale", min_scale, "a finite number above 2e-5"));
        }
        Ok(Self { min_scale, ..self })
    }

    /// With a seed of the draws of the converted layers; from the system by default.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// For the last layer of weights alone: a Bayesian last layer over features that are certain.
    #[must_use]
    pub fn last_layer_only(self) -> Self {
        Self { last_layer_only: true, ..self }
    }

    /// The deviations that the posterior of trained weights begins with: `max(δ·|w|, min_scale)`.
    pub fn posterior_scale(&self, weights: &Tensor) -> Tensor {
        let least = Tensor::full(&[], self.min_scale, weights.dtype().unwrap_or(DType::F32));
        (weights.abs() * self.delta).maximum(&least)
    }

    /// The deviation of the prior.
    pub fn prior_stddev(&self) -> f64 {
        self.prior_scale
    }
}

fn positive(argument: &'static str, given: f64) -> Result<()> {
    if given.is_finite() && given > 0.0 {
        return Ok(());
    }
    Err(wrong(argument, given, "a finite number above 0"))
}

fn wrong(argument: &'static str, given: f64, expected: &str) -> LayerError {
    let (given, expected) = (given.to_string(), expected.to_owned());
    LayerError::Argument { layer: "Moped".to_owned(), argument, given, expected }
}

/// What became of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionRecord {
    /// Path of the layer in the net, with its name.
    pub path: String,
    /// Number of its trained weights.
    pub weights: usize,
    /// What became of it.
    pub outcome: Conversions,
}

impl ConversionRecord {
    /// Whether its weights are uncertain now and were not before.
    pub fn is_converted(&self) -> bool {
        self.outcome == Conversions::Converted
    }
}

/// What can become of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conversions {
    /// Its weights have a posterior and a prior now.
    Converted,
    /// It has none.
    NoWeights,
    /// Its weights had a posterior before; they were copied.
    AlreadyBayesian,
    /// A layer behind it was the one that was asked for; its weights were copied.
    NotLast,
    /// The layer does not say how; its weights were copied.
    Unknown,
}

impl fmt::Display for Conversions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Converted => "converted",
            Self::NoWeights => "kept: it has no weights",
            Self::AlreadyBayesian => "kept: its weights have a posterior",
            Self::NotLast => "kept: not the last layer of weights",
            Self::Unknown => "kept: the layer does not say how its weights are converted",
        })
    }
}

/// A conversion on its way through a net: see [`Layer::to_bayesian`](crate::Layer::to_bayesian).
pub struct Conversion {
    pub(super) moped: Moped,
    pub(super) path: Vec<String>,
    pub(super) report: Vec<ConversionRecord>,
    /// What was made of the children so far, by their addresses: one that stands in two places stays one. The values are
    /// layers, whose type this file does not know.
    pub(super) made: HashMap<usize, Box<dyn Any>>,
    /// What is kept is copied, what is shared once.
    pub(super) copies: Copies,
}

impl Conversion {
    /// The numbers of the conversion.
    pub fn moped(&self) -> Moped {
        self.moped
    }

    /// The seed of the layer at this place, if one was given.
    pub fn seed(&self) -> Option<u64> {
        let key = Key::from_seed(self.moped.seed?).child(&self.path.join("/"));
        Some(key.stream().next_u64())
    }

    /// A deep copy of something beside the layers, which shares what they share.
    pub fn copied<T: DeepCopy>(&mut self, of: &T) -> T {
        of.deep_copy_with(&mut self.copies)
    }

    /// Whether some layer has been converted.
    pub(super) fn is_begun(&self) -> bool {
        self.report.iter().any(ConversionRecord::is_converted)
    }
}
