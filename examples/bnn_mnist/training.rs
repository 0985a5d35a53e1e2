//! Training both networks, and keeping them.

use std::ops::ControlFlow;
use std::path::Path;

use tfn::module::{Module, checkpoint};
use tfn::train::data::Dataset;
use tfn::train::{Adam, Event, Fit, KlWeight, Schedule};
use tfn::{Key, Model};

use crate::network::CLASSES;
use crate::options::{Failure, Options};
use crate::terminal::Progress;

const LEARNING_RATE: f64 = 2e-3;

/// Trains by the ELBO: Adam with a cosine schedule, the KL weight rising to 1 over a quarter of the epochs.
pub(crate) fn train_bayesian(
    bnn: &Model,
    train: &Dataset,
    options: &Options,
) -> Result<(), Failure> {
    let warmup = KlWeight::linear_warmup(options.epochs as f64 / 4.0)?;
    let fit = Fit::new(train.len(), options.batch, options.epochs)?
        .key(Key::from_seed(options.seed).child("bnn"))
        .kl_weight(warmup);
    run("bnn", bnn, &fit, train)
}

/// Trains the same net without uncertainty, by its likelihood alone.
pub(crate) fn train_deterministic(
    twin: &Model,
    train: &Dataset,
    options: &Options,
) -> Result<(), Failure> {
    let fit = Fit::new(train.len(), options.batch, options.epochs)?
        .key(Key::from_seed(options.seed).child("twin"));
    run("twin", twin, &fit, train)
}

fn run(name: &str, model: &Model, fit: &Fit, train: &Dataset) -> Result<(), Failure> {
    let mut adam = Adam::new(Schedule::cosine_decay(LEARNING_RATE, fit.steps()))?;
    let progress = Progress::new(name, fit.steps());
    let targets = train.one_hot(CLASSES)?;
    fit.run_model(model, &targets, &mut adam, |event: Event| {
        progress.show(&event);
        ControlFlow::Continue(())
    })?;
    progress.finish();
    Ok(())
}

/// Both networks, as one module and one file.
#[derive(Module)]
struct Networks {
    bnn: Model,
    twin: Model,
}

pub(crate) fn save(bnn: &Model, twin: &Model, file: &Path) -> Result<(), Failure> {
    checkpoint::save(&Networks { bnn: bnn.clone(), twin: twin.clone() }, file)?;
    println!("saved to {}", file.display());
    Ok(())
}

pub(crate) fn load(bnn: &Model, twin: &Model, file: &Path) -> Result<(), Failure> {
    checkpoint::load(&Networks { bnn: bnn.clone(), twin: twin.clone() }, file)?;
    println!("loaded from {}", file.display());
    Ok(())
}
