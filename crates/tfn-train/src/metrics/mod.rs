//! How good predicted probabilities are, and how well uncertainty tells right from wrong.

mod classification;
mod ranking;

pub use classification::{Classification, DEFAULT_BINS, ReliabilityBin};
pub use ranking::{RejectionPoint, auroc, rejection_curve};
