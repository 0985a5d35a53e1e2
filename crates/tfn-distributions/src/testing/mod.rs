//! The laws that distributions, bijectors and divergences are tested by: this crate's and anyone's.
//!
//! For tests of one's own families. Each check runs all laws that apply, and reports the
//! first one broken by name, with what was given and what was expected.
//!
//! The statistical laws draw at fixed keys. Each fails by chance with a probability below 1e-9, so that thousands
//! of them stay below 1e-6.

mod bijector;
mod case;
mod circle;
mod density;
mod differences;
mod distribution;
mod integration;
mod kl;
mod kl_integral;
mod reparameterized;
mod statistics;
mod vectors;

pub use bijector::{check_bijector, check_bijector_at};
pub use distribution::check_distribution;
pub use kl::check_kl;

use tfn_tensor::{DType, Key};

use crate::error::DistributionError;

/// How the laws are tested.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Laws {
    /// Seed of all draws.
    pub seed: u64,
    /// Number of samples that statistical laws draw.
    pub samples: usize,
}

impl Default for Laws {
    fn default() -> Self {
        Self { seed: 20_260_101, samples: 20_000 }
    }
}

impl Laws {
    /// The same with another seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same with another number of samples.
    #[must_use]
    pub fn with_samples(self, samples: usize) -> Self {
        Self { samples, ..self }
    }

    fn key(&self) -> Key {
        Key::from_seed(self.seed).child("laws")
    }
}

/// A law that does not hold, or could not be tested.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LawError {
    /// A law does not hold.
    #[error("{family} breaks the law `{law}`: {given}, expected {expected}")]
    Broken {
        /// The law.
        law: &'static str,
        /// The family, bijector or pair.
        family: String,
        /// What was found.
        given: String,
        /// What the law says.
        expected: String,
    },
    /// A method failed.
    #[error("{family}, law `{law}`: {source}")]
    Failed {
        /// The law.
        law: &'static str,
        /// The family, bijector or pair.
        family: String,
        /// What the method reported.
        source: Box<DistributionError>,
    },
}

/// A law under test, and what it is tested on.
#[derive(Clone, Copy)]
struct Subject<'a> {
    law: &'static str,
    family: &'a str,
}

impl Subject<'_> {
    fn broken(self, given: impl Into<String>, expected: impl Into<String>) -> LawError {
        let family = self.family.to_owned();
        LawError::Broken { law: self.law, family, given: given.into(), expected: expected.into() }
    }

    fn failed(self, source: impl Into<DistributionError>) -> LawError {
        LawError::Failed {
            law: self.law,
            family: self.family.to_owned(),
            source: Box::new(source.into()),
        }
    }

    /// The value of a method that has to succeed.
    fn get<T>(self, outcome: crate::error::Result<T>) -> Result<T, LawError> {
        outcome.map_err(|source| self.failed(source))
    }

    /// The entries of a tensor that a method has to give.
    fn entries(
        self,
        outcome: crate::error::Result<tfn_tensor::Tensor>,
    ) -> Result<Vec<f64>, LawError> {
        self.get(outcome.and_then(|tensor| Ok(tensor.to_f64_vec()?)))
    }

    /// The value of a method that a family may lack.
    fn optional<T>(self, outcome: crate::error::Result<T>) -> Result<Option<T>, LawError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(DistributionError::Unsupported { .. }) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// The entries of a tensor that a family may lack.
    fn optional_entries(
        self,
        outcome: crate::error::Result<tfn_tensor::Tensor>,
    ) -> Result<Option<Vec<f64>>, LawError> {
        self.optional(outcome.and_then(|tensor| Ok(tensor.to_f64_vec()?)))
    }

    /// Checks that each entry given is that expected, up to `tolerance` of the larger of 1 and the entry.
    fn equal(self, given: &[f64], expected: &[f64], tolerance: f64) -> Result<(), LawError> {
        if given.len() != expected.len() {
            return Err(self.broken(format!("{} entries", given.len()), expected.len().to_string()));
        }
        for (i, (&given, &expected)) in given.iter().zip(expected).enumerate() {
            let near = (given - expected).abs() <= tolerance * expected.abs().max(1.0);
            if !near && given != expected {
                let expected = format!("{expected} (within {tolerance:e})");
                return Err(self.broken(format!("{given} at entry {i}"), expected));
            }
        }
        Ok(())
    }
}

/// `f64` numbers that ought to be equal may differ by this much in computations of `dtype`.
fn rounding(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => 1e-4,
        DType::F64 => 1e-10,
    }
}
