//! Cholesky factors of correlation matrices from vectors.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::triangle::{Triangle, entries_of, rows_from, rows_in};
use super::{Bijector, failed, number};
use crate::axes::sum_last;
use crate::constraint::SUM_TOLERANCE;
use crate::error::{DistributionError, Result};
use crate::masking::all_last;

plain! {
    /// The lower triangular matrix with rows of length 1 and a positive diagonal, whose product with its transpose is a
    /// correlation matrix.
    ///
    /// Counterpart: `tfp.bijectors.CorrelationCholesky`. Below the diagonal the vector stands as in
    /// [`FillTriangular`](super::FillTriangular), on it 1; each row is then divided by its length `s`. The
    /// log-determinant is that of the entries below the diagonal, from which the others follow.
    ///
    /// ```text
    /// ln |det| = Σᵢ (i + 2)·ln Lᵢᵢ = −Σᵢ (i + 2)·ln sᵢ,   rows i from 0
    /// ```
    ///
    /// # Shapes
    /// `[n(n − 1)/2]` becomes `[n, n]`.
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::bijectors::{Bijector, CorrelationCholesky};
    /// use tfn_tensor::Tensor;
    ///
    /// let factor = CorrelationCholesky::new().forward(&Tensor::from_vec(vec![0.75], &[1]));
    /// assert_eq!(factor.to_vec::<f64>()?, [1.0, 0.0, 0.6, 0.8]);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    ///
    /// # References
    /// Lewandowski, Kurowicka, Joe, "Generating random correlation matrices based on vines and extended onion method",
    /// 2009; the determinant of a row by the matrix determinant lemma.
    CorrelationCholesky {
        fn forward(&self, x: &Tensor) -> Tensor {
            Rows::of(x).map_or_else(failed, |rows| rows.factor())
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            Triangle::found(self, y, Triangle::strictly_lower).map_or_else(failed, |triangle| {
                let ratios = y / y.diag_part().expand_dims(-1);
                triangle.flat(&ratios).gather(-1, &triangle.numbers())
            })
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            Rows::of(x).map_or_else(failed, |rows| -weighed(&rows.log_lengths()))
        }

        fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
            Triangle::found(self, y, Triangle::strictly_lower).map_or_else(failed, |_| -weighed(&y.diag_part().ln()))
        }

        fn forward_min_event_ndims(&self) -> usize {
            1
        }

        fn inverse_min_event_ndims(&self) -> usize {
            2
        }

        fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
            Ok(vec![rows_from("CorrelationCholesky", x)? + 1; 2])
        }

        fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
            let rows = rows_in("CorrelationCholesky", y)?;
            let less = rows.checked_sub(1).ok_or_else(|| DistributionError::Shape {
                family: "CorrelationCholesky",
                argument: "y",
                given: y.to_vec(),
                expected: "at least one row".into(),
            })?;
            Ok(vec![entries_of(less)])
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            Some(Triangle::found(self, y, Triangle::strictly_lower).map_or_else(failed, |triangle| {
                let filled = triangle.is_filled(y, |at| at % (triangle.size + 1) == 0);
                let positive = y.diag_part().gt(&number(0.0, y));
                let epsilon = y.dtype().map_or(0.0, |dtype| dtype.epsilon());
                let off = (sum_last(&y.square(), 1) - 1.0).abs();
                let slack = (64.0 * triangle.size as f64 * epsilon).max(SUM_TOLERANCE);
                let long = off.le(&number(slack, y));
                filled * all_last(&(positive * long), 1)
            }))
        }
    }
}

/// `Σᵢ (i + 2)·logsᵢ`.
fn weighed(logs: &Tensor) -> Tensor {
    let size = logs.shape().ok().and_then(|shape| shape.last().copied()).unwrap_or(0);
    let weights: Vec<f64> = (0..size).map(|row| row as f64 + 2.0).collect();
    match logs.dtype() {
        Ok(dtype) => sum_last(&(logs * Tensor::from_f64(&weights, &[size], dtype)), 1),
        Err(error) => Tensor::from_error(error),
    }
}

/// Rows before they are divided by their lengths, in units of their largest entries, so that no square overflows.
struct Rows {
    /// The entries below the diagonal.
    below: Tensor,
    /// The diagonal.
    unit: Tensor,
    /// Squared lengths less 1.
    excess: Tensor,
    /// Logarithms of the units' sizes.
    log_size: Tensor,
}

