//! How good predictions are, of classes and of numbers, and how well uncertainty tells right from wrong.

mod classification;
mod ranking;
mod regression;
mod scores;

pub use classification::{Classification, DEFAULT_BINS, ReliabilityBin};
pub use ranking::{RejectionPoint, auroc, rejection_curve};
pub use regression::{Regression, coverage_and_width};
