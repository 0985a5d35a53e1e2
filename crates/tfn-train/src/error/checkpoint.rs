//! What keeps a run from going on from a checkpoint.

use std::path::PathBuf;

/// Why a run does not go on from a checkpoint; variables and optimizer are then as they were.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file is that of another run.
    #[error("{}: a checkpoint of another run: {what} is {given}, expected {expected}", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs: number of examples, batch size, key.
        what: &'static str,
        /// What it is in the file.
        given: String,
        /// What it is in this run.
        expected: String,
    },
    /// The file is whole by its form, and its content is not what was written.
    #[error("{}: a damaged checkpoint: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}
