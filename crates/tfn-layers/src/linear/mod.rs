//! Linear maps: how a kernel acts on an input.

mod conv;
mod conv_arguments;
mod conv_transpose;
mod dense;
mod embed;
mod scaling;

use std::fmt::Debug;
use std::ops::Range;

use tfn_tensor::Tensor;

pub use conv::{Conv, ConvV2};
pub(crate) use conv_arguments::conv_setters;
pub use conv_arguments::{ConvArguments, ConvMap, IntoMap};
pub use conv_transpose::ConvTranspose;
pub use dense::Dense;
pub use embed::Embed;
pub(crate) use embed::check_ids;
pub use scaling::Scaling;

/// A map that is linear in its input and in its kernel (or, of [ids](Self::ids), in its kernel alone), without any knowledge of distributions.
///
/// A map knows its geometry and how a kernel acts on a batch of inputs; an [`Estimator`](crate::Estimator) makes a
/// layer with random weights of any map. [`Dense`] is `x·K`; [`Conv`] and [`ConvTranspose`] are others.
///
/// # Examples
/// A map of one's own, with all estimators: one factor for each input.
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Layer, LinearMap, Local, Variational};
///
/// #[derive(Debug, Clone)]
/// struct Diagonal(usize);
///
/// impl LinearMap for Diagonal {
///     fn class(&self) -> &'static str {
///         "Diagonal"
///     }
///
///     fn kernel_shape(&self) -> Vec<usize> {
///         vec![self.0]
///     }
///
///     fn bias_shape(&self) -> Vec<usize> {
///         vec![self.0]
///     }
///
///     fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
///         if input == [self.0] { Ok(input.to_vec()) } else { Err(format!("[{}]", self.0)) }
///     }
///
///     fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
///         x * kernel
///     }
/// }
///
/// let layer = Variational::<Diagonal, Local>::over(Diagonal(3)).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 3], DType::F32))?.shape()?, [5, 3]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait LinearMap: Debug + Send + Sync + 'static {
    /// First part of the name of a layer's class: `Affine` of `AffineVariationalFlipout`.
    fn class(&self) -> &'static str;

    /// Last part of the name of a layer's class: `V2` of `ConvolutionVariationalFlipoutV2`.
    fn class_suffix(&self) -> &'static str {
        ""
    }

    /// Shape of the kernel.
    fn kernel_shape(&self) -> Vec<usize>;

    /// The map that has a kernel of that shape, where the shape says all that there is to know of it.
    fn from_kernel_shape(kernel: &[usize]) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = kernel;
        None
    }

    /// Shape of the bias, which is added to the last axes of the output.
    fn bias_shape(&self) -> Vec<usize>;

    /// Number of axes of one example.
    fn input_ndims(&self) -> usize {
        1
    }

    /// Leading axes of kernel and bias that index a batch of them.
    fn batch_ndims(&self) -> usize {
        0
    }

    /// The axes of an example along which the same weights are used again, as a convolution's at each position; the same
    /// ones in input and output.
    fn positions(&self) -> Range<usize> {
        0..0
    }

    /// For a map whose input is ids that choose entries of the kernel, as [`Embed`]'s: how many there are. `None` for a map of
    /// numbers.
    ///
    /// A map of ids is linear in its kernel alone, as a linear map is of entries 0 and 1. Nothing multiplies ids: under
    /// [`Flipout`](crate::Flipout) they have no signs, and an uncertain input has no moments.
    fn ids(&self) -> Option<usize> {
        None
    }

    /// Shape of one example's output, from that of its input.
    ///
    /// # Errors
    /// If the input does not fit: what was expected, as `[3]`.
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String>;

    /// The kernel applied to each example, without a bias.
    ///
    /// # Shapes
    /// `x` `[batch, ..input]`, the result `[batch, ..output]`.
    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor;

    /// Mean and standard deviation of the output for independent normal weights: kernel `N(loc, scale²)` and, if there
    /// is one, bias by mean and standard deviation.
    ///
    /// Given: `apply(x, loc) + m_b` and `sqrt(apply(x∘x, scale∘scale) + s_b∘s_b)`, with gradient 0 where the root is 0; for a
    /// map of [ids](Self::ids) `x` in place of `x∘x`.
    /// That is so for any map in which each entry of the output is a sum of products of entries of `x` with entries of
    /// the kernel, and no entry of the kernel stands in it twice.
    ///
    /// # Shapes
    /// `x` `[batch, ..input]`, both results `[batch, ..output]`.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        independent_moments(self, x, loc, scale, bias)
    }
}

/// The given [`LinearMap::moments`].
pub(crate) fn independent_moments(
    map: &(impl LinearMap + ?Sized),
    x: &Tensor,
    loc: &Tensor,
    scale: &Tensor,
    bias: Option<(&Tensor, &Tensor)>,
) -> (Tensor, Tensor) {
    let squared = if map.ids().is_some() { x.clone() } else { x.square() };
    let (mut mean, mut variance) = (map.apply(x, loc), map.apply(&squared, &scale.square()));
    if let Some((loc, scale)) = bias {
        mean = mean + loc;
        variance = variance + scale.square();
    }
    (mean, variance.sqrt())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
