//! What elementwise functions of several tensors share: checks, and passes under broadcasting.

use std::panic::Location;
use std::sync::Arc;

use crate::dtype::Element;
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::broadcast_shapes;
use crate::tensor::Tensor;

/// The shape that all operands broadcast to, if they are of one type and do.
pub(super) fn common_shape<const N: usize>(
    op: &'static str,
    operands: [&Tensor; N],
    place: &'static Location<'static>,
) -> Result<Vec<usize>, Arc<TensorError>> {
    let mut shape: Vec<usize> = Vec::new();
    let mut dtype = None;
    for operand in operands {
        let live = operand.live().map_err(Arc::clone)?;
        let lhs = *dtype.get_or_insert(live.dtype());
        if lhs != live.dtype() {
            return Err(TensorError::DTypes { op, lhs, rhs: live.dtype(), place }.into());
        }
        shape = broadcast_shapes(&shape, &live.shape).ok_or_else(|| TensorError::Shapes {
            op,
            lhs: shape.clone(),
            rhs: live.shape.to_vec(),
            expected: "shapes that broadcast",
            place,
        })?;
    }
    Ok(shape)
}

/// The untracked tensor of `f` of the operands' entries, in one pass.
pub(super) fn pass<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) -> Result<Tensor> {
    let mut inputs: [(&[E], &[usize]); N] = [(&[], &[]); N];
    for (input, operand) in inputs.iter_mut().zip(operands) {
        *input = (operand.data::<E>()?, operand.shape()?);
    }
    Ok(Tensor::build::<E>(shape, |out| {
        kernels::broadcast_map(out, Accumulate::Set, inputs, shape, f);
    }))
}
