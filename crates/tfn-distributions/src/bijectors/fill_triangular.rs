//! Triangular matrices from vectors.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::triangle::{Triangle, entries_of, rows_from, rows_in};
use super::{Bijector, failed, given, no_change, taken};
use crate::error::Result;

/// A triangular matrix, the lower one unless the other is asked for, filled with the entries of a vector in TFP's
/// order: a clockwise spiral.
///
/// Counterpart: `tfp.bijectors.FillTriangular`. No volume changes; the log-determinant is that of the entries of the
/// triangle.
///
/// # Shapes
/// `[n(n + 1)/2]` becomes `[n, n]`.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, FillTriangular};
/// use tfn_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[6]);
/// let lower = FillTriangular::new().forward(&x).to_vec::<f64>()?;
/// assert_eq!(lower, [4.0, 0.0, 0.0, 6.0, 5.0, 0.0, 3.0, 2.0, 1.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Default, Module)]
#[non_exhaustive]
pub struct FillTriangular {
    upper: bool,
}

impl FillTriangular {
    /// Lower triangular matrices.
    pub fn new() -> Self {
        Self::default()
    }

    /// Upper triangular matrices.
    pub fn upper() -> Self {
        Self { upper: true }
    }

    /// Whether the matrices are upper triangular.
    pub fn is_upper(&self) -> bool {
        self.upper
    }

    fn by_rows(&self) -> fn(usize) -> Triangle {
        if self.upper { Triangle::upper } else { Triangle::lower }
    }
}

impl Bijector for FillTriangular {
    fn forward(&self, x: &Tensor) -> Tensor {
        Triangle::filled(self, x, self.by_rows()).map_or_else(failed, |triangle| {
            triangle.fill(x, entries_of(triangle.size), |_, number| number)
        })
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        Triangle::found(self, y, self.by_rows()).map_or_else(failed, |triangle| {
            triangle.flat(y).gather(-1, &triangle.numbers())
        })
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(&taken(self, x), 1)
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        no_change(&given(self, y), 2)
    }

    fn forward_min_event_ndims(&self) -> usize {
        1
    }

    fn inverse_min_event_ndims(&self) -> usize {
        2
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![rows_from("FillTriangular", x)?; 2])
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![entries_of(rows_in("FillTriangular", y)?)])
    }

    fn is_affine(&self) -> bool {
        true
    }

    fn in_range(&self, y: &Tensor) -> Option<Tensor> {
        Some(Triangle::found(self, y, self.by_rows()).map_or_else(failed, |triangle| triangle.is_filled(y, |_| false)))
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.upper == other.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec((0..12).map(f64::from).collect(), &[2, 6]);
        for bijector in [FillTriangular::new(), FillTriangular::upper()] {
            check_bijector_at(&bijector, &x, None).unwrap();
            check_bijector_at(&bijector, &x.reshape(&[12, 1]), None).unwrap();
        }
    }

    #[test]
    fn the_order_is_that_of_tfp() {
        let x = Tensor::from_vec((1..=10).map(f64::from).collect(), &[10]);
        // TFP 0.25.
        let lower = [
            [5.0, 0.0, 0.0, 0.0],
            [9.0, 10.0, 0.0, 0.0],
            [8.0, 7.0, 6.0, 0.0],
            [4.0, 3.0, 2.0, 1.0],
        ];
        let upper = [
            [1.0, 2.0, 3.0, 4.0],
            [0.0, 6.0, 7.0, 8.0],
            [0.0, 0.0, 10.0, 9.0],
            [0.0, 0.0, 0.0, 5.0],
        ];
        for (bijector, expected) in
            [(FillTriangular::new(), lower), (FillTriangular::upper(), upper)]
        {
            let y = bijector.forward(&x);
            assert_eq!(y.to_vec::<f64>().unwrap(), expected.concat());
            assert_eq!(bijector.in_range(&y).unwrap().item().unwrap(), 1.0);
            assert_eq!(bijector.in_range(&(y + 1.0)).unwrap().item().unwrap(), 0.0);
        }
    }

    #[test]
    fn shapes_that_are_no_triangle_are_errors() {
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        let error = FillTriangular::new().forward(&x).shape().unwrap_err().to_string();
        let start = "FillTriangular: argument `x` has shape [2], expected one axis of n(n + 1)/2 entries";
        assert!(error.starts_with(start), "{error}");
        let error = FillTriangular::new().inverse(&x.reshape(&[1, 2])).shape().unwrap_err();
        assert!(error.to_string().contains("argument `y` has shape [1, 2]"), "{error}");
        assert!(FillTriangular::new().in_range(&x).unwrap().error().is_some());
    }
}
