//! The loop over epochs and minibatches.

use std::collections::BTreeSet;
use std::thread;

use tfn_layers::Model;
use tfn_tensor::Gradients;

use super::checkpoint::Saver;
use super::loader::{Check, Plan, in_row_of};
use super::observer::Observer;
use super::progress::Progress;
use super::report::{Ending, Event, FitReport, Metrics};
use super::saved::Trained;
use super::step::{Step, StepLoss};
use super::validation::{check, judge};
use super::{Fit, Optimizer};
use crate::data::Dataset;
use crate::elbo::Elbo;
use crate::error::{Result, TrainError};

/// What a run of a model has beside its step.
#[derive(Clone, Copy)]
pub(super) struct OfModel<'a> {
    pub(super) model: &'a Model,
    pub(super) check: Check<'a>,
}

/// Trains on a thread of rayon's pool.
///
/// Started from any other thread, each parallel operation would send its work to the pool and sleep until it is done, which costs
/// more than a small operation itself.
pub(super) fn run(
    fit: &Fit,
    trained: &Trained,
    optimizer: &mut dyn Optimizer,
    step: impl FnMut(&Dataset, &Step) -> Result<StepLoss> + Send,
    of_model: Option<OfModel>,
    observer: impl Observer + Send,
) -> Result<FitReport> {
    rayon::scope(|_| train(fit, trained, optimizer, step, of_model, observer))
}

fn train(
    fit: &Fit,
    trained: &Trained,
    optimizer: &mut dyn Optimizer,
    mut step: impl FnMut(&Dataset, &Step) -> Result<StepLoss>,
    of_model: Option<OfModel>,
    mut observer: impl Observer,
) -> Result<FitReport> {
    let batches = fit.batches()?;
    let (rows, held_out) = fit.split()?;
    let elbo = fit.elbo(rows.as_deref())?;
    let judged = of_model.map(|of| of.model).zip(held_out.as_ref().map(|held| &held.data));
    if let (Some(of_model), Some(held_out)) = (of_model, &held_out) {
        check(of_model.check, held_out)?;
    } else if fit.patience.is_some() {
        return Err(TrainError::NoValidation);
    }
    let (mut progress, mut best) = fit.progress(trained, optimizer)?;
    let mut saver = Saver::new(fit, trained, &progress)?;
    let per_epoch = batches.per_epoch();
    let mut is_foreign_checked = of_model.is_none();
    let finish = |mut progress: Progress, saver: Saver, best, optimizer: &dyn Optimizer| {
        let epochs_done = progress.report.steps as f64 / per_epoch as f64;
        let reached = fit.kl_weight.reached(epochs_done);
        progress.report.tempered = (reached != 1.0).then_some(reached);
        saver.finish(progress, best, optimizer)
    };

    thread::scope(|scope| {
        let epochs = progress.report.epochs.len() as u64..fit.epochs;
        let done = (progress.report.steps - epochs.start * per_epoch as u64) as usize;
        let mut loader = Plan {
            data: fit.data,
            rows: rows.as_deref(),
            batches: &batches,
            epochs: epochs.clone(),
            done,
            check: of_model.map(|of| of.check),
        }
        .load(scope);
        let first = epochs.start;
        for epoch in epochs {
            if fit.is_patience_over(&progress) {
                break;
            }
            let done = if epoch == first { done } else { 0 };
            for number in done..per_epoch {
                // Rows end early only if their source panicked, and then so does this scope: nothing more is saved.
                let (batch, rows) = loader.next().ok_or(TrainError::NoMoreRows)??;
                let place = place(fit, elbo, &batch, per_epoch, progress.report.steps, epoch);
                let loss = step(&batch, &place).map_err(|error| match of_model {
                    Some(_) => in_row_of(error, &rows),
                    None => error,
                })?;
                let metrics = Metrics::of(&loss, place.index)?;
                let gradients = loss.elbo.loss.gradients()?;
                // The graph holds the variables' values; without it they change in place.
                drop(loss);
                if !std::mem::replace(&mut is_foreign_checked, true) {
                    check_foreign(&gradients, trained)?;
                }
                gradients
                    .check_finite(trained.variables())
                    .map_err(TrainError::from)
                    .and_then(|()| optimizer.apply_gradients(&gradients, trained.variables()))
                    .map_err(|error| trained.with_path(error, place.index))?;
                progress.means.add(&metrics, batch.len());
                progress.report.steps += 1;
                if observer.observe(step_event(fit, &place, metrics)).is_break() {
                    progress.report.ending = Ending::Observer;
                    return finish(progress, saver, best, optimizer);
                }
                // The last step of an epoch is saved with its epoch.
                if number + 1 < per_epoch {
                    saver.save_if_due(&progress, &best, optimizer)?;
                }
            }
            let mut metrics = std::mem::take(&mut progress.means).metrics();
            if let Some((model, held_out)) = judged
                && fit.is_judged(epoch)
            {
                metrics.validation = Some(judge(model, held_out, &fit.key)?);
            }
            progress.report.epochs.push(metrics);
            best.consider(fit, trained, &mut progress);
            let of = fit.epochs;
            if observer.observe(Event::Epoch { epoch, of, metrics }).is_break() {
                progress.report.ending = Ending::Observer;
                return finish(progress, saver, best, optimizer);
            }
            saver.save_if_due(&progress, &best, optimizer)?;
        }
        if fit.is_patience_over(&progress) {
            progress.report.ending = Ending::EarlyStopping;
        }
        finish(progress, saver, best, optimizer)
    })
}

fn place(fit: &Fit, elbo: Elbo, batch: &Dataset, per_epoch: usize, index: u64, epoch: u64) -> Step {
    let epochs_done = index as f64 / per_epoch as f64;
    Step {
        index,
        epoch,
        key: fit.key.child("step").index(index),
        draws: fit.draws,
        weights: batch.weights().map(<[f64]>::to_vec),
        kl_weight: fit.kl_weight.at(epochs_done),
        elbo,
    }
}

fn step_event(fit: &Fit, place: &Step, metrics: Metrics) -> Event {
    Event::Step {
        index: place.index,
        of: fit.steps(),
        epoch: place.epoch,
        metrics,
        kl_weight: place.kl_weight,
    }
}

/// Fails if the loss depends on variables that the model does not know as its own: they would never be trained.
fn check_foreign(gradients: &Gradients, trained: &Trained) -> Result<()> {
    let has_gradient = |variable: &&tfn_tensor::Variable| gradients.get(variable).is_some();
    let own: BTreeSet<_> =
        trained.variables().iter().filter(has_gradient).map(|variable| variable.id()).collect();
    match gradients.len() - own.len() {
        0 => Ok(()),
        foreign => Err(TrainError::ForeignVariables { foreign }),
    }
}
