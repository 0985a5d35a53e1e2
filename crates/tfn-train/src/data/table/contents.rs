//! A table in memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cell::{ColumnType, Reading};
use super::column::Column;
use super::remark::Remark;
use crate::check::Argument;
use crate::error::{Result, TableError, TrainError};

/// Rows of named columns, as text with a type for each column.
///
/// A CSV file is read by `Table::read`; [`TableEncoder`](super::TableEncoder) makes tensors of a table. Spaces around a cell
/// do not count. Missing are empty cells, `NA`, `N/A`, `n/a`, `null`, `NULL`, `None`, `?`, and NaN in any spelling.
///
/// # Examples
/// ```
/// use tfn_train::data::{ColumnType, Table};
///
/// let table = Table::from_rows(&["age", "city"], &[["31", "Oslo"], ["NA", "Rome"], ["52.5", "Oslo"]])?;
/// assert_eq!(table.column_type("age")?, ColumnType::Number);
/// assert_eq!(table.numbers("age")?, [Some(31.0), None, Some(52.5)]);
/// assert_eq!(table.values("city")?, [Some("Oslo"), Some("Rome"), Some("Oslo")]);
/// let error = table.numbers("agee").unwrap_err().to_string();
/// assert_eq!(error, "table: has no column `agee`, expected one of its columns such as `age`");
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    path: Option<PathBuf>,
    columns: Vec<Column>,
    /// The line that each row begins on, counted from 1.
    lines: Vec<u64>,
    remarks: Vec<Remark>,
}

impl Table {
    /// A table of cells that are there already. In errors row 0 is called line 1.
    ///
    /// # Errors
    /// [`TableError::Ragged`] for a row of another length than the names, [`TableError::DuplicateColumn`],
    /// [`TableError::NoRows`].
    pub fn from_rows<R, S>(names: &[S], rows: &[R]) -> Result<Self>
    where
        R: AsRef<[S]>,
        S: AsRef<str>,
    {
        let names = names.iter().map(|name| name.as_ref().trim().to_owned()).collect();
        let readings: Arc<[Reading]> = Arc::new(Reading::PLAIN);
        let mut table = Self::with_names(None, names, &readings)?;
        for (row, line) in rows.iter().zip(1..) {
            let cells: Vec<&str> = row.as_ref().iter().map(AsRef::as_ref).collect();
            table.push(line, &cells)?;
        }
        if table.is_empty() { Err(TableError::NoRows { path: None }.into()) } else { Ok(table) }
    }

    /// One without rows, whose cells are tried as `readings`.
    pub(super) fn with_names(
        path: Option<PathBuf>,
        names: Vec<String>,
        readings: &Arc<[Reading]>,
    ) -> Result<Self> {
        let mut places = HashMap::new();
        for (name, second) in names.iter().zip(1..) {
            if let Some(first) = places.insert(name, second) {
                let column = name.clone();
                return Err(TableError::DuplicateColumn { path, column, first, second }.into());
            }
        }
        let columns = names.into_iter().map(|name| Column::new(name, Arc::clone(readings)));
        Ok(Self { path, columns: columns.collect(), lines: Vec::new(), remarks: Vec::new() })
    }

    /// Says something about it.
    #[cfg(feature = "csv")]
    pub(super) fn remark(&mut self, remarks: &[Remark]) {
        self.remarks.extend_from_slice(remarks);
    }

    /// Gives back memory that was taken for more rows.
    #[cfg(feature = "csv")]
    pub(super) fn shrink(&mut self) {
        self.columns.iter_mut().for_each(Column::shrink);
        self.lines.shrink_to_fit();
    }

    /// Adds a row.
    pub(super) fn push(&mut self, line: u64, cells: &[&str]) -> Result<()> {
        let (given, expected) = (cells.len(), self.columns.len());
        if given != expected {
            let path = self.path.clone();
            return Err(TableError::Ragged { path, line, given, expected }.into());
        }
        self.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        self.lines.push(line);
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no rows: only of [`rows`](Self::rows) without indices.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The file that it was read from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What was changed when it was read: columns that got another name. An encoder that is fitted to the table repeats
    /// them in its own remarks.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// What a column's cells are read as.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn column_type(&self, column: &str) -> Result<ColumnType> {
        Ok(self.column(column)?.column_type())
    }

