//! Draws that a bijector rounded to the end of its range, with what they were before.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tfn_tensor::Tensor;

/// How many draws are kept.
const KEPT: usize = 4;

/// The last draws of a distribution that no inverse leads back from, such as a `tanh` that was rounded to 1.
///
/// TFP keeps all of them, in a cache of the bijector. Clones share what is kept.
#[derive(Clone, Default)]
pub(super) struct SaturatedDraws {
    /// What was drawn, and what it was before the bijector, the latest last.
    pairs: Arc<Mutex<Vec<[Tensor; 2]>>>,
}

impl SaturatedDraws {
    /// Keeps `drawn`, which the bijector made of `before`.
    pub(super) fn keep(&self, drawn: &Tensor, before: &Tensor) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if pairs.len() == KEPT {
            pairs.remove(0);
        }
        pairs.push([drawn.detach(), before.clone()]);
    }

    /// What this very tensor was before the bijector; without gradient if it has none itself.
    pub(super) fn before(&self, drawn: &Tensor) -> Option<Tensor> {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let [_, before] = pairs.iter().rev().find(|[kept, _]| kept.is_same(drawn))?;
        Some(if drawn.is_tracked() { before.clone() } else { before.detach() })
    }
}

impl fmt::Debug for SaturatedDraws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaturatedDraws").finish_non_exhaustive()
    }
}
