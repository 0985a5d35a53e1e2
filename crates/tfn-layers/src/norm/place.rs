//! Where the axes of the features are in an input.

use tfn_tensor::{Tensor, TensorError};

use crate::error::{LayerError, Result};

/// The axes of an input that are normalized one by one (of a batch), or together (of an example).
#[derive(Debug)]
pub struct Place {
    /// Number of axes of the input.
    ndims: usize,
    /// Positions of the features' axes, in rising order.
    features: Vec<usize>,
    /// How many axes before the batch index draws: 0 or 1.
    draws: usize,
}

impl Place {
    /// The axes `axis` of an input of shape `x`, which have to be of the sizes `sizes`. Numbers from 0 on count from the first axis
    /// behind that of the draws, if there is one.
    pub(super) fn new(
        axis: &[isize],
        sizes: &[usize],
        x: &[usize],
        has_draws: bool,
    ) -> Result<Self> {
        let draws = usize::from(has_draws);
        let position = |axis: isize| match axis {
            0.. => Some(draws + axis.unsigned_abs()),
            _ => x.len().checked_sub(axis.unsigned_abs()).filter(|at| *at >= draws),
        };
        let fits =
            |(axis, size): (&isize, &usize)| position(*axis).filter(|at| x.get(*at) == Some(size));
        match axis.iter().zip(sizes).map(fits).collect() {
            Some(features) => Ok(Self { ndims: x.len(), features, draws }),
            None => Err(LayerError::Input {
                given: x.get(draws..).unwrap_or_default().to_vec(),
                expected: format!("one whose axes {axis:?} have the sizes {sizes:?}"),
            }),
        }
    }

    /// Positions of the features' axes.
    pub(super) fn features(&self) -> &[usize] {
        &self.features
    }

    /// Position of the batch's axis.
    pub(super) fn batch(&self) -> usize {
        self.draws
    }

    /// All axes but the features' and that of the draws.
    pub(super) fn others(&self) -> Vec<isize> {
        let others = (self.draws..self.ndims).filter(|at| !self.features.contains(at));
        others.map(|at| at as isize).collect()
    }

    /// A tensor of the features' shape with axes of size 1 where it lacks those of the input.
    pub(super) fn widened(&self, of_features: &Tensor) -> Tensor {
        let widened = || -> Result<Tensor, TensorError> {
            let first = self.features.first().copied().unwrap_or(self.ndims);
            let mut shape = vec![1; self.ndims - first];
            for (at, size) in self.features.iter().zip(of_features.shape()?) {
                shape[at - first] = *size;
            }
            let is_so = of_features.shape()? == shape;
            Ok(if is_so { of_features.clone() } else { of_features.reshape(&shape) })
        };
        widened().unwrap_or_else(Tensor::from_error)
    }
}

/// A tensor without its mean and in units of its deviation, with mean and variance over the axes.
pub(super) struct Standardized {
    pub(super) y: Tensor,
    pub(super) mean: Tensor,
    pub(super) variance: Tensor,
}

impl Standardized {
    /// By mean and variance over `axes`, which stay as axes of size 1. The variance is that of centred numbers: a
    /// difference of large squares would lose its digits.
    pub(super) fn over(x: &Tensor, axes: &[isize], epsilon: f64) -> Self {
        let mean = x.mean_axes(axes, true);
        let centred = x - &mean;
        let variance = centred.square().mean_axes(axes, true);
        let y = centred / (&variance + epsilon).sqrt();
        Self { y, mean, variance }
    }
}
