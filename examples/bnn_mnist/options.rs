//! What can be set from the command line.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use tfn::DType;
use tfn::train::data::Dataset;
use tfn::train::data::idx::{LabelledImages, Split, load_pair};

use crate::network::CLASSES;

/// What ends the program early: any error, in its own words.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Trains a Bayesian network on MNIST and shows what it does not know.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Folder with the four files of MNIST or of a set in the same format
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder with another set's t10k pair, to be told apart by its uncertainty
    #[arg(long, value_name = "DIR")]
    pub(crate) ood: Option<PathBuf>,
    /// Passes over the training set
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) epochs: u64,
    /// Images a step
    #[arg(long, default_value_t = 128, value_parser = parse_batch)]
    pub(crate) batch: usize,
    /// Seed of initial weights, order of images and all noise
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads; by default as many as the machine has. The figures do not depend on it
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Prior on each weight
    #[arg(long, value_enum, default_value_t = Prior::Blundell)]
    pub(crate) prior: Prior,
    /// Draws of the weights for a prediction
    #[arg(long, default_value_t = 32, value_parser = parse_batch)]
    pub(crate) samples: usize,
    /// File to save the trained networks to
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// File to load trained networks from, instead of training
    #[arg(long, value_name = "FILE")]
    pub(crate) load: Option<PathBuf>,
    /// File for the figures, as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Priors to choose from, each on every weight and bias by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prior {
    /// ½N(0, 1) + ½N(0, 0.0025²): a narrow spike and a slab
    Blundell,
    /// ½N(0, 1) + ½N(0, 2000²): TFP's default
    Tfp,
    /// N(0, 0.1²), with its divergence in closed form
    Normal,
}

fn parse_batch(given: &str) -> Result<usize, String> {
    match given.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".into()),
        Ok(size) => Ok(size),
    }
}

impl Options {
    /// The folder to read from: by default the one that comes with the project.
    pub(crate) fn data_dir(&self) -> &Path {
        match &self.data {
            Some(dir) => dir,
            None => Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist")),
        }
    }

    /// Sets the number of threads, if one was given.
    pub(crate) fn start_threads(&self) -> Result<(), Failure> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        }
        Ok(())
    }

    /// The images of the other set, which must be as large as the known ones.
    pub(crate) fn load_ood(&self, known: &LabelledImages) -> Result<Option<Dataset>, Failure> {
        let Some(dir) = &self.ood else {
            return Ok(None);
        };
        let other = load_pair(dir, Split::Test, CLASSES)?;
        let size = |set: &LabelledImages| (set.images.rows(), set.images.cols());
        if size(&other) != size(known) {
            let ((rows, cols), (r, c)) = (size(&other), size(known));
            return Err(format!(
                "--ood: images of {} are {rows} x {cols} pixels, expected {r} x {c} as in {}",
                dir.display(),
                self.data_dir().display()
            )
            .into());
        }
        Ok(Some(Dataset::from_images(&other, DType::F32)?))
    }
}
