//! The numbers of a tensor: there already, or a recipe that makes them block by block.
//!
//! Some results are read once, by a loop that walks over them in blocks: the terms of a sum, a gradient on
//! its way into an optimizer. Such a result is kept as a [`Recipe`], and its reader lets it write the block
//! at hand into a small buffer. Whoever asks for the numbers themselves gets them all computed, once.

mod rows;

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::buffer::Buffer;
use crate::dtype::{DType, Element, dispatch};
use crate::kernels::{self, Accumulate};

pub(crate) use rows::Rows;

/// Entries from which a result is worth a recipe. Below, its numbers stay in the cache anyway.
pub(crate) const LAZY: usize = 8 * 1024;

/// How to compute any block of a result.
pub(crate) struct Recipe<E: Element> {
    /// A block begins at a multiple of this many entries and holds a multiple of it: a row for what is
    /// computed by rows, 1 for what is computed entry by entry.
    pub(crate) unit: usize,
    pub(crate) write: WriteBlock<E>,
    /// The sum of all entries, where that takes less than to write and add them.
    pub(crate) total: Option<Total<E>>,
    /// The number that all entries are, if they are one.
    pub(crate) same: Option<E>,
    /// The rows besides which all entries are zero, if they are known.
    pub(crate) rows: Option<Arc<Rows<E>>>,
}

/// Adds all entries, on several threads, with bits that do not depend on their number.
pub(crate) type Total<E> = Box<dyn Fn() -> E + Send + Sync>;

/// Writes the entries from a first one on into a slice, over what is there or added to it; on the calling
/// thread, with bits that do not depend on how the result is cut.
type WriteBlock<E> = Box<dyn Fn(usize, &mut [E], Accumulate) + Send + Sync>;

/// Numbers of one type.
pub(crate) struct Data<E: Element> {
    len: usize,
    ready: OnceLock<Buffer<E>>,
    recipe: Option<Recipe<E>>,
}

impl<E: Element> Data<E> {
    fn ready(buffer: Buffer<E>) -> Self {
        Self { len: buffer.as_slice().len(), ready: OnceLock::from(buffer), recipe: None }
    }

    /// The numbers, computed now if they have not been.
    fn buffer(&self) -> &Buffer<E> {
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
        self.recipe.as_ref().filter(|_| self.is_lazy()).map_or(1, |recipe| recipe.unit)
    }

    /// The number that all entries are, if a recipe says so.
    pub(crate) fn same(&self) -> Option<E> {
        self.recipe.as_ref().and_then(|recipe| recipe.same)
    }

    /// The rows besides which all entries are zero, if a recipe says so.
    pub(crate) fn rows(&self) -> Option<&Rows<E>> {
        self.recipe.as_ref()?.rows.as_deref()
    }

    /// The sum of all entries, if it takes less than to write and add them.
    pub(crate) fn total(&self) -> Option<E> {
        let recipe = self.recipe.as_ref().filter(|_| self.is_lazy())?;
        recipe.total.as_ref().map(|total| total())
    }

    /// Entries of a block.
    pub(crate) fn block(&self) -> usize {
        block_of(self.unit())
    }

    /// Writes the entries from `start` on into `out`.
    pub(crate) fn write(&self, start: usize, out: &mut [E], accumulate: Accumulate) {
        match (self.ready.get(), &self.recipe, accumulate) {
            (Some(buffer), _, Accumulate::Set) => {
                out.copy_from_slice(&buffer.as_slice()[start..start + out.len()]);
            }
            (Some(buffer), _, Accumulate::Add) => {
                kernels::add_block(out, &buffer.as_slice()[start..start + out.len()]);
            }
            (None, Some(recipe), _) => (recipe.write)(start, out, accumulate),
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

/// Shared numbers of either element type.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    F32(Arc<Data<f32>>),
    F64(Arc<Data<f64>>),
}

impl Storage {
    /// Numbers that are there.
    pub(crate) fn new<E: Element>(buffer: Buffer<E>) -> Self {
        Self::of(Data::ready(buffer))
    }

    /// `len` numbers that `recipe` makes.
    pub(crate) fn lazy<E: Element>(len: usize, recipe: Recipe<E>) -> Self {
        Self::of(Data { len, ready: OnceLock::new(), recipe: Some(recipe) })
    }

    fn of<E: Element>(data: Data<E>) -> Self {
        let shared: Arc<dyn Any + Send + Sync> = Arc::new(data);
        match shared.downcast::<Data<f32>>() {
            Ok(single) => Self::F32(single),
            Err(other) => match other.downcast::<Data<f64>>() {
                Ok(double) => Self::F64(double),
                Err(_) => unreachable!("Element is sealed: f32 and f64"),
            },
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
        }
    }

    pub(crate) fn len(&self) -> usize {
        dispatch!(self.dtype(), E => self.data::<E>().map_or(0, |data| data.len))
    }

    /// Whether the numbers are still to be computed.
    pub(crate) fn is_lazy(&self) -> bool {
        dispatch!(self.dtype(), E => self.data::<E>().is_some_and(|data| data.is_lazy()))
    }

    /// Whether both are the same numbers in the same place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F32(x), Self::F32(y)) => Arc::ptr_eq(x, y),
            (Self::F64(x), Self::F64(y)) => Arc::ptr_eq(x, y),
            _ => false,
        }
    }

