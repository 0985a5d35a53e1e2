//! Data on its way into a training step: files, sets in memory, minibatches.

mod batches;
mod dataset;
pub mod idx;

pub use batches::Batches;
pub use dataset::Dataset;
