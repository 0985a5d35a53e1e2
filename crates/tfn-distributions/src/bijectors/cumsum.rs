//! Running sums.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, event_ndims_of, no_change};
use crate::error::Result;

/// `f(x)ᵢ = x₀ + … + xᵢ` along an axis, the last one unless another is given.
///
/// Counterpart: `tfp.bijectors.Cumsum`. It changes no volume. The axis is counted from the end, and is the first axis
/// of an event.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Cumsum};
/// use tfn_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
/// assert_eq!(Cumsum::new().forward(&x).to_vec::<f64>()?, [1.0, 3.0, 3.0, 7.0]);
/// assert_eq!(Cumsum::along(-2)?.forward(&x).to_vec::<f64>()?, [1.0, 2.0, 4.0, 6.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[non_exhaustive]
pub struct Cumsum {
    axis: isize,
}

impl Default for Cumsum {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl Cumsum {
    /// The sums along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sums along `axis`, a negative number.
    ///
    /// # Errors
    /// [`DistributionError::Argument`](crate::DistributionError::Argument) if `axis` is not negative.
    pub fn along(axis: isize) -> Result<Self> {
        event_ndims_of("Cumsum", axis)?;
        Ok(Self { axis })
    }

    /// The axis, counted from the end.
    pub fn axis(&self) -> isize {
        self.axis
    }
}

/// Along an axis the first entry, and how far each other one lies above the one before it.
pub(super) fn first_and_steps(y: &Tensor, axis: isize) -> (Tensor, Tensor) {
    let at = y.ndims().ok().and_then(|ndims| ndims.checked_add_signed(axis));
    let size = at.and_then(|at| y.shape().ok()?.get(at).copied()).unwrap_or(0);
    let rest = size.saturating_sub(1);
    let steps = y.narrow(axis, size.min(1), rest) - y.narrow(axis, 0, rest);
    (y.narrow(axis, 0, size.min(1)), steps)
}

impl Bijector for Cumsum {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.cumsum(self.axis)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let (first, steps) = first_and_steps(y, self.axis);
        Tensor::concat(&[&first, &steps], self.axis)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(x, self.forward_min_event_ndims())
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        no_change(y, self.forward_min_event_ndims())
    }

    fn forward_min_event_ndims(&self) -> usize {
        self.axis.unsigned_abs()
    }

    fn is_affine(&self) -> bool {
        true
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.axis == other.axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_bijector, check_bijector_at};

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Cumsum::new(), &[-3.0, 0.5, 2.5, 7.0]).unwrap();
        let x = Tensor::from_vec((0..12).map(|i| f64::from(i * i % 7)).collect(), &[2, 3, 2]);
        check_bijector_at(&Cumsum::along(-2).unwrap(), &x, None).unwrap();
    }

    #[test]
    fn nothing_and_one_number_stay_as_they_are() {
        for shape in [&[0][..], &[2, 1]] {
            let x = Tensor::ones(shape, tfn_tensor::DType::F64);
            let back = Cumsum::new().inverse(&Cumsum::new().forward(&x));
            assert_eq!(back.to_vec::<f64>().unwrap(), x.to_vec::<f64>().unwrap());
        }
    }

    #[test]
    fn an_axis_from_the_front_is_an_error() {
        let message =
            "Cumsum: argument `axis` is 0, expected a negative number, which counts from the end";
        assert_eq!(Cumsum::along(0).unwrap_err().to_string(), message);
    }
}
