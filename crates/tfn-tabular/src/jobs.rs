//! The runs that a predictor is made of: its models, one for each fold, and the simpler ones beside them.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use tfn_layers::Model;
use tfn_module::checkpoint::replace;
use tfn_tensor::Key;
use tfn_train::TrainError;
use tfn_train::data::Dataset;
use tfn_train::{Adam, Event, Every, Fit, FitReport, KlWeight, Metrics, Schedule};

use crate::error::{Result, TabularError};
use crate::net::{Kind, build};
use crate::outlook::Outlook;
use crate::record::Curve;
use crate::setup::Setup;
use crate::split::Fold;

/// An observer of the training of a predictor, which is told how many steps are done and how many there are. `()` and
/// closures of the two numbers are observers.
pub trait Watch: Sync {
    /// `done` of `of` steps are done, over all runs together.
    fn watch(&self, done: u64, of: u64);
}

impl Watch for () {
    fn watch(&self, _: u64, _: u64) {}
}

impl<F: Fn(u64, u64) + Sync> Watch for F {
    fn watch(&self, done: u64, of: u64) {
        self(done, of);
    }
}

/// Norm of all gradients together at most.
const CLIP_NORM: f64 = 1.0;
/// Points of a curve at most.
const POINTS: usize = 200;
/// Share of its rows that ends the training of a plain net.
const VALIDATION: f64 = 0.1;
/// How often a plain net is looked at, and how often without getting better, before it ends.
const LOOKS: u64 = 100;
const PATIENCE: u64 = 10;
/// What the simpler models take beside a Bayesian net.
const PLAIN_COST: f64 = 0.5;
/// Seconds between two savings of a run.
const SAVE_EVERY: f64 = 10.0;

/// All runs of a predictor.
pub(crate) struct Jobs<'a> {
    pub(crate) classes: Option<usize>,
    pub(crate) setup: Setup,
    pub(crate) data: &'a Dataset,
    pub(crate) folds: &'a [Fold],
    pub(crate) key: &'a Key,
    pub(crate) checkpoints: Option<&'a Path>,
}

/// What comes of them.
pub(crate) struct Done {
    /// The net.
    pub(crate) net: Candidate,
    /// A linear model, which may be better.
    pub(crate) linear: Candidate,
    /// Predictions of the held-out parts by a plain net, fold by fold.
    pub(crate) plain: Vec<Vec<Outlook>>,
}

/// Models, each trained without the held-out rows of a fold, and what they predict of these.
pub(crate) struct Candidate {
    pub(crate) models: Vec<Model>,
    /// Predictions of the held-out parts, fold by fold.
    pub(crate) of_folds: Vec<Vec<Outlook>>,
    /// How training went, fold by fold.
    pub(crate) curves: Vec<Curve>,
}

/// One run: a model, and the fold that it is trained on.
#[derive(Clone, Copy, Debug)]
struct Job {
    kind: Kind,
    fold: usize,
}

impl Job {
    fn name(self) -> String {
        let kind = match self.kind {
            Kind::Bayesian => "model",
            Kind::Plain => "plain net",
            Kind::Linear => "linear",
        };
        format!("{kind} {}", self.fold + 1)
    }
}

/// What one run gives.
struct Outcome {
    model: Model,
    report: FitReport,
    predictions: Vec<Outlook>,
}

