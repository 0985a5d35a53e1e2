//! Weights with the estimator that makes outputs of them.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, find};
use tfn_tensor::Tensor;

use super::{Estimator, Local, applied, normal_kernel};
use crate::contract::{Moments, Pass, Weights};
use crate::error::{LayerError, Result};
use crate::linear::LinearMap;

/// A set of weights with the estimator that makes outputs of them, which can be changed at any time.
///
/// What [`Variational`](crate::Variational) is made of; a layer with several linear maps holds one for each.
pub struct Estimated {
    weights: Weights,
    estimator: RwLock<Arc<dyn Estimator>>,
}

impl Estimated {
    /// These weights under this estimator.
    ///
    /// # Errors
    /// What the estimator cannot do: [`Estimator::check`].
    pub fn new(weights: Weights, estimator: impl Estimator) -> Result<Self> {
        Self::shared(weights, Arc::new(estimator))
    }

    fn shared(weights: Weights, estimator: Arc<dyn Estimator>) -> Result<Self> {
        estimator.check(&weights)?;
        Ok(Self { weights, estimator: RwLock::new(estimator) })
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The estimator in use.
    pub fn estimator(&self) -> Arc<dyn Estimator> {
        self.estimator.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the estimator that is used from now on. The weights stay as they are.
    ///
    /// # Errors
    /// What [`Estimator::check`] reports, if the estimator does not support these weights. Then nothing changes.
    pub fn set_estimator(&self, estimator: Arc<dyn Estimator>) -> Result<()> {
        estimator.check(&self.weights)?;
        *self.estimator.write().unwrap_or_else(PoisonError::into_inner) = estimator;
        Ok(())
    }

    /// Mean and standard deviation of the pre-activations of `map` at `x`, before the bias if that is not normal.
    pub(crate) fn moments(&self, map: &dyn LinearMap, x: &Tensor) -> Result<(Tensor, Tensor)> {
        check_input(map, x)?;
        self.weights.validate("x", x, false)?;
        Local::moments(map, &self.weights, x).map(Into::into)
    }

    /// Mean and variance of the pre-activation over input and weights, which are independent: with those of the input m and v,
    /// `var = (m∘m + v)·(S∘S) + v·(M∘M)`, and those of the bias.
    pub(crate) fn forward_moments(&self, map: &dyn LinearMap, x: &Moments) -> Result<Moments> {
        let weights = &self.weights;
        check_input(map, &x.mean)?;
        weights.validate("x", &x.mean, false)?;
        let (loc, scale) = normal_kernel("MomentMatching", weights)?;
        let mut mean = applied(map, &x.mean, &loc, None)?;
        check_certain(map, x)?;
        let square = match &x.variance {
            Some(variance) => x.mean.square() + variance,
            None if map.ids().is_some() => x.mean.clone(),
            None => x.mean.square(),
        };
        let mut variance = applied(map, &square, &scale.square(), None)?;
        if let Some(of_input) = &x.variance {
            variance = variance + applied(map, of_input, &loc.square(), None)?;
        }
        if let Some(bias) = weights.posteriors().bias {
            mean = mean + bias.mean()?;
            variance = variance + bias.variance()?;
        }
        Moments { mean, variance: Some(variance) }.check()
    }

    /// The pre-activations of `map` at `x`.
    ///
    /// # Shapes
    /// `x` `[.., batch, ..input]`, the result `[.., batch, ..output]`.
    ///
    /// # Errors
    /// [`LayerError::Input`] for an input that does not fit the map; [`LayerError::Entries`] under `validate_args`;
    /// [`LayerError::Untracked`] for weights that are not in the net that was called; what the estimator reports.
    pub fn output(&self, map: &dyn LinearMap, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        pass.path_of(&self.weights)?;
        check_input(map, x)?;
        self.weights.validate("x", x, false)?;
        self.estimator().output(map, &self.weights, x, pass)
    }
}

/// Checks that `x` is a batch of examples, and that they fit the map.
pub(crate) fn check_input(map: &dyn LinearMap, x: &Tensor) -> Result<()> {
    check_shape(map, x, "[.., batch, ", 1)
}

/// Checks that `x` is one example or several, and that they fit the map.
pub(crate) fn check_example(map: &dyn LinearMap, x: &Tensor) -> Result<()> {
    check_shape(map, x, "[.., ", 0)
}

/// Checks that an input of ids has no variance.
pub(crate) fn check_certain(map: &dyn LinearMap, x: &Moments) -> Result<()> {
    match (map.ids(), &x.variance) {
        (Some(_), Some(_)) => Err(LayerError::NoMoments { of: "a lookup of uncertain ids" }),
        _ => Ok(()),
    }
}

fn check_shape(map: &dyn LinearMap, x: &Tensor, start: &str, least: usize) -> Result<()> {
    let shape = x.shape()?;
    let (lead, example) = shape.split_at(shape.len().saturating_sub(map.input_ndims()));
    let expected = match map.output_shape(example) {
        Ok(_) if lead.len() >= least => return Ok(()),
        Ok(_) => format!("{example:?}"),
        Err(expected) => expected,
    };
    let expected = format!("{start}{}", expected.trim_start_matches('['));
    Err(LayerError::Input { given: shape.to_vec(), expected })
}

/// The estimators of all layers in `net`, with their paths.
pub fn estimators(net: &(impl Module + ?Sized)) -> Vec<(String, Arc<dyn Estimator>)> {
    let all = find::<Estimated>(net).into_iter();
    all.map(|(path, estimated)| (path, estimated.estimator())).collect()
}

/// Sets the estimator of all layers in `net`. Their weights stay as they are.
///
/// # Errors
/// [`LayerError::Kernel`], under the path of the layer, if the estimator does not support the posterior of some layer.
/// Then no layer's estimator is changed.
pub fn set_estimator(net: &(impl Module + ?Sized), estimator: impl Estimator) -> Result<()> {
    set_shared(find::<Estimated>(net), Arc::new(estimator))
}

fn set_shared(all: Vec<(String, &Estimated)>, estimator: Arc<dyn Estimator>) -> Result<()> {
    for (path, estimated) in &all {
        let checked = estimator.check(&estimated.weights);
        checked.map_err(|error| error.within(estimated.weights.name()).below(path))?;
    }
    for (_, estimated) in all {
        estimated.set_estimator(estimator.clone())?;
    }
    Ok(())
}

impl Module for Estimated {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.flatten(&self.weights);
    }

    fn name(&self) -> String {
        self.weights.name().to_owned()
    }
}

impl Describe for Estimated {
    fn class() -> String {
        "tfn.layers.Estimated".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("weights", &self.weights)?.field("estimator", &self.estimator())?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(Self::shared(reader.field("weights")?, reader.field("estimator")?)?)
    }
}

impl DeepCopy for Estimated {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            weights: self.weights.deep_copy_with(copies),
            estimator: RwLock::new(self.estimator()),
        }
    }
}

impl fmt::Debug for Estimated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Estimated: weights={}, estimator={:?}>", self.weights.name(), self.estimator())
    }
}
