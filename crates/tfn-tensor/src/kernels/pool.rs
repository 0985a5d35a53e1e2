//! The largest entry and the mean of what a window reads, channel by channel.

use std::ops::Range;

use super::convolution::{Geometry, Line, LineShape};
use super::parallel::{in_chunks, in_tasks, split_off};
use crate::dtype::Element;
use crate::kernels::Accumulate;

/// Entries that one task makes, about.
const TASK: usize = 8 * 1024;

/// What is made of the entries that a window reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// The largest; not a number if one of them is none.
    Max,
    /// Their mean. Padding does not count.
    Average,
}

/// Whether `x` takes the place of the largest entry so far.
#[inline(always)]
fn is_larger<E: Element>(x: E, largest: E) -> bool {
    (x > largest) | x.is_nan()
}

impl Pool {
    /// `[rows, channels]` from images; `geometry` has as many columns as channels.
    pub(crate) fn forward<E: Element>(self, geometry: &Geometry, x: &[E], out: &mut [E]) {
        let channels = geometry.columns();
        if out.is_empty() {
            return;
        }
        let rows = (TASK / channels).clamp(1, geometry.rows());
        let parallel = out.len().saturating_mul(geometry.depth() / channels) > TASK;
        in_chunks(out, rows * channels, parallel, &|chunk, out| {
            let first = chunk * rows;
            out.fill(if self == Self::Max { E::neg_infinity() } else { E::zero() });
            let mut counts = vec![0_usize; out.len() / channels];
            each_entry(geometry, first..first + counts.len(), |row, from| {
                let out = &mut out[row * channels..][..channels];
                let entries = &x[from..from + channels];
                counts[row] += 1;
                match self {
                    Self::Max => {
                        for (out, &x) in out.iter_mut().zip(entries) {
                            *out = if is_larger(x, *out) { x } else { *out };
                        }
                    }
                    Self::Average => out.iter_mut().zip(entries).for_each(|(o, &x)| *o += x),
                }
            });
            if self == Self::Average {
                for (out, &count) in out.chunks_exact_mut(channels).zip(&counts) {
                    let count = E::from_f64(count as f64);
                    out.iter_mut().for_each(|out| *out /= count);
                }
            }
        });
    }

    /// `out` ← or += the gradient of the images from `grad` `[rows, channels]`. That of the largest entry goes to the first
    /// of those that are equal.
    pub(crate) fn backward<E: Element>(
        self,
        geometry: &Geometry,
        x: &[E],
        grad: &[E],
        out: &mut [E],
        accumulate: Accumulate,
    ) {
        let (channels, image) = (geometry.columns(), geometry.image_of_one());
        if out.is_empty() {
            return;
        }
        let positions = geometry.positions_of_one();
        let each = (TASK / (positions * channels).max(1)).clamp(1, geometry.batch);
        let mut rest = &mut *out;
        let tasks: Vec<_> = (0..geometry.batch)
            .step_by(each)
            .map(|first| {
                let count = each.min(geometry.batch - first);
                (first, count, split_off(&mut rest, count * image))
            })
            .collect();
        let work = grad.len().saturating_mul(geometry.depth() / channels);
        in_tasks(work, tasks, &|(first, count, out): (usize, usize, &mut [E])| {
            if accumulate == Accumulate::Set {
                out.fill(E::zero());
            }
            let x = &x[first * image..][..count * image];
            let grad = &grad[first * positions * channels..][..count * positions * channels];
            match self {
                Self::Max => max_backward(geometry, count, x, grad, out),
                Self::Average => average_backward(geometry, count, grad, out),
            }
        });
    }
}

fn max_backward<E: Element>(geometry: &Geometry, count: usize, x: &[E], grad: &[E], out: &mut [E]) {
    let channels = geometry.columns();
    let rows = count * geometry.positions_of_one();
    // The largest entry so far of each channel, and where it lies.
    let none = (E::neg_infinity(), usize::MAX);
    let mut largest = vec![none; channels];
    let mut current = 0;
    each_entry(geometry, 0..rows, |row, from| {
        if row > current {
            give(&mut largest, &grad[current * channels..], out);
            current = row;
        }
        for (c, (&x, largest)) in x[from..from + channels].iter().zip(&mut largest).enumerate() {
            let (so_far, place) = *largest;
            // An entry of minus infinity is one too. Without branches, which nobody could foresee.
            let first = place == usize::MAX;
            let better = first | (!so_far.is_nan() & is_larger(x, so_far));
            *largest = if better { (x, from + c) } else { (so_far, place) };
        }
    });
    give(&mut largest, &grad[current * channels..], out);
}

/// Adds the gradient of a row to the entries that were the largest, and forgets them.
fn give<E: Element>(largest: &mut [(E, usize)], grad: &[E], out: &mut [E]) {
    for (largest, &grad) in largest.iter_mut().zip(grad) {
        if let Some(out) = out.get_mut(largest.1) {
            *out += grad;
        }
        *largest = (E::neg_infinity(), usize::MAX);
    }
}

fn average_backward<E: Element>(geometry: &Geometry, count: usize, grad: &[E], out: &mut [E]) {
    let channels = geometry.columns();
    let rows = count * geometry.positions_of_one();
    let mut reads = vec![0; rows];
    each_entry(geometry, 0..rows, |row, _| reads[row] += 1);
    each_entry(geometry, 0..rows, |row, to| {
        let share = E::from_f64(f64::from(reads[row])).recip();
        let (out, grad) = (&mut out[to..to + channels], &grad[row * channels..][..channels]);
        out.iter_mut().zip(grad).for_each(|(out, &grad)| *out += grad * share);
    });
}

/// Visits what a window reads at some rows, without the padding: the number of the row, counted from the first, and where the
/// channels of the entry lie.
#[inline(always)]
fn each_entry(geometry: &Geometry, rows: Range<usize>, mut visit: impl FnMut(usize, usize)) {
    let LineShape { step, .. } = geometry.line();
    geometry.visit::<false>(0, rows, |Line { row, from, inside, .. }| {
        (0..inside.len()).for_each(|i| visit(row, from + i * step));
    });
}
