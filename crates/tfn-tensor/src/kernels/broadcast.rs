//! A function of each entry of inputs whose shapes broadcast to the shape of the output.

use std::array;

use super::Accumulate;
use super::map::{Block, add_block, block, map_by};
use super::parallel::{BLOCK, in_blocks};
use crate::dtype::Element;

/// Entries that are evaluated together; a repeated number is written out for so many.
const TILE: usize = 256;
/// Entries below which a row shares a tile with others.
const SHORT: usize = 64;

/// The walk over the output: its shape after axes that need not be told apart are merged, and how
/// far each input moves along them. The last axis moves an input by 1 or, where it repeats, by 0.
struct Walk<const N: usize> {
    shape: Vec<usize>,
    strides: Vec<[usize; N]>,
}

impl<const N: usize> Walk<N> {
    fn new(shapes: [&[usize]; N], out_shape: &[usize]) -> Self {
        let mut walk = Self { shape: Vec::new(), strides: Vec::new() };
        let mut counts = [1; N];
        // From the last axis to the first.
        for (from_end, &size) in out_shape.iter().rev().enumerate() {
            if size == 1 {
                continue;
            }
            let mut stride = [0; N];
            for input in 0..N {
                let shape = shapes[input];
                let own = shape.len().checked_sub(from_end + 1).map_or(1, |axis| shape[axis]);
                if own != 1 {
                    debug_assert_eq!(own, size, "{shape:?} does not broadcast to {out_shape:?}");
                    stride[input] = counts[input];
                    counts[input] *= own;
                }
            }
            walk.push(size, stride);
        }
        if walk.shape.is_empty() {
            walk.push(1, [0; N]);
        }
        walk.shape.reverse();
        walk.strides.reverse();
        walk
    }

    /// Adds an axis before those there are, merged with the first when each input moves through
    /// both as through one.
    fn push(&mut self, size: usize, stride: [usize; N]) {
        if let (Some(inner), Some(inner_stride)) = (self.shape.last_mut(), self.strides.last())
            && (0..N).all(|input| stride[input] == inner_stride[input] * *inner)
        {
            *inner *= size;
        } else {
            self.shape.push(size);
            self.strides.push(stride);
        }
    }

    /// Entries along the last axis.
    fn row(&self) -> usize {
        self.shape[self.shape.len() - 1]
    }

    /// Where row `row` begins in each input.
    fn offsets(&self, mut row: usize) -> [usize; N] {
        let mut offsets = [0; N];
        let mut add = |index: usize, strides: &[usize; N]| {
            for (offset, stride) in offsets.iter_mut().zip(strides) {
                *offset += index * stride;
            }
        };
        let last = self.shape.len() - 1;
        for axis in (1..last).rev() {
            add(row % self.shape[axis], &self.strides[axis]);
            row /= self.shape[axis];
        }
        if last > 0 {
            add(row, &self.strides[0]);
        }
        offsets
    }
}

/// Some rows of the output.
struct Rows<'a, E, const N: usize> {
    out: &'a mut [E],
    accumulate: Accumulate,
    inputs: [&'a [E]; N],
    walk: &'a Walk<N>,
    first: usize,
    write: &'a Block<'a, E, N>,
}

