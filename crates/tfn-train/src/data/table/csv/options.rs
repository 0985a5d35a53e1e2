//! How a CSV file is written.

use std::fmt;
use std::sync::Arc;

use super::encoding::Encoding;
use crate::data::table::cell::Reading;
use crate::data::table::date::Dates;
use crate::data::table::number::Numbers;
use crate::error::{Result, TableError};

/// How a CSV file is written.
///
/// The default is that of most files: a head line of names, cells separated by commas and, where they hold a comma, a quote or
/// the end of a line, enclosed in `"`, a quote inside written twice (RFC 4180). Lines end in LF, CRLF or CR; lines without
/// anything in them are passed over, and so is a byte order mark. The text is UTF-8. Numbers are as programs write them, dates as
/// ISO 8601 has them.
///
/// [`detect`](Self::detect) finds out what another file is like. What was said before it by one of the setters stays.
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
    pub(super) delimiter: Option<u8>,
    quote: u8,
    pub(super) has_head: Option<bool>,
    missing: Vec<String>,
    pub(super) encoding: Option<Encoding>,
    pub(super) has_comma: Option<bool>,
    pub(super) is_grouped: Option<bool>,
    /// What parts the groups of the digits that were looked at.
    pub(super) separator: Option<char>,
    /// Tried in this order.
    pub(super) dates: Option<Vec<Dates>>,
    pub(super) renames_duplicates: Option<bool>,
    pub(super) has_trailing_delimiter: Option<bool>,
    /// The first line only says what the delimiter is.
    pub(super) has_separator_line: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: b'"',
            has_head: None,
            missing: Vec::new(),
            encoding: None,
            has_comma: None,
            is_grouped: None,
            separator: None,
            dates: None,
            renames_duplicates: None,
            has_trailing_delimiter: None,
            has_separator_line: false,
        }
    }
}

/// The setters.
impl CsvOptions {
    /// Sets the character between cells: `b';'`, `b'\t'`. Default: a comma.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter: Some(delimiter), ..self }
    }

    /// Sets the character around cells. Default: `"`.
    pub fn quote(self, quote: u8) -> Self {
        Self { quote, ..self }
    }

    /// The first line has the names of the columns, as by default.
    pub fn with_head(self) -> Self {
        Self { has_head: Some(true), ..self }
    }

    /// The first line is a row; columns are named `column_1`, `column_2` and so on.
    pub fn without_head(self) -> Self {
        Self { has_head: Some(false), ..self }
    }

    /// One more way in which the file says that there is no value: `"-"`, `"-999"`.
    pub fn missing(mut self, cell: &str) -> Self {
        self.missing.push(cell.trim().to_owned());
        self
    }

    /// Sets the encoding of the characters. Default: UTF-8.
    pub fn encoding(self, encoding: Encoding) -> Self {
        Self { encoding: Some(encoding), ..self }
    }

    /// The file is in Latin-1 or Windows-1252, which has it as a part.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let table = Table::from_reader(&b"city\nK\xf6ln\n"[..], &CsvOptions::default().latin1())?;
    /// assert_eq!(table.values("city")?, [Some("Köln")]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn latin1(self) -> Self {
        self.encoding(Encoding::Windows1252)
    }

    /// Sets whether numbers are written `1,5`. A column of which not all cells are such numbers may have them as programs write
    /// them. Default: no.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let options = CsvOptions::default().delimiter(b';').decimal_comma(true).thousands(true);
    /// let table = Table::from_reader(&b"x;y\n1,5;1.234,5\n-2;7\n"[..], &options)?;
    /// assert_eq!(table.numbers("x")?, [Some(1.5), Some(-2.0)]);
    /// assert_eq!(table.numbers("y")?, [Some(1234.5), Some(7.0)]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn decimal_comma(self, has_comma: bool) -> Self {
        Self { has_comma: Some(has_comma), ..self }
    }

    /// Sets whether digits may be in groups of three: `1,234.5`, `1 234`, `1'234`, and with a decimal comma `1.234,5`. Default: no.
    pub fn thousands(self, is_grouped: bool) -> Self {
        Self { is_grouped: Some(is_grouped), ..self }
    }

    /// Dates may be written in other ways than `2024-02-29`, and `03/04/2024` is in April if `day_first`, else in March.
    ///
    /// The other ways are `2024/02/29`, `29.02.2024`, `Feb 29, 2024` and `29 Feb 2024`; times may have a zone such as `+02:00`, and
    /// become those of UTC. A column may have several of them. Default: only ISO 8601 without zones.
    ///
    /// Counterpart: pandas' argument `dayfirst`.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let options = CsvOptions::default().day_first(true);
    /// let table = Table::from_reader(&b"day\n02/01/1970\n3 Jan 1970\n1970-01-04\n"[..], &options)?;
    /// assert_eq!(table.numbers("day")?, [Some(1.0), Some(2.0), Some(3.0)]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn day_first(self, day_first: bool) -> Self {
        let order = if day_first { Dates::DayFirst } else { Dates::MonthFirst };
        Self { dates: Some(vec![order]), ..self }
    }

    /// Sets whether a second column of a name `x` becomes `x_2`, said by [`Remark::Renamed`](crate::data::Remark::Renamed).
    /// Default: no, it is an error.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let options = CsvOptions::default().rename_duplicates(true);
    /// let table = Table::from_reader(&b"x,x\n1,2\n"[..], &options)?;
    /// assert_eq!(table.names().collect::<Vec<_>>(), ["x", "x_2"]);
    /// assert_eq!(table.remarks()[0].to_string(), "column 2 is named `x` as an earlier one: now `x_2`");
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn rename_duplicates(self, renames: bool) -> Self {
        Self { renames_duplicates: Some(renames), ..self }
    }

    /// Sets whether lines may end in delimiters after which there are no cells. Default: no, they end in empty cells.
    ///
    /// # Examples
    /// ```
    /// use tfn_train::data::{CsvOptions, Table};
    ///
    /// let options = CsvOptions::default().trailing_delimiter(true);
    /// let table = Table::from_reader(&b"x,y,\n1,2,\n"[..], &options)?;
    /// assert_eq!(table.names().collect::<Vec<_>>(), ["x", "y"]);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn trailing_delimiter(self, has_trailing_delimiter: bool) -> Self {
        Self { has_trailing_delimiter: Some(has_trailing_delimiter), ..self }
    }
}

