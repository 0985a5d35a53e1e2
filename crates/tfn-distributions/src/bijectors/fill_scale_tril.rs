//! Triangular matrices with a positive diagonal from vectors.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::triangle::{Triangle, entries_of, rows_from, rows_in};
use super::{Bijector, Chain, IntoBijector, Shift, Softplus, failed};
use crate::error::{DistributionError, Result};
use crate::masking::all_last;

/// A lower triangular matrix, filled as by [`FillTriangular`](super::FillTriangular), whose diagonal goes through a
/// bijector: `softplus(x) + 1e-5` unless another is given.
///
/// Counterpart: `tfp.bijectors.FillScaleTriL`. The log-determinant is that of the entries of the triangle, to which only
/// the diagonal contributes.
///
/// # Shapes
/// `[n(n + 1)/2]` becomes `[n, n]`.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Exp, FillScaleTriL};
/// use tfn_tensor::Tensor;
///
/// let scale = FillScaleTriL::with_diag(Exp::new(), None)?;
/// let y = scale.forward(&Tensor::from_vec(vec![0.0, 0.5, 0.0], &[3]));
/// assert_eq!(y.to_vec::<f64>()?, [1.0, 0.0, 0.5, 1.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct FillScaleTriL {
    diag_bijector: Arc<dyn Bijector>,
}

impl Default for FillScaleTriL {
    fn default() -> Self {
        Self::new()
    }
}

/// Flat places of the diagonal.
fn diagonal(size: usize) -> Vec<usize> {
    (0..size).map(|row| row * (size + 1)).collect()
}

/// The row whose diagonal entry stands at a flat place.
fn on_diagonal(at: usize, size: usize) -> Option<usize> {
    at.is_multiple_of(size + 1).then_some(at / (size + 1))
}

impl FillScaleTriL {
    /// TFP's default: a diagonal of `softplus(x) + 1e-5`.
    pub fn new() -> Self {
        let diag = [Shift::from_number(1e-5).into(), Softplus::new().into()];
        Self { diag_bijector: Chain::new(diag).into() }
    }

    /// A diagonal of `diag_bijector(x) + diag_shift`, or without a shift.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `diag_bijector` does not act entry by entry, or the shift is not finite.
    pub fn with_diag(diag_bijector: impl IntoBijector, diag_shift: Option<f64>) -> Result<Self> {
        let diag_bijector = diag_bijector.into_bijector();
        let ndims = diag_bijector.forward_min_event_ndims();
        if ndims > 0 {
            return Err(DistributionError::Argument {
                family: "FillScaleTriL",
                argument: "diag_bijector",
                given: format!("{} of events with {ndims} axes", diag_bijector.class_name()),
                expected: "a function of entries".into(),
            });
        }
        let Some(shift) = diag_shift else { return Ok(Self { diag_bijector }) };
        let diag = [Shift::new(shift)?.into(), diag_bijector];
        Ok(Self { diag_bijector: Chain::new(diag).into() })
    }

    /// The bijector of the diagonal, its shift included.
    pub fn diag_bijector(&self) -> &Arc<dyn Bijector> {
        &self.diag_bijector
    }

    /// The entries of vectors that become the diagonal.
    fn diagonal_of(triangle: &Triangle, x: &Tensor) -> Tensor {
        let indices: Vec<usize> =
            diagonal(triangle.size).into_iter().filter_map(|at| triangle.places[at]).collect();
        x.gather(-1, &indices)
    }
}

