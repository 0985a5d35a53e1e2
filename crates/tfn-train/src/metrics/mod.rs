//! How good predictions are, of classes and of numbers, and how well uncertainty tells right from wrong.

mod bootstrap;
mod calibration;
mod checks;
mod classification;
mod ranking;
mod regression;
mod risk_coverage;
mod scores;

pub use bootstrap::Bootstrap;
pub use calibration::{Binning, DEFAULT_BINS, ReliabilityBin};
pub use classification::Classification;
pub use ranking::{auroc, average_precision, fpr_at_tpr};
pub use regression::{Regression, coverage_and_width};
pub use risk_coverage::{
    RejectionPoint, RiskCoveragePoint, aurc, excess_aurc, rejection_curve, risk_coverage_curve,
};

#[cfg(test)]
mod tests;
