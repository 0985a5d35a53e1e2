//! Streams: sequences of draws at a key.

use std::convert::Infallible;
use std::fmt;

use rand::{Rng, TryRng};
use rand_chacha::ChaCha8Rng;

use super::convert;
use super::key::Key;
use super::prf::{self, Bits};
use super::replay::Replay;
use super::words::Words;
use crate::dtype::{DType, Element, dispatch};
use crate::tensor::Tensor;

/// Number of the draw whose words [`Stream::next_u64`] and `rand` read.
const WORDS: u64 = u64::MAX;

/// A sequence of random draws at a [`Key`].
///
/// Counterpart: `tf.random.Generator`. Tensors and single words are drawn from two sequences that do
/// not move each other: the third tensor is the same however many words were drawn before it. A
/// tensor's entries do not depend on the number of threads that fill it, and a shorter draw has the
/// same entries as the beginning of a longer one in its place.
///
/// It is a generator of `rand` ([`rand::Rng`]), so that whatever samples from one samples from it.
///
/// # Examples
///
/// ```
/// use rand::RngExt;
/// use rand_distr::{Distribution, Gamma};
/// use tfn_tensor::{DType, random::Stream};
///
/// let mut stream = Stream::from_seed(1);
/// let noise = stream.normal(&[2, 3], DType::F64);
/// assert_eq!(noise.shape()?, [2, 3]);
/// let die = stream.random_range(1..=6);
/// assert!((1..=6).contains(&die));
/// let waiting: f64 = Gamma::new(2.0, 1.0)?.sample(&mut stream);
/// assert!(waiting > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Stream {
    key: Bits,
    /// Number of the next tensor.
    draw: u64,
    words: ChaCha8Rng,
    replay: Option<Replay>,
}

impl Key {
    /// The stream of draws at this key, from its first one.
    ///
    /// ```
    /// use tfn_tensor::random::Key;
    ///
    /// let key = Key::from_seed(1);
    /// assert_eq!(key.stream().next_u64(), key.stream().next_u64());
    /// ```
    pub fn stream(&self) -> Stream {
        Stream::new(prf::draws(&self.bits), self.replay.clone())
    }
}

impl Stream {
    fn new(key: Bits, replay: Option<Replay>) -> Self {
        Self { key, draw: 0, words: Words::new(key, WORDS).generator(0), replay }
    }

    /// The stream at the root key of `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Key::from_seed(seed).stream()
    }

    /// The stream at a key from 256 bits of any generator.
    pub fn from_rng<R: Rng + ?Sized>(rng: &mut R) -> Self {
        Key::from_rng(rng).stream()
    }

    /// A tensor of independent standard normals.
    ///
    /// Counterpart: `tf.random.normal`. The method is that of Box and Muller, on words of 32 bits for
    /// `f32` and 64 bits for `f64`, so that each entry takes the same number of words.
    ///
    /// # Errors
    /// The tensor carries [`TensorError::TooLarge`](crate::TensorError::TooLarge) if `shape` has more entries than memory can hold,
    /// and at a replaying key the errors of [`Key::replay`].
    ///
    /// # Examples
    ///
    /// ```
    /// use tfn_tensor::{DType, random::Stream};
    ///
    /// let short = Stream::from_seed(3).normal(&[5], DType::F32).to_vec::<f32>()?;
    /// let long = Stream::from_seed(3).normal(&[10, 10], DType::F32).to_vec::<f32>()?;
    /// assert_eq!(short, long[..5]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    ///
    /// # References
    /// G. E. P. Box and M. E. Muller, A note on the generation of random normal deviates, Annals of
    /// Mathematical Statistics 29 (1958).
    #[must_use]
    pub fn normal(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        self.draw(shape, dtype, |words, shape| match dtype {
            DType::F32 => Tensor::build::<f32>(shape, |out| convert::normal_f32(words, out)),
            DType::F64 => Tensor::build::<f64>(shape, |out| convert::normal_f64(words, out)),
        })
    }

    /// A tensor of independent uniforms in [0, 1).
    ///
    /// Counterpart: `tf.random.uniform`. The values are the multiples of 2⁻²⁴ (`f32`) or 2⁻⁵³
    /// (`f64`), equally likely.
    ///
    /// # Errors
    /// As [`normal`](Self::normal).
    #[must_use]
    pub fn uniform(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        self.draw(shape, dtype, |words, shape| match dtype {
            DType::F32 => Tensor::build::<f32>(shape, |out| convert::uniform_f32(words, out)),
            DType::F64 => Tensor::build::<f64>(shape, |out| convert::uniform_f64(words, out)),
        })
    }

    /// A tensor of independent uniforms in (0, 1), fit for a quantile function.
    ///
    /// The values are the odd multiples of 2⁻²⁴ (`f32`) or 2⁻⁵³ (`f64`), equally likely and symmetric
    /// about one half.
    ///
    /// # Errors
    /// As [`normal`](Self::normal).
    #[must_use]
    pub fn uniform_open(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        self.draw(shape, dtype, |words, shape| match dtype {
            DType::F32 => Tensor::build::<f32>(shape, |out| convert::uniform_open_f32(words, out)),
            DType::F64 => Tensor::build::<f64>(shape, |out| convert::uniform_open_f64(words, out)),
        })
    }

    /// A tensor of independent signs, −1 or 1, the same ones for either type.
    ///
    /// Counterpart: `tfp.random.rademacher`.
    ///
    /// # Errors
    /// As [`normal`](Self::normal).
    #[must_use]
    pub fn signs(&mut self, shape: &[usize], dtype: DType) -> Tensor {
        self.draw(shape, dtype, |words, shape| {
            dispatch!(dtype, E => Tensor::build::<E>(shape, |out| {
                words.fill_signs(out, E::from_f64(-1.0), E::from_f64(1.0));
            }))
        })
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// The next 64 random bits: two words of 32, the lower one first.
    pub fn next_u64(&mut self) -> u64 {
        self.words.next_u64()
    }

    fn draw(
        &mut self,
        shape: &[usize],
        dtype: DType,
        make: impl FnOnce(Words, &[usize]) -> Tensor,
    ) -> Tensor {
        let draw = self.draw;
        self.draw += 1;
        if let Some(replay) = &self.replay {
            return replay.draw(draw, shape, dtype);
        }
        make(Words::new(self.key, draw), shape)
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.words.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.words.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.words.fill_bytes(bytes);
        Ok(())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Stream");
        if let Some(replay) = &self.replay {
            shown.field("replay", &replay.path());
        }
        shown.field("next", &self.draw).finish_non_exhaustive()
    }
}
