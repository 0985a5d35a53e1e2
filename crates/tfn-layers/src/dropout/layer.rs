//! What all dropout layers have in common: when there is noise, and of which shape.

use std::fmt;
use std::marker::PhantomData;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name};
use tfn_tensor::Tensor;

use super::noise::{BinaryNoise, GaussianNoise, MultiplicativeNoise};
use crate::contract::{Calls, Layer, Moments, Pass};
use crate::error::{LayerError, Result};

/// A layer that multiplies by noise `N` of mean 1: [`Dropout`] or [`GaussianDropout`].
pub struct DropoutLayer<N> {
    pub(super) name: String,
    pub(super) rate: f64,
    pub(super) noise_shape: Option<Vec<Option<usize>>>,
    pub(super) whole_channels: bool,
    pub(super) in_prediction: bool,
    pub(super) calls: Calls,
    pub(super) noise: PhantomData<fn() -> N>,
}

/// Drops entries, and makes up for them by those that it keeps.
///
/// Counterpart: `tf.keras.layers.Dropout`.
///
/// In a pass of training ([`Pass::is_training`]) each entry is 0 with probability `rate`, else multiplied by `1/(1 − rate)`: by noise of mean 1 and
/// variance `rate/(1 − rate)`. In prediction nothing is changed, unless
/// [`in_prediction`](crate::DropoutBuilder::in_prediction) asks for noise there too: then each draw of a prediction has noise of its own, as of an
/// approximate posterior (Monte Carlo dropout), and [`MomentMatching`](crate::MomentMatching) knows its mean and variance.
///
/// # Shapes
/// Output as input. By default each entry has noise of its own; [`whole_channels`](crate::DropoutBuilder::whole_channels) and
/// [`noise_shape`](crate::DropoutBuilder::noise_shape) say which entries share theirs.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`](crate::LayerError::Input) for an input that `noise_shape` does not fit.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{Dropout, Layer, Pass};
///
/// let layer = Dropout::builder(0.25).build()?;
/// let x = Tensor::ones(&[4, 8], DType::F64);
/// assert_eq!(layer.call(&x)?.to_vec::<f64>()?, [1.0; 32]);
/// let pass = Pass::new(&layer, &Key::from_seed(1)).training(true);
/// assert!(layer.forward(&x, &pass)?.to_vec::<f64>()?.iter().all(|y| [0.0, 4.0 / 3.0].contains(y)));
///
/// // Monte Carlo dropout, with the same channels missing at all positions of an image.
/// let layer = Dropout::builder(0.25).whole_channels(true).in_prediction(true).seed(1).build()?;
/// let images = Tensor::ones(&[5, 8, 8, 3], DType::F32);
/// assert_ne!(layer.call(&images)?.to_vec::<f32>()?, layer.call(&images)?.to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15 (2014), sections 4 and 10; Y. Gal and Z.
/// Ghahramani, *Dropout as a Bayesian approximation*, ICML 2016, arXiv 1506.02142; J. Tompson et al., *Efficient object localization using
/// convolutional networks*, CVPR 2015, arXiv 1411.4280, for whole channels.
pub type Dropout = DropoutLayer<BinaryNoise>;

/// Multiplies entries by normal noise of the mean and variance that the noise of [`Dropout`] has.
///
/// Counterpart: `tf.keras.layers.GaussianDropout`.
///
/// In a pass of training each entry is multiplied by noise from `N(1, rate/(1 − rate))`; for the rest see [`Dropout`].
///
/// # Shapes
/// As of [`Dropout`].
///
/// # Errors
/// As of [`Dropout`].
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{GaussianDropout, Layer, Moments, Pass};
///
/// let layer = GaussianDropout::builder(0.5).in_prediction(true).build()?;
/// let x = Tensor::full(&[100, 100], 3.0, DType::F64);
/// assert!((layer.call(&x)?.mean().item()? - 3.0).abs() < 0.2);
/// // Of 3 times noise of variance 1:
/// let moments = layer.forward_moments(&Moments::known(x), &Pass::new(&layer, &Key::from_seed(1)))?;
/// assert!(moments.variance.is_some_and(|variance| variance.mean().item().is_ok_and(|v| (v - 9.0).abs() < 1e-9)));
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15 (2014), section 10.
pub type GaussianDropout = DropoutLayer<GaussianNoise>;

