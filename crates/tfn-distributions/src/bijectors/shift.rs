//! Addition of a number.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, check, number, rising, spread};
use crate::error::Result;
use crate::parameter::Parameter;

/// `f(x) = x + shift`.
///
/// Counterpart: `tfp.bijectors.Shift`. A bare number adopts the type of `x`.
#[derive(Clone, Debug, Module)]
pub struct Shift {
    shift: Parameter,
}

impl Shift {
    /// Addition of `shift`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`](crate::DistributionError::Argument) if `shift` is not finite.
    pub fn new(shift: impl Into<Parameter>) -> Result<Self> {
        let shift = shift.into();
        check("Shift", "shift", &shift)?;
        Ok(Self { shift })
    }

    /// Addition of a number that is known to be finite.
    pub(super) fn from_number(shift: f64) -> Self {
        Self { shift: shift.into() }
    }

    /// The number added.
    pub fn shift(&self) -> &Parameter {
        &self.shift
    }
}

impl Bijector for Shift {
    fn forward(&self, x: &Tensor) -> Tensor {
        x + self.shift.value_like(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y - self.shift.value_like(y)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        spread(&(self.shift.value_like(x).detach() * 0.0), x)
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        Some((number(1.0, like), self.shift.value_like(like)))
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        rising(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.shift.is_same(&other.shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DistributionError;
    use crate::testing::check_bijector;
    use tfn_tensor::Variable;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Shift::new(0.7).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
        let shift = Variable::new("shift", Tensor::scalar(-1.3)).unwrap();
        check_bijector(&Shift::new(shift).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
    }

    #[test]
    fn a_bare_number_adopts_the_type() {
        let shift = Shift::new(1e-5).unwrap();
        assert_eq!(shift.forward(&Tensor::scalar(0.0_f32)).to_vec::<f32>().unwrap(), [1e-5_f32]);
        assert_eq!(shift.forward(&Tensor::scalar(0.0)).to_vec::<f64>().unwrap(), [1e-5]);
    }

    #[test]
    fn a_shift_that_is_no_number_is_an_error() {
        let error = Shift::new(f64::NAN).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "shift", .. }));
    }
}
