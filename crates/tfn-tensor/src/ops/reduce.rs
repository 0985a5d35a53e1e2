//! Sums, means, and largest entries.

use std::panic::Location;

use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::{Split, axis_of, count, reduced};
use crate::storage::{LAZY, LazyData};
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

/// Which axes a reduction takes away.
fn axes_mask(
    op: &'static str,
    array: &Array,
    axes: &[isize],
    place: &'static Location<'static>,
) -> Result<Vec<bool>> {
    let mut mask = vec![false; array.shape.len()];
    for &axis in axes {
        let axis = axis_of(op, axis, array.shape.len(), place)?;
        if std::mem::replace(&mut mask[axis], true) {
            return Err(TensorError::Axes {
                op,
                argument: "axes",
                given: axes.to_vec(),
                expected: "each axis at most once".into(),
                place,
            });
        }
    }
    Ok(mask)
}

struct Sum {
    /// Shape of the input with the summed axes kept as 1.
    kept: Vec<usize>,
}

impl Vjp for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let shape = ctx.shape(0).to_vec();
        dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            if let &[value] = grad && count(&shape) >= LAZY {
                ctx.add(0, repeated(value, &shape));
                return Ok(());
            }
            ctx.into::<E>(0, |out, acc| kernels::broadcast(out, acc, grad, &self.kept, &shape))
        })
    }
}

/// A tensor all of whose entries are `value`, without the entries.
fn repeated<E: Element>(value: E, shape: &[usize]) -> Tensor {
    let write = move |_: usize, out: &mut [E], accumulate| {
        kernels::write_block(out, accumulate, [], move |[]| value);
    };
    let write = Box::new(write);
    Tensor::from_lazy(
        shape,
        LazyData { unit: 1, write, total: None, same: Some(value), rows: None },
    )
}

struct Max {
    x: Tensor,
    largest: Tensor,
    kept: Vec<usize>,
}

impl Vjp for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    /// Ties share the gradient equally, as TensorFlow's do.
    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let hit = self.x.eq(&self.largest.reshape(&self.kept));
        let axis: Vec<isize> = (0..self.kept.len())
            .filter(|&axis| self.kept[axis] != ctx.shape(0)[axis])
            .map(|axis| axis as isize)
            .collect();
        let ties = hit.sum_axes(&axis, true);
        ctx.add(0, hit * (g.reshape(&self.kept) / ties));
        Ok(())
    }
}

/// The sum of all entries; lazy ones are made and added block by block.
fn sum_of<E: Element>(array: &Array) -> E {
    let entries = array.entries::<E>();
    if !entries.is_lazy() {
        return kernels::sum(array.slice::<E>());
    }
    if let Some(total) = entries.total() {
        return total;
    }
    kernels::sum_of_blocks(array.len(), entries.block(), &|range, sum| {
        entries.with_block(range.start, range.len(), sum)
    })
}

