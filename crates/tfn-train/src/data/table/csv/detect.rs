//! How a CSV file is written, found out from its beginning.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::encoding::Encoding;
use super::guess::{self, DELIMITERS};
use super::options::CsvOptions;
use super::source::{Peeked, Unpacked, peek};
use crate::data::table::cell::is_missing;
use crate::data::table::column::Column;
use crate::data::table::date::Dates;
use crate::data::table::number::Numbers;
use crate::error::{Result, TableError, TrainError};

/// Bytes that are looked at, packed and unpacked.
const SNIFFED: usize = 1 << 20;

/// Finding out.
impl CsvOptions {
    /// How a CSV file is written, as far as its first mebibyte tells.
    ///
    /// | what | how it is found |
    /// |---|---|
    /// | encoding | a byte order mark, or zeros in every other byte; else UTF-8 if it is that, else Windows-1252 |
    /// | delimiter | that of `,`, `;`, tab and `\|` by which rows have as many cells as the first, and cells hold no other one |
    /// | decimal comma | more cells such as `1,5` than such as `1.5`; never if `,` is the delimiter |
    /// | thousands | columns that are numbers once digits in groups of three are joined: `1,234.5`, `1 234`, `1'234` |
    /// | head line | none if all cells of the first line are numbers, or more of them than not fit the types of the columns below |
    /// | dates | as [`day_first`](Self::day_first); if all dates of a column fit both orders, the day is first where `;` is the delimiter |
    /// | the rest | a second column of the same name gets another name; if all lines end in a delimiter, there is no cell after it; a first line `sep=;` is no row |
    ///
    /// The getters return what was found, and `to_string` says it in words. A byte that is not UTF-8 after the first
    /// mebibyte is still an error when it is reached.
    ///
    /// Counterpart: Python's `csv.Sniffer`.
    ///
    /// # Errors
    /// [`TrainError::Read`] for a file that cannot be read; [`TableError::Gzip`] for one that cannot be unpacked,
    /// [`TableError::NotText`] for one of another kind.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// # let dir = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
    /// # let path = dir.path().join("flats.csv");
    /// # std::fs::write(&path, "Ort;Preis\nKöln;1.234,50\nBonn;980\n").map_err(|source| tfn_train::TrainError::Read { path: path.clone(), source })?;
    /// let options = CsvOptions::detect(&path)?;
    /// assert_eq!(options.to_string(), "delimiter `;`, decimal comma, thousands by `.`");
    /// let table = Table::read_with(&path, &options)?;
    /// assert_eq!(table.numbers("Preis")?, [Some(1234.5), Some(980.0)]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn detect(path: impl AsRef<Path>) -> Result<Self> {
        Self::default().detect_rest(path)
    }

    /// As [`detect`](Self::detect), but what was set stays as it is.
    ///
    /// # Errors
    /// As [`detect`](Self::detect); a delimiter or quote that cannot be one.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::CsvOptions;
    ///
    /// # let dir = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
    /// # let path = dir.path().join("rows.csv");
    /// # std::fs::write(&path, "1;2\n3;4\n").map_err(|source| tfn_train::TrainError::Read { path: path.clone(), source })?;
    /// assert_eq!(CsvOptions::detect(&path)?.to_string(), "delimiter `;`, no head line");
    /// let options = CsvOptions::default().with_head().detect_rest(&path)?;
    /// assert!(options.has_head());
    /// assert_eq!(options.get_delimiter(), b';');
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn detect_rest(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| TrainError::read(path, error))?;
        Ok(self.detect_in(file, Some(path))?.0)
    }

    /// As [`detect_rest`](Self::detect_rest), of what a reader gives; with a reader that gives all of it.
    ///
    /// # Errors
    /// As [`detect_rest`](Self::detect_rest).
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// // Standard input can be read only once.
    /// let input = "x|y\n1|2\n".as_bytes();
    /// let (options, input) = CsvOptions::default().detect_reader(input)?;
    /// let table = Table::from_reader(input, &options)?;
    /// assert_eq!(table.numbers("y")?, [Some(2.0)]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn detect_reader<R: Read>(self, reader: R) -> Result<(Self, Peeked<R>)> {
        self.detect_in(reader, None)
    }

    fn detect_in<R: Read>(mut self, reader: R, path: Option<&Path>) -> Result<(Self, Peeked<R>)> {
        self.check()?;
        let name = || path.map_or_else(|| PathBuf::from("table"), Path::to_owned);
        let error = |source| TrainError::Read { path: name(), source };
        let (raw, reader) = peek(reader, SNIFFED as u64).map_err(error)?;
        let (bytes, is_cut) = unpacked(&raw).map_err(|given| match given {
            Failed::Gzip(given) => {
                TableError::Gzip { path: path.map(Path::to_owned), given }.into()
            }
            Failed::Io(source) => error(source),
        })?;
        let is_said = self.encoding.is_some();
        let encoding = *self.encoding.get_or_insert_with(|| Encoding::of(&bytes, is_cut));
        if let Some(given) = other_kind(&bytes, encoding).filter(|_| !is_said) {
            return Err(TableError::NotText { path: path.map(Path::to_owned), given }.into());
        }
        let mut text = Vec::new();
        encoding.decode(&bytes, !is_cut, &mut text);
        self.fill(&String::from_utf8_lossy(&text), is_cut);
        Ok((self, reader))
    }

    /// Finds out what was not said.
    fn fill(&mut self, text: &str, is_cut: bool) {
        let mut text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.has_separator_line = false;
        if let Some((separator, rest)) = guess::separator_line(text) {
            self.has_separator_line = true;
            self.delimiter.get_or_insert(separator);
            text = rest;
        }
        let delimiter = self.delimiter.unwrap_or_else(|| self.find_delimiter(text, is_cut));
        self.delimiter = Some(delimiter);
        let rows = guess::rows(text, delimiter, self.get_quote(), is_cut);
        let cells = || rows.iter().flat_map(StringRecord::iter).map(str::trim);
        let has_comma = || delimiter != b',' && guess::has_comma(cells(), delimiter);
        self.has_comma = Some(self.has_comma.unwrap_or_else(has_comma));
        self.is_grouped.get_or_insert(true);
        let orders = [Dates::DayFirst, Dates::MonthFirst];
        let dates = || orders.into_iter().cycle().skip(usize::from(delimiter != b';')).take(2);
        self.dates.get_or_insert_with(|| dates().collect());
        self.renames_duplicates.get_or_insert(true);
        let Some((first, below)) = rows.split_first() else { return };
        let mut columns: Vec<Column> = Vec::new();
        columns.resize(first.len(), Column::new(String::new(), self.readings()));
        for row in below {
            let is_none = |cell: &str| self.get_missing().iter().any(|m| m == cell.trim());
            let cells = row.iter().map(|cell| if is_none(cell) { "" } else { cell });
            columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        }
        let has_head = guess::has_head(first, &columns);
        let has_head = *self.has_head.get_or_insert(has_head);
        self.separator = columns.iter().find_map(guess::separator);
        let has_trailing = guess::has_trailing(first, below, has_head);
        self.has_trailing_delimiter.get_or_insert(has_trailing);
    }

    fn find_delimiter(&self, text: &str, is_cut: bool) -> u8 {
        let others = DELIMITERS.into_iter().filter(|&d| d != self.get_quote());
        let fits = others.filter_map(|delimiter| {
            let rows = guess::rows(text, delimiter, self.get_quote(), is_cut);
            Some((delimiter, guess::fit(&rows, delimiter)?))
        });
        let better = |best: Option<(u8, f64)>, (delimiter, fit): (u8, f64)| match best {
            Some((_, most)) if fit.total_cmp(&most) != Ordering::Greater => best,
            _ => Some((delimiter, fit)),
        };
        if let Some((delimiter, _)) = fits.fold(None, better) {
            return delimiter;
        }
        // One column, whose numbers may have a comma.
        let lines = || text.lines().skip(1).map(str::trim);
        let numbers = Numbers { has_comma: true, is_grouped: true };
        let is_number = |line: &str| is_missing(line) || numbers.parse(line).is_some();
        let is_comma = lines().any(|line| line.contains(',')) && lines().all(is_number);
        if is_comma { b';' } else { b',' }
    }
}

