//! Operators: tensors and numbers in every combination.
//!
//! Numbers are `f64` whatever the tensor's type: with a second implementation for `f32` the compiler could
//! no longer infer the type of `2.0` in `(2.0 * x).sum()`.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::binary::Function as Two;
use crate::tensor::Tensor;

macro_rules! operator {
    ($trait:ident, $method:ident, $two:expr, |$x:ident, $number:ident| $right:expr, $left:expr) => {
        operator!(@tensors $trait, $method, $two; Tensor, Tensor);
        operator!(@tensors $trait, $method, $two; Tensor, &Tensor);
        operator!(@tensors $trait, $method, $two; &Tensor, Tensor);
        operator!(@tensors $trait, $method, $two; &Tensor, &Tensor);
        operator!(@numbers $trait, $method, |$x, $number| $right, $left; f64, Tensor);
        operator!(@numbers $trait, $method, |$x, $number| $right, $left; f64, &Tensor);
    };
    (@tensors $trait:ident, $method:ident, $two:expr; $lhs:ty, $rhs:ty) => {
        impl $trait<$rhs> for $lhs {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: $rhs) -> Tensor {
                Tensor::binary(&self, &other, $two)
            }
        }
    };
    (@numbers $trait:ident, $method:ident, |$x:ident, $number:ident| $right:expr, $left:expr; $f:ty, $t:ty) => {
        impl $trait<$f> for $t {
            type Output = Tensor;

            fn $method(self, other: $f) -> Tensor {
                let ($x, $number) = (&self, other);
                $right
            }
        }

        impl $trait<$t> for $f {
            type Output = Tensor;

            fn $method(self, other: $t) -> Tensor {
                let ($x, $number) = (&other, self);
                $left
            }
        }
    };
}

operator!(Add, add, Two::Add, |x, number| x.add_number(number), x.add_number(number));
operator!(Sub, sub, Two::Sub, |x, number| x.add_number(-number), x.number_minus(number));
operator!(Mul, mul, Two::Mul, |x, number| x.mul_number(number), x.mul_number(number));
operator!(Div, div, Two::Div, |x, number| x.div_number(number), x.number_over(number));

impl Neg for Tensor {
    type Output = Self;

    fn neg(self) -> Self {
        self.negated()
    }
}

impl Neg for &Tensor {
    type Output = Tensor;

    fn neg(self) -> Tensor {
        self.negated()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Result, Tensor};

    #[test]
    fn numbers_stand_on_either_side_and_adopt_the_type() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0_f32, 4.0], &[2]);
        assert_eq!((2.0 - &x).to_vec::<f32>()?, [1.0, -2.0]);
        assert_eq!((&x - 2.0).to_vec::<f32>()?, [-1.0, 2.0]);
        assert_eq!((2.0 / &x).to_vec::<f32>()?, [2.0, 0.5]);
        assert_eq!((&x / 2.0).to_vec::<f32>()?, [0.5, 2.0]);
        assert_eq!((3.0 * &x + 1.0).to_vec::<f32>()?, [4.0, 13.0]);
        assert_eq!((-&x).to_vec::<f32>()?, [-1.0, -4.0]);
        assert_eq!((&x * &x - x.clone() / &x).to_vec::<f32>()?, [0.0, 15.0]);
        Ok(())
    }
}
