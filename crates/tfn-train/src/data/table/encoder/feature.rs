//! The features that a column of a table becomes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tfn_tensor::DType;

use crate::data::table::cell::{ColumnType, Reading};
use crate::data::table::column::Column;
use crate::data::table::contents::Table;
use crate::data::table::date::Dates;
use crate::data::table::remark::Remark;
use crate::error::Result;

/// A column, and the features made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feature {
    pub(super) column: String,
    pub(super) column_type: ColumnType,
    /// What stands for a missing number.
    pub(super) fill: f64,
    /// A number `x` becomes `(x - loc) / scale`.
    pub(super) loc: f64,
    pub(super) scale: f64,
    /// All texts of the rows fitted; only of categories.
    pub(super) levels: Vec<String>,
    /// Whether a value was missing.
    pub(super) had_missing: bool,
    /// Whether `03/04/2024` is in April; `None` if no cell was like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) day_first: Option<bool>,
    /// Whether an infinite number is as good as none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) inf_as_missing: bool,
    pub(super) outputs: Vec<Output>,
}

/// One feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Output {
    /// The number.
    Value,
    /// 1 for this of the levels, else 0.
    Level(usize),
    /// 1 where there is no value, else 0.
    Missing,
}

/// A cell as a feature sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    Level(usize),
    UnknownLevel,
    Missing,
}

impl Feature {
    /// Names of the features: those of scikit-learn's transformers.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.outputs.iter().map(|&output| self.name(output))
    }

    pub(super) fn name(&self, output: Output) -> String {
        match output {
            Output::Value => self.column.clone(),
            Output::Level(level) => {
                let level = self.levels.get(level).map_or("", String::as_str);
                format!("{}_{level}", self.column)
            }
            Output::Missing => format!("missingindicator_{}", self.column),
        }
    }

    /// The cells of its column.
    ///
    /// # Errors
    /// [`TableError::Cell`](crate::TableError::Cell) for one that is not of the type.
    pub(super) fn cells(&self, table: &Table, column: &Column) -> Result<Vec<Cell>> {
        if self.column_type == ColumnType::Category {
            let levels: HashMap<&str, usize> = self
                .levels
                .iter()
                .enumerate()
                .map(|(place, level)| (level.as_str(), place))
                .collect();
            let cell = |cell: Option<&str>| match cell {
                None => Cell::Missing,
                Some(cell) => levels.get(cell).map_or(Cell::UnknownLevel, |&at| Cell::Level(at)),
            };
            return Ok(column.cells().map(cell).collect());
        }
        let numbers = self.numbers(table, column)?;
        Ok(numbers.into_iter().map(|number| number.map_or(Cell::Missing, Cell::Number)).collect())
    }

    /// The numbers of its column.
    ///
    /// # Errors
    /// As [`cells`](Self::cells).
    pub(super) fn numbers(&self, table: &Table, column: &Column) -> Result<Vec<Option<f64>>> {
        numbers(table, column, self.reading(column), self.inf_as_missing)
    }

    fn reading(&self, column: &Column) -> Reading {
        reading(column, self.column_type, self.day_first)
    }

    /// How many infinite numbers count as none.
    pub(super) fn infinite(&self, table: &Table, column: &Column) -> Option<Remark> {
        if !self.inf_as_missing {
            return None;
        }
        let reading = self.reading(column);
        let is_infinite =
            |cell: &str| reading.number(cell).is_some_and(|number| number.is_infinite());
        let cells = column.cells().enumerate();
        let mut rows = cells.filter(|(_, cell)| cell.is_some_and(is_infinite)).map(|(row, _)| row);
        let line = table.line(rows.next()?);
        Some(Remark::Infinite { column: self.column.clone(), count: 1 + rows.count(), line })
    }

    /// One feature, row by row.
    pub(super) fn values(&self, output: Output, cells: &[Cell]) -> Vec<f64> {
        cells.iter().map(|&cell| self.value(output, cell)).collect()
    }

    /// The number that a cell is in one feature.
    pub(super) fn value(&self, output: Output, cell: Cell) -> f64 {
        match (output, cell) {
            (Output::Value, Cell::Number(number)) => (number - self.loc) / self.scale,
            (Output::Value, _) => (self.fill - self.loc) / self.scale,
            (Output::Level(level), Cell::Level(given)) => f64::from(level == given),
            (Output::Level(_), _) => 0.0,
            (Output::Missing, cell) => f64::from(cell == Cell::Missing),
        }
    }
}

/// How the cells of a column are read: as they were when an encoder was fitted, where that makes a difference.
pub(super) fn reading(
    column: &Column,
    column_type: ColumnType,
    day_first: Option<bool>,
) -> Reading {
    match day_first {
        Some(true) => Reading::Date(Dates::DayFirst),
        Some(false) => Reading::Date(Dates::MonthFirst),
        None => column.reading_as(column_type),
    }
}

/// The numbers of a column, read like this.
///
/// # Errors
/// [`TableError::Cell`](crate::TableError::Cell) for a cell that is not of the type, or infinite where that does not count as
/// missing.
pub(super) fn numbers(
    table: &Table,
    column: &Column,
    reading: Reading,
    inf_as_missing: bool,
) -> Result<Vec<Option<f64>>> {
    let number = |(row, cell): (usize, Option<&str>)| {
        let Some(cell) = cell else { return Ok(None) };
        match reading.number(cell) {
            Some(number) if number.is_finite() => Ok(Some(number)),
            Some(_) if inf_as_missing => Ok(None),
            Some(_) => Err(table.cell_error(column, row, "a finite number")),
            None => Err(table.cell_error(column, row, reading.expected())),
        }
    };
    column.cells().enumerate().map(number).collect()
}

/// Whether a finite number is one in `dtype` too.
pub(super) fn is_finite_in(dtype: DType, number: f64) -> bool {
    match dtype {
        DType::F32 => (number as f32).is_finite(),
        DType::F64 => number.is_finite(),
    }
}

/// What a number must be to be one in `dtype`, for errors.
pub(super) fn range_of(dtype: DType) -> String {
    let most = match dtype {
        DType::F32 => f64::from(f32::MAX),
        DType::F64 => f64::MAX,
    };
    format!("a number of at most {most:.1e}, as {dtype:?} holds them")
}

/// Texts in order: of numbers if all are such, else of letters.
pub(super) fn sort_levels(levels: &mut [String]) {
    let number = |level: &String| ColumnType::Number.number(level);
    let is_numbers = levels.iter().all(|level| number(level).is_some());
    levels.sort_by(|a, b| {
        let (x, y) = (number(a).unwrap_or(0.0), number(b).unwrap_or(0.0));
        let by_number = if is_numbers { x.total_cmp(&y) } else { std::cmp::Ordering::Equal };
        by_number.then_with(|| a.cmp(b))
    });
}
