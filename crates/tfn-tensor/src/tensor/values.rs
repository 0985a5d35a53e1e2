//! How values go into a tensor and come out.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::types::{Repr, Tensor};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels;
use crate::memory;

impl Tensor {
    /// An untracked tensor all of whose entries `fill` writes; they hold arbitrary numbers before. If there are
    /// none, `fill` is not called.
    ///
    /// Every tensor with new entries is made here. It carries [`TensorError::TooLarge`] if the product of its sizes,
    /// those of 0 counted as 1, has more bytes than can be addressed; or if it is of a gibibyte or more, and has more
    /// bytes than the machine has memory and swap, or than the allocator grants when it is asked before.
    pub fn build<E: Element>(shape: &[usize], fill: impl FnOnce(&mut [E])) -> Self {
        match memory::checked_len(shape, E::DTYPE) {
            Ok(0) => Self::from_buffer(Buffer::<E>::from_vec(Vec::new()), shape),
            Ok(len) => Self::from_buffer(Buffer::build(len, fill), shape),
            Err(error) => Self::from_error(error),
        }
    }

    /// A tensor from its entries in row-major order; carries an error if their number is not the
    /// product of `shape`.
    ///
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError};
    /// let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]);
    /// assert_eq!(x.shape()?, [2, 3]);
    /// assert!(Tensor::from_vec(vec![1.0], &[2]).shape().is_err());
    /// # Ok::<(), TensorError>(())
    /// ```
    #[track_caller]
    pub fn from_vec<E: Element>(data: Vec<E>, shape: &[usize]) -> Self {
        if let Err(error) = Self::check_len("from_vec", data.len(), shape, E::DTYPE) {
            return Self::from_error(error);
        }
        Self::from_buffer(Buffer::from_vec(data), shape)
    }

    /// A tensor from a copy of its entries in row-major order.
    #[track_caller]
    pub fn from_slice<E: Element>(data: &[E], shape: &[usize]) -> Self {
        if let Err(error) = Self::check_len("from_slice", data.len(), shape, E::DTYPE) {
            return Self::from_error(error);
        }
        Self::build(shape, |out| out.copy_from_slice(data))
    }

    /// A tensor of a type chosen at run time, from numbers in `f64`.
    #[track_caller]
    pub fn from_f64(data: &[f64], shape: &[usize], dtype: DType) -> Self {
        if let Err(error) = Self::check_len("from_f64", data.len(), shape, dtype) {
            return Self::from_error(error);
        }
        dispatch!(dtype, E => Self::build::<E>(shape, |out| {
            for (o, &v) in out.iter_mut().zip(data) {
                *o = E::from_f64(v);
            }
        }))
    }

    #[track_caller]
    pub(crate) fn check_len(
        op: &'static str,
        len: usize,
        shape: &[usize],
        dtype: DType,
    ) -> Result<()> {
        if len == memory::counted_len(shape, dtype)? {
            return Ok(());
        }
        Err(TensorError::Shapes {
            op,
            lhs: vec![len],
            rhs: shape.to_vec(),
            expected: "as many entries as the shape has",
            place: Location::caller(),
        })
    }

    /// A tensor of shape `[]` with one entry.
    pub fn scalar<E: Element>(value: E) -> Self {
        Self::from_buffer(Buffer::from_vec(vec![value]), &[])
    }

    /// A tensor of shape `[]` with one entry, of a type chosen at run time.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{DType, Tensor};
    /// let half = Tensor::scalar_of(0.5, DType::F32);
    /// assert_eq!((half.dtype()?, half.item()?), (DType::F32, 0.5));
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    pub fn scalar_of(value: f64, dtype: DType) -> Self {
        Self::full(&[], value, dtype)
    }

    /// A tensor all of whose entries are `value`.
    pub fn full(shape: &[usize], value: f64, dtype: DType) -> Self {
        dispatch!(dtype, E => Self::build::<E>(shape, |out| out.fill(E::from_f64(value))))
    }

    /// A tensor of zeros.
    pub fn zeros(shape: &[usize], dtype: DType) -> Self {
        Self::full(shape, 0.0, dtype)
    }

    /// A tensor of ones.
    pub fn ones(shape: &[usize], dtype: DType) -> Self {
        Self::full(shape, 1.0, dtype)
    }

    /// A tensor that carries `error`.
    pub fn from_error(error: impl Into<Arc<TensorError>>) -> Self {
        Self(Repr::Failed(error.into()))
    }

    /// Its sizes, slowest axis first.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn shape(&self) -> Result<&[usize]> {
        Ok(&self.checked()?.shape)
    }

    /// The type of its entries.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn dtype(&self) -> Result<DType> {
        Ok(self.checked()?.dtype())
    }

    /// The number of its axes.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn ndims(&self) -> Result<usize> {
        Ok(self.checked()?.shape.len())
    }

    /// The number of its entries.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn len(&self) -> Result<usize> {
        Ok(self.checked()?.len())
    }

    /// Whether it has no entries.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Its entries in row-major order, without a copy.
    ///
    /// # Errors
    /// The error that the tensor carries, or [`TensorError::DType`] if they are not of type `E`.
    #[track_caller]
    pub fn data<E: Element>(&self) -> Result<&[E]> {
        let array = self.checked()?;
        array.storage.buffer::<E>().map(Buffer::as_slice).ok_or(TensorError::DType {
            op: "data",
            given: array.dtype(),
            expected: E::DTYPE,
            place: Location::caller(),
        })
    }

    /// A copy of its entries in row-major order.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    #[track_caller]
    pub fn to_vec<E: Element>(&self) -> Result<Vec<E>> {
        Ok(self.data::<E>()?.to_vec())
    }

    /// A copy of its entries as `f64`, whatever their type.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn to_f64_vec(&self) -> Result<Vec<f64>> {
        let array = self.checked()?;
        Ok(
            dispatch!(array.dtype(), E => array.slice::<E>().iter().map(|&v| Element::to_f64(v)).collect()),
        )
    }

    /// The entry of a tensor that has exactly one.
    ///
    /// # Errors
    /// The error that the tensor carries, or [`TensorError::Shape`] if it has more or none.
    #[track_caller]
    pub fn item(&self) -> Result<f64> {
        match self.to_f64_vec()?.as_slice() {
            &[value] => Ok(value),
            _ => Err(TensorError::Shape {
                op: "item",
                argument: "self",
                given: self.shape()?.to_vec(),
                expected: "exactly one entry".into(),
                place: Location::caller(),
            }),
        }
    }

    /// The tensor itself (a cheap clone), or the error that it carries.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn check(&self) -> Result<Self> {
        self.checked()?;
        Ok(self.clone())
    }

    /// The error that it carries, if any.
    pub fn error(&self) -> Option<&TensorError> {
        self.array().err().map(AsRef::as_ref)
    }

    /// Whether all entries are finite.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn all_finite(&self) -> Result<bool> {
        let array = self.checked()?;
        Ok(dispatch!(array.dtype(), E => kernels::all_finite(array.slice::<E>())))
    }

    /// The same values with no memory of how they were made.
    ///
    /// Counterpart: `tf.stop_gradient`.
    #[must_use]
    pub fn detach(&self) -> Self {
        let mut copy = self.clone();
        if let Repr::Array(array) = &mut copy.0 {
            array.edge = None;
        }
        copy
    }

    /// Whether a gradient can flow back through it to some variable.
    pub fn is_tracked(&self) -> bool {
        self.array().is_ok_and(|array| array.edge.is_some())
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        match self.array() {
            Err(error) => write!(f, "Tensor(error: {error})"),
            Ok(array) => {
                write!(f, "Tensor({:?}, {}, [", array.shape, array.dtype())?;
                let values = self.to_f64_vec().unwrap_or_default();
                for (i, value) in values.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{value:?}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(if values.len() > SHOWN { ", …])" } else { "])" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn assert_send_sync<T: Send + Sync>() {}
    const _: () = assert_send_sync::<Tensor>();

    #[test]
    fn values_go_in_and_out() -> Result<()> {
        let x = Tensor::from_slice(&[1.0_f32, 2.0, 3.0], &[3]);
        assert_eq!(x.data::<f32>()?, [1.0, 2.0, 3.0]);
        assert!(matches!(x.data::<f64>(), Err(TensorError::DType { given: DType::F32, .. })));
        assert_eq!(x.to_f64_vec()?, [1.0, 2.0, 3.0]);
        assert!(matches!(x.item(), Err(TensorError::Shape { .. })));
        assert_eq!(Tensor::scalar(4.0).item()?, 4.0);
        assert_eq!(Tensor::from_f64(&[0.1], &[1], DType::F32).data::<f32>()?, [0.1_f32]);
        assert!(Tensor::zeros(&[0, 3], DType::F64).is_empty()?);
        Ok(())
    }

    #[test]
    fn an_error_is_handed_over_by_every_way_out() {
        let bad = Tensor::from_vec(vec![1.0, 2.0], &[3]);
        assert!(bad.shape().is_err() && bad.dtype().is_err() && bad.len().is_err());
        assert!(bad.data::<f64>().is_err() && bad.item().is_err() && bad.check().is_err());
        assert!(bad.all_finite().is_err() && bad.gradients().is_err());
        assert!(bad.detach().error().is_some());
        assert!(format!("{bad:?}").contains("from_vec"));
    }

    #[test]
    fn all_finite_sees_each_entry() -> Result<()> {
        let mut values = vec![0.5_f32; 70_000];
        assert!(Tensor::from_slice(&values, &[70_000]).all_finite()?);
        values[69_999] = f32::NAN;
        assert!(!Tensor::from_slice(&values, &[70_000]).all_finite()?);
        Ok(())
    }
}
