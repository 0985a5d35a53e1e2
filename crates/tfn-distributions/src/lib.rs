#![doc = include_str!("../README.md")]

mod axes;
pub mod bijectors;
mod constraint;
mod distribution;
mod error;
mod exponential_integral;
#[macro_use]
mod families;
pub mod describe;
mod gaussian;
mod interop;
pub mod inversion;
mod kl;
mod masking;
mod parallel;
mod parameter;
mod parameter_source;
pub mod special;
mod stable;
mod standardizing;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_values;
pub mod testing;
mod transformed_variable;

pub use constraint::Constraint;
#[doc(hidden)]
pub use distribution::DistributionCopy;
pub use distribution::{
    Distribution, Earlier, IntoDistribution, IntoDistributions, JointModel, JointPart,
    KlDivergence, KlRule, Reparameterization, Structure, Support, Wrapper,
};
pub use error::{DistributionError, Result};
pub use families::*;
pub use gaussian::LinearNormal;
#[cfg(feature = "rand_distr")]
pub use interop::AsRand;
#[cfg(feature = "serde")]
pub use interop::{Restore, Saved, SavedTensor};
pub use kl::{KlEstimate, KlMethod, estimate_kl, kl_divergence, register_kl};
pub use parameter::{Parameter, ParameterSpec};
pub use parameter_source::ParameterSource;
#[doc(hidden)]
pub use parameter_source::ParameterSourceCopy;
pub use transformed_variable::TransformedVariable;

pub use tfn_module as module;
pub use tfn_tensor as tensor;
