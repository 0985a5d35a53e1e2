//! Runs that are kept in a file as they go, and gone on with from there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::Crc;

use super::Fit;
use super::progress::Progress;
use super::report::{Ending, FitReport};
use super::saved::{self, Best, Trained, add_tensor};
use super::validation::HeldOut;
use crate::check::Argument;
use crate::data::Dataset;
use crate::error::{CheckpointError, Result, TrainError};
use crate::optimizers::Optimizer;

/// How often a run is saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    /// After each so many epochs.
    Epochs(u64),
    /// After each so many steps, counted over all epochs.
    Steps(u64),
    /// After the first step that ends so many seconds after the last saving, or after the beginning.
    Seconds(f64),
}

impl Fit<'_> {
    /// Saves the run to the file at `path` as it goes, and when it ends or is stopped by its observer.
    ///
    /// The file is a safetensors file, as [`tfn_module::save`] writes them: `variables/` with the path of each variable
    /// of the model, the frozen ones too (for [`run`](Self::run) place and name of each variable given), `optimizer/` with its
    /// [state](crate::OptimizerState), and as metadata the place in the run, the report so far, and what tells
    /// this run from others. A new file is written beside the former one, flushed to the disk, and takes its place
    /// by being renamed: whatever kills the process, the file is the former or the new one, whole. If it is killed while
    /// it writes, a file `.tfn-*.tmp` stays behind.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for an interval that is not positive. The run fails, after the
    /// step that it is at, with [`ModuleError::Io`](tfn_module::ModuleError::Io) if the file cannot be written, or
    /// [`ModuleError::DuplicatePath`](tfn_module::ModuleError::DuplicatePath) if two variables have one path.
    ///
    /// # Examples
    /// ```
    /// use std::ops::ControlFlow;
    /// use tfn_tensor::{Key, Tensor, Variable};
    /// use tfn_train::{Adam, Event, Every, Fit, FitReport, Result, data::Dataset};
    ///
    /// let y = Tensor::from_vec(vec![1.0, 3.0, 2.0, 2.0, 5.0], &[5]);
    /// let data = Dataset::new(y.clone(), y)?;
    /// let fit = Fit::new(&data)?.batch_size(2)?.epochs(20).key(Key::from_seed(1));
    ///
    /// // Trains a fresh variable to the end, or until a step after which the run is stopped.
    /// let run = |fit: &Fit, last_step: u64| -> Result<(f64, FitReport)> {
    ///     let mean = Variable::new("mean", Tensor::scalar(0.0))?;
    ///     let report = fit.run(&[mean.clone()], &mut Adam::new(0.05)?, |batch, step| {
    ///         let nll = (batch.targets() - mean.tensor()).square() * 0.5;
    ///         Ok(step.loss(&nll, &(mean.tensor().square() * 0.5))?.into())
    ///     }, |event| match event {
    ///         Event::Step { index, .. } if index == last_step => ControlFlow::Break(()),
    ///         _ => ControlFlow::Continue(()),
    ///     })?;
    ///     Ok((mean.value().item()?, report))
    /// };
    ///
    /// let whole = run(&fit, u64::MAX)?;
    /// let folder = tempfile::tempdir()?;
    /// let file = folder.path().join("run.safetensors");
    /// let fit = fit.checkpoint(&file, Every::Steps(10))?;
    /// run(&fit, 34)?;
    /// // Another process, another variable: the same bits at the end.
    /// assert_eq!(run(&fit.resume_from(&file), u64::MAX)?, whole);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkpoint(mut self, path: impl Into<PathBuf>, every: Every) -> Result<Self> {
        let (argument, given) = match every {
            Every::Epochs(epochs) => ("epochs", epochs as f64),
            Every::Steps(steps) => ("steps", steps as f64),
            Every::Seconds(seconds) => ("seconds", seconds),
        };
        Argument::new("Fit::checkpoint", argument, given).positive()?;
        self.checkpoint = Some((path.into(), every));
        Ok(self)
    }

    /// Goes on from a saved run in place of starting anew: variables and the optimizer's state become those in the file,
    /// and the run ends with the same bits, report included, as if it had not been interrupted.
    ///
    /// This holds where model, data, optimizer and its settings are made as they were for the first part. Of these the
    /// file knows the variables, the optimizer's memory, the data (by a checksum, if they are in memory), and all
    /// settings of the run itself; making net and optimizer alike is up to the caller. The number of epochs may be
    /// another one, to train longer.
    ///
    /// # Errors
    /// The run fails before its first step, and nothing changes, with
    /// [`CheckpointError::OtherRun`] for what tells that it is not this run;
    /// [`CheckpointError::Damaged`] if the content is not what was written;
    /// [`ModuleError::Mismatch`](tfn_module::ModuleError::Mismatch) for other variables or another kind of optimizer;
    /// [`ModuleError::Format`](tfn_module::ModuleError::Format) for a truncated file, or another than a
    /// safetensors file; [`ModuleError::Io`](tfn_module::ModuleError::Io), also if there is no file.
    ///
    /// # Examples
    /// See [`checkpoint`](Self::checkpoint). A script that may be killed and is started again until it is through:
    /// ```
    /// # use tfn_tensor::{DType, Tensor};
    /// # use tfn_train::{Every, Fit, data::Dataset};
    /// # let folder = tempfile::tempdir()?;
    /// # let data = Dataset::new(Tensor::zeros(&[5, 2], DType::F32), Tensor::zeros(&[5], DType::F32))?;
    /// let file = folder.path().join("run.safetensors");
    /// let mut fit = Fit::new(&data)?.checkpoint(&file, Every::Seconds(60.0))?;
    /// if file.exists() {
    ///     fit = fit.resume_from(&file);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn resume_from(mut self, path: impl Into<PathBuf>) -> Self {
        self.resume = Some(path.into());
        self
    }

    /// How far the run has come: nowhere, or where the checkpoint that it goes on from says.
    pub(super) fn progress(
        &self,
        trained: &Trained,
        optimizer: &mut dyn Optimizer,
    ) -> Result<(Progress, Best)> {
        let Some(path) = &self.resume else {
            return Ok((Progress::default(), Best::default()));
        };
        let found = saved::read(path, trained, optimizer)?;
        self.check_same_run(path, &found.facts)?;
        let damaged = |what: &str| CheckpointError::Damaged {
            path: path.clone(),
            what: format!("`{what}` cannot be read"),
        };
        let progress = Progress::read(&found.facts).map_err(damaged)?;
        let steps = progress.report.steps;
        if steps > self.steps() {
            let (given, expected) = (steps.to_string(), format!("at most {}", self.steps()));
            return Err(other_run(path, "number of steps done", &given, &expected));
        }
        let per_epoch = self.batches()?.per_epoch() as u64;
        let of_whole_epochs = progress.report.epochs.len() as u64 * per_epoch;
        if steps.checked_sub(of_whole_epochs).is_none_or(|rest| rest > per_epoch) {
            return Err(damaged("steps").into());
        }
        let best = found.restore(trained, optimizer)?;
        Ok((progress, best))
    }

    /// What tells this run from others.
    fn facts(&self) -> Result<[(&'static str, String); 10]> {
        let validation = match &self.held_out {
            None => "none".to_owned(),
            Some(HeldOut::Set(set)) => format!("a set with the checksum {}", data_checksum(set)?),
            Some(HeldOut::Share(share)) => format!("a share of {share}"),
        };
        let data = match self.data.in_memory() {
            Some(data) => data_checksum(data)?,
            None => "not in memory".to_owned(),
        };
        Ok([
            ("format", "2".to_owned()),
            ("number of examples", self.num_examples().to_string()),
            ("checksum of the data", data),
            ("validation", format!("{validation}, every {} epochs", self.validate_every)),
            (
                saved::PATIENCE,
                self.patience.map_or_else(String::new, |patience| patience.to_string()),
            ),
            ("batch size", self.batch_size.to_string()),
            ("drop_last", self.drop_last.to_string()),
            ("draws", self.draws.to_string()),
            // A word drawn from the key, for the key itself is nobody's business.
            ("key", format!("{:016x}", self.key.child("checkpoint").stream().next_u64())),
            ("weight of the KL term", format!("{:?}", self.kl_weight)),
        ])
    }

    fn check_same_run(&self, path: &Path, facts: &BTreeMap<String, String>) -> Result<()> {
        for (what, expected) in self.facts()? {
            let given = facts.get(what).map_or("missing", String::as_str);
            if given != expected {
                return Err(other_run(path, what, given, &expected));
            }
        }
        Ok(())
    }
}

