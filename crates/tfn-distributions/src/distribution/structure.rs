//! How distributions are made from others, and which outcomes they have.

use std::sync::Arc;

use tfn_tensor::Tensor;

use super::{Distribution, Wrapper};
use crate::bijectors::Bijector;

/// How a distribution is made from a simpler one, as far as KL divergences need to know.
///
/// Divergences are reduced to those of the simpler ones: a sum over reinterpreted axes, a multiple for
/// repeated samples, nothing at all for a bijector that both sides share.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Structure {
    /// It is not made from another.
    Simple,
    /// The last `reinterpreted_batch_ndims` axes of the batch of `base` are axes of the event.
    Independent {
        /// The distribution of one entry of these axes.
        base: Arc<dyn Distribution>,
        /// Number of axes.
        reinterpreted_batch_ndims: usize,
    },
    /// One event holds `sample_shape` independent events of `base`.
    Sample {
        /// The distribution of each.
        base: Arc<dyn Distribution>,
        /// How many there are.
        sample_shape: Vec<usize>,
    },
    /// It is that of `bijector.forward(x)` for `x` from `base`.
    Transformed {
        /// The distribution of `x`.
        base: Arc<dyn Distribution>,
        /// The function.
        bijector: Arc<dyn Bijector>,
    },
    /// The batch of `base` broadcast to `batch_shape`.
    BatchBroadcast {
        /// The distribution before.
        base: Arc<dyn Distribution>,
        /// The batch.
        batch_shape: Vec<usize>,
    },
    /// The batch of `base` in the shape `batch_shape`.
    BatchReshape {
        /// The distribution before.
        base: Arc<dyn Distribution>,
        /// The batch.
        batch_shape: Vec<usize>,
    },
    /// That of `base` where the mask is 1; elsewhere it says nothing.
    Masked {
        /// The distribution in the valid places.
        base: Arc<dyn Distribution>,
        /// Zeros and ones, broadcast with the batch of `base`.
        validity_mask: Tensor,
    },
    /// What a wrapper of another crate makes of `base`.
    Wrapped {
        /// The distribution inside.
        base: Arc<dyn Distribution>,
        /// What is made of it.
        wrapper: Arc<dyn Wrapper>,
    },
}

/// Which outcomes a distribution has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// Numbers, with a density.
    Continuous,
    /// Whole numbers, with a mass.
    Integers,
    /// Rows of zeros with a single 1, with a mass.
    OneHot,
    /// Rows of numbers of at least 0 that sum to 1, with a density of all entries but the last.
    Simplex,
    /// Logarithms of such rows, with a density of the logarithms.
    LogSimplex,
    /// Single points, with a mass.
    Points,
    /// Angles, with a density of period 2π.
    ///
    /// Samples lie in [−π, π]. The mean is a direction, the variance one minus the length of `E exp(ix)`; the cdf counts
    /// from any angle on, and grows by 1 over a period.
    Circle,
}
