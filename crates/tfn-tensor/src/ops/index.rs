//! Parts of a tensor, and tensors put together.

use std::panic::Location;
use std::sync::Arc;

use crate::dtype::{DType, Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::Accumulate;
use crate::shape::{Split, axis_of};
use crate::storage::Rows;
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Entries `indices` along an axis.
struct Gather {
    split: Split,
    indices: Arc<[usize]>,
}

impl Gather {
    fn forward<E: Element>(&self, out: &mut [E], x: &[E]) {
        let Split { outer, len, inner } = self.split;
        let mut runs = out.chunks_exact_mut(inner.max(1));
        for block in 0..outer {
            for &index in self.indices.iter() {
                if let Some(run) = runs.next() {
                    let from = (block * len + index) * inner;
                    run.copy_from_slice(&x[from..from + inner]);
                }
            }
        }
    }

    fn backward<E: Element>(&self, out: &mut [E], accumulate: Accumulate, grad: &[E]) {
        if matches!(accumulate, Accumulate::Set) {
            out.fill(E::zero());
        }
        let Split { outer, len, inner } = self.split;
        let mut runs = grad.chunks_exact(inner.max(1));
        for block in 0..outer {
            for &index in self.indices.iter() {
                let from = (block * len + index) * inner;
                for (o, &g) in out[from..from + inner].iter_mut().zip(runs.next().unwrap_or(&[])) {
                    *o += g;
                }
            }
        }
    }
}

impl Vjp for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let Split { outer, inner, .. } = self.split;
        dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            // The gradient of a table stays what it is: that of some rows.
            if outer == 1 && inner > 0 && ctx.is_variable(0) {
                let values = g.array().map_err(|error| error.as_ref().clone())?.storage.clone();
                let rows = Rows::<E>::new(inner, self.indices.clone(), values);
                let table = Tensor::from_lazy(ctx.shape(0), rows.lazy());
                ctx.add(0, table);
                return Ok(());
            }
            ctx.into::<E>(0, |out, accumulate| self.backward(out, accumulate, grad))
        })
    }
}

/// Tensors one after another along an axis.
struct Concat {
    axis: isize,
    starts: Vec<usize>,
}

impl Vjp for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        for (input, range) in self.starts.windows(2).enumerate() {
            if ctx.needs(input) {
                ctx.add(input, g.narrow(self.axis, range[0], range[1] - range[0]));
            }
        }
        Ok(())
    }
}

impl Tensor {
    /// The entries `indices` along an axis, in their order; an index may come more than once.
    ///
    /// Counterpart: `tf.gather`, `numpy.take`.
    ///
    /// # Shapes
    /// `[5, 3]` gathered at three indices of axis 0 is `[3, 3]`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if there is no such axis, or no such entry along it.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, axis: isize, indices: &[usize]) -> Self {
        self.gathered(axis, indices, Location::caller()).unwrap_or_else(Self::from_error)
    }

    fn gathered(
        &self,
        axis: isize,
        indices: &[usize],
        place: &'static Location<'static>,
    ) -> Result<Self> {
        let mut shape = self.shape()?.to_vec();
        let axis = axis_of("gather", axis, shape.len(), place)?;
        if let Some(&index) = indices.iter().find(|&&index| index >= shape[axis]) {
            return Err(TensorError::OutOfRange {
                op: "gather",
                argument: "indices",
                given: index.to_string(),
                expected: format!("below {}", shape[axis]),
                place,
            });
        }
        let split = Split::new(&shape, axis);
        shape[axis] = indices.len();
        let gather = Gather { split, indices: indices.into() };
        let output = dispatch!(self.dtype()?, E => {
            let data = self.data::<E>()?;
            Self::build::<E>(&shape, |out| gather.forward(out, data))
        });
        Ok(apply_one(&[self], output, || gather))
    }

    /// Tensors one after another along an axis of theirs.
    ///
    /// # Shapes
    /// `[2, 3]` and `[4, 3]` along axis 0 are `[6, 3]`.
    #[track_caller]
    #[must_use]
    pub fn concat(tensors: &[&Self], axis: isize) -> Self {
        concatenated(tensors, axis, Location::caller()).unwrap_or_else(Self::from_error)
    }

    /// Tensors of one shape along a new axis.
    #[track_caller]
    #[must_use]
    pub fn stack(tensors: &[&Self], axis: isize) -> Self {
        let place = Location::caller();
        let expanded: Vec<Self> = tensors.iter().map(|tensor| tensor.expand_dims(axis)).collect();
        let expanded: Vec<&Self> = expanded.iter().collect();
        concatenated(&expanded, axis, place).unwrap_or_else(Self::from_error)
    }

    /// Labels `0 … classes − 1`, given as numbers, as rows with a single 1; untracked.
    ///
    /// # Shapes
    /// `[batch]` becomes `[batch, classes]`. A label outside the range gives a row of zeros.
    #[must_use]
    pub fn one_hot(&self, classes: usize) -> Self {
        let made = || -> Result<Self> {
            let mut shape = self.shape()?.to_vec();
            shape.push(classes);
            Ok(dispatch!(self.dtype()?, E => {
                let labels = self.data::<E>()?;
                Self::build::<E>(&shape, |out| {
                    for (row, &label) in out.chunks_exact_mut(classes.max(1)).zip(labels) {
                        for (class, entry) in row.iter_mut().enumerate() {
                            *entry = if class as f64 == Element::to_f64(label) { 1.0 } else { 0.0 };
                        }
                    }
                })
            }))
        };
        made().unwrap_or_else(Self::from_error)
    }
}

