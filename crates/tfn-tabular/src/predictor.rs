//! A trained model of a table, with all that its answers need.

use std::path::Path;

use tfn_layers::Model;
use tfn_module::describe::{FileReader, FileWriter};
use tfn_tensor::{Key, Tensor};
use tfn_train::data::{Encoded, Remark, Table, TableEncoder};
use tfn_train::describe::{MODEL, registry};

use crate::calibration::{Calibration, Source};
use crate::error::{Result, TabularError};
use crate::figures::Figure;
use crate::judged::Judged;
use crate::outlook::Outlook;
use crate::predicted::Predicted;
use crate::ranges::Ranges;
use crate::record::Record;
use crate::task::Task;

/// Names in the file, beside that of the model.
const ENCODER: &str = "encoder";
const CALIBRATION: &str = "calibration";
const RANGES: &str = "ranges";
const RECORD: &str = "record";

/// A Bayesian network for a table: it is trained by [`builder`](Self::builder) and predicts the target of new rows.
///
/// Its file is a model file: [`tfn_train::load_model`] reads the first of its networks alone.
///
/// Counterpart: AutoGluon's `TabularPredictor`.
///
/// # Examples
/// ```
/// use tfn_tabular::{Asked, Predicted, Setup, TabularPredictor};
/// use tfn_tabular::data::Table;
///
/// let rows: Vec<[String; 2]> = (0..60).map(|i| [i.to_string(), (2 * i + i % 3).to_string()]).collect();
/// let table = Table::from_rows(&["x".to_owned(), "y".to_owned()], &rows)?;
/// let setup = Setup { max_epochs: 60, rate: 0.03, ..Setup::for_rows(table.len()) };
/// let predictor = TabularPredictor::builder("y").setup(setup).fit(&table, ())?;
///
/// let answers = predictor.predict(&Table::from_rows(&["x"], &[["30"], ["1000"]])?, &Asked::default())?;
/// let Predicted::Numbers(numbers) = &answers.predicted else { return Ok(()) };
/// assert!(numbers.lower[0] < numbers.mean[0] && numbers.mean[0] < numbers.upper[0]);
/// assert_eq!(answers.out_of_range, [vec![], vec!["x".to_owned()]]);
///
/// # let folder = tempfile::tempdir().map_err(|source| tfn_train::TrainError::Read { path: "".into(), source })?;
/// let path = folder.path().join("model.tfn");
/// predictor.save(&path)?;
/// let same = TabularPredictor::load(&path)?;
/// assert_eq!(same.record(), predictor.record());
/// # Ok::<(), tfn_tabular::TabularError>(())
/// ```
#[derive(Debug)]
pub struct TabularPredictor {
    /// Each trained without the rows that calibrate it.
    pub(crate) models: Vec<Model>,
    pub(crate) encoder: TableEncoder,
    pub(crate) calibration: Calibration,
    pub(crate) ranges: Ranges,
    pub(crate) record: Record,
}

/// What is asked of a predictor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// Probability with which intervals hold the truth, and sets the true class. Default: 0.9.
    pub level: f64,
    /// Whether they are calibrated on held-out rows (the default: CV+ up to 2000 rows, which holds with a probability of about `level`
    /// and at least `2 · level − 1`; split-conformal above, which holds with at least `level`), or are those of the predictive
    /// distribution as it is.
    pub conformal: bool,
    /// Draws of the weights of each model; `None`: as many as the [`Setup`](crate::Setup) says, by which they are calibrated. With fewer,
    /// intervals hold less often.
    pub draws: Option<usize>,
    /// Number of the first row, where the table is a part of a larger one. The noise of each row depends on its number.
    pub first_row: u64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { level: 0.9, conformal: true, draws: None, first_row: 0 }
    }
}

/// What a predictor says of the rows of a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answers {
    /// Row by row.
    pub predicted: Predicted,
    /// Columns in which a row is outside the range of the rows trained on, or has a text or a gap that none of them had.
    pub out_of_range: Vec<Vec<String>>,
    /// What was ignored, filled in or not known.
    pub remarks: Vec<Remark>,
}

