//! One rectangle of the output, on one thread.

// Tasks write to rectangles of one output, whose rows lie apart in memory: no safe slice holds one.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::tile::{Left, Tile, WIDTH};
use super::{Factor, Product};
use crate::Element;
use crate::buffer::Buffer;
use crate::kernels::Accumulate;
use crate::kernels::arch::arch;

/// Size of a block of the inner dimension at most: a panel of the right factor stays in the first cache.
const INNER: usize = 256;
/// The same where the transpose is computed, whose tiles are dearer to write.
const INNER_FLIPPED: usize = 640;
/// Rows of a block of the left factor at most: packed, it stays in the second cache.
const BLOCK_ROWS: usize = 144;

/// Bytes of a page of memory.
const PAGE: usize = 4096;
/// Side of the squares in which a transpose is packed.
const SQUARE: usize = 8;

/// A rectangle of the output.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// The output, shared by tasks that write to different rectangles of it.
#[derive(Clone, Copy)]
pub(super) struct Output<'a, E> {
    start: *mut E,
    /// The rows that are there, and the length of a row.
    first: usize,
    rows: usize,
    columns: usize,
    borrow: PhantomData<&'a mut [E]>,
}

// SAFETY: it hands out rows of rectangles, and no two tasks are given overlapping ones.
unsafe impl<E: Send> Send for Output<'_, E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Output<'_, E> {}

impl<'a, E> Output<'a, E> {
    pub(super) fn new(out: &'a mut [E], columns: usize) -> Self {
        Self::of_rows(out, columns, 0)
    }

    /// The rows from `first` on of an output.
    pub(super) fn of_rows(out: &'a mut [E], columns: usize, first: usize) -> Self {
        let (start, rows) = (out.as_mut_ptr(), out.len() / columns.max(1));
        Self { start, first, rows, columns, borrow: PhantomData }
    }

    /// Length of a row.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Some columns of a row, of a rectangle that the caller's task alone writes to.
    #[inline(always)]
    pub(super) fn row(&self, row: usize, columns: Range<usize>) -> &'a mut [E] {
        let row = row - self.first;
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.columns);
        // SAFETY: the entries lie inside of the output by the assertion; rectangles of tasks that run at the
        // same time do not overlap (`Product::write`), and a task uses one row at a time.
        unsafe {
            let start = self.start.add(row * self.columns + columns.start);
            std::slice::from_raw_parts_mut(start, columns.len())
        }
    }
}

pub(super) fn run<E: Element>(
    product: &Product<'_, E>,
    out: Output<'_, E>,
    part: &Part,
    accumulate: Accumulate,
) {
    arch().dispatch(Run { product, out, part, accumulate });
}

struct Run<'a, 'b, E> {
    product: &'a Product<'b, E>,
    out: Output<'a, E>,
    part: &'a Part,
    accumulate: Accumulate,
}

impl<E: Element> WithSimd for Run<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        run_with(simd, self.product, self.out, self.part, self.accumulate);
    }
}

/// The part with one instruction set.
#[inline(always)]
pub(super) fn run_with<S: Simd, E: Element>(
    simd: S,
    product: &Product<'_, E>,
    out: Output<'_, E>,
    part: &Part,
    accumulate: Accumulate,
) {
    let run = Run { product, out, part, accumulate };
    // Rows of a tile: so many that the accumulators hide the latency of an addition, so few that the
    // addresses of the left rows stay in registers.
    match S::F32_LANES {
        8 => run.blocks::<S, 6>(simd),
        1 => run.blocks::<S, 4>(simd),
        _ => run.blocks::<S, 8>(simd),
    }
}

/// What one part needs to know of a product whose right factor has rows that lie in one piece, or whose
/// transpose, which is computed instead, has.
struct Oriented<'a, E> {
    a: Factor<'a, E>,
    b: Factor<'a, E>,
    rows: Range<usize>,
    columns: Range<usize>,
    flipped: bool,
}

impl<'a, E: Element> Oriented<'a, E> {
    fn new(product: &Product<'a, E>, part: &Part) -> Self {
        let Part { rows, columns } = part.clone();
        let Product { a, b, .. } = *product;
        if product.is_flipped() {
            let (a, b) = (b.transposed(), a.transposed());
            Self { a, b, rows: columns, columns: rows, flipped: true }
        } else {
            Self { a, b, rows, columns, flipped: false }
        }
    }
}