    /// The numbers or their recipe, if they are of type `E`.
    pub(crate) fn data<E: Element>(&self) -> Option<&Data<E>> {
        let any: &dyn Any = match self {
            Self::F32(data) => data.as_ref(),
            Self::F64(data) => data.as_ref(),
        };
        any.downcast_ref()
    }

    /// The numbers, if they are of type `E`.
    pub(crate) fn buffer<E: Element>(&self) -> Option<&Buffer<E>> {
        self.data::<E>().map(Data::buffer)
    }

    /// Whether nobody else holds the numbers.
    pub(crate) fn is_unique(&mut self) -> bool {
        match self {
            Self::F32(data) => Arc::get_mut(data).is_some(),
            Self::F64(data) => Arc::get_mut(data).is_some(),
        }
    }

    /// The numbers for writing: in place if nobody else holds them, else a copy of them.
    pub(crate) fn make_mut<E: Element>(&mut self) -> Option<&mut [E]> {
        let any: &mut dyn Any = match self {
            Self::F32(data) => Arc::make_mut(data) as &mut Data<f32>,
            Self::F64(data) => Arc::make_mut(data) as &mut Data<f64>,
        };
        let data = any.downcast_mut::<Data<E>>()?;
        data.buffer();
        data.recipe = None;
        data.ready.get_mut().map(Buffer::as_mut_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_copies_only_what_is_shared() {
        let mut one = Storage::new(Buffer::from_vec(vec![1.0_f64; 3]));
        assert!(one.is_unique());
        let other = one.clone();
        assert!(!one.is_unique());
        if let Some(values) = one.make_mut::<f64>() {
            values[0] = 5.0;
        }
        assert_eq!(one.buffer::<f64>().map(|b| b.as_slice()[0]), Some(5.0));
        assert_eq!(other.buffer::<f64>().map(|b| b.as_slice()[0]), Some(1.0));
        assert!(other.buffer::<f32>().is_none());
        assert_eq!((one.len(), one.dtype()), (3, DType::F64));
    }

    #[test]
    fn a_recipe_is_followed_by_blocks_or_once_as_a_whole() {
        let len = 5 * kernels::BLOCK + 7;
        let write: WriteBlock<f32> = Box::new(|start, out, accumulate| {
            for (i, entry) in out.iter_mut().enumerate() {
                let old = if accumulate == Accumulate::Add { *entry } else { 0.0 };
                *entry = old + ((start + i) % 1000) as f32;
            }
        });
        let mut storage =
            Storage::lazy(len, Recipe { unit: 1, write, total: None, same: None, rows: None });
        assert!(storage.is_lazy());
        let data = storage.data::<f32>().unwrap();
        let mut block = [1.0; 10];
        data.write(2000, &mut block, Accumulate::Add);
        assert_eq!(block[..3], [1.0, 2.0, 3.0]);
        assert_eq!(data.with_block(3001, 2, <[f32]>::to_vec), [1.0, 2.0]);
        assert!(data.is_lazy());
        assert_eq!(storage.buffer::<f32>().unwrap().as_slice()[len - 1], ((len - 1) % 1000) as f32);
        assert!(!storage.is_lazy());
        storage.make_mut::<f32>().unwrap()[1] = 9.0;
        let data = storage.data::<f32>().unwrap();
        data.write(0, &mut block, Accumulate::Set);
        assert_eq!(block[..3], [0.0, 9.0, 2.0]);
    }

    #[test]
    fn blocks_are_whole_rows() {
        for unit in [2, 10, 100, 300, 1200, 5000, 100_000] {
            assert_eq!(block_of(unit) % unit, 0);
            assert!(block_of(unit) <= 4 * kernels::BLOCK || block_of(unit) == 8 * unit);
        }
    }
}
