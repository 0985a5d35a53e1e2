//! A vector times a triangular matrix.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, check_nonzero, expect_event, given, no_change, taken};
use crate::axes::sum_last;
use crate::error::{DistributionError, Result};
use crate::parameter::Parameter;

/// `f(x) = L·x`, or `Lᵀ·x`, for `L` the lower triangle of `scale_tril`, with a diagonal of either sign.
///
/// Counterpart: `tfp.bijectors.ScaleMatvecTriL`. What a matrix has above the diagonal does not count and has a gradient
/// of zero.
///
/// ```text
/// ln |det| = Σ ln |Lᵢᵢ|
/// ```
///
/// # Shapes
/// `scale_tril` is `[batch…, k, k]`, the event `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, ScaleMatvecTriL};
/// use tfn_tensor::Tensor;
///
/// let scale = ScaleMatvecTriL::new(Tensor::from_vec(vec![2.0, 0.0, 1.0, 3.0], &[2, 2]))?;
/// let y = scale.forward(&Tensor::from_vec(vec![1.0, 2.0], &[2]));
/// assert_eq!(y.to_vec::<f64>()?, [2.0, 7.0]);
/// assert_eq!(scale.inverse(&y).to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct ScaleMatvecTriL {
    scale_tril: Parameter,
    size: usize,
    adjoint: bool,
}

impl ScaleMatvecTriL {
    /// Multiplication by the lower triangle of `scale_tril`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if an entry is not finite or one of the diagonal is zero,
    /// [`DistributionError::Shape`] if the matrices are not square.
    pub fn new(scale_tril: impl Into<Parameter>) -> Result<Self> {
        let (family, argument, scale_tril) = ("ScaleMatvecTriL", "scale_tril", scale_tril.into());
        let given = scale_tril.shape()?;
        match given[..] {
            [.., rows, columns] if rows == columns => {
                check_nonzero(family, argument, &scale_tril, &Tensor::diag_part)?;
                Ok(Self { scale_tril, size: rows, adjoint: false })
            }
            _ => {
                let expected = "square matrices [.., k, k]".into();
                Err(DistributionError::Shape { family, argument, given, expected })
            }
        }
    }

    /// The same by the transpose of the triangle, if `adjoint`.
    #[must_use]
    pub fn with_adjoint(self, adjoint: bool) -> Self {
        Self { adjoint, ..self }
    }

    /// The matrix, of which the lower triangle counts.
    pub fn scale_tril(&self) -> &Parameter {
        &self.scale_tril
    }

    /// Whether it multiplies by the transpose.
    pub fn adjoint(&self) -> bool {
        self.adjoint
    }
}

impl Bijector for ScaleMatvecTriL {
    fn forward(&self, x: &Tensor) -> Tensor {
        let triangle = self.scale_tril.value_like(x).tril();
        let columns = if self.adjoint { triangle } else { triangle.transpose() };
        // As rows: many vectors and one matrix are then one product.
        taken(self, x).expand_dims(-2).matmul(&columns).squeeze(-2)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let columns = given(self, y).expand_dims(-1);
        self.scale_tril.value_like(y).solve_triangular(&columns, self.adjoint).squeeze(-1)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(&taken(self, x), 1) + sum_last(&self.scale_tril.value_like(x).diag_part().abs().ln(), 1)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        -self.forward_log_det_jacobian(y)
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        expect_event("ScaleMatvecTriL", "x", x, &[self.size])?;
        Ok(x.to_vec())
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        expect_event("ScaleMatvecTriL", "y", y, &[self.size])?;
        Ok(y.to_vec())
    }

    fn is_affine(&self) -> bool {
        true
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.adjoint == other.adjoint && self.scale_tril.is_same(&other.scale_tril)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;
    use tfn_tensor::Variable;

    fn matrices() -> Tensor {
        let first = [0.5, 7.0, 7.0, -0.3, -2.0, 7.0, 1.2, 0.4, 1.5];
        let second = [2.0, 0.0, 0.0, 0.1, 0.2, 0.0, -0.5, 0.9, 3.0];
        Tensor::from_vec([first, second].concat(), &[2, 3, 3])
    }

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec(vec![-3.0, 0.2, 2.5, 1.0, -0.7, 0.4], &[2, 3]);
        for adjoint in [false, true] {
            let scale = Variable::new("scale", matrices()).unwrap();
            let scale = ScaleMatvecTriL::new(scale).unwrap().with_adjoint(adjoint);
            check_bijector_at(&scale, &x, None).unwrap();
        }
    }

    #[test]
    fn a_zero_counts_on_the_diagonal_only() {
        let matrix = |entries: [f64; 4]| Tensor::from_vec(entries.to_vec(), &[2, 2]);
        assert!(ScaleMatvecTriL::new(matrix([1.0, 0.0, 0.0, 1.0])).is_ok());
        let error = ScaleMatvecTriL::new(matrix([1.0, 0.0, 2.0, 0.0])).unwrap_err();
        let message =
            "ScaleMatvecTriL: argument `scale_tril` is 0 at entry 1, expected numbers other than 0";
        assert_eq!(error.to_string(), message);
        let error = ScaleMatvecTriL::new(Tensor::from_vec(vec![1.0, 2.0], &[2, 1])).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "scale_tril", .. }));
    }
}
