//! Data on its way into a training step: files, sets in memory, minibatches.

mod batches;
mod dataset;
pub mod idx;
mod standardizer;
mod table;

pub use batches::Batches;
pub use dataset::Dataset;
pub use standardizer::Standardizer;
#[cfg(feature = "csv")]
pub use table::{Chunks, CsvOptions};
pub use table::{ColumnType, Encoded, Remark, Table, TableEncoder, TableEncoderBuilder};