/// What was said or detected.
impl CsvOptions {
    /// The character between cells.
    pub fn get_delimiter(&self) -> u8 {
        self.delimiter.unwrap_or(b',')
    }

    /// The character around cells.
    pub fn get_quote(&self) -> u8 {
        self.quote
    }

    /// Whether the first line has the names of the columns.
    pub fn has_head(&self) -> bool {
        self.has_head.unwrap_or(true)
    }

    /// Cells that say that there is no value, beside those that always do.
    pub fn get_missing(&self) -> &[String] {
        &self.missing
    }

    /// The encoding of the characters.
    pub fn get_encoding(&self) -> Encoding {
        self.encoding.unwrap_or(Encoding::Utf8)
    }

    /// Whether numbers are written `1,5`.
    pub fn has_decimal_comma(&self) -> bool {
        self.has_comma.unwrap_or(false)
    }

    /// Whether digits may be in groups of three.
    pub fn has_thousands(&self) -> bool {
        self.is_grouped.unwrap_or(false)
    }

    /// The character that parts groups of digits in the first column that was seen to have them, if the file was looked at.
    pub fn get_thousands(&self) -> Option<char> {
        self.separator
    }

    /// Whether a second column of a name gets another.
    pub fn renames_duplicates(&self) -> bool {
        self.renames_duplicates.unwrap_or(false)
    }

    /// Whether lines may end in delimiters after which there are no cells.
    pub fn has_trailing_delimiter(&self) -> bool {
        self.has_trailing_delimiter.unwrap_or(false)
    }

    /// What cells are tried as, in this order.
    pub(super) fn readings(&self) -> Arc<[Reading]> {
        let (has_comma, is_grouped) = (self.has_decimal_comma(), self.has_thousands());
        let mut readings = vec![Reading::Number(Numbers { has_comma, is_grouped })];
        if has_comma {
            readings.push(Reading::Number(Numbers::PLAIN));
        }
        readings.push(Reading::Boolean);
        let dates = self.dates.as_deref().unwrap_or(&[Dates::Iso]);
        readings.extend(dates.iter().map(|&dates| Reading::Date(dates)));
        readings.push(Reading::Category);
        readings.into()
    }

    pub(super) fn check(&self) -> Result<()> {
        let error = |argument, byte: u8, expected| {
            Err(TableError::Character { argument, given: char::from(byte), expected }.into())
        };
        let is_good = |byte: u8| byte == b'\t' || (b' '..0x7f).contains(&byte);
        let expected = "a tab or a printable character of ASCII";
        match (self.get_delimiter(), self.quote) {
            (delimiter, _) if !is_good(delimiter) => error("delimiter", delimiter, expected),
            (_, quote) if !is_good(quote) => error("quote", quote, expected),
            (delimiter, quote) if delimiter == quote => {
                error("quote", quote, "another character than `delimiter`")
            }
            _ => Ok(()),
        }
    }
}

/// In words, what is not as most files have it beside the delimiter: ``delimiter `;`, decimal comma``.
impl fmt::Display for CsvOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get_delimiter() {
            b'\t' => f.write_str("delimiter tab")?,
            other => write!(f, "delimiter `{}`", char::from(other))?,
        }
        if self.quote != b'"' {
            write!(f, ", quote `{}`", char::from(self.quote))?;
        }
        if self.has_decimal_comma() {
            f.write_str(", decimal comma")?;
        }
        match self.separator {
            Some(separator) if separator.is_whitespace() => f.write_str(", thousands by spaces")?,
            Some(separator) => write!(f, ", thousands by `{separator}`")?,
            None => {}
        }
        if !self.has_head() {
            f.write_str(", no head line")?;
        }
        if self.get_encoding() != Encoding::Utf8 {
            write!(f, ", {}", self.get_encoding().name())?;
        }
        Ok(())
    }
}
