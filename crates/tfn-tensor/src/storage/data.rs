//! Numbers of one type: by blocks, or all of them.

use std::sync::OnceLock;

use super::types::{Data, Rows};
use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::kernels::{self, Accumulate};

/// Entries from which a result is worth leaving lazy. Below, its numbers stay in the cache anyway.
pub(crate) const LAZY: usize = 8 * 1024;

impl<E: Element> Data<E> {
    pub(super) fn ready(buffer: Buffer<E>) -> Self {
        Self { len: buffer.as_slice().len(), ready: OnceLock::from(buffer), lazy: None }
    }

    /// The numbers, computed now if they have not been.
    pub(super) fn buffer(&self) -> &Buffer<E> {
        if self.ready.get().is_none() {
            // Not inside of `get_or_init`: a thread that computes blocks may meanwhile work on something
            // else that asks for this very buffer. Two threads then compute the same, and one is kept.
            let _ = self.ready.set(Buffer::build(self.len, |out| {
                kernels::in_blocks(out, self.block(), &|start, out| {
                    self.write(start, out, Accumulate::Set);
                });
            }));
        }
        self.ready.get_or_init(|| Buffer::from_vec(Vec::new()))
    }

    /// Whether the numbers are still to be computed.
    pub(crate) fn is_lazy(&self) -> bool {
        self.ready.get().is_none()
    }

    /// Entries that blocks begin at multiples of.
    pub(crate) fn unit(&self) -> usize {
        self.lazy.as_ref().filter(|_| self.is_lazy()).map_or(1, |lazy| lazy.unit)
    }

    /// The number that all entries are, if lazy data says so.
    pub(crate) fn same(&self) -> Option<E> {
        self.lazy.as_ref().and_then(|lazy| lazy.same)
    }

    /// The rows besides which all entries are zero, if lazy data says so.
    pub(crate) fn rows(&self) -> Option<&Rows<E>> {
        self.lazy.as_ref()?.rows.as_deref()
    }

    /// The sum of all entries, if it takes less than to write and add them.
    pub(crate) fn total(&self) -> Option<E> {
        let lazy = self.lazy.as_ref().filter(|_| self.is_lazy())?;
        lazy.total.as_ref().map(|total| total())
    }

    /// Entries of a block.
    pub(crate) fn block(&self) -> usize {
        block_of(self.unit())
    }

    /// Writes the entries from `start` on into `out`.
    pub(crate) fn write(&self, start: usize, out: &mut [E], accumulate: Accumulate) {
        match (self.ready.get(), &self.lazy, accumulate) {
            (Some(buffer), _, Accumulate::Set) => {
                out.copy_from_slice(&buffer.as_slice()[start..start + out.len()]);
            }
            (Some(buffer), _, Accumulate::Add) => {
                kernels::add_block(out, &buffer.as_slice()[start..start + out.len()]);
            }
            (None, Some(lazy), _) => (lazy.write)(start, out, accumulate),
            (None, None, _) => {}
        }
    }

    /// The entries `start .. start + len`: where they lie, or computed into a buffer and seen there.
    pub(crate) fn with_block<R>(
        &self,
        start: usize,
        len: usize,
        look: impl FnOnce(&[E]) -> R,
    ) -> R {
        match self.ready.get() {
            Some(buffer) => look(&buffer.as_slice()[start..start + len]),
            None => look(
                &Buffer::scratch(len, |out| self.write(start, out, Accumulate::Set)).as_slice()
                    [..len],
            ),
        }
    }
}

/// Entries of a block of a result with rows of `unit` entries: so many rows that a product of them is
/// worth its packing, so few that a block stays in the second-level cache.
pub(crate) fn block_of(unit: usize) -> usize {
    match unit {
        1 => kernels::BLOCK,
        row => row * (4 * kernels::BLOCK / row / 8 * 8).clamp(8, (LAZY / row).max(64)),
    }
}

impl<E: Element> Buffer<E> {
    /// A buffer for the moment, the first `len` numbers of which `fill` writes. Nearly all are of one
    /// length, so that one that was used for any block does for the next.
    pub(crate) fn scratch(len: usize, fill: impl FnOnce(&mut [E])) -> Self {
        Self::build(len.max(4 * kernels::BLOCK), |out| fill(&mut out[..len]))
    }
}

impl<E: Element> Clone for Data<E> {
    fn clone(&self) -> Self {
        Self::ready(self.buffer().clone())
    }
}

impl<E: Element> std::fmt::Debug for Data<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_rows() {
        for unit in [2, 10, 100, 300, 1200, 5000, 100_000] {
            assert_eq!(block_of(unit) % unit, 0);
            assert!(block_of(unit) <= 4 * kernels::BLOCK || block_of(unit) == 8 * unit);
        }
    }
}
