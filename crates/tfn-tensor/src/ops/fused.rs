//! What elementwise functions of several tensors share: checks, and passes under broadcasting.

use std::array;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::error::{Result, TensorError};
use crate::kernels::{self, Accumulate, Block, LogSum};
use crate::memory;
use crate::shape::{broadcast_shapes, count};
use crate::storage::{LAZY, LazyData, Total};
use crate::tensor::{Array, Tensor};

/// The shape that all operands broadcast to, if they are of one type and do.
pub(super) fn common_shape(
    op: &'static str,
    operands: &[&Tensor],
    place: &'static Location<'static>,
) -> Result<Vec<usize>, Arc<TensorError>> {
    let mut shape: Vec<usize> = Vec::new();
    let mut dtype = None;
    for operand in operands {
        let array = operand.array().map_err(Arc::clone)?;
        let lhs = *dtype.get_or_insert(array.dtype());
        if lhs != array.dtype() {
            return Err(TensorError::DTypes { op, lhs, rhs: array.dtype(), place }.into());
        }
        shape = broadcast_shapes(&shape, &array.shape).ok_or_else(|| TensorError::Shapes {
            op,
            lhs: shape.clone(),
            rhs: array.shape.to_vec(),
            expected: "shapes that broadcast",
            place,
        })?;
    }
    Ok(shape)
}

/// `slope` where the gradient `g` is not 0: a derivative that does not exist harms nothing where nothing flows.
#[inline(always)]
pub(super) fn flowing<E: Element>(g: E, slope: E) -> E {
    if g == E::zero() { E::zero() } else { slope }
}

/// The untracked result of a function of the operands' entries, of the shape that they broadcast to.
///
/// A large result of operands that are of its shape, or are one number, is left lazy: what reads it
/// once, a sum or an optimizer, never sees it as a whole.
pub(super) fn pass<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Send + Sync + Copy + 'static,
) -> Result<Tensor> {
    pass_by(operands, shape, Arc::new(kernels::block(f)), None)
}

/// [`pass`] with a result that is there, for one that is read more than once.
pub(super) fn pass_now<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) -> Result<Tensor> {
    pass_now_by(operands, shape, &kernels::block(f))
}

/// [`pass`] of a function that is a sum of `a` and `sign` times the logarithm of `b`, which `split` gives: the
/// sum of all entries then takes one logarithm for many.
pub(super) fn pass_with_log<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    f: impl Fn([E; N]) -> E + Send + Sync + Copy + 'static,
    sign: f64,
    split: impl Fn([E; N]) -> (E, E, [E; 0]) + Send + Sync + Copy + 'static,
) -> Result<Tensor> {
    let block: Kept<E, N> = Arc::new(kernels::block(f));
    let whole = block.clone();
    let total: TotalOf<E, N> = Box::new(move |entries| entries.total([], sign, split, &*whole));
    pass_by(operands, shape, block, Some(total))
}

/// A [`Block`] that a lazy result keeps.
pub(super) type Kept<E, const N: usize> =
    Arc<dyn Fn(&mut [E], Accumulate, [&[E]; N]) + Send + Sync>;
/// What adds it over all entries.
type TotalOf<E, const N: usize> = Box<dyn Fn(&Entries<E, N>) -> E + Send + Sync>;

pub(super) fn pass_by<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    block: Kept<E, N>,
    total: Option<TotalOf<E, N>>,
) -> Result<Tensor> {
    if memory::checked_len(shape, E::DTYPE)? >= LAZY
        && let Some(entries) = Entries::new(&operands, shape)?
    {
        let again = entries.clone();
        let total = total.map(|total| -> Total<E> { Box::new(move || total(&again)) });
        return Ok(entries.lazy(shape, block, total));
    }
    pass_now_by(operands, shape, &*block)
}

