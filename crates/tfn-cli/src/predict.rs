//! `tfn predict`.

use std::io::{self, BufWriter, Write};

use serde_json::{Map, Value, json};
use tfn_tabular::data::{Remark, Table};
use tfn_tabular::{Answers, Asked, Predicted, TabularPredictor};

use crate::args::{Format, Predict};
use crate::failure::Failure;
use crate::numbers::{count, json, short};
use crate::output::{Output, check_output, whole_file};
use crate::source;
use crate::threads::in_pool;

/// Rows that are answered at a time.
const ROWS: usize = 8192;
/// Remarks that are said, of all parts together.
const REMARKS: usize = 10;

pub(crate) fn run(args: &Predict, output: &Output) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        check_output(path, &[&args.model, &args.data])?;
    }
    let predictor = TabularPredictor::load(&args.model).map_err(Failure::model(&args.model))?;
    let chunks = source::chunks(&args.data, &args.written, &predictor, ROWS, output)?;
    match &args.output {
        None => {
            let out = BufWriter::new(io::stdout().lock());
            answer(args, &predictor, chunks, out, "standard output", output)
        }
        Some(path) => whole_file(path, |out| {
            answer(args, &predictor, chunks, out, &path.display().to_string(), output)
        }),
    }
}

fn answer(
    args: &Predict,
    predictor: &TabularPredictor,
    chunks: impl Iterator<Item = tfn_tabular::train::Result<Table>>,
    mut out: impl Write,
    name: &str,
    output: &Output,
) -> Result<(), Failure> {
    let writer = Writer { args, predictor, target: &predictor.record().target };
    let (mut rows, mut outside, mut remarks) = (0, 0, Vec::new());
    for chunk in chunks {
        let table = chunk?;
        let level = &args.level;
        let asked = Asked {
            level: level.level,
            conformal: !level.raw,
            draws: level.draws,
            first_row: rows as u64,
        };
        let answers = in_pool(level.threads, || predictor.predict(&table, &asked))?
            .map_err(|error| Failure::of_answers(error, predictor.record()))?;
        let text = writer.text(&table, &answers, rows == 0)?;
        out.write_all(text.as_bytes()).map_err(Failure::io(name))?;
        for remark in answers.remarks {
            if !remarks.iter_mut().any(|all: &mut Remark| all.merge(&remark, rows)) {
                remarks.push(remark);
            }
        }
        rows += table.len();
        outside += answers.out_of_range.iter().filter(|columns| !columns.is_empty()).count();
    }
    out.flush().map_err(Failure::io(name))?;
    for remark in remarks.iter().take(REMARKS) {
        output.note(&remark.to_string());
    }
    if let Some(more) = remarks.len().checked_sub(REMARKS).filter(|&more| more > 0) {
        output.note(&format!("and {} more", count(more, "remark")));
    }
    let share = 100.0 * outside as f64 / rows.max(1) as f64;
    let rows = count(rows, "row");
    output.note(&format!(
        "{rows}, {outside} of them ({share:.1} %) out of range of the rows trained on"
    ));
    Ok(())
}

/// Writes answers.
struct Writer<'a> {
    args: &'a Predict,
    predictor: &'a TabularPredictor,
    target: &'a str,
}

