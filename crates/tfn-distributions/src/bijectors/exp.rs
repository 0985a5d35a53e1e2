//! The exponential function.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};

plain! {
    /// `f(x) = exp(x)`, from all numbers to the positive ones.
    ///
    /// Counterpart: `tfp.bijectors.Exp`.
    Exp {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.exp()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            y.ln()
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            x.clone()
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(y.gt(&number(0.0, y)))
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
        check_bijector(&Exp::new(), &[-20.0, -3.0, 0.0, 2.5, 20.0]).unwrap();
    }
}
