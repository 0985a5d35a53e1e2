//! Training both networks, and keeping them.

use std::path::Path;

use tfn_layers::Model;
use tfn_module::{Module, checkpoint};
use tfn_tensor::Key;
use tfn_train::data::Dataset;
use tfn_train::observe::Progress;
use tfn_train::{Adam, Fit, KlWeight, Schedule};

use crate::failure::Failure;
use crate::output::Output;

use super::options::Options;

const LEARNING_RATE: f64 = 2e-3;

/// Trains by the ELBO: Adam with a cosine schedule, the KL weight rising to 1 over a quarter of the epochs.
pub(super) fn train_bayesian(
    bnn: &Model,
    train: &Dataset,
    options: &Options,
    output: &Output,
) -> Result<(), Failure> {
    let warmup = KlWeight::linear_warmup(options.epochs as f64 / 4.0)?;
    let fit = fit(train, options, "bnn")?.kl_weight(warmup);
    run("bnn", bnn, &fit, output)
}

/// Trains the same net without uncertainty, by its likelihood alone.
pub(super) fn train_deterministic(
    twin: &Model,
    train: &Dataset,
    options: &Options,
    output: &Output,
) -> Result<(), Failure> {
    run("twin", twin, &fit(train, options, "twin")?, output)
}

fn fit<'a>(train: &'a Dataset, options: &Options, name: &str) -> Result<Fit<'a>, Failure> {
    let key = Key::from_seed(options.seed).child(name);
    Ok(Fit::new(train)?.batch_size(options.batch)?.epochs(options.epochs).key(key))
}

/// With a bar on a terminal, a line an epoch elsewhere, and neither where nothing but errors is asked for.
fn run(name: &str, model: &Model, fit: &Fit, output: &Output) -> Result<(), Failure> {
    let mut adam = Adam::new(Schedule::cosine_decay(LEARNING_RATE, fit.steps()))?;
    match output.is_quiet() {
        true => fit.run_model(model, &mut adam, ())?,
        false => fit.run_model(model, &mut adam, Progress::new(name))?,
    };
    Ok(())
}

/// Both networks, as one module and one file.
#[derive(Module)]
struct Networks {
    bnn: Model,
    twin: Model,
}

pub(super) fn save(bnn: &Model, twin: &Model, file: &Path) -> Result<(), Failure> {
    checkpoint::save(&Networks { bnn: bnn.clone(), twin: twin.clone() }, file)?;
    Ok(())
}

pub(super) fn load(bnn: &Model, twin: &Model, file: &Path) -> Result<(), Failure> {
    checkpoint::load(&Networks { bnn: bnn.clone(), twin: twin.clone() }, file)?;
    Ok(())
}
