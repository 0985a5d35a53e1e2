//! A vector times a diagonal matrix.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, check_nonzero, expect_event, given, no_change, number, taken};
use crate::axes::sum_last;
use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;

/// `f(x) = diag(scale_diag)·x`, for entries of either sign.
///
/// Counterpart: `tfp.bijectors.ScaleMatvecDiag`. A [`Scale`](super::Scale) whose event is the vector.
///
/// ```text
/// ln |det| = Σ ln |scale_diagᵢ|
/// ```
///
/// # Shapes
/// `scale_diag` is `[batch…, k]`, the event `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, ScaleMatvecDiag};
/// use tfn_tensor::Tensor;
///
/// let scale = ScaleMatvecDiag::new(Tensor::from_vec(vec![2.0, -0.5], &[2]))?;
/// let x = Tensor::from_vec(vec![1.0, 4.0], &[2]);
/// assert_eq!(scale.forward(&x).to_vec::<f64>()?, [2.0, -2.0]);
/// assert_eq!(scale.forward_log_det_jacobian(&x).item()?, 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct ScaleMatvecDiag {
    scale_diag: Parameter,
    size: usize,
}

impl ScaleMatvecDiag {
    /// Multiplication by the diagonal matrix of `scale_diag`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if an entry is zero or not finite, [`DistributionError::Shape`] if `scale_diag`
    /// has no axis.
    pub fn new(scale_diag: impl Into<Parameter>) -> Result<Self> {
        let (family, argument, scale_diag) = ("ScaleMatvecDiag", "scale_diag", scale_diag.into());
        check_nonzero(family, argument, &scale_diag, &Tensor::clone)?;
        let given = scale_diag.shape()?;
        let Some(&size) = given.last() else {
            let expected = "at least one axis".into();
            return Err(DistributionError::Shape { family, argument, given, expected });
        };
        Ok(Self { scale_diag, size })
    }

    /// The diagonal.
    pub fn scale_diag(&self) -> &Parameter {
        &self.scale_diag
    }
}

impl Bijector for ScaleMatvecDiag {
    fn forward(&self, x: &Tensor) -> Tensor {
        taken(self, x) * self.scale_diag.value_like(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        given(self, y) / self.scale_diag.value_like(y)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(&taken(self, x), 1) + sum_last(&self.scale_diag.value_like(x).abs().ln(), 1)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        -self.forward_log_det_jacobian(y)
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        expect_event("ScaleMatvecDiag", "x", x, &[self.size])?;
        Ok(x.to_vec())
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        expect_event("ScaleMatvecDiag", "y", y, &[self.size])?;
        Ok(y.to_vec())
    }

    fn affine(&self, like: &Tensor) -> Option<(Tensor, Tensor)> {
        Some((self.scale_diag.value_like(like), number(0.0, like)))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        let other = other.downcast_ref::<Self>();
        other.is_some_and(|other| self.scale_diag.is_same(&other.scale_diag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector;
    use tfn_tensor::Variable;

    #[test]
    fn keeps_the_laws() {
        let diag = Tensor::from_vec(vec![0.3, -2.0, 1.0], &[3]);
        check_bijector(&ScaleMatvecDiag::new(&diag).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
        let diag = Variable::new("diag", diag).unwrap();
        check_bijector(&ScaleMatvecDiag::new(diag).unwrap(), &[-3.0, 0.0, 2.5]).unwrap();
    }

    #[test]
    fn errors_name_argument_and_shape() {
        let error = ScaleMatvecDiag::new(Tensor::from_vec(vec![1.0, 0.0], &[2])).unwrap_err();
        let message =
            "ScaleMatvecDiag: argument `scale_diag` is 0 at entry 1, expected numbers other than 0";
        assert_eq!(error.to_string(), message);
        assert!(matches!(ScaleMatvecDiag::new(2.0), Err(DistributionError::Shape { .. })));
        let two = ScaleMatvecDiag::new(Tensor::from_vec(vec![1.0, 2.0], &[2])).unwrap();
        let error = two.forward(&Tensor::from_vec(vec![1.0], &[1])).shape().unwrap_err();
        let start = "ScaleMatvecDiag: argument `x` has shape [1], expected events [2]";
        assert!(error.to_string().starts_with(start), "{error}");
    }
}
