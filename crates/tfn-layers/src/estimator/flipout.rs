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
        let flipped = x * pass.signs("sign_in", x)?;
        let [mean] = over_rows(map, x, |x| Ok([map.apply(x, &loc)]))?;
        let [noise] = over_rows(map, &flipped, |x| Ok([map.apply(x, &perturbation)]))?;
        let mut y = mean + &noise * pass.signs("sign_out", &noise)?;
        if let Some(bias) = weights.parts().bias {
            y = y + &weights.value_at(&pass.weights_key(weights)?)?[bias];
        }
        Ok(y.check()?)
    }
}
