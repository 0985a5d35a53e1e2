//! The largest entry and the mean of what a window reads, channel by channel.

use super::convolution::Geometry;
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
    x > largest || x.is_nan()
}

impl Pool {
    /// `[rows, channels]` from images; `geometry` has as many columns as channels.
    pub(crate) fn forward<E: Element>(self, geometry: &Geometry, x: &[E], out: &mut [E]) {
        let channels = geometry.columns();
        if out.is_empty() {
            return;
        }
        let rows = (TASK / channels).clamp(1, geometry.rows());
        let parallel = out.len() * geometry.depth() / channels > TASK;
        in_chunks(out, rows * channels, parallel, &|chunk, out| {
            let first = chunk * rows;
            let depth = geometry.depth();
            out.fill(if self == Self::Max { E::neg_infinity() } else { E::zero() });
            let mut counts = vec![0_usize; out.len() / channels];
            geometry.visit(0, first..first + counts.len(), |at, from, len| {
                let (Some(from), row) = (from, at / depth) else { return };
                let out = &mut out[row * channels..][..channels];
                counts[row] += len / channels;
                for entries in x[from..from + len].chunks_exact(channels) {
                    match self {
                        Self::Max => {
                            for (out, &x) in out.iter_mut().zip(entries) {
                                *out = if is_larger(x, *out) { x } else { *out };
                            }
                        }
                        Self::Average => out.iter_mut().zip(entries).for_each(|(o, &x)| *o += x),
                    }
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
        let work = grad.len() * geometry.depth() / channels;
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
    // The largest entry so far of each channel, and where it lies.
    let (mut largest, mut places) = (vec![E::neg_infinity(); channels], vec![usize::MAX; channels]);
    for row in 0..count * geometry.positions_of_one() {
        largest.fill(E::neg_infinity());
        places.fill(usize::MAX);
        geometry.visit(0, row..row + 1, |_, from, len| {
            let Some(from) = from else { return };
            for first in (from..from + len).step_by(channels) {
                for (c, &x) in x[first..first + channels].iter().enumerate() {
                    // An entry of minus infinity is one too.
                    if places[c] == usize::MAX || (!largest[c].is_nan() && is_larger(x, largest[c]))
                    {
                        (largest[c], places[c]) = (x, first + c);
                    }
                }
            }
        });
        let grad = &grad[row * channels..][..channels];
        for (&place, &grad) in places.iter().zip(grad) {
            if let Some(out) = out.get_mut(place) {
                *out += grad;
            }
        }
    }
}

fn average_backward<E: Element>(geometry: &Geometry, count: usize, grad: &[E], out: &mut [E]) {
    let channels = geometry.columns();
    for row in 0..count * geometry.positions_of_one() {
        let mut read = 0;
        geometry.visit(0, row..row + 1, |_, from, len| {
            if from.is_some() {
                read += len / channels;
            }
        });
        let (share, grad) = (E::from_f64(read as f64).recip(), &grad[row * channels..][..channels]);
        geometry.visit(0, row..row + 1, |_, to, len| {
            let Some(to) = to else { return };
            for out in out[to..to + len].chunks_exact_mut(channels) {
                out.iter_mut().zip(grad).for_each(|(out, &grad)| *out += grad * share);
            }
        });
    }
}
