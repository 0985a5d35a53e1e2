#![doc = include_str!("../README.md")]

mod effects;
mod error;
mod figures;
mod judged;
mod numbers;
mod record;
#[cfg(feature = "report")]
pub mod report;
mod setup;
mod task;

pub use effects::{Effects, Importance, PartialDependence};
pub use error::{Result, TabularError};
pub use figures::Figure;
pub use judged::{Judged, JudgedClasses, JudgedNumbers};
pub use record::{Baseline, Column, Curve, Record};
pub use setup::Setup;
pub use task::Task;

pub use tfn_tensor as tensor;
pub use tfn_train as train;
pub use tfn_train::data;
