//! Keys: names of places where random numbers are drawn.

use std::fmt;

use rand::Rng;

use super::entropy::seed_from_entropy;
use super::prf::{self, Bits};
use super::replay::Replay;
use crate::error::Result;
use crate::tensor::Tensor;

/// A pure, splittable name of random numbers: a seed and a path of labels.
///
/// Counterpart: the `seed` of a TFP sampler and `tfp.random.split_seed`. A key is a value: making a
/// child or a stream changes nothing, so what is drawn at one path does not depend on what was drawn
/// elsewhere, in which order, or on which thread. Two draws that are to be independent need two
/// paths, or must come from one [`Stream`](super::Stream).
///
/// # Examples
///
/// ```
/// use tfn_tensor::{DType, random::Key};
///
/// let key = Key::from_seed(42);
/// let layer = key.child("layers").index(0);
/// let kernel = layer.child("kernel").stream().normal(&[2, 3], DType::F32);
/// // The same path, written in one piece, gives the same numbers.
/// let again = key.child("layers/0/kernel").stream().normal(&[2, 3], DType::F32);
/// assert_eq!(kernel.to_vec::<f32>()?, again.to_vec::<f32>()?);
/// // Another path gives others.
/// let bias = layer.child("bias").stream().normal(&[2, 3], DType::F32);
/// assert_ne!(kernel.to_vec::<f32>()?, bias.to_vec::<f32>()?);
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Key {
    pub(super) bits: Bits,
    pub(super) replay: Option<Replay>,
}

impl Key {
    /// The root of the tree of keys of `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Self::from_bits(prf::root(seed))
    }

    /// A key from 256 bits of any generator.
    ///
    /// ```
    /// use rand::{SeedableRng, rngs::SmallRng};
    /// use tfn_tensor::random::Key;
    ///
    /// let mut generator = SmallRng::seed_from_u64(1);
    /// assert_ne!(Key::from_rng(&mut generator), Key::from_rng(&mut generator));
    /// ```
    pub fn from_rng<R: Rng + ?Sized>(rng: &mut R) -> Self {
        let mut bits = Bits::default();
        rng.fill_bytes(&mut bits);
        Self::from_bits(bits)
    }

    /// The key with these bytes ([`to_bytes`](Self::to_bytes)).
    ///
    /// ```
    /// use tfn_tensor::random::Key;
    ///
    /// let key = Key::from_seed(1).child("layers/0");
    /// assert_eq!(key.to_bytes().map(Key::from_bytes), Some(key));
    /// ```
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self::from_bits(bytes)
    }

    /// What the key is, to be written down; `None` for one that [replays](Self::replay) recorded draws.
    pub fn to_bytes(&self) -> Option<[u8; 32]> {
        self.replay.is_none().then_some(self.bits)
    }

    /// A key from a seed that the system chooses, as [`seed_from_entropy`] does.
    ///
    /// # Errors
    /// [`TensorError::Entropy`](crate::TensorError::Entropy) where the system has no source of
    /// randomness.
    pub fn from_entropy() -> Result<Self> {
        seed_from_entropy().map(Self::from_seed)
    }

    /// A key whose streams give recorded tensors in place of random ones.
    ///
    /// Each entry is a path and one standard draw at it. Several entries of one path are the draws of
    /// a stream at that path, in order, whichever kind of draw is asked for. As every key this one is
    /// pure: each stream taken at a path starts at its first draw. A tensor of another type than the
    /// one asked for is cast.
    ///
    /// # Errors
    /// A draw that was not recorded is a tensor that carries
    /// [`TensorError::ReplayMissing`](crate::TensorError::ReplayMissing), and one recorded in another
    /// shape carries [`TensorError::ReplayShape`](crate::TensorError::ReplayShape). Words
    /// ([`Stream::next_u64`](super::Stream::next_u64)) are not recorded: they are those of seed 0 at the same path.
    ///
    /// # Examples
    ///
    /// ```
    /// use tfn_tensor::{DType, Tensor, TensorError, random::Key};
    ///
    /// let noise = Tensor::from_vec(vec![0.5, -1.0], &[2]);
    /// let key = Key::replay([("dense/kernel".to_string(), noise)]);
    /// let mut stream = key.child("dense").child("kernel").stream();
    /// assert_eq!(stream.normal(&[2], DType::F64).to_vec::<f64>()?, [0.5, -1.0]);
    /// let next = stream.normal(&[2], DType::F64);
    /// assert!(matches!(next.error(), Some(TensorError::ReplayMissing { index: 1, .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    pub fn replay(entries: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        Self { bits: prf::root(0), replay: Some(Replay::new(entries)) }
    }

    /// The key of the child named `label`.
    ///
    /// A slash in a label separates two labels: `child("a/b")` is `child("a").child("b")`.
    #[must_use]
    pub fn child(&self, label: &str) -> Self {
        label.split('/').fold(self.clone(), |key, segment| Self {
            bits: prf::child(&key.bits, segment.as_bytes()),
            replay: key.replay.map(|replay| replay.child(segment)),
        })
    }

    /// The key of the child numbered `index`, whose label is that number in decimal digits.
    #[must_use]
    pub fn index(&self, index: u64) -> Self {
        self.child(&index.to_string())
    }

    /// The labels from the root to this key, separated by slashes, if it replays recorded draws.
    pub fn path(&self) -> Option<&str> {
        self.replay.as_ref().map(Replay::path)
    }

    fn from_bits(bits: Bits) -> Self {
        Self { bits, replay: None }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            return write!(f, "Key(replay: {path:?})");
        }
        f.write_str("Key(")?;
        for byte in &self.bits[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::random::tests::Counter;

    const fn assert_send_sync<T: Send + Sync>() {}
    const _: () = assert_send_sync::<Key>();

    #[test]
    fn an_index_is_its_digits_and_a_slash_separates() {
        let key = Key::from_seed(5);
        assert_eq!(key.index(3), key.child("3"));
        assert_eq!(key.index(u64::MAX), key.child("18446744073709551615"));
        assert_eq!(key.child("a/b/2"), key.child("a").child("b").index(2));
        assert_ne!(key.child("a").child("b"), key.child("ab"));
        assert_ne!(key.child("a").child("b"), key.child("b").child("a"));
        assert_ne!(key.child(""), key);
        assert_ne!(key.child("a/"), key.child("a"));
    }

    #[test]
    fn keys_are_pure() {
        let key = Key::from_seed(9);
        let before = key.child("a");
        let mut stream = key.stream();
        stream.next_u64();
        assert_eq!(key.child("a"), before);
        assert_eq!(key.child("a").stream().next_u64(), before.stream().next_u64());
    }

    #[test]
    fn a_generator_gives_its_next_256_bits() {
        let mut generator = Counter(1);
        let key = Key::from_rng(&mut generator);
        assert_eq!(&key.bits[..9], &[1, 0, 0, 0, 0, 0, 0, 0, 2]);
        let dynamic: &mut dyn Rng = &mut generator;
        assert_eq!(&Key::from_rng(dynamic).bits[..1], &[5]);
        assert_ne!(Key::from_entropy().unwrap(), Key::from_entropy().unwrap());
    }

    #[test]
    fn debug_names_the_place() {
        let key = Key::replay([]).child("a").index(2);
        assert_eq!(format!("{key:?}"), "Key(replay: \"a/2\")");
        assert_eq!(key.path(), Some("a/2"));
        let plain = Key::from_seed(1);
        assert_eq!((plain.path(), format!("{plain:?}").chars().count()), (None, 14));
    }
}
