//! The table that a command reads.

use std::io;
use std::path::Path;

use tfn_tabular::TabularPredictor;
use tfn_tabular::data::{CsvOptions, Table};
use tfn_tabular::train::Result as TrainResult;

use crate::args::Written;
use crate::failure::Failure;
use crate::output::Output;

/// The name that stands for standard input.
fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// How a table is written, as far as it was said; the rest is found out.
fn options(written: &Written) -> CsvOptions {
    let mut options = CsvOptions::default();
    if let Some(delimiter) = written.delimiter {
        options = options.delimiter(delimiter);
    }
    if written.no_header {
        options = options.without_head();
    }
    if written.decimal_comma {
        options = options.decimal_comma(true);
    }
    if written.day_first {
        options = options.day_first(true);
    }
    written.missing.iter().fold(options, |options, cell| options.missing(cell))
}

/// Says what was found out, where it is not what most files are.
fn say(options: &CsvOptions, output: &Output) {
    let text = options.to_string();
    if text != CsvOptions::default().to_string() {
        output.note(&format!("read with {text}"));
    }
}

/// The whole table.
pub(crate) fn read(path: &Path, written: &Written, output: &Output) -> Result<Table, Failure> {
    read_as(path, options(written), output)
}

/// The whole table, for a model that knows its columns by name: it has a head line unless it was said not to, or the table
/// trained on had none.
pub(crate) fn read_known(
    path: &Path,
    written: &Written,
    predictor: &TabularPredictor,
    output: &Output,
) -> Result<Table, Failure> {
    read_as(path, options_known(written, predictor), output)
}

fn options_known(written: &Written, predictor: &TabularPredictor) -> CsvOptions {
    let options = options(written);
    let columns = &predictor.record().columns;
    let is_place = |name: &str| {
        let place = name.strip_prefix("column_").map(str::parse::<usize>);
        place.is_some_and(|place| place.is_ok())
    };
    let had_no_head = columns.iter().all(|column| is_place(&column.name));
    if written.no_header || had_no_head { options } else { options.with_head() }
}

fn read_as(path: &Path, options: CsvOptions, output: &Output) -> Result<Table, Failure> {
    Ok(if is_stdin(path) {
        let (options, input) = options.detect_reader(io::stdin().lock())?;
        say(&options, output);
        Table::from_reader(input, &options)?
    } else {
        let options = options.detect_rest(path)?;
        say(&options, output);
        Table::read_with(path, &options)?
    })
}

/// As [`read_known`], in parts of so many rows.
pub(crate) fn chunks(
    path: &Path,
    written: &Written,
    predictor: &TabularPredictor,
    rows: usize,
    output: &Output,
) -> Result<Box<dyn Iterator<Item = TrainResult<Table>>>, Failure> {
    let options = options_known(written, predictor);
    Ok(if is_stdin(path) {
        let (options, input) = options.detect_reader(io::stdin().lock())?;
        say(&options, output);
        Box::new(Table::chunks_from(input, &options, rows)?)
    } else {
        let options = options.detect_rest(path)?;
        say(&options, output);
        Box::new(Table::chunks_with(path, &options, rows)?)
    })
}
