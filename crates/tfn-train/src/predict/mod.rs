//! Prediction by draws of the weights, or without them.

mod classes;
mod closed_form;
mod crps;
mod draws;
mod moments;
mod monte_carlo;
mod predictive;
mod quantile;
mod rows;

pub use classes::Prediction;
pub use monte_carlo::MonteCarlo;
pub use predictive::{Predictive, Variance};
