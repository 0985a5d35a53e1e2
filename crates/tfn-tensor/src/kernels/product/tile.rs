//! One tile of the output, kept in registers.

use std::array;
use std::ops::Range;

use pulp::Simd;

use super::lanes::Lanes;
use super::output::Output;
use crate::Element;
use crate::kernels::Accumulate;

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
/// Entries of a row of the widest tile.
const MOST: usize = 32;

/// Rows of the left factor.
#[derive(Clone, Copy)]
pub(super) enum Left<'a, E> {
    /// As they lie, `stride` apart.
    Rows { data: &'a [E], stride: usize },
    /// Interleaved, as many as a tile has rows, filled up with zeros.
    Packed(&'a [E]),
}

/// Where the tiles of one panel go.
#[derive(Clone)]
pub(super) struct Tile<'a, E> {
    pub(super) out: Output<'a, E>,
    pub(super) columns: Range<usize>,
    /// Whether the output is the transpose of what is computed.
    pub(super) flipped: bool,
    pub(super) weight: Option<&'a [E]>,
    pub(super) accumulate: Accumulate,
}

impl<E: Element> Tile<'_, E> {
    /// The tile of `count` rows from `first` on, at most `ROWS`, over `depth` entries of the inner dimension.
    pub(super) fn compute<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        (first, count): (usize, usize),
        depth: usize,
        left: Left<'_, E>,
        right: &[E],
    ) {
        let narrow = self.columns.len() <= E::lanes::<S>();
        match left {
            Left::Packed(left) if narrow => {
                self.packed::<S, ROWS, 1>(simd, (first, count), left, right);
            }
            Left::Packed(left) => self.packed::<S, ROWS, 2>(simd, (first, count), left, right),
            Left::Rows { data, stride } => {
                // As many rows as a tile has, or the last ones in tiles of 4, 2 and 1.
                let mut done = 0;
                while done < count {
                    let (at, rest) = (first + done, count - done);
                    let data = &data[done * stride..];
                    let rows = (data, stride, depth);
                    done += match rest {
                        _ if rest >= ROWS && narrow => {
                            self.rows::<S, ROWS, 1>(simd, at, rows, right)
                        }
                        _ if rest >= ROWS => self.rows::<S, ROWS, 2>(simd, at, rows, right),
                        4.. => self.rows::<S, 4, 2>(simd, at, rows, right),
                        2.. => self.rows::<S, 2, 2>(simd, at, rows, right),
                        _ => self.rows::<S, 1, 2>(simd, at, rows, right),
                    };
                }
            }
        }
    }

    /// A tile of packed rows, of which so many vectors are wanted.
    fn packed<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        (first, count): (usize, usize),
        left: &[E],
        right: &[E],
    ) {
        simd.vectorize(
            #[inline(always)]
            || {
                let (left, right) = (left.as_chunks::<ROWS>().0, E::vectors(simd, right));
                let sums = packed::<S, E, ROWS, VECTORS>(simd, left, right);
                self.store(simd, (first, count), sums);
            },
        );
    }

    /// A tile of rows as they lie, of which so many vectors are wanted. How many rows it has.
    fn rows<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        first: usize,
        (data, stride, depth): (&[E], usize, usize),
        right: &[E],
    ) -> usize {
        simd.vectorize(
            #[inline(always)]
            || {
                let right = E::vectors(simd, right);
                let sums = by_rows::<S, E, ROWS, VECTORS>(simd, data, stride, depth, right);
                self.store(simd, (first, ROWS), sums);
            },
        );
        ROWS
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
        if self.flipped {
            for (j, column) in columns.enumerate() {
                self.write(column, rows.clone(), |i| values[i][j]);
            }
        } else {
            for (row, values) in rows.zip(values) {
                self.write(row, columns.clone(), |j| values[j]);
            }
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
    fn write(&self, row: usize, columns: Range<usize>, sum: impl Fn(usize) -> E) {
        let weight = self.weight_at(row, &columns);
        let out = self.out.row(row, columns);
        for (i, out) in out.iter_mut().enumerate() {
            let sum = match weight {
                Some(weight) => (weight[i] + weight[i]) * sum(i),
                None => sum(i),
            };
            *out = if self.accumulate == Accumulate::Set { sum } else { *out + sum };
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
    data: &[E],
    stride: usize,
    depth: usize,
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
