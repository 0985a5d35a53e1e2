//! One over a number.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number};

plain! {
    /// `f(x) = 1/x`, for numbers other than 0.
    ///
    /// Counterpart: `tfp.bijectors.Reciprocal`. It is its own inverse.
    Reciprocal {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.reciprocal()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            y.reciprocal()
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            x.abs().ln() * -2.0
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(1.0 - y.eq(&number(0.0, y)))
        }

        fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
            self.in_range(x)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Reciprocal::new(), &[-3.0, -0.2, 0.5, 30.0]).unwrap();
    }
}
