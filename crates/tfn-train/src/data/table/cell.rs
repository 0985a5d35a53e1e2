//! What a cell of a table can be.

use serde::{Deserialize, Serialize};

use super::date::Dates;
use super::number::Numbers;

/// What the cells of a column are read as.
///
/// Unless it is said by [`Table::with_type`](super::Table::with_type), it is the first of these that fits all cells that are
/// not missing:
///
/// | type | cells | as a number |
/// |---|---|---|
/// | `Number` | `7`, `-1.5`, `+.5`, `2e-3`, `inf`, and columns without any value | itself |
/// | `Boolean` | `true`, `false`, `yes`, `no`, in large letters or small ones | 1 or 0 |
/// | `Date` | `2024-02-29`, `2024-02-29 18:30`, `2024-02-29T18:30:00.5Z` | days since 1970-01-01 |
/// | `Category` | any text | none |
///
/// A column of digits that are names (postal codes) is a `Number` unless it is said to be a `Category`. Times have no zone
/// but `Z`, which counts as none. What else numbers and dates of a CSV file can be, if the options say so, stands at
/// `CsvOptions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// Days, with or without a time of day.
    Date,
    /// One of several names.
    Category,
}

impl ColumnType {
    /// In the order in which they are tried.
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::Number, Self::Boolean, Self::Date, Self::Category];

    /// What a cell must be, for errors.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Boolean => "true, false, yes or no",
            Self::Date => "a date such as 2024-02-29 or 2024-02-29 18:30",
            Self::Category => "text",
        }
    }

    /// The number that a cell stands for where nothing is said about how it is written.
    pub(super) fn number(self, cell: &str) -> Option<f64> {
        Reading::PLAIN.into_iter().find(|r| r.column_type() == self).and_then(|r| r.number(cell))
    }
}

/// A type, and how the cells of a column of that type are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Number(Numbers),
    Boolean,
    Date(Dates),
    Category,
}

impl Reading {
    /// Those that are tried, in this order, if nothing is said about the file.
    pub(super) const PLAIN: [Self; 4] =
        [Self::Number(Numbers::PLAIN), Self::Boolean, Self::Date(Dates::Iso), Self::Category];

    pub(super) fn column_type(self) -> ColumnType {
        match self {
            Self::Number(_) => ColumnType::Number,
            Self::Boolean => ColumnType::Boolean,
            Self::Date(_) => ColumnType::Date,
            Self::Category => ColumnType::Category,
        }
    }

    /// What a cell must be, for errors.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Number(numbers) if numbers.has_comma => "a number with a decimal comma",
            Self::Date(Dates::DayFirst) => "a date such as 2024-02-29 or 29/02/2024",
            Self::Date(Dates::MonthFirst) => "a date such as 2024-02-29 or 02/29/2024",
            _ => self.column_type().expected(),
        }
    }

    /// Whether a cell that is not missing is of this type, written like this.
    pub(super) fn fits(self, cell: &str) -> bool {
        self == Self::Category || self.number(cell).is_some()
    }

    /// The number that a cell stands for, if it is of this type and the type has numbers.
    pub(super) fn number(self, cell: &str) -> Option<f64> {
        match self {
            Self::Number(numbers) => numbers.parse(cell),
            Self::Boolean => {
                let is_one_of =
                    |words: [&str; 2]| words.iter().any(|w| cell.eq_ignore_ascii_case(w));
                let no = is_one_of(["false", "no"]).then_some(0.0);
                is_one_of(["true", "yes"]).then_some(1.0).or(no)
            }
            Self::Date(dates) => dates.days(cell),
            Self::Category => None,
        }
    }
}

/// Cells that say that there is no value, beside empty ones and any spelling of NaN.
const MISSING: [&str; 7] = ["NA", "N/A", "n/a", "null", "NULL", "None", "?"];

/// Whether a cell without spaces around it says that there is no value.
pub(super) fn is_missing(cell: &str) -> bool {
    // Parsed only if it can be one: this is asked of every cell of a file.
    let is_nan = || cell.ends_with(['n', 'N']) && cell.parse().is_ok_and(f64::is_nan);
    cell.is_empty() || MISSING.contains(&cell) || is_nan()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let number = |cell| ColumnType::Number.number(cell);
        for (cell, value) in [
            ("7", 7.0),
            ("-1.5", -1.5),
            ("+.5", 0.5),
            ("2e-3", 0.002),
            ("1E3", 1000.0),
            ("5.", 5.0),
        ] {
            assert_eq!(number(cell), Some(value), "{cell}");
        }
        assert_eq!(number("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(number("1e999"), Some(f64::INFINITY));
        for cell in ["", "1,5", "1_000", "0x10", "1 2", "nan", "--1", "e5", "1.2.3"] {
            assert_eq!(number(cell), None, "{cell}");
        }
    }

    #[test]
    fn dates_are_days_since_1970() {
        // Python: (datetime(..) - datetime(1970, 1, 1)) / timedelta(days=1)
        for (cell, value) in [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2000-02-29", 11_016.0),
            ("2024-02-29", 19_782.0),
            ("2024-03-01", 19_783.0),
            ("1900-03-01", -25_508.0),
            ("0001-01-01", -719_162.0),
            ("9999-12-31", 2_932_896.0),
            ("1970-01-02 12:00", 1.5),
            ("1970-01-01T06:00:00Z", 0.25),
            ("1970-01-01T00:00:43.2", 0.0005),
        ] {
            let days = ColumnType::Date.number(cell);
            assert!(days.is_some_and(|days| (days - value).abs() < 1e-12), "{cell} {days:?}");
        }
        for cell in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-04-31",
            "24-04-01",
            "2024-4-1",
            "2024-04-01 24:00",
            "2024-04-01 10:60",
            "2024-04-01T10",
            "2024-04-01 10:00.5",
            "2024/04/01",
            "2024-04-01 10:00:00.",
            "2024-04-01 10:00:00.1e1",
            "+024-04-01",
            "Z",
            "",
        ] {
            assert_eq!(ColumnType::Date.number(cell), None, "{cell}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = None;
        for year in 1600..2000 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let cell = format!("{year:04}-{month:02}-{day:02}");
                    if let Some(days) = ColumnType::Date.number(&cell) {
                        assert!(before.is_none_or(|before| before + 1.0 == days), "{cell}");
                        before = Some(days);
                    }
                }
            }
        }
        // 31 December 1999; four centuries are 146097 days.
        assert_eq!(before, Some(10_956.0));
        assert_eq!(ColumnType::Date.number("1600-01-01"), Some(10_956.0 - 146_096.0));
    }

    #[test]
    fn what_is_missing() {
        for cell in ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "None", "?"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["0", "-", "none of these", "Na", "inf", "??"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }
}
