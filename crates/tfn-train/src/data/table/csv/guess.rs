//! What the first rows of a CSV file say about how it is written.

use csv::{ReaderBuilder, StringRecord};

use crate::data::table::cell::{ColumnType, Reading, is_missing};
use crate::data::table::column::Column;
use crate::data::table::number::Numbers;

/// Rows that are looked at.
const ROWS: usize = 1000;

/// What cells may be separated by; of two that divide rows as well, that comes first which is rarer within cells.
pub(super) const DELIMITERS: [u8; 4] = [b'\t', b'|', b';', b','];

/// What `sep=;` in the first line says, and the lines after it: Excel writes and reads such a line.
pub(super) fn separator_line(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let line = line.trim_end_matches('\r').trim_matches('"');
    match line.strip_prefix("sep=")?.as_bytes() {
        &[separator] if separator.is_ascii() => Some((separator, rest)),
        _ => None,
    }
}

/// The first rows; not one that is cut.
pub(super) fn rows(text: &str, delimiter: u8, quote: u8, is_cut: bool) -> Vec<StringRecord> {
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
pub(super) fn fit(rows: &[StringRecord], delimiter: u8) -> Option<f64> {
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

pub(super) fn has_comma<'a>(cells: impl Iterator<Item = &'a str>, delimiter: u8) -> bool {
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
pub(super) fn has_head(first: &StringRecord, columns: &[Column]) -> bool {
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
pub(super) fn separator(column: &Column) -> Option<char> {
    match column.reading {
        Reading::Number(numbers) => column.cells().flatten().find_map(|c| numbers.separator(c)),
        _ => None,
    }
}

/// Whether all lines have empty cells, and nothing else, behind the last cell of the first that has anything in it; a head line
/// need not.
pub(super) fn has_trailing(first: &StringRecord, below: &[StringRecord], has_head: bool) -> bool {
    let width = |row: &StringRecord| {
        row.len() - row.iter().rev().take_while(|cell| cell.trim().is_empty()).count()
    };
    let rows = || below.iter().chain((!has_head).then_some(first));
    let named = width(first);
    named > 0 && !below.is_empty() && rows().all(|row| width(row) <= named && row.len() > named)
}
