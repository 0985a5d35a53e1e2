#![doc = include_str!("../README.md")]

pub mod calibrate;
mod check;
pub mod data;
pub mod describe;
mod elbo;
mod error;
mod fit;
mod kl_weight;
pub mod metrics;
pub mod observe;
pub mod optimizers;
mod predict;
mod schedules;
mod variance;

pub use describe::{load_model, save_model};
pub use elbo::{Elbo, ElboLoss};
pub use error::{CheckpointError, Result, StateError, TableError, TrainError};
pub use fit::{Ending, Event, Every, Fit, FitReport, Metrics, Observer, Step, StepLoss};
pub use kl_weight::KlWeight;
pub use optimizers::{
    Adam, AdamW, Ivon, IvonPosterior, Optimizer, OptimizerState, ParamGroup, Sgd,
};
pub use predict::{MonteCarlo, Prediction, Predictive, Variance};
pub use schedules::Schedule;
pub use variance::{EstimatorVariance, VarianceProbe, VarianceRow};

pub use tfn_distributions as distributions;
pub use tfn_layers as layers;
pub use tfn_module as module;
pub use tfn_tensor as tensor;
