//! The free list that buffers come from, and go back to.
//!
//! A training step asks for the same buffers each time. A dropped buffer therefore goes to a bounded
//! list of its thread, sorted by length, and the next request of that length takes it from there.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Entries below which the allocator is as fast as the list.
pub(crate) const SMALL: usize = 1024;
/// Bytes that one thread keeps at most, for each element type.
const KEPT_BYTES: usize = 512 << 20;

struct Pool<E> {
    free: BTreeMap<usize, Vec<Vec<E>>>,
    bytes: usize,
}

impl<E> Pool<E> {
    const fn new() -> Self {
        Self { free: BTreeMap::new(), bytes: 0 }
    }

    fn take(&mut self, len: usize) -> Option<Vec<E>> {
        let found = self.free.get_mut(&len)?.pop()?;
        self.bytes -= len * size_of::<E>();
        Some(found)
    }

    fn give(&mut self, values: Vec<E>) {
        let bytes = values.len() * size_of::<E>();
        if self.bytes + bytes <= KEPT_BYTES {
            self.bytes += bytes;
            self.free.entry(values.len()).or_default().push(values);
        }
    }
}

struct Pools {
    single: Pool<f32>,
    double: Pool<f64>,
    fresh: u64,
}

thread_local! {
    static POOLS: RefCell<Pools> =
        const { RefCell::new(Pools { single: Pool::new(), double: Pool::new(), fresh: 0 }) };
}

/// The free list of a type. Its methods are those of a type, not of any: so they are compiled here, and not anew in
/// each crate that has tensors.
pub trait Pooled: Sized {
    /// `len` numbers left by whoever had them before.
    fn stale(len: usize) -> Vec<Self>;
    /// Keeps numbers for the next who asks for as many.
    fn give_back(values: Vec<Self>);
}

impl Pooled for f32 {
    fn stale(len: usize) -> Vec<Self> {
        stale(len, |pools| &mut pools.single)
    }

    fn give_back(values: Vec<Self>) {
        give_back(values, |pools| &mut pools.single);
    }
}

impl Pooled for f64 {
    fn stale(len: usize) -> Vec<Self> {
        stale(len, |pools| &mut pools.double)
    }

    fn give_back(values: Vec<Self>) {
        give_back(values, |pools| &mut pools.double);
    }
}

fn stale<E: Clone + Default>(len: usize, pool: fn(&mut Pools) -> &mut Pool<E>) -> Vec<E> {
    if len < SMALL {
        return vec![E::default(); len];
    }
    let kept = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        let found = pool(&mut pools).take(len);
        pools.fresh += u64::from(found.is_none());
        found
    });
    kept.ok().flatten().unwrap_or_else(|| vec![E::default(); len])
}

fn give_back<E>(values: Vec<E>, pool: fn(&mut Pools) -> &mut Pool<E>) {
    // A thread that is ending has no list any more: the numbers are then simply freed.
    let _ = POOLS.try_with(|pools| {
        if let Ok(mut pools) = pools.try_borrow_mut() {
            pool(&mut pools).give(values);
        }
    });
}

/// Number of large buffers that this thread has had to ask of the allocator.
#[cfg(test)]
pub(crate) fn fresh_buffers() -> u64 {
    POOLS.with(|pools| pools.borrow().fresh)
}
