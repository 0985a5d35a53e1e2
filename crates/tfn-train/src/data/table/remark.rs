//! What was done beside what was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that an encoder left out, filled in or did not know, or that was changed when a table was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Remark {
    /// When fitting: a feature is the same in all rows, and was left out.
    Constant {
        /// Name of the feature.
        feature: String,
    },
    /// When fitting: a feature is the same as an earlier one in every row, and was left out.
    Duplicate {
        /// Name of the feature.
        feature: String,
        /// The earlier one.
        of: String,
    },
    /// When fitting: each row has a text of its own, more than there may be levels, and the column was left out.
    AllDifferent {
        /// Name of the column.
        column: String,
        /// Number of texts.
        levels: usize,
    },
    /// When fitting: there are more levels than features for them; the most frequent ones have one.
    RareLevels {
        /// Name of the column.
        column: String,
        /// Number of levels with a feature.
        kept: usize,
        /// The levels without one: all their features are 0.
        dropped: Vec<String>,
    },
    /// When fitting: a column numbers the rows, and was left out: it has no name, or is named `index` or `id`, and each number
    /// is one more than that of the row before.
    Index {
        /// Name of the column.
        column: String,
    },
    /// When fitting: each number of a column is one more than that of the row before. It was not left out.
    CountsUp {
        /// Name of the column.
        column: String,
    },
    /// When fitting: all dates of a column fit both `31/12/2024` and `12/31/2024`.
    AmbiguousDates {
        /// Name of the column.
        column: String,
        /// Whether the first number was taken as the day.
        day_first: bool,
    },
    /// Infinite numbers of a column count as missing.
    Infinite {
        /// Name of the column.
        column: String,
        /// How many.
        count: usize,
        /// The line that the first row with one begins on, counted from 1.
        line: u64,
    },
    /// When reading: a column has the name of an earlier one, and got another.
    Renamed {
        /// The name in the file.
        column: String,
        /// Place of the column, counted from 1.
        place: usize,
        /// The name it got.
        name: String,
    },
    /// When encoding: a column that was not there when the encoder was fitted.
    Ignored {
        /// Name of the column.
        column: String,
    },
    /// When encoding: texts that were not there when the encoder was fitted; all their features are 0.
    UnknownLevels {
        /// Name of the column.
        column: String,
        /// The texts, in the order of rows.
        levels: Vec<String>,
        /// Rows with one of them, counted from 0.
        rows: Vec<usize>,
    },
    /// When encoding: values are missing in a column that had all of them when the encoder was fitted. Numbers became the mean of the
    /// rows fitted, all levels 0; no feature says so.
    Filled {
        /// Name of the column.
        column: String,
        /// The rows, counted from 0.
        rows: Vec<usize>,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { feature } => {
                write!(f, "`{feature}` is the same in all rows: left out")
            }
            Self::Duplicate { feature, of } => {
                write!(f, "`{feature}` is the same as `{of}` in all rows: left out")
            }
            Self::AllDifferent { column, levels } => {
                write!(f, "`{column}` has {levels} texts, each of them once: left out")
            }
            Self::RareLevels { column, kept, dropped } => {
                let all = kept + dropped.len();
                write!(f, "`{column}` has {all} levels: the {kept} most frequent have a feature")
            }
            Self::Index { column } => write!(f, "`{column}` only numbers the rows: left out"),
            Self::CountsUp { column } => {
                write!(f, "`{column}` counts up by one in every row: it may only number the rows")
            }
            Self::AmbiguousDates { column, day_first } => {
                let first = if *day_first { "day" } else { "month" };
                write!(f, "`{column}` may have the day or the month first: read {first} first")
            }
            Self::Infinite { column, count, line } => {
                let rows = if *count == 1 { "row" } else { "rows" };
                write!(f, "`{column}` is infinite in {count} {rows}, first in line {line}: ")?;
                f.write_str("taken as missing")
            }
            Self::Renamed { column, place, name } => {
                write!(f, "column {place} is named `{column}` as an earlier one: now `{name}`")
            }
            Self::Ignored { column } => {
                write!(f, "`{column}` was no column when the encoder was fitted: ignored")
            }
            Self::UnknownLevels { column, levels, rows } => {
                let some: Vec<String> = levels.iter().take(5).map(|l| format!("`{l}`")).collect();
                let dots = if levels.len() > some.len() { ", …" } else { "" };
                let (count, some) = (rows_of(rows), some.join(", "));
                write!(f, "`{column}` has levels in {count} that were not fitted: {some}{dots}")
            }
            Self::Filled { column, rows } => {
                let count = rows_of(rows);
                write!(f, "`{column}` is missing in {count}, and never was when fitted: filled")
            }
        }
    }
}

/// How many rows these are, in words.
fn rows_of(rows: &[usize]) -> String {
    let count = rows.len();
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}
