//! The training loop.

mod checkpoint;
mod model;
mod progress;
mod report;
mod saved;
mod step;

pub use checkpoint::Every;
pub use report::{Event, Figures, FitReport};
pub use step::{Step, StepLoss};

use std::ops::ControlFlow;
use std::path::PathBuf;

use tfn_tensor::{Key, Variable};

use self::checkpoint::Saver;
use self::saved::Trained;
use crate::check::Argument;
use crate::data::{Batches, Dataset};
use crate::elbo::Elbo;
use crate::error::Result;
use crate::kl_weight::KlWeight;
use crate::optimizers::Optimizer;

/// Training by the ELBO for a number of epochs.
///
/// Counterpart: `tfn.util.make_fit_op` and the loop that its users write around it.
///
/// The loop owns what is the same in every training run: minibatches, keys, the number of examples,
/// the weight of the KL term, the optimizer's steps, and means over an epoch. What a step computes
/// is the caller's: a function of a minibatch and of a [`Step`].
///
/// A run can be [kept in a file](Self::checkpoint) as it goes, and [gone on with](Self::resume_from) from there.
///
/// # Examples
/// The mean of a normal with a N(0, 1) prior on it, by its own closed-form KL:
/// ```
/// use std::ops::ControlFlow;
/// use tfn_tensor::{Key, Tensor, Variable};
/// use tfn_train::{Adam, Fit, data::Dataset};
///
/// let y = Tensor::from_vec(vec![1.0, 3.0, 2.0, 2.0], &[4]);
/// let data = Dataset::new(y.clone(), y)?;
/// let mean = Variable::new("mean", Tensor::scalar(0.0))?;
///
/// let mut adam = Adam::new(0.05)?;
/// let fit = Fit::new(data.len(), 4, 300)?.key(Key::from_seed(1));
/// let report = fit.run(&data, &[mean.clone()], &mut adam, |batch, step| {
///     let nll = (batch.targets() - mean.tensor()).square() * 0.5;
///     let kl = mean.tensor().square() * 0.5;
///     Ok(step.loss(&nll, &kl)?.into())
/// }, |_event| ControlFlow::Continue(()))?;
///
/// // Posterior mean: Σ y / (n + 1).
/// assert!((mean.value().item()? - 8.0 / 5.0).abs() < 1e-3);
/// assert_eq!(report.epochs.len(), 300);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fit {
    elbo: Elbo,
    batches: Batches,
    epochs: u64,
    kl_weight: KlWeight,
    key: Key,
    checkpoint: Option<(PathBuf, Every)>,
    resume: Option<PathBuf>,
}

impl Fit {
    /// For `num_examples` training examples, in minibatches of `batch_size`, `epochs` times.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a number of examples or a batch size of
    /// 0.
    pub fn new(num_examples: usize, batch_size: usize, epochs: u64) -> Result<Self> {
        let key = Key::from_seed(0);
        Ok(Self {
            elbo: Elbo::new(num_examples)?,
            batches: Batches::new(num_examples, batch_size)?.shuffled(key.child("batches")),
            epochs,
            kl_weight: KlWeight::ONE,
            key,
            checkpoint: None,
            resume: None,
        })
    }

