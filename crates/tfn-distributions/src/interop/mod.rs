//! To and from the types of other crates.

#[cfg(feature = "rand_distr")]
mod rand_distr;
#[cfg(feature = "serde")]
mod saved;
mod statrs;

#[cfg(feature = "rand_distr")]
pub use rand_distr::AsRand;
#[cfg(feature = "serde")]
pub use saved::{Restore, Saved, SavedTensor};

use tfn_tensor::Tensor;

use crate::distribution::Distribution;
use crate::error::{DistributionError, Result};

/// `value`, a parameter or statistic of a distribution, as the number that it is where the batch is one distribution
/// over numbers.
fn number(
    distribution: &dyn Distribution,
    argument: &'static str,
    value: impl Into<crate::parameter::Parameter>,
) -> Result<f64> {
    let value: Tensor = value.into().value();
    let shape = value.shape()?;
    if shape.is_empty() {
        return Ok(value.to_f64_vec()?.first().copied().unwrap_or(f64::NAN));
    }
    Err(DistributionError::Shape {
        family: distribution.family(),
        argument,
        given: shape.to_vec(),
        expected: "a single number, [], as another crate has it".into(),
    })
}
