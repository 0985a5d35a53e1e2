//! One error over those of all crates.

use tfn_distributions::DistributionError;
use tfn_layers::LayerError;
use tfn_module::ModuleError;
use tfn_tensor::TensorError;
use tfn_train::TrainError;
use tfn_util::UtilError;

/// Result of whatever uses several of the crates.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of tfn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Of tensors.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Of modules and their files.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// Of distributions.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// Of factories and initializers.
    #[error(transparent)]
    Util(#[from] UtilError),
    /// Of layers.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Of data, training and prediction.
    #[error(transparent)]
    Train(#[from] TrainError),
}
