//! The training loop.

mod checkpoint;
mod loader;
mod model;
mod observer;
mod progress;
mod report;
mod run;
mod saved;
mod step;
mod validation;

pub use checkpoint::Every;
pub use observer::Observer;
pub use report::{Ending, Event, FitReport, Metrics};
pub use step::{Step, StepLoss};

use std::path::PathBuf;

use tfn_tensor::{Key, Variable};

use self::saved::Trained;
use self::validation::HeldOut;
use crate::check::Argument;
use crate::data::{Batches, Dataset, Examples};
use crate::elbo::Elbo;
use crate::error::{Result, TrainError};
use crate::kl_weight::KlWeight;
use crate::optimizers::Optimizer;

/// Training by the ELBO for a number of epochs.
///
/// Counterpart: `tfn.util.make_fit_op` and the loop that its users write around it.
///
/// The loop owns what is the same in every training run: minibatches, keys, the number of examples,
/// the weight of the KL term, the optimizer's steps, and means over an epoch. A [model](Self::run_model) brings its own step;
/// for anything else a step is the caller's function of a minibatch and of a [`Step`].
///
/// A run can be judged by [rows that it does not train on](Self::validation) and [end by that](Self::early_stopping), and it
/// can be [kept in a file](Self::checkpoint) as it goes, and [gone on with](Self::resume_from) from there.
///
/// # Examples
/// The mean of a normal with a N(0, 1) prior on it, by its own closed-form KL:
/// ```
/// use tfn_tensor::{Key, Tensor, Variable};
/// use tfn_train::{Adam, Fit, data::Dataset};
///
/// let y = Tensor::from_vec(vec![1.0, 3.0, 2.0, 2.0], &[4]);
/// let data = Dataset::new(y.clone(), y)?;
/// let mean = Variable::new("mean", Tensor::scalar(0.0))?;
///
/// let fit = Fit::new(&data)?.batch_size(4)?.epochs(300).key(Key::from_seed(1));
/// let report = fit.run(&[mean.clone()], &mut Adam::new(0.05)?, |batch, step| {
///     let nll = (batch.targets() - mean.tensor()).square() * 0.5;
///     let kl = mean.tensor().square() * 0.5;
///     Ok(step.loss(&nll, &kl)?.into())
/// }, ())?;
///
/// // Posterior mean: Σ y / (n + 1).
/// assert!((mean.value().item()? - 8.0 / 5.0).abs() < 1e-3);
/// assert_eq!(report.epochs.len(), 300);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fit<'a> {
    data: &'a dyn Examples,
    held_out: Option<HeldOut<'a>>,
    validate_every: u64,
    patience: Option<u64>,
    batch_size: usize,
    drop_last: bool,
    epochs: u64,
    draws: usize,
    kl_weight: KlWeight,
    key: Key,
    checkpoint: Option<(PathBuf, Every)>,
    resume: Option<PathBuf>,
}

impl<'a> Fit<'a> {
    /// On these rows: 10 epochs in minibatches of 32, until other numbers are set.
    ///
    /// # Errors
    /// [`TrainError::Value`] if there are no rows, [`TrainError::Rows`] for another number of weights than rows.
    pub fn new(data: &'a dyn Examples) -> Result<Self> {
        Argument::new("Fit", "data", data.len() as f64)
            .require(!data.is_empty(), "at least 1 row")?;
        if let Some(weights) = data.weights()
            && weights.len() != data.len()
        {
            let (lhs_argument, lhs, rhs_argument) = ("weights", weights.len(), "data");
            let (op, rhs) = ("Fit", data.len());
            return Err(TrainError::Rows { op, lhs_argument, lhs, rhs_argument, rhs });
        }
        Ok(Self {
            data,
            held_out: None,
            validate_every: 1,
            patience: None,
            batch_size: 32,
            drop_last: false,
            epochs: 10,
            draws: 1,
            kl_weight: KlWeight::ONE,
            key: Key::from_seed(0),
            checkpoint: None,
            resume: None,
        })
    }

