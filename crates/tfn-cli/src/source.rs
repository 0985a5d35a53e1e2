//! The table that a command reads.

use std::io;
use std::path::Path;

use tfn_tabular::data::{CsvOptions, Table};

use crate::args::Written;
use crate::failure::Failure;

/// The name that stands for standard input.
fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// How a table is written, as far as it was said.
fn options(written: &Written) -> CsvOptions {
    let mut options = CsvOptions::default();
    if let Some(delimiter) = written.delimiter {
        options = options.delimiter(delimiter);
    }
    if written.no_header {
        options = options.without_head();
    }
    written.missing.iter().fold(options, |options, cell| options.missing(cell))
}

/// The whole table.
pub(crate) fn read(path: &Path, written: &Written) -> Result<Table, Failure> {
    Ok(if is_stdin(path) {
        Table::from_reader(io::stdin().lock(), &options(written))?
    } else {
        Table::read_with(path, &options(written))?
    })
}

/// The table in parts of so many rows.
pub(crate) fn chunks(
    path: &Path,
    written: &Written,
    rows: usize,
) -> Result<Box<dyn Iterator<Item = tfn_tabular::train::Result<Table>>>, Failure> {
    Ok(if is_stdin(path) {
        Box::new(std::iter::once(Ok(read(path, written)?)))
    } else {
        Box::new(Table::chunks_with(path, &options(written), rows)?)
    })
}
