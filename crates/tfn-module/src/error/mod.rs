//! What can go wrong with a module.

mod describe;
mod mismatch;
mod npz;

use std::error::Error;
use std::path::PathBuf;

use tfn_tensor::TensorError;

pub use describe::DescribeError;
pub use mismatch::{DTypeMismatch, Mismatch, ShapeMismatch};
pub(crate) use npz::descr;
pub use npz::{ArrayDTypeMismatch, ArrayShapeMismatch, NpzError, NpzMismatch};

/// Result of what a module does.
pub type Result<T, E = ModuleError> = std::result::Result<T, E>;

/// Why naming, copying, saving or loading a module failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// A name that tf.Module does not take.
    #[error(
        "{op}: argument `name` is {given:?}, expected ASCII letters, digits and `_`, no digit first"
    )]
    Name {
        /// Name of the operation.
        op: &'static str,
        /// The name as it was given.
        given: String,
    },
    /// An `Arc` that leads back to itself was to be copied.
    #[error("deep_copy: an `Arc<{class}>` leads back to itself; such a ring cannot be copied")]
    Cycle {
        /// Type of the value in the ring.
        class: &'static str,
    },
    /// Two variables under one path: an attribute named twice, or a key with a `/` in it.
    #[error("{op}: path `{path}` leads to two variables, `{first}` and `{second}`")]
    DuplicatePath {
        /// Name of the operation.
        op: &'static str,
        /// The path.
        path: String,
        /// Name of the variable found first.
        first: String,
        /// Name of the other.
        second: String,
    },
    /// What was saved does not fit the module; the module is as it was.
    #[error("load: {0}")]
    Mismatch(Box<Mismatch>),
    /// Not a safetensors file, or a truncated or damaged one.
    #[error("{op}: {given} is not a whole safetensors file: {source}")]
    Format {
        /// Name of the operation.
        op: &'static str,
        /// Where the bytes came from.
        given: String,
        /// What is wrong with them.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The arrays of an `.npz` archive do not fit the variables; they are as they were.
    #[error("load_npz: {0}")]
    NpzMismatch(Box<NpzMismatch>),
    /// Not an `.npz` archive, or a truncated or damaged one.
    #[error("{op}: {given}: {source}")]
    Npz {
        /// Name of the operation.
        op: &'static str,
        /// Where the bytes came from.
        given: String,
        /// What is wrong with them.
        source: NpzError,
    },
    /// Saved by a later version of this crate.
    #[error("{op}: {origin} is of format version {given}, expected at most {expected}")]
    Version {
        /// Name of the operation.
        op: &'static str,
        /// Where the bytes came from.
        origin: String,
        /// Version that the file states.
        given: u64,
        /// Latest version that this crate reads.
        expected: u64,
    },
    /// The file system refused.
    #[error("{op}: {}: {source}", path.display())]
    Io {
        /// Name of the operation.
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An object could not be described, or did not come back.
    #[error(transparent)]
    Describe(#[from] Box<DescribeError>),
    /// A tensor or variable failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

impl From<DescribeError> for ModuleError {
    fn from(error: DescribeError) -> Self {
        Self::Describe(Box::new(error))
    }
}