    /// Sets how many rows a minibatch has; the last one of an epoch may have fewer.
    ///
    /// # Errors
    /// [`TrainError::Value`] for 0.
    pub fn batch_size(self, batch_size: usize) -> Result<Self> {
        Argument::new("Fit", "batch_size", batch_size as f64).positive()?;
        Ok(Self { batch_size, ..self })
    }

    /// Sets the number of epochs: how often all rows are trained on.
    #[must_use]
    pub fn epochs(self, epochs: u64) -> Self {
        Self { epochs, ..self }
    }

    /// Sets the key of all that is drawn: the order of rows, which rows are held out, and the noise of each step. The
    /// default is that of seed 0.
    #[must_use]
    pub fn key(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// Sets the weight of the KL term. The default is 1 throughout.
    #[must_use]
    pub fn kl_weight(self, kl_weight: KlWeight) -> Self {
        Self { kl_weight, ..self }
    }

    /// Sets over how many draws of the weights the loss of a step of a [model](Self::run_model) is averaged: less noise in its gradient,
    /// and as many times the work. The default is 1. (A step of one's own finds the number in [`Step::draws`].)
    ///
    /// # Errors
    /// [`TrainError::Value`] for 0.
    pub fn draws(self, draws: usize) -> Result<Self> {
        Argument::new("Fit", "draws", draws as f64).positive()?;
        Ok(Self { draws, ..self })
    }

    /// Leaves out a last minibatch that is shorter than the others. A run with no other minibatch fails.
    #[must_use]
    pub fn drop_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// Number of rows that are trained on: all but those [held out](Self::validation_split).
    pub fn num_examples(&self) -> usize {
        self.data.len() - self.held_out.as_ref().map_or(0, |held| held.taken(self.data.len()))
    }

    /// Number of steps of a whole run.
    pub fn steps(&self) -> u64 {
        let (rows, size) = (self.num_examples(), self.batch_size);
        let per_epoch = if self.drop_last { rows / size } else { rows.div_ceil(size) };
        self.epochs.saturating_mul(per_epoch as u64)
    }

    /// Trains: for each minibatch asks `step` for the loss, and lets `optimizer` change
    /// `variables`.
    ///
    /// `observer` sees each step and each epoch, and may end the run; `()` watches nothing. The run is a function of its
    /// arguments and of the key alone. It works on a thread of rayon's pool, so `step` and `observer` are
    /// `Send`.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] if a loss, or the gradient of a variable, which is named, is
    /// NaN or infinite: the variables stay as they were before that step, but for parts of kernels so large that their
    /// gradient is only computed while they change, of which none takes such a number; what reading the rows, `step` and
    /// `optimizer` report; [`TrainError::NoModel`] if rows are held out for validation, which takes a model; where
    /// checkpoints are asked for, those of [`resume_from`](Self::resume_from) and of saving.
    pub fn run(
        &self,
        variables: &[Variable],
        optimizer: &mut dyn Optimizer,
        step: impl FnMut(&Dataset, &Step) -> Result<StepLoss> + Send,
        observer: impl Observer + Send,
    ) -> Result<FitReport> {
        if self.held_out.is_some() || self.patience.is_some() {
            return Err(TrainError::NoModel);
        }
        let trained = Trained::of_list(variables);
        run::run(self, &trained, optimizer, step, None, observer)
    }

    /// The minibatches of the rows that are trained on.
    fn batches(&self) -> Result<Batches> {
        let batches = Batches::new(self.num_examples(), self.batch_size)?;
        let batches = batches.shuffled(self.key.child("batches"));
        if self.drop_last { batches.drop_last() } else { Ok(batches) }
    }

    /// The loss, with what the rows in `rows` (all, if there are none given) count.
    fn elbo(&self, rows: Option<&[usize]>) -> Result<Elbo> {
        match (self.data.weights(), rows) {
            (None, _) => Elbo::new(self.num_examples()),
            (Some(weights), None) => Elbo::of_weights(weights),
            (Some(weights), Some(rows)) => {
                Elbo::of_weights(&rows.iter().map(|&row| weights[row]).collect::<Vec<_>>())
            }
        }
    }
}

#[cfg(test)]
mod tests;
