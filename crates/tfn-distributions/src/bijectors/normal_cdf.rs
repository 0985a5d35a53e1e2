//! The distribution function of the standard normal.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};
use crate::special::ndtri;
use crate::special::scalar::gamma::LN_SQRT_2PI;


plain! {
    /// `f(x) = Φ(x)`, from all numbers to those between 0 and 1.
    ///
    /// Counterpart: `tfp.bijectors.NormalCDF`. `ln f′(x) = −x²/2 − ln sqrt(2π)`.
    NormalCDF {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.ndtr()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            ndtri(y)
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            x.square() * -0.5 - LN_SQRT_2PI
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(y.gt(&number(0.0, y)) * y.lt(&number(1.0, y)))
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
        check_bijector(&NormalCDF::new(), &[-5.0, -1.0, 0.0, 0.4, 3.0]).unwrap();
    }
}
