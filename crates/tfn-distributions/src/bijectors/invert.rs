//! A bijector read backwards.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, IntoBijector};
use crate::error::Result;

/// `f(x) = g⁻¹(x)` for a bijector `g`.
///
/// Counterpart: `tfp.bijectors.Invert`. The range of `g` is its domain.
#[derive(Clone, Debug, Module)]
pub struct Invert {
    bijector: Arc<dyn Bijector>,
}

impl Invert {
    /// The inverse of `bijector`.
    pub fn new(bijector: impl IntoBijector) -> Self {
        Self { bijector: bijector.into_bijector() }
    }

    /// The bijector whose inverse this is.
    pub fn bijector(&self) -> &Arc<dyn Bijector> {
        &self.bijector
    }
}

impl Bijector for Invert {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.bijector.inverse(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.bijector.forward(y)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        self.bijector.inverse_log_det_jacobian(x)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        self.bijector.forward_log_det_jacobian(y)
    }

    fn forward_min_event_ndims(&self) -> usize {
        self.bijector.inverse_min_event_ndims()
    }

    fn inverse_min_event_ndims(&self) -> usize {
        self.bijector.forward_min_event_ndims()
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        self.bijector.inverse_event_shape(x)
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        self.bijector.forward_event_shape(y)
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        let (scale, shift) = self.bijector.affine(like)?;
        Some((scale.reciprocal(), -(shift / scale)))
    }

    fn is_affine(&self) -> bool {
        self.bijector.is_affine()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        self.bijector.in_domain(y)
    }

    fn in_domain(&self, x: &Tensor) -> Option<Tensor> {
        self.bijector.in_range(x)
    }

    fn is_increasing(&self, like: &Tensor) -> Option<Tensor> {
        self.bijector.is_increasing(like)
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other
            .downcast_ref::<Self>()
            .is_some_and(|other| self.bijector.is_same(other.bijector.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Chain, Exp, Scale, Shift};
    use crate::testing::check_bijector;

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Invert::new(Exp::new()), &[0.01, 0.5, 3.0]).unwrap();
    }

    #[test]
    fn the_inverse_of_an_affine_function_is_affine() {
        let chain = Chain::new([Shift::new(1.0).unwrap().into(), Scale::new(-2.0).unwrap().into()]);
        let (scale, shift) = Invert::new(chain).affine(&Tensor::scalar(0.0)).unwrap();
        assert_eq!((scale.item().unwrap(), shift.item().unwrap()), (-0.5, 0.5));
    }
}
