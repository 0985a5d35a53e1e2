//! Shared numbers of either element type.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::types::{Data, LazyData, Storage, WeakStorage};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element, dispatch};

impl WeakStorage {
    /// The numbers, if anyone still holds them.
    pub(crate) fn upgrade(&self) -> Option<Storage> {
        Some(match self {
            Self::F32(data) => Storage::F32(data.upgrade()?),
            Self::F64(data) => Storage::F64(data.upgrade()?),
        })
    }
}

impl Storage {
    /// Numbers that are there.
    pub(crate) fn new<E: Element>(buffer: Buffer<E>) -> Self {
        Self::of(Data::ready(buffer))
    }

    /// `len` numbers that `lazy` makes.
    pub(crate) fn lazy<E: Element>(len: usize, lazy: LazyData<E>) -> Self {
        Self::of(Data { len, ready: OnceLock::new(), lazy: Some(lazy) })
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

    pub(crate) fn downgrade(&self) -> WeakStorage {
        match self {
            Self::F32(data) => WeakStorage::F32(Arc::downgrade(data)),
            Self::F64(data) => WeakStorage::F64(Arc::downgrade(data)),
        }
    }

    /// Whether both are the same numbers in the same place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F32(x), Self::F32(y)) => Arc::ptr_eq(x, y),
            (Self::F64(x), Self::F64(y)) => Arc::ptr_eq(x, y),
            _ => false,
        }
    }

    /// The numbers, there or still lazy, if they are of type `E`.
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
        data.lazy = None;
        data.ready.get_mut().map(Buffer::as_mut_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::WriteBlock;
    use super::*;
    use crate::kernels::{self, Accumulate};

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
    fn lazy_data_is_made_by_blocks_or_once_as_a_whole() {
        let len = 5 * kernels::BLOCK + 7;
        let write: WriteBlock<f32> = Box::new(|start, out, accumulate| {
            for (i, entry) in out.iter_mut().enumerate() {
                let old = if accumulate == Accumulate::Add { *entry } else { 0.0 };
                *entry = old + ((start + i) % 1000) as f32;
            }
        });
        let mut storage =
            Storage::lazy(len, LazyData { unit: 1, write, total: None, same: None, rows: None });
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
}