impl Jobs<'_> {
    pub(crate) fn run(&self, watch: &dyn Watch) -> Result<Done> {
        if let Some(folder) = self.checkpoints {
            std::fs::create_dir_all(folder)
                .map_err(|source| TrainError::Read { path: folder.to_owned(), source })?;
        }
        let of_all = |kind| (0..self.folds.len()).map(move |fold| Job { kind, fold });
        // The longest first, so that threads end together.
        let jobs: Vec<Job> =
            of_all(Kind::Bayesian).chain(of_all(Kind::Plain)).chain(of_all(Kind::Linear)).collect();
        let all = jobs.iter().map(|job| self.steps(*job)).sum::<u64>();
        let done = AtomicU64::new(0);
        let tell = |steps: u64| watch.watch(done.fetch_add(steps, Ordering::Relaxed) + steps, all);
        let outcomes = jobs.par_iter().with_max_len(1).map(|job| self.outcome(*job, &tell));
        let mut outcomes = outcomes.collect::<Result<Vec<Outcome>>>()?;
        let linear = Candidate::of(outcomes.split_off(2 * self.folds.len()));
        let plain = outcomes.split_off(self.folds.len());
        let plain = plain.into_iter().map(|outcome| outcome.predictions).collect();
        Ok(Done { net: Candidate::of(outcomes), linear, plain })
    }

    /// Fewer steps, if all runs would take longer than `limit`. Runs that are gone on with keep the number that they began with.
    pub(crate) fn limit(&mut self, limit: Duration) -> Result<()> {
        let Some(folder) = self.checkpoints else { return self.shorten(limit) };
        let file = folder.join("setup.json");
        let read = |source| TrainError::Read { path: file.clone(), source };
        if file.exists() {
            let text = std::fs::read_to_string(&file).map_err(read)?;
            self.setup = serde_json::from_str(&text).map_err(|error| TabularError::Saved {
                path: file.clone(),
                given: error.to_string(),
            })?;
            return Ok(());
        }
        self.shorten(limit)?;
        let text = serde_json::to_string(&self.setup).map_err(|error| TabularError::Saved {
            path: file.clone(),
            given: error.to_string(),
        })?;
        let write = || {
            std::fs::create_dir_all(folder)?;
            replace(&file, |file| file.write_all(text.as_bytes()))
        };
        Ok(write().map_err(read)?)
    }

    fn shorten(&mut self, limit: Duration) -> Result<()> {
        const FIRST: u64 = 10;
        const LAST: u64 = 60;
        let job = Job { kind: Kind::Bayesian, fold: 0 };
        let data = self.rows(job)?;
        let model = build(job.kind, &self.setup, &data, self.classes, self.key)?;
        let mut start = Instant::now();
        let mut steps = 0;
        let observer = |event: Event| match event {
            Event::Step { index: FIRST, .. } => {
                start = Instant::now();
                ControlFlow::Continue(())
            }
            Event::Step { index, .. } => {
                steps = index.saturating_sub(FIRST);
                if index >= LAST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            _ => ControlFlow::Continue(()),
        };
        self.fit(job, &data)?.run_model(&model, &mut Adam::new(1e-3)?, observer)?;
        if steps == 0 {
            return Ok(());
        }
        let of_step = start.elapsed().as_secs_f64() / steps as f64;
        let folds = self.folds.len() as f64;
        let runs = folds * (1.0 + PLAIN_COST);
        let threads = (rayon::current_num_threads() as f64).min(runs);
        let most = limit.as_secs_f64() * threads / (runs * of_step);
        self.setup.steps = self.setup.steps.min(most as u64).max(1);
        let of_an_epoch = data.len().div_ceil(self.setup.batch_size(data.len())).max(1) as f64;
        self.setup.max_epochs = self.setup.max_epochs.min((most / of_an_epoch) as u64).max(1);
        Ok(())
    }

    /// The rows that a job is trained on.
    fn rows(&self, job: Job) -> Result<Dataset> {
        Ok(self.data.rows(&self.folds[job.fold].train)?)
    }

    fn setup(&self, kind: Kind) -> Setup {
        match kind {
            Kind::Linear => self.setup.linear(),
            Kind::Bayesian | Kind::Plain => self.setup.clone(),
        }
    }

    /// Steps that a job takes at most.
    fn steps(&self, job: Job) -> u64 {
        let rows = self.folds[job.fold].train.len();
        let of_an_epoch = rows.div_ceil(self.setup.batch_size(rows)) as u64;
        self.setup(job.kind).epochs(rows) * of_an_epoch
    }

    fn fit<'d>(&self, job: Job, data: &'d Dataset) -> Result<Fit<'d>> {
        let epochs = self.setup(job.kind).epochs(data.len());
        let warmup = match job.kind {
            Kind::Plain => KlWeight::constant(1.0)?,
            Kind::Bayesian | Kind::Linear => {
                KlWeight::linear_warmup(self.setup.warmup * epochs as f64)?
            }
        };
        let fit = Fit::new(data)?
            .batch_size(self.setup.batch_size(data.len()))?
            .epochs(epochs)
            .kl_weight(warmup)
            .key(self.key.child(&job.name()).child("fit"));
        if job.kind != Kind::Plain {
            return Ok(fit);
        }
        let every = epochs.div_ceil(LOOKS).max(1);
        let fit = fit.validation_split(VALIDATION)?.validate_every(every)?;
        Ok(fit.early_stopping(PATIENCE * every)?)
    }

    fn outcome(&self, job: Job, tell: &(dyn Fn(u64) + Sync)) -> Result<Outcome> {
        let data = self.rows(job)?;
        let key = self.key.child(&job.name());
        let model = build(job.kind, &self.setup, &data, self.classes, &key)?;
        let mut fit = self.fit(job, &data)?;
        if let Some(folder) = self.checkpoints {
            let file = folder.join(format!("{}.safetensors", job.name().replace(' ', "-")));
            fit = fit.checkpoint(&file, Every::Seconds(SAVE_EVERY))?;
            if file.exists() {
                fit = fit.resume_from(&file);
            }
        }
        let rate = Schedule::cosine_decay(self.setup(job.kind).rate, fit.steps());
        let mut told = 0;
        let observer = |event: Event| {
            if let Event::Step { index, .. } = event {
                tell(index + 1 - told);
                told = index + 1;
            }
            ControlFlow::Continue(())
        };
        let mut adam = Adam::builder(rate).clip_norm(CLIP_NORM).build()?;
        let report = fit.run_model(&model, &mut adam, observer)?;
        tell(self.steps(job).saturating_sub(told));
        let predictions = self.predictions(job, &model, &self.folds[job.fold], &key)?;
        Ok(Outcome { model, report, predictions })
    }

    fn predictions(&self, job: Job, model: &Model, fold: &Fold, key: &Key) -> Result<Vec<Outlook>> {
        let draws = if job.kind == Kind::Plain { 1 } else { self.setup.draws };
        let of_part = |(part, rows): (usize, &Vec<usize>)| {
            let features = self.data.rows(rows)?;
            let key = key.child("predict").index(part as u64);
            Outlook::of(self.classes, draws, model, features.features(), &key)
        };
        fold.held_out.iter().enumerate().map(of_part).collect()
    }
}

impl Candidate {
    /// Of the outcomes, fold by fold.
    fn of(outcomes: Vec<Outcome>) -> Self {
        let (mut models, mut of_folds, mut curves) = (Vec::new(), Vec::new(), Vec::new());
        for (fold, outcome) in (1..).zip(outcomes) {
            curves.push(curve(&format!("model {fold}"), &outcome.report.epochs));
            models.push(outcome.model);
            of_folds.push(outcome.predictions);
        }
        Self { models, of_folds, curves }
    }
}

fn curve(name: &str, epochs: &[Metrics]) -> Curve {
    let every = epochs.len().div_ceil(POINTS).max(1);
    // The last epoch is always there.
    let first = epochs.len().saturating_sub(1) % every;
    let mut curve = Curve { name: name.to_owned(), ..Curve::default() };
    for (at, figures) in epochs.iter().enumerate().skip(first).step_by(every) {
        curve.epoch.push(at as u64 + 1);
        curve.nll.push(figures.nll);
        curve.kl.push(figures.kl);
    }
    curve
}