/// Answers beside the truth.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// Row by row.
    pub judged: Judged,
    /// As in [`Answers`].
    pub out_of_range: Vec<Vec<String>>,
    /// As in [`Answers`].
    pub remarks: Vec<Remark>,
    /// Rows that were not judged, for they have no target.
    pub rows_without_target: usize,
}

impl Evaluation {
    /// All figures of merit, with bootstrap intervals: see [`Judged::figures`].
    ///
    /// # Errors
    /// [`TrainError::Value`](tfn_train::TrainError::Value) if there are no rows.
    pub fn figures(&self) -> Result<Vec<Figure>> {
        self.judged.figures(&Key::from_seed(0).child("figures"))
    }
}

impl TabularPredictor {
    /// How it was trained, and how good it was.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The networks, which answer together: each is trained without the rows that calibrate it.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The encoder that makes features of the columns.
    pub fn encoder(&self) -> &TableEncoder {
        &self.encoder
    }

    /// The names of the classes; `None` for a regression.
    pub fn classes(&self) -> Option<&[String]> {
        self.encoder.classes()
    }

    /// Answers for the rows of a table, whose columns may be in any order. Its target is not looked at.
    ///
    /// # Errors
    /// [`TableError`](tfn_train::TableError) for a column that is missing and a cell that is not of its type;
    /// [`TrainError::Value`](tfn_train::TrainError::Value) for a level outside 0 to 1.
    pub fn predict(&self, table: &Table, asked: &Asked) -> Result<Answers> {
        // A target that is there may be anything.
        let encoded = self.encoder.encode_features(table)?;
        let (predicted, _) = self.predicted(&encoded.features, asked)?;
        let (out_of_range, remarks) = self.about(&encoded)?;
        Ok(Answers { predicted, out_of_range, remarks })
    }

    /// Answers for the rows whose targets are known, beside these. Rows without a target are left out.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`TabularError::NoTargets`] if there are none, and
    /// [`TableError`](tfn_train::TableError) for one that is no number or no class.
    pub fn evaluate(&self, table: &Table, asked: &Asked) -> Result<Evaluation> {
        let known = self.with_target(table)?;
        let rows_without_target = table.len() - known.len();
        let some = if rows_without_target == 0 { None } else { Some(table.rows(&known)?) };
        let encoded = self.encoder.encode(some.as_ref().unwrap_or(table))?;
        let Some(targets) = &encoded.targets else { return Err(self.no_targets()) };
        let (predicted, outlook) = self.predicted(&encoded.features, asked)?;
        let first = asked.first_row as usize;
        let rows = known.into_iter().map(|row| first + row).collect();
        let judged = predicted.judge(&outlook, targets, self.classes(), rows)?;
        let (out_of_range, remarks) = self.about(&encoded)?;
        Ok(Evaluation { judged, out_of_range, remarks, rows_without_target })
    }

    fn no_targets(&self) -> TabularError {
        TabularError::NoTargets { target: self.record.target.clone() }
    }

    /// The rows of a table that have a target.
    pub(crate) fn with_target(&self, table: &Table) -> Result<Vec<usize>> {
        let target = &self.record.target;
        if !table.names().any(|name| name == target) {
            return Err(self.no_targets());
        }
        let known = table.present(target)?;
        if known.is_empty() { Err(self.no_targets()) } else { Ok(known) }
    }

    /// What the models say of rows of features, one by one.
    pub(crate) fn outlooks(&self, features: &Tensor, asked: &Asked) -> Result<Vec<Outlook>> {
        let draws = asked.draws.unwrap_or(self.record.setup.draws);
        let key = Key::from_seed(self.record.seed).child("answers").index(asked.first_row);
        let classes = self.classes().map(<[String]>::len);
        let predict = |(place, model): (u64, &Model)| {
            Outlook::of(classes, draws, model, features, &key.child("model").index(place))
        };
        (0..).zip(&self.models).map(predict).collect()
    }

