//! Entries in another order.

use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{Bijector, event_ndims_of, given, no_change, taken};
use crate::error::{DistributionError, Result};

/// `f(x)ᵢ = x_permutation(i)` along an axis, the last one unless another is given.
///
/// Counterpart: `tfp.bijectors.Permute`. It changes no volume. The axis is counted from the end, and is the first axis
/// of an event.
///
/// # Examples
/// ```
/// use tfn_distributions::bijectors::{Bijector, Permute};
/// use tfn_tensor::Tensor;
///
/// let permute = Permute::new(&[2, 0, 1])?;
/// let y = permute.forward(&Tensor::from_vec(vec![0.1, 0.2, 0.3], &[3]));
/// assert_eq!(y.to_vec::<f64>()?, [0.3, 0.1, 0.2]);
/// assert_eq!(permute.inverse(&y).to_vec::<f64>()?, [0.1, 0.2, 0.3]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Permute {
    permutation: Vec<usize>,
    inverse: Vec<usize>,
    axis: isize,
}

impl Permute {
    /// The order `permutation` of the last axis.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if `permutation` does not hold each of `0 … n − 1` once.
    pub fn new(permutation: &[usize]) -> Result<Self> {
        Self::along(permutation, -1)
    }

    /// The order `permutation` of `axis`, a negative number.
    ///
    /// # Errors
    /// As those of [`new`](Self::new), and [`DistributionError::Argument`] if `axis` is not negative.
    pub fn along(permutation: &[usize], axis: isize) -> Result<Self> {
        event_ndims_of("Permute", axis)?;
        let mut inverse: Vec<Option<usize>> = vec![None; permutation.len()];
        for (to, &from) in permutation.iter().enumerate() {
            match inverse.get_mut(from) {
                Some(free @ None) => *free = Some(to),
                taken => {
                    let fault = if taken.is_some() { "twice" } else { "too large" };
                    return Err(DistributionError::Argument {
                        family: "Permute",
                        argument: "permutation",
                        given: format!("{from} {fault} at entry {to}"),
                        expected: format!("each number below {} once", permutation.len()),
                    });
                }
            }
        }
        let inverse = inverse.into_iter().flatten().collect();
        Ok(Self { permutation: permutation.to_vec(), inverse, axis })
    }

    /// Which entry of `x` each one of `f(x)` is.
    pub fn permutation(&self) -> &[usize] {
        &self.permutation
    }

    /// The axis, counted from the end.
    pub fn axis(&self) -> isize {
        self.axis
    }

    /// The event, if its first axis is as long as the permutation.
    fn event(&self, argument: &'static str, event: &[usize]) -> Result<Vec<usize>> {
        if event.first() == Some(&self.permutation.len()) {
            return Ok(event.to_vec());
        }
        Err(DistributionError::Shape {
            family: "Permute",
            argument,
            given: event.to_vec(),
            expected: format!("{} entries along axis {}", self.permutation.len(), self.axis),
        })
    }
}

impl Bijector for Permute {
    fn forward(&self, x: &Tensor) -> Tensor {
        taken(self, x).gather(self.axis, &self.permutation)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        given(self, y).gather(self.axis, &self.inverse)
    }

    fn forward_log_det_jacobian(&self, x: &Tensor) -> Tensor {
        no_change(&taken(self, x), self.forward_min_event_ndims())
    }

    fn inverse_log_det_jacobian(&self, y: &Tensor) -> Tensor {
        no_change(&given(self, y), self.forward_min_event_ndims())
    }

    fn forward_min_event_ndims(&self) -> usize {
        self.axis.unsigned_abs()
    }

    fn forward_event_shape(&self, x: &[usize]) -> Result<Vec<usize>> {
        self.event("x", x)
    }

    fn inverse_event_shape(&self, y: &[usize]) -> Result<Vec<usize>> {
        self.event("y", y)
    }

    fn is_affine(&self) -> bool {
        true
    }

    fn is_same(&self, other: &dyn Bijector) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| {
            self.axis == other.axis && self.permutation == other.permutation
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_bijector, check_bijector_at};

    #[test]
    fn keeps_the_laws() {
        check_bijector(&Permute::new(&[2, 0, 3, 1]).unwrap(), &[-3.0, 0.5, 2.5, 7.0]).unwrap();
        let x = Tensor::from_vec((0..12).map(f64::from).collect(), &[2, 3, 2]);
        check_bijector_at(&Permute::along(&[1, 2, 0], -2).unwrap(), &x, None).unwrap();
    }

    #[test]
    fn errors_name_the_entry_and_the_axis() {
        let message = |permutation: &[usize]| Permute::new(permutation).unwrap_err().to_string();
        let start = "Permute: argument `permutation` is";
        assert_eq!(message(&[0, 0]), format!("{start} 0 twice at entry 1, expected each number below 2 once"));
        assert_eq!(
            message(&[0, 3, 1]),
            format!("{start} 3 too large at entry 1, expected each number below 3 once")
        );
        assert!(Permute::along(&[0], 0).is_err());
        let long = Tensor::from_vec(vec![1.0, 2.0, 3.0], &[3]);
        let error = Permute::new(&[1, 0]).unwrap().forward(&long).shape().unwrap_err();
        let start = "Permute: argument `x` has shape [3], expected 2 entries along axis -1";
        assert!(error.to_string().starts_with(start), "{error}");
    }
}
