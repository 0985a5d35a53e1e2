//! The square of a number.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};

plain! {
    /// `f(x) = x²`, for numbers of at least 0.
    ///
    /// Counterpart: `tfp.bijectors.Square`.
    Square {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.square()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            y.sqrt()
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            x.ln() + std::f64::consts::LN_2
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(y.ge(&number(0.0, y)))
        }

        fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
            Some(x.ge(&number(0.0, x)))
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
        check_bijector(&Square::new(), &[0.1, 0.5, 1.0, 30.0]).unwrap();
    }
}