impl Rows {
    fn of(x: &Tensor) -> Result<Self> {
        let bijector = CorrelationCholesky::new();
        let triangle = Triangle::filled(&bijector, x, Triangle::strictly_lower)?;
        let entries = x.shape()?.last().copied().unwrap_or(0);
        let below = triangle.fill(x, entries, |_, index| index);
        // The result does not depend on the unit: it has no gradient.
        let size = below.detach().abs().max_axis(-1, false).maximum(&number(1.0, x));
        let unit = size.reciprocal();
        let below = below * unit.expand_dims(-1);
        let excess = sum_last(&below.square(), 1) + (&unit - 1.0) * (&unit + 1.0);
        Ok(Self { below, unit, excess, log_size: size.ln() })
    }

    fn factor(&self) -> Tensor {
        (&self.below + self.unit.matrix_diag()) / (&self.excess + 1.0).sqrt().expand_dims(-1)
    }

    fn log_lengths(&self) -> Tensor {
        &self.log_size + self.excess.log1p() * 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;

    const X: [f64; 6] = [0.3, -1.2, 2.0, 0.1, -0.4, 0.7];

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec([X, [0.5, 0.2, -3.0, 1.0, 2.0, -0.1]].concat(), &[2, 6]);
        let free = [4, 8, 9, 12, 13, 14];
        check_bijector_at(&CorrelationCholesky::new(), &x, Some(&free)).unwrap();
        check_bijector_at(&CorrelationCholesky::new(), &x.reshape(&[12, 1]), Some(&[2])).unwrap();
    }

    #[test]
    fn values_are_those_of_tfp() {
        let (x, factor) = (Tensor::from_slice(&X, &[6]), CorrelationCholesky::new());
        // TFP 0.25.
        let expected = [
            [1.0, 0.0, 0.0, 0.0],
            [0.099_503_719_020_998_93, 0.995_037_190_209_989_3, 0.0, 0.0],
            [0.544_949_260_913_066_1, -0.311_399_577_664_609_2, 0.778_498_944_161_523, 0.0],
            [
                0.782_660_480_194_832_4,
                -0.469_596_288_116_899_35,
                0.117_399_072_029_224_84,
                0.391_330_240_097_416_2,
            ],
        ];
        let y = factor.forward(&x);
        for (given, expected) in y.to_vec::<f64>().unwrap().iter().zip(expected.concat()) {
            assert!((given - expected).abs() < 1e-15, "{given} {expected}");
        }
        let log_det = factor.forward_log_det_jacobian(&x).item().unwrap();
        assert!((log_det + 5.707_493_430_325_579).abs() < 1e-14, "{log_det}");
        assert_eq!(factor.in_range(&y).unwrap().item().unwrap(), 1.0);
        for bad in [&y * 2.0, &y * -1.0, y.transpose()] {
            assert_eq!(factor.in_range(&bad).unwrap().item().unwrap(), 0.0);
        }
    }

    #[test]
    fn large_and_small_entries_keep_their_digits() {
        let x = Tensor::from_vec(vec![1e200, 1e-20], &[2, 1]);
        let y = CorrelationCholesky::new().forward(&x).to_vec::<f64>().unwrap();
        assert_eq!(y, [1.0, 0.0, 1.0, 1e-200, 1.0, 0.0, 1e-20, 1.0]);
        let log_det = CorrelationCholesky::new().forward_log_det_jacobian(&x);
        let [far, near] = log_det.to_vec::<f64>().unwrap()[..] else { unreachable!() };
        assert!((far / (-3.0 * 1e200_f64.ln()) - 1.0).abs() < 1e-15, "{far}");
        assert!((near / -1.5e-40 - 1.0).abs() < 1e-15, "{near}");
    }

    #[test]
    fn shapes_that_are_no_triangle_are_errors() {
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
        assert!(CorrelationCholesky::new().forward(&x).error().is_some());
        assert!(CorrelationCholesky::new().inverse(&x).error().is_some());
        let one = CorrelationCholesky::new().forward(&x.narrow(0, 0, 0));
        assert_eq!(one.to_vec::<f64>().unwrap(), [1.0]);
        assert!(CorrelationCholesky::new().inverse_event_shape(&[0, 0]).is_err());
    }
}
