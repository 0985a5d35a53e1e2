//! From a table to a predictor.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tfn_tensor::Key;
use tfn_train::data::{ColumnType, Dataset, Table, TableEncoder};

use crate::error::{Result, TabularError};
use crate::jobs::{Jobs, Watch};
use crate::judging::{self, HeldOut};
use crate::predictor::TabularPredictor;
use crate::ranges::Ranges;
use crate::record::{Column, Record};
use crate::setup::Setup;
use crate::split::folds;
use crate::task::Task;

/// Rows with a target that there must be: nine that calibrate each part, which the level of 90 % takes.
const ROWS: usize = 12;
/// Level of the intervals by which held-out rows are judged.
const LEVEL: f64 = 0.9;
/// Share of the deviation of targets that rounding may be.
const ROUNDED: f64 = 0.01;
/// Rows of `Record::held_out` at most.
const KEPT: usize = 2000;

/// Sets the options of a [`TabularPredictor`]; [`fit`](Self::fit) trains it.
///
/// # Examples
/// ```
/// use tfn_tabular::{Setup, TabularPredictor, Task};
/// use tfn_tabular::data::Table;
///
/// let rows: Vec<[String; 2]> = (0..60).map(|i| [i.to_string(), (2 * i + i % 3).to_string()]).collect();
/// let table = Table::from_rows(&["x".to_owned(), "y".to_owned()], &rows)?;
/// // By the defaults: `TabularPredictor::builder("y").fit(&table, ())`; here in little time.
/// let setup = Setup { max_epochs: 60, rate: 0.03, ..Setup::for_rows(table.len()) };
/// let predictor = TabularPredictor::builder("y").seed(1).setup(setup).fit(&table, ())?;
/// let record = predictor.record();
/// assert_eq!((record.task, record.rows, record.folds), (Task::Regression, 60, 5));
/// assert_eq!(record.baselines.len(), 3);
/// # Ok::<(), tfn_tabular::TabularError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TabularBuilder {
    target: String,
    task: Option<Task>,
    ignored: Vec<String>,
    seed: u64,
    setup: Option<Setup>,
    time_limit: Option<Duration>,
    checkpoints: Option<PathBuf>,
}

impl TabularPredictor {
    /// Options for a predictor of a column.
    pub fn builder(target: impl Into<String>) -> TabularBuilder {
        TabularBuilder {
            target: target.into(),
            task: None,
            ignored: Vec::new(),
            seed: 0,
            setup: None,
            time_limit: None,
            checkpoints: None,
        }
    }
}

impl TabularBuilder {
    /// Sets what is predicted. Default: what [`Task::of`] says.
    #[must_use]
    pub fn task(self, task: Task) -> Self {
        Self { task: Some(task), ..self }
    }

    /// Leaves columns out.
    #[must_use]
    pub fn ignore<S: AsRef<str>>(mut self, columns: &[S]) -> Self {
        self.ignored.extend(columns.iter().map(|column| column.as_ref().to_owned()));
        self
    }

    /// Sets the seed of all that is random. Default: 0. The same seed and table give the same predictor, on any number
    /// of threads, unless there is a [`time_limit`](Self::time_limit).
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets net, prior, noise and length of training. Default: [`Setup::for_rows`].
    #[must_use]
    pub fn setup(self, setup: Setup) -> Self {
        Self { setup: Some(setup), ..self }
    }

