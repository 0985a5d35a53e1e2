//! The largest entry so far along an axis.

use std::panic::Location;

use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::shape::{Split, axis_of};
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Whether `next` takes the place of the largest number so far: the first of equal ones stays, and the first NaN.
fn replaces<E: Element>(next: E, largest: E) -> bool {
    next > largest || (next.is_nan() && !largest.is_nan())
}

struct Cummax {
    split: Split,
    /// The result, in which each new maximum shows as a change.
    largest: Tensor,
}

fn forward<E: Element>(out: &mut [E], x: &[E], split: Split) {
    let Split { len, inner, .. } = split;
    out.copy_from_slice(x);
    for block in out.chunks_exact_mut((len * inner).max(1)) {
        for at in inner..block.len() {
            let before = block[at - inner];
            if !replaces(block[at], before) {
                block[at] = before;
            }
        }
    }
}

/// What comes to an entry that is no new maximum goes on to the one before it.
fn backward<E: Element>(out: &mut [E], grad: &[E], largest: &[E], split: Split) {
    let Split { len, inner, .. } = split;
    out.copy_from_slice(grad);
    let size = (len * inner).max(1);
    for (block, largest) in out.chunks_exact_mut(size).zip(largest.chunks_exact(size)) {
        for at in (inner..block.len()).rev() {
            if !replaces(largest[at], largest[at - inner]) {
                let passed = std::mem::replace(&mut block[at], E::zero());
                block[at - inner] += passed;
            }
        }
    }
}

impl Vjp for Cummax {
    fn name(&self) -> &'static str {
        "cummax"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let of_x = dispatch!(g.dtype()?, E => {
            let (grad, largest) = (g.data::<E>()?, self.largest.data::<E>()?);
            Tensor::build::<E>(g.shape()?, |out| backward(out, grad, largest, self.split))
        });
        ctx.add(0, of_x);
        Ok(())
    }
}

impl Tensor {
    /// The largest of each entry and those before it along an axis; NaN from the first NaN on. The gradient goes to
    /// where the maximum stands, to the first place of equal ones.
    ///
    /// Counterpart: `numpy.maximum.accumulate`, `tfp.math.scan_associative` with `tf.maximum`.
    ///
    /// # Shapes
    /// That of the tensor.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`](crate::TensorError::OutOfRange) if there is no such axis.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Variable};
    /// let x = Variable::new("x", Tensor::from_vec(vec![1.0, 0.0, 3.0, 3.0], &[4]))?;
    /// let y = x.tensor().cummax(0);
    /// assert_eq!(y.to_vec::<f64>()?, [1.0, 1.0, 3.0, 3.0]);
    /// assert_eq!(y.sum().gradients()?.of(&x).to_vec::<f64>()?, [2.0, 0.0, 2.0, 0.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cummax(&self, axis: isize) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let shape = self.shape()?;
            let split = Split::new(shape, axis_of("cummax", axis, shape.len(), place)?);
            let largest = dispatch!(self.dtype()?, E => {
                let x = self.data::<E>()?;
                Self::build::<E>(shape, |out| forward(out, x, split))
            });
            Ok(apply_one(&[self], largest.clone(), || Cummax { split, largest }))
        };
        made().unwrap_or_else(Self::from_error)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError, Variable};

    /// Numbers that rise and fall, no two alike.
    fn waves(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| (i as f64 * 1.7).sin() * 3.0).collect(), shape)
    }

    #[test]
    fn each_entry_is_the_maximum_of_a_range() -> Result<()> {
        for shape in [[3, 5, 4], [1, 7, 1], [2, 1, 3], [0, 3, 2], [2, 3, 0], [2, 0, 3]] {
            for (axis, dtype) in (0..3).flat_map(|axis| [(axis, DType::F32), (axis, DType::F64)]) {
                let (x, size) = (waves(&shape).cast(dtype), shape[axis]);
                let axis = axis as isize;
                let y = x.cummax(axis);
                assert_eq!(y.shape()?, shape);
                for end in 1..=size {
                    let largest = x.narrow(axis, 0, end).max_axis(axis, true);
                    let last = y.narrow(axis, end - 1, 1);
                    assert_eq!(last.to_f64_vec()?, largest.to_f64_vec()?);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [waves(&[2, 3, 4])];
        for axis in 0..3 {
            check_gradients(&x, |v| v[0].cummax(axis).square()).unwrap();
            check_gradients(&x, |v| v[0].cummax(axis) * v[0].exp()).unwrap();
        }
        check_gradients(&[waves(&[0, 3])], |v| v[0].cummax(0)).unwrap();
    }

    #[test]
    fn the_first_of_equal_ones_gets_the_gradient() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![2.0, 1.0, 2.0, 5.0, 5.0, 4.0], &[3, 2]))?;
        let of = |axis| -> Result<Vec<f64>> {
            x.tensor().cummax(axis).sum().gradients()?.of(&x).to_vec()
        };
        assert_eq!(of(0)?, [2.0, 1.0, 0.0, 2.0, 1.0, 0.0]);
        assert_eq!(of(1)?, [2.0, 0.0, 1.0, 1.0, 2.0, 0.0]);
        Ok(())
    }

    #[test]
    fn a_nan_stays() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0, f64::NAN, f64::INFINITY, f64::NAN], &[4]);
        let x = Variable::new("x", x)?;
        let y = x.tensor().cummax(0).to_vec::<f64>()?;
        assert!(y[0] == 1.0 && y[1..].iter().all(|y| y.is_nan()));
        let of_x = x.tensor().cummax(0).sum().gradients()?.of(&x);
        assert_eq!(of_x.to_vec::<f64>()?, [1.0, 3.0, 0.0, 0.0]);
        Ok(())
    }

    #[test]
    fn a_wrong_axis_is_an_error() {
        for (x, axis) in [(Tensor::scalar(1.0), 0), (waves(&[2, 3]), 2), (waves(&[2, 3]), -3)] {
            let error = x.cummax(axis).shape().unwrap_err();
            assert!(matches!(
                error,
                TensorError::OutOfRange { op: "cummax", argument: "axis", given, .. } if given == axis.to_string()
            ));
        }
    }
}
