//! A tensor as this crate sees it: its entries, there or still lazy, and the error in their place.

use std::sync::Arc;

use super::types::{Array, Edge, Repr, Tensor};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Result, TensorError};
use crate::kernels::Accumulate;
use crate::shape::count;
use crate::storage::{Data, LazyData, Rows, Storage};

impl Array {
    /// The entries, known to be of type `E` by a check or a dispatch on the type.
    pub(crate) fn slice<E: Element>(&self) -> &[E] {
        match self.storage.buffer::<E>() {
            Some(buffer) => buffer.as_slice(),
            None => unreachable!("entries read as another type than the checked one"),
        }
    }

    /// The entries, there or still lazy, of a type known as for [`slice`](Self::slice).
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
    pub(crate) fn array(&self) -> Result<&Array, &Arc<TensorError>> {
        match &self.0 {
            Repr::Array(array) => Ok(array),
            Repr::Failed(error) => Err(error),
        }
    }

    pub(crate) fn from_array(array: Array) -> Self {
        Self(Repr::Array(array))
    }

    /// An untracked tensor over a buffer that has as many entries as the shape asks.
    pub(crate) fn from_buffer<E: Element>(buffer: Buffer<E>, shape: &[usize]) -> Self {
        debug_assert_eq!(buffer.as_slice().len(), count(shape));
        Self::from_array(Array { shape: shape.into(), storage: Storage::new(buffer), edge: None })
    }

    /// An untracked tensor whose entries `write` makes when they are wanted, block by block or all at once:
    /// see [`LazyData`].
    pub(crate) fn lazy<E: Element>(
        shape: &[usize],
        unit: usize,
        write: impl Fn(usize, &mut [E], Accumulate) + Send + Sync + 'static,
    ) -> Self {
        let unit = unit.max(1);
        let write = Box::new(write);
        Self::from_lazy(shape, LazyData { unit, write, total: None, same: None, rows: None })
    }

    /// An untracked tensor whose entries are made when they are wanted.
    pub(crate) fn from_lazy<E: Element>(shape: &[usize], lazy: LazyData<E>) -> Self {
        let storage = Storage::lazy::<E>(count(shape), lazy);
        Self::from_array(Array { shape: shape.into(), storage, edge: None })
    }

    /// The rows besides which all its entries are zero, if they are known and of type `E`.
    pub(crate) fn rows<E: Element>(&self) -> Option<&Rows<E>> {
        self.array().ok()?.storage.data::<E>()?.rows()
    }

    /// Whether its entries are still to be computed.
    pub(crate) fn is_lazy(&self) -> bool {
        self.array().is_ok_and(|array| array.storage.is_lazy())
    }

    pub(super) fn checked(&self) -> Result<&Array> {
        self.array().map_err(|error| error.as_ref().clone())
    }

    pub(crate) fn with_edge(self, edge: Edge) -> Self {
        match self.0 {
            Repr::Array(array) => Self::from_array(Array { edge: Some(edge), ..array }),
            failed @ Repr::Failed(_) => Self(failed),
        }
    }

    /// Whether this is the only holder of the entries.
    pub(crate) fn is_unique(&mut self) -> bool {
        match &mut self.0 {
            Repr::Array(array) => array.storage.is_unique(),
            Repr::Failed(_) => false,
        }
    }

    /// The entries for writing, in place if this is the only holder of them.
    pub(crate) fn make_mut<E: Element>(&mut self) -> Option<&mut [E]> {
        match &mut self.0 {
            Repr::Array(array) => array.storage.make_mut::<E>(),
            Repr::Failed(_) => None,
        }
    }
}
