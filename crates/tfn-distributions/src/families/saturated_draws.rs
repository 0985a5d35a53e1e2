//! Draws that a bijector rounded to the end of its range, with what they were before.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tfn_tensor::{Tensor, WeakTensor};

/// The draws of a distribution that no inverse leads back from, such as a `tanh` that was rounded to 1, as long as anyone
/// holds them.
///
/// TFP keeps all draws, in a cache of the bijector. A clone starts without any.
#[derive(Default)]
pub(super) struct SaturatedDraws {
    /// What was drawn, and what it was before the bijector.
    pairs: Mutex<Vec<(WeakTensor, Tensor)>>,
}

impl SaturatedDraws {
    /// Keeps what `drawn` was `before` the bijector.
    pub(super) fn keep(&self, drawn: &Tensor, before: &Tensor) {
        let Some(weak) = drawn.downgrade() else { return };
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.retain(|(drawn, _)| drawn.upgrade().is_some());
        pairs.push((weak, before.clone()));
    }

    /// What this very tensor was before the bijector; without gradient if it has none itself.
    pub(super) fn before(&self, drawn: &Tensor) -> Option<Tensor> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.retain(|(drawn, _)| drawn.upgrade().is_some());
        let is_it = |kept: &WeakTensor| kept.upgrade().is_some_and(|kept| kept.is_same(drawn));
        let (_, before) = pairs.iter().find(|(kept, _)| is_it(kept))?;
        Some(if drawn.is_tracked() { before.clone() } else { before.detach() })
    }
}

impl Clone for SaturatedDraws {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for SaturatedDraws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaturatedDraws").finish_non_exhaustive()
    }
}
