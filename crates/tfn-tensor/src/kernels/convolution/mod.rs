//! Convolutions: products with patches of images.
//!
//! The patches at some positions are written into a block that stays in the second cache, and multiplied there; a
//! matrix of all patches is never made. The squares that a variance needs are taken of the same block.
//!
//! | file | what it holds |
//! |---|---|
//! | [`geometry`] | where the entries of a patch lie |
//! | [`patches`] | patches as rows of a block, and back |
//! | `mod.rs` | the three products of a convolution: forward, its adjoint, and that for the kernel |
//!
//! Blocks, and the parts in which a kernel's gradient is summed, depend on sizes alone: results have the same bits for
//! any number of threads.
//!
//! Reference: Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document processing".

mod geometry;
mod patches;

use std::ops::Range;

pub(crate) use geometry::Geometry;
pub(super) use geometry::{Line, LineShape};

use super::parallel::{BLOCK, in_blocks, in_tasks, split_off};
use super::product::{Factor, Product, count_product};
use super::{Accumulate, permute};
use crate::buffer::Buffer;
use crate::dtype::Element;

/// Entries of a block of patches, about.
const PATCHES: usize = 1 << 15;
/// Rows of a block: so many that packing the kernel for them does not count, and so few that threads share the work.
const FEWEST: usize = 32;
const MOST: usize = 512;
/// Multiplications that are worth a part of a kernel's gradient.
const PART: usize = 1 << 20;
/// Parts of a kernel's gradient at most.
const PARTS: usize = 8;

/// Numbers, or their squares.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a, E> {
    data: &'a [E],
    squared: bool,
}

impl<'a, E> Operand<'a, E> {
    pub(crate) fn new(data: &'a [E]) -> Self {
        Self { data, squared: false }
    }

    /// The square of each number, taken on the way.
    pub(crate) fn squared(self) -> Self {
        Self { squared: true, ..self }
    }
}

/// Which patches a block holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held<E> {
    image: *const E,
    squared: bool,
}

/// A block of patches, filled only if it does not hold what is wanted.
struct Patches<E: Element> {
    buffer: Buffer<E>,
    held: Option<Held<E>>,
}

impl<E: Element> Patches<E> {
    fn new(geometry: &Geometry) -> Self {
        let len = geometry.block_rows() * geometry.depth();
        Self { buffer: Buffer::stale_at_least(len), held: None }
    }

    /// The patches of a group at some rows; of images that were asked for just before, without reading them again.
    fn of(
        &mut self,
        geometry: &Geometry,
        x: Operand<'_, E>,
        group: usize,
        rows: Range<usize>,
    ) -> &[E] {
        let len = rows.len() * geometry.depth();
        let wanted = Held { image: x.data.as_ptr(), squared: x.squared };
        if self.held != Some(wanted) {
            let unsquared = Held { squared: false, ..wanted };
            if self.held != Some(unsquared) {
                patches::gather(geometry, x.data, group, rows, self.buffer.as_mut_slice());
            }
            if x.squared {
                self.buffer.as_mut_slice()[..len].iter_mut().for_each(|entry| *entry *= *entry);
            }
            self.held = Some(wanted);
        }
        &self.buffer.as_slice()[..len]
    }

    /// Forgets what it holds: other rows or another group come.
    fn forget(&mut self) {
        self.held = None;
    }
}

/// The blocks of some rows.
fn blocks(rows: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(size.max(1)).map(move |start| start..end.min(start + size))
}

impl Geometry {
    /// Rows of a block of patches.
    pub(crate) fn block_rows(&self) -> usize {
        (PATCHES / self.depth().max(1)).clamp(FEWEST, MOST).min(self.rows().max(1))
    }

    /// Multiplications of one product.
    fn work(&self) -> usize {
        let each = self.depth().saturating_mul(self.columns() / self.groups().max(1));
        self.rows().saturating_mul(each).saturating_mul(self.groups())
    }

