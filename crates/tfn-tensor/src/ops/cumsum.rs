//! Running sums along an axis.

use std::panic::Location;

use crate::dtype::{Element, dispatch};
use crate::error::Result;
use crate::shape::{Split, axis_of};
use crate::tensor::{Tensor, Vjp, VjpContext, apply_one};

/// Each entry with all those before it.
struct Cumsum {
    split: Split,
}

impl Cumsum {
    /// The blocks whose rows of `inner` entries are summed.
    fn blocks<'o, E>(&self, out: &'o mut [E]) -> (std::slice::ChunksExactMut<'o, E>, usize) {
        let Split { len, inner, .. } = self.split;
        (out.chunks_exact_mut((len * inner).max(1)), inner)
    }

    fn forward<E: Element>(&self, out: &mut [E], x: &[E]) {
        out.copy_from_slice(x);
        let (blocks, inner) = self.blocks(out);
        for block in blocks {
            for at in inner..block.len() {
                let before = block[at - inner];
                block[at] += before;
            }
        }
    }

    /// Each entry counts in all those after it.
    fn backward<E: Element>(&self, out: &mut [E], grad: &[E]) {
        out.copy_from_slice(grad);
        let (blocks, inner) = self.blocks(out);
        for block in blocks {
            for at in (inner..block.len()).rev() {
                let after = block[at];
                block[at - inner] += after;
            }
        }
    }
}

impl Vjp for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn vjp(&self, ctx: &mut VjpContext<'_>) -> Result<()> {
        let Some(g) = ctx.grad(0).cloned() else {
            return Ok(());
        };
        let of_x = dispatch!(g.dtype()?, E => {
            let grad = g.data::<E>()?;
            Tensor::build::<E>(g.shape()?, |out| self.backward(out, grad))
        });
        ctx.add(0, of_x);
        Ok(())
    }
}

impl Tensor {
    /// The sums of each entry and those before it along an axis.
    ///
    /// Counterpart: `tf.cumsum`.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], &[2, 2]);
    /// assert_eq!(x.cumsum(-1).to_vec::<f64>()?, [1.0, 3.0, 3.0, 7.0]);
    /// assert_eq!(x.cumsum(0).to_vec::<f64>()?, [1.0, 2.0, 4.0, 6.0]);
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: isize) -> Self {
        let place = Location::caller();
        let made = || -> Result<Self> {
            let shape = self.shape()?;
            let cumsum =
                Cumsum { split: Split::new(shape, axis_of("cumsum", axis, shape.len(), place)?) };
            let output = dispatch!(self.dtype()?, E => {
                let x = self.data::<E>()?;
                Self::build::<E>(shape, |out| cumsum.forward(out, x))
            });
            Ok(apply_one(&[self], output, || cumsum))
        };
        made().unwrap_or_else(Self::from_error)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_gradients;
    use crate::{DType, Tensor, TensorError};

    #[test]
    fn values_and_gradients_along_every_axis() {
        let x = Tensor::from_vec((0..24).map(|i| f64::from(i % 7)).collect(), &[2, 3, 4]);
        let y = x.cumsum(1).to_vec::<f64>().unwrap();
        assert_eq!(y[..12], [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 3.0, 5.0, 8.0, 11.0, 7.0]);
        for axis in 0..3 {
            check_gradients(std::slice::from_ref(&x), |v| v[0].cumsum(axis).square()).unwrap();
        }
    }

    #[test]
    fn nothing_sums_to_nothing() {
        for shape in [&[0, 3][..], &[3, 0]] {
            let sums = Tensor::zeros(shape, DType::F32).cumsum(-1);
            assert_eq!(sums.shape().unwrap(), shape);
        }
        let error = Tensor::scalar(1.0).cumsum(0).shape().unwrap_err();
        assert!(matches!(error, TensorError::OutOfRange { op: "cumsum", argument: "axis", .. }));
    }
}
