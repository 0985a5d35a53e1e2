//! The softplus function.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number};

/// `f(x) = ln(1 + exp(x))`, from all numbers to the positive ones.
///
/// Counterpart: `tfp.bijectors.Softplus`. Exact over the whole range in both directions:
/// `f⁻¹(y) = y + ln(1 − exp(−y))`, and `ln f′(x) = −ln(1 + exp(−x))`.
#[derive(Clone, Debug, Default, Module)]
#[non_exhaustive]
pub struct Softplus {}

impl Softplus {
    /// The softplus function.
    pub fn new() -> Self {
        Self {}
    }
}

impl Bijector for Softplus {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.softplus()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y.softplus_inverse()
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        x.log_sigmoid()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        Some(y.gt(&number(0.0, y)))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        Some(number(1.0, like))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Softplus::new(), &[-20.0, -3.0, 0.0, 2.5, 20.0]).unwrap();
    }
}