impl Bijector for FillScaleTriL {
    fn forward(&self, x: &Tensor) -> Tensor {
        Triangle::filled(self, x, Triangle::lower).map_or_else(failed, |triangle| {
            let (size, entries) = (triangle.size, entries_of(triangle.size));
            let diag = self.diag_bijector.forward(&Self::diagonal_of(&triangle, x));
            // Behind the vector, the diagonal as it is to be.
            let both = Tensor::concat(&[x, &diag], -1);
            triangle.fill(&both, entries + size, |at, number| {
                on_diagonal(at, size).map_or(number, |row| entries + row)
            })
        })
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        Triangle::found(self, y, Triangle::lower).map_or_else(failed, |triangle| {
            let (flat, size) = (triangle.flat(y), triangle.size);
            let diag = self.diag_bijector.inverse(&flat.gather(-1, &diagonal(size)));
            let place = |at| on_diagonal(at, size).map_or(at, |row| size * size + row);
            let indices: Vec<usize> = triangle.numbers().into_iter().map(place).collect();
            Tensor::concat(&[&flat, &diag], -1).gather(-1, &indices)
        })
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        Triangle::filled(self, x, Triangle::lower).map_or_else(failed, |triangle| {
            let diag = Self::diagonal_of(&triangle, x);
            self.diag_bijector.forward_log_det_jacobian_over(&diag, 1)
        })
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        Triangle::found(self, y, Triangle::lower).map_or_else(failed, |_| {
            self.diag_bijector.inverse_log_det_jacobian_over(&y.diag_part(), 1)
        })
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn inverse_min_event_ndims(&self) -> usize {
        2
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![rows_from("FillScaleTriL", x)?; 2])
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![entries_of(rows_in("FillScaleTriL", y)?)])
    }

    fn is_affine(&self) -> bool {
        self.diag_bijector.is_affine()
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        let inside = |triangle: Triangle| {
            let filled = triangle.is_filled(y, |_| false);
            match self.diag_bijector.in_range(&y.diag_part()) {
                Some(positive) => filled * all_last(&positive, 1),
                None => filled,
            }
        };
        Some(Triangle::found(self, y, Triangle::lower).map_or_else(failed, inside))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        let other = other.downcast_ref::<Self>();
        other.is_some_and(|other| self.diag_bijector.is_same(other.diag_bijector.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Exp, SoftmaxCentered};
    use crate::testing::check_bijector_at;

    const X: [f64; 6] = [0.3, -1.2, 2.0, 0.1, -0.4, 0.7];

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec([X, [0.5, 0.2, -3.0, 1.0, 2.0, -0.1]].concat(), &[2, 6]);
        check_bijector_at(&FillScaleTriL::new(), &x, None).unwrap();
        check_bijector_at(&FillScaleTriL::with_diag(Exp::new(), None).unwrap(), &x, None).unwrap();
    }

    #[test]
    fn values_are_those_of_tfp() {
        let (x, scale) = (Tensor::from_slice(&X, &[6]), FillScaleTriL::new());
        // TFP 0.25.
        let expected = [
            [0.744_406_660_073_570_9, 0.0, 0.0],
            [0.7, 0.513_025_252_399_952_6, 0.0],
            [2.0, -1.2, 0.854_365_244_468_527_1],
        ];
        let y = scale.forward(&x);
        for (given, expected) in y.to_vec::<f64>().unwrap().iter().zip(expected.concat()) {
            assert!((given - expected).abs() < 1e-15, "{given} {expected}");
        }
        let log_det = scale.forward_log_det_jacobian(&x).item().unwrap();
        assert!((log_det + 2.111_767_156_942_051).abs() < 1e-15, "{log_det}");
        assert_eq!(scale.in_range(&y).unwrap().item().unwrap(), 1.0);
        for bad in [&y * -1.0, y.transpose()] {
            assert_eq!(scale.in_range(&bad).unwrap().item().unwrap(), 0.0);
        }
    }

    #[test]
    fn a_diagonal_of_vectors_is_an_error() {
        let error = FillScaleTriL::with_diag(SoftmaxCentered::new(), None).unwrap_err();
        let message = "FillScaleTriL: argument `diag_bijector` is SoftmaxCentered of events with 1 axes, \
                       expected a function of entries";
        assert_eq!(error.to_string(), message);
        assert!(FillScaleTriL::with_diag(Exp::new(), Some(f64::NAN)).is_err());
        let x = Tensor::from_slice(&X[..4], &[4]);
        assert!(FillScaleTriL::new().forward(&x).error().is_some());
        assert!(FillScaleTriL::new().inverse(&x).error().is_some());
    }
}
