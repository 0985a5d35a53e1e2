//! What was done beside what was asked.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{count, quoted};

/// Something that an encoder left out, filled in or did not know, or that was changed when a table was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Remark {
    /// When fitting: a feature is the same in all rows, and was left out.
    Constant {
        /// Name of the feature.
        feature: String,
    },
    /// When fitting: a column has no values, and was left out.
    NoValues {
        /// Name of the column.
        column: String,
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

impl Remark {
    /// Merges `next`, the same remark about the rows that follow, into this one, so that a file that is read in parts
    /// has each remark once. Returns `false` if `next` is another remark. `before` is the number of rows before the
    /// part that `next` is about.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::Remark;
    ///
    /// let filled = |rows: &[usize]| Remark::Filled { column: "age".to_owned(), rows: rows.to_vec() };
    /// let mut all = filled(&[3]);
    /// assert!(all.merge(&filled(&[0, 1]), 100));
    /// assert_eq!(all, filled(&[3, 100, 101]));
    /// ```
    pub fn merge(&mut self, next: &Self, before: usize) -> bool {
        match (self, next) {
            (
                Self::UnknownLevels { column, levels, rows },
                Self::UnknownLevels { column: of, levels: new, rows: more },
            ) if column == of => {
                let seen: HashSet<String> = levels.iter().cloned().collect();
                levels.extend(new.iter().filter(|level| !seen.contains(*level)).cloned());
                rows.extend(more.iter().map(|row| row + before));
                true
            }
            (Self::Filled { column, rows }, Self::Filled { column: of, rows: more })
                if column == of =>
            {
                rows.extend(more.iter().map(|row| row + before));
                true
            }
            (
                Self::Infinite { column, count, .. },
                Self::Infinite { column: of, count: more, .. },
            ) if column == of => {
                *count += more;
                true
            }
            (all, next) => all == next,
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { feature } => {
                write!(f, "{} is the same in all rows: left out", quoted(feature))
            }
            Self::NoValues { column } => {
                write!(f, "{} has no values: left out", quoted(column))
            }
            Self::Duplicate { feature, of } => {
                let (feature, of) = (quoted(feature), quoted(of));
                write!(f, "{feature} is the same as {of} in all rows: left out")
            }
            Self::AllDifferent { column, levels } => {
                write!(f, "{} has {levels} texts, each of them once: left out", quoted(column))
            }
            Self::RareLevels { column, kept, dropped } => {
                let (column, all) = (quoted(column), kept + dropped.len());
                write!(f, "{column} has {all} levels: the {kept} most frequent have a feature")
            }
            Self::Index { column } => {
                write!(f, "{} only numbers the rows: left out", quoted(column))
            }
            Self::CountsUp { column } => {
                let column = quoted(column);
                write!(f, "{column} counts up by one in every row: it may only number the rows")
            }
            Self::AmbiguousDates { column, day_first } => {
                let (column, first) = (quoted(column), if *day_first { "day" } else { "month" });
                write!(f, "{column} may have the day or the month first: read {first} first")
            }
            Self::Infinite { column, count: rows, line } => {
                let (column, rows) = (quoted(column), count(*rows, "row"));
                write!(f, "{column} is infinite in {rows}, first in line {line}: taken as missing")
            }
            Self::Renamed { column, place, name } => {
                let (column, name) = (quoted(column), quoted(name));
                write!(f, "column {place} is named {column} as an earlier one: now {name}")
            }
            Self::Ignored { column } => {
                let column = quoted(column);
                write!(f, "{column} was no column of the table trained on: ignored")
            }
            Self::UnknownLevels { column, levels, rows } => {
                let some: Vec<String> = levels.iter().take(5).map(|level| quoted(level)).collect();
                let dots = if levels.len() > some.len() { ", …" } else { "" };
                let (column, rows, some) =
                    (quoted(column), count(rows.len(), "row"), some.join(", "));
                write!(
                    f,
                    "{column} has texts in {rows} that the table trained on did not have: {some}{dots}"
                )
            }
            Self::Filled { column, rows } => {
                let (column, rows) = (quoted(column), count(rows.len(), "row"));
                write!(
                    f,
                    "{column} is missing in {rows}, and never was in the table trained on: filled in"
                )
            }
        }
    }
}
