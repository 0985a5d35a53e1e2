//! The arguments of normalizing layers.

use tfn_module::{Variable, layer_name};
use tfn_tensor::{DType, Key};
use tfn_util::{Initializer, initializers};

use super::normalization::{NormalizationLayer, Statistics};
use crate::error::Result;

/// Sets the arguments of a [`NormalizationLayer`], by Keras' names and with its defaults, then builds it.
#[must_use]
pub struct NormalizationBuilder<S: Statistics> {
    pub(super) axis: Vec<isize>,
    shape: Vec<usize>,
    epsilon: f64,
    gamma: Option<Initializer>,
    beta: Option<Initializer>,
    center: bool,
    scale: bool,
    dtype: DType,
    seed: Option<u64>,
    name: Option<String>,
    pub(super) settings: S::Settings,
}

impl<S: Statistics> NormalizationLayer<S> {
    /// A builder for features of `shape` along the axes `axis`.
    pub(super) fn over(axis: Vec<isize>, shape: Vec<usize>) -> NormalizationBuilder<S> {
        NormalizationBuilder {
            axis,
            shape,
            epsilon: 1e-3,
            gamma: None,
            beta: None,
            center: true,
            scale: true,
            dtype: DType::F32,
            seed: None,
            name: None,
            settings: S::Settings::default(),
        }
    }
}

impl<S: Statistics> NormalizationBuilder<S> {
    /// What is added to variances, above 0; 1e-3 by default.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Whether a shift `beta` is added; `true` by default.
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Whether a gain `gamma` multiplies; `true` by default.
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// Fills the shift; [`zeros`](initializers::zeros) by default.
    pub fn beta_initializer(mut self, initializer: Initializer) -> Self {
        self.beta = Some(initializer);
        self
    }

    /// Fills the gain; [`ones`](initializers::ones) by default.
    pub fn gamma_initializer(mut self, initializer: Initializer) -> Self {
        self.gamma = Some(initializer);
        self
    }

    /// Type of the variables; [`DType::F32`] by default.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// Seed of the initializers; drawn from the system by default. Not among Keras' arguments.
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
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero, [`LayerError::Argument`](crate::LayerError::Argument)
    /// for any other argument that its setter does not allow, [`LayerError::Module`](crate::LayerError::Module) for a name that
    /// cannot be made valid, and what the initializers report.
    pub fn build(self) -> Result<NormalizationLayer<S>> {
        let name = layer_name(self.name.as_deref().unwrap_or(S::CLASS))?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        let key = Key::from_seed(seed).child(&name);
        let variable = |part: &str, initializer: Initializer| -> Result<Variable> {
            let value = initializer.make(&self.shape, 0, self.dtype, &key.child(part))?;
            Ok(Variable::new(part, value)?)
        };
        let gamma = self.gamma.unwrap_or_else(initializers::ones);
        let beta = self.beta.unwrap_or_else(initializers::zeros);
        NormalizationLayer {
            name,
            epsilon: self.epsilon,
            gamma: self.scale.then(|| variable("gamma", gamma)).transpose()?,
            beta: self.center.then(|| variable("beta", beta)).transpose()?,
            statistics: S::make(self.settings, &self.shape, self.dtype)?,
            axis: self.axis,
            shape: self.shape,
        }
        .checked()
    }
}
