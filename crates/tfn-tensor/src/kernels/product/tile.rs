//! The tiles of one panel: each a piece of the output that is kept in registers.

use std::array;
use std::ops::Range;

use pulp::Simd;

use super::output::Output;
use crate::dtype::Element;
use crate::kernels::Accumulate;
use crate::lanes::Lanes;

/// Runs a body for each row of a tile with the number of the row as a constant. A loop would do if it were sure to
/// be unrolled: accumulators that are indexed by a variable do not stay in registers.
macro_rules! each_row {
    ($rows:expr, $i:ident => $body:expr) => {
        each_row!(@each $rows, $i, $body, 0, 1, 2, 3, 4, 5, 6, 7)
    };
    (@each $rows:expr, $i:ident, $body:expr, $($number:literal),*) => {
        $(if $number < $rows {
            const $i: usize = $number;
            $body
        })*
    };
}

/// Vectors that a tile is wide.
pub(super) const WIDTH: usize = 2;
/// Entries of a row of the widest tile, and rows of the tallest.
const MOST: usize = 32;
const TALLEST: usize = 8;

/// Rows of the left factor.
#[derive(Clone, Copy)]
pub(super) enum Left<'a, E> {
    /// As they lie, `stride` apart.
    Rows { data: &'a [E], stride: usize },
    /// As many as a tile has interleaved, then the next ones; filled up with zeros.
    Packed(&'a [E]),
}

/// Rows of the left factor as they lie, `stride` apart, of which `depth` entries are read.
#[derive(Clone, Copy)]
struct Lying<'a, E> {
    data: &'a [E],
    stride: usize,
    depth: usize,
}

impl<E> Lying<'_, E> {
    /// The rows from `row` on.
    #[inline(always)]
    fn from(self, row: usize) -> Self {
        Self { data: &self.data[row * self.stride..], ..self }
    }
}

/// Where the tiles of one panel go.
#[derive(Clone)]
pub(super) struct Panel<'a, E> {
    pub(super) out: Output<'a, E>,
    pub(super) columns: Range<usize>,
    /// Whether the output is the transpose of what is computed.
    pub(super) flipped: bool,
    pub(super) weight: Option<&'a [E]>,
    pub(super) accumulate: Accumulate,
}

