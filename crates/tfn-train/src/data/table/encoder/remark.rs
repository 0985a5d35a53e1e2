//! What an encoder did beside what was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that an encoder left out, filled in or did not know.
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
