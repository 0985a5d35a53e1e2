//! Optimizers: what turns gradients into new values of variables.

mod adam;
mod adamw;
mod clip;
mod contract;
mod groups;
mod ivon;
mod ivon_posterior;
mod rules;
mod sgd;
mod slots;
mod state;

pub use adam::{Adam, AdamBuilder};
pub use adamw::{AdamW, AdamWBuilder};
pub use contract::Optimizer;
pub use groups::ParamGroup;
pub use ivon::{Ivon, IvonBuilder};
pub use ivon_posterior::IvonPosterior;
pub use sgd::{Sgd, SgdBuilder};
pub use slots::{Slots, UpdateRule};
pub use state::{OptimizerState, named_by_order};
