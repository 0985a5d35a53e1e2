//! Multiplication by a number.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, check_nonzero, number, spread};
use crate::error::Result;
use crate::parameter::Parameter;

/// `f(x) = scale·x`, for a `scale` of either sign.
///
/// Counterpart: `tfp.bijectors.Scale`. A bare number adopts the type of `x`.
#[derive(Clone, Debug, Module)]
pub struct Scale {
    scale: Parameter,
}

impl Scale {
    /// Multiplication by `scale`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`](crate::DistributionError::Argument) if `scale` is zero or not finite.
    pub fn new(scale: impl Into<Parameter>) -> Result<Self> {
        let scale = scale.into();
        check_nonzero("Scale", "scale", &scale, &Tensor::clone)?;
        Ok(Self { scale })
    }

    /// The factor.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }
}

impl Bijector for Scale {
    fn forward(&self, x: &Tensor) -> Tensor {
        x * self.scale.value_like(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y / self.scale.value_like(y)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        spread(&self.scale.value_like(x).abs().ln(), x)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        -self.forward_log_det_jacobian(y)
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        Some((self.scale.value_like(like), number(0.0, like)))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        Some(self.scale.value_like(like).gt(&number(0.0, like)))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.scale.is_same(&other.scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;
    use tfn_tensor::Variable;

    #[test]
    fn keeps_the_laws() {
        for scale in [0.3, -2.0] {
            check_bijector(&Scale::new(scale).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
            let scale = Variable::new("scale", Tensor::scalar(scale)).unwrap();
            check_bijector(&Scale::new(scale).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
        }
    }

    #[test]
    fn zero_is_an_error() {
        let error = Scale::new(Tensor::from_vec(vec![1.0, 0.0], &[2])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Scale: argument `scale` is 0 at entry 1, expected numbers other than 0"
        );
    }
}