/// Why there are no bytes.
enum Failed {
    Gzip(String),
    Io(io::Error),
}

/// The beginning of a file, unpacked, and whether there is more.
fn unpacked(raw: &[u8]) -> Result<(Vec<u8>, bool), Failed> {
    let is_cut = raw.len() == SNIFFED;
    let mut bytes = Vec::new();
    let mut reader = Unpacked::new(raw).map_err(Failed::Io)?;
    let error = match reader.by_ref().take(SNIFFED as u64).read_to_end(&mut bytes) {
        Ok(_) => return Ok((bytes.clone(), is_cut || bytes.len() == SNIFFED)),
        Err(error) => error,
    };
    match reader.gzip_error(&error) {
        Some(_) if is_cut && error.kind() == io::ErrorKind::UnexpectedEof => Ok((bytes, true)),
        Some(given) => Err(Failed::Gzip(given)),
        None => Err(Failed::Io(error)),
    }
}

/// What a file is that begins like this, if it is none of text.
fn other_kind(bytes: &[u8], encoding: Encoding) -> Option<&'static str> {
    let kinds: [(&[u8], _); 6] = [
        (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
        (b"PAR1", "a Parquet file"),
        (b"\x28\xb5\x2f\xfd", "packed by Zstandard"),
        (b"\xfd7zXZ\0", "packed by xz"),
        (b"BZh", "packed by bzip2"),
    ];
    let known = kinds.into_iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| kind);
    let is_text = || encoding != Encoding::Windows1252 || !bytes.contains(&0);
    // The length of a head that is JSON.
    if bytes.get(6..10) == Some(b"\0\0{\"") {
        return Some("a file of tensors (safetensors), as models are");
    }
    match known {
        // Text may begin with these letters, but not with the bytes after them.
        Some(kind) if std::str::from_utf8(bytes).is_err() => Some(kind),
        _ => (!is_text()).then_some("no text but other data"),
    }
}

#[cfg(test)]
mod tests;
