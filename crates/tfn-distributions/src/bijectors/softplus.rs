//! The softplus function.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};
use crate::error::{DistributionError, Result};

/// `f(x) = low + c·ln(1 + exp(x/c))`, from all numbers to those above `low`, which is 0 unless it is given.
///
/// Counterpart: `tfp.bijectors.Softplus`. `c` is TFP's `hinge_softness`, 1 unless it is given: the smaller, the sharper
/// the bend; a negative one turns the curve, and its values lie below `low`. Exact over the whole range in both
/// directions: `f⁻¹(y) = y − low + c·ln(1 − exp(−z))` with `z = (y − low)/c`, and `ln f′(x) = −ln(1 + exp(−x/c))`.
#[derive(Clone, Debug, Module)]
#[non_exhaustive]
pub struct Softplus {
    low: f64,
    hinge_softness: f64,
}

impl Default for Softplus {
    fn default() -> Self {
        Self { low: 0.0, hinge_softness: 1.0 }
    }
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
        Ok(Self { low, ..Self::default() })
    }

    /// The same with another softness of the bend.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `hinge_softness` is zero or not finite.
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::bijectors::{Bijector, Softplus};
    /// use tfn_tensor::Tensor;
    ///
    /// let hinge = Softplus::new().with_hinge_softness(0.01)?;
    /// assert!((hinge.forward(&Tensor::scalar(2.0)).item()? - 2.0).abs() < 1e-15);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    pub fn with_hinge_softness(self, hinge_softness: f64) -> Result<Self> {
        if hinge_softness == 0.0 || !hinge_softness.is_finite() {
            return Err(DistributionError::Argument {
                family: "Softplus",
                argument: "hinge_softness",
                given: hinge_softness.to_string(),
                expected: "a finite number other than 0".into(),
            });
        }
        Ok(Self { hinge_softness, ..self })
    }

    /// What its values lie above; below, if the softness is negative.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The softness of the bend.
    pub fn hinge_softness(&self) -> f64 {
        self.hinge_softness
    }

    /// `x/c`, at no cost where `c` is 1.
    fn divided(&self, x: &Tensor) -> Tensor {
        if self.hinge_softness == 1.0 { x.clone() } else { x / self.hinge_softness }
    }
}

impl Bijector for Softplus {
    fn forward(&self, x: &Tensor) -> Tensor {
        if self.hinge_softness == 1.0 {
            return x.softplus_above(self.low);
        }
        self.divided(x).softplus() * self.hinge_softness + self.low
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let above = if self.low == 0.0 { y.clone() } else { y - self.low };
        let inverse = self.divided(&above).softplus_inverse();
        if self.hinge_softness == 1.0 { inverse } else { inverse * self.hinge_softness }
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        self.divided(x).log_sigmoid()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let low = number(self.low, y);
        Some(if self.hinge_softness > 0.0 { y.gt(&low) } else { y.lt(&low) })
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        rising(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.low == other.low && self.hinge_softness == other.hinge_softness
        })
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
        for softness in [0.3, 4.0, -1.0, -0.5] {
            let softplus = Softplus::above(0.5).unwrap().with_hinge_softness(softness).unwrap();
            check_bijector(&softplus, &[-3.0, 0.0, 0.5, 2.5]).unwrap();
            assert!(!Softplus::above(0.5).unwrap().is_same(&softplus));
        }
        assert!(Softplus::above(f64::NAN).is_err());
        assert!(!Softplus::new().is_same(&Softplus::above(1.0).unwrap()));
    }

    #[test]
    fn a_softness_of_zero_is_an_error() {
        let message = "Softplus: argument `hinge_softness` is 0, expected a finite number other than 0";
        assert_eq!(Softplus::new().with_hinge_softness(0.0).unwrap_err().to_string(), message);
        assert!(Softplus::new().with_hinge_softness(f64::NAN).is_err());
    }
}
