//! The same entries in another shape.

use std::panic::Location;

use crate::dtype::dispatch;
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::memory;
use crate::shape::{axis_of, broadcast_shapes};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

struct Reshape;

impl Vjp for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            let back = g.reshape(ctx.shape(0));
            ctx.add(0, back);
        }
        Ok(())
    }
}

struct Broadcast;

impl Vjp for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            ctx.add(0, g);
        }
        Ok(())
    }
}

impl Tensor {
    /// The same entries in another shape of as many; shares them.
    ///
    /// # Errors
    /// [`TensorError::Shapes`] if the shape has another number of entries, [`TensorError::TooLarge`] if it has more than
    /// can be counted.
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        let len = match memory::counted_len(shape, array.dtype()) {
            Ok(len) => len,
            Err(error) => return Self::from_error(error),
        };
        if array.len() != len {
            return Self::from_error(TensorError::Shapes {
                op: "reshape",
                lhs: array.shape.to_vec(),
                rhs: shape.to_vec(),
                expected: "the same number of entries",
                place: Location::caller(),
            });
        }
        let storage = array.storage.clone();
        let output = Self::from_array(Array { shape: shape.into(), storage, edge: None });
        apply_one(&[self], output, || Reshape)
    }

    /// The entries repeated along new axes and axes of size 1, by NumPy's rule.
    #[track_caller]
    #[must_use]
    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        if *array.shape == *shape {
            return self.clone();
        }
        if broadcast_shapes(&array.shape, shape).as_deref() != Some(shape) {
            return Self::from_error(TensorError::Shapes {
                op: "broadcast_to",
                lhs: array.shape.to_vec(),
                rhs: shape.to_vec(),
                expected: "a shape that the first broadcasts to",
                place: Location::caller(),
            });
        }
        let output = dispatch!(array.dtype(), E => Self::build::<E>(shape, |out| {
            let x = array.slice::<E>();
            kernels::broadcast(out, Accumulate::Set, x, &array.shape, shape);
        }));
        apply_one(&[self], output, || Broadcast)
    }

    /// A new axis of size 1 before position `axis` (negative: counted from the end of the result).
    #[track_caller]
    #[must_use]
    pub fn expand_dims(&self, axis: isize) -> Self {
        let place = Location::caller();
        let shape = self.shape().and_then(|shape| {
            let axis = axis_of("expand_dims", axis, shape.len() + 1, place)?;
            let mut shape = shape.to_vec();
            shape.insert(axis, 1);
            Ok(shape)
        });
        match shape {
            Ok(shape) => self.reshape(&shape),
            Err(error) => Self::from_error(error),
        }
    }

    /// Without an axis of size 1.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axis: isize) -> Self {
        let place = Location::caller();
        let shape = self.shape().and_then(|shape| {
            let resolved = axis_of("squeeze", axis, shape.len(), place)?;
            let mut left = shape.to_vec();
            if left.remove(resolved) == 1 {
                return Ok(left);
            }
            let (given, expected) = (shape.to_vec(), format!("size 1 at axis {axis}"));
            Err(TensorError::Shape { op: "squeeze", argument: "self", given, expected, place })
        });
        match shape {
            Ok(shape) => self.reshape(&shape),
            Err(error) => Self::from_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError};

    fn ramp(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| i as f64 * 0.5 - 1.0).collect(), shape)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [ramp(&[2, 1, 3])];
        check_gradients(&x, |v| v[0].reshape(&[3, 2]).square()).unwrap();
        check_gradients(&x, |v| v[0].broadcast_to(&[4, 2, 5, 3]).square()).unwrap();
        check_gradients(&x, |v| v[0].expand_dims(-1).squeeze(1).square()).unwrap();
    }

    #[test]
    fn entries_move_as_numpy_moves_them() -> Result<()> {
        let x = ramp(&[2, 3]);
        assert_eq!(x.reshape(&[6]).data::<f64>()?.as_ptr(), x.data::<f64>()?.as_ptr());
        assert_eq!(x.expand_dims(1).shape()?, [2, 1, 3]);
        assert_eq!(x.expand_dims(-1).shape()?, [2, 3, 1]);
        Ok(())
    }

    #[test]
    fn wrong_shapes_are_errors() {
        let x = ramp(&[2, 3]);
        assert!(matches!(x.reshape(&[5]).shape(), Err(TensorError::Shapes { op: "reshape", .. })));
        assert!(matches!(x.broadcast_to(&[3, 2]).shape(), Err(TensorError::Shapes { .. })));
        assert!(matches!(x.squeeze(0).shape(), Err(TensorError::Shape { op: "squeeze", .. })));
        assert!(matches!(x.expand_dims(4).shape(), Err(TensorError::OutOfRange { .. })));
    }
}
