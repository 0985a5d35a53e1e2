//! The table of errors.

use std::fmt::Write;

use tfn_distributions::tensor::{Tensor, Variable};
use tfn_distributions::{Distribution, DistributionError, Parameter, Result};

use crate::families::{SUBJECTS, Subject};
use crate::points::{Columns, Worst};
use crate::statrs_peer;

/// One quantity of one family.
pub(crate) struct Row {
    pub(crate) family: &'static str,
    pub(crate) quantity: String,
    pub(crate) ours: Worst,
    pub(crate) statrs: Option<Worst>,
    pub(crate) tfp: Option<Worst>,
    pub(crate) note: &'static str,
}

impl Row {
    /// Whether ours is the best one, to 4 ULP.
    pub(crate) fn is_best(&self) -> bool {
        self.ours.is_best_of(&[self.statrs, self.tfp])
    }
}

/// All rows, families in the order of `SUBJECTS`.
pub(crate) fn rows() -> Vec<Row> {
    SUBJECTS.iter().flat_map(rows_of).collect()
}

fn rows_of(subject: &Subject) -> Vec<Row> {
    let columns = Columns::read(subject.name);
    let tfp = Columns::read(&format!("{}.tfp", subject.name));
    let ours = Ours::new(subject, &columns);
    let mut rows = Vec::new();
    for quantity in columns.quantities() {
        let Some(results) = ours.results(quantity) else { continue };
        let worst = |results: &Vec<Vec<f64>>| Worst::of(&columns, quantity, results);
        let statrs = subject.statrs.and_then(|peer| statrs_peer::results(peer, &columns, quantity));
        rows.push(Row {
            family: subject.name,
            quantity: quantity.to_owned(),
            ours: worst(&results),
            statrs: statrs.as_ref().map(worst),
            tfp: tfp.get(quantity).map(worst),
            note: subject.notes.iter().find(|(of, _)| *of == quantity).map_or("", |(_, note)| note),
        });
    }
    rows
}

/// One family of ours at all of its points.
struct Ours<'a> {
    columns: &'a Columns,
    inputs: Vec<(String, Variable)>,
    distribution: std::sync::Arc<dyn Distribution>,
}

impl<'a> Ours<'a> {
    fn new(subject: &Subject, columns: &'a Columns) -> Self {
        let names = columns.parameters().chain(["value"]);
        let inputs: Vec<_> = names
            .map(|name| {
                (name.to_owned(), Variable::new(name, square(name, columns.tensor(name))).unwrap())
            })
            .collect();
        let parameters: Vec<Parameter> =
            inputs.iter().map(|(_, variable)| variable.into()).collect();
        let distribution = (subject.make)(&parameters).unwrap();
        Self { columns, inputs, distribution }
    }

    /// A quantity, row by row; `None` if the family has no such method.
    fn results(&self, quantity: &str) -> Option<Vec<Vec<f64>>> {
        let result = match quantity.strip_prefix("d_") {
            Some(slope) => self.slope(slope),
            None => self.method(quantity),
        };
        match result {
            Ok(tensor) => Some(in_rows(&tensor, self.columns.get("value").unwrap().len())),
            Err(DistributionError::Unsupported { .. }) => None,
            Err(error) => panic!("{quantity}: {error}"),
        }
    }

    fn method(&self, name: &str) -> Result<Tensor> {
        let value = self.value().tensor();
        match name {
            "log_prob" => self.distribution.log_prob(&value),
            "cdf" => self.distribution.cdf(&value),
            "survival" => self.distribution.survival_function(&value),
            "log_cdf" => self.distribution.log_cdf(&value),
            "log_survival" => self.distribution.log_survival_function(&value),
            "quantile" => self.distribution.quantile(&self.columns.tensor("p")),
            other => panic!("no method is called {other}"),
        }
    }

    fn value(&self) -> &Variable {
        &self.inputs.last().unwrap().1
    }

    /// That of the log-density in an input, or that of the quantity that stands before it: `log_cdf/loc`.
    fn slope(&self, name: &str) -> Result<Tensor> {
        let (of, input) = name.split_once('/').unwrap_or(("log_prob", name));
        let sum = self.method(of)?.sum();
        let (_, variable) = self.inputs.iter().find(|(given, _)| given == input).unwrap();
        Ok(sum.gradients()?.of(variable).check()?)
    }
}

/// Rows of matrices, whose entries stand in a row of the file.
fn square(name: &str, tensor: Tensor) -> Tensor {
    match (name, tensor.shape().unwrap()) {
        ("scale_tril", &[rows, 9]) => tensor.reshape(&[rows, 3, 3]),
        _ => tensor,
    }
}

fn in_rows(tensor: &Tensor, rows: usize) -> Vec<Vec<f64>> {
    let entries = tensor.to_f64_vec().unwrap();
    entries.chunks(entries.len() / rows).map(<[f64]>::to_vec).collect()
}

const HEAD: &str = include_str!("head.md");

/// The document.
pub(crate) fn document(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    for part in rows.chunk_by(|a, b| a.family == b.family) {
        let family = part[0].family;
        let points = Columns::read(family).get("value").unwrap().len();
        writeln!(text, "\n## {family}, {points} points\n").unwrap();
        writeln!(text, "| quantity | tfn | statrs | TFP | remark |\n|---|---|---|---|---|")
            .unwrap();
        for row in part {
            let [ours, statrs, tfp] = [Some(row.ours), row.statrs, row.tfp].map(cell);
            writeln!(
                text,
                "| {} | {ours} | {statrs} | {tfp} | {} |",
                title(&row.quantity),
                row.note
            )
            .unwrap();
        }
    }
    text
}

fn title(quantity: &str) -> String {
    let Some(slope) = quantity.strip_prefix("d_") else { return format!("`{quantity}`") };
    match slope.split_once('/') {
        Some((of, name)) => format!("gradient of `{of}` in `{name}`"),
        None => format!("gradient in `{slope}`"),
    }
}

fn cell(worst: Option<Worst>) -> String {
    match worst {
        None => "–".into(),
        Some(Worst { error, lost: 0, .. }) => format!("{error:.1e}"),
        Some(Worst { error, lost, .. }) => format!("{error:.1e}, {lost} lost"),
    }
}