    /// The table with a column read as `column_type`.
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Cell`] for a cell that is not of the type.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{ColumnType, Table};
    ///
    /// let table = Table::from_rows(&["zip"], &[["0150"], ["9990"]])?;
    /// assert_eq!(table.column_type("zip")?, ColumnType::Number);
    /// let table = table.with_type("zip", ColumnType::Category)?;
    /// assert_eq!(table.values("zip")?, [Some("0150"), Some("9990")]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn with_type(mut self, column: &str, column_type: ColumnType) -> Result<Self> {
        let found = self.column(column)?;
        let reading = found.readings_of(column_type).find(|&reading| found.fits(reading));
        let reading = reading.unwrap_or_else(|| found.reading_as(column_type));
        for (row, cell) in found.cells().enumerate() {
            if cell.is_some_and(|cell| !reading.fits(cell)) {
                return Err(self.cell_error(found, row, reading.expected()));
            }
        }
        let named = self.columns.iter_mut().filter(|found| found.name == column);
        named.for_each(|found| found.reading = reading);
        Ok(self)
    }

    /// The cells of a column as text, `None` for a missing cell.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn values(&self, column: &str) -> Result<Vec<Option<&str>>> {
        Ok(self.column(column)?.cells().collect())
    }

    /// The cells of a column as numbers, `None` for a missing cell: see [`ColumnType`].
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Cell`] for a column of text.
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>> {
        let column = self.column(column)?;
        // Text has no numbers: its first cell is refused as one.
        let reading = match column.reading {
            Reading::Category => column.reading_as(ColumnType::Number),
            other => other,
        };
        let number = |(row, cell): (usize, Option<&str>)| match cell {
            None => Ok(None),
            Some(cell) => reading
                .number(cell)
                .map(Some)
                .ok_or_else(|| self.cell_error(column, row, reading.expected())),
        };
        column.cells().enumerate().map(number).collect()
    }

    /// Some of the rows, in the order given; a row may come more than once. Types stay what they are.
    ///
    /// It is how rows are set apart for training, before anything is fitted to them.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for an index that is no row.
    pub fn rows(&self, indices: &[usize]) -> Result<Self> {
        let expected = "the index of a row";
        for &row in indices {
            Argument::new("Table::rows", "indices", row as f64)
                .require(row < self.len(), expected)?;
        }
        Ok(Self {
            path: self.path.clone(),
            columns: self.columns.iter().map(|column| column.rows(indices)).collect(),
            lines: indices.iter().map(|&row| self.lines[row]).collect(),
            remarks: self.remarks.clone(),
        })
    }

    /// Numbers of the rows in which a column has a value.
    ///
    /// Counterpart: pandas' `notna`.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::Table;
    ///
    /// let table = Table::from_rows(&["x", "y"], &[["1", "5"], ["2", "NA"], ["", "7"]])?;
    /// assert_eq!(table.present("y")?, [0, 2]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn present(&self, column: &str) -> Result<Vec<usize>> {
        let found = self.column(column)?;
        Ok((0..self.len()).filter(|&row| found.cell(row).is_some()).collect())
    }

    /// The rows in which a column has a value, and how many were left out because they have none: rows whose target is not
    /// known cannot be trained on.
    ///
    /// Counterpart: pandas' `dropna(subset=[column])`.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::Table;
    ///
    /// let table = Table::from_rows(&["x", "y"], &[["1", "5"], ["2", "NA"], ["", "7"]])?;
    /// let (table, dropped) = table.drop_missing("y")?;
    /// assert_eq!((table.len(), dropped), (2, 1));
    /// assert_eq!(table.numbers("x")?, [Some(1.0), None]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn drop_missing(self, column: &str) -> Result<(Self, usize)> {
        let kept = self.present(column)?;
        let dropped = self.len() - kept.len();
        if dropped == 0 { Ok((self, 0)) } else { Ok((self.rows(&kept)?, dropped)) }
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A column, if there is one of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn column(&self, name: &str) -> Result<&Column> {
        self.find(name).ok_or_else(|| {
            let (path, column) = (self.path.clone(), name.to_owned());
            TableError::NoColumn { path, column, near: nearest(name, self.names()) }.into()
        })
    }

    /// The line that a row begins on, counted from 1.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    pub(super) fn cell_error(
        &self,
        column: &Column,
        row: usize,
        expected: impl Into<String>,
    ) -> TrainError {
        let error = TableError::Cell {
            path: self.path.clone(),
            line: self.lines[row],
            place: self.names().take_while(|&name| name != column.name).count() + 1,
            column: column.name.clone(),
            given: column.cell(row).unwrap_or_default().to_owned(),
            expected: expected.into(),
        };
        error.into()
    }
}

/// The names that are most like `name`: those that as few changes of a letter as any make of it, if these are at most a third
/// of its letters; else all, up to twenty.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.collect();
    let wanted = name.to_lowercase();
    let distances: Vec<usize> =
        names.iter().map(|other| distance(&wanted, &other.to_lowercase())).collect();
    let least = distances.iter().copied().min().unwrap_or(0);
    if least <= (name.chars().count() / 3).max(1) {
        let near = names.iter().zip(&distances).filter(|&(_, &distance)| distance == least);
        return near.map(|(name, _)| (*name).to_owned()).collect();
    }
    names.into_iter().take(20).map(str::to_owned).collect()
}

/// Levenshtein's distance: letters put in, taken out or exchanged.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
