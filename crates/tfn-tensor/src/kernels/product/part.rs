//! One rectangle of the output, on one thread: blocks of both factors, packed, and the tiles that they give.

use std::ops::Range;

use super::factor::{Factor, Product};
use super::kernel::{Kernel, with_kernel};
use super::output::{Output, Part};
use super::tile::{Left, Panel};
use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::kernels::Accumulate;

/// Size of a block of the inner dimension at most: a panel of the right factor stays in the first cache.
const INNER: usize = 256;
/// The same where the transpose is computed, whose tiles are dearer to write.
const INNER_FLIPPED: usize = 640;
/// Rows of a block of the left factor at most: packed, it stays in the second cache.
const BLOCK_ROWS: usize = 144;
/// Bytes of a page of memory.
const PAGE: usize = 4096;

pub(super) fn run<E: Element>(
    product: &Product<'_, E>,
    out: Output<'_, E>,
    part: &Part,
    accumulate: Accumulate,
) {
    with_kernel(&|kernel| run_with(kernel, product, out, part, accumulate));
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

/// The part, by the steps of one instruction set.
pub(super) fn run_with<E: Element>(
    kernel: &dyn Kernel<E>,
    product: &Product<'_, E>,
    out: Output<'_, E>,
    part: &Part,
    accumulate: Accumulate,
) {
    let Oriented { a, b, rows: all_rows, columns: all_columns, flipped } =
        Oriented::new(product, part);
    let (tile_rows, width) = kernel.tile_size();
    let k = a.columns;
    let inner = k.div_ceil(k.div_ceil(if flipped { INNER_FLIPPED } else { INNER }));
    let height = all_rows.len();
    let block_rows = height.div_ceil(height.div_ceil(BLOCK_ROWS)).next_multiple_of(tile_rows);
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
            kernel.pack_right(right, panel_size, &b, depth.clone(), all_columns.clone());
        }
        for block in 0..blocks {
            let first = all_rows.start + block * block_rows;
            let rows = first..all_rows.end.min(first + block_rows);
            if packs_left {
                kernel.pack_left(left, &a, rows.clone(), depth.clone());
            } else if a.squared {
                kernel.square_rows(left, &a, rows.clone(), depth.clone());
            }
            for index in 0..panels {
                let columns = columns_of(index);
                let packed = if keeps {
                    &right[index * panel_size..][..depth.len() * width]
                } else {
                    let columns = columns.clone();
                    kernel.pack_right(right, panel_size, &b, depth.clone(), columns);
                    &right[..depth.len() * width]
                };
                let panel = Panel { out, columns, flipped, weight: product.weight, accumulate };
                let left = if packs_left {
                    Left::Packed(left)
                } else if a.squared {
                    Left::Rows { data: left, stride: depth.len() }
                } else {
                    let data = &a.data[rows.start * a.row_stride + depth.start..];
                    Left::Rows { data, stride: a.row_stride }
                };
                kernel.tiles(&panel, rows.clone(), depth.len(), left, packed);
            }
        }
    }
}
