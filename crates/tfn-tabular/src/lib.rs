#![doc = include_str!("../README.md")]

mod calibration;
mod effects;
mod error;
mod figures;
mod jobs;
mod judged;
mod judging;
mod net;
mod numbers;
mod outlook;
mod predicted;
mod predictor;
mod ranges;
mod record;
#[cfg(feature = "report")]
pub mod report;
mod setup;
mod split;
mod task;
mod training;
mod weights;

pub use effects::{Effects, Importance, PartialDependence};
pub use error::{Result, TabularError};
pub use figures::Figure;
pub use jobs::Watch;
pub use judged::{Judged, JudgedClasses, JudgedNumbers};
pub use predicted::{Classes, Numbers, Predicted};
pub use predictor::{Answers, Asked, Evaluation, TabularPredictor};
pub use record::{Baseline, Column, Curve, Record};
pub use setup::Setup;
pub use task::Task;
pub use training::TabularBuilder;
pub use weights::SignalToNoise;

pub use tfn_module as module;
pub use tfn_tensor as tensor;
pub use tfn_train as train;
pub use tfn_train::data;
