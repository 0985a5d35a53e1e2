//! A border of one number around a tensor.

use std::panic::Location;

use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::count;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Where the old entries lie in the new tensor: in runs, which hold all axes from the last padded one on.
struct Pad {
    /// Size, border before and new stride of each axis before the last padded one.
    outer: Vec<(usize, usize, usize)>,
    /// Border before the last padded axis, in entries.
    before: usize,
    run: usize,
}

impl Pad {
    fn new(shape: &[usize], padding: &[(usize, usize)], padded: &[usize], last: usize) -> Self {
        let stride = |axis: usize| count(&padded[axis + 1..]);
        Self {
            outer: (0..last).map(|axis| (shape[axis], padding[axis].0, stride(axis))).collect(),
            before: padding[last].0 * stride(last),
            run: count(&shape[last..]),
        }
    }

    /// Where run number `index` begins.
    fn start(&self, mut index: usize) -> usize {
        let mut start = self.before;
        for &(size, before, stride) in self.outer.iter().rev() {
            start += (index % size + before) * stride;
            index /= size;
        }
        start
    }

    fn forward<E: Element>(&self, out: &mut [E], x: &[E], value: E) {
        out.fill(value);
        for (index, x) in x.chunks_exact(self.run.max(1)).enumerate() {
            out[self.start(index)..][..self.run].copy_from_slice(x);
        }
    }

    fn backward<E: Element>(&self, out: &mut [E], accumulate: Accumulate, grad: &[E]) {
        for (index, out) in out.chunks_exact_mut(self.run.max(1)).enumerate() {
            let grad = &grad[self.start(index)..][..self.run];
            match accumulate {
                Accumulate::Set => out.copy_from_slice(grad),
                Accumulate::Add => kernels::add_block(out, grad),
            }
        }
    }
}

impl Vjp for Pad {
    fn name(&self) -> &'static str {
        "pad"
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

/// `shape` with its borders, if it has one for each axis and memory could hold it.
fn padded(
    shape: &[usize],
    padding: &[(usize, usize)],
    place: &'static Location<'static>,
) -> Result<Vec<usize>> {
    let wrong = |given: usize, expected: String| TensorError::OutOfRange {
        op: "pad",
        argument: "padding",
        given: given.to_string(),
        expected,
        place,
    };
    if padding.len() != shape.len() {
        let expected = format!("as many pairs as the tensor has axes, {}", shape.len());
        return Err(wrong(padding.len(), expected));
    }
    let most = isize::MAX as usize / size_of::<f64>();
    let (mut sizes, mut entries) = (Vec::with_capacity(shape.len()), 1_usize);
    for (&size, &(before, after)) in shape.iter().zip(padding) {
        let border = before.saturating_add(after);
        let size = size.saturating_add(border);
        entries = entries.saturating_mul(size.max(1));
        if entries > most {
            return Err(wrong(border, "borders of a tensor that memory can hold".into()));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

impl Tensor {
    /// A border of `value` around the tensor: for each axis the numbers of entries before and after it.
    ///
    /// Counterpart: `tf.pad(x, paddings, constant_values=value)`, `numpy.pad`.
    ///
    /// # Shapes
    /// `[2, 3]` padded by `[(1, 0), (2, 2)]` is `[3, 7]`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if `padding` has not one pair for each axis, or the result would have more
    /// entries than memory can.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0], &[1, 2]);
    /// let y = x.pad(&[(1, 0), (0, 1)], 9.0);
    /// assert_eq!(y.shape()?, [2, 3]);
    /// assert_eq!(y.to_vec::<f64>()?, [9.0, 9.0, 9.0, 1.0, 2.0, 9.0]);
    /// assert!(matches!(x.pad(&[(1, 0)], 0.0).shape(), Err(TensorError::OutOfRange { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn pad(&self, padding: &[(usize, usize)], value: f64) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let shape = self.shape()?;
            let padded = padded(shape, padding, place)?;
            let Some(last) = padding.iter().rposition(|&border| border != (0, 0)) else {
                return Ok(self.clone());
            };
            let pad = Pad::new(shape, padding, &padded, last);
            let output = dispatch!(self.dtype()?, E => {
                let x = self.data::<E>()?;
                Self::build::<E>(&padded, |out| pad.forward(out, x, E::from_f64(value)))
            });
            Ok(apply_one(&[self], output, || pad))
        };
        made().unwrap_or_else(Self::from_error)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError};

    fn ramp(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| i as f64 * 0.5 - 1.0).collect(), shape)
    }

