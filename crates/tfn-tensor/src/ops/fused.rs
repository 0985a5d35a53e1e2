//! What elementwise functions of several tensors share: checks, and passes under broadcasting.

use std::array;
use std::panic::Location;
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate};
use crate::shape::{broadcast_shapes, count};
use crate::storage::LAZY;
use crate::tensor::{Live, Tensor};

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

/// The untracked result of a function of the operands' entries, of the shape that they broadcast to.
///
/// A large result of operands that are of its shape, or are one number, is left as a recipe: what reads it
/// once, a sum or an optimizer, never sees it as a whole.
pub(super) fn pass<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Send + Sync + Copy + 'static,
) -> Result<Tensor> {
    if count(shape) >= LAZY
        && let Some(recipe) = by_entries(&operands, shape, f)?
    {
        return Ok(recipe);
    }
    pass_now(operands, shape, f)
}

/// [`pass`] with a result that is there, for one that is read more than once.
pub(super) fn pass_now<E: Element, const N: usize>(
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

/// Entries that are computed at a time.
const TILE: usize = 1024;

/// An operand of a function of entries: as many as the result has, or one for all.
enum Operand<E: Element> {
    Each(Tensor),
    One(E),
}

impl<E: Element> Operand<E> {
    fn new(tensor: &Tensor, shape: &[usize]) -> Result<Option<Self>> {
        Ok(match tensor.len()? {
            1 => tensor.data::<E>()?.first().map(|&value| Self::One(value)),
            _ if tensor.shape()? == shape => Some(Self::Each(tensor.detach())),
            _ => None,
        })
    }
}

/// The recipe of a function of entries, if the operands need no other broadcasting than that of one number.
fn by_entries<E: Element, const N: usize>(
    operands: &[&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Send + Sync + Copy + 'static,
) -> Result<Option<Tensor>> {
    let mut parts = Vec::with_capacity(N);
    for operand in operands {
        let Some(part) = Operand::<E>::new(operand, shape)? else { return Ok(None) };
        parts.push(part);
    }
    let Ok(parts) = <[Operand<E>; N]>::try_from(parts) else { return Ok(None) };
    let unit = parts.iter().map(|part| match part {
        Operand::Each(tensor) => tensor.live().map_or(1, |live| live.entries::<E>().unit()),
        Operand::One(_) => 1,
    });
    let unit = unit.max().unwrap_or(1);
    Ok(Some(Tensor::lazy::<E>(shape, unit, move |start, out, accumulate| {
        write_entries(&parts, start, out, accumulate, f);
    })))
}

fn write_entries<E: Element, const N: usize>(
    parts: &[Operand<E>; N],
    start: usize,
    out: &mut [E],
    accumulate: Accumulate,
    f: impl Fn([E; N]) -> E + Copy,
) {
    // What has to be computed itself is, for the whole block; a number for all is repeated for a tile.
    let len = out.len();
    let computed: [Option<Buffer<E>>; N] = array::from_fn(|j| match &parts[j] {
        Operand::Each(tensor) => tensor
            .live()
            .ok()
            .map(Live::entries::<E>)
            .filter(|d| d.is_lazy())
            .map(|data| Buffer::scratch(len, |out| data.write(start, out, Accumulate::Set))),
        Operand::One(_) => None,
    });
    let repeated: [[E; TILE]; N] = array::from_fn(|j| match parts[j] {
        Operand::One(value) => [value; TILE],
        Operand::Each(_) => [E::zero(); TILE],
    });
    let whole: [Option<&[E]>; N] = array::from_fn(|j| match (&parts[j], &computed[j]) {
        (Operand::One(_), _) => None,
        (Operand::Each(_), Some(buffer)) => Some(&buffer.as_slice()[..len]),
        (Operand::Each(tensor), None) => {
            tensor.live().ok().map(|live| &live.slice::<E>()[start..start + len])
        }
    });
    for (tile, out) in out.chunks_mut(TILE).enumerate() {
        let range = tile * TILE..tile * TILE + out.len();
        let inputs = array::from_fn(|j| match whole[j] {
            Some(entries) => &entries[range.clone()],
            None => &repeated[j][..range.len()],
        });
        kernels::map_block(out, accumulate, inputs, f);
    }
}
