//! What of a table, or of its columns, is not as it must be.

use std::path::PathBuf;

/// Why a table was not read, or not made into numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is not even a head line.
    #[error("{}: is empty, expected a head line and rows", place(path, None))]
    Empty {
        /// The file, if it is one.
        path: Option<PathBuf>,
    },
    /// There are no rows.
    #[error("{}: has no rows, expected at least one after the head line", place(path, None))]
    NoRows {
        /// The file, if it is one.
        path: Option<PathBuf>,
    },
    /// A cell or a name is not UTF-8, or in UTF-16 has half of a character.
    #[error(
        "{}: column {column} is not UTF-8, expected text in that encoding; a file in Latin-1 or Windows-1252 is read with \
         `CsvOptions::latin1`",
        place(path, Some(*line))
    )]
    NotUtf8 {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Line that the row begins on, counted from 1.
        line: u64,
        /// Place of the cell in its row, counted from 1.
        column: usize,
    },
    /// A row has more or fewer cells than there are columns.
    #[error(
        "{}: has {}, expected {expected}, one for each column; a cell that holds the delimiter is put in quotes",
        place(path, Some(*line)),
        count(*given, "cell")
    )]
    Ragged {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Line that the row begins on, counted from 1.
        line: u64,
        /// Number of cells.
        given: usize,
        /// Number of columns.
        expected: usize,
    },
    /// A cell holds a byte 0, which no text has.
    #[error(
        "{}: column {column} has a NUL byte, expected text; the file is damaged, or of another kind than CSV",
        place(path, Some(*line))
    )]
    Nul {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Line that the row begins on, counted from 1.
        line: u64,
        /// Place of the cell in its row, counted from 1.
        column: usize,
    },
    /// A quoted cell never ends.
    #[error(
        "{}: column {column} begins with a quote that has no end, expected a closing quote; a quote that is part of a cell is \
         written twice, in a cell that is in quotes",
        place(path, Some(*line))
    )]
    OpenQuote {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Line that the row begins on, counted from 1.
        line: u64,
        /// Place of the cell in its row, counted from 1.
        column: usize,
    },
    /// A file is of another kind than text.
    #[error("{}: is {given}, expected text; export the table as CSV", place(path, None))]
    NotText {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// What it is.
        given: &'static str,
    },
    /// A file that begins as gzip's do cannot be unpacked.
    #[error(
        "{}: cannot be unpacked: {given}, expected a whole gzip file; copy it again",
        place(path, None)
    )]
    Gzip {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// What is wrong with it.
        given: String,
    },
    /// Two columns have the same name.
    #[error(
        "{}: columns {first} and {second} are both named `{column}`, expected different names",
        place(path, None)
    )]
    DuplicateColumn {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// The name.
        column: String,
        /// Place of the first of them, counted from 1.
        first: usize,
        /// Place of the second.
        second: usize,
    },
    /// No column has this name.
    #[error("{}: has no column {}, expected {}", place(path, None), quoted(column), names(near))]
    NoColumn {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// The name asked for.
        column: String,
        /// The names most like it; all names if none is.
        near: Vec<String>,
    },
    /// A cell is not what its column holds.
    #[error("{}: column {place} {} is {}, expected {expected}", self::place(path, Some(*line)), quoted(column), cell(given))]
    Cell {
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// Line that the row begins on, counted from 1.
        line: u64,
        /// Place of the column, counted from 1.
        place: usize,
        /// Name of the column.
        column: String,
        /// The cell, empty if it is missing.
        given: String,
        /// What the column holds.
        expected: String,
    },
    /// A column as a whole is not what it is needed as.
    #[error("column `{column}` has {given}, expected {expected}")]
    Column {
        /// Name of the column.
        column: String,
        /// What it has.
        given: String,
        /// What it is needed as.
        expected: String,
    },
    /// No column says anything about rows.
    #[error(
        "TableEncoder: {}, expected at least one column beside the target that differs between rows",
        no_features(*columns)
    )]
    NoFeatures {
        /// Number of columns looked at.
        columns: usize,
    },
    /// A character that separates cells or encloses them cannot be one.
    #[error("CsvOptions: argument `{argument}` is {given:?}, expected {expected}")]
    Character {
        /// Name of the option.
        argument: &'static str,
        /// The character.
        given: char,
        /// What it must be.
        expected: &'static str,
    },
    /// A text is not a saved encoder.
    #[error("TableEncoder::from_json: {given}, expected a text that `to_json` gave")]
    Saved {
        /// What is wrong with it.
        given: String,
    },
}

fn place(path: &Option<PathBuf>, line: Option<u64>) -> String {
    let table = path.as_ref().map_or_else(|| "table".to_owned(), |path| path.display().to_string());
    line.map_or_else(|| table.clone(), |line| format!("{table}: line {line}"))
}

/// How many of a thing there are, in words.
pub(crate) fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Characters of a cell or name that are shown.
const SHOWN: usize = 80;

/// A cell or a name in a message, on one line and not longer than one can read.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for character in text.chars().take(SHOWN) {
        match character {
            '\u{0}'..='\u{1f}' | '\u{7f}' => shown.extend(character.escape_default()),
            other => shown.push(other),
        }
    }
    shown.push_str(if text.chars().nth(SHOWN).is_some() { "…`" } else { "`" });
    shown
}

fn cell(given: &str) -> String {
    if given.is_empty() { "missing".to_owned() } else { quoted(given) }
}

fn no_features(columns: usize) -> String {
    match columns {
        0 => "no column is left".to_owned(),
        1 => "the only column is the same in all rows, or has a text of its own in each".to_owned(),
        all => format!(
            "each of {all} columns is the same in all rows, or has a text of its own in each"
        ),
    }
}

fn names(near: &[String]) -> String {
    let names: Vec<String> = near.iter().map(|name| quoted(name)).collect();
    format!("one of its columns such as {}", names.join(", "))
}
