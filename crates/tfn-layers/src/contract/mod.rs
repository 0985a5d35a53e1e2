//! What a layer is: weights, one pass over a net, and the traits of layers.

mod calls;
mod conversion;
mod convert;
mod layer;
mod likelihood;
mod marginal;
mod moments;
mod pass;
mod variational;
mod weights;

pub use calls::Calls;
pub use conversion::{Conversion, ConversionRecord, Conversions, Moped};
pub use convert::Converted;
pub(crate) use layer::sum_of_losses;
pub use layer::{IntoLayer, Layer, Prepared};
pub use likelihood::{Likelihood, align_targets};
pub(crate) use likelihood::{check_each, targets_for};
pub use marginal::Marginal;
pub use moments::Moments;
pub use pass::Pass;
pub(crate) use pass::{Input, along_draws, weights_key};
pub use variational::VariationalLayer;
pub use weights::Weights;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