fn other_run(path: &Path, what: &'static str, given: &str, expected: &str) -> TrainError {
    let (given, expected) = (given.to_owned(), expected.to_owned());
    CheckpointError::OtherRun { path: path.to_owned(), what, given, expected }.into()
}

/// Saves a run when it is time to.
pub(super) struct Saver<'a> {
    fit: &'a Fit<'a>,
    trained: &'a Trained,
    facts: BTreeMap<String, String>,
    /// Where the last saving was, or the beginning of this part of the run.
    epochs: u64,
    steps: u64,
    time: Instant,
    /// Whether the file holds this place of the run.
    is_saved: bool,
}

impl<'a> Saver<'a> {
    pub(super) fn new(fit: &'a Fit, trained: &'a Trained, progress: &Progress) -> Result<Self> {
        let facts = match fit.checkpoint {
            None => BTreeMap::new(),
            Some(_) => fit.facts()?.into_iter().map(|(what, is)| (what.to_owned(), is)).collect(),
        };
        let (epochs, steps) = (progress.report.epochs.len() as u64, progress.report.steps);
        Ok(Self { fit, trained, facts, epochs, steps, time: Instant::now(), is_saved: false })
    }

    pub(super) fn save_if_due(
        &mut self,
        progress: &Progress,
        best: &Best,
        optimizer: &dyn Optimizer,
    ) -> Result<()> {
        self.is_saved = false;
        let Some((path, every)) = &self.fit.checkpoint else {
            return Ok(());
        };
        let (epochs, steps) = (progress.report.epochs.len() as u64, progress.report.steps);
        let is_due = match *every {
            Every::Epochs(n) => epochs / n > self.epochs / n,
            Every::Steps(n) => steps / n > self.steps / n,
            Every::Seconds(n) => self.time.elapsed().as_secs_f64() >= n,
        };
        if is_due {
            self.save(path, progress, best, optimizer)?;
            (self.epochs, self.steps, self.time) = (epochs, steps, Instant::now());
            self.is_saved = true;
        }
        Ok(())
    }

