//! What an encoder is told before it is fitted.

use tfn_tensor::DType;

use super::fit::{self, Asked};
use super::types::TableEncoder;
use crate::check::Argument;
use crate::data::table::contents::Table;
use crate::error::Result;

/// A [`TableEncoder`] to be: [`TableEncoder::regression`] or [`TableEncoder::classification`], options, and
/// [`fit`](Self::fit).
///
/// # Examples
/// ```
/// use tfn_tensor::DType;
/// use tfn_train::data::{Table, TableEncoder};
///
/// let rows = [["4.9", "1.4", "setosa"], ["6.3", "4.9", "virginica"], ["5.0", "1.6", "setosa"]];
/// let train = Table::from_rows(&["length", "width", "species"], &rows)?;
/// let encoder = TableEncoder::classification("species").features(&["width"]).standardize(true).dtype(DType::F64).fit(&train)?;
/// assert_eq!(encoder.classes(), Some(&["setosa".to_owned(), "virginica".to_owned()][..]));
/// let encoded = encoder.encode(&train)?;
/// assert!(encoded.features.sum().to_f64_vec()?[0].abs() < 1e-12);
/// assert_eq!(encoded.dataset()?.targets().to_vec::<f64>()?, [0.0, 1.0, 0.0]);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableEncoderBuilder {
    asked: Asked,
}

impl TableEncoder {
    /// For numbers, dates or booleans to be predicted, which become `[n]` in the order of rows, as they are.
    pub fn regression(target: impl Into<String>) -> TableEncoderBuilder {
        TableEncoderBuilder { asked: Asked::new(target.into(), false) }
    }

    /// For classes to be predicted: the texts of a column, in order, become labels from 0, `[n]`.
    pub fn classification(target: impl Into<String>) -> TableEncoderBuilder {
        TableEncoderBuilder { asked: Asked::new(target.into(), true) }
    }
}

impl TableEncoderBuilder {
    /// Sets the columns that features are made of, in this order. Default: all but the target, in the order of the table.
    pub fn features<S: AsRef<str>>(mut self, columns: &[S]) -> Self {
        self.asked.columns = Some(columns.iter().map(|name| name.as_ref().to_owned()).collect());
        self
    }

    /// Leaves columns out. They need not be there in later tables, and are no surprise if they are.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{Table, TableEncoder};
    ///
    /// let train = Table::from_rows(&["x", "name", "y"], &[["1", "Ada", "1"], ["2", "Max", "2"]])?;
    /// let encoder = TableEncoder::regression("y").ignore(&["name"]).fit(&train)?;
    /// assert_eq!(encoder.feature_names(), ["x"]);
    /// assert!(encoder.encode(&train)?.remarks.is_empty());
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn ignore<S: AsRef<str>>(mut self, columns: &[S]) -> Self {
        self.asked.ignored.extend(columns.iter().map(|name| name.as_ref().to_owned()));
        self
    }

    /// Sets whether numbers and dates are brought to mean 0 and deviation 1. Default: no, for a
    /// [`Standardizer`](crate::data::Standardizer) is a layer that is saved with its net.
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.asked.standardize = standardize;
        self
    }

    /// Sets how many levels of a column have a feature: the most frequent ones, of equally frequent ones the first in order. Default:
    /// 100.
    pub fn max_levels(mut self, max_levels: usize) -> Self {
        self.asked.max_levels = max_levels;
        self
    }

    /// Sets whether infinite numbers in a feature (`inf`, `1e400`) count as missing, and are said by [`Remark::Infinite`](crate::data::Remark::Infinite).
    /// Default: no, they are an error. In targets they always are one.
    ///
    /// Counterpart: pandas' option `mode.use_inf_as_na`.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{Table, TableEncoder};
    ///
    /// let train = Table::from_rows(&["x", "y"], &[["1", "1"], ["inf", "2"], ["3", "3"]])?;
    /// assert!(TableEncoder::regression("y").fit(&train).is_err());
    /// let encoder = TableEncoder::regression("y").inf_as_missing(true).fit(&train)?;
    /// assert_eq!(encoder.remarks()[0].to_string(), "`x` is infinite in 1 row, first in line 2: taken as missing");
    /// assert_eq!(encoder.encode(&train)?.features.to_vec::<f32>()?, [1.0, 0.0, 2.0, 1.0, 3.0, 0.0]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn inf_as_missing(mut self, inf_as_missing: bool) -> Self {
        self.asked.inf_as_missing = inf_as_missing;
        self
    }

    /// Sets the type of the tensors. Default: `F32`.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.asked.dtype = dtype;
        self
    }

    /// Fits it to the rows that are trained on, and to no others. What it learned from rows that judge the model later
    /// would make the model look better than it is.
    ///
    /// # Errors
    /// [`TableError`](crate::TableError): a column that is not there, a cell that is no finite number, a standard
    /// deviation that is not finite, fewer than two classes, a missing target, no feature at all.
    /// [`TrainError::Value`](crate::TrainError::Value) for `max_levels` of 0 and a table without rows.
    pub fn fit(self, table: &Table) -> Result<TableEncoder> {
        let [max_levels, rows] = [self.asked.max_levels, table.len()].map(|number| number as f64);
        Argument::new("TableEncoder", "max_levels", max_levels).positive()?;
        let expected = "at least one row";
        Argument::new("TableEncoder", "table", rows).require(!table.is_empty(), expected)?;
        fit::fit(&self.asked, table)
    }
}