impl<N: MultiplicativeNoise> DropoutLayer<N> {
    /// The rate, of which `rate/(1 − rate)` is the variance of the noise.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    pub(super) fn checked(self) -> Result<Self> {
        if (0.0..1.0).contains(&self.rate) {
            return Ok(self);
        }
        Err(LayerError::Argument {
            layer: N::CLASS.to_owned(),
            argument: "rate",
            given: self.rate.to_string(),
            expected: "at least 0 and less than 1".to_owned(),
        })
    }

    fn has_noise(&self, pass: &Pass) -> bool {
        self.rate > 0.0 && (self.in_prediction || pass.is_training())
    }

    /// Shape of the noise for an input of shape `x`, whose first axis counts draws if there is one.
    fn shape_of_noise(&self, x: &[usize], has_draws: bool) -> Result<Vec<usize>> {
        let (draws, x) = x.split_at(usize::from(has_draws).min(x.len()));
        let last = x.len().saturating_sub(1);
        let shape = match &self.noise_shape {
            Some(given) => {
                let fits = |(given, size): (&Option<usize>, &usize)| match given {
                    Some(1) => Some(1),
                    Some(given) if given != size => None,
                    _ => Some(*size),
                };
                let shape: Option<Vec<usize>> = given.iter().zip(x).map(fits).collect();
                shape.filter(|_| given.len() == x.len()).ok_or_else(|| LayerError::Input {
                    given: x.to_vec(),
                    expected: format!("one that `noise_shape` fits, {}", Given(given)),
                })?
            }
            None if self.whole_channels => {
                let own =
                    |(at, size): (usize, &usize)| if at == 0 || at == last { *size } else { 1 };
                x.iter().enumerate().map(own).collect()
            }
            None => x.to_vec(),
        };
        Ok([draws, &shape].concat())
    }
}

/// A shape of noise as Python writes it.
struct Given<'a>(&'a [Option<usize>]);

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |size: &Option<usize>| size.map_or("None".to_owned(), |size| size.to_string());
        write!(f, "[{}]", self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

impl<N: MultiplicativeNoise> Layer for DropoutLayer<N> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        if !self.has_noise(pass) {
            return Ok(x.check()?);
        }
        let shape = self.shape_of_noise(x.shape()?, pass.is_input_of_each())?;
        Ok(N::times(x, self.rate, &shape, pass)?.check()?)
    }

    /// Of a product of independent numbers, one of mean 1 and variance `v`: `E[x²](1 + v) − E[x]²`, without a difference.
    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        if !self.has_noise(pass) {
            return x.clone().check();
        }
        self.shape_of_noise(x.mean.shape()?, pass.is_input_of_each())?;
        let of_noise = self.rate / (1.0 - self.rate);
        let from_mean = x.mean.square() * of_noise;
        let variance = match &x.variance {
            Some(variance) => variance * (1.0 + of_noise) + from_mean,
            None => from_mean,
        };
        Moments { mean: x.mean.clone(), variance: Some(variance) }.check()
    }

    /// Each draw has noise of its own, and is not mixed with others.
    fn draws_together(&self) -> bool {
        true
    }
}

impl<N: MultiplicativeNoise> Module for DropoutLayer<N> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("calls", &self.calls);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<N: MultiplicativeNoise> Describe for DropoutLayer<N> {
    fn class() -> String {
        format!("tfn.layers.{}", N::CLASS)
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("rate", &self.rate)?
            .field("noise_shape", &self.noise_shape)?
            .field("whole_channels", &self.whole_channels)?
            .field("in_prediction", &self.in_prediction)?
            .field("calls", &self.calls)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let name: String = reader.field("name")?;
        let layer = Self {
            name: layer_name(&name)?,
            rate: reader.field("rate")?,
            noise_shape: reader.field("noise_shape")?,
            whole_channels: reader.field("whole_channels")?,
            in_prediction: reader.field("in_prediction")?,
            calls: reader.field("calls")?,
            noise: PhantomData,
        };
        Ok(layer.checked()?)
    }
}

impl<N> DeepCopy for DropoutLayer<N> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            rate: self.rate,
            noise_shape: self.noise_shape.clone(),
            whole_channels: self.whole_channels,
            in_prediction: self.in_prediction,
            calls: self.calls.deep_copy_with(copies),
            noise: PhantomData,
        }
    }
}

impl<N: MultiplicativeNoise> fmt::Debug for DropoutLayer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}: name={} rate={}>", N::CLASS, self.name, self.rate)
    }
}