impl<E: Element, const N: usize> Rows<'_, E, N> {
    fn run(self) {
        let len = self.walk.row();
        if len < SHORT { self.short(len) } else { self.long(len) }
    }

    /// Short rows: several to a tile.
    fn short(self, len: usize) {
        let Self { out, accumulate, inputs, walk, first, write } = self;
        let last = walk.shape.len() - 1;
        // Which inputs are walked through as the output is, and which give every row the same.
        let outer: [Option<usize>; N] = array::from_fn(|i| (last == 1).then(|| walk.strides[0][i]));
        let whole: [bool; N] =
            array::from_fn(|i| outer[i] == Some(len) && walk.strides[last][i] == 1);
        let mut ready = whole;
        let mut gathered = [[E::zero(); TILE]; N];
        let rows = TILE / len;
        for (tile, out) in out.chunks_mut(rows * len).enumerate() {
            let first = first + tile * rows;
            if ready != [true; N] {
                for (row, start) in (0..out.len()).step_by(len).enumerate() {
                    let offsets = walk.offsets(first + row);
                    for i in (0..N).filter(|&i| !ready[i]) {
                        let (x, gathered) = (&inputs[i][offsets[i]..], &mut gathered[i][start..]);
                        if walk.strides[last][i] == 0 {
                            gathered[..len].fill(x[0]);
                        } else {
                            // No call to copy so few.
                            gathered[..len].iter_mut().zip(x).for_each(|(entry, &x)| *entry = x);
                        }
                    }
                }
                ready = array::from_fn(|i| whole[i] || outer[i] == Some(0));
            }
            let tiles = array::from_fn(|i| match whole[i] {
                true => &inputs[i][first * len..],
                false => &gathered[i][..],
            });
            write(out, accumulate, tiles);
        }
    }

    /// Long rows: each as a whole, or in several tiles where a number is repeated.
    fn long(self, len: usize) {
        let Self { out, accumulate, inputs, walk, first, write } = self;
        let repeats = walk.strides[walk.strides.len() - 1].map(|stride| stride == 0);
        let size = if repeats.contains(&true) { TILE } else { len };
        let mut repeated = [[E::zero(); TILE]; N];
        for (row, out) in out.chunks_exact_mut(len).enumerate() {
            let offsets = walk.offsets(first + row);
            for i in (0..N).filter(|&i| repeats[i]) {
                repeated[i][..len.min(TILE)].fill(inputs[i][offsets[i]]);
            }
            for (tile, out) in out.chunks_mut(size).enumerate() {
                let start = tile * size;
                let tiles = array::from_fn(|i| match repeats[i] {
                    true => &repeated[i][..],
                    false => &inputs[i][offsets[i] + start..],
                });
                write(out, accumulate, tiles);
            }
        }
    }
}

/// `out` ← or += f of the entries of `inputs` at the same place under NumPy's broadcasting.
fn broadcast_map<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [(&[E], &[usize]); N],
    out_shape: &[usize],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) {
    broadcast_map_by(out, accumulate, inputs, out_shape, &block(f));
}

/// [`broadcast_map`] of a function in its compiled form.
pub(crate) fn broadcast_map_by<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [(&[E], &[usize]); N],
    out_shape: &[usize],
    write: &Block<'_, E, N>,
) {
    if out.is_empty() {
        return;
    }
    let walk = &Walk::new(inputs.map(|(_, shape)| shape), out_shape);
    let inputs = inputs.map(|(x, _)| x);
    if walk.shape.len() == 1 && walk.strides[0] == [1; N] {
        return map_by(out, accumulate, inputs, write);
    }
    let row = walk.row();
    if row < BLOCK {
        let rows = BLOCK / row;
        return in_blocks(out, rows * row, &|start, out| {
            let first = start / row;
            Rows { out, accumulate, inputs, walk, first, write }.run();
        });
    }
    // Few long rows: each is a walk of its own, along which an input moves or stays.
    let last = &walk.strides[walk.strides.len() - 1];
    for (index, out) in out.chunks_exact_mut(row).enumerate() {
        let offsets = walk.offsets(index);
        in_blocks(out, BLOCK, &|start, out| {
            let walk = &Walk { shape: vec![out.len()], strides: vec![*last] };
            let inputs = array::from_fn(|i| &inputs[i][offsets[i] + start * last[i]..]);
            Rows { out, accumulate, inputs, walk, first: 0, write }.run();
        });
    }
}

/// `out` ← or += x, repeated along the axes where it is shorter.
pub(crate) fn broadcast<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    x_shape: &[usize],
    out_shape: &[usize],
) {
    let block: &Block<'_, E, 1> = &|out, accumulate, [x]| match accumulate {
        Accumulate::Set => out.copy_from_slice(&x[..out.len()]),
        Accumulate::Add => add_block(out, x),
    };
    broadcast_map_by(out, accumulate, [(x, x_shape)], out_shape, block);
}

