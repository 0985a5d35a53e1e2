//! Estimators: how a posterior over weights and a linear map become an output.

mod estimated;
mod flipout;
mod local;
mod mean;
mod per_example;
mod reparameterization;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use tfn_module::describe::{self, Data, Loader, Saver, SharedField};
use tfn_tensor::Tensor;

pub use estimated::{Estimated, estimators, set_estimator};
pub(crate) use estimated::{check_certain, check_example, check_input};
pub use flipout::Flipout;
pub use local::Local;
pub use mean::Mean;
pub use per_example::PerExample;
pub use reparameterization::Reparameterization;

use crate::contract::{Pass, Weights};
use crate::error::{LayerError, Result};
use crate::linear::LinearMap;

/// How the pre-activation of a layer is drawn, for any linear map and for all weights that the estimator supports.
///
/// For a single example all estimators give outputs of the same mean and variance. They differ in what the examples of
/// a batch share, and so in the variance of the gradient, and in cost.
///
/// | estimator | what is drawn | posteriors | products |
/// |---|---|---|---|
/// | [`Reparameterization`] | the weights, once for the batch | any | 1 |
/// | [`PerExample`] | the weights, once for each example | any | 1 an example |
/// | [`Local`] | the pre-activations | elementwise normal | 2 |
/// | [`Flipout`] | the weights once, and signs for each example | elementwise normal | 2 |
/// | [`Mean`] | nothing: the weights are the posterior's mean | with a mean | 1 |
///
/// # Examples
/// Training by one, evaluation by another, with the same weights:
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Local, Mean, Sequential, set_estimator};
///
/// let net = Sequential::of(Bayesian::new(3, 2)?).then(Bayesian::new(2, 1)?);
/// let x = Tensor::ones(&[4, 3], DType::F32);
/// set_estimator(&net, Mean)?;
/// assert_eq!(net.call(&x)?.to_vec::<f32>()?, net.call(&x)?.to_vec::<f32>()?);
/// set_estimator(&net, Local)?;
/// assert_ne!(net.call(&x)?.to_vec::<f32>()?, net.call(&x)?.to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait Estimator: Any + Debug + Send + Sync {
    /// What it is called in messages and tables, `Local`.
    fn name(&self) -> &'static str;

    /// Last part of the name of a layer's class: `VariationalFlipout` of `AffineVariationalFlipout`.
    fn class(&self) -> &'static str;

    /// Checks that it supports these weights; called when a layer is built and when its estimator is changed.
    ///
    /// # Errors
    /// [`LayerError::Kernel`] for a posterior that it does not support.
    fn check(&self, weights: &Weights) -> Result<()> {
        let _ = weights;
        Ok(())
    }

    /// The pre-activations at `x`, bias included.
    ///
    /// # Shapes
    /// `x` `[.., batch, ..input]`, the result `[.., batch, ..output]`; for [several draws](Pass#several-draws) with a
    /// first axis for the draws.
    ///
    /// # Errors
    /// What drawing, the map and the posterior report.
    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
    ) -> Result<Tensor>;

    /// What all steps of a sequence share, made before the first one: weights that are drawn once, say. The steps get it back as
    /// `shared`. Nothing by default.
    ///
    /// # Errors
    /// What drawing and the posterior report.
    fn shared_by_steps(&self, weights: &Weights, pass: &Pass) -> Result<Vec<Tensor>> {
        let _ = (weights, pass);
        Ok(Vec::new())
    }

    /// The pre-activations at one step of a sequence, at each of which the same weights are used.
    ///
    /// By default [`output`](Self::output) with the same pass at each step, so that all steps have the same draw.
    ///
    /// # Shapes
    /// As of `output`.
    ///
    /// # Errors
    /// As of `output`.
    fn output_at_step(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        (step, shared): (usize, &[Tensor]),
    ) -> Result<Tensor> {
        let _ = (step, shared);
        self.output(map, weights, x, pass)
    }

    /// The pre-activations at all steps of a sequence that is known beforehand: what [`output_at_step`](Self::output_at_step)
    /// gives for each, or numbers of the same distribution.
    ///
    /// # Shapes
    /// `x` `[.., batch, steps, ..input]`, the result `[.., batch, steps, ..output]`.
    ///
    /// # Errors
    /// As of `output`; there has to be a step.
    fn output_at_all_steps(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        shared: &[Tensor],
    ) -> Result<Tensor> {
        let shape = x.shape()?;
        let axis = shape.len().saturating_sub(map.input_ndims() + 1);
        let at = |step: usize| {
            let x = x.narrow(axis as isize, step, 1).squeeze(axis as isize);
            self.output_at_step(map, weights, &x, pass, (step, shared))
        };
        let steps = (0..shape.get(axis).copied().unwrap_or_default()).map(at);
        let steps = steps.collect::<Result<Vec<_>>>()?;
        Ok(Tensor::stack(&steps.iter().collect::<Vec<_>>(), axis as isize).check()?)
    }

    /// Whether [`output`](Self::output) takes several draws at once, as
    /// [`Layer::draws_together`](crate::Layer::draws_together).
    fn draws_together(&self) -> bool {
        false
    }
}

impl SharedField for dyn Estimator {
    fn write_shared(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        saver.shared_any::<Self>(self, self.name())
    }

    fn read_shared(data: Data, loader: &mut Loader<'_>) -> describe::Result<Arc<Self>> {
        loader.shared(&data)
    }
}

/// `function` of `x` with one axis before those of an example; its results have the axes that `x` has there.
///
/// # Errors
/// That of `x`, and those of `function`.
pub(crate) fn over_rows<const N: usize>(
    map: &dyn LinearMap,
    x: &Tensor,
    function: impl FnOnce(&Tensor) -> Result<[Tensor; N]>,
) -> Result<[Tensor; N]> {
    let shape = x.shape()?;
    let (lead, example) = shape.split_at(shape.len().saturating_sub(map.input_ndims()));
    if lead.len() == 1 {
        return function(x);
    }
    let rows: usize = lead.iter().product();
    let results = function(&x.reshape(&[&[rows], example].concat()))?;
    let restored = results.map(|y| match y.shape() {
        Ok(shape) => y.reshape(&[lead, &shape[1..]].concat()),
        Err(_) => y.clone(),
    });
    Ok(restored)
}

/// The kernel applied to the examples of `x`, and the bias added.
pub(crate) fn applied(
    map: &dyn LinearMap,
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let [y] = over_rows(map, x, |x| Ok([map.apply(x, kernel)]))?;
    Ok(bias.map_or_else(|| y.clone(), |bias| &y + bias).check()?)
}

/// A kernel and, if there is one, a bias that were drawn before the first step, applied to the examples of `x`.
pub(crate) fn applied_shared(map: &dyn LinearMap, x: &Tensor, shared: &[Tensor]) -> Result<Tensor> {
    match shared {
        [kernel, rest @ ..] => applied(map, x, kernel, rest.first()),
        [] => Err(LayerError::NoDraws),
    }
}

/// Mean and standard deviation of a kernel whose entries are independent normals.
pub(crate) fn normal_kernel(name: &'static str, weights: &Weights) -> Result<(Tensor, Tensor)> {
    let kernel = weights.posteriors().kernel;
    let given = kernel.family();
    kernel.elementwise_normal().ok_or(LayerError::Kernel { estimator: name, given })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
