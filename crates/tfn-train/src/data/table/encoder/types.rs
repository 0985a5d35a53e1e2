//! The encoder.

use std::collections::HashSet;
use std::ops::Range;

use tfn_tensor::{DType, Tensor};

use super::encoded::Encoded;
use super::feature::{Cell, Feature, is_finite_in, range_of};
use super::target::{Target, Task};
use crate::data::table::cell::ColumnType;
use crate::data::table::column::Column;
use crate::data::table::contents::Table;
use crate::data::table::remark::Remark;
use crate::error::{Result, TrainError};

/// How the columns of a table become features and targets, fitted to the rows that are trained on.
///
/// | column | features |
/// |---|---|
/// | numbers, dates | one: the number, or with [`standardize`](super::TableEncoderBuilder::standardize) its distance from the mean in standard deviations |
/// | booleans | one: 1 or 0 |
/// | categories | one for each level, 1 where it is the cell's and 0 elsewhere |
/// | any, with missing values where fitted | one more: 1 where the value is missing; the number is then the mean, and all levels are 0 |
///
/// Numbers of type `F32` have seven digits: a date of our time is then exact to a minute and a half, unless it is standardised,
/// which is done before.
///
/// What carries no information in the rows fitted is left out, and reported by [`remarks`](Self::remarks): features
/// that are the same in all rows or equal to an earlier one, columns of text of which each row has its own, and columns
/// that number the rows: without a name, or named `index` or `id`, and counting up by one. Levels are in order: of
/// numbers if all are such, else of letters. Names of features are those that scikit-learn gives: `city_Oslo`,
/// `missingindicator_age`.
///
/// A later table may have its columns in any order. Columns and texts that the encoder does not know are ignored, and
/// reported; a column that it needs and does not find is an error.
///
/// Counterpart: scikit-learn's `ColumnTransformer` of `SimpleImputer(strategy="mean", add_indicator=True)`, `StandardScaler` and
/// `OneHotEncoder(handle_unknown="ignore", max_categories=..)`.
///
/// # Examples
/// ```
/// use tfn_train::data::{Remark, Table, TableEncoder};
///
/// let head = ["rooms", "city", "country", "price"];
/// let rows = [["3", "Oslo", "Norway", "510"], ["4", "Bergen", "Norway", "480"], ["NA", "Oslo", "Norway", "350"]];
/// let train = Table::from_rows(&head, &rows)?;
/// let encoder = TableEncoder::regression("price").fit(&train)?;
/// assert_eq!(encoder.feature_names(), ["rooms", "missingindicator_rooms", "city_Bergen", "city_Oslo"]);
/// assert_eq!(encoder.remarks(), [Remark::Constant { feature: "country_Norway".to_owned() }]);
///
/// let data = encoder.encode(&train)?.dataset()?;
/// assert_eq!(data.rows(&[2])?.features().to_vec::<f32>()?, [3.5, 1.0, 0.0, 1.0]);
/// assert_eq!(data.targets().to_vec::<f32>()?, [510.0, 480.0, 350.0]);
///
/// // Rows whose price is asked for, from a city that nobody has seen.
/// let new = encoder.encode(&Table::from_rows(&["city", "rooms"], &[["Moss", "5"]])?)?;
/// assert_eq!(new.features.to_vec::<f32>()?, [5.0, 0.0, 0.0, 0.0]);
/// assert_eq!(new.remarks[0].to_string(), "`city` has texts in 1 row that the table trained on did not have: `Moss`");
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TableEncoder {
    pub(super) target: Target,
    pub(super) features: Vec<Feature>,
    /// Columns that were there and are not needed.
    pub(super) unused: Vec<String>,
    pub(super) dtype: DType,
    pub(super) remarks: Vec<Remark>,
}

impl TableEncoder {
    /// Number of features.
    pub fn width(&self) -> usize {
        self.features.iter().map(|feature| feature.outputs.len()).sum()
    }

    /// Names of the features, in order.
    pub fn feature_names(&self) -> Vec<String> {
        self.features.iter().flat_map(Feature::names).collect()
    }

