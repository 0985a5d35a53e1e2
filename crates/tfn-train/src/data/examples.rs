//! Where minibatches come from.

use std::fmt;

use super::dataset::Dataset;
use crate::error::Result;

/// Rows that a run trains on, wherever they are kept.
///
/// A [`Dataset`] has them in memory, [`NpyFiles`](super::NpyFiles) in two files; another source answers the same two
/// questions: how many rows, and which are these. What is not in memory is read on a thread of its own while the
/// step before runs.
///
/// # Examples
/// Rows that are computed when they are asked for:
/// ```
/// use tfn_tensor::Tensor;
/// use tfn_train::data::{Dataset, Examples};
/// use tfn_train::Result;
///
/// #[derive(Debug)]
/// struct Squares;
///
/// impl Examples for Squares {
///     fn len(&self) -> usize {
///         1_000_000
///     }
///
///     fn rows(&self, indices: &[usize]) -> Result<Dataset> {
///         let x: Vec<f64> = indices.iter().map(|&row| row as f64 / 1e6).collect();
///         let x = Tensor::from_vec(x, &[indices.len()]);
///         Dataset::new(x.expand_dims(1), x.square())
///     }
/// }
///
/// assert_eq!(Squares.rows(&[500_000])?.targets().to_vec::<f64>()?, [0.25]);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
pub trait Examples: fmt::Debug + Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of the rows, in the order given; a row may come more than once.
    ///
    /// # Errors
    /// An index that is no row; what reading reports.
    fn rows(&self, indices: &[usize]) -> Result<Dataset>;

    /// How much each row counts, one number a row; `None` if all count as one. [`rows`](Self::rows) need not repeat them.
    fn weights(&self) -> Option<&[f64]> {
        None
    }

    /// All rows, if they are in memory anyway.
    fn in_memory(&self) -> Option<&Dataset> {
        None
    }
}

impl Examples for Dataset {
    fn len(&self) -> usize {
        self.len()
    }

    fn rows(&self, indices: &[usize]) -> Result<Dataset> {
        self.rows(indices)
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights()
    }

    fn in_memory(&self) -> Option<&Dataset> {
        Some(self)
    }
}
