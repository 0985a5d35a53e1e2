//! The Flipout estimator: one perturbation of the kernel, with signs for each example.

use tfn_tensor::Tensor;

use super::{Estimator, normal_kernel, over_rows};
use crate::contract::{Pass, Weights};
use crate::error::{LayerError, Result};
use crate::linear::LinearMap;

/// One perturbation of the kernel is drawn for the batch, and each example flips its signs.
///
/// ```text
/// y = x·M + ((x∘r)·(S∘ε))∘s + b,   r, s signs for each example,  b drawn once
/// ```
///
/// Where the map uses weights again at several positions ([`LinearMap::positions`]), as a convolution does, an example has
/// one sign for all of them: `r` for each channel of the input, `s` for each of the output. So the weights of an example
/// are one draw of the posterior.
///
/// All steps of a sequence have the same perturbation and an example's signs: its weights are one draw for all steps.
///
/// Where the input is ids ([`LinearMap::ids`]) it has no signs, and those of the output are enough.
///
/// A normal perturbation is as likely as its negative, so outputs of different examples are uncorrelated, up to the
/// bias, which the batch shares. For dense layers [`Local`](super::Local) costs as much and its noise is independent;
/// Flipout keeps the covariance between entries of one output that share weights, as a convolution's do.
///
/// # References
/// Wen, Vicol, Ba, Tran & Grosse 2018, [arXiv 1803.04386](https://arxiv.org/abs/1803.04386), equation 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flipout;

tfn_module::describe_fields!(Flipout as "tfn.estimators.Flipout" {});

impl Estimator for Flipout {
    fn name(&self) -> &'static str {
        "Flipout"
    }

    fn class(&self) -> &'static str {
        "VariationalFlipout"
    }

    fn check(&self, weights: &Weights) -> Result<()> {
        normal_kernel(self.name(), weights).map(drop)
    }

    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
    ) -> Result<Tensor> {
        flipped(map, x, pass, &drawn(weights, pass)?, 0)
    }

    fn shared_by_steps(&self, weights: &Weights, pass: &Pass) -> Result<Vec<Tensor>> {
        drawn(weights, pass)
    }

    fn output_at_step(
        &self,
        map: &dyn LinearMap,
        _weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        (_, shared): (usize, &[Tensor]),
    ) -> Result<Tensor> {
        flipped(map, x, pass, shared, 0)
    }

    fn output_at_all_steps(
        &self,
        map: &dyn LinearMap,
        _weights: &Weights,
        x: &Tensor,
        pass: &Pass,
        shared: &[Tensor],
    ) -> Result<Tensor> {
        flipped(map, x, pass, shared, 1)
    }
}

/// Mean and perturbation of the kernel, and the bias if there is one.
fn drawn(weights: &Weights, pass: &Pass) -> Result<Vec<Tensor>> {
    let (loc, scale) = normal_kernel(Flipout.name(), weights)?;
    weights.validate("scale of the kernel posterior", &scale, true)?;
    let perturbation = &scale * pass.normal("perturbation", &scale)?;
    let mut all = vec![loc, perturbation];
    if let Some(bias) = weights.parts().bias {
        all.push(weights.value_at(&pass.weights_key(weights)?)?.swap_remove(bias));
    }
    Ok(all)
}

/// The outputs by what was drawn; the last `shared_axes` axes before those of an example have the same signs.
fn flipped(
    map: &dyn LinearMap,
    x: &Tensor,
    pass: &Pass,
    drawn: &[Tensor],
    shared_axes: usize,
) -> Result<Tensor> {
    let [loc, perturbation, bias @ ..] = drawn else { return Err(LayerError::NoDraws) };
    let lead = x.ndims()?.saturating_sub(map.input_ndims());
    let signs = |label, like: &Tensor| -> Result<Tensor> {
        pass.signs(label, &of_one_place(map, like, lead, shared_axes)?)
    };
    let turned = match map.ids() {
        None => x * signs("sign_in", x)?,
        // Those of the output alone make different examples uncorrelated.
        Some(_) => x.clone(),
    };
    let [mean] = over_rows(map, x, |x| Ok([map.apply(x, loc)]))?;
    let [noise] = over_rows(map, &turned, |x| Ok([map.apply(x, perturbation)]))?;
    let y = mean + &noise * signs("sign_out", &noise)?;
    Ok(bias.first().map_or_else(|| y.clone(), |bias| &y + bias).check()?)
}

/// A tensor of the shape of `like` with one entry for all positions, and for all along the last `shared_axes` of the `lead` axes
/// before those of an example.
fn of_one_place(
    map: &dyn LinearMap,
    like: &Tensor,
    lead: usize,
    shared_axes: usize,
) -> Result<Tensor> {
    let positions = map.positions();
    if positions.is_empty() && shared_axes == 0 {
        return Ok(like.clone());
    }
    let mut shape = like.shape()?.to_vec();
    for same in
        [lead + positions.start..lead + positions.end, lead.saturating_sub(shared_axes)..lead]
    {
        shape.get_mut(same).unwrap_or_default().fill(1);
    }
    Ok(Tensor::zeros(&shape, like.dtype()?))
}
