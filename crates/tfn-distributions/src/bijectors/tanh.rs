//! The hyperbolic tangent.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, rising};

plain! {
    /// `f(x) = tanh(x)`, from all numbers to those between −1 and 1.
    ///
    /// Counterpart: `tfp.bijectors.Tanh`. `ln f′(x) = 2 ln 2 + ln σ(2x) + ln σ(−2x)`, without underflow.
    Tanh {
        fn forward(&self, x: &Tensor) -> Tensor {
            x.tanh()
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            (y.log1p() - (-y).log1p()) * 0.5
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            (x * 2.0).log_sigmoid() + (x * -2.0).log_sigmoid() + 2.0 * std::f64::consts::LN_2
        }

        fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
            -(y.log1p() + (-y).log1p())
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(y.gt(&number(-1.0, y)) * y.lt(&number(1.0, y)))
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
        check_bijector(&Tanh::new(), &[-6.0, -1.0, 0.0, 0.4, 5.0]).unwrap();
    }

    #[test]
    fn the_jacobian_does_not_underflow() {
        let x = Tensor::from_vec(vec![-800.0, 800.0], &[2]);
        let slopes = Tanh::new().forward_log_det_jacobian(&x).to_vec::<f64>().unwrap();
        assert_eq!(slopes, [2.0 * std::f64::consts::LN_2 - 1600.0; 2]);
    }
}
