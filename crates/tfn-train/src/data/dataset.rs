//! A labelled set in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use tfn_tensor::{DType, Tensor};

use super::idx::LabelledImages;
use crate::check::{Argument, check_class};
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
    weights: Option<Arc<[f64]>>,
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
        Ok(Self { len, features: features.detach(), targets: targets.detach(), weights: None })
    }

    /// The set whose rows count as much as `weights` says: a row of weight 2 is worth two rows of weight 1, in the
    /// likelihood and in the number of examples that the KL term is divided by.
    ///
    /// # Errors
    /// [`TrainError::Rows`] for another number of weights than rows, [`TrainError::Entry`] for a weight that is negative
    /// or not finite, [`TrainError::Value`] if all are 0.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{DType, Tensor};
    /// # use tfn_train::data::Dataset;
    /// let x = Tensor::zeros(&[3, 2], DType::F32);
    /// let y = Tensor::from_vec(vec![0.0_f32, 1.0, 0.0], &[3]);
    /// let data = Dataset::new(x, y)?.with_weights(&[1.0, 2.0, 0.5])?;
    /// assert_eq!(data.rows(&[1])?.weights(), Some(&[2.0][..]));
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn with_weights(self, weights: &[f64]) -> Result<Self> {
        let op = "with_weights";
        if weights.len() != self.len {
            let (lhs_argument, rhs_argument) = ("weights", "features");
            let (lhs, rhs) = (weights.len(), self.len);
            return Err(TrainError::Rows { op, lhs_argument, lhs, rhs_argument, rhs });
        }
        let is_wrong = |&weight: &f64| !(weight.is_finite() && weight >= 0.0);
        if let Some(row) = weights.iter().position(is_wrong) {
            let (given, expected) = (weights[row], "a finite number of at least 0".to_owned());
            return Err(TrainError::Entry { op, argument: "weights", row, given, expected });
        }
        if !weights.is_empty() {
            Argument::new(op, "weights", weights.iter().sum()).positive()?;
        }
        Ok(Self { weights: Some(weights.into()), ..self })
    }

    /// The set with weights that are known to be some of a valid set's.
    pub(crate) fn weighing(self, weights: Arc<[f64]>) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// The set weighted so that all classes count the same, and the mean weight is 1: rows of class c have the weight
    /// `n / (classes · rows of class c)`.
    ///
    /// Counterpart: `class_weight="balanced"` of scikit-learn. Classes that have no row are left out of account.
    ///
    /// # Shapes
    /// Targets are labels `[n]` or one-hot rows `[n, classes]`.
    ///
    /// # Errors
    /// [`TrainError::Shape`] for targets of another rank, [`TrainError::Entry`] for labels that are no whole numbers.
    pub fn balanced(self) -> Result<Self> {
        let labels = match *self.targets.shape()? {
            [_] => self.targets.to_f64_vec()?,
            [_, _] => self.targets.argmax(-1).to_f64_vec()?,
            ref other => {
                return Err(TrainError::Shape {
                    op: "balanced",
                    argument: "targets",
                    given: other.to_vec(),
                    expected: "[n] labels or [n, classes] one-hot rows".to_owned(),
                });
            }
        };
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for (row, &label) in labels.iter().enumerate() {
            check_class("balanced", "targets", row, label, usize::MAX)?;
            *counts.entry(label as u64).or_default() += 1;
        }
        let share = labels.len() as f64 / counts.len() as f64;
        let weight = |label: &f64| share / counts[&(*label as u64)] as f64;
        let weights: Vec<f64> = labels.iter().map(weight).collect();
        self.with_weights(&weights)
    }

    /// How much each row counts; `None` if all count as one.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
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
        Ok(Self { targets: self.targets.one_hot(classes).check()?, ..self.clone() })
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
        let rows = Self::new(self.features.gather(0, indices), self.targets.gather(0, indices))?;
        let of = |weights: &Arc<[f64]>| indices.iter().map(|&row| weights[row]).collect();
        Ok(Self { weights: self.weights.as_ref().map(of), ..rows })
    }

    /// The rows from `start` to before `end`, both cut to the set.
    ///
    /// # Errors
    /// None on a set that was made without one.
    pub fn range(&self, start: usize, end: usize) -> Result<Self> {
        let start = start.min(self.len);
        let len = end.min(self.len).saturating_sub(start);
        let cut = |tensor: &Tensor| tensor.narrow(0, start, len);
        let of = |weights: &Arc<[f64]>| weights[start..start + len].into();
        let weights = self.weights.as_ref().map(of);
        Ok(Self { weights, ..Self::new(cut(&self.features), cut(&self.targets))? })
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
    fn weights_go_with_their_rows() {
        let set = set().with_weights(&[1.0, 0.0, 2.5, 3.0]).unwrap();
        assert_eq!(set.rows(&[3, 0, 3]).unwrap().weights().unwrap(), [3.0, 1.0, 3.0]);
        assert_eq!(set.range(1, 3).unwrap().weights().unwrap(), [0.0, 2.5]);
        assert_eq!(set.one_hot(4).unwrap().weights(), set.weights());
        for (weights, message) in [
            (&[1.0; 3][..], "`weights` has 3 rows, `features` has 4"),
            (&[1.0, 1.0, -1.0, 1.0], "`weights` is -1 in row 2"),
            (&[1.0, f64::NAN, 1.0, 1.0], "`weights` is NaN in row 1"),
            (&[0.0; 4], "`weights` is 0, expected a positive"),
        ] {
            let error = set.clone().with_weights(weights).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn balanced_classes_count_the_same() {
        let labels = Tensor::from_vec(vec![5.0, 0.0, 5.0, 5.0], &[4]);
        let set = Dataset::new(Tensor::zeros(&[4, 1], DType::F64), labels).unwrap();
        let expected = [2.0 / 3.0, 2.0, 2.0 / 3.0, 2.0 / 3.0];
        assert_eq!(set.clone().balanced().unwrap().weights().unwrap(), expected);
        let one_hot = set.one_hot(6).unwrap().balanced().unwrap();
        assert_eq!(one_hot.weights().unwrap(), expected);
        let halves = Dataset::new(set.features().clone(), set.targets() * 0.5).unwrap();
        assert!(halves.balanced().unwrap_err().to_string().contains("is 2.5 in row 0"));
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