fn pass_now_by<E: Element, const N: usize>(
    operands: [&Tensor; N],
    shape: &[usize],
    block: &Block<'_, E, N>,
) -> Result<Tensor> {
    let mut inputs: [(&[E], &[usize]); N] = [(&[], &[]); N];
    for (input, operand) in inputs.iter_mut().zip(operands) {
        *input = (operand.data::<E>()?, operand.shape()?);
    }
    Ok(Tensor::build::<E>(shape, |out| {
        kernels::broadcast_map_by(out, Accumulate::Set, inputs, shape, block);
    }))
}

/// [`Sums::add`](kernels::Sums::add) of a function.
pub(super) type AddSlopes<'a, E, const N: usize, const M: usize> =
    dyn Fn(&mut kernels::Sums<M>, [&[E]; N], &[E], [&mut [E]; M]) + Sync + 'a;

/// What is shown a tile of each operand, and the tile's place.
type LookAt<'a, E, const N: usize> = dyn FnMut(Range<usize>, [&[E]; N]) + 'a;

/// Entries that are computed at a time.
const TILE: usize = 512;

/// An operand of a function of entries: as many as the result has, or one for all.
enum Operand<E: Element> {
    Each(Tensor),
    One(E),
}

impl<E: Element> Operand<E> {
    fn new(tensor: &Tensor, shape: &[usize]) -> Result<Option<Self>> {
        if let Some(same) = tensor.array().ok().and_then(|array| array.entries::<E>().same()) {
            return Ok(Some(Self::One(same)));
        }
        Ok(match tensor.len()? {
            1 => tensor.data::<E>()?.first().map(|&value| Self::One(value)),
            _ if tensor.shape()? == shape => Some(Self::Each(tensor.detach())),
            _ => None,
        })
    }
}

/// The operands of a function of entries that need no other broadcasting than that of one number.
#[derive(Clone)]
pub(super) struct Entries<E: Element, const N: usize> {
    parts: Arc<[Operand<E>; N]>,
    len: usize,
}

impl<E: Element, const N: usize> Entries<E, N> {
    pub(super) fn new(operands: &[&Tensor; N], shape: &[usize]) -> Result<Option<Self>> {
        let mut parts = Vec::with_capacity(N);
        for operand in operands {
            let Some(part) = Operand::<E>::new(operand, shape)? else { return Ok(None) };
            parts.push(part);
        }
        let parts = <[Operand<E>; N]>::try_from(parts).ok().map(Arc::new);
        Ok(parts.map(|parts| Self { parts, len: count(shape) }))
    }

    /// A lazy result: a function of the entries.
    pub(super) fn lazy(
        self,
        shape: &[usize],
        block: Kept<E, N>,
        total: Option<Total<E>>,
    ) -> Tensor {
        let unit = self.parts.iter().map(|part| match part {
            Operand::Each(tensor) => tensor.array().map_or(1, |array| array.entries::<E>().unit()),
            Operand::One(_) => 1,
        });
        let unit = unit.max().unwrap_or(1);
        let write = move |start: usize, out: &mut [E], accumulate: Accumulate| {
            self.in_tiles(start, out.len(), &mut |range, inputs| {
                block(&mut out[range], accumulate, inputs);
            });
        };
        Tensor::from_lazy(
            shape,
            LazyData { unit, write: Box::new(write), total, same: None, rows: None },
        )
    }

    /// The sum over all entries of `a + sign · ln b`, which `split` gives beside the entries of `outputs`.
    pub(super) fn total<const M: usize>(
        &self,
        outputs: [&mut [E]; M],
        sign: f64,
        split: impl Fn([E; N]) -> (E, E, [E; M]) + Sync + Copy,
        whole: &Block<'_, E, N>,
    ) -> E {
        let outputs = Vec::from(outputs);
        let sums =
            kernels::by_blocks_into(self.len, kernels::BLOCK, outputs, &|block, mut rest| {
                let mut sum = LogSum::new();
                self.in_tiles(block.start, block.len(), &mut |range, inputs| {
                    sum.add(inputs, next_tile(&mut rest, range.len()), split, whole);
                });
                [sum.total(sign)]
            });
        E::from_f64(sums.iter().flatten().sum())
    }

