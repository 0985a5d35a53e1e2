//! A training run that may be killed at any moment and started again: it ends with the same numbers.
//!
//! ```text
//! cargo run --release --example resume -- --checkpoint run.safetensors
//! ```
//!
//! A Bayesian network learns the classes of random points. Kill it (Ctrl-C will do), start it again by the same line, and
//! compare its last lines with those of a run that was left alone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tfn::distributions::OneHotCategorical;
use tfn::train::data::Dataset;
use tfn::train::optimizers::ParamGroup;
use tfn::train::{AdamW, Event, Every, Fit, FitReport, Schedule};
use tfn::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, DType, Key, Model, Module,
    Result, Sequential, Tensor, Variable,
};

/// Trains a small Bayesian network, and goes on where the last run of the same line was killed.
#[derive(Parser)]
struct Options {
    /// The file that keeps the run.
    #[arg(long)]
    checkpoint: PathBuf,
    /// How often all rows are gone through.
    #[arg(long, default_value_t = 200)]
    epochs: u64,
    /// Steps from one saving to the next; 64 are an epoch.
    #[arg(long, default_value_t = 64)]
    every: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resume: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let every = Every::Steps(options.every);
    let print = |line| println!("{line}");
    let (model, report) = train(&options.checkpoint, every, options.epochs, print)?;
    let sum = |variable: &Variable| variable.value().sum().item();
    let sums = model.variables().iter().map(sum).collect::<Result<Vec<f64>, _>>()?;
    println!("{} steps, the variables add up to {}", report.steps, sums.iter().sum::<f64>());
    Ok(())
}

/// Trains the model, from `checkpoint` on if there is one, and keeps the run there.
pub(crate) fn train(
    checkpoint: &Path,
    every: Every,
    epochs: u64,
    mut print: impl FnMut(String) + Send,
) -> Result<(Model, FitReport)> {
    const ROWS: usize = 1024;
    const BATCH_SIZE: usize = 16;
    const STEPS_PER_EPOCH: u64 = (ROWS / BATCH_SIZE) as u64;
    let key = Key::from_seed(1);
    // Points in 32 dimensions; the largest of four random projections is the class.
    let x = key.child("x").stream().normal(&[ROWS, 32], DType::F32);
    let projections = key.child("projections").stream().normal(&[32, 4], DType::F32);
    let data = Dataset::new(x.clone(), x.matmul(&projections).argmax(1).one_hot(4))?;

    let model =
        Sequential::of(Affine::builder(32, 64).activation_fn(Tensor::relu).seed(1).build()?)
            .then(Bayesian::builder(64, 4).seed(2).build()?)
            .with_head(|logits| OneHotCategorical::from_logits(logits));
    // Weights with a prior need no decay.
    let paths = tfn::module::named_variables(&model);
    let bayesian = paths.iter().filter(|(path, _)| path.contains("layers/1/"));
    let bayesian =
        ParamGroup::of_variables(bayesian.map(|(_, variable)| variable)).weight_decay(0.0);
    let mut optimizer = AdamW::builder(Schedule::cosine_decay(3e-3, STEPS_PER_EPOCH * epochs))
        .clip_norm(1.0)
        .group(bayesian)
        .build()?;

    let fit = Fit::new(&data)?.batch_size(BATCH_SIZE)?.epochs(epochs).key(key.child("fit"));
    let mut fit = fit.checkpoint(checkpoint, every)?;
    if checkpoint.exists() {
        fit = fit.resume_from(checkpoint);
    }
    let report = fit.run_model(&model, &mut optimizer, |event| {
        if let Event::Epoch { epoch, of, metrics } = event {
            let right = metrics.accuracy.unwrap_or(f64::NAN);
            print(format!("epoch {} of {of}: loss {}, right {right:.3}", epoch + 1, metrics.loss));
        }
        ControlFlow::Continue(())
    })?;
    Ok((model, report))
}