impl Writer<'_> {
    /// The answers of a part of the table, with a head line if it is the first.
    fn text(&self, table: &Table, answers: &Answers, is_first: bool) -> Result<String, Failure> {
        let kept = self.args.keep.iter().map(|column| table.values(column));
        let kept = kept.collect::<tfn_tabular::train::Result<Vec<_>>>()?;
        let own = self.names();
        if let Some(name) = self.args.keep.iter().find(|name| own.contains(name)) {
            return Err(Failure::Usage(format!(
                "--keep: the answers have a column `{name}` of their own, expected other columns"
            )));
        }
        let names: Vec<String> = self.args.keep.iter().cloned().chain(own).collect();
        let mut text = String::new();
        if is_first && self.args.format == Format::Csv {
            line(&mut text, names.iter().map(String::as_str));
        }
        for row in 0..table.len() {
            let kept =
                kept.iter().map(|cells| Cell::Text(cells[row].unwrap_or_default().to_owned()));
            let cells: Vec<Cell> = kept.chain(self.cells(answers, row)).collect();
            match self.args.format {
                Format::Csv => {
                    let cells: Vec<String> = cells.into_iter().map(Cell::text).collect();
                    line(&mut text, cells.iter().map(String::as_str));
                }
                Format::Jsonl => {
                    let values = cells.into_iter().map(Cell::json);
                    let object: Map<String, Value> = names.iter().cloned().zip(values).collect();
                    text.push_str(&Value::Object(object).to_string());
                    text.push('\n');
                }
            }
        }
        Ok(text)
    }

    fn names(&self) -> Vec<String> {
        let target = self.target;
        let mut names = vec![target.to_owned()];
        let mut add = |endings: &[&str]| {
            names.extend(endings.iter().map(|ending| format!("{target}_{ending}")));
        };
        match self.predictor.classes() {
            None => add(&["lower", "upper", "stddev"]),
            Some(_) => add(&["probability", "set", "entropy"]),
        }
        add(&["epistemic_share", "aleatoric_share"]);
        names.push("out_of_range".to_owned());
        if self.args.probabilities {
            let classes = self.predictor.classes().unwrap_or_default();
            names.extend(classes.iter().map(|class| format!("{target}_is_{class}")));
        }
        names
    }

    fn cells(&self, answers: &Answers, row: usize) -> Vec<Cell> {
        let outside = Cell::Text(answers.out_of_range[row].join("|"));
        match &answers.predicted {
            Predicted::Numbers(all) => {
                let share = all.epistemic_share[row];
                let numbers = [
                    all.mean[row],
                    all.lower[row],
                    all.upper[row],
                    all.stddev[row],
                    share,
                    1.0 - share,
                ];
                numbers.map(Cell::Number).into_iter().chain([outside]).collect()
            }
            Predicted::Classes(all) => {
                let classes = self.predictor.classes().unwrap_or_default();
                let name = |label: usize| classes.get(label).map_or("", String::as_str);
                let set: Vec<&str> = all.set[row].iter().map(|&label| name(label)).collect();
                let (label, share) = (all.label[row], all.epistemic_share[row]);
                let mut cells = vec![
                    Cell::Text(name(label).to_owned()),
                    Cell::Number(all.probs[row][label]),
                    Cell::Text(set.join("|")),
                    Cell::Number(all.entropy[row]),
                    Cell::Number(share),
                    Cell::Number(1.0 - share),
                    outside,
                ];
                if self.args.probabilities {
                    cells.extend(all.probs[row].iter().map(|&p| Cell::Number(p)));
                }
                cells
            }
        }
    }
}

/// What is written of an answer. An empty text is nothing.
enum Cell {
    Text(String),
    /// With six digits.
    Number(f64),
}

impl Cell {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => short(number),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Text(text) if text.is_empty() => Value::Null,
            Self::Text(text) => json!(text),
            Self::Number(number) => match short(number).parse().map(json) {
                Ok(Value::Null) | Err(_) => json!(short(number)),
                Ok(rounded) => rounded,
            },
        }
    }
}

/// A line of CSV (RFC 4180).
fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut text = String::new();
        line(&mut text, ["a", "b,c", "d\"e", "f\ng", ""].into_iter());
        assert_eq!(text, "a,\"b,c\",\"d\"\"e\",\"f\ng\",\n");
        assert_eq!(Cell::Number(1.0 / 3.0).text(), "0.333333");
        assert_eq!(Cell::Number(f64::NEG_INFINITY).text(), "-inf");
        assert_eq!(Cell::Number(1.0 / 3.0).json(), json!(0.333333));
        assert_eq!(Cell::Number(f64::NEG_INFINITY).json(), json!("-inf"));
        assert_eq!(Cell::Text(String::new()).json(), Value::Null);
    }
}