    /// The report of a run that has ended. The file holds the variables as they were last, so that the run can go
    /// on; they themselves become what they were after the best epoch, where that is asked for.
    pub(super) fn finish(
        self,
        progress: Progress,
        best: Best,
        optimizer: &dyn Optimizer,
    ) -> Result<FitReport> {
        if let Some((path, _)) = &self.fit.checkpoint
            && (!self.is_saved || progress.report.ending == Ending::Observer)
        {
            self.save(path, &progress, &best, optimizer)?;
        }
        best.restore(self.trained)?;
        Ok(progress.report)
    }

    fn save(
        &self,
        path: &Path,
        progress: &Progress,
        best: &Best,
        optimizer: &dyn Optimizer,
    ) -> Result<()> {
        let mut facts = self.facts.clone();
        progress.write(&mut facts);
        saved::write(path, self.trained, best, optimizer, facts)
    }
}

/// Of all numbers of a set and their shapes.
fn data_checksum(data: &Dataset) -> Result<String> {
    let mut crc = Crc::new();
    for tensor in [data.features(), data.targets()] {
        crc.update(format!("{:?}{:?};", tensor.dtype()?, tensor.shape()?).as_bytes());
        add_tensor(&mut crc, tensor)?;
    }
    for weight in data.weights().unwrap_or_default() {
        crc.update(&weight.to_le_bytes());
    }
    Ok(format!("{:08x}", crc.sum()))
}

#[cfg(test)]
mod tests;
