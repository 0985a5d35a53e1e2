//! Prediction by draws of the weights.

mod classes;
mod crps;
mod draws;
mod moments;
mod monte_carlo;
mod predictive;
mod quantile;

pub use classes::Prediction;
pub use monte_carlo::MonteCarlo;
pub use predictive::{Predictive, Variance};