fn concatenated(
    tensors: &[&Tensor],
    axis: isize,
    place: &'static Location<'static>,
) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Err(TensorError::OutOfRange {
            op: "concat",
            argument: "tensors",
            given: "none".to_owned(),
            expected: "at least one tensor".into(),
            place,
        });
    };
    let (dtype, mut shape) = (first.dtype()?, first.shape()?.to_vec());
    let axis = axis_of("concat", axis, shape.len(), place)?;
    let mut starts = vec![0_usize];
    for tensor in tensors {
        // A sum that saturates is refused as a size when the result is made.
        let len = fitting_len(first, tensor, axis, dtype, place)?;
        starts.push(starts[starts.len() - 1].saturating_add(len));
    }
    shape[axis] = starts[starts.len() - 1];
    let output = dispatch!(dtype, E => {
        let parts: Vec<&[E]> = tensors.iter().map(|t| t.data::<E>()).collect::<Result<_>>()?;
        Tensor::build::<E>(&shape, |out| join(out, &parts, Split::new(&shape, axis), &starts))
    });
    Ok(apply_one(tensors, output, || Concat { axis: axis as isize, starts }))
}

/// Length of `tensor` along `axis`, if it fits `first` otherwise.
fn fitting_len(
    first: &Tensor,
    tensor: &Tensor,
    axis: usize,
    dtype: DType,
    place: &'static Location<'static>,
) -> Result<usize> {
    let op = "concat";
    let (lhs, rhs) = (first.shape()?, tensor.shape()?);
    let fits = |(i, size): (usize, &usize)| i == axis || rhs[i] == *size;
    if lhs.len() != rhs.len() || !lhs.iter().enumerate().all(fits) {
        let (lhs, rhs) = (lhs.to_vec(), rhs.to_vec());
        let expected = "equal sizes but along the axis";
        return Err(TensorError::Shapes { op, lhs, rhs, expected, place });
    }
    if tensor.dtype()? != dtype {
        return Err(TensorError::DTypes { op, lhs: dtype, rhs: tensor.dtype()?, place });
    }
    Ok(rhs[axis])
}

fn join<E: Element>(out: &mut [E], parts: &[&[E]], split: Split, starts: &[usize]) {
    let row = split.len * split.inner;
    for block in 0..split.outer {
        for (part, range) in parts.iter().zip(starts.windows(2)) {
            let run = (range[1] - range[0]) * split.inner;
            let to = block * row + range[0] * split.inner;
            out[to..to + run].copy_from_slice(&part[block * run..(block + 1) * run]);
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
        let x = [ramp(&[3, 2, 2]), ramp(&[3, 4, 2])];
        check_gradients(&x[..1], |v| v[0].gather(0, &[2, 0, 2]).square()).unwrap();
        check_gradients(&x, |v| Tensor::concat(&[&v[0], &v[1], &v[0]], 1).square()).unwrap();
        check_gradients(&x[..1], |v| Tensor::stack(&[&v[0], &v[0].square()], -1).square()).unwrap();
    }

    #[test]
    fn entries_come_in_order() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
        assert_eq!(x.gather(1, &[1, 1, 0]).to_vec::<f64>()?, [2.0, 2.0, 1.0, 4.0, 4.0, 3.0]);
        let joined = Tensor::concat(&[&x, &x.narrow(1, 0, 1)], -1);
        assert_eq!(joined.to_vec::<f64>()?, [1.0, 2.0, 1.0, 3.0, 4.0, 3.0]);
        assert_eq!(Tensor::stack(&[&x, &x], 0).shape()?, [2, 2, 2]);
        let labels = Tensor::from_vec(vec![2.0_f32, 0.0], &[2]);
        assert_eq!(labels.one_hot(3).to_vec::<f32>()?, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        Ok(())
    }

    #[test]
    fn wrong_indices_and_shapes_are_errors() {
        let x = ramp(&[2, 3]);
        assert!(matches!(x.gather(0, &[2]).shape(), Err(TensorError::OutOfRange { .. })));
        assert!(matches!(Tensor::concat(&[], 0).shape(), Err(TensorError::OutOfRange { .. })));
        let other = Tensor::concat(&[&x, &ramp(&[2, 4])], 0);
        assert!(matches!(other.shape(), Err(TensorError::Shapes { op: "concat", .. })));
    }
}
