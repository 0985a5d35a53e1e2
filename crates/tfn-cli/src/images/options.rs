//! What can be set from the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::numbers::parse_count;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder with the four files of MNIST or of a set in the same format
    #[arg(value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Folder with another set's t10k pair, to be told apart by its uncertainty
    #[arg(long, value_name = "DIR")]
    pub(super) ood: Option<PathBuf>,
    /// Passes over the training set
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) epochs: u64,
    /// Images a step
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = parse_count)]
    pub(super) batch: usize,
    /// Seed of initial weights, order of images and all noise
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Threads [default: as many as the machine has]; the figures do not depend on it
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(super) threads: Option<usize>,
    /// Prior on each weight
    #[arg(long, value_enum, default_value_t = Prior::Blundell)]
    pub(super) prior: Prior,
    /// Draws of the weights for a prediction
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = parse_count)]
    pub(super) samples: usize,
    /// File to save the trained networks to
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// File to load trained networks from, instead of training
    #[arg(long, value_name = "FILE")]
    pub(super) load: Option<PathBuf>,
    /// Write all figures to standard output as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Priors to choose from, each on every weight and bias by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Prior {
    /// ½N(0, 1) + ½N(0, 0.0025²): a narrow spike and a slab
    Blundell,
    /// ½N(0, 1) + ½N(0, 2000²): TFP's default
    Tfp,
    /// N(0, 0.1²), with its divergence in closed form
    Normal,
}
