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
    /// file knows the variables, the optimizer's memory, the data (by a checksum, if they are in memory), and all settings
    /// of the run itself; that net and optimizer are made alike is the caller's part. The number of epochs may be another
    /// one, to train longer.
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
mod tests {
    use std::fs;
    use std::ops::ControlFlow;
    use std::sync::LazyLock;

    use tfn_distributions::Categorical;
    use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Model, Sequential};
    use tfn_module::{Module, ModuleError, read_metadata};
    use tfn_tensor::{DType, Key, Tensor, Variable};

    use super::*;
    use crate::data::Dataset;
    use crate::{Adam, AdamW, Event, KlWeight, Sgd, StepLoss};

    const ROWS: usize = 7;

    fn data() -> &'static Dataset {
        static DATA: LazyLock<Dataset> = LazyLock::new(|| {
            let x = Key::from_seed(8).stream().normal(&[ROWS, 3], DType::F32);
            let labels = [0.0_f32, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0];
            Dataset::new(x, Tensor::from_vec(labels.to_vec(), &[ROWS])).unwrap()
        });
        &DATA
    }

    fn fit_of(data: &Dataset, batch_size: usize, epochs: u64) -> Fit<'_> {
        let fit = Fit::new(data).unwrap().batch_size(batch_size).unwrap().epochs(epochs);
        fit.key(Key::from_seed(3))
    }

    /// Four steps an epoch, the last of one row.
    fn fit() -> Fit<'static> {
        fit_of(data(), 2, 3).kl_weight(KlWeight::linear_warmup(2.0).unwrap())
    }

    fn model() -> Model {
        let layer = Bayesian::builder(3, 2).seed(5).build().unwrap();
        Sequential::of(layer).with_head(|logits| Categorical::from_logits(logits))
    }

    fn bits(variables: &[Variable]) -> Vec<u64> {
        let of = |v: &Variable| v.value().to_f64_vec().unwrap();
        variables.iter().flat_map(of).map(f64::to_bits).collect()
    }

    type Outcome = Result<(Vec<u64>, FitReport)>;

    /// Trains a fresh model until after the step `last`.
    fn train(fit: &Fit, optimizer: &mut dyn Optimizer, last: u64) -> Outcome {
        let model = model();
        let report = fit.run_model(&model, optimizer, stop_at(last))?;
        Ok((bits(&model.variables()), report))
    }

    fn stop_at(last: u64) -> impl FnMut(Event) -> ControlFlow<()> + Send {
        move |event| match event {
            Event::Step { index, .. } if index == last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn adam() -> Adam {
        Adam::builder(0.05).clip_norm(0.5).build().unwrap()
    }

    #[test]
    fn a_run_goes_on_from_any_step_with_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let optimizers: [fn() -> Box<dyn Optimizer>; 3] = [
            || Box::new(adam()),
            || Box::new(AdamW::new(0.05).unwrap()),
            || Box::new(Sgd::builder(0.05).momentum(0.9).build().unwrap()),
        ];
        for make in optimizers {
            let whole = train(&fit(), &mut *make(), u64::MAX).unwrap();
            let saving = fit().checkpoint(&file, Every::Epochs(1)).unwrap();
            for last in 0..12 {
                let part = train(&saving, &mut *make(), last).unwrap();
                assert!(part.1.ending == Ending::Observer && part.1.steps == last + 1);
                let resumed = train(&fit().resume_from(&file), &mut *make(), u64::MAX).unwrap();
                assert_eq!(resumed, whole, "after step {last}");
            }
        }
    }

    #[test]
    fn a_run_of_a_list_goes_on_too_and_so_does_one_that_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let run = |fit: &Fit, last: u64| {
            let list = ["loc", "rho"].map(|name| {
                Variable::new(name, Tensor::from_vec(vec![0.5, -1.0, 2.0], &[3])).unwrap()
            });
            let [loc, rho] = list.clone();
            let step = move |batch: &Dataset, step: &crate::Step| {
                let noise = step.key.stream().normal(&[3], DType::F64);
                let w = loc.tensor() + rho.tensor().softplus() * noise;
                let x = batch.features().cast(DType::F64);
                let nll = (x * w.clone()).square().sum_axes(&[1], false);
                Ok(StepLoss::from(step.loss(&nll, &w.square().sum())?).with_accuracy(0.25))
            };
            let report = fit.run(&list, &mut adam(), step, stop_at(last)).unwrap();
            (bits(&list), report)
        };
        let whole = run(&fit(), u64::MAX);
        let saving = fit().checkpoint(&file, Every::Steps(3)).unwrap();
        run(&saving, 6);
        assert_eq!(run(&saving.clone().resume_from(&file), u64::MAX), whole);
        assert_eq!(run(&fit().resume_from(&file), u64::MAX), whole);
        let longer = fit().epochs(5);
        assert_eq!(run(&longer.clone().resume_from(&file), u64::MAX), run(&longer, u64::MAX));
    }

    #[test]
    fn a_run_is_saved_as_often_as_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        // Where the file is after each event, and at the end.
        let saved = |every: Every| {
            let _ = fs::remove_file(&file);
            let at = || match read_metadata(&file) {
                Ok(facts) => facts["steps"].parse().unwrap(),
                Err(_) => 0,
            };
            let mut seen = vec![0_u32];
            let fit = fit().checkpoint(&file, every).unwrap();
            let observe = |event: Event| {
                if matches!(event, Event::Step { .. }) && seen.last() != Some(&at()) {
                    seen.push(at());
                }
                ControlFlow::Continue(())
            };
            fit.run_model(&model(), &mut adam(), observe).unwrap();
            seen.push(at());
            seen
        };
        assert_eq!(saved(Every::Steps(3)), [0, 3, 6, 9, 12]);
        assert_eq!(saved(Every::Steps(4)), [0, 4, 8, 12]);
        assert_eq!(saved(Every::Steps(100)), [0, 12]);
        assert_eq!(saved(Every::Epochs(1)), [0, 4, 8, 12]);
        assert_eq!(saved(Every::Epochs(2)), [0, 8, 12]);
        assert_eq!(saved(Every::Seconds(1e-9)).len(), 13);
        assert_eq!(saved(Every::Seconds(1e9)), [0, 12]);
        for every in [Every::Steps(0), Every::Epochs(0), Every::Seconds(f64::NAN)] {
            let error = fit().checkpoint(&file, every).unwrap_err().to_string();
            assert!(error.contains("expected a positive finite number"), "{error}");
        }
    }

    /// Goes on from `file`, which must be refused and change nothing.
    fn refused(fit: &Fit, file: &Path, optimizer: &mut dyn Optimizer) -> TrainError {
        let model = model();
        let before = bits(&model.variables());
        let fit = fit.clone().resume_from(file);
        let error = fit.run_model(&model, optimizer, stop_at(0)).unwrap_err();
        assert_eq!((bits(&model.variables()), optimizer.iterations()), (before, 0));
        error
    }

    #[test]
    fn a_checkpoint_of_another_run_is_refused_by_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let new = |batch| fit_of(data(), batch, 3);
        let saving = new(2).checkpoint(&file, Every::Epochs(1)).unwrap();
        train(&saving, &mut adam(), 9).unwrap();
        let warmup = KlWeight::linear_warmup(0.5).unwrap();
        for (fit, message) in [
            (new(3), "another run: batch size is 2, expected 3"),
            (new(2).key(Key::from_seed(4)), "another run: key is "),
            (new(2).drop_last(), "drop_last is false, expected true"),
            (new(2).draws(3).unwrap(), "draws is 1, expected 3"),
            (new(2).kl_weight(warmup), "Once(0.5)"),
            (new(2).validation(data()).unwrap(), "validation is none, every 1 epochs, expected a"),
            (
                new(2).validation(data()).unwrap().early_stopping(2).unwrap(),
                "validation is none, every 1 epochs, expected a",
            ),
            (new(2).epochs(2), "number of steps done is 10, expected at most 8"),
        ] {
            let error = refused(&fit, &file, &mut adam());
            let is_typed =
                matches!(error, TrainError::Checkpoint(CheckpointError::OtherRun { .. }));
            assert!(is_typed && error.to_string().contains(message), "{error}");
        }
        let rows = data().rows(&[0, 1, 2]).unwrap();
        let error = refused(&fit_of(&rows, 2, 3), &file, &mut adam()).to_string();
        assert!(error.contains("number of examples is 7, expected 3"), "{error}");
        let mut x = data().features().to_vec::<f32>().unwrap();
        x[20] += 1e-6;
        let other = Tensor::from_vec(x, &[ROWS, 3]);
        let other = Dataset::new(other, data().targets().clone()).unwrap();
        let error = refused(&fit_of(&other, 2, 3), &file, &mut adam()).to_string();
        assert!(error.contains("another run: checksum of the data is"), "{error}");

        let fit = new(2);
        let error = refused(&fit, &file, &mut Sgd::builder(0.1).momentum(0.5).build().unwrap());
        assert!(matches!(error, TrainError::Module(ModuleError::Mismatch(_))), "{error}");
        assert!(error.to_string().contains("missing: `optimizer/slots/velocity/"), "{error}");
        let error = refused(&fit, &folder.path().join("none"), &mut adam());
        assert!(matches!(error, TrainError::Module(ModuleError::Io { .. })), "{error}");
        let w = Variable::new("w", Tensor::scalar(1.0)).unwrap();
        let fit = fit.resume_from(&file);
        let step = |_: &Dataset, _: &crate::Step| unreachable!();
        let error = fit.run(&[w], &mut adam(), step, stop_at(0)).unwrap_err();
        assert!(error.to_string().contains("missing: `variables/0/w`"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_refused_wherever_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let saving = fit().checkpoint(&file, Every::Epochs(1)).unwrap();
        train(&saving, &mut adam(), 5).unwrap();
        let whole = fs::read(&file).unwrap();
        let damaged = folder.path().join("damaged");
        for length in (0..whole.len()).step_by(13).chain([whole.len() - 1]) {
            fs::write(&damaged, &whole[..length]).unwrap();
            let error = refused(&fit(), &damaged, &mut adam());
            assert!(matches!(error, TrainError::Module(ModuleError::Format { .. })), "{error}");
        }
        let resumed = |file: &Path| train(&fit().resume_from(file), &mut adam(), u64::MAX);
        let end = resumed(&file).unwrap();
        let text = String::from_utf8_lossy(&whole).into_owned();
        // The names of variables, which are for readers only, and the version of the file's form.
        let place_of = |word: &str| text.find(word).unwrap();
        let names = place_of("names")..place_of("user");
        let version = place_of("version") - 4..place_of("version") + 12;
        let mut by_checksum = 0;
        for place in 0..whole.len() {
            // What is harmless is trained to the end, which takes time.
            if names.contains(&place) && place % 16 != 0 {
                continue;
            }
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 7);
            fs::write(&damaged, bytes).unwrap();
            match resumed(&damaged) {
                Err(TrainError::Checkpoint(CheckpointError::Damaged { .. })) => by_checksum += 1,
                Err(TrainError::Module(_)) => {}
                Err(error) => panic!("{place}: {error}"),
                Ok(same) => {
                    assert_eq!(same, end);
                    assert!(names.contains(&place) || version.contains(&place), "{place}");
                }
            }
        }
        let bytes_of_tensors = 8 + 3 * 4 * bits(&model().variables()).len();
        assert!(by_checksum >= bytes_of_tensors, "{by_checksum}");
    }

    #[test]
    fn a_variable_given_twice_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let run = |fit: &Fit, last: u64| {
            let w = Variable::new("w", Tensor::scalar(1.0)).unwrap();
            let step = |batch: &Dataset, step: &crate::Step| {
                let nll = batch.targets().cast(DType::F64) * w.tensor();
                Ok(step.loss(&nll, &w.tensor().square())?.into())
            };
            let list = [w.clone(), w.clone()];
            fit.run(&list, &mut adam(), step, stop_at(last)).unwrap();
            bits(&list)
        };
        let whole = run(&fit(), u64::MAX);
        run(&fit().checkpoint(&file, Every::Epochs(1)).unwrap(), 6);
        assert_eq!(run(&fit().resume_from(&file), u64::MAX), whole);
    }

    #[test]
    fn a_file_that_cannot_be_written_ends_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let fit = fit().checkpoint(folder.path().join("none/run"), Every::Steps(5)).unwrap();
        let mut adam = adam();
        let error = train(&fit, &mut adam, u64::MAX).unwrap_err();
        assert!(matches!(error, TrainError::Module(ModuleError::Io { .. })), "{error}");
        assert_eq!(adam.iterations(), 5);
    }
}
