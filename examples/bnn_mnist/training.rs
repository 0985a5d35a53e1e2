//! Training both networks, and keeping them.

use std::path::Path;

use tfn::module::{Module, checkpoint};
use tfn::train::data::Dataset;
use tfn::train::observe::Progress;
use tfn::train::{Adam, Fit, KlWeight, Schedule};
use tfn::{Key, Model};

use crate::options::{Failure, Options};

const LEARNING_RATE: f64 = 2e-3;

/// Trains by the ELBO: Adam with a cosine schedule, the KL weight rising to 1 over a quarter of the epochs.
pub(crate) fn train_bayesian(
    bnn: &Model,
    train: &Dataset,
    options: &Options,
) -> Result<(), Failure> {
    let warmup = KlWeight::linear_warmup(options.epochs as f64 / 4.0)?;
    let fit = fit(train, options, "bnn")?.kl_weight(warmup);
    run("bnn", bnn, &fit)
}

/// Trains the same net without uncertainty, by its likelihood alone.
pub(crate) fn train_deterministic(
    twin: &Model,
    train: &Dataset,
    options: &Options,
) -> Result<(), Failure> {
    run("twin", twin, &fit(train, options, "twin")?)
}

fn fit<'a>(train: &'a Dataset, options: &Options, name: &str) -> Result<Fit<'a>, Failure> {
    let key = Key::from_seed(options.seed).child(name);
    Ok(Fit::new(train)?.batch_size(options.batch)?.epochs(options.epochs).key(key))
}

fn run(name: &str, model: &Model, fit: &Fit) -> Result<(), Failure> {
    let mut adam = Adam::new(Schedule::cosine_decay(LEARNING_RATE, fit.steps()))?;
    fit.run_model(model, &mut adam, Progress::new(name))?;
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
