//! Data on its way into a training step: files, sets in memory, minibatches.

mod batches;
mod dataset;
mod examples;
mod gzip;
pub mod idx;
mod npy;
mod standardizer;
mod table;

pub use batches::Batches;
pub use dataset::Dataset;
pub use examples::Examples;
pub use npy::NpyFiles;
pub use standardizer::Standardizer;
#[cfg(feature = "csv")]
pub use table::{Chunks, CsvOptions, Encoding, Peeked};
pub use table::{ColumnType, Encoded, Remark, Table, TableEncoder, TableEncoderBuilder};
