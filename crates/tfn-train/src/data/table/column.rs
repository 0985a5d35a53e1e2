//! The cells of a column, as text.

use super::cell::{ColumnType, is_missing};

/// A column: its cells one after the other in one text. A missing cell is an empty one.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) column_type: ColumnType,
    text: String,
    /// Where each cell ends.
    ends: Vec<usize>,
    /// Which of [`ColumnType::ALL`] all cells so far fit.
    fits: [bool; 4],
    is_all_missing: bool,
}

impl Column {
    pub(super) fn new(name: String) -> Self {
        let (text, ends) = (String::new(), Vec::new());
        let (column_type, fits) = (ColumnType::Number, [true; 4]);
        Self { name, column_type, text, ends, fits, is_all_missing: true }
    }

    /// Adds a cell; the type becomes the first that all cells fit.
    pub(super) fn push(&mut self, cell: &str) {
        let cell = cell.trim();
        if !is_missing(cell) {
            self.text.push_str(cell);
            self.is_all_missing = false;
            for (fits, column_type) in self.fits.iter_mut().zip(ColumnType::ALL) {
                *fits = *fits && column_type.fits(cell);
            }
            let first = self.fits.iter().position(|&fits| fits);
            self.column_type = first.map_or(ColumnType::Category, |first| ColumnType::ALL[first]);
        }
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_all_missing(&self) -> bool {
        self.is_all_missing
    }

    /// A cell; `None` if it is missing. The row must be one.
    pub(super) fn cell(&self, row: usize) -> Option<&str> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..self.ends[row]]).filter(|cell| !cell.is_empty())
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.cell(row))
    }

    /// The column with these rows.
    pub(super) fn rows(&self, indices: &[usize]) -> Self {
        let mut column = Self::new(self.name.clone());
        for &row in indices {
            column.push(self.cell(row).unwrap_or_default());
        }
        column.column_type = self.column_type;
        column
    }
}