impl Tensor {
    /// Sum of all entries, of shape `[]`.
    ///
    /// The sum is formed in a fixed order: the same bits for any number of threads.
    #[must_use]
    pub fn sum(&self) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        let output = dispatch!(array.dtype(), E => Self::scalar(sum_of::<E>(array)));
        apply_one(&[self], output, || Sum { kept: vec![1; array.shape.len()] })
    }

    /// Mean of all entries, of shape `[]`; NaN if there are none.
    #[must_use]
    pub fn mean(&self) -> Self {
        match self.len() {
            Ok(len) => self.sum() * (1.0 / len as f64),
            Err(error) => Self::from_error(error),
        }
    }

    /// Sum over some axes, negative ones counted from the end.
    ///
    /// # Shapes
    /// `[2, 3, 4]` summed over `[0, -1]` is `[3]`, or `[1, 3, 1]` with `keep_dims`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if there is no such axis, [`TensorError::Axes`] if one is named twice.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
    /// assert_eq!(x.sum_axes(&[0], false).to_vec::<f64>()?, [4.0, 6.0]);
    /// assert_eq!(x.sum_axes(&[-1], true).shape()?, [2, 1]);
    /// assert!(matches!(x.sum_axes(&[2], false).shape(), Err(TensorError::OutOfRange { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sum_axes(&self, axes: &[isize], keep_dims: bool) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        let mask = match axes_mask("sum_axes", array, axes, Location::caller()) {
            Ok(mask) => mask,
            Err(error) => return Self::from_error(error),
        };
        let shape = reduced(&array.shape, &mask, keep_dims);
        if array.storage.is_lazy() && mask.iter().all(|&summed| summed) {
            return self.sum().reshape(&shape);
        }
        let output = dispatch!(array.dtype(), E => Self::build::<E>(&shape, |out| {
            kernels::sum_axes(out, Accumulate::Set, array.slice::<E>(), &array.shape, &mask);
        }));
        apply_one(&[self], output, || Sum { kept: reduced(&array.shape, &mask, true) })
    }

    /// Mean over some axes; NaN if they have no entries.
    ///
    /// # Errors
    /// As [`sum_axes`](Self::sum_axes).
    #[track_caller]
    #[must_use]
    pub fn mean_axes(&self, axes: &[isize], keep_dims: bool) -> Self {
        let sum = self.sum_axes(axes, keep_dims);
        match (self.len(), sum.len()) {
            (Ok(all), Ok(left)) if left > 0 => sum * (left as f64 / all as f64),
            _ => sum,
        }
    }

    /// Largest entry along an axis; NaN if any is, −∞ if there are none.
    #[track_caller]
    #[must_use]
    pub fn max_axis(&self, axis: isize, keep_dims: bool) -> Self {
        let array = match self.array() {
            Ok(array) => array,
            Err(error) => return Self::from_error(error.clone()),
        };
        let axis = match axis_of("max_axis", axis, array.shape.len(), Location::caller()) {
            Ok(axis) => axis,
            Err(error) => return Self::from_error(error),
        };
        let mut mask = vec![false; array.shape.len()];
        mask[axis] = true;
        let split = Split::new(&array.shape, axis);
        let output = dispatch!(array.dtype(), E => {
            Self::build::<E>(&reduced(&array.shape, &mask, keep_dims), |out| {
                kernels::max_axis(out, array.slice::<E>(), split.len, split.inner);
            })
        });
        let largest = output.clone();
        let kept = reduced(&array.shape, &mask, true);
        apply_one(&[self], output, || Max { x: self.detach(), largest, kept })
    }

    /// Index of the first largest entry along the last or another axis, as a number of the tensor's
    /// type; untracked. The first NaN counts as the largest.
    ///
    /// Counterpart: `tf.argmax`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if there is no such axis, [`TensorError::Shape`] if it has no entries.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 3.0, 3.0, 7.0, 0.0, 0.0], &[2, 3]);
    /// assert_eq!(x.argmax(-1).to_vec::<f64>()?, [1.0, 0.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Self {
        self.places("argmax", axis, Location::caller()).unwrap_or_else(Self::from_error)
    }

    /// Index of the first smallest entry along the last or another axis, as a number of the tensor's
    /// type; untracked. The first NaN counts as the smallest.
    ///
    /// Counterpart: `tf.argmin`.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] if there is no such axis, [`TensorError::Shape`] if it has no entries.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 3.0, 3.0, 7.0, 0.0, 0.0], &[2, 3]);
    /// assert_eq!(x.argmin(-1).to_vec::<f64>()?, [0.0, 1.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn argmin(&self, axis: isize) -> Self {
        self.places("argmin", axis, Location::caller()).unwrap_or_else(Self::from_error)
    }

    /// [`argmin`](Self::argmin), or [`argmax`](Self::argmax) by any other name.
    fn places(
        &self,
        op: &'static str,
        axis: isize,
        place: &'static Location<'static>,
    ) -> Result<Self> {
        let shape = self.shape()?;
        let axis = axis_of(op, axis, shape.len(), place)?;
        if shape[axis] == 0 {
            return Err(TensorError::Shape {
                op,
                argument: "self",
                given: shape.to_vec(),
                expected: format!("at least one entry along axis {axis}"),
                place,
            });
        }
        let split = Split::new(shape, axis);
        let left = [&shape[..axis], &shape[axis + 1..]].concat();
        Ok(dispatch!(self.dtype()?, E => {
            let x = self.data::<E>()?;
            let find = if op == "argmin" { kernels::argmin_axis::<E> } else { kernels::argmax_axis::<E> };
            Self::build::<E>(&left, |out| find(out, x, split.len, split.inner))
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError};

    fn ramp(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        let values: Vec<f64> = (0..len).map(|i| ((i * 7) % 11) as f64 * 0.3 - 1.0).collect();
        Tensor::from_vec(values, shape)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [ramp(&[2, 3, 4])];
        check_gradients(&x, |v| v[0].sum()).unwrap();
        check_gradients(&x, |v| v[0].mean()).unwrap();
        for axes in [&[0][..], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2], &[]] {
            check_gradients(&x, |v| v[0].square().sum_axes(axes, false)).unwrap();
            check_gradients(&x, |v| v[0].square().mean_axes(axes, true)).unwrap();
        }
        check_gradients(&[ramp(&[3, 5])], |v| v[0].max_axis(1, false)).unwrap();
        check_gradients(&[ramp(&[3, 3])], |v| v[0].max_axis(0, true)).unwrap();
    }

    #[test]
    fn empty_tensors_sum_to_zero() -> Result<()> {
        let empty = Tensor::zeros(&[0, 3], DType::F64);
        assert_eq!(empty.sum().item()?, 0.0);
        assert_eq!(empty.sum_axes(&[0], false).to_vec::<f64>()?, [0.0; 3]);
        assert!(empty.mean().item()?.is_nan());
        Ok(())
    }

    #[test]
    fn places_are_those_of_the_extremes() -> Result<()> {
        for shape in [[3, 5, 4], [1, 7, 1], [2, 1, 3], [2, 3, 0]] {
            for (axis, dtype) in (0..3).flat_map(|axis| [(axis, DType::F32), (axis, DType::F64)]) {
                let x = ramp(&shape).cast(dtype);
                let (last, size) = (axis as isize, shape[axis]);
                if size == 0 {
                    let error = x.argmax(last).shape().unwrap_err().to_string();
                    assert!(error.contains("[2, 3, 0], expected at least one entry"), "{error}");
                    continue;
                }
                let (most, least) = (x.max_axis(last, true), -(-&x).max_axis(last, true));
                for (place, extreme) in [(x.argmax(last), most), (x.argmin(last), least)] {
                    // A row of ones from the first place on that holds the extreme.
                    let found = x.eq(&extreme).cummax(last).sum_axes(&[last], false);
                    assert_eq!(place.shape()?, found.shape()?);
                    let after = Tensor::full(place.shape()?, size as f64, dtype) - found;
                    assert_eq!(place.to_f64_vec()?, after.to_f64_vec()?);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_wrong_axis_is_an_error() {
        for (op, error) in [
            ("argmax", ramp(&[2, 3]).argmax(2).shape().unwrap_err()),
            ("argmin", ramp(&[2, 3]).argmin(-3).shape().unwrap_err()),
        ] {
            let TensorError::OutOfRange { op: given, argument: "axis", .. } = error else {
                panic!("{error}");
            };
            assert_eq!(given, op);
        }
    }

    #[test]
    fn an_axis_is_summed_once() {
        for axes in [&[0, 0][..], &[1, 0, -1], &[-2, 0]] {
            for (op, y) in [
                ("sum_axes", ramp(&[2, 3]).sum_axes(axes, false)),
                ("mean_axes", ramp(&[2, 3]).mean_axes(axes, true)),
            ] {
                let Err(TensorError::Axes { given, .. }) = y.shape() else { panic!("{op}") };
                assert_eq!(given, axes);
            }
        }
    }

    #[test]
    fn argmax_takes_the_first() -> Result<()> {
        let x = Tensor::from_vec(vec![1.0_f32, 3.0, 3.0, 0.0, -1.0, -2.0], &[2, 3]);
        assert_eq!(x.argmax(-1).to_vec::<f32>()?, [1.0, 0.0]);
        assert_eq!(x.argmax(0).to_vec::<f32>()?, [0.0, 0.0, 0.0]);
        Ok(())
    }
}
