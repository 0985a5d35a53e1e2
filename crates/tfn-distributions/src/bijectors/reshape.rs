//! Events of another shape.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, expect_event, failed, given, no_change, taken};
use crate::error::{DistributionError, Result};

/// The entries of an event in another shape.
///
/// Counterpart: `tfp.bijectors.Reshape`, with both shapes given in full. No volume changes.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Reshape};
/// use tfn_tensor::{DType, Tensor};
///
/// let reshape = Reshape::new(&[2, 3], &[6])?;
/// let y = reshape.forward(&Tensor::zeros(&[5, 6], DType::F64));
/// assert_eq!(y.shape()?, [5, 2, 3]);
/// assert_eq!(reshape.inverse(&y).shape()?, [5, 6]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Reshape {
    event_shape_out: Vec<usize>,
    event_shape_in: Vec<usize>,
}

impl Reshape {
    /// Events of shape `event_shape_out` from those of `event_shape_in`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if they have not as many entries.
    pub fn new(event_shape_out: &[usize], event_shape_in: &[usize]) -> Result<Self> {
        let count = |shape: &[usize]| {
            shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))
        };
        if count(event_shape_out).is_none() || count(event_shape_out) != count(event_shape_in) {
            return Err(DistributionError::Shape {
                family: "Reshape",
                argument: "event_shape_out",
                given: event_shape_out.to_vec(),
                expected: format!("as many entries as {event_shape_in:?}"),
            });
        }
        let [event_shape_out, event_shape_in] = [event_shape_out, event_shape_in].map(<[_]>::to_vec);
        Ok(Self { event_shape_out, event_shape_in })
    }

    /// The shape of an event of `f(x)`.
    pub fn event_shape_out(&self) -> &[usize] {
        &self.event_shape_out
    }

    /// The shape of an event of `x`.
    pub fn event_shape_in(&self) -> &[usize] {
        &self.event_shape_in
    }
}

impl Bijector for Reshape {
    fn forward(&self, x: &Tensor) -> Tensor {
        let shape = x.shape().map_err(Into::into).and_then(|shape| self.forward_shape(shape));
        shape.map_or_else(failed, |shape| x.reshape(&shape))
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let shape = y.shape().map_err(Into::into).and_then(|shape| self.inverse_shape(shape));
        shape.map_or_else(failed, |shape| y.reshape(&shape))
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(&taken(self, x), self.event_shape_in.len())
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        no_change(&given(self, y), self.event_shape_out.len())
    }

    fn forward_min_event_ndims(&self) -> usize {
        self.event_shape_in.len()
    }

    fn inverse_min_event_ndims(&self) -> usize {
        self.event_shape_out.len()
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        expect_event("Reshape", "x", x, &self.event_shape_in)?;
        Ok(self.event_shape_out.clone())
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        expect_event("Reshape", "y", y, &self.event_shape_out)?;
        Ok(self.event_shape_in.clone())
    }

    fn is_affine(&self) -> bool {
        true
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.event_shape_out == other.event_shape_out
                && self.event_shape_in == other.event_shape_in
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_bijector_at;

    #[test]
    fn keeps_the_laws() {
        let x = Tensor::from_vec((0..12).map(f64::from).collect(), &[2, 6]);
        check_bijector_at(&Reshape::new(&[3, 2], &[6]).unwrap(), &x, None).unwrap();
        check_bijector_at(&Reshape::new(&[2, 1, 3], &[2, 3]).unwrap(), &x.reshape(&[2, 2, 3]), None)
            .unwrap();
        check_bijector_at(&Reshape::new(&[], &[1]).unwrap(), &x.reshape(&[12, 1]), None).unwrap();
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let error = Reshape::new(&[4], &[2, 3]).unwrap_err();
        let message =
            "Reshape: argument `event_shape_out` has shape [4], expected as many entries as [2, 3]";
        assert_eq!(error.to_string(), message);
        assert!(Reshape::new(&[usize::MAX, 2], &[2]).is_err());
        let (reshape, x) = (Reshape::new(&[2, 3], &[6]).unwrap(), Tensor::scalar(1.0));
        assert!(reshape.forward(&x).shape().is_err());
        let error = reshape.forward(&x.broadcast_to(&[2, 3])).shape().unwrap_err();
        assert!(error.to_string().contains("has shape [3], expected events [6]"), "{error}");
    }
}
