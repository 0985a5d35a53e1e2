//! Dropout: layers that multiply what passes through them by noise of mean 1.

mod builder;
mod layer;
mod noise;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use builder::DropoutBuilder;
pub use layer::{Dropout, DropoutLayer, GaussianDropout};
pub use noise::{BinaryNoise, GaussianNoise, MultiplicativeNoise};