/// `out` ← or += f(x, y) with broadcasting.
#[allow(clippy::too_many_arguments)]
pub(crate) fn broadcast_map2<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    x_shape: &[usize],
    y: &[E],
    y_shape: &[usize],
    out_shape: &[usize],
    f: impl Fn(E, E) -> E + Sync + Copy,
) {
    broadcast_map(
        out,
        accumulate,
        [(x, x_shape), (y, y_shape)],
        out_shape,
        #[inline(always)]
        move |[x, y]| f(x, y),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entry of an input that entry `index` of the output is made of.
    fn place(mut index: usize, shape: &[usize], out_shape: &[usize]) -> usize {
        let (mut place, mut count) = (0, 1);
        for (from_end, size) in out_shape.iter().rev().enumerate() {
            let along = index % size;
            index /= size;
            if let Some(axis) = shape.len().checked_sub(from_end + 1) {
                place += if shape[axis] == 1 { 0 } else { along * count };
                count *= shape[axis];
            }
        }
        place
    }

    fn entries(shape: &[usize], start: f32) -> Vec<f32> {
        (0..shape.iter().product()).map(|i| start + i as f32).collect()
    }

    fn check(x_shape: &[usize], y_shape: &[usize], out_shape: &[usize]) {
        let (x, y) = (entries(x_shape, 0.5), entries(y_shape, -7.0));
        let f = |x: f32, y: f32| x * 3.0 - y;
        let len: usize = out_shape.iter().product();
        let exact: Vec<f32> = (0..len)
            .map(|i| f(x[place(i, x_shape, out_shape)], y[place(i, y_shape, out_shape)]))
            .collect();
        let mut out = vec![f32::NAN; len];
        broadcast_map2(&mut out, Accumulate::Set, &x, x_shape, &y, y_shape, out_shape, f);
        assert_eq!(out, exact, "{x_shape:?} {y_shape:?}");
        broadcast_map2(&mut out, Accumulate::Add, &x, x_shape, &y, y_shape, out_shape, f);
        let twice: Vec<f32> = exact.iter().map(|x| x + x).collect();
        assert_eq!(out, twice, "{x_shape:?} {y_shape:?}, added");
        broadcast_map(
            &mut out,
            Accumulate::Set,
            [(&y[..], y_shape), (&x[..], x_shape), (&[2.0][..], &[][..])],
            out_shape,
            |[y, x, two]| f(x, y) * two,
        );
        assert_eq!(out, twice, "{x_shape:?} {y_shape:?}, of three");
        broadcast(&mut out, Accumulate::Set, &y, y_shape, out_shape);
        let copied: Vec<f32> = (0..len).map(|i| y[place(i, y_shape, out_shape)]).collect();
        assert_eq!(out, copied, "{y_shape:?}, copied");
    }

    #[test]
    fn agrees_with_the_rule_for_all_kinds_of_shapes() {
        check(&[], &[], &[]);
        check(&[5], &[], &[5]);
        check(&[3, 4], &[3, 4], &[3, 4]);
        check(&[37, 10], &[10], &[37, 10]);
        check(&[37, 10], &[37, 1], &[37, 10]);
        check(&[9, 1], &[1, 300], &[9, 300]);
        check(&[2, 3, 4], &[3, 1], &[2, 3, 4]);
        check(&[2, 1, 4], &[1, 3, 1], &[2, 3, 4]);
        check(&[2, 1, 4, 1, 3], &[5, 1, 2, 1], &[2, 5, 4, 2, 3]);
        check(&[1, 1, 700], &[3, 2, 1], &[3, 2, 700]);
        check(&[2, 3, 70], &[2, 1, 70], &[2, 3, 70]);
        check(&[1], &[4, 0, 3], &[4, 0, 3]);
    }

    #[test]
    fn large_inputs_are_split_without_a_seam() {
        check(&[9000, 5], &[5], &[9000, 5]);
        check(&[700, 70], &[700, 1], &[700, 70]);
        check(&[2, 40_000], &[2, 1], &[2, 40_000]);
        check(&[3, 1], &[1, 40_000], &[3, 40_000]);
        check(&[50_000], &[1], &[50_000]);
        check(&[60, 1, 30], &[40, 30], &[60, 40, 30]);
    }
}
