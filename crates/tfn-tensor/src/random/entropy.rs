//! Seeds that nobody chose.

use crate::error::Result;

/// A seed from the system's source of randomness, to be printed and used again.
///
/// ```
/// use tfn_tensor::random::{Key, seed_from_entropy};
///
/// let seed = seed_from_entropy()?;
/// println!("seed {seed}"); // what it takes to repeat this run
/// let key = Key::from_seed(seed);
/// # assert_eq!(key, Key::from_seed(seed));
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
///
/// # Errors
/// [`TensorError::Entropy`](crate::TensorError::Entropy) where the system has no such source, as
/// WebAssembly without an operating system: take a seed from its host there.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub fn seed_from_entropy() -> Result<u64> {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // The standard library keys its hash maps from the system, once a thread, and gives each
    // `RandomState` another key; the keyed hash of nothing is 64 bits of that.
    Ok(RandomState::new().build_hasher().finish())
}

/// A seed from the system's source of randomness: there is none here.
///
/// # Errors
/// Always [`TensorError::Entropy`](crate::TensorError::Entropy).
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub fn seed_from_entropy() -> Result<u64> {
    Err(crate::error::TensorError::Entropy {
        message: "WebAssembly without an operating system has no source of randomness".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn seeds_differ_from_call_to_call_and_from_thread_to_thread() -> Result<()> {
        let here = (0..100).map(|_| seed_from_entropy());
        let there = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(seed_from_entropy)).collect();
            threads.into_iter().flat_map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let seeds = here.chain(there).collect::<Result<BTreeSet<u64>>>()?;
        assert_eq!(seeds.len(), 104);
        // Each bit is now 0 and now 1; that one is not has a probability of 2^-97.
        let (ones, zeros) = seeds.iter().fold((0, 0), |(ones, zeros), s| (ones | s, zeros | !s));
        assert_eq!((ones, zeros), (u64::MAX, u64::MAX));
        Ok(())
    }
}
