//! A tensor as this crate sees it: its entries or their recipe, and the error in their place.

use std::sync::Arc;

use super::types::{Edge, Live, Repr, Tensor};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Result, TensorError};
use crate::kernels::Accumulate;
use crate::shape::count;
use crate::storage::{Data, Recipe, Rows, Storage};

impl Live {
    /// The entries, known to be of type `E` by a check or a dispatch on the type.
    pub(crate) fn slice<E: Element>(&self) -> &[E] {
        match self.storage.buffer::<E>() {
            Some(buffer) => buffer.as_slice(),
            None => unreachable!("entries read as another type than the checked one"),
        }
    }

    /// The entries or their recipe, of a type known as for [`slice`](Self::slice).
    pub(crate) fn entries<E: Element>(&self) -> &Data<E> {
        match self.storage.data::<E>() {
            Some(data) => data,
            None => unreachable!("entries read as another type than the checked one"),
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.storage.dtype()
    }

    pub(crate) fn len(&self) -> usize {
        self.storage.len()
    }
}

impl Tensor {
    pub(crate) fn live(&self) -> Result<&Live, &Arc<TensorError>> {
        match &self.0 {
            Repr::Live(live) => Ok(live),
            Repr::Failed(error) => Err(error),
        }
    }

    pub(crate) fn from_live(live: Live) -> Self {
        Self(Repr::Live(live))
    }

    /// An untracked tensor over a buffer that has as many entries as the shape asks.
    pub(crate) fn from_buffer<E: Element>(buffer: Buffer<E>, shape: &[usize]) -> Self {
        debug_assert_eq!(buffer.as_slice().len(), count(shape));
        Self::from_live(Live { shape: shape.into(), storage: Storage::new(buffer), edge: None })
    }

    /// An untracked tensor whose entries `write` makes when they are wanted, block by block or all at once:
    /// see [`Recipe`].
    pub(crate) fn lazy<E: Element>(
        shape: &[usize],
        unit: usize,
        write: impl Fn(usize, &mut [E], Accumulate) + Send + Sync + 'static,
    ) -> Self {
        let unit = unit.max(1);
        let write = Box::new(write);
        Self::of_recipe(shape, Recipe { unit, write, total: None, same: None, rows: None })
    }

    /// An untracked tensor whose entries a recipe makes.
    pub(crate) fn of_recipe<E: Element>(shape: &[usize], recipe: Recipe<E>) -> Self {
        let storage = Storage::lazy::<E>(count(shape), recipe);
        Self::from_live(Live { shape: shape.into(), storage, edge: None })
    }

    /// The rows besides which all its entries are zero, if they are known and of type `E`.
    pub(crate) fn rows<E: Element>(&self) -> Option<&Rows<E>> {
        self.live().ok()?.storage.data::<E>()?.rows()
    }

    /// Whether its entries are still to be computed.
    pub(crate) fn is_lazy(&self) -> bool {
        self.live().is_ok_and(|live| live.storage.is_lazy())
    }

    pub(super) fn checked(&self) -> Result<&Live> {
        self.live().map_err(|error| error.as_ref().clone())
    }

    pub(crate) fn with_edge(self, edge: Edge) -> Self {
        match self.0 {
            Repr::Live(live) => Self::from_live(Live { edge: Some(edge), ..live }),
            failed @ Repr::Failed(_) => Self(failed),
        }
    }

    /// Whether this is the only holder of the entries.
    pub(crate) fn is_unique(&mut self) -> bool {
        match &mut self.0 {
            Repr::Live(live) => live.storage.is_unique(),
            Repr::Failed(_) => false,
        }
    }

    /// The entries for writing, in place if this is the only holder of them.
    pub(crate) fn make_mut<E: Element>(&mut self) -> Option<&mut [E]> {
        match &mut self.0 {
            Repr::Live(live) => live.storage.make_mut::<E>(),
            Repr::Failed(_) => None,
        }
    }
}
