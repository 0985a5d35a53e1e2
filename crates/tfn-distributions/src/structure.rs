//! How distributions are made from others, and which outcomes they have.

use std::sync::Arc;

use crate::Distribution;
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
    /// Single points, with a mass.
    Points,
}