    /// What all models together say.
    pub(crate) fn outlook(&self, features: &Tensor, asked: &Asked) -> Result<Outlook> {
        Outlook::mixture(&self.outlooks(features, asked)?)
    }

    fn predicted(&self, features: &Tensor, asked: &Asked) -> Result<(Predicted, Outlook)> {
        let each = self.outlooks(features, asked)?;
        let outlook = Outlook::mixture(&each)?;
        let source = match asked.conformal {
            true => Source::Models(&self.calibration, &each),
            false => Source::Raw,
        };
        Ok((Predicted::of(&outlook, source, asked.level)?, outlook))
    }

    fn about(&self, encoded: &Encoded) -> Result<(Vec<Vec<String>>, Vec<Remark>)> {
        let mut columns = Vec::new();
        for (column, _, features) in self.encoder.columns() {
            columns.extend(features.map(|_| column));
        }
        Ok((self.ranges.outside(encoded, &columns)?, encoded.remarks.clone()))
    }

    /// Saves all of it in one file. Whatever interrupts it, the file is the former or the new one, whole.
    ///
    /// # Errors
    /// [`ModuleError::Io`](tfn_module::ModuleError::Io).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let registry = registry();
        let mut file = FileWriter::new(&registry).add(ENCODER, &self.encoder)?;
        for (place, model) in self.models.iter().enumerate() {
            file = file.add(&name(place), model)?;
        }
        let file = match &self.calibration {
            Calibration::Intervals(conformal) => file.add(CALIBRATION, conformal)?,
            Calibration::Classes(conformal) => file.add(CALIBRATION, conformal)?,
        };
        let record = serde_json::to_string(&self.record).map_err(|error| TabularError::Saved {
            path: path.as_ref().to_owned(),
            given: error.to_string(),
        })?;
        let file = file.add(RANGES, &self.ranges.to_tensor())?.metadata(RECORD, record);
        Ok(file.save(path)?)
    }

    /// The predictor of a file of [`save`](Self::save).
    ///
    /// # Errors
    /// [`TabularError::Saved`] for a model of something else; for whatever else is wrong with a file, which may come from
    /// anywhere, [`DescribeError`](tfn_module::describe::DescribeError) within a
    /// [`ModuleError`](tfn_module::ModuleError).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let registry = registry();
        let mut file = FileReader::open(path, &registry)?;
        let saved = |given: String| TabularError::Saved { path: path.to_owned(), given };
        let record = file.metadata().get(RECORD);
        let record = record.ok_or_else(|| saved("has no record of a table".to_owned()))?;
        let record: Record = serde_json::from_str(record)
            .map_err(|error| saved(format!("its record cannot be read ({error})")))?;
        let encoder: TableEncoder = file.take(ENCODER)?;
        let is_of = |task| (task == Task::Classification) == encoder.classes().is_some();
        if !is_of(record.task) {
            return Err(saved(format!("its record says {}, its encoder not", record.task)));
        }
        let calibration = match record.task {
            Task::Regression => Calibration::Intervals(file.take(CALIBRATION)?),
            Task::Classification => Calibration::Classes(file.take(CALIBRATION)?),
        };
        let ranges: Tensor = file.take(RANGES)?;
        let ranges = Ranges::from_tensor(&ranges, encoder.width())
            .ok_or_else(|| saved("its ranges are not those of its features".to_owned()))?;
        let models = (0..record.folds).map(|place| file.take(&name(place)));
        let models = models.collect::<tfn_module::Result<Vec<Model>>>()?;
        let is_whole = match &calibration {
            Calibration::Intervals(conformal) => conformal.folds().len() == models.len(),
            Calibration::Classes(conformal) => conformal.folds().len() == models.len(),
        };
        if !is_whole {
            return Err(saved("its calibration is not that of its models".to_owned()));
        }
        Ok(Self { models, encoder, calibration, ranges, record })
    }
}

/// Name of a model in the file; that of the first is the one that [`tfn_train::load_model`] looks for.
fn name(place: usize) -> String {
    if place == 0 { MODEL.to_owned() } else { format!("{MODEL}_{}", place + 1) }
}
