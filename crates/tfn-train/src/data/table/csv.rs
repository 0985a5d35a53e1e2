//! Tables from CSV files.

mod lines;

use std::fs::File;
use std::io::{self, Chain, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use self::lines::Lines;
use super::contents::Table;
use crate::check::Argument;
use crate::error::{Result, TableError, TrainError};

/// A row that is put behind the file: where it does not come back as a row, a quoted cell had no end and swallowed it.
/// None of its characters can be a delimiter or a quote.
const LAST: &[u8] = b"\n\0\x1e\x1f\x1e\0\n";

/// How a CSV file is written.
///
/// The default is that of most files: a head line of names, cells separated by commas and, where they hold a comma, a quote or
/// the end of a line, enclosed in `"`, a quote inside written twice (RFC 4180). Lines end in LF, CRLF or CR; lines without
/// anything in them are passed over, and so is a byte order mark. The text is UTF-8.
///
/// # Examples
/// ```
/// use tfn_train::data::{CsvOptions, Table};
///
/// let text = "31;'Oslo; west'\n-9;Rome\n";
/// let options = CsvOptions::default().delimiter(b';').quote(b'\'').without_head().missing("-9");
/// let table = Table::from_reader(text.as_bytes(), &options)?;
/// assert_eq!(table.names().collect::<Vec<_>>(), ["column_1", "column_2"]);
/// assert_eq!(table.numbers("column_1")?, [Some(31.0), None]);
/// assert_eq!(table.values("column_2")?[0], Some("Oslo; west"));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    delimiter: u8,
    quote: u8,
    has_head: bool,
    missing: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', has_head: true, missing: Vec::new() }
    }
}

impl CsvOptions {
    /// Sets the character between cells: `b';'`, `b'\t'`.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter, ..self }
    }

    /// Sets the character around cells.
    pub fn quote(self, quote: u8) -> Self {
        Self { quote, ..self }
    }

    /// The first line is a row; columns are named `column_1`, `column_2` and so on.
    pub fn without_head(self) -> Self {
        Self { has_head: false, ..self }
    }

    /// One more way in which the file says that there is no value: `"-"`, `"-999"`.
    pub fn missing(mut self, cell: &str) -> Self {
        self.missing.push(cell.trim().to_owned());
        self
    }

    fn check(&self) -> Result<()> {
        let error = |argument, byte: u8, expected| {
            Err(TableError::Character { argument, given: char::from(byte), expected }.into())
        };
        let is_good = |byte: u8| byte == b'\t' || (b' '..0x7f).contains(&byte);
        let expected = "a tab or a printable character of ASCII";
        match (self.delimiter, self.quote) {
            (delimiter, _) if !is_good(delimiter) => error("delimiter", delimiter, expected),
            (_, quote) if !is_good(quote) => error("quote", quote, expected),
            (delimiter, quote) if delimiter == quote => {
                error("quote", quote, "another character than `delimiter`")
            }
            _ => Ok(()),
        }
    }
}

impl Table {
    /// Reads a CSV file with a head line.
    ///
    /// # Errors
    /// [`TrainError::Read`] for a file that cannot be read; else as [`from_reader`](Self::from_reader), with the path.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::Table;
    ///
    /// # let dir = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
    /// # let path = dir.path().join("trees.csv");
    /// # std::fs::write(&path, "girth,height,kind\n8.3,70,oak\n8.6,,elm\n").map_err(|source| tfn_train::TrainError::Read { path: path.clone(), source })?;
    /// let table = Table::read(&path)?;
    /// assert_eq!(table.numbers("height")?, [Some(70.0), None]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_with(path, &CsvOptions::default())
    }

    /// Reads a CSV file that is written as `options` say.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Self> {
        Chunks::open(path.as_ref(), options, usize::MAX)?.whole()
    }

    /// Reads CSV from anything that gives bytes.
    ///
    /// # Errors
    /// [`TableError`]: nothing there, no rows after the head line, rows of another length than the first line, two columns of
    /// one name, bytes that are not UTF-8, a quoted cell without an end, a delimiter or quote that cannot be one.
    pub fn from_reader(reader: impl Read, options: &CsvOptions) -> Result<Self> {
        Chunks::new(reader, None, options, usize::MAX)?.whole()
    }

    /// Reads a CSV file with a head line part after part, each a table of `rows` rows, the last one of what is left; for files
    /// larger than memory.
    ///
    /// Columns get their types in each part anew. That does not matter to an encoder, which reads cells as what they were where it was
    /// fitted: on some parts put aside for it, or on a table that is a sample of the file.
    ///
    /// # Errors
    /// As [`read`](Self::read), of the first line here, of rows where they are come to; [`TrainError::Value`] for 0 rows.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{Table, TableEncoder};
    ///
    /// # let dir = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
    /// # let path = dir.path().join("long.csv");
    /// # let rows: String = (0..10).map(|i| format!("{i},{}\n", 2 * i)).collect();
    /// # std::fs::write(&path, format!("x,y\n{rows}")).map_err(|source| tfn_train::TrainError::Read { path: path.clone(), source })?;
    /// let Some(first) = Table::chunks(&path, 4)?.next() else { return Ok(()) };
    /// let encoder = TableEncoder::regression("y").fit(&first?)?;
    /// let mut sum = 0.0;
    /// for table in Table::chunks(&path, 4)? {
    ///     sum += encoder.encode(&table?)?.features.sum().to_f64_vec()?[0];
    /// }
    /// assert_eq!(sum, 45.0);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn chunks(path: impl AsRef<Path>, rows: usize) -> Result<Chunks<File>> {
        Self::chunks_with(path, &CsvOptions::default(), rows)
    }

    /// As [`chunks`](Self::chunks), of a file that is written as `options` say.
    ///
    /// # Errors
    /// As [`chunks`](Self::chunks).
    pub fn chunks_with(
        path: impl AsRef<Path>,
        options: &CsvOptions,
        rows: usize,
    ) -> Result<Chunks<File>> {
        Argument::new("Table::chunks", "rows", rows as f64).positive()?;
        Chunks::open(path.as_ref(), options, rows)
    }
}

