//! The noise of dropout layers.

use std::fmt::Debug;

use tfn_tensor::{DType, Stream, Tensor};

use crate::contract::Pass;
use crate::error::Result;

/// Noise of mean 1 and variance `rate/(1 − rate)` that a [`DropoutLayer`](crate::DropoutLayer) multiplies by. There is that of this crate, and no other.
pub trait MultiplicativeNoise: Debug + Send + Sync + 'static {
    /// Name of the layer's class.
    const CLASS: &'static str;

    /// `x` times noise of shape `shape`, which broadcasts with it.
    ///
    /// # Errors
    /// The error that `x` carries.
    fn times(x: &Tensor, rate: f64, shape: &[usize], pass: &Pass) -> Result<Tensor>;
}

/// The noise of [`Dropout`](crate::Dropout): 0 or `1/(1 − rate)`.
#[derive(Clone, Copy, Debug)]
pub struct BinaryNoise;

impl MultiplicativeNoise for BinaryNoise {
    const CLASS: &'static str = "Dropout";

    fn times(x: &Tensor, rate: f64, shape: &[usize], pass: &Pass) -> Result<Tensor> {
        // In f64 also for f32, so that rare outcomes are as rare as they should be.
        let uniform = pass.drawn("noise", shape, DType::F64, Stream::uniform)?;
        let dtype = x.dtype()?;
        let kept = uniform.ge(&Tensor::scalar(rate)).cast(dtype);
        // What is dropped is 0 also where the input is not finite, and so is its gradient.
        Ok(Tensor::select(&kept, &(x * (1.0 / (1.0 - rate))), &Tensor::zeros(&[], dtype)))
    }
}

/// The noise of [`GaussianDropout`](crate::GaussianDropout): normal.
#[derive(Clone, Copy, Debug)]
pub struct GaussianNoise;

impl MultiplicativeNoise for GaussianNoise {
    const CLASS: &'static str = "GaussianDropout";

    fn times(x: &Tensor, rate: f64, shape: &[usize], pass: &Pass) -> Result<Tensor> {
        let normal = pass.drawn("noise", shape, x.dtype()?, Stream::normal)?;
        Ok(x * (normal * (rate / (1.0 - rate)).sqrt() + 1.0))
    }
}
