//! From predictions to their metrics.

use tfn_tensor::Tensor;

use super::classification::Classification;
use super::regression::Regression;
use crate::error::Result;
use crate::predict::{Prediction, Predictive};

impl Prediction {
    /// The mean probabilities beside the true labels, for metrics.
    ///
    /// # Errors
    /// As [`Classification::new`].
    pub fn scores(&self, labels: &Tensor) -> Result<Classification> {
        Classification::new(&self.probs, labels)
    }
}

impl Predictive {
    /// The predictive distribution beside the true targets, for metrics.
    ///
    /// # Errors
    /// As [`Regression::new`].
    pub fn scores(&self, targets: &Tensor) -> Result<Regression<'_>> {
        Regression::new(self, targets)
    }
}
