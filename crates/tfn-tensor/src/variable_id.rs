//! Which variable it is: all that a graph has to know of one.

use std::sync::atomic::{AtomicU64, Ordering};

/// Identity of a variable: equal for clones of one cell, different for any two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(u64);

impl VariableId {
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
