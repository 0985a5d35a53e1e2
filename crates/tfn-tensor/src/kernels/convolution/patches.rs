//! Patches of images as the rows of a matrix, and back.

use std::ops::Range;

use super::geometry::{Geometry, Line, LineShape};
use crate::dtype::Element;

/// Entries that are copied at a time.
const PIECE: usize = 8;
/// Length from which on a call that copies is faster than pieces.
const LONG: usize = 8 * PIECE;

/// Writes the patches at some rows into the first entries of `out`, row by row, with zeros for padding.
pub(super) fn gather<E: Element>(
    geometry: &Geometry,
    x: &[E],
    group: usize,
    rows: Range<usize>,
    out: &mut [E],
) {
    let (depth, LineShape { size, own, step, joined }) = (geometry.depth(), geometry.line());
    geometry.visit::<true>(group, rows, |Line { row, at, from, inside: Range { start, end } }| {
        let out = &mut out[row * depth + at..];
        if start > 0 || end == 0 {
            clear(out, if end == 0 { size } else { start } * own);
        }
        if joined {
            copy(&x[from..], &mut out[start * own..], (end - start) * own);
        } else {
            for i in start..end {
                copy(&x[from + (i - start) * step..], &mut out[i * own..], own);
            }
        }
        if end > 0 && end < size {
            clear(&mut out[end * own..], (size - end) * own);
        }
    });
}

/// Zeros in the first `len` entries. It may write up to [`PIECE`] − 1 more, as [`copy`] does.
#[inline(always)]
fn clear<E: Element>(to: &mut [E], len: usize) {
    if len >= LONG {
        to[..len].fill(E::zero());
        return;
    }
    let mut done = 0;
    while done < len {
        match to[done..].first_chunk_mut::<PIECE>() {
            Some(to) => *to = [E::zero(); PIECE],
            None => {
                to[done..len].fill(E::zero());
                return;
            }
        }
        done += PIECE;
    }
}

/// Copies the first `len` entries. It may write up to [`PIECE`] − 1 more, where `to` is longer.
#[inline(always)]
fn copy<E: Copy>(from: &[E], to: &mut [E], len: usize) {
    if len >= LONG {
        to[..len].copy_from_slice(&from[..len]);
        return;
    }
    let mut done = 0;
    while done < len {
        match (from[done..].first_chunk::<PIECE>(), to[done..].first_chunk_mut::<PIECE>()) {
            (Some(from), Some(to)) => *to = *from,
            _ => {
                to[done..len].copy_from_slice(&from[done..len]);
                return;
            }
        }
        done += PIECE;
    }
}

/// Adds each entry of some patches to the entry of the image that it was read from; with a weight `w`, of the image's
/// shape, `2w∘` that.
pub(super) fn scatter<E: Element>(
    geometry: &Geometry,
    patches: &[E],
    group: usize,
    rows: Range<usize>,
    weight: Option<&[E]>,
    out: &mut [E],
) {
    let (depth, LineShape { own, step, joined, .. }) = (geometry.depth(), geometry.line());
    geometry.visit::<false>(group, rows, |Line { row, at, from, inside: Range { start, end } }| {
        let patch = &patches[row * depth + at..];
        let mut run = |first: usize, to: usize, len: usize| {
            let (patch, out) = (&patch[first * own..][..len], &mut out[to..to + len]);
            match weight {
                None => out.iter_mut().zip(patch).for_each(|(out, &p)| *out += p),
                Some(weight) => {
                    let weight = &weight[to..to + len];
                    for ((out, &p), &w) in out.iter_mut().zip(patch).zip(weight) {
                        *out += (w + w) * p;
                    }
                }
            }
        };
        if joined {
            run(start, from, (end - start) * own);
        } else {
            (start..end).for_each(|i| run(i, from + (i - start) * step, own));
        }
    });
}
