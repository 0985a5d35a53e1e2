//! The committed points, and what an error is.

use std::path::PathBuf;

use tfn_distributions::tensor::Tensor;

/// A file under the root of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// The columns of one file, a vector of entries for each row; an empty one where the row has no such thing.
pub(crate) struct Columns(Vec<(String, Vec<Vec<f64>>)>);

impl Columns {
    /// The file `tests/accuracy/{name}.csv`: a comment, the names, the rows.
    pub(crate) fn read(name: &str) -> Self {
        let path = in_repository("tests/accuracy").join(format!("{name}.csv"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut lines = text.lines().skip(1);
        let names = lines.next().unwrap().split(',');
        let mut columns: Vec<_> = names.map(|name| (name.to_owned(), Vec::new())).collect();
        for line in lines {
            for ((_, rows), cell) in columns.iter_mut().zip(line.split(',')) {
                rows.push(cell.split(' ').filter(|x| !x.is_empty()).map(number).collect());
            }
        }
        Self(columns)
    }

    /// A column by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Vec<Vec<f64>>> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, rows)| rows)
    }

    /// The names of the parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str()).take_while(|name| *name != "value")
    }

    /// The names of the quantities: those with conditions.
    pub(crate) fn quantities(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(name, _)| name.strip_prefix('~'))
    }

    /// A column as a tensor: one entry a row, or rows of vectors; NaN where a row has nothing.
    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let rows = self.get(name).unwrap();
        let width = rows.iter().map(Vec::len).max().unwrap();
        let missing = vec![f64::NAN; width];
        let entries = rows.iter().flat_map(|row| if row.is_empty() { &missing } else { row });
        let shape = [rows.len(), width];
        Tensor::from_vec(entries.copied().collect(), if width == 1 { &shape[..1] } else { &shape })
    }

    /// The parameters and the value of a row.
    pub(crate) fn inputs(&self, row: usize) -> Vec<&[f64]> {
        self.parameters().chain(["value"]).map(|name| &self.get(name).unwrap()[row][..]).collect()
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// The worst error of one column of results.
#[derive(Clone, Copy, Default)]
pub(crate) struct Worst {
    /// Of the points that keep a digit.
    pub(crate) error: f64,
    /// Points without a right digit.
    pub(crate) lost: usize,
    /// The row of the worst one.
    pub(crate) row: usize,
}

impl Worst {
    /// Of `results` (rows as in the file) against a quantity of `columns`.
    pub(crate) fn of(columns: &Columns, quantity: &str, results: &[Vec<f64>]) -> Self {
        let exact = columns.get(quantity).unwrap();
        let conditions = columns.get(&format!("~{quantity}")).unwrap();
        let mut worst = Self::default();
        for (row, (exact, conditions)) in exact.iter().zip(conditions).enumerate() {
            let entries = exact.iter().zip(conditions).zip(&results[row]);
            let errors =
                entries.map(|((&exact, &condition), &given)| error(given, exact, condition));
            worst.add(row, errors.fold(0.0, f64::max));
        }
        worst
    }

    fn add(&mut self, row: usize, error: f64) {
        if error >= 0.1 {
            (self.lost, self.row) = (self.lost + 1, row);
        } else if error > self.error {
            self.error = error;
            self.row = if self.lost == 0 { row } else { self.row };
        }
    }

    /// Whether it is within 4 ULP everywhere.
    pub(crate) fn is_exact(&self) -> bool {
        self.lost == 0 && self.error <= 4.0 * f64::EPSILON
    }

    /// Whether it is exact, or has a digit everywhere and less error than every other one, of which there is one.
    pub(crate) fn is_best_of(&self, others: &[Option<Self>]) -> bool {
        let is_better = |other: &Self| other.lost > 0 || self.error < other.error;
        let mut others = others.iter().flatten().peekable();
        self.is_exact() || (self.lost == 0 && others.peek().is_some() && others.all(is_better))
    }
}

/// `|given − exact| / (|exact| + condition)`; a lost point has 1.
fn error(given: f64, exact: f64, condition: f64) -> f64 {
    if given == exact || (condition.is_infinite() && !given.is_nan()) {
        return 0.0;
    }
    if !given.is_finite() || !exact.is_finite() {
        return 1.0;
    }
    // Halves, for a difference may overflow.
    let off = (given / 2.0 - exact / 2.0).abs() * 2.0;
    (off / (exact.abs() + condition).max(f64::MIN_POSITIVE)).min(1.0)
}
