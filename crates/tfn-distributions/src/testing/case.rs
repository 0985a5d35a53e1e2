//! A distribution under test.

use tfn_tensor::{DType, Key, Tensor};

use super::{LawError, Laws, Subject};
use crate::distribution::Distribution;
use crate::error::Result as Answer;

/// Samples at which densities and gradients are looked at one by one.
pub(super) const FEW: usize = 6;

pub(super) type Outcome = Result<(), LawError>;

/// A distribution, its shapes, and samples of it.
pub(super) struct Case<'a> {
    pub(super) d: &'a dyn Distribution,
    pub(super) laws: &'a Laws,
    pub(super) batch: Vec<usize>,
    pub(super) event: Vec<usize>,
    pub(super) dtype: DType,
    /// Detached, of the shape `[samples] + batch + event`.
    pub(super) sample: Tensor,
    pub(super) entries: Vec<f64>,
}

impl<'a> Case<'a> {
    pub(super) fn new(d: &'a dyn Distribution, laws: &'a Laws) -> Result<Self, LawError> {
        let subject = Subject { law: "shapes, type and samples exist", family: d.family() };
        let sample = subject.get(d.sample(&[laws.samples], &mut laws.key().stream()))?.detach();
        Ok(Self {
            d,
            laws,
            batch: subject.get(d.batch_shape())?,
            event: subject.get(d.event_shape())?,
            dtype: subject.get(d.dtype())?,
            entries: subject.entries(Ok(sample.clone()))?,
            sample,
        })
    }

    pub(super) fn about(&self, law: &'static str) -> Subject<'a> {
        Subject { law, family: self.d.family() }
    }

    /// Entries of one sample.
    pub(super) fn width(&self) -> usize {
        self.batch.iter().chain(&self.event).product()
    }

    /// All samples of one entry.
    pub(super) fn column(&self, entry: usize) -> Vec<f64> {
        self.entries.iter().skip(entry).step_by(self.width().max(1)).copied().collect()
    }

    pub(super) fn key(&self, name: &str) -> Key {
        self.laws.key().child(name)
    }

    pub(super) fn few(&self) -> Tensor {
        self.sample.narrow(0, 0, FEW.min(self.laws.samples))
    }

    /// `values` for each entry of the batch, of scalar events.
    pub(super) fn values(&self, values: &[f64]) -> Tensor {
        let shape = [&[values.len()][..], &vec![1; self.batch.len()]].concat();
        Tensor::from_f64(values, &shape, self.dtype)
    }

    /// The log-density at each of `values` of one entry of the batch.
    pub(super) fn log_probs(&self, values: &[f64], entry: usize) -> Answer<Vec<f64>> {
        let all = self.d.log_prob(&self.values(values))?.to_f64_vec()?;
        Ok(all.into_iter().skip(entry).step_by(self.width().max(1)).collect())
    }
}