impl<E: Element> Run<'_, '_, E> {
    #[inline(always)]
    fn blocks<S: Simd, const ROWS: usize>(self, simd: S) {
        let Self { product, out, part, accumulate } = self;
        let Oriented { a, b, rows: all_rows, columns: all_columns, flipped } =
            Oriented::new(product, part);
        let width = WIDTH * E::lanes::<S>();
        let k = a.columns;
        let inner = k.div_ceil(k.div_ceil(if flipped { INNER_FLIPPED } else { INNER }));
        let height = all_rows.len();
        let block_rows = height.div_ceil(height.div_ceil(BLOCK_ROWS)).next_multiple_of(ROWS);
        let blocks = height.div_ceil(block_rows);
        let panels = all_columns.len().div_ceil(width);
        let packs_left = a.column_stride != 1;
        // A row of the panels is a line further on than in the one before: their rows are written side by side,
        // and lines a power of two apart would drive each other out of the first cache.
        let panel_size = (inner + 1) * width;
        // A panel is used up as soon as it is packed, unless there are more blocks of rows that use it, or each row
        // of the factor lies on a page of its own: then all panels are packed on one visit to each page.
        let keeps = blocks > 1 || b.row_stride * size_of::<E>() >= PAGE;
        let right_size = panel_size * if keeps { panels } else { 1 };
        let left_size = if packs_left || a.squared { block_rows * inner } else { 0 };
        let mut scratch = Buffer::<E>::stale_at_least(right_size + left_size);
        let (right, left) = scratch.as_mut_slice().split_at_mut(right_size);
        for start in (0..k).step_by(inner) {
            let depth = start..k.min(start + inner);
            let accumulate = if start == 0 { accumulate } else { Accumulate::Add };
            let columns_of = |panel: usize| {
                let first = all_columns.start + panel * width;
                first..all_columns.end.min(first + width)
            };
            if keeps {
                pack_right(simd, right, panel_size, &b, depth.clone(), all_columns.clone());
            }
            for block in 0..blocks {
                let first = all_rows.start + block * block_rows;
                let rows = first..all_rows.end.min(first + block_rows);
                if packs_left {
                    pack_left::<E, ROWS>(left, &a, rows.clone(), depth.clone());
                } else if a.squared {
                    square_rows(left, &a, rows.clone(), depth.clone());
                }
                for panel in 0..panels {
                    let columns = columns_of(panel);
                    let packed = if keeps {
                        &right[panel * panel_size..][..depth.len() * width]
                    } else {
                        let columns = columns.clone();
                        pack_right(simd, right, panel_size, &b, depth.clone(), columns);
                        &right[..depth.len() * width]
                    };
                    let tile = Tile { out, columns, flipped, weight: product.weight, accumulate };
                    for first in rows.clone().step_by(ROWS) {
                        let count = ROWS.min(rows.end - first);
                        let left = if packs_left {
                            let offset = (first - rows.start) * depth.len();
                            Left::Packed(&left[offset..][..ROWS * depth.len()])
                        } else if a.squared {
                            let stride = depth.len();
                            Left::Rows { data: &left[(first - rows.start) * stride..], stride }
                        } else {
                            let data = &a.data[first * a.row_stride + depth.start..];
                            Left::Rows { data, stride: a.row_stride }
                        };
                        tile.compute::<S, ROWS>(simd, (first, count), depth.len(), left, packed);
                    }
                }
            }
        }
    }
}

/// The panels of the rows `depth` of some columns.
#[inline(always)]
fn pack_right<S: Simd, E: Element>(
    simd: S,
    panels: &mut [E],
    panel_size: usize,
    b: &Factor<'_, E>,
    depth: Range<usize>,
    columns: Range<usize>,
) {
    if b.column_stride == 1 {
        return pack_rows(simd, panels, panel_size, b, depth, columns);
    }
    let width = WIDTH * E::lanes::<S>();
    let starts = columns.clone().step_by(width);
    for (first, packed) in starts.zip(panels.chunks_exact_mut(panel_size)) {
        pack_columns(packed, width, b, depth.clone(), first..columns.end.min(first + width));
    }
}

/// Panels of a factor whose rows lie in one piece: a single one row by row, several row after row of the factor, so that
/// memory is read as it lies.
#[inline(always)]
fn pack_rows<S: Simd, E: Element>(
    simd: S,
    panels: &mut [E],
    panel_size: usize,
    b: &Factor<'_, E>,
    depth: Range<usize>,
    columns: Range<usize>,
) {
    let width = WIDTH * E::lanes::<S>();
    if columns.len() <= width {
        for (row, target) in depth.zip(panels.chunks_exact_mut(width)) {
            let source = &b.data[row * b.row_stride + columns.start..];
            pack_row(simd, target, source, b.squared);
        }
        return;
    }
    for (l, row) in depth.enumerate() {
        let starts = columns.clone().step_by(width);
        for (first, panel) in starts.zip(panels.chunks_exact_mut(panel_size)) {
            let source = &b.data[row * b.row_stride + first..];
            pack_row(simd, &mut panel[l * width..][..width], source, b.squared);
        }
    }
}

