//! A range of entries along an axis.

use std::panic::Location;

use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::{Split, axis_of};
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

struct Narrow {
    split: Split,
    start: usize,
    len: usize,
}

impl Narrow {
    /// Entries of a block before the range, and up to its end.
    fn range(&self) -> (usize, usize) {
        (self.start * self.split.inner, (self.start + self.len) * self.split.inner)
    }

    fn forward<E: Element>(&self, out: &mut [E], x: &[E]) {
        let (from, to) = self.range();
        if from == to {
            return;
        }
        let blocks = x.chunks_exact(self.split.len * self.split.inner);
        for (out, x) in out.chunks_exact_mut(to - from).zip(blocks) {
            out.copy_from_slice(&x[from..to]);
        }
    }

    /// Writes what lies outside the range only if nothing is there yet.
    fn backward<E: Element>(&self, out: &mut [E], accumulate: Accumulate, grad: &[E]) {
        let (from, to) = self.range();
        if from == to {
            if accumulate == Accumulate::Set {
                out.fill(E::zero());
            }
            return;
        }
        let blocks = out.chunks_exact_mut(self.split.len * self.split.inner);
        for (out, grad) in blocks.zip(grad.chunks_exact(to - from)) {
            match accumulate {
                Accumulate::Add => kernels::add_assign(&mut out[from..to], grad),
                Accumulate::Set => {
                    out[..from].fill(E::zero());
                    out[from..to].copy_from_slice(grad);
                    out[to..].fill(E::zero());
                }
            }
        }
    }
}

impl Vjp for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            ctx.into::<E>(0, |out, accumulate| self.backward(out, accumulate, grad))
        })
    }
}

/// Checks that `start` and then `len` fit an axis of `size` entries.
fn check(size: usize, start: usize, len: usize, place: &'static Location<'static>) -> Result<()> {
    let (argument, given, expected) = match size.checked_sub(start) {
        Some(left) if len <= left => return Ok(()),
        Some(left) => {
            ("len", len, format!("at most {left}: axis of {size} entries, from {start} on"))
        }
        None => ("start", start, format!("at most {size}, the size of the axis")),
    };
    Err(TensorError::OutOfRange {
        op: "narrow",
        argument,
        given: given.to_string(),
        expected,
        place,
    })
}

impl Tensor {
    /// `len` entries from `start` along an axis: a copy of the range, or the tensor itself if that is all of it.
    ///
    /// Counterpart: `tf.slice` along one axis, `x[start:start + len]` of NumPy.
    ///
    /// # Shapes
    /// `[2, 5]` narrowed to three entries of axis 1 is `[2, 3]`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if there is no such axis, or the range reaches beyond it.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    /// assert_eq!(x.narrow(-1, 1, 2).to_vec::<f64>()?, [2.0, 3.0, 5.0, 6.0]);
    /// assert!(matches!(x.narrow(0, 1, 2).shape(), Err(TensorError::OutOfRange { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn narrow(&self, axis: isize, start: usize, len: usize) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let mut shape = self.shape()?.to_vec();
            let axis = axis_of("narrow", axis, shape.len(), place)?;
            check(shape[axis], start, len, place)?;
            if len == shape[axis] {
                return Ok(self.clone());
            }
            let narrow = Narrow { split: Split::new(&shape, axis), start, len };
            shape[axis] = len;
            let output = dispatch!(self.dtype()?, E => {
                let x = self.data::<E>()?;
                Self::build::<E>(&shape, |out| narrow.forward(out, x))
            });
            Ok(apply_one(&[self], output, || narrow))
        };
        made().unwrap_or_else(Self::from_error)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{Result, Tensor, TensorError, Variable};

    fn ramp(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| i as f64 * 0.5 - 1.0).collect(), shape)
    }

    /// Gathering the same entries one by one is another way to the same numbers.
    #[test]
    fn a_range_is_what_its_entries_are() -> Result<()> {
        for shape in [[3, 4, 2], [1, 5, 1], [2, 1, 3], [0, 3, 2], [2, 3, 0], [2, 0, 2]] {
            for dtype in [crate::DType::F32, crate::DType::F64] {
                let x = ramp(&shape).cast(dtype);
                for (axis, &size) in shape.iter().enumerate() {
                    for (start, end) in (0..=size).flat_map(|a| (a..=size).map(move |b| (a, b))) {
                        let range = x.narrow(axis as isize, start, end - start);
                        let indices: Vec<usize> = (start..end).collect();
                        let gathered = x.gather(axis as isize, &indices);
                        assert_eq!(range.shape()?, gathered.shape()?);
                        assert_eq!(range.to_f64_vec()?, gathered.to_f64_vec()?);
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [ramp(&[3, 2, 2])];
        for (axis, start, len) in [(0, 1, 2), (1, 1, 1), (2, 0, 1), (0, 0, 3), (1, 2, 0)] {
            check_gradients(&x, |v| v[0].narrow(axis, start, len).square()).unwrap();
        }
        let twice = |v: &[Tensor]| v[0].narrow(1, 0, 1).square() * v[0].narrow(1, 1, 1);
        check_gradients(&x, twice).unwrap();
        check_gradients(&x, |v| twice(v).sum() + v[0].narrow(0, 2, 1).sum()).unwrap();
    }

    #[test]
    fn the_gradient_outside_the_range_is_zero() -> Result<()> {
        let x = Variable::new("x", ramp(&[2, 3]))?;
        let gradients = x.tensor().narrow(1, 1, 1).sum().gradients()?;
        assert_eq!(gradients.of(&x).to_vec::<f64>()?, [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        let empty = x.tensor().narrow(1, 3, 0).sum().gradients()?;
        assert_eq!(empty.of(&x).to_vec::<f64>()?, [0.0; 6]);
        Ok(())
    }

    #[test]
    fn ranges_that_do_not_fit_are_errors() {
        let x = ramp(&[2, 3]);
        let wrong = |axis, start, len| match x.narrow(axis, start, len).shape() {
            Err(TensorError::OutOfRange { op: "narrow", argument, given, expected, .. }) => {
                (argument, given, expected)
            }
            other => panic!("{other:?}"),
        };
        let size = "at most 3, the size of the axis".to_owned();
        let left = "at most 1: axis of 3 entries, from 2 on".to_owned();
        assert_eq!(wrong(1, 2, 2), ("len", "2".to_owned(), left.clone()));
        assert_eq!(wrong(1, 2, usize::MAX), ("len", usize::MAX.to_string(), left));
        assert_eq!(wrong(1, 4, 0), ("start", "4".to_owned(), size.clone()));
        assert_eq!(wrong(1, usize::MAX, 9), ("start", usize::MAX.to_string(), size));
        assert_eq!(wrong(2, 0, 1).0, "axis");
    }
}
