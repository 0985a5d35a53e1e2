//! What all normalizing layers have in common: a gain and a shift behind statistics of their own.

use std::fmt;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, Variable, layer_name};
use tfn_tensor::{DType, Tensor};

use super::place::Place;
use crate::contract::{Layer, Moments, Pass};
use crate::error::{LayerError, Result};

/// A layer `y = gamma · n(x) + beta`, where `n` centres and scales its input by [`Statistics`] `S`.
///
/// [`BatchNormalization`](crate::BatchNormalization), [`LayerNormalization`](crate::LayerNormalization) and
/// [`GroupNormalization`](crate::GroupNormalization) are the layers of this kind.
pub struct NormalizationLayer<S> {
    pub(super) name: String,
    pub(super) axis: Vec<isize>,
    pub(super) shape: Vec<usize>,
    pub(super) epsilon: f64,
    pub(super) gamma: Option<Variable>,
    pub(super) beta: Option<Variable>,
    pub(super) statistics: S,
}

/// Which numbers a normalizing layer takes mean and variance over. There are those of this crate, and no others.
pub trait Statistics: DeepCopy + fmt::Debug + Send + Sync + 'static {
    /// Name of the layer's class.
    const CLASS: &'static str;

    /// Arguments that only this kind of layer has.
    type Settings: Default;

    /// The statistics of a new layer over features of `shape`.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    fn make(settings: Self::Settings, shape: &[usize], dtype: DType) -> Result<Self>;

    /// Fails if these are not the statistics of a layer over the axes `axis`, of `shape`.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self, axis: &[isize], shape: &[usize]) -> Result<()>;

    /// The input without its mean and in units of its deviation.
    ///
    /// # Errors
    /// [`LayerError::Input`] for an input that has no such statistics.
    fn normalized(&self, x: &Tensor, place: &Place, epsilon: f64, pass: &Pass) -> Result<Tensor>;

    /// What variances are multiplied by in [`normalized`](Self::normalized), where that is affine; `None` where it is not.
    fn variance_factor(&self, _epsilon: f64, _pass: &Pass) -> Option<Tensor> {
        None
    }

    /// Hands over variables, as properties of the layer.
    fn properties<'a>(&'a self, _properties: &mut Properties<'a>) {}

    /// Adds the fields that this kind has to the layer's description.
    ///
    /// # Errors
    /// As [`Describe::describe`].
    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()>;

    /// From the fields that [`describe`](Self::describe) has added.
    ///
    /// # Errors
    /// As [`Describe::restore`].
    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self>;
}

impl<S: Statistics> NormalizationLayer<S> {
    /// The gain, of the features' shape; `None` without [`scale`](crate::NormalizationBuilder::scale).
    pub fn gamma(&self) -> Option<&Variable> {
        self.gamma.as_ref()
    }

    /// The shift, of the features' shape; `None` without [`center`](crate::NormalizationBuilder::center).
    pub fn beta(&self) -> Option<&Variable> {
        self.beta.as_ref()
    }

    /// What is added to variances.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    pub(super) fn checked(self) -> Result<Self> {
        let wrong = |argument, given, expected: &str| LayerError::Argument {
            layer: S::CLASS.to_owned(),
            argument,
            given,
            expected: expected.to_owned(),
        };
        if let Some(given) = self.shape.iter().copied().find(|size| *size == 0) {
            let layer = S::CLASS.to_owned();
            return Err(LayerError::Size { layer, argument: "input_size", given });
        }
        let rises =
            self.axis.windows(2).all(|pair| pair[0] < pair[1] && (pair[0] < 0) == (pair[1] < 0));
        if !rises || self.axis.is_empty() || self.axis.len() != self.shape.len() {
            let expected = format!(
                "{} axes in rising order, all counted from the same end",
                self.shape.len().max(1)
            );
            return Err(wrong("axis", format!("{:?}", self.axis), &expected));
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(wrong("epsilon", self.epsilon.to_string(), "a finite number above 0"));
        }
        check_shape(S::CLASS, "gamma_initializer", self.gamma.as_ref(), &self.shape)?;
        check_shape(S::CLASS, "beta_initializer", self.beta.as_ref(), &self.shape)?;
        self.statistics.check(&self.axis, &self.shape)?;
        Ok(self)
    }

    fn place(&self, x: &Tensor, pass: &Pass) -> Result<Place> {
        Place::new(&self.axis, &self.shape, x.shape()?, pass.is_input_of_each())
    }
}

/// Fails if a variable is not of the features' shape.
pub(super) fn check_shape(
    class: &str,
    argument: &'static str,
    variable: Option<&Variable>,
    expected: &[usize],
) -> Result<()> {
    match variable.map(Variable::shape).filter(|given| *given != expected) {
        None => Ok(()),
        Some(given) => Err(LayerError::Argument {
            layer: class.to_owned(),
            argument,
            given: format!("of shape {given:?}"),
            expected: format!("the shape {expected:?}"),
        }),
    }
}

impl<S: Statistics> Layer for NormalizationLayer<S> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let place = self.place(x, pass)?;
        let mut y = self.statistics.normalized(x, &place, self.epsilon, pass)?;
        if let Some(gamma) = &self.gamma {
            y = y * place.widened(&gamma.tensor());
        }
        if let Some(beta) = &self.beta {
            y = y + place.widened(&beta.tensor());
        }
        Ok(y.check()?)
    }

    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        let mean = self.forward(&x.mean, pass)?;
        let Some(variance) = &x.variance else { return Ok(Moments::known(mean)) };
        let factor = self.statistics.variance_factor(self.epsilon, pass);
        let mut factor = factor.ok_or(LayerError::NoMoments { of: S::CLASS })?;
        if let Some(gamma) = &self.gamma {
            factor = factor * gamma.tensor().square();
        }
        let variance = variance * self.place(variance, pass)?.widened(&factor);
        Moments { mean, variance: Some(variance) }.check()
    }

    /// Draws are never mixed: each has statistics of its own.
    fn draws_together(&self) -> bool {
        true
    }
}

impl<S: Statistics> Module for NormalizationLayer<S> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("gamma", &self.gamma).add("beta", &self.beta);
        self.statistics.properties(properties);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<S: Statistics> Describe for NormalizationLayer<S> {
    fn class() -> String {
        format!("tfn.layers.{}", S::CLASS)
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("axis", &self.axis)?
            .field("shape", &self.shape)?
            .field("epsilon", &self.epsilon)?
            .field("gamma", &self.gamma)?
            .field("beta", &self.beta)?;
        self.statistics.describe(description)
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let name: String = reader.field("name")?;
        let layer = Self {
            name: layer_name(&name)?,
            axis: reader.field("axis")?,
            shape: reader.field("shape")?,
            epsilon: reader.field("epsilon")?,
            gamma: reader.field("gamma")?,
            beta: reader.field("beta")?,
            statistics: S::restore(reader)?,
        };
        Ok(layer.checked()?)
    }
}

impl<S: DeepCopy> DeepCopy for NormalizationLayer<S> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            axis: self.axis.clone(),
            shape: self.shape.clone(),
            epsilon: self.epsilon,
            gamma: self.gamma.deep_copy_with(copies),
            beta: self.beta.deep_copy_with(copies),
            statistics: self.statistics.deep_copy_with(copies),
        }
    }
}

impl<S: Statistics> fmt::Debug for NormalizationLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}: name={} shape={:?}>", S::CLASS, self.name, self.shape)
    }
}