    /// What `f` makes of the entries and a gradient: each result for itself where `each` says so, its sum elsewhere.
    pub(super) fn slopes<const M: usize>(
        &self,
        gradient: &[E],
        each: [bool; M],
        f: impl Fn([E; N], E) -> [E; M] + Sync + Copy,
    ) -> ([Option<Buffer<E>>; M], [f64; M]) {
        self.slopes_by(gradient, each, &|sums, inputs, gradient, outputs| {
            sums.add(inputs, gradient, outputs, f);
        })
    }

    /// [`slopes`](Self::slopes) of a function in its compiled form.
    pub(super) fn slopes_by<const M: usize>(
        &self,
        gradient: &[E],
        each: [bool; M],
        add: &AddSlopes<'_, E, N, M>,
    ) -> ([Option<Buffer<E>>; M], [f64; M]) {
        let mut made = each.map(|each| each.then(|| Buffer::build(self.len, |_| ())));
        let outputs =
            made.iter_mut().map(|made| made.as_mut().map_or(&mut [][..], Buffer::as_mut_slice));
        let sums = kernels::by_blocks_into(
            self.len,
            kernels::BLOCK,
            outputs.collect(),
            &|block, mut rest| {
                let mut sums = kernels::Sums::new();
                self.in_tiles(block.start, block.len(), &mut |range, inputs| {
                    let start = block.start + range.start;
                    let gradient = &gradient[start..start + range.len()];
                    add(&mut sums, inputs, gradient, next_tile(&mut rest, range.len()));
                });
                sums.total()
            },
        );
        (made, array::from_fn(|i| sums.iter().map(|sum| sum[i]).sum()))
    }

    /// Shows the operands' entries from `start` on, tile by tile, with the tile's place in the block.
    fn in_tiles(&self, start: usize, len: usize, look: &mut LookAt<'_, E, N>) {
        // What has to be computed itself is, for the whole block; a number for all is repeated for a tile.
        let parts = &*self.parts;
        let computed: [Option<Buffer<E>>; N] = array::from_fn(|j| match &parts[j] {
            Operand::Each(tensor) => tensor
                .array()
                .ok()
                .map(Array::entries::<E>)
                .filter(|d| d.is_lazy())
                .map(|data| Buffer::scratch(len, |out| data.write(start, out, Accumulate::Set))),
            Operand::One(_) => None,
        });
        let repeated: [Option<Buffer<E>>; N] = array::from_fn(|j| match parts[j] {
            Operand::One(value) => Some(Buffer::build(TILE, |out| out.fill(value))),
            Operand::Each(_) => None,
        });
        let whole: [Option<&[E]>; N] = array::from_fn(|j| match (&parts[j], &computed[j]) {
            (Operand::One(_), _) => None,
            (Operand::Each(_), Some(buffer)) => Some(&buffer.as_slice()[..len]),
            (Operand::Each(tensor), None) => {
                tensor.array().ok().map(|array| &array.slice::<E>()[start..start + len])
            }
        });
        for first in (0..len).step_by(TILE) {
            let range = first..len.min(first + TILE);
            let inputs = array::from_fn(|j| match (whole[j], &repeated[j]) {
                (Some(entries), _) => &entries[range.clone()],
                (None, Some(repeated)) => &repeated.as_slice()[..range.len()],
                (None, None) => &[],
            });
            look(range, inputs);
        }
    }
}

/// The next `len` entries of each of `M` outputs.
fn next_tile<'a, E, const M: usize>(rest: &mut [&'a mut [E]], len: usize) -> [&'a mut [E]; M] {
    let mut rest = rest.iter_mut();
    array::from_fn(|_| rest.next().map_or(&mut [][..], |rest| kernels::split_off(rest, len)))
}
