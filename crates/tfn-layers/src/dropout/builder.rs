//! The arguments of dropout layers.

use std::marker::PhantomData;

use tfn_module::layer_name;
use tfn_tensor::Key;

use super::layer::DropoutLayer;
use super::noise::MultiplicativeNoise;
use crate::contract::Calls;
use crate::error::Result;

/// Sets the arguments of a [`DropoutLayer`], by Keras' names and with its defaults, then builds it.
#[must_use]
pub struct DropoutBuilder<N> {
    rate: f64,
    noise_shape: Option<Vec<Option<usize>>>,
    whole_channels: bool,
    in_prediction: bool,
    seed: Option<u64>,
    name: Option<String>,
    noise: PhantomData<fn() -> N>,
}

impl<N: MultiplicativeNoise> DropoutLayer<N> {
    /// The layer with all defaults.
    ///
    /// # Errors
    /// [`LayerError::Argument`](crate::LayerError::Argument) for a rate outside of [0, 1).
    pub fn new(rate: f64) -> Result<Self> {
        Self::builder(rate).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(rate: f64) -> DropoutBuilder<N> {
        DropoutBuilder {
            rate,
            noise_shape: None,
            whole_channels: false,
            in_prediction: false,
            seed: None,
            name: None,
            noise: PhantomData,
        }
    }
}

impl<N: MultiplicativeNoise> DropoutBuilder<N> {
    /// Shape of the noise, with a number for each axis of the input, the batch's included: 1 where all entries share theirs, else the size of
    /// the axis, or `None`. `[None, Some(1), None]` is the same noise at all times of a sequence.
    pub fn noise_shape(mut self, shape: &[Option<usize>]) -> Self {
        self.noise_shape = Some(shape.to_vec());
        self.whole_channels = false;
        self
    }

    /// Whether all positions of an example share the noise of a channel: the axes between the first, which is the batch's, and the last.
    /// `false` by default. Keras' `SpatialDropout1D`, `2D` and `3D`.
    pub fn whole_channels(mut self, whole_channels: bool) -> Self {
        self.whole_channels = whole_channels;
        self.noise_shape = None;
        self
    }

    /// Whether there is noise in prediction too; `false` by default. Keras' `training=True`.
    pub fn in_prediction(mut self, in_prediction: bool) -> Self {
        self.in_prediction = in_prediction;
        self
    }

    /// Seed of the keys of calls in sequence; drawn from the system by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Name of the layer; that of the class by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// [`LayerError::Argument`](crate::LayerError::Argument) for a rate outside of [0, 1), [`LayerError::Module`](crate::LayerError::Module)
    /// for a name that cannot be made valid.
    pub fn build(self) -> Result<DropoutLayer<N>> {
        let name = layer_name(self.name.as_deref().unwrap_or(N::CLASS))?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        DropoutLayer {
            calls: Calls::new(Key::from_seed(seed).child(&name)),
            name,
            rate: self.rate,
            noise_shape: self.noise_shape,
            whole_channels: self.whole_channels,
            in_prediction: self.in_prediction,
            noise: self.noise,
        }
        .checked()
    }
}