/// The parts of a CSV file, each a table: see [`Table::chunks`]. It ends after the first error.
#[derive(Debug)]
pub struct Chunks<R> {
    reader: Reader<Lines<Chain<R, &'static [u8]>>>,
    path: Option<PathBuf>,
    names: Vec<String>,
    missing: Vec<String>,
    rows: usize,
    record: ByteRecord,
    /// The line that `record` begins on.
    line: u64,
    /// `record` is the first row of a file without a head line, which is not handed out yet.
    is_held: bool,
    has_rows: bool,
    is_done: bool,
}

impl Chunks<File> {
    fn open(path: &Path, options: &CsvOptions, rows: usize) -> Result<Self> {
        let file = File::open(path).map_err(|error| TrainError::read(path, error))?;
        Self::new(file, Some(path.to_owned()), options, rows)
    }
}

impl<R: Read> Chunks<R> {
    fn new(reader: R, path: Option<PathBuf>, options: &CsvOptions, rows: usize) -> Result<Self> {
        options.check()?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(options.delimiter)
            .quote(options.quote)
            .from_reader(Lines::new(reader.chain(LAST)));
        let mut chunks = Self {
            reader,
            path,
            names: Vec::new(),
            missing: options.missing.clone(),
            rows,
            record: ByteRecord::new(),
            line: 0,
            is_held: false,
            has_rows: false,
            is_done: false,
        };
        if !chunks.advance()? {
            return Err(TableError::Empty { path: chunks.path }.into());
        }
        let line = chunks.line;
        let name = |(cell, place): (&[u8], usize)| {
            let name =
                std::str::from_utf8(cell).map(str::trim).map_err(|_| chunks.not_utf8(line))?;
            let is_named = options.has_head && !name.is_empty();
            Ok(if is_named { name.to_owned() } else { format!("column_{place}") })
        };
        let names = chunks.record.iter().zip(1..).map(name).collect::<Result<Vec<String>>>()?;
        Table::with_names(chunks.path.clone(), names.clone())?;
        chunks.names = names;
        chunks.is_held = !options.has_head;
        Ok(chunks)
    }

    /// Reads the next row into `record`; `false` if there is none.
    fn advance(&mut self) -> Result<bool> {
        if std::mem::take(&mut self.is_held) {
            return Ok(true);
        }
        let found = self.reader.read_byte_record(&mut self.record).map_err(|error| {
            let source = match error.into_kind() {
                ErrorKind::Io(source) => source,
                other => io::Error::other(format!("{other:?}")),
            };
            let path = self.path.clone().unwrap_or_else(|| PathBuf::from("table"));
            TrainError::Read { path, source }
        })?;
        let start = self.record.position().map_or(0, csv::Position::byte);
        self.line = self.reader.get_mut().line_at(start);
        let last = self.record.iter().next_back().unwrap_or_default();
        let mark = LAST.trim_ascii();
        if !found || (self.record.len() == 1 && last == mark) {
            return Ok(false);
        }
        // A closing quote never comes: the cell holds the mark and all that is before it.
        if last.trim_ascii_end().ends_with(mark) {
            return Err(TableError::OpenQuote { path: self.path.clone(), line: self.line }.into());
        }
        Ok(true)
    }

    fn not_utf8(&self, line: u64) -> TrainError {
        TableError::NotUtf8 { path: self.path.clone(), line }.into()
    }

    /// The next rows, at most so many as a part has.
    fn part(&mut self) -> Result<Table> {
        let mut table = Table::with_names(self.path.clone(), self.names.clone())?;
        while table.len() < self.rows && self.advance()? {
            let line = self.line;
            let cell = |cell| {
                let cell = std::str::from_utf8(cell).map_err(|_| self.not_utf8(line))?;
                let is_missing = self.missing.iter().any(|missing| missing == cell.trim());
                Ok(if is_missing { "" } else { cell })
            };
            let cells = self.record.iter().map(cell).collect::<Result<Vec<&str>>>()?;
            table.push(line, &cells)?;
        }
        Ok(table)
    }

    fn whole(mut self) -> Result<Table> {
        let no_rows = TableError::NoRows { path: self.path.clone() };
        self.next().unwrap_or_else(|| Err(no_rows.into()))
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let part = self.part();
        let is_empty = part.as_ref().is_ok_and(Table::is_empty);
        self.is_done = is_empty || part.is_err();
        if is_empty && self.has_rows {
            return None;
        }
        self.has_rows = true;
        let no_rows = || TableError::NoRows { path: self.path.clone() };
        Some(if is_empty { Err(no_rows().into()) } else { part })
    }
}

#[cfg(test)]
mod tests;
