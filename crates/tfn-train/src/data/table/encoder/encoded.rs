//! What an encoder makes of a table.

use tfn_tensor::Tensor;

use crate::data::dataset::Dataset;
use crate::data::table::remark::Remark;
use crate::error::{Result, TableError};

/// Features and targets of the rows of a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoded {
    /// `[n, width]`
    pub features: Tensor,
    /// `[n]`: numbers, or labels from 0; `None` if the table has no targets.
    pub targets: Option<Tensor>,
    /// Name of the column of the targets.
    pub target: String,
    /// What was ignored, filled in or not known.
    pub remarks: Vec<Remark>,
}

impl Encoded {
    /// Both together, to train on or to judge by.
    ///
    /// # Errors
    /// [`TableError::Column`] if there are no targets.
    pub fn dataset(&self) -> Result<Dataset> {
        let targets = self.targets.clone().ok_or_else(|| TableError::Column {
            column: self.target.clone(),
            given: "no values".to_owned(),
            expected: "a target in each row".to_owned(),
        })?;
        Dataset::new(self.features.clone(), targets)
    }
}
