//! Calibration on rows that were not trained on: intervals and sets whose coverage is guaranteed.

mod conformal;

pub use conformal::{ConformalClasses, ConformalIntervals};
