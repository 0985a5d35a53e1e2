//! Tables of named columns, and how they become features and targets.

mod cell;
mod column;
mod contents;
#[cfg(feature = "csv")]
mod csv;
mod encoder;

pub use cell::ColumnType;
pub use contents::Table;
#[cfg(feature = "csv")]
pub use csv::{Chunks, CsvOptions};
pub use encoder::{Encoded, Remark, TableEncoder, TableEncoderBuilder};
