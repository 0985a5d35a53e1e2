//! The logistic function between two ends.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};
use crate::error::{DistributionError, Result};

/// `f(x) = low + (high − low)·σ(x)`, from all numbers to those between `low` and `high`, 0 and 1 unless they are
/// given.
///
/// Counterpart: `tfp.bijectors.Sigmoid`.
///
/// ```text
/// ln f′(x) = ln σ(x) + ln σ(−x) + ln(high − low)
/// ```
#[derive(Clone, Debug, Module)]
#[non_exhaustive]
pub struct Sigmoid {
    low: f64,
    high: f64,
}

impl Default for Sigmoid {
    fn default() -> Self {
        Self { low: 0.0, high: 1.0 }
    }
}

impl Sigmoid {
    /// The logistic function, between 0 and 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The logistic function between `low` and `high`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if an end is not finite, or `high` is not above `low` by a finite number.
    pub fn between(low: f64, high: f64) -> Result<Self> {
        let length = high - low;
        if low.is_finite() && length.is_finite() && length > 0.0 {
            return Ok(Self { low, high });
        }
        Err(DistributionError::Argument {
            family: "Sigmoid",
            argument: "high",
            given: format!("{high} with `low` {low}"),
            expected: "a finite number above `low`".into(),
        })
    }

    /// What its values lie above.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// What its values lie below.
    pub fn high(&self) -> f64 {
        self.high
    }

    fn length(&self) -> f64 {
        self.high - self.low
    }
}

impl Bijector for Sigmoid {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.sigmoid() * self.length() + self.low
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        (y - self.low).ln() - (self.high - y).ln()
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        x.log_sigmoid() + (-x).log_sigmoid() + self.length().ln()
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        self.length().ln() - (y - self.low).ln() - (self.high - y).ln()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        Some(y.gt(&number(self.low, y)) * y.lt(&number(self.high, y)))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        rising(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        let ends = |sigmoid: &Self| (sigmoid.low, sigmoid.high);
        other.downcast_ref::<Self>().is_some_and(|other| ends(self) == ends(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Sigmoid::new(), &[-10.0, -3.0, 0.0, 2.5, 6.0]).unwrap();
        check_bijector(&Sigmoid::between(-2.0, 3.0).unwrap(), &[-4.0, 0.0, 2.5]).unwrap();
        assert!(!Sigmoid::new().is_same(&Sigmoid::between(0.0, 2.0).unwrap()));
    }

    #[test]
    fn the_jacobian_does_not_underflow() {
        let x = Tensor::from_vec(vec![-800.0, 800.0], &[2]);
        let slopes = Sigmoid::new().forward_log_det_jacobian(&x).to_vec::<f64>().unwrap();
        assert_eq!(slopes, [-800.0; 2]);
    }

    #[test]
    fn ends_out_of_order_are_an_error() {
        for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            let error = Sigmoid::between(low, high).unwrap_err();
            assert!(matches!(error, DistributionError::Argument { argument: "high", .. }));
        }
    }
}
