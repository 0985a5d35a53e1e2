//! Tables of named columns, and how they become features and targets.

mod cell;
mod column;
mod contents;
#[cfg(feature = "csv")]
mod csv;
mod date;
mod encoder;
mod number;
mod remark;

pub use cell::ColumnType;
pub use contents::Table;
#[cfg(feature = "csv")]
pub use csv::{Chunks, CsvOptions, Encoding, Peeked};
pub use encoder::{Encoded, TableEncoder, TableEncoderBuilder};
pub use remark::Remark;
