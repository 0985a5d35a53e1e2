//! A labelled set in memory.

use tfn_tensor::{DType, Tensor};

use super::idx::LabelledImages;
use crate::check::check_class;
use crate::error::{Result, TrainError};

/// Inputs and targets in memory, row by row.
///
/// Counterpart: `tf.data.Dataset.from_tensor_slices((features, targets))`.
///
/// # Examples
/// ```
/// use tfn_tensor::Tensor;
/// use tfn_train::data::Dataset;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]);
/// let y = Tensor::from_vec(vec![0.0, 1.0, 0.0], &[3]);
/// let set = Dataset::new(x, y)?;
/// assert_eq!(set.len(), 3);
/// let batch = set.rows(&[2, 0])?;
/// assert_eq!(batch.features().to_vec::<f64>()?, [5.0, 6.0, 1.0, 2.0]);
/// assert_eq!(batch.targets().to_vec::<f64>()?, [0.0, 0.0]);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    len: usize,
    features: Tensor,
    targets: Tensor,
}

impl Dataset {
    /// Puts features and targets together; gradients do not flow into them.
    ///
    /// # Shapes
    /// `features`: `[n, ...]`, `targets`: `[n, ...]`: class labels `[n]`, one-hot rows `[n,
    /// classes]`, or numbers to regress on.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for a tensor without rows (rank 0), [`TrainError::Rows`] if the
    /// numbers of rows differ, and the errors that the tensors carry.
    pub fn new(features: Tensor, targets: Tensor) -> Result<Self> {
        let len = rows_of("features", &features)?;
        let target_rows = rows_of("targets", &targets)?;
        if len != target_rows {
            return Err(TrainError::Rows {
                op: "Dataset",
                lhs_argument: "features",
                lhs: len,
                rhs_argument: "targets",
                rhs: target_rows,
            });
        }
        Ok(Self { len, features: features.detach(), targets: targets.detach() })
    }

    /// Images as rows with pixels from 0 to 1, labels as numbers.
    ///
    /// # Errors
    /// As [`new`](Self::new); what [`load_pair`](super::idx::load_pair) has read passes.
    pub fn from_images(set: &LabelledImages, dtype: DType) -> Result<Self> {
        Self::new(set.images.to_tensor(dtype), set.labels.to_tensor(dtype))
    }

    /// The set with its class labels as one-hot rows.
    ///
    /// # Shapes
    /// Targets `[n]` become `[n, classes]`.
    ///
    /// # Errors
    /// [`TrainError::Entry`] for a target that is no whole number below `classes`, and
    /// [`TrainError::Shape`] for targets of another rank.
    pub fn one_hot(&self, classes: usize) -> Result<Self> {
        let shape = self.targets.shape()?;
        if shape.len() != 1 {
            return Err(TrainError::Shape {
                op: "one_hot",
                argument: "targets",
                given: shape.to_vec(),
                expected: "[n]".to_owned(),
            });
        }
        for (row, label) in self.targets.to_f64_vec()?.into_iter().enumerate() {
            check_class("one_hot", "targets", row, label, classes)?;
        }
        Self::new(self.features.clone(), self.targets.one_hot(classes))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The inputs, `[n, ...]`.
    pub fn features(&self) -> &Tensor {
        &self.features
    }

    /// The targets, `[n, ...]`.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    /// Some of the rows, in the order given; a row may come more than once.
    ///
    /// # Errors
    /// An index that is no row.
    pub fn rows(&self, indices: &[usize]) -> Result<Self> {
        Self::new(self.features.gather(0, indices), self.targets.gather(0, indices))
    }

    /// The rows from `start` to before `end`, both cut to the set.
    ///
    /// # Errors
    /// None on a set that was made without one.
    pub fn range(&self, start: usize, end: usize) -> Result<Self> {
        let start = start.min(self.len);
        let len = end.min(self.len).saturating_sub(start);
        let cut = |tensor: &Tensor| tensor.narrow(0, start, len);
        Self::new(cut(&self.features), cut(&self.targets))
    }
}

fn rows_of(argument: &'static str, tensor: &Tensor) -> Result<usize> {
    let shape = tensor.shape()?;
    shape.first().copied().ok_or_else(|| TrainError::Shape {
        op: "Dataset",
        argument,
        given: shape.to_vec(),
        expected: "[n, ...]".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Dataset {
        let x = Tensor::from_vec((0..8).map(f64::from).collect(), &[4, 2, 1]);
        Dataset::new(x, Tensor::from_vec(vec![0.0_f32, 1.0, 2.0, 3.0], &[4])).unwrap()
    }

    #[test]
    fn rows_keep_features_and_targets_together() {
        let batch = set().rows(&[3, 1, 1]).unwrap();
        assert_eq!(batch.features().shape().unwrap(), [3, 2, 1]);
        assert_eq!(batch.features().to_f64_vec().unwrap(), [6.0, 7.0, 2.0, 3.0, 2.0, 3.0]);
        assert_eq!(batch.targets().to_f64_vec().unwrap(), [3.0, 1.0, 1.0]);
        assert!(set().rows(&[4]).is_err());
        assert!(set().rows(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_range_is_cut_to_the_set() {
        let targets = |start, end| set().range(start, end).unwrap().targets().to_f64_vec().unwrap();
        assert_eq!(targets(1, 3), [1.0, 2.0]);
        assert_eq!(targets(3, 9), [3.0]);
        assert!(targets(5, 9).is_empty());
        assert!(targets(3, 1).is_empty());
    }

    #[test]
    fn labels_become_one_hot_rows() {
        let hot = set().one_hot(4).unwrap();
        assert_eq!(hot.targets().shape().unwrap(), [4, 4]);
        let rows = hot.rows(&[2]).unwrap().targets().to_f64_vec().unwrap();
        assert_eq!(rows, [0.0, 0.0, 1.0, 0.0]);
        let error = set().one_hot(3).unwrap_err().to_string();
        let message = "`targets` is 3 in row 3, expected a whole number from 0 to below 3";
        assert!(error.contains(message), "{error}");
        let error = hot.one_hot(4).unwrap_err().to_string();
        assert!(error.contains("`targets` has shape [4, 4], expected [n]"), "{error}");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let rows = |n| Tensor::zeros(&[n], DType::F64);
        let error = Dataset::new(rows(2), rows(3)).unwrap_err().to_string();
        assert!(error.contains("`features` has 2 rows, `targets` has 3"), "{error}");
        let error = Dataset::new(rows(2), Tensor::scalar(1.0)).unwrap_err().to_string();
        assert!(error.contains("`targets` has shape [], expected [n, ...]"), "{error}");
        assert!(Dataset::new(Tensor::from_vec(vec![1.0], &[2]), rows(2)).is_err());
    }
}
