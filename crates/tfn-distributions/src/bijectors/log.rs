//! The natural logarithm.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};

plain! {
    /// `f(x) = ln(x)`, from the positive numbers to all.
    ///
    /// Counterpart: `tfp.bijectors.Log`.
    Log {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.ln()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            y.exp()
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            -x.ln()
        }

        fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
            y.clone()
        }

        fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
            Some(x.gt(&number(0.0, x)))
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
        check_bijector(&Log::new(), &[0.01, 0.5, 1.0, 30.0]).unwrap();
    }
}
