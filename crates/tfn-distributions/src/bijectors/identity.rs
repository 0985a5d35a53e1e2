//! The function that changes nothing.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, spread};

/// `f(x) = x`.
///
/// Counterpart: `tfp.bijectors.Identity`.
#[derive(Clone, Debug, Default, Module)]
#[non_exhaustive]
pub struct Identity {}

impl Identity {
    /// The identity.
    pub fn new() -> Self {
        Self {}
    }
}

impl Bijector for Identity {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.clone()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y.clone()
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        spread(&number(0.0, x), x)
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        Some((number(1.0, like), number(0.0, like)))
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
        check_bijector(&Identity::new(), &[-3.0, 0.0, 2.5]).unwrap();
        assert!(Identity::new().is_same(&Identity::default()));
    }
}
