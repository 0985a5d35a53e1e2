//! A Bayesian network learns MNIST, then says which of its answers not to trust.
//!
//! ```text
//! cargo run --release --example bnn_mnist -- --help
//! ```
//!
//! The net is 784-300-100-10, all layers with the local reparameterization estimator, trained by the ELBO.

mod network;
mod options;
mod report;
mod terminal;
mod training;

use std::time::Instant;

use clap::Parser;
use tfn::DType;
use tfn::train::data::{Dataset, idx};

use options::{Failure, Options};
use report::Report;

fn main() -> std::process::ExitCode {
    match run(&Options::parse()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bnn_mnist: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    options.start_threads()?;
    let started = Instant::now();
    let images = idx::load_pair(options.data_dir(), idx::Split::Test, network::CLASSES)?;
    network::check_image_size(options.data_dir(), &images)?;
    let ood = options.load_ood(&images)?;
    let test = Dataset::from_images(&images, DType::F32)?;

    let bnn = network::bayesian(options)?;
    let twin = network::deterministic(options)?;
    if let Some(file) = &options.load {
        training::load(&bnn, &twin, file)?;
    } else {
        let train = idx::load_pair(options.data_dir(), idx::Split::Train, network::CLASSES)?;
        network::check_image_size(options.data_dir(), &train)?;
        let train = Dataset::from_images(&train, DType::F32)?;
        let train = train.one_hot(network::CLASSES)?;
        training::train_bayesian(&bnn, &train, options)?;
        training::train_deterministic(&twin, &train, options)?;
    }
    if let Some(file) = &options.save {
        training::save(&bnn, &twin, file)?;
    }

    let mut report = Report::new(&bnn, &twin, &test, ood.as_ref(), options)?;
    report.seconds = started.elapsed().as_secs_f64();
    report.print(&images);
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    Ok(())
}
