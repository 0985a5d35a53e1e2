//! The softplus function.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};
use crate::{DistributionError, Result};

/// `f(x) = low + ln(1 + exp(x))`, from all numbers to those above `low`, which is 0 unless it is given.
///
/// Counterpart: `tfp.bijectors.Softplus`. Exact over the whole range in both directions:
/// `f⁻¹(y) = z + ln(1 − exp(−z))` with `z = y − low`, and `ln f′(x) = −ln(1 + exp(−x))`.
#[derive(Clone, Debug, Default, Module)]
#[non_exhaustive]
pub struct Softplus {
    low: f64,
}

impl Softplus {
    /// The softplus function, above 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The softplus function above `low`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `low` is not finite.
    pub fn above(low: f64) -> Result<Self> {
        if !low.is_finite() {
            return Err(DistributionError::Argument {
                family: "Softplus",
                argument: "low",
                given: low.to_string(),
                expected: "a finite number".into(),
            });
        }
        Ok(Self { low })
    }

    /// What its values lie above.
    pub fn low(&self) -> f64 {
        self.low
    }
}

impl Bijector for Softplus {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.softplus_above(self.low)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        if self.low == 0.0 { y.softplus_inverse() } else { (y - self.low).softplus_inverse() }
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        x.log_sigmoid()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        Some(y.gt(&number(self.low, y)))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        rising(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.low == other.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Softplus::new(), &[-20.0, -3.0, 0.0, 2.5, 20.0]).unwrap();
        check_bijector(&Softplus::above(1e-5).unwrap(), &[-3.0, 0.0, 2.5, 20.0]).unwrap();
        check_bijector(&Softplus::above(-2.0).unwrap(), &[-3.0, 0.0, 2.5, 20.0]).unwrap();
        assert!(Softplus::above(f64::NAN).is_err());
        assert!(!Softplus::new().is_same(&Softplus::above(1.0).unwrap()));
    }
}
