//! The function that changes nothing.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, no_change, number, rising};

plain! {
    /// `f(x) = x`.
    ///
    /// Counterpart: `tfp.bijectors.Identity`.
    Identity {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.clone()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            y.clone()
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            no_change(x, 0)
        }

        fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
            Some((number(1.0, like), number(0.0, like)))
        }

        fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
            rising(like)
        }
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
