//! Tables from CSV files.

mod detect;
mod encoding;
mod guess;
mod lines;
mod names;
mod options;
mod source;

use std::fs::File;
use std::io::{self, Chain, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

pub use self::encoding::Encoding;
use self::lines::Lines;
pub use self::options::CsvOptions;
pub use self::source::Peeked;
use self::source::Source;
use super::cell::Reading;
use super::contents::Table;
use super::remark::Remark;
use crate::check::Argument;
use crate::error::{Result, TableError, TrainError};

/// A row that is put behind the file: where it does not come back as a row, a quoted cell had no end and swallowed it.
/// None of its characters can be a delimiter or a quote.
const LAST: &[u8] = b"\n\0\x1e\x1f\x1e\0\n";

impl Table {
    /// Reads a CSV file with a head line. It may be packed by gzip, whatever its name is.
    ///
    /// How other files are written is found out by [`CsvOptions::detect`].
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
    /// one name, bytes that are not UTF-8 or are 0, a quoted cell without an end, gzip that is not whole, a delimiter or quote that cannot be
    /// one.
    pub fn from_reader(reader: impl Read, options: &CsvOptions) -> Result<Self> {
        Chunks::new(reader, None, options, usize::MAX)?.whole()
    }

    /// Reads a CSV file with a head line part after part, each a table of `rows` rows, the last one of what is left; for files
    /// larger than memory.
    ///
    /// The types of the columns are found anew in each part. An encoder does not depend on them, for it reads cells by
    /// the types that it was fitted with. Fit it on some parts put aside for it, or on a table that is a sample of the
    /// file. It also keeps the order of day and month. Only one thing is decided in each part alone, in a file where
    /// some columns have a decimal comma and others do not: whether a cell such as `1.234` has thousands or decimals.
    ///
    /// # Errors
    /// As [`read`](Self::read): errors of the first line here, errors of a row when its part is reached;
    /// [`TrainError::Value`] for 0 rows.
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

    /// As [`chunks`](Self::chunks), of anything that gives bytes, such as standard input.
    ///
    /// # Errors
    /// As [`from_reader`](Self::from_reader), errors of a row when its part is reached; [`TrainError::Value`] for 0
    /// rows.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let text = "x\n1\n2\n3\n".as_bytes();
    /// let parts = Table::chunks_from(text, &CsvOptions::default(), 2)?;
    /// let rows: Vec<usize> = parts.map(|part| part.map(|table| table.len())).collect::<Result<_, _>>()?;
    /// assert_eq!(rows, [2, 1]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn chunks_from<R: Read>(reader: R, options: &CsvOptions, rows: usize) -> Result<Chunks<R>> {
        Argument::new("Table::chunks", "rows", rows as f64).positive()?;
        Chunks::new(reader, None, options, rows)
    }
}

/// The parts of a CSV file, each a table: see [`Table::chunks`]. It ends after the first error.
#[derive(Debug)]
pub struct Chunks<R> {
    reader: Reader<Lines<Chain<Source<R>, &'static [u8]>>>,
    path: Option<PathBuf>,
    names: Vec<String>,
    remarks: Vec<Remark>,
    readings: Arc<[Reading]>,
    /// Whether rows may end in delimiters without cells after them.
    has_trailing: bool,
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
        let source = Source::new(reader, options.get_encoding());
        let source = source.map_err(|error| read_error(path.as_ref(), None, error))?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(options.get_delimiter())
            .quote(options.get_quote())
            .from_reader(Lines::new(source.chain(LAST)));
        let mut chunks = Self {
            reader,
            path,
            names: Vec::new(),
            remarks: Vec::new(),
            readings: options.readings(),
            has_trailing: options.has_trailing_delimiter(),
            missing: options.get_missing().to_vec(),
            rows,
            record: ByteRecord::new(),
            line: 0,
            is_held: false,
            has_rows: false,
            is_done: false,
        };
        let is_first = chunks.advance()?;
        let is_left = if options.has_separator_line { chunks.advance()? } else { is_first };
        if !is_left {
            return Err(TableError::Empty { path: chunks.path }.into());
        }
        let mut names = chunks.cells(|cell| cell.trim().to_owned())?;
        while chunks.has_trailing && names.len() > 1 && names.pop_if(|n| n.is_empty()).is_some() {}
        if !options.has_head() {
            names.iter_mut().for_each(String::clear);
        }
        names::number(&mut names);
        if options.renames_duplicates() {
            chunks.remarks = names::rename_duplicates(&mut names);
        }
        Table::with_names(chunks.path.clone(), names.clone(), &chunks.readings)?;
        chunks.names = names;
        chunks.is_held = !options.has_head();
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
            let gzip = self.reader.get_ref().get_ref().get_ref().0.gzip_error(&source);
            read_error(self.path.as_ref(), gzip, source)
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
            let (path, line, column) = (self.path.clone(), self.line, self.record.len());
            return Err(TableError::OpenQuote { path, line, column }.into());
        }
        Ok(true)
    }

    /// Something of each cell of `record`.
    fn cells<'a, T>(&'a self, of: impl Fn(&'a str) -> T) -> Result<Vec<T>> {
        let cell = |(cell, column): (&'a [u8], usize)| {
            let error = |_| {
                let (path, line) = (self.path.clone(), self.line);
                TrainError::from(TableError::NotUtf8 { path, line, column })
            };
            if cell.contains(&0) {
                let (path, line) = (self.path.clone(), self.line);
                return Err(TableError::Nul { path, line, column }.into());
            }
            std::str::from_utf8(cell).map(&of).map_err(error)
        };
        self.record.iter().zip(1..).map(cell).collect()
    }

    /// The next rows, at most so many as a part has.
    fn part(&mut self) -> Result<Table> {
        let names = self.names.clone();
        let mut table = Table::with_names(self.path.clone(), names, &self.readings)?;
        table.remark(&self.remarks);
        while table.len() < self.rows && self.advance()? {
            let is_missing = |cell: &str| self.missing.iter().any(|missing| missing == cell.trim());
            let mut cells = self.cells(|cell| if is_missing(cell) { "" } else { cell })?;
            while self.has_trailing
                && cells.len() > self.names.len()
                && cells.pop_if(|last| last.trim().is_empty()).is_some()
            {}
            table.push(self.line, &cells)?;
        }
        table.shrink();
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

/// That a file could not be read, or not unpacked.
fn read_error(path: Option<&PathBuf>, gzip: Option<String>, source: io::Error) -> TrainError {
    if let Some(given) = gzip {
        return TableError::Gzip { path: path.cloned(), given }.into();
    }
    let path = path.cloned().unwrap_or_else(|| PathBuf::from("table"));
    TrainError::Read { path, source }
}

#[cfg(test)]
mod tests;