    /// The part of a kernel `[depth, columns]` that a group has.
    fn kernel_of<'a, E>(&self, kernel: Operand<'a, E>, group: usize) -> Factor<'a, E> {
        let columns = self.columns_of(group);
        let factor = Factor::new(kernel.data, self.depth(), self.columns()).columns(columns);
        if kernel.squared { factor.squared() } else { factor }
    }

    /// Some rows of a result `[rows, columns]`, of which a group has some columns.
    fn rows_of<'a, E>(&self, y: &'a [E], rows: Range<usize>, group: usize) -> Factor<'a, E> {
        let columns = self.columns();
        let of = &y[rows.start * columns..rows.end * columns];
        Factor::new(of, rows.len(), columns).columns(self.columns_of(group))
    }

    /// `out` ← or += the convolution of each pair of images and kernel, `[rows, columns]`.
    pub(crate) fn convolve<E: Element, const N: usize>(
        &self,
        pairs: [(Operand<'_, E>, Operand<'_, E>); N],
        outs: [&mut [E]; N],
        accumulate: Accumulate,
    ) {
        pairs.iter().for_each(|_| count_product());
        if self.columns() == 0 {
            return;
        }
        let mut rest = outs;
        let tasks: Vec<_> = blocks(0..self.rows(), self.block_rows())
            .map(|rows| {
                let len = rows.len() * self.columns();
                (rows, rest.each_mut().map(|out| split_off(out, len)))
            })
            .collect();
        in_tasks(self.work(), tasks, &|(rows, outs): (Range<usize>, [&mut [E]; N])| {
            let mut patches = Patches::new(self);
            let mut outs = outs;
            for group in 0..self.groups() {
                patches.forget();
                for ((x, kernel), out) in pairs.iter().zip(&mut outs) {
                    let block = patches.of(self, *x, group, rows.clone());
                    let a = Factor::new(block, rows.len(), self.depth());
                    let product = Product { a, b: self.kernel_of(*kernel, group), weight: None };
                    product.write_columns(out, self.columns_of(group), self.columns(), accumulate);
                }
            }
        });
    }

    /// `out` ← or += the sum of the adjoints of convolutions, `[batch, ..image, channels]`: results `[rows, columns]`
    /// brought back to the images by kernels, each with a weight `w` if it is to be `2w∘` that.
    pub(crate) fn adjoint<E: Element, const N: usize>(
        &self,
        terms: [Adjoint<'_, E>; N],
        out: &mut [E],
        accumulate: Accumulate,
    ) {
        terms.iter().for_each(|_| count_product());
        if out.is_empty() {
            return;
        }
        let kernels = terms.each_ref().map(|term| self.transposed(term.kernel));
        let (positions, image) = (self.positions_of_one(), self.image_of_one());
        let size = self.block_rows();
        // Whole examples, so that no two tasks add to the same entry.
        let each = (size / positions.max(1)).clamp(1, self.batch.max(1));
        let mut rest = out;
        let tasks: Vec<_> = blocks(0..self.batch, each)
            .map(|examples| (examples.start, split_off(&mut rest, examples.len() * image)))
            .collect();
        in_tasks(self.work(), tasks, &|(first, out): (usize, &mut [E])| {
            if accumulate == Accumulate::Set {
                out.fill(E::zero());
            }
            let mut scratch = Buffer::<E>::stale_at_least(size * self.depth());
            let count = out.len() / image * positions;
            for rows in blocks(0..count, size) {
                let of_all = first * positions + rows.start..first * positions + rows.end;
                let patches = &mut scratch.as_mut_slice()[..rows.len() * self.depth()];
                for group in 0..self.groups() {
                    for (term, kernel) in terms.iter().zip(&kernels) {
                        let a = self.rows_of(term.y.data, of_all.clone(), group);
                        let a = if term.y.squared { a.squared() } else { a };
                        let columns = self.columns_of(group);
                        let len = columns.len();
                        let kernel = &kernel.as_slice()[columns.start * self.depth()..];
                        let b = Factor::new(&kernel[..len * self.depth()], len, self.depth());
                        let product = Product { a, b, weight: None };
                        product.write_columns(
                            patches,
                            0..self.depth(),
                            self.depth(),
                            Accumulate::Set,
                        );
                        let weight = term.weight.map(|weight| &weight[first * image..]);
                        patches::scatter(self, patches, group, rows.clone(), weight, out);
                    }
                }
            }
        });
    }

    /// The kernel as `[columns, depth]`.
    fn transposed<E: Element>(&self, kernel: Operand<'_, E>) -> Buffer<E> {
        let (depth, columns) = (self.depth(), self.columns());
        let mut out = Buffer::<E>::stale_at_least(depth * columns);
        let entries = &mut out.as_mut_slice()[..depth * columns];
        permute(entries, kernel.data, &[depth, columns], &[1, 0]);
        if kernel.squared {
            entries.iter_mut().for_each(|entry| *entry *= *entry);
        }
        out
    }

    /// `out` ← or += for each of several pairs of images and results `[rows, columns]` the gradient of the kernel,
    /// `[depth, columns]`; with a weight `w`, `2w∘` that.
    pub(crate) fn kernel_gradients<E: Element, const N: usize>(
        &self,
        pairs: [(Operand<'_, E>, Operand<'_, E>); N],
        outs: [KernelGradient<'_, E>; N],
    ) {
        pairs.iter().for_each(|_| count_product());
        let (depth, columns) = (self.depth(), self.columns());
        let len = depth * columns;
        let size = self.block_rows();
        let count = (self.work() / PART).clamp(1, PARTS);
        let each = self.rows().div_ceil(count).next_multiple_of(size).max(1);
        let parts: Vec<Range<usize>> = blocks(0..self.rows(), each).collect();
        let mut sums = Buffer::<E>::stale_at_least(parts.len().max(1) * N * len);
        let mut rest = sums.as_mut_slice();
        let tasks: Vec<_> =
            parts.iter().map(|rows| (rows.clone(), split_off(&mut rest, N * len))).collect();
        let of_part = |(rows, sums): (Range<usize>, &mut [E])| {
            let mut patches = Patches::new(self);
            let mut accumulate = Accumulate::Set;
            for rows in blocks(rows, size) {
                for group in 0..self.groups() {
                    patches.forget();
                    for ((x, y), sums) in pairs.iter().zip(sums.chunks_mut(len.max(1))) {
                        let block = patches.of(self, *x, group, rows.clone());
                        let a = Factor::new(block, rows.len(), depth).transposed();
                        let b = self.rows_of(y.data, rows.clone(), group);
                        let b = if y.squared { b.squared() } else { b };
                        let product = Product { a, b, weight: None };
                        product.write_columns(sums, self.columns_of(group), columns, accumulate);
                    }
                }
                accumulate = Accumulate::Add;
            }
        };
        in_tasks(self.work(), tasks, &of_part);
        let sums = &sums.as_slice()[..parts.len() * N * len];
        for (index, KernelGradient { out, accumulate, weight }) in outs.into_iter().enumerate() {
            let part = |part: usize| &sums[(part * N + index) * len..][..len];
            in_blocks(out, BLOCK, &|start, out| {
                if accumulate == Accumulate::Set {
                    out.fill(E::zero());
                }
                for (i, out) in out.iter_mut().enumerate() {
                    let at = start + i;
                    let sum = (0..parts.len()).fold(E::zero(), |sum, p| sum + part(p)[at]);
                    *out += weight.map_or(sum, |weight| (weight[at] + weight[at]) * sum);
                }
            });
        }
    }
}

/// One term of an adjoint.
#[derive(Clone, Copy)]
pub(crate) struct Adjoint<'a, E> {
    pub(crate) y: Operand<'a, E>,
    pub(crate) kernel: Operand<'a, E>,
    pub(crate) weight: Option<&'a [E]>,
}

/// Where the gradient of a kernel goes, and the weight that it gets.
pub(crate) struct KernelGradient<'a, E> {
    pub(crate) out: &'a mut [E],
    pub(crate) accumulate: Accumulate,
    pub(crate) weight: Option<&'a [E]>,
}
