//! What can go wrong between a table and answers.

use std::path::PathBuf;

use tfn_distributions::DistributionError;
use tfn_layers::LayerError;
use tfn_module::ModuleError;
use tfn_tensor::TensorError;
use tfn_train::{TableError, TrainError};
use tfn_util::UtilError;

/// Result of this crate's functions.
pub type Result<T, E = TabularError> = std::result::Result<T, E>;

/// Why no predictor was made of a table, or its rows got no answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TabularError {
    /// Reading the table, training or predicting failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A factory of weights failed.
    #[error(transparent)]
    Util(#[from] UtilError),
    /// There are too few rows to train on some and to judge by others.
    #[error("the table has {given} row{} with a value of `{target}`, expected at least {expected}", if *given == 1 { "" } else { "s" })]
    Rows {
        /// Name of the target.
        target: String,
        /// Rows with a target.
        given: usize,
        /// How many there must be.
        expected: usize,
    },
    /// The target is the same in all rows.
    #[error("column `{target}` is `{given}` in all rows, expected a target that differs")]
    ConstantTarget {
        /// Name of the target.
        target: String,
        /// Its value.
        given: String,
    },
    /// The targets differ by less than numbers of 32 bits, by which models are trained, can tell apart.
    #[error(
        "column `{target}` has values about {spread:.1e} apart around {centre:.1e}, which single precision cannot tell apart, \
         expected a target that differs in its first six digits: {}",
        if *centre == 0.0 || centre.abs() < 1e-30 { "give it in a smaller unit" } else { "subtract a constant from it first" }
    )]
    Precision {
        /// Name of the target.
        target: String,
        /// Its standard deviation.
        spread: f64,
        /// Its mean.
        centre: f64,
    },
    /// A setting is outside what it may be.
    #[error("argument `{argument}` is {given}, expected {expected}")]
    Setting {
        /// Name of the setting.
        argument: &'static str,
        /// The value given.
        given: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A table to be judged by has no targets.
    #[error("the table has no values of `{target}`, expected a target in each row to judge by")]
    NoTargets {
        /// Name of the target.
        target: String,
    },
    /// A file is a model, but none of a table, or its record cannot be read.
    #[error("{}: {given}, expected a model that was trained on a table", path.display())]
    Saved {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        given: String,
    },
}

/// Errors of the crates below come as those of training.
macro_rules! of_train {
    ($($error:ty),*) => {$(
        impl From<$error> for TabularError {
            fn from(error: $error) -> Self {
                Self::Train(error.into())
            }
        }
    )*};
}
of_train!(TensorError, LayerError, ModuleError, DistributionError, TableError);