    /// Trains for fewer steps where the defaults would take longer than about this, by the time that the first steps take; but
    /// for an epoch at least.
    #[must_use]
    pub fn time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit: Some(time_limit), ..self }
    }

    /// Saves all runs in files of this folder, and continues the runs that are there already. A program that is killed
    /// and started again with the same table and options ends with the same predictor.
    #[must_use]
    pub fn checkpoints(self, folder: impl Into<PathBuf>) -> Self {
        Self { checkpoints: Some(folder.into()), ..self }
    }

    /// Trains on the rows of a table, and judges by rows that were held out.
    ///
    /// Up to 2000 rows are cross-validated: five models, each trained without a fifth of the rows, predict that fifth. These
    /// predictions give the figures of [`Record`] and calibrate the intervals; the predictor is the five models together. From
    /// larger tables a fifth, at most 10 000 rows, is held out from one model. Where models without a hidden layer
    /// have the higher log-likelihood on these rows, they are the predictor, unless a [`setup`](Self::setup) was given.
    /// `watch` is told how far it is; `()` watches nothing.
    ///
    /// # Errors
    /// [`TabularError`]: fewer than 12 rows with a target, a constant target, one that single precision cannot tell apart; else what
    /// [`TableEncoder`] and [`Fit`](tfn_train::Fit) report.
    pub fn fit(&self, table: &Table, watch: impl Watch) -> Result<TabularPredictor> {
        let start = Instant::now();
        let (task, task_reason) = match self.task {
            Some(task) => (task, "it was asked for".to_owned()),
            None => Task::of(table, &self.target)?,
        };
        let known = self.with_target(table)?;
        let used = known.as_ref().unwrap_or(table);
        let encoder = self.encoder(used, task)?;
        if task == Task::Regression {
            self.check_precision(used)?;
        }
        let encoded = encoder.encode(used)?;
        let (ranges, data) = (Ranges::of(&encoded.features)?, encoded.dataset()?);
        let setup = self.setup.clone().unwrap_or_else(|| Setup::for_rows(data.len()));
        check(&setup)?;
        let key = Key::from_seed(self.seed);
        let strata = strata(task, &data)?;
        let folds = folds(&strata, &key)?;
        let classes = encoder.classes();
        let mut jobs = Jobs {
            classes: classes.map(<[String]>::len),
            setup,
            data: &data,
            folds: &folds,
            key: &key,
            checkpoints: self.checkpoints.as_deref(),
        };
        if let Some(limit) = self.time_limit {
            jobs.limit(limit.saturating_sub(start.elapsed()))?;
        }
        let done = jobs.run(&watch)?;
        let held_out = HeldOut { task, data: &data, classes, level: LEVEL, folds: &folds };
        let (net, linear) = (&done.net.of_folds, &done.linear.of_folds);
        let baselines = vec![
            held_out.mean()?,
            held_out.baseline("linear", linear)?,
            held_out.baseline("plain net", &done.plain)?,
        ];
        // What a caller asked for stays.
        let may_choose = self.setup.is_none();
        let of_net = held_out.baseline("net", net)?.log_likelihood;
        let is_linear = may_choose && baselines[1].log_likelihood > of_net;
        let chosen = if is_linear { done.linear } else { done.net };
        if is_linear {
            jobs.setup = jobs.setup.linear();
        }
        let (judged, calibration) = held_out.judge(&chosen.of_folds)?;
        let every = judged.len().div_ceil(KEPT).max(1);
        let kept: Vec<usize> = (0..judged.len()).step_by(every).collect();
        let record = Record {
            target: self.target.clone(),
            task,
            task_reason,
            rows: data.len(),
            rows_without_target: table.len() - used.len(),
            columns: columns(used, &encoder)?,
            remarks: encoder.remarks().iter().map(ToString::to_string).collect(),
            seed: self.seed,
            setup: jobs.setup.clone(),
            folds: folds.len(),
            model_rows: folds.first().map_or(0, |fold| fold.train.len()),
            curves: chosen.curves,
            level: LEVEL,
            figures: judged.figures(&key.child("figures"))?,
            baselines,
            held_out: judging::sorted(&judged.rows(&kept)),
            seconds: start.elapsed().as_secs_f64(),
        };
        Ok(TabularPredictor { models: chosen.models, encoder, calibration, ranges, record })
    }

    /// The rows with a target, unless these are all.
    fn with_target(&self, table: &Table) -> Result<Option<Table>> {
        let cells = table.values(&self.target)?;
        let known = table.present(&self.target)?;
        let (target, given, expected) = (self.target.clone(), known.len(), ROWS);
        if given < expected {
            return Err(TabularError::Rows { target, given, expected });
        }
        let is_number = table.column_type(&self.target)? == ColumnType::Number;
        let is_same = |a: &str, b: &str| {
            // `5` and `5.0`, as far as these are numbers.
            a == b || is_number && a.parse().is_ok_and(|a: f64| b.parse() == Ok(a))
        };
        if let Some(first) = cells[known[0]]
            && known.iter().all(|&row| cells[row].is_some_and(|cell| is_same(cell, first)))
        {
            return Err(TabularError::ConstantTarget { target, given: first.to_owned() });
        }
        Ok(if given == table.len() { None } else { Some(table.rows(&known)?) })
    }

    /// That the targets still differ as numbers of 32 bits.
    fn check_precision(&self, table: &Table) -> Result<()> {
        let targets: Vec<f64> = table.numbers(&self.target)?.into_iter().flatten().collect();
        let count = targets.len().max(1) as f64;
        let centre = targets.iter().map(|y| y / count).sum::<f64>();
        let largest = targets.iter().map(|y| (y - centre).abs()).fold(0.0, f64::max);
        if largest == 0.0 {
            return Ok(());
        }
        let root_mean_square = |of: &dyn Fn(f64) -> f64| {
            (targets.iter().map(|&y| (of(y) / largest).powi(2)).sum::<f64>() / count).sqrt()
        };
        let spread = root_mean_square(&|y| y - centre);
        let rounded = root_mean_square(&|y| y - f64::from(y as f32));
        if rounded <= ROUNDED * spread {
            return Ok(());
        }
        let (target, spread) = (self.target.clone(), spread * largest);
        Err(TabularError::Precision { target, spread, centre })
    }

    fn encoder(&self, table: &Table, task: Task) -> Result<TableEncoder> {
        let builder = match task {
            Task::Regression => TableEncoder::regression(&self.target),
            Task::Classification => TableEncoder::classification(&self.target),
        };
        let builder = builder.ignore(&self.ignored).inf_as_missing(true);
        Ok(builder.standardize(true).fit(table)?)
    }
}

