//! Probabilities from numbers, one fewer.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, number, with_last};
use crate::axes::sum_last;
use crate::constraint::SUM_TOLERANCE;
use crate::error::{DistributionError, Result};
use crate::masking::all_last;

/// Entries of the last axis.
fn last(x: &Tensor) -> usize {
    x.shape().ok().and_then(|shape| shape.last().copied()).unwrap_or(0)
}

plain! {
    /// `f(x) = softmax([x, 0])`, from n numbers to n + 1 positive ones that sum to 1.
    ///
    /// Counterpart: `tfp.bijectors.SoftmaxCentered`. The log-determinant is `½ ln det(JᵀJ)`, of the surface that the
    /// values lie on.
    ///
    /// ```text
    /// ln |det| = ½ ln(n + 1) + Σ ln f(x)ᵢ
    /// ```
    SoftmaxCentered {
        fn forward(&self, x: &Tensor) -> Tensor {
            with_last(x, 0.0).softmax(-1)
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            let ln = y.ln();
            let rest = last(y).saturating_sub(1);
            ln.narrow(-1, 0, rest) - ln.narrow(-1, rest, 1)
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            let logs = with_last(x, 0.0).log_softmax(-1);
            sum_last(&logs, 1) + 0.5 * (last(x) as f64).ln_1p()
        }

        fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
            -(sum_last(&y.ln(), 1) + 0.5 * (last(y) as f64).ln())
        }

        fn forward_min_event_ndims(&self) -> usize {
            1
        }

        fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
            Ok(x.iter().map(|n| n + 1).collect())
        }

        fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
            match y {
                [n] if *n > 0 => Ok(vec![n - 1]),
                _ => Err(DistributionError::Shape {
                    family: "SoftmaxCentered",
                    argument: "y",
                    given: y.to_vec(),
                    expected: "one axis of at least 1 entry".into(),
                }),
            }
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            let slack = 64.0 * last(y) as f64 * y.dtype().map_or(0.0, |dtype| dtype.epsilon());
            let slack = slack.max(SUM_TOLERANCE);
            let off = (sum_last(y, 1) - 1.0).abs();
            let positive = all_last(&y.gt(&number(0.0, y)), 1);
            Some(positive * off.le(&number(slack, &off)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_values_are_probabilities_and_it_inverts() {
        let x = Tensor::from_vec(vec![-800.0, 0.3, 2.0, 0.1, -1.0, 30.0], &[2, 3]);
        let y = SoftmaxCentered::new().forward(&x);
        assert_eq!(SoftmaxCentered::new().in_range(&y.narrow(0, 1, 1)).unwrap().item().unwrap(), 1.0);
        let back = SoftmaxCentered::new().inverse(&y.narrow(0, 1, 1)).to_vec::<f64>().unwrap();
        for (back, x) in back.iter().zip([0.1, -1.0, 30.0]) {
            assert!((back - x).abs() < 1e-13, "{back} {x}");
        }
        assert!(SoftmaxCentered::new().inverse_event_shape(&[0]).is_err());
    }
}