impl<E: Element> Panel<'_, E> {
    /// The tiles of some rows, at most `ROWS` each, over `depth` entries of the inner dimension.
    pub(super) fn compute<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        rows: Range<usize>,
        depth: usize,
        left: Left<'_, E>,
        right: &[E],
    ) {
        let narrow = self.columns.len() <= E::lanes::<S>();
        match left {
            Left::Packed(left) if narrow => self.packed::<S, ROWS, 1>(simd, rows, left, right),
            Left::Packed(left) => self.packed::<S, ROWS, 2>(simd, rows, left, right),
            Left::Rows { data, stride } => {
                let left = Lying { data, stride, depth };
                // The last rows go in tiles of 4, 2 and 1.
                let rest = if narrow {
                    self.rows::<S, ROWS, 1>(simd, rows, left, right)
                } else {
                    self.rows::<S, ROWS, 2>(simd, rows, left, right)
                };
                let Some((rows, left)) = rest else { return };
                let Some((rows, left)) = self.rows::<S, 4, 2>(simd, rows, left, right) else {
                    return;
                };
                let Some((rows, left)) = self.rows::<S, 2, 2>(simd, rows, left, right) else {
                    return;
                };
                self.rows::<S, 1, 2>(simd, rows, left, right);
            }
        }
    }

    /// Tiles of packed rows, of which so many vectors are wanted.
    fn packed<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        rows: Range<usize>,
        left: &[E],
        right: &[E],
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let right = E::vectors(simd, right);
                let depth = right.len() / WIDTH;
                let strips = left.chunks_exact(ROWS * depth);
                for (first, left) in rows.clone().step_by(ROWS).zip(strips) {
                    let sums = packed::<S, E, ROWS, VECTORS>(simd, left.as_chunks().0, right);
                    self.store(simd, (first, ROWS.min(rows.end - first)), sums);
                }
            },
        );
    }

    /// Tiles of `ROWS` rows as they lie, of which so many vectors are wanted. The rows that are left over, if any.
    fn rows<'a, S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        rows: Range<usize>,
        left: Lying<'a, E>,
        right: &[E],
    ) -> Option<(Range<usize>, Lying<'a, E>)> {
        let whole = rows.len() / ROWS * ROWS;
        if whole > 0 {
            simd.vectorize(
                #[inline(always)]
                || {
                    let right = E::vectors(simd, right);
                    for done in (0..whole).step_by(ROWS) {
                        let sums = by_rows::<S, E, ROWS, VECTORS>(simd, left.from(done), right);
                        self.store(simd, (rows.start + done, ROWS), sums);
                    }
                },
            );
        }
        (whole < rows.len()).then(|| (rows.start + whole..rows.end, left.from(whole)))
    }

    /// Writes the first `count` rows of a tile. Every index into `sums` is a constant once the loops are
    /// unrolled, without which the accumulators would not stay in registers.
    #[inline(always)]
    fn store<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        (first, count): (usize, usize),
        sums: Sums<S, E, ROWS>,
    ) {
        let whole = count == ROWS && self.columns.len() == WIDTH * E::lanes::<S>();
        if whole && !self.flipped {
            each_row!(ROWS, I => {
                let out = E::vectors_mut(simd, self.out.row(first + I, self.columns.clone()));
                let [mut x, mut y] = sums[I % ROWS];
                if let Some(weight) = self.weight_at(first + I, &self.columns) {
                    let weight = E::vectors(simd, weight);
                    x = E::product(simd, E::sum(simd, weight[0], weight[0]), x);
                    y = E::product(simd, E::sum(simd, weight[1], weight[1]), y);
                }
                if self.accumulate == Accumulate::Add {
                    x = E::sum(simd, out[0], x);
                    y = E::sum(simd, out[1], y);
                }
                out[0] = x;
                out[1] = y;
            });
            return;
        }
        let mut values = [[E::zero(); MOST]; ROWS];
        each_row!(ROWS, I => {
            let values = E::vectors_mut(simd, &mut values[I % ROWS]);
            [values[0], values[1]] = sums[I % ROWS];
        });
        self.write_rows(first, &values[..count]);
    }

    /// Writes a tile that is cut off at the output's edge, or is part of the transpose.
    #[inline(never)]
    fn write_rows(&self, first: usize, values: &[[E; MOST]]) {
        let (rows, columns) = (first..first + values.len(), self.columns.clone());
        if !self.flipped {
            for (row, sums) in rows.zip(values) {
                self.write(row, columns.clone(), sums);
            }
            return;
        }
        let mut turned = [[E::zero(); TALLEST]; MOST];
        for (i, values) in values.iter().enumerate().take(TALLEST) {
            for (turned, &sum) in turned.iter_mut().zip(&values[..columns.len()]) {
                turned[i] = sum;
            }
        }
        for (column, sums) in columns.zip(&turned) {
            self.write(column, rows.clone(), sums);
        }
    }

    /// The weights of some columns of a row.
    #[inline(always)]
    fn weight_at(&self, row: usize, columns: &Range<usize>) -> Option<&[E]> {
        let first = row * self.out.columns() + columns.start;
        self.weight.map(|weight| &weight[first..first + columns.len()])
    }

    /// Some columns of a row of the output, from what was summed for them.
    #[inline(always)]
    fn write(&self, row: usize, columns: Range<usize>, sums: &[E]) {
        let weight = self.weight_at(row, &columns);
        let entries = self.out.row(row, columns).iter_mut().zip(sums);
        // A loop for each case, so that each is vector code.
        match (weight, self.accumulate) {
            (None, Accumulate::Set) => entries.for_each(|(out, &sum)| *out = sum),
            (None, Accumulate::Add) => entries.for_each(|(out, &sum)| *out += sum),
            (Some(weight), Accumulate::Set) => {
                entries.zip(weight).for_each(|((out, &sum), &w)| *out = (w + w) * sum);
            }
            (Some(weight), Accumulate::Add) => {
                entries.zip(weight).for_each(|((out, &sum), &w)| *out += (w + w) * sum);
            }
        }
    }
}

type Sums<S, E, const ROWS: usize> = [[<E as Lanes>::Vector<S>; WIDTH]; ROWS];

/// Σ over the inner dimension of left entry times the first vectors of the right row.
#[inline(always)]
fn packed<S: Simd, E: Element, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    left: &[[E; ROWS]],
    right: &[E::Vector<S>],
) -> Sums<S, E, ROWS> {
    let mut sums = [[E::splat(simd, E::zero()); WIDTH]; ROWS];
    for (x, y) in left.iter().zip(right.as_chunks::<WIDTH>().0) {
        each_row!(ROWS, I => {
            let x = E::splat(simd, x[I % ROWS]);
            let [low, high] = sums[I % ROWS];
            let high = if VECTORS > 1 { E::multiply_add(simd, x, y[1], high) } else { high };
            sums[I % ROWS] = [E::multiply_add(simd, x, y[0], low), high];
        });
    }
    sums
}

/// The same with the left rows as they lie.
#[inline(always)]
fn by_rows<S: Simd, E: Element, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    Lying { data, stride, depth }: Lying<'_, E>,
    right: &[E::Vector<S>],
) -> Sums<S, E, ROWS> {
    let rows: [&[E]; ROWS] = array::from_fn(|i| &data[i * stride..][..depth]);
    let right = &right.as_chunks::<WIDTH>().0[..depth];
    let mut sums = [[E::splat(simd, E::zero()); WIDTH]; ROWS];
    for l in 0..depth {
        let y = right[l];
        each_row!(ROWS, I => {
            let x = E::splat(simd, rows[I % ROWS][l]);
            let [low, high] = sums[I % ROWS];
            let high = if VECTORS > 1 { E::multiply_add(simd, x, y[1], high) } else { high };
            sums[I % ROWS] = [E::multiply_add(simd, x, y[0], low), high];
        });
    }
    sums
}
