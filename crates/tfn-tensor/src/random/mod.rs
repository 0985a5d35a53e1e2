//! Keyed random streams: draws named by seed, path and call.
//!
//! Nothing here draws from a hidden generator. A [`Key`] names a place in a tree: a seed is the root
//! and labels lead away from it. A [`Stream`] taken at a key draws one tensor a call. The three, seed,
//! path and call, say which numbers come, and nothing else does: not the order in which other places
//! are visited, not the number of threads, not what was drawn before in another place. So adding a
//! layer leaves the draws of the others as they were, and a run is repeated from one number.
//!
//! | level | made by | by which function |
//! |---|---|---|
//! | seed | [`Key::from_seed`], [`Key::from_rng`], [`Key::from_entropy`] | ChaCha20 of a fixed key |
//! | path | [`Key::child`], [`Key::index`] | ChaCha20 of the parent, a block for up to eight bytes of label |
//! | call | [`Key::stream`], then [`Stream::normal`] and its like | ChaCha8, one stream for each call |
//! | entry | its position in the tensor | the word at that position |
//!
//! Values are a promise: the numbers of a seed, path and call stay the same from version to version,
//! and a release that changes them says so. Words, uniforms and signs are the same on every machine.
//! Normals go through logarithm, sine and cosine: they are the same on one machine for any number of
//! threads, and agree to a few units in the last place between machines.
//!
//! The generators are `rand_chacha`'s, and a [`Stream`] is one of `rand`'s: it drives `rand_distr`,
//! and any other generator of `rand` makes a [`Key`]. For tests there is [`Key::replay`], whose streams
//! give recorded tensors.
//!
//! # Examples
//!
//! ```
//! use tfn_tensor::{DType, random::Key};
//!
//! let key = Key::from_seed(42);
//! for step in 0..3 {
//!     let step_key = key.child("train").index(step);
//!     let mut stream = step_key.child("layers/0/posterior").stream();
//!     let kernel_noise = stream.normal(&[4, 2], DType::F32); // call 0
//!     let bias_noise = stream.normal(&[2], DType::F32); // call 1
//!     assert_ne!(kernel_noise.to_vec::<f32>()?[..2], bias_noise.to_vec::<f32>()?);
//! }
//! # Ok::<(), tfn_tensor::TensorError>(())
//! ```
//!
//! # References
//! D. J. Bernstein, ChaCha, a variant of Salsa20 (2008). J. K. Salmon et al., Parallel random numbers:
//! as easy as 1, 2, 3 (2011), on generators that are functions of a counter. K. Claessen and M. Pałka,
//! Splittable pseudorandom number generators using cryptographic hashing (2013).

mod convert;
mod entropy;
mod key;
mod prf;
mod replay;
mod stream;
#[cfg(test)]
mod tests;
mod words;

pub use entropy::seed_from_entropy;
pub use key::Key;
pub use stream::Stream;