    /// The columns that features are made of, in order, and which features these are.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{ColumnType, Table, TableEncoder};
    ///
    /// let rows = [["Oslo", "3", "5"], ["Rome", "4", "6"], ["Bonn", "4", "7"]];
    /// let encoder = TableEncoder::regression("y").fit(&Table::from_rows(&["city", "rooms", "y"], &rows)?)?;
    /// let columns: Vec<_> = encoder.columns().collect();
    /// assert_eq!(columns, [("city", ColumnType::Category, 0..3), ("rooms", ColumnType::Number, 3..4)]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = (&str, ColumnType, Range<usize>)> {
        self.features.iter().scan(0, |end, feature| {
            let start = std::mem::replace(end, *end + feature.outputs.len());
            Some((feature.column.as_str(), feature.column_type, start..*end))
        })
    }

    /// The values that a column of text had where it was fitted, in order; none of other columns.
    pub fn levels(&self, column: &str) -> &[String] {
        let found = self.features.iter().find(|feature| feature.column == column);
        found.map_or(&[], |feature| &feature.levels)
    }

    /// Undoes the standardization of one number: the number in `column` whose first feature is `value`. For a column
    /// without features it is `value` itself.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{Table, TableEncoder};
    ///
    /// let table = Table::from_rows(&["x", "y"], &[["10", "1"], ["30", "2"]])?;
    /// let encoder = TableEncoder::regression("y").standardize(true).fit(&table)?;
    /// assert_eq!(encoder.encode(&table)?.features.to_vec::<f32>()?, [-1.0, 1.0]);
    /// assert_eq!(encoder.inverse("x", -1.0), 10.0);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn inverse(&self, column: &str, value: f64) -> f64 {
        let found = self.features.iter().find(|feature| feature.column == column);
        found.map_or(value, |feature| feature.loc + feature.scale * value)
    }

    /// Name of the column of the targets.
    pub fn target(&self) -> &str {
        &self.target.column
    }

    /// The classes, of which label `i` is the `i`-th; `None` of a regression.
    pub fn classes(&self) -> Option<&[String]> {
        match &self.target.task {
            Task::Regression(_) => None,
            Task::Classification(classes) => Some(classes),
        }
    }

    /// What was left out when it was fitted.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Features of a table, and targets if it has their column with any value in it.
    ///
    /// # Shapes
    /// Features `[n, width]`, targets `[n]`: numbers, or labels from 0.
    ///
    /// # Errors
    /// [`TableError::NoColumn`](crate::TableError::NoColumn) for a column that is needed; [`TableError::Cell`](crate::TableError::Cell) for a cell that is not of its column's type when
    /// fitted, that is no finite number or too large for the type of the tensors; for a missing target, and one that is no class.
    pub fn encode(&self, table: &Table) -> Result<Encoded> {
        let mut encoded = self.encode_features(table)?;
        let column = table.find(&self.target.column).filter(|column| !column.is_all_missing());
        let targets = column.map(|column| {
            let values = self.target.values(table, column, self.dtype)?;
            Ok::<Tensor, TrainError>(Tensor::from_f64(&values, &[table.len()], self.dtype).check()?)
        });
        encoded.targets = targets.transpose()?;
        Ok(encoded)
    }

    /// [`encode`](Self::encode) without looking at the column of the targets, whatever stands in it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), of the features.
    pub fn encode_features(&self, table: &Table) -> Result<Encoded> {
        let (rows, width) = (table.len(), self.width());
        let mut values = vec![0.0; rows * width];
        let mut remarks = self.unknown(table);
        let mut offset = 0;
        for feature in &self.features {
            let column = table.column(&feature.column)?;
            let cells = feature.cells(table, column)?;
            remarks.extend(feature.infinite(table, column));
            remarks.extend(remarks_of(feature, column, &cells));
            for (row, &cell) in cells.iter().enumerate() {
                let of_row = &mut values[row * width + offset..][..feature.outputs.len()];
                for (value, &output) in of_row.iter_mut().zip(&feature.outputs) {
                    *value = feature.value(output, cell);
                    if !is_finite_in(self.dtype, *value) {
                        return Err(self.too_large(table, column, row));
                    }
                }
            }
            offset += feature.outputs.len();
        }
        Ok(Encoded {
            features: Tensor::from_f64(&values, &[rows, width], self.dtype).check()?,
            targets: None,
            target: self.target.column.clone(),
            remarks,
        })
    }

    pub(super) fn too_large(&self, table: &Table, column: &Column, row: usize) -> TrainError {
        table.cell_error(column, row, range_of(self.dtype))
    }

    /// Columns that were not there when it was fitted.
    fn unknown(&self, table: &Table) -> Vec<Remark> {
        let is_known = |name: &str| {
            name == self.target.column
                || self.features.iter().any(|feature| feature.column == name)
                || self.unused.iter().any(|unused| unused == name)
        };
        let unknown = table.names().filter(|name| !is_known(name));
        unknown.map(|column| Remark::Ignored { column: column.to_owned() }).collect()
    }
}

/// Texts that were not fitted, and values that are missing for the first time.
fn remarks_of(feature: &Feature, column: &Column, cells: &[Cell]) -> Vec<Remark> {
    let rows_of = |wanted: Cell| -> Vec<usize> {
        let rows = cells.iter().enumerate().filter(|&(_, &cell)| cell == wanted);
        rows.map(|(row, _)| row).collect()
    };
    let (unknown, missing) = (rows_of(Cell::UnknownLevel), rows_of(Cell::Missing));
    let mut remarks = Vec::new();
    if !unknown.is_empty() {
        let mut levels: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for text in unknown.iter().filter_map(|&row| column.cell(row)) {
            if seen.insert(text) {
                levels.push(text.to_owned());
            }
        }
        let column = feature.column.clone();
        remarks.push(Remark::UnknownLevels { column, levels, rows: unknown });
    }
    if !missing.is_empty() && !feature.had_missing {
        remarks.push(Remark::Filled { column: feature.column.clone(), rows: missing });
    }
    remarks
}
