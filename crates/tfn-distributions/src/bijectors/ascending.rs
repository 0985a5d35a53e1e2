//! Numbers in ascending order.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::cumsum::first_and_steps;
use super::{Bijector, number};
use crate::axes::sum_last;
use crate::masking::all_last;

plain! {
    /// `f(x) = cumsum([x₀, exp(x₁), …, exp(xₙ)])`, from all vectors to those that ascend.
    ///
    /// Counterpart: `tfp.bijectors.Ascending`. TFP's former `Ordered` is the inverse of this,
    /// [`Invert`](super::Invert)`::new(Ascending::new())`.
    ///
    /// ```text
    /// ln |det| = x₁ + … + xₙ
    /// ```
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::bijectors::{Ascending, Bijector};
    /// use tfn_tensor::Tensor;
    ///
    /// let cutpoints = Ascending::new().forward(&Tensor::from_vec(vec![-1.0, 0.0, 0.0], &[3]));
    /// assert_eq!(cutpoints.to_vec::<f64>()?, [-1.0, 0.0, 1.0]);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    Ascending {
        fn forward(&self, x: &Tensor) -> Tensor {
            let (first, rest) = first_and_rest(x);
            Tensor::concat(&[&first, &rest.exp()], -1).cumsum(-1)
        }

        fn inverse(&self, y: &Tensor) -> Tensor {
            let (first, steps) = first_and_steps(y, -1);
            Tensor::concat(&[&first, &steps.ln()], -1)
        }

        fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
            sum_last(&first_and_rest(x).1, 1)
        }

        fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
            -sum_last(&first_and_steps(y, -1).1.ln(), 1)
        }

        fn forward_min_event_ndims(&self) -> usize {
            1
        }

        fn in_range(&self, y: &Tensor) -> Option<Tensor> {
            let steps = first_and_steps(y, -1).1;
            Some(all_last(&steps.gt(&number(0.0, y)), 1))
        }
    }
}

/// The first entry of vectors, and the others.
fn first_and_rest(x: &Tensor) -> (Tensor, Tensor) {
    let size = x.shape().ok().and_then(|shape| shape.last().copied()).unwrap_or(0);
    (x.narrow(-1, 0, size.min(1)), x.narrow(-1, size.min(1), size.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec(vec![-3.0, 0.5, 2.5, -4.0, 7.0, -1.0, 0.0, 0.3], &[2, 4]);
        check_bijector_at(&Ascending::new(), &x, None).unwrap();
    }

    #[test]
    fn the_range_ascends_strictly() {
        let y = Tensor::from_vec(vec![-1.0, 0.0, 3.0, -1.0, -1.0, 3.0, f64::NAN, 1.0, 2.0], &[3, 3]);
        let inside = Ascending::new().in_range(&y).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(inside, [1.0, 0.0, 0.0]);
        // TFP 0.25 of the same numbers.
        let back = Ascending::new().inverse(&y).to_vec::<f64>().unwrap();
        assert_eq!(back[..2], [-1.0, 0.0]);
        // The logarithm is within one unit of the last place.
        assert!((back[2] - 1.098_612_288_668_109_8).abs() <= f64::EPSILON);
    }
}
