#![doc = include_str!("../README.md")]

pub mod bijectors;
mod constraint;
mod distribution;
mod error;
mod exponential_integral;
mod families;
mod given;
mod interop;
mod into_distribution;
mod kl;
mod masking;
mod parallel;
mod parameter;
mod shapes;
pub mod special;
mod stable;
mod structure;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_values;
pub mod testing;
mod transformed_variable;
mod validation;

pub use constraint::Constraint;
#[doc(hidden)]
pub use distribution::DistributionCopy;
pub use distribution::{Distribution, Reparameterization};
pub use error::{DistributionError, Result};
pub use families::*;
#[cfg(feature = "rand_distr")]
pub use interop::AsRand;
#[cfg(feature = "serde")]
pub use interop::{Restore, Saved, SavedTensor};
pub use into_distribution::IntoDistribution;
pub use kl::{KlDivergence, KlEstimate, KlMethod, KlRule, estimate_kl, kl_divergence, register_kl};
pub use parameter::{Parameter, ParameterSpec};
pub use structure::{Structure, Support};
pub use transformed_variable::TransformedVariable;

pub use tfn_module as module;
pub use tfn_tensor as tensor;