    /// Entry by entry from its index.
    fn naive(x: &[f64], shape: &[usize], padding: &[(usize, usize)], value: f64) -> Vec<f64> {
        let sizes: Vec<usize> =
            shape.iter().zip(padding).map(|(&size, &(a, b))| a + size + b).collect();
        let entry = |mut at: usize| {
            let (mut from, mut stride) = (0, 1);
            for axis in (0..shape.len()).rev() {
                let index = (at % sizes[axis]).checked_sub(padding[axis].0)?;
                at /= sizes[axis];
                from += stride * Some(index).filter(|&index| index < shape[axis])?;
                stride *= shape[axis];
            }
            Some(x[from])
        };
        (0..sizes.iter().product()).map(|at| entry(at).unwrap_or(value)).collect()
    }

    #[test]
    fn entries_stand_inside_the_border() -> Result<()> {
        for shape in [[3, 4, 2], [1, 1, 5], [0, 2, 3], [2, 0, 1], [2, 3, 0], [1, 1, 1]] {
            let borders = [(0, 0), (1, 0), (0, 2), (3, 1)];
            for at in 0..64_usize {
                let padding = [borders[at % 4], borders[at / 4 % 4], borders[at / 16]];
                for dtype in [DType::F32, DType::F64] {
                    let x = ramp(&shape).cast(dtype);
                    let expected = naive(&x.to_f64_vec()?, &shape, &padding, 0.25);
                    let y = x.pad(&padding, 0.25);
                    assert_eq!(y.to_f64_vec()?, expected, "{shape:?} {padding:?}");
                    let size = |axis: usize| shape[axis] + padding[axis].0 + padding[axis].1;
                    assert_eq!(y.shape()?, [size(0), size(1), size(2)]);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [ramp(&[2, 3, 2])];
        for padding in [[(1, 2), (0, 1), (2, 0)], [(0, 1), (1, 1), (0, 0)], [(0, 0); 3]] {
            check_gradients(&x, |v| v[0].pad(&padding, 3.0).square()).unwrap();
            let both = |v: &[Tensor]| v[0].pad(&padding, 3.0) * v[0].pad(&padding, -1.0);
            check_gradients(&x, both).unwrap();
        }
        check_gradients(&[ramp(&[0])], |v| v[0].pad(&[(1, 1)], 3.0)).unwrap();
    }

    #[test]
    fn nothing_around_it_is_the_tensor_itself() {
        let x = ramp(&[2, 3]);
        assert!(x.pad(&[(0, 0); 2], 1.0).is_same(&x));
        assert!(ramp(&[]).pad(&[], 1.0).error().is_none());
    }

    #[test]
    fn wrong_borders_are_errors() {
        let x = ramp(&[2, 3]);
        let wrong = |padding: &[(usize, usize)]| match x.pad(padding, 0.0).shape() {
            Err(TensorError::OutOfRange {
                op: "pad",
                argument: "padding",
                given,
                expected,
                ..
            }) => (given, expected),
            other => panic!("{other:?}"),
        };
        let pairs = "as many pairs as the tensor has axes, 2";
        assert_eq!(wrong(&[(1, 1)]), ("1".to_owned(), pairs.into()));
        assert_eq!(wrong(&[(1, 1); 3]), ("3".to_owned(), pairs.into()));
        let size = "borders of a tensor that memory can hold";
        assert_eq!(wrong(&[(0, 0), (usize::MAX, 1)]), (usize::MAX.to_string(), size.into()));
        assert_eq!(wrong(&[(1 << 40, 0), (0, 1 << 40)]), ((1_u64 << 40).to_string(), size.into()));
    }
}
