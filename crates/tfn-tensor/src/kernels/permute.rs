//! Axes in another order.

use super::parallel::{BLOCK, in_chunks, in_parallel, in_tasks, split_off};
use crate::dtype::Element;

/// Side of the squares that are turned in registers or the first cache.
const TILE: usize = 16;

/// Sizes and input strides of axes in the order of the output, with neighbours that stay neighbours as one axis.
fn merged(shape: &[usize], axes: &[usize]) -> Vec<(usize, usize)> {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (size, stride) in axes.iter().map(|&axis| (shape[axis], stride(axis))) {
        match runs.last_mut() {
            _ if size == 1 => {}
            Some((run, along)) if *along == size * stride => (*run, *along) = (*run * size, stride),
            _ => runs.push((size, stride)),
        }
    }
    runs
}

/// Where entry `index` of axes with these sizes and strides lies.
fn offset(axes: &[(usize, usize)], mut index: usize) -> usize {
    let mut offset = 0;
    for &(size, stride) in axes.iter().rev() {
        offset += index % size * stride;
        index /= size;
    }
    offset
}

fn count(axes: &[(usize, usize)]) -> usize {
    axes.iter().map(|&(size, _)| size).product()
}

/// `out` ← the entries of `x`, its axes in the order `axes`.
pub(crate) fn permute<E: Element>(out: &mut [E], x: &[E], shape: &[usize], axes: &[usize]) {
    if out.is_empty() {
        return;
    }
    match merged(shape, axes).as_slice() {
        [] | [_] => out.copy_from_slice(x),
        [outer @ .., middle, (run, 1)] => move_runs(out, x, outer, *middle, *run),
        [axes @ .., last] => {
            let fastest = axes.iter().position(|&(_, stride)| stride == 1).unwrap_or(0);
            let turn = Turn {
                outer: &axes[..fastest],
                columns: axes[fastest].0,
                middle: &axes[fastest + 1..],
                rows: *last,
            };
            turn.all(out, x);
        }
    }
}

/// The last axis stays: runs of `run` entries move, those of one `middle` axis after another.
fn move_runs<E: Element>(
    out: &mut [E],
    x: &[E],
    outer: &[(usize, usize)],
    (size, stride): (usize, usize),
    run: usize,
) {
    let group = (BLOCK / (size * run)).max(1);
    in_chunks(out, group * size * run, in_parallel(x.len()), &|chunk, out| {
        for (i, out) in out.chunks_exact_mut(size * run).enumerate() {
            let start = offset(outer, chunk * group + i);
            for (j, out) in out.chunks_exact_mut(run).enumerate() {
                out.copy_from_slice(&x[start + j * stride..][..run]);
            }
        }
    });
}

/// The last axis of the input becomes another one: of the output `[outer, columns, middle, rows]` the axis of the
/// columns is the one whose neighbours lie side by side in the input.
struct Turn<'a> {
    outer: &'a [(usize, usize)],
    columns: usize,
    middle: &'a [(usize, usize)],
    rows: (usize, usize),
}

impl Turn<'_> {
    fn all<E: Element>(&self, out: &mut [E], x: &[E]) {
        let column = count(self.middle) * self.rows.0;
        let one = self.columns * column;
        // Several small matrices, or some columns of a large one.
        let (small, wide) = (one <= BLOCK, (BLOCK / column).max(4 * TILE).next_multiple_of(TILE));
        let size = if small { BLOCK / one * one } else { wide * column };
        let (mut rest, mut tasks, mut at) = (out, Vec::new(), 0);
        while !rest.is_empty() {
            let left = if small { rest.len() } else { one - at % one };
            let part = split_off(&mut rest, size.min(left));
            let len = part.len();
            tasks.push((at, part));
            at += len;
        }
        in_tasks(x.len(), tasks, &|(at, out)| {
            for (i, out) in out.chunks_mut(one).enumerate() {
                let start = offset(self.outer, at / one + i) + at % one / column;
                self.columns_of(out, &x[start..], column);
            }
        });
    }

    /// Some columns of one matrix for each place of the middle axes; the first of them begin at the start of `x`.
    fn columns_of<E: Element>(&self, out: &mut [E], x: &[E], column: usize) {
        let (rows, stride) = self.rows;
        let columns = out.len() / column;
        for middle in 0..count(self.middle) {
            let x = &x[offset(self.middle, middle)..];
            let to = middle * rows;
            if rows < TILE {
                for (row, x) in x.chunks(stride).enumerate().take(rows) {
                    let places = out[to + row..].iter_mut().step_by(column);
                    places.zip(x).for_each(|(out, &x)| *out = x);
                }
            } else if columns < TILE {
                for (c, out) in out.chunks_exact_mut(column).enumerate() {
                    let places = x[c..].iter().step_by(stride);
                    out[to..to + rows].iter_mut().zip(places).for_each(|(out, &x)| *out = x);
                }
            } else {
                turn(out, x, (column, to), stride, rows);
            }
        }
    }
}

