//! nalgebra's vectors and matrices, in and out.
//!
//! A tensor's entries lie row-major, nalgebra's column by column. The same buffer therefore reads as a
//! matrix whose columns are the tensor's rows: a batch `[batch, in]` is an `in × batch` matrix.

use std::panic::Location;

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::error::{Result, TensorError};
use crate::tensor::Tensor;

impl<E: Element> From<DVector<E>> for Tensor {
    /// A tensor of shape `[len]` over the vector's own entries.
    fn from(vector: DVector<E>) -> Self {
        let shape = [vector.len()];
        Self::from_buffer(Buffer::from_vector(vector), &shape)
    }
}

impl From<&Self> for Tensor {
    fn from(tensor: &Self) -> Self {
        tensor.clone()
    }
}

impl Tensor {
    /// A tensor `[columns, rows]` over the matrix's own entries: each column becomes a row.
    ///
    /// ```
    /// use nalgebra::DMatrix;
    /// use tfn_tensor::Tensor;
    ///
    /// // Two examples of three features, one a column.
    /// let x = Tensor::from_columns(DMatrix::from_column_slice(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    /// assert_eq!(x.shape()?, [2, 3]);
    /// assert_eq!(x.columns::<f64>()?.column(1).as_slice(), [4.0, 5.0, 6.0]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    pub fn from_columns<E: Element>(matrix: DMatrix<E>) -> Self {
        let shape = [matrix.ncols(), matrix.nrows()];
        Self::from_vec::<E>(matrix.data.into(), &shape)
    }

    /// A tensor `[rows, columns]` that reads as the matrix is written, by a copy.
    pub fn from_matrix<E: Element>(matrix: &DMatrix<E>) -> Self {
        Self::from_columns(matrix.transpose())
    }

    /// Its entries as a matrix of `last axis × everything before it`, without a copy.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    #[track_caller]
    pub fn columns<E: Element>(&self) -> Result<DMatrixView<'_, E>> {
        let data = self.data::<E>()?;
        let rows = self.shape()?.last().copied().unwrap_or(1);
        let columns = data.len().checked_div(rows).unwrap_or(0);
        Ok(DMatrixView::from_slice(data, rows, columns))
    }

    /// A tensor `[rows, columns]` as the matrix it reads as, by a copy.
    ///
    /// # Errors
    /// As [`data`](Self::data), and [`TensorError::Shape`] if it has not two axes.
    #[track_caller]
    pub fn to_dmatrix<E: Element>(&self) -> Result<DMatrix<E>> {
        let data = self.data::<E>()?;
        match self.shape()? {
            &[rows, columns] => Ok(DMatrix::from_row_slice(rows, columns, data)),
            shape => Err(TensorError::Shape {
                op: "to_dmatrix",
                argument: "self",
                given: shape.to_vec(),
                expected: "two axes".into(),
                place: Location::caller(),
            }),
        }
    }

    /// All its entries as a vector, by a copy.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    #[track_caller]
    pub fn to_dvector<E: Element>(&self) -> Result<DVector<E>> {
        Ok(DVector::from_column_slice(self.data::<E>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_and_matrices_move_without_a_copy() -> Result<()> {
        let vector = DVector::from_vec(vec![1.0, 2.0]);
        let address = vector.as_ptr();
        assert_eq!(Tensor::from(vector).data::<f64>()?.as_ptr(), address);
        let matrix = DMatrix::from_row_slice(2, 3, &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let read = Tensor::from_matrix(&matrix);
        assert_eq!(
            (read.shape()?, read.to_vec::<f32>()?),
            (&[2, 3][..], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        );
        assert_eq!(read.to_dmatrix::<f32>()?, matrix);
        assert_eq!(read.columns::<f32>()?, matrix.transpose());
        assert_eq!(read.to_dvector::<f32>()?.len(), 6);
        assert!(Tensor::zeros(&[0], crate::DType::F32).columns::<f32>()?.is_empty());
        assert!(Tensor::scalar(1.0).to_dmatrix::<f64>().is_err());
        Ok(())
    }
}
