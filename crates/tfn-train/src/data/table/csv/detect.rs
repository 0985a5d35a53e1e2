//! How a CSV file is written, found out from its beginning.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use super::encoding::Encoding;
use super::options::CsvOptions;
use super::source::{Peeked, Unpacked, peek};
use crate::data::table::cell::{ColumnType, Reading, is_missing};
use crate::data::table::column::Column;
use crate::data::table::date::Dates;
use crate::data::table::number::Numbers;
use crate::error::{Result, TableError, TrainError};

/// Bytes that are looked at, packed and unpacked.
const SNIFFED: usize = 1 << 20;

/// Rows that are looked at.
const ROWS: usize = 1000;

/// What cells may be separated by; of two that divide rows as well, that comes first which is rarer within cells.
const DELIMITERS: [u8; 4] = [b'\t', b'|', b';', b','];

/// Finding out.
impl CsvOptions {
    /// How a CSV file is written, as far as its first mebibyte tells.
    ///
    /// | what | how it is found |
    /// |---|---|
    /// | encoding | a byte order mark; else UTF-8 if it is that, else Windows-1252 |
    /// | delimiter | that of `,`, `;`, tab and `\|` by which rows have as many cells as the first, and cells hold no other one |
    /// | decimal comma | more cells such as `1,5` than such as `1.5`; never if `,` is the delimiter |
    /// | thousands | columns that are numbers once digits in groups of three are joined: `1,234.5`, `1 234`, `1'234` |
    /// | head line | none if all cells of the first line are numbers, or more of them than not fit the types of the columns below |
    /// | dates | as [`day_first`](Self::day_first); if all dates of a column fit both orders, the day is first where `;` is the delimiter |
    /// | the rest | second columns of a name get another; lines that all end in a delimiter have no cell after it; a first line `sep=;` is none |
    ///
    /// It is read out again by getters, or in words by `to_string`. A byte that is not UTF-8 after the first mebibyte is still an
    /// error where it is come to.
    ///
    /// Counterpart: Python's `csv.Sniffer`.
    ///
    /// # Errors
    /// [`TrainError::Read`] for a file that cannot be read; [`TableError::Gzip`] for one that cannot be unpacked.
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
        let encoding = *self.encoding.get_or_insert_with(|| Encoding::of(&bytes, is_cut));
        let mut text = Vec::new();
        encoding.decode(&bytes, !is_cut, &mut text);
        self.fill(&String::from_utf8_lossy(&text), is_cut);
        Ok((self, reader))
    }

    /// Finds out what was not said.
    fn fill(&mut self, text: &str, is_cut: bool) {
        let mut text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some((separator, rest)) = separator_line(text) {
            self.has_separator_line = true;
            self.delimiter.get_or_insert(separator);
            text = rest;
        }
        let delimiter = self.delimiter.unwrap_or_else(|| self.find_delimiter(text, is_cut));
        self.delimiter = Some(delimiter);
        let rows = rows(text, delimiter, self.get_quote(), is_cut);
        let cells = || rows.iter().flat_map(StringRecord::iter).map(str::trim);
        let has_comma = || delimiter != b',' && has_comma(cells(), delimiter);
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
        let has_head = has_head(first, &columns);
        let has_head = *self.has_head.get_or_insert(has_head);
        self.separator = columns.iter().find_map(separator);
        let has_trailing = has_trailing(first, below, has_head);
        self.has_trailing_delimiter.get_or_insert(has_trailing);
    }

    fn find_delimiter(&self, text: &str, is_cut: bool) -> u8 {
        let others = DELIMITERS.into_iter().filter(|&d| d != self.get_quote());
        let fits = others.filter_map(|delimiter| {
            let rows = rows(text, delimiter, self.get_quote(), is_cut);
            Some((delimiter, fit(&rows, delimiter)?))
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

/// What `sep=;` in the first line says, and the lines after it: Excel writes and reads such a line.
fn separator_line(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let line = line.trim_end_matches('\r').trim_matches('"');
    match line.strip_prefix("sep=")?.as_bytes() {
        &[separator] if separator.is_ascii() => Some((separator, rest)),
        _ => None,
    }
}

/// The first rows; not one that is cut.
fn rows(text: &str, delimiter: u8, quote: u8, is_cut: bool) -> Vec<StringRecord> {
    let mut reader = ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter).quote(quote);
    let rows = reader.from_reader(text.as_bytes()).into_records();
    let mut rows: Vec<StringRecord> = rows.map_while(Result::ok).take(ROWS + 1).collect();
    if rows.len() > ROWS || is_cut && rows.len() > 1 {
        rows.pop();
    }
    rows
}

/// The share of rows with as many cells as the first, less the share of cells that hold another delimiter and are no number;
/// `None` if the first row has one cell.
fn fit(rows: &[StringRecord], delimiter: u8) -> Option<f64> {
    let width = rows.first().map(StringRecord::len).filter(|&width| width > 1)?;
    let is_even = |row: &&StringRecord| {
        let is_trailing = || row.iter().skip(width).all(|cell| cell.trim().is_empty());
        row.len() == width || row.len() > width && is_trailing()
    };
    let is_number = |cell: &str| {
        let one = |has_comma| Numbers { has_comma, is_grouped: true }.parse(cell).is_some();
        one(false) || one(true)
    };
    let is_other = |byte: u8| byte != delimiter && DELIMITERS.contains(&byte);
    let is_odd = |cell: &&str| cell.bytes().any(is_other) && !is_number(cell.trim());
    let cells = || rows.iter().flat_map(StringRecord::iter);
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let even = share(rows.iter().filter(is_even).count(), rows.len());
    let odd = share(cells().filter(is_odd).count(), cells().count());
    // A character of the first line alone separates nothing.
    (even >= 0.5).then_some(even - odd)
}

fn has_comma<'a>(cells: impl Iterator<Item = &'a str>, delimiter: u8) -> bool {
    let number = |has_comma, cell| Numbers { has_comma, is_grouped: true }.parse(cell).is_some();
    // Sure ones, and those that are thousands to the other side.
    let (mut comma, mut point, mut either) = (0, 0, [0, 0]);
    for cell in cells.filter(|cell| cell.contains([',', '.'])) {
        match (number(true, cell), number(false, cell)) {
            (true, false) => comma += 1,
            (false, true) => point += 1,
            (true, true) => either[usize::from(cell.contains('.'))] += 1,
            (false, false) => {}
        }
    }
    let is_open = comma == 0 && point == 0;
    comma > point || is_open && delimiter == b';' && either[0] > 0 && either[1] == 0
}

/// Whether the first row has names: see [`CsvOptions::detect`].
fn has_head(first: &StringRecord, columns: &[Column]) -> bool {
    let cells = || first.iter().map(str::trim).zip(columns).filter(|(cell, _)| !is_missing(cell));
    let number =
        |(cell, column): (&str, &Column)| column.reading_as(ColumnType::Number).number(cell);
    let numbers: Vec<f64> = cells().filter_map(number).collect();
    if !numbers.is_empty() && numbers.len() == cells().count() {
        return false;
    }
    let is_year = |number: &f64| number.fract() == 0.0 && (1800.0..2200.0).contains(number);
    if numbers.len() > 1 && numbers.iter().all(is_year) && numbers.is_sorted_by(|a, b| a < b) {
        return true;
    }
    let is_typed =
        |column: &Column| !column.is_all_missing() && column.column_type() != ColumnType::Category;
    let typed = cells().filter(|(_, column)| is_typed(column));
    let (fitting, names): (Vec<_>, Vec<_>) =
        typed.partition(|(cell, column)| column.reading.fits(cell));
    names.len() >= fitting.len()
}

/// What parts the digits of a column of numbers.
fn separator(column: &Column) -> Option<char> {
    match column.reading {
        Reading::Number(numbers) => column.cells().flatten().find_map(|c| numbers.separator(c)),
        _ => None,
    }
}

/// Whether all lines have empty cells, and nothing else, behind the last cell of the first that has anything in it; a head line
/// need not.
fn has_trailing(first: &StringRecord, below: &[StringRecord], has_head: bool) -> bool {
    let width = |row: &StringRecord| {
        row.len() - row.iter().rev().take_while(|cell| cell.trim().is_empty()).count()
    };
    let rows = || below.iter().chain((!has_head).then_some(first));
    let named = width(first);
    named > 0 && !below.is_empty() && rows().all(|row| width(row) <= named && row.len() > named)
}

#[cfg(test)]
mod tests;
