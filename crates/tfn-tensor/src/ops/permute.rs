//! Axes in another order.

use std::panic::Location;

use crate::dtype::dispatch;
use crate::error::{Result, TensorError};
use crate::kernels;
use crate::shape::axis_of;
use crate::tensor::{Array, Tensor, Vjp, VjpContext, apply_one};

/// Axis `i` of the result is axis `axes[i]` of the input.
struct Permute {
    axes: Vec<usize>,
}

impl Permute {
    fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.axes.len()];
        for (to, &from) in self.axes.iter().enumerate() {
            inverse[from] = to;
        }
        inverse
    }
}

impl Vjp for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        if let Some(g) = ctx.grad(0).cloned() {
            ctx.add(0, g.permuted(self.inverse())?);
        }
        Ok(())
    }
}

/// The axes that `axes` names: each axis of the tensor once.
fn order_of(axes: &[isize], ndims: usize, place: &'static Location<'static>) -> Result<Vec<usize>> {
    let wrong = || TensorError::Axes {
        op: "permute",
        argument: "axes",
        given: axes.to_vec(),
        expected: format!("each of the {ndims} axes of the tensor once"),
        place,
    };
    let resolve = |&axis: &isize| axis_of("permute", axis, ndims, place).map_err(|_| wrong());
    let order: Vec<usize> = axes.iter().map(resolve).collect::<Result<_>>()?;
    let all_there = (0..ndims).all(|axis| order.contains(&axis));
    if order.len() == ndims && all_there { Ok(order) } else { Err(wrong()) }
}

impl Tensor {
    /// The axes in another order: axis `i` of the result is axis `axes[i]` of the tensor, negative ones counted
    /// from the end. A copy, unless only axes of size 1 move.
    ///
    /// Counterpart: `tf.transpose(x, perm=axes)`, `numpy.transpose(x, axes)`.
    ///
    /// # Shapes
    /// `[2, 3, 4]` in the order `[2, 0, 1]` is `[4, 2, 3]`.
    ///
    /// # Errors
    /// [`TensorError::Axes`] if `axes` does not name each axis exactly once.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[1, 2, 3]);
    /// let y = x.permute(&[2, 0, -2]);
    /// assert_eq!(y.shape()?, [3, 1, 2]);
    /// assert_eq!(y.to_vec::<f64>()?, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    /// assert!(matches!(x.permute(&[0, 1, 1]).shape(), Err(TensorError::Axes { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn permute(&self, axes: &[isize]) -> Self {
        let place = Location::caller();
        self.ndims()
            .and_then(|ndims| self.permuted(order_of(axes, ndims, place)?))
            .unwrap_or_else(Self::from_error)
    }

    /// With the last two axes swapped, by a copy. Products take transposition as a flag instead.
    ///
    /// Counterpart: `tf.linalg.matrix_transpose`.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the tensor has fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn transpose(&self) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let shape = self.shape()?;
            let Some(last) = shape.len().checked_sub(1).filter(|&last| last > 0) else {
                return Err(TensorError::Shape {
                    op: "transpose",
                    argument: "self",
                    given: shape.to_vec(),
                    expected: "at least two axes".into(),
                    place,
                });
            };
            self.permuted((0..last - 1).chain([last, last - 1]).collect())
        };
        made().unwrap_or_else(Self::from_error)
    }

    /// [`permute`](Self::permute) by axes that have been checked.
    fn permuted(&self, axes: Vec<usize>) -> Result<Self> {
        let array = self.array().map_err(|error| error.as_ref().clone())?;
        let shape: Vec<usize> = axes.iter().map(|&axis| array.shape[axis]).collect();
        let output = if in_order(&array.shape, &axes) {
            let storage = array.storage.clone();
            Self::from_array(Array { shape: shape.into(), storage, edge: None })
        } else {
            dispatch!(array.dtype(), E => Self::build::<E>(&shape, |out| {
                kernels::permute(out, array.slice::<E>(), &array.shape, &axes);
            }))
        };
        Ok(apply_one(&[self], output, || Permute { axes }))
    }
}

/// Whether the entries stay where they are: the axes longer than 1 are in their old order.
fn in_order(shape: &[usize], axes: &[usize]) -> bool {
    axes.iter().filter(|&&axis| shape[axis] != 1).is_sorted()
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Result, Tensor, TensorError};

    fn ramp(shape: &[usize]) -> Tensor {
        let len: usize = shape.iter().product();
        Tensor::from_vec((0..len).map(|i| i as f64 * 0.5 - 1.0).collect(), shape)
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let x = [ramp(&[2, 3, 4])];
        for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [-1, 0, 1], [-1, 1, -3]] {
            check_gradients(&x, |v| v[0].permute(&axes).square()).unwrap();
        }
        check_gradients(&x, |v| v[0].transpose().square()).unwrap();
        check_gradients(&[ramp(&[3, 1])], |v| v[0].permute(&[1, 0]).square()).unwrap();
        check_gradients(&[ramp(&[])], |v| v[0].permute(&[]).square()).unwrap();
    }

    #[test]
    fn entries_move_as_numpy_moves_them() -> Result<()> {
        let x = ramp(&[2, 3]);
        assert_eq!(x.transpose().to_vec::<f64>()?, [-1.0, 0.5, -0.5, 1.0, 0.0, 1.5]);
        assert!(x.transpose().permute(&[1, 0]).to_vec::<f64>()? == x.to_vec::<f64>()?);
        let single = ramp(&[2, 3, 2]).cast(DType::F32).permute(&[1, 2, 0]);
        assert_eq!(single.shape()?, [3, 2, 2]);
        let moved = [-1.0_f32, 2.0, -0.5, 2.5, 0.0, 3.0, 0.5, 3.5, 1.0, 4.0, 1.5, 4.5];
        assert_eq!(single.to_vec::<f32>()?, moved);
        assert_eq!(ramp(&[2, 0, 3]).permute(&[2, 1, 0]).shape()?, [3, 0, 2]);
        Ok(())
    }

    #[test]
    fn what_does_not_move_is_shared() -> Result<()> {
        let x = ramp(&[2, 1, 3]);
        for axes in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
            assert_eq!(x.permute(&axes).data::<f64>()?.as_ptr(), x.data::<f64>()?.as_ptr());
        }
        Ok(())
    }

    #[test]
    fn wrong_axes_are_errors() {
        let x = ramp(&[2, 3]);
        for axes in [&[0][..], &[0, 0], &[0, 2], &[0, -3], &[0, 1, 0], &[]] {
            match x.permute(axes).shape() {
                Err(TensorError::Axes {
                    op: "permute", argument: "axes", given, expected, ..
                }) => {
                    assert_eq!(given, axes);
                    assert_eq!(expected, "each of the 2 axes of the tensor once");
                }
                other => panic!("{axes:?} gave {other:?}"),
            }
        }
        assert!(matches!(ramp(&[3]).transpose().shape(), Err(TensorError::Shape { .. })));
        assert!(matches!(ramp(&[]).transpose().shape(), Err(TensorError::Shape { .. })));
        let failed = Tensor::from_vec(vec![1.0], &[2]);
        assert_eq!(failed.permute(&[0]).error(), failed.error());
    }
}
