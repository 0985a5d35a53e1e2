//! `tfn images`: a Bayesian network learns images, then says which of its answers not to trust.
//!
//! The net is 784-300-100-10, all layers with the local reparameterization estimator, trained by the ELBO.

mod network;
mod options;
mod report;
mod sets;
mod terminal;
mod training;

use std::time::Instant;

use tfn_tensor::DType;
use tfn_train::data::Dataset;
use tfn_train::data::idx::Split;

pub(crate) use options::Options;

use crate::failure::Failure;
use crate::output::{Output, check_output};
use crate::threads::in_pool;
use report::Report;

pub(crate) fn run(options: &Options, output: &Output) -> Result<(), Failure> {
    in_pool(options.threads, || learn_and_report(options, output))?
}

fn learn_and_report(options: &Options, output: &Output) -> Result<(), Failure> {
    let started = Instant::now();
    if let Some(file) = &options.save {
        check_output(file, &[])?;
    }
    let images = sets::load(&options.data, Split::Test)?;
    let ood = match &options.ood {
        Some(dir) => Some(sets::load_other(dir, &images, &options.data)?),
        None => None,
    };
    let test = Dataset::from_images(&images, DType::F32)?;

    let bnn = network::bayesian(options)?;
    let twin = network::deterministic(options)?;
    if let Some(file) = &options.load {
        training::load(&bnn, &twin, file)?;
        output.note(&format!("loaded from {}", file.display()));
    } else {
        let train = sets::load(&options.data, Split::Train)?;
        let train = Dataset::from_images(&train, DType::F32)?.one_hot(network::CLASSES)?;
        training::train_bayesian(&bnn, &train, options, output)?;
        training::train_deterministic(&twin, &train, options, output)?;
    }
    if let Some(file) = &options.save {
        training::save(&bnn, &twin, file)?;
        output.note(&format!("saved to {}", file.display()));
    }

    let mut report = Report::new(&bnn, &twin, &test, ood.as_ref(), options)?;
    report.seconds = started.elapsed().as_secs_f64();
    if options.json {
        return output.print(&format!("{}\n", report.as_json()));
    }
    output.print(&report.text(&images))
}
