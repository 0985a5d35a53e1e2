//! What is asked of the target: a number or a class.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tfn_train::data::{ColumnType, Table};

use crate::error::Result;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Numbers, with intervals.
    Regression,
    /// One of several classes, with probabilities.
    Classification,
}

/// Whole numbers are taken for classes if there are at most so many of them.
const MOST_CLASSES: usize = 10;
/// And each comes so often on average.
const ROWS_OF_A_CLASS: usize = 5;

impl Task {
    /// What a column is to be predicted as, and why, in words.
    ///
    /// Text and yes or no are classes. Whole numbers are classes if there are at most 10 different ones, each of them in five
    /// rows on average. All else is numbers; also text if nine of ten cells are numbers and these differ too much for classes: the
    /// others are then found when the table is encoded.
    ///
    /// # Errors
    /// [`TableError::NoColumn`](tfn_train::TableError::NoColumn).
    ///
    /// # Examples
    /// ```
    /// use tfn_tabular::Task;
    /// use tfn_tabular::data::Table;
    ///
    /// let table = Table::from_rows(&["price", "kind"], &[["2.5", "a"], ["3.5", "b"]])?;
    /// assert_eq!(Task::of(&table, "price")?, (Task::Regression, "2 different numbers".to_owned()));
    /// assert_eq!(Task::of(&table, "kind")?, (Task::Classification, "it is text".to_owned()));
    /// # Ok::<(), tfn_tabular::TabularError>(())
    /// ```
    pub fn of(table: &Table, target: &str) -> Result<(Self, String)> {
        let because = |task, reason: &str| Ok((task, reason.to_owned()));
        match table.column_type(target)? {
            ColumnType::Category => match nearly_numbers(&table.values(target)?) {
                Some(others) => {
                    let cells = if others == 1 { "cell is" } else { "cells are" };
                    Ok((Self::Regression, format!("numbers, but {others} {cells} text")))
                }
                None => because(Self::Classification, "it is text"),
            },
            ColumnType::Boolean => because(Self::Classification, "it is true or false"),
            ColumnType::Date => because(Self::Regression, "it is dates"),
            ColumnType::Number => {
                let mut counts: HashMap<u64, usize> = HashMap::new();
                let numbers = table.numbers(target)?;
                for number in numbers.iter().flatten() {
                    *counts.entry((number + 0.0).to_bits()).or_default() += 1;
                }
                let rows: usize = counts.values().sum();
                let is_whole = numbers.iter().flatten().all(|number| number.fract() == 0.0);
                let few = counts.len() <= MOST_CLASSES && rows >= ROWS_OF_A_CLASS * counts.len();
                if is_whole && few {
                    let reason = match counts.len() {
                        1 => "it is one whole number".to_owned(),
                        count => format!("it has only {count} different whole numbers"),
                    };
                    return Ok((Self::Classification, reason));
                }
                let plural = if counts.len() == 1 { "" } else { "s" };
                Ok((Self::Regression, format!("{} different number{plural}", counts.len())))
            }
        }
    }
}

/// How many cells of a column of text are none of the numbers that it has otherwise, if these are nine of ten cells and too many
/// different ones for classes.
fn nearly_numbers(cells: &[Option<&str>]) -> Option<usize> {
    let number = |cell: &&str| -> Option<f64> {
        let parsed = cell.parse().or_else(|_| cell.replace(',', ".").parse());
        parsed.ok().filter(|number: &f64| number.is_finite())
    };
    let (all, mut numbers) = (cells.iter().flatten().count(), 0);
    let mut different = HashSet::new();
    for number in cells.iter().flatten().filter_map(number) {
        numbers += 1;
        different.insert(number.to_bits());
    }
    (10 * numbers >= 9 * all && different.len() > MOST_CLASSES).then_some(all - numbers)
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Regression => "regression",
            Self::Classification => "classification",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_columns_are_taken_for() {
        let task = |cells: &[&str]| {
            let rows: Vec<[&str; 1]> = cells.iter().map(|&cell| [cell]).collect();
            Task::of(&Table::from_rows(&["y"], &rows).unwrap(), "y").unwrap().0
        };
        let digits: Vec<String> = (0..50).map(|i| (i % 10).to_string()).collect();
        let digits: Vec<&str> = digits.iter().map(String::as_str).collect();
        assert_eq!(task(&digits), Task::Classification);
        assert_eq!(task(&digits[..40]), Task::Regression);
        assert_eq!(
            task(&["0", "1", "-0", "1", "0.0", "1", "1", "1", "0", "1"]),
            Task::Classification
        );
        assert_eq!(
            task(&["0", "1.5", "0", "1.5", "0", "1.5", "0", "0", "0", "0"]),
            Task::Regression
        );
        assert_eq!(task(&["yes", "no"]), Task::Classification);
        assert_eq!(task(&["2020-01-01", "2020-01-02"]), Task::Regression);
        assert_eq!(task(&["1", "two"]), Task::Classification);
        let grades = ["1", "2", "3", "4", "1", "2", "3", "4", "1", "2", "absent"];
        assert_eq!(task(&grades), Task::Classification);
        let slip = ["1.5", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "much"];
        assert_eq!(task(&slip), Task::Regression);
        let eleven: Vec<String> = (0..220).map(|i| (i % 11).to_string()).collect();
        assert_eq!(task(&eleven.iter().map(String::as_str).collect::<Vec<_>>()), Task::Regression);
    }
}
