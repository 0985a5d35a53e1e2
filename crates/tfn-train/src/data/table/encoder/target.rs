//! The column that is predicted.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tfn_tensor::DType;

use super::feature::{is_finite_in, numbers, range_of, reading, sort_levels};
use crate::data::table::cell::ColumnType;
use crate::data::table::column::Column;
use crate::data::table::contents::Table;
use crate::error::{Result, TableError};

/// The column of the targets, and how they become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) column: String,
    pub(super) task: Task,
    /// Of dates to regress on, whether `03/04/2024` is in April.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) day_first: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Task {
    /// Numbers as they are.
    Regression(ColumnType),
    /// The place of a text among these.
    Classification(Vec<String>),
}

impl Target {
    /// Numbers to regress on.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub(super) fn regression(table: &Table, column: &str) -> Result<Self> {
        let found = table.column(column)?;
        let column_type = match found.column_type() {
            // Read as numbers, so that the first cell which is none is named.
            ColumnType::Category => ColumnType::Number,
            other => other,
        };
        let day_first = found.day_first().map(|(is_day_first, _)| is_day_first);
        Ok(Self { column: column.to_owned(), task: Task::Regression(column_type), day_first })
    }

    /// The texts of a column as classes.
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Column`] if there are fewer than two.
    pub(super) fn classification(table: &Table, column: &str) -> Result<Self> {
        let found = table.column(column)?;
        let classes: BTreeSet<&str> = found.cells().flatten().collect();
        let mut classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        sort_levels(&mut classes);
        if matches!(found.column_type(), ColumnType::Number | ColumnType::Boolean) {
            // Of several ways to write the same number, or true, the first is the class.
            let mut seen = HashSet::new();
            classes.retain(|class| meaning(class).is_none_or(|meaning| seen.insert(meaning)));
        }
        if classes.len() < 2 {
            let given = match classes.first() {
                Some(class) => format!("the one class `{class}`"),
                None => "no values".to_owned(),
            };
            let (column, expected) = (column.to_owned(), "at least two classes".to_owned());
            return Err(TableError::Column { column, given, expected }.into());
        }
        let task = Task::Classification(classes);
        Ok(Self { column: column.to_owned(), task, day_first: None })
    }

    /// The targets of a table, row by row.
    ///
    /// # Errors
    /// [`TableError::Cell`] for a missing one, one that is no finite number, or no class.
    pub(super) fn values(&self, table: &Table, column: &Column, dtype: DType) -> Result<Vec<f64>> {
        let error = |row, expected: &str| table.cell_error(column, row, expected);
        match &self.task {
            Task::Regression(column_type) => {
                let reading = reading(column, *column_type, self.day_first);
                let value = |(row, number): (usize, Option<f64>)| match number {
                    None => Err(error(row, reading.expected())),
                    Some(number) if is_finite_in(dtype, number) => Ok(number),
                    Some(_) => {
                        let to_do = "correct it, or give the column in a larger unit";
                        Err(error(row, &format!("{}; {to_do}", range_of(dtype))))
                    }
                };
                numbers(table, column, reading, false)?.into_iter().enumerate().map(value).collect()
            }
            Task::Classification(classes) => {
                let places: HashMap<&str, usize> =
                    classes.iter().enumerate().map(|(at, class)| (class.as_str(), at)).collect();
                // A file that was saved by another program may have `1.0` or `TRUE` for what was `1` or `true`.
                let meanings = classes.iter().enumerate().rev();
                let meanings: HashMap<_, usize> =
                    meanings.filter_map(|(at, class)| Some((meaning(class)?, at))).collect();
                let value = |(row, cell): (usize, Option<&str>)| {
                    let other = |cell| meanings.get(&meaning(cell)?).copied();
                    let found =
                        cell.and_then(|cell| places.get(cell).copied().or_else(|| other(cell)));
                    found.map(|place| place as f64).ok_or_else(|| {
                        let some: Vec<&str> = classes.iter().take(10).map(String::as_str).collect();
                        let dots = if classes.len() > some.len() { ", …" } else { "" };
                        error(
                            row,
                            &format!("one of the classes trained on: {}{dots}", some.join(", ")),
                        )
                    })
                };
                column.cells().enumerate().map(value).collect()
            }
        }
    }
}

/// The number that a text is, or whether it is true, however it is written.
fn meaning(text: &str) -> Option<(bool, u64)> {
    let of =
        |column_type: ColumnType| column_type.number(text).map(|number| (number + 0.0).to_bits());
    let number = of(ColumnType::Number).map(|bits| (false, bits));
    number.or_else(|| of(ColumnType::Boolean).map(|bits| (true, bits)))
}
