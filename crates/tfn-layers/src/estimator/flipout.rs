//! The Flipout estimator: one perturbation of the kernel, with signs for each example.

use tfn_tensor::Tensor;

use super::{Estimator, normal_kernel, over_rows};
use crate::contract::{Pass, Weights};
use crate::error::Result;
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
        let (loc, scale) = normal_kernel(self.name(), weights)?;
        weights.validate("scale of the kernel posterior", &scale, true)?;
        let perturbation = &scale * pass.normal("perturbation", &scale)?;
        let flipped = match map.ids() {
            None => x * pass.signs("sign_in", &of_one_position(map, x, x.ndims()?)?)?,
            // Those of the output alone make different examples uncorrelated.
            Some(_) => x.clone(),
        };
        let [mean] = over_rows(map, x, |x| Ok([map.apply(x, &loc)]))?;
        let [noise] = over_rows(map, &flipped, |x| Ok([map.apply(x, &perturbation)]))?;
        let signs = pass.signs("sign_out", &of_one_position(map, &noise, x.ndims()?)?)?;
        let mut y = mean + &noise * signs;
        if let Some(bias) = weights.parts().bias {
            y = y + &weights.value_at(&pass.weights_key(weights)?)?[bias];
        }
        Ok(y.check()?)
    }
}

/// A tensor of the shape of `like` with one entry for all positions. Before the axes of an example are those of an input
/// of `ndims` axes.
fn of_one_position(map: &dyn LinearMap, like: &Tensor, ndims: usize) -> Result<Tensor> {
    let (positions, lead) = (map.positions(), ndims.saturating_sub(map.input_ndims()));
    if positions.is_empty() {
        return Ok(like.clone());
    }
    let mut shape = like.shape()?.to_vec();
    let (start, end) = (lead + positions.start, lead + positions.end);
    shape.get_mut(start..end).unwrap_or_default().fill(1);
    Ok(Tensor::zeros(&shape, like.dtype()?))
}
