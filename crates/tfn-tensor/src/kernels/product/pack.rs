//! The factors of a product as its tiles read them.

use std::ops::Range;

use pulp::Simd;

use super::factor::Factor;
use super::tile::WIDTH;
use crate::dtype::Element;

/// Side of the squares in which a transpose is packed.
const SQUARE: usize = 8;

/// The panels of the rows `depth` of some columns.
#[inline(always)]
pub(super) fn pack_right<S: Simd, E: Element>(
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
pub(super) fn pack_left<E: Element, const ROWS: usize>(
    packed: &mut [E],
    a: &Factor<'_, E>,
    rows: Range<usize>,
    depth: Range<usize>,
) {
    let strips = packed.chunks_exact_mut(ROWS * depth.len());
    for (first, strip) in rows.clone().step_by(ROWS).zip(strips) {
        let count = ROWS.min(rows.end - first);
        let entries = strip.as_chunks_mut::<ROWS>().0;
        for (l, entries) in depth.clone().zip(entries.iter_mut()) {
            let source = &a.data[first + l * a.column_stride..][..count];
            if let Ok(source) = <&[E; ROWS]>::try_from(source) {
                *entries = *source;
            } else {
                entries[..count].copy_from_slice(source);
                entries[count..].fill(E::zero());
            }
        }
        if a.squared {
            entries.iter_mut().for_each(|entries| square(entries));
        }
    }
}

/// The squares of rows of the left factor, row after row.
#[inline(always)]
pub(super) fn square_rows<E: Element>(
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
