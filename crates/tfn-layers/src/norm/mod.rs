//! Layers that centre and scale what passes through them: by statistics of a batch, of an example, of groups of channels.

mod batch;
mod builder;
mod group;
mod layer;
mod normalization;
mod place;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use batch::{BatchNormalization, BatchStatistics};
pub use builder::NormalizationBuilder;
pub use group::{GroupNormalization, GroupStatistics};
pub use layer::{ExampleStatistics, LayerNormalization};
pub use normalization::{NormalizationLayer, Statistics};