/// A row of a panel. Columns beyond the panel's are whatever follows in memory; their sums are thrown away.
#[inline(always)]
fn pack_row<S: Simd, E: Element>(simd: S, target: &mut [E], source: &[E], squared: bool) {
    if let Some(source) = source.get(..target.len()) {
        // Vector by vector: a call to copy so few numbers would take longer than the copy.
        let vectors = E::vectors(simd, source).as_chunks::<WIDTH>().0;
        let target = E::vectors_mut(simd, target).as_chunks_mut::<WIDTH>().0;
        for (target, &[x, y]) in target.iter_mut().zip(vectors) {
            *target = match squared {
                true => [E::product(simd, x, x), E::product(simd, y, y)],
                false => [x, y],
            };
        }
    } else {
        for (entry, &x) in target.iter_mut().zip(source) {
            *entry = if squared { x * x } else { x };
        }
        target[source.len()..].fill(E::zero());
    }
}

/// One panel, of a factor whose columns lie in one piece: in squares of 8 by 8, so that each line of memory is used
/// up on both sides.
#[inline(always)]
fn pack_columns<E: Element>(
    packed: &mut [E],
    width: usize,
    b: &Factor<'_, E>,
    depth: Range<usize>,
    columns: Range<usize>,
) {
    let len = depth.len();
    let packed = &mut packed[..len * width];
    let first = columns.start * b.column_stride;
    for j in (0..width).step_by(SQUARE) {
        let mut l = 0;
        while l < len {
            let high = SQUARE.min(len - l);
            let mut square = [[E::zero(); SQUARE]; SQUARE];
            for (i, square) in square.iter_mut().enumerate().take(columns.len().saturating_sub(j)) {
                let at = first + (j + i) * b.column_stride + depth.start + l;
                let source = &b.data[at..][..high];
                match <&[E; SQUARE]>::try_from(source) {
                    Ok(source) => *square = *source,
                    Err(_) => square[..high].copy_from_slice(source),
                }
            }
            for i in 0..high {
                let row = &mut packed[(l + i) * width + j..];
                let row = &mut row[..SQUARE.min(width - j)];
                for (j, x) in row.iter_mut().enumerate() {
                    *x = square[j][i];
                }
            }
            l += SQUARE;
        }
    }
    if b.squared {
        packed.iter_mut().for_each(|x| *x = *x * *x);
    }
}

#[inline(always)]
fn square<E: Element, const N: usize>(row: &mut [E; N]) {
    for x in row {
        *x = *x * *x;
    }
}

/// Rows of the left factor, a tile's at a time, interleaved: entry `l` of all of them, then entry `l + 1`.
#[inline(always)]
fn pack_left<E: Element, const ROWS: usize>(
    packed: &mut [E],
    a: &Factor<'_, E>,
    rows: Range<usize>,
    depth: Range<usize>,
) {
    let strips = packed.chunks_exact_mut(ROWS * depth.len());
    for (first, strip) in rows.clone().step_by(ROWS).zip(strips) {
        let count = ROWS.min(rows.end - first);
        let entries = strip.as_chunks_mut::<ROWS>().0;
        {
            for (l, entries) in depth.clone().zip(entries.iter_mut()) {
                let source = &a.data[first + l * a.column_stride..][..count];
                if let Ok(source) = <&[E; ROWS]>::try_from(source) {
                    *entries = *source;
                } else {
                    entries[..count].copy_from_slice(source);
                    entries[count..].fill(E::zero());
                }
            }
        }
        if a.squared {
            entries.iter_mut().for_each(|entries| square(entries));
        }
    }
}

/// The squares of rows of the left factor, row after row.
#[inline(always)]
fn square_rows<E: Element>(
    squares: &mut [E],
    a: &Factor<'_, E>,
    rows: Range<usize>,
    depth: Range<usize>,
) {
    for (row, squares) in rows.zip(squares.chunks_exact_mut(depth.len())) {
        let source = &a.data[row * a.row_stride + depth.start..][..depth.len()];
        for (square, &x) in squares.iter_mut().zip(source) {
            *square = x * x;
        }
    }
}
