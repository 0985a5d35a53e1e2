//! Tensors recognised by what is known of them, without keeping their numbers.

use std::fmt;
use std::sync::Arc;

use super::types::{Array, Tensor};
use crate::storage::WeakStorage;

/// The place of a tensor's numbers, which does not keep them: what is known of a draw can be filed under it, and dropped once
/// the draw is.
///
/// # Examples
/// ```
/// # use tfn_tensor::Tensor;
/// let x = Tensor::from_vec(vec![1.0, 2.0], &[2]);
/// let weak = x.downgrade().unwrap();
/// assert!(weak.upgrade().unwrap().is_same(&x));
/// drop(x);
/// assert!(weak.upgrade().is_none());
/// ```
#[derive(Clone)]
pub struct WeakTensor {
    shape: Arc<[usize]>,
    storage: WeakStorage,
}

impl WeakTensor {
    /// The tensor, without its graph, if any tensor still holds the numbers.
    pub fn upgrade(&self) -> Option<Tensor> {
        let storage = self.storage.upgrade()?;
        Some(Tensor::from_array(Array { shape: self.shape.clone(), storage, edge: None }))
    }
}

impl fmt::Debug for WeakTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakTensor").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Tensor {
    /// The place of its numbers; `None` if it carries an error.
    pub fn downgrade(&self) -> Option<WeakTensor> {
        let array = self.array().ok()?;
        Some(WeakTensor { shape: array.shape.clone(), storage: array.storage.downgrade() })
    }
}