/// Checks a set-up that a caller gave.
fn check(setup: &Setup) -> Result<()> {
    let error = |argument, given: String, expected| {
        Err(TabularError::Setting { argument, given, expected })
    };
    if setup.hidden.contains(&0) {
        return error("hidden", format!("{:?}", setup.hidden), "at least one unit in each layer");
    }
    if setup.draws == 0 {
        return error("draws", "0".to_owned(), "at least one draw");
    }
    if !(0.0..=1.0).contains(&setup.warmup) {
        return error("warmup", setup.warmup.to_string(), "a share from 0 to 1");
    }
    let positive = [
        ("rate", setup.rate),
        ("prior_scale", setup.prior_scale),
        ("noise_prior_scale", setup.noise_prior_scale),
    ];
    match positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
        Some((argument, value)) => error(argument, value.to_string(), "a positive number"),
        None => Ok(()),
    }
}

/// What rows are spread evenly by.
fn strata(task: Task, data: &Dataset) -> Result<Vec<f64>> {
    Ok(match task {
        Task::Regression => vec![0.0; data.len()],
        Task::Classification => data.targets().to_f64_vec()?,
    })
}

fn columns(table: &Table, encoder: &TableEncoder) -> Result<Vec<Column>> {
    let of = |name: &str| -> Result<Column> {
        let missing = table.values(name)?.iter().filter(|cell| cell.is_none()).count();
        let found = encoder.columns().find(|(column, ..)| *column == name);
        Ok(Column {
            name: name.to_owned(),
            column_type: table.column_type(name)?,
            missing,
            features: found.map_or(0, |(_, _, features)| features.len()),
        })
    };
    table.names().filter(|name| *name != encoder.target()).map(of).collect()
}