/// `rows` rows, `stride` apart in `x`, as columns that lie `column` apart in `out` from entry `to` on.
fn turn<E: Element>(
    out: &mut [E],
    x: &[E],
    (column, to): (usize, usize),
    stride: usize,
    rows: usize,
) {
    let mut tile = [[E::zero(); TILE]; TILE];
    // Neighbouring tiles of the same rows one after another: what is read lies side by side.
    for row in (0..rows).step_by(TILE) {
        let height = TILE.min(rows - row);
        for (c, out) in out.chunks_mut(TILE * column).enumerate() {
            let columns = out.len() / column;
            for (row, line) in (row..row + height).zip(&mut tile) {
                let x = &x[row * stride + c * TILE..];
                match x.first_chunk() {
                    Some(whole) if columns == TILE => *line = *whole,
                    _ => line[..columns].copy_from_slice(&x[..columns]),
                }
            }
            for (c, out) in out.chunks_exact_mut(column).enumerate() {
                let out = &mut out[to + row..];
                let entries = tile.iter().map(|line| line[c]);
                // A whole column is a loop of fixed length.
                match out.first_chunk_mut::<TILE>() {
                    Some(out) if height == TILE => {
                        out.iter_mut().zip(entries).for_each(|(out, x)| *out = x);
                    }
                    _ => out.iter_mut().zip(entries.take(height)).for_each(|(out, x)| *out = x),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &[usize], axes: &[usize]) {
        let x: Vec<f32> = (0..shape.iter().product()).map(|i: usize| i as f32).collect();
        let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let exact: Vec<f32> = (0..x.len())
            .map(|mut at| {
                let mut from = 0;
                for (&axis, &size) in axes.iter().zip(&sizes).rev() {
                    from += at % size * shape[axis + 1..].iter().product::<usize>();
                    at /= size;
                }
                x[from]
            })
            .collect();
        let mut out = vec![f32::NAN; x.len()];
        permute(&mut out, &x, shape, axes);
        assert!(out == exact, "{shape:?} {axes:?}");
    }

    /// All orders of so many axes.
    fn orders(axes: usize) -> Vec<Vec<usize>> {
        let Some(last) = axes.checked_sub(1) else { return vec![Vec::new()] };
        let insert = |order: Vec<usize>| {
            (0..axes).map(move |at| {
                let mut order = order.clone();
                order.insert(at, last);
                order
            })
        };
        orders(last).into_iter().flat_map(insert).collect()
    }

    #[test]
    fn every_order_moves_every_entry_to_its_place() {
        let small: [&[usize]; 8] = [
            &[],
            &[5],
            &[3, 4],
            &[2, 3, 4],
            &[1, 3, 1, 2],
            &[2, 0, 3],
            &[17, 2, 33],
            &[2, 3, 4, 5],
        ];
        for shape in small {
            for order in orders(shape.len()) {
                check(shape, &order);
            }
        }
        assert_eq!(orders(4).len(), 24);
    }

    #[test]
    fn large_ones_are_split_without_a_seam() {
        for shape in [[3, 130, 170], [700, 9, 5], [2, 20_000, 3], [1, 3, 9000], [40, 33, 16]] {
            for order in orders(3) {
                check(&shape, &order);
            }
        }
        for order in orders(4) {
            check(&[5, 17, 8, 31], &order);
        }
    }
}
