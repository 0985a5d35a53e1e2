//! The calls of a layer: which key comes next, and which was the last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties};
use tfn_tensor::Key;

/// Keys for a layer's `call`s in sequence, and the key of the last one.
///
/// Everything that a layer draws is a function of a key. `call` is [`Layer::call_at`](crate::Layer::call_at) with the
/// next key of a counter. Methods that refer to the last call, such as [`Layer::losses`](crate::Layer::losses), need
/// nothing but its key.
///
/// Whatever draws holds `Calls`, as a module. A net finds all of them and derives the keys of its own calls from them.
/// The [`Weights`](crate::Weights) of a layer have one; a layer that draws without weights holds one itself.
#[derive(Debug)]
pub struct Calls {
    root: Key,
    next: AtomicU64,
    last: Mutex<Option<Key>>,
}

impl Calls {
    /// Calls whose keys lie below `root`.
    pub fn new(root: Key) -> Self {
        Self { root, next: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// The key below which the keys of all calls lie.
    pub fn root(&self) -> &Key {
        &self.root
    }

    /// The key of the next call.
    pub fn next_key(&self) -> Key {
        self.root.index(self.next_number())
    }

    /// The number of the next call.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The key of the last call, if there was one.
    pub fn last_key(&self) -> Option<Key> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes `key` the key of the last call.
    pub fn remember(&self, key: &Key) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
    }
}

impl Module for Calls {
    fn properties<'a>(&'a self, _: &mut Properties<'a>) {}
}

/// Loaded from a file, they go on with the key that would have come next; which call was the last is forgotten.
impl Describe for Calls {
    fn class() -> String {
        "tfn.layers.Calls".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        let next = self.next.load(Ordering::Relaxed);
        description.field("root", &self.root)?.field("next", &next)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let (root, next) = (reader.field("root")?, AtomicU64::new(reader.field("next")?));
        Ok(Self { root, next, last: Mutex::new(None) })
    }
}

impl DeepCopy for Calls {
    fn deep_copy_with(&self, _: &mut Copies) -> Self {
        self.clone()
    }
}

/// A copy continues where the original stands.
impl Clone for Calls {
    fn clone(&self) -> Self {
        Self {
            root: self.root.clone(),
            next: AtomicU64::new(self.next.load(Ordering::Relaxed)),
            last: Mutex::new(self.last_key()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_one_another_and_copies_continue() {
        let calls = Calls::new(Key::from_seed(1));
        let first = calls.next_key();
        assert!(calls.last_key().is_none());
        calls.remember(&first);
        let copy = calls.clone();
        assert_eq!(copy.last_key(), Some(first.clone()));
        let second = calls.next_key();
        assert_ne!(first, second);
        assert_eq!(copy.next_key(), second);
    }
}