    /// Sets the key of all that is drawn: the order of rows and the noise of each step. The default
    /// is that of seed 0.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.batches = self.batches.shuffled(key.child("batches"));
        self.key = key;
        self
    }

    /// Sets how the weight of the KL term rises. The default is 1 throughout.
    #[must_use]
    pub fn kl_weight(mut self, kl_weight: KlWeight) -> Self {
        self.kl_weight = kl_weight;
        self
    }

    /// Leaves out a last minibatch that is shorter than the others.
    ///
    /// # Errors
    /// As [`Batches::drop_last`].
    pub fn drop_last(mut self) -> Result<Self> {
        self.batches = self.batches.drop_last()?;
        Ok(self)
    }

    /// Number of steps of a whole run.
    pub fn steps(&self) -> u64 {
        self.epochs * self.batches.per_epoch() as u64
    }

    /// Trains: for each minibatch asks `step` for the loss, and lets `optimizer` change
    /// `variables`.
    ///
    /// `observe` sees each step and each epoch, and may end the run. The run is a function of its
    /// arguments and of the key alone. It works on a thread of rayon's pool, so `step` and `observe` are
    /// `Send`.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `data` is not of the number of rows given
    /// to [`new`](Self::new); [`TrainError::NotFinite`](crate::TrainError::NotFinite) if a loss is
    /// NaN or infinite (the variables stay as they were before that step); what `step` and
    /// `optimizer` report; where checkpoints are asked for, those of [`resume_from`](Self::resume_from) and of saving.
    pub fn run(
        &self,
        data: &Dataset,
        variables: &[Variable],
        optimizer: &mut dyn Optimizer,
        step: impl FnMut(&Dataset, &Step) -> Result<StepLoss> + Send,
        observe: impl FnMut(Event) -> ControlFlow<()> + Send,
    ) -> Result<FitReport> {
        let trained = Trained::of_list(variables);
        self.run_trained(&trained, data, optimizer, step, observe)
    }

    fn run_trained(
        &self,
        trained: &Trained,
        data: &Dataset,
        optimizer: &mut dyn Optimizer,
        step: impl FnMut(&Dataset, &Step) -> Result<StepLoss> + Send,
        observe: impl FnMut(Event) -> ControlFlow<()> + Send,
    ) -> Result<FitReport> {
        // On a thread of the pool: from any other one each parallel pass would be handed over and waited for.
        rayon::scope(|_| self.train(trained, data, optimizer, step, observe))
    }

    fn train(
        &self,
        trained: &Trained,
        data: &Dataset,
        optimizer: &mut dyn Optimizer,
        mut step: impl FnMut(&Dataset, &Step) -> Result<StepLoss>,
        mut observe: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<FitReport> {
        let expected = "a data set of the number of examples that the run was made for";
        Argument::new("Fit", "data", data.len() as f64)
            .require(data.len() == self.elbo.num_examples(), expected)?;
        let mut progress = self.progress(trained, optimizer)?;
        let mut saver = Saver::new(self, trained, &progress);
        for epoch in progress.report.epochs.len() as u64..self.epochs {
            let batches = self.batches.epoch(epoch);
            let done = progress.report.steps - epoch * batches.len() as u64;
            for (number, rows) in batches.iter().enumerate().skip(done as usize) {
                let place = self.place(progress.report.steps, epoch);
                let loss = step(&data.rows(rows)?, &place)?;
                let figures = Figures::of(&loss, place.index)?;
                let gradients = loss.elbo.loss.gradients()?;
                // The graph holds the variables' values; without it they change in place.
                drop(loss);
                optimizer.apply_gradients(&gradients, trained.variables())?;
                progress.means.add(&figures, rows.len());
                progress.report.steps += 1;
                if observe(self.step_event(&place, figures)).is_break() {
                    return saver.stop(progress, optimizer);
                }
                // The last step of an epoch is saved with its epoch.
                if number + 1 < batches.len() {
                    saver.save_if_due(&progress, optimizer)?;
                }
            }
            let figures = std::mem::take(&mut progress.means).figures();
            progress.report.epochs.push(figures);
            let of = self.epochs;
            if observe(Event::Epoch { epoch, of, figures }).is_break() {
                return saver.stop(progress, optimizer);
            }
            saver.save_if_due(&progress, optimizer)?;
        }
        saver.finish(progress, optimizer)
    }

    fn place(&self, index: u64, epoch: u64) -> Step {
        let epochs_done = index as f64 / self.batches.per_epoch() as f64;
        Step {
            index,
            epoch,
            key: self.key.child("step").index(index),
            kl_weight: self.kl_weight.at(epochs_done),
            elbo: self.elbo,
        }
    }

    fn step_event(&self, place: &Step, figures: Figures) -> Event {
        Event::Step {
            index: place.index,
            of: self.steps(),
            epoch: place.epoch,
            figures,
            kl_weight: place.kl_weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use tfn_tensor::Tensor;

    use super::*;
    use crate::Sgd;

    const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

    fn data(n: usize) -> Dataset {
        let y = Tensor::from_vec((0..n).map(|i| i as f64).collect(), &[n]);
        Dataset::new(y.clone(), y).unwrap()
    }

    fn variable() -> Variable {
        Variable::new("w", Tensor::scalar(0.0)).unwrap()
    }

    /// nll of a row is w + y, KL is w²: simple enough to follow by hand.
    fn linear(w: &Variable, batch: &Dataset, step: &Step) -> Result<StepLoss> {
        let nll = batch.targets() + w.tensor();
        Ok(step.loss(&nll, &w.tensor().square())?.into())
    }

    #[test]
    fn steps_scale_and_means_by_hand() {
        let w = variable();
        let mut sgd = Sgd::new(1.0).unwrap();
        let mut seen = Vec::new();
        let fit = Fit::new(3, 2, 2).unwrap();
        let report = fit
            .run(
                &data(3),
                std::slice::from_ref(&w),
                &mut sgd,
                |batch, step| Ok(linear(&w, batch, step)?.with_accuracy(batch.len() as f64)),
                |event| {
                    if let Event::Step { index, of, epoch, figures, kl_weight } = event {
                        seen.push((index, of, epoch, figures.kl, kl_weight));
                    }
                    GO_ON
                },
            )
            .unwrap();
        // w ← w − (1 + 2 w / 3), from 0: 0, -1, -4/3, -13/9
        let w_at: Vec<f64> = (0..5)
            .scan(0.0, |w, _| {
                let now = *w;
                *w -= 1.0 + 2.0 * *w / 3.0;
                Some(now)
            })
            .collect();
        for (i, &(index, of, epoch, kl, weight)) in seen.iter().enumerate() {
            assert_eq!((index, of, epoch, weight), (i as u64, 4, i as u64 / 2, 1.0));
            assert!((kl - w_at[i] * w_at[i]).abs() < 1e-14);
        }
        assert!((w.value().item().unwrap() - w_at[4]).abs() < 1e-14);
        // The mean of y over all rows is 1; the first step has 2 of the 3 rows.
        let nll = 1.0 + (2.0 * w_at[0] + w_at[1]) / 3.0;
        assert!((report.epochs[0].nll - nll).abs() < 1e-14);
        let kl = (2.0 * w_at[0] * w_at[0] + w_at[1] * w_at[1]) / 3.0;
        assert!((report.epochs[0].kl - kl).abs() < 1e-14);
        assert!((report.epochs[0].loss - (nll + kl / 3.0)).abs() < 1e-14);
        assert_eq!(report.epochs[0].accuracy, Some(5.0 / 3.0));
        assert_eq!((report.steps, report.stopped, fit.steps()), (4, false, 4));
    }

    #[test]
    fn the_kl_weight_rises_by_the_step() {
        let w = variable();
        let mut weights = Vec::new();
        let fit = Fit::new(4, 2, 3).unwrap().kl_weight(KlWeight::linear_warmup(2.0).unwrap());
        fit.run(
            &data(4),
            std::slice::from_ref(&w),
            &mut Sgd::new(0.1).unwrap(),
            |batch, step| {
                weights.push(step.kl_weight);
                linear(&w, batch, step)
            },
            |_| GO_ON,
        )
        .unwrap();
        assert_eq!(weights, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn a_run_is_a_function_of_its_key() {
        let run = |seed| {
            let w = variable();
            let mut drawn = Vec::new();
            let fit = Fit::new(10, 3, 2).unwrap().key(Key::from_seed(seed));
            fit.run(
                &data(10),
                std::slice::from_ref(&w),
                &mut Sgd::new(0.1).unwrap(),
                |batch, step| {
                    drawn.push(step.key.stream().next_u64());
                    drawn.extend(batch.targets().to_vec::<f64>()?.iter().map(|&y| y as u64));
                    linear(&w, batch, step)
                },
                |_| GO_ON,
            )
            .unwrap();
            drawn
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn the_observer_may_stop_the_run() {
        let w = variable();
        let fit = Fit::new(4, 1, 5).unwrap();
        let stop_when = |stop: fn(&Event) -> bool| {
            let step = |batch: &Dataset, step: &Step| linear(&w, batch, step);
            let observe = |event: Event| {
                if stop(&event) { ControlFlow::Break(()) } else { GO_ON }
            };
            let mut sgd = Sgd::new(0.0).unwrap();
            fit.run(&data(4), std::slice::from_ref(&w), &mut sgd, step, observe).unwrap()
        };
        let report = stop_when(|event| matches!(event, Event::Epoch { epoch: 1, .. }));
        assert_eq!((report.epochs.len(), report.steps, report.stopped), (2, 8, true));
        let report = stop_when(|event| matches!(event, Event::Step { index: 5, .. }));
        assert_eq!((report.epochs.len(), report.steps, report.stopped), (1, 6, true));
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_run_before_the_update() {
        let w = variable();
        let fit = Fit::new(2, 2, 3).unwrap();
        let error = fit
            .run(
                &data(2),
                std::slice::from_ref(&w),
                &mut Sgd::new(1.0).unwrap(),
                |batch, step| {
                    let bad = if step.index == 1 { f64::NAN } else { 0.0 };
                    Ok(step.loss(&(batch.targets() + w.tensor() + bad), &w.tensor())?.into())
                },
                |_| GO_ON,
            )
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("step 1: negative log-likelihood is NaN"), "{text}");
        assert_eq!(w.value().item().unwrap(), -1.5);
    }

    #[test]
    fn data_of_another_size_is_refused() {
        let w = variable();
        let fit = Fit::new(5, 2, 1).unwrap();
        let step = |batch: &Dataset, step: &Step| linear(&w, batch, step);
        let error =
            fit.run(&data(4), std::slice::from_ref(&w), &mut Sgd::new(1.0).unwrap(), step, |_| {
                GO_ON
            });
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("`data` is 4, expected a data set of the number of examples"),
            "{text}"
        );
        assert!(Fit::new(0, 1, 1).is_err());
        assert!(Fit::new(3, 4, 1).unwrap().drop_last().is_err());
        assert_eq!(Fit::new(5, 2, 3).unwrap().drop_last().unwrap().steps(), 6);
    }
}
