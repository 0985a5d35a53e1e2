//! Calibration on rows that were not trained on: one factor or temperature that corrects how certain predictions are;
//! intervals and sets whose coverage is guaranteed.

mod conformal;
mod cross_conformal;
mod minimum;
mod temperature;
mod variance;

pub use conformal::{ConformalClasses, ConformalIntervals};
pub use cross_conformal::{CrossConformalClasses, CrossConformalIntervals};
pub use temperature::TemperatureScaling;
pub use variance::VarianceScaling;
