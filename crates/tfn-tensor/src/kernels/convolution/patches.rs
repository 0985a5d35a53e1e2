//! Patches of images as the rows of a matrix, and back.

use std::ops::Range;

use super::geometry::Geometry;
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
    geometry.visit(group, rows, |to, from, len| match from {
        Some(from) => copy(&x[from..], &mut out[to..], len),
        None => out[to..to + len].fill(E::zero()),
    });
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
    geometry.visit(group, rows, |from, to, len| {
        let Some(to) = to else { return };
        let (patch, out) = (&patches[from..from + len], &mut out[to..to + len]);
        match weight {
            None => out.iter_mut().zip(patch).for_each(|(out, &p)| *out += p),
            Some(weight) => {
                let weight = &weight[to..to + len];
                for ((out, &p), &w) in out.iter_mut().zip(patch).zip(weight) {
                    *out += (w + w) * p;
                }
            }
        }
    });
}
