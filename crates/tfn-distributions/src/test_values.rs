//! Numbers in and out of tensors, for the unit tests.

use tfn_tensor::Tensor;

use crate::error::Result;

/// A tensor of one axis.
pub(crate) fn row(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, &[values.len()])
}

/// The entries of a result that is no error.
pub(crate) fn entries(tensor: Result<Tensor>) -> Vec<f64> {
    tensor.unwrap().to_f64_vec().unwrap()
}
