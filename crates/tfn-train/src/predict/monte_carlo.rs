//! Draws of a model's output, batch by batch.

use rayon::prelude::*;
use tfn_layers::Model;
use tfn_tensor::{DType, Key, Tensor};

use super::classes::{Prediction, Sums, shape_error};
use super::draws::{Batch, Group};
use super::moments::Progress;
use super::predictive::Predictive;
use super::rows::{batches, check_outputs, rows_of};
use crate::check::Argument;
use crate::error::Result;

/// Prediction by a number of draws of the weights.
///
/// The draws together are a mixture: [`predict`](Self::predict) keeps it as it is, for any likelihood;
/// [`classify`](Self::classify) keeps the averages that classes are judged by.
///
/// Features are taken a batch at a time, and batch b draws from child b of the key: the same key and
/// [`batch_size`](Self::batch_size) give the same numbers, on any number of threads. What does not depend on the draw is
/// done once ([`Layer::prepare`](tfn_layers::Layer::prepare)), and draws run on several threads of rayon's pool.
///
/// # Threads
/// The pool is that of the thread that asks, so how many threads a prediction takes is up to the caller:
/// `pool.install(|| monte_carlo.predict(..))` takes those of `pool`. Without one it is rayon's global pool, whose size
/// `RAYON_NUM_THREADS` sets. Where many threads ask at once for a few rows each, a pool of one thread for each of them keeps
/// the longest wait short (docs/performance.md).
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::MonteCarlo;
///
/// let model = Sequential::of(Bayesian::builder(3, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let (x, key) = (Tensor::ones(&[5, 3], DType::F32), Key::from_seed(2));
/// let monte_carlo = MonteCarlo::new(32)?;
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
/// let on_one = pool.install(|| monte_carlo.predict(&model, &x, &key))?;
/// let on_all = monte_carlo.predict(&model, &x, &key)?;
/// assert_eq!(on_one.mean()?.to_vec::<f64>()?, on_all.mean()?.to_vec::<f64>()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::MonteCarlo;
///
/// let model = Sequential::of(Bayesian::builder(3, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let x = Tensor::ones(&[5, 3], DType::F32);
/// let predictive = MonteCarlo::new(32)?.predict(&model, &x, &Key::from_seed(2))?;
/// let [low, high] = predictive.interval(0.9)?;
/// assert_eq!(low.shape()?, [5, 1]);
/// assert!(low.to_vec::<f64>()?[0] < high.to_vec::<f64>()?[0]);
/// // As many draws as the means need, at most 512.
/// let exact = MonteCarlo::new(512)?.until(0.05)?.predict(&model, &x, &Key::from_seed(2))?;
/// assert!(exact.draws() <= 512);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonteCarlo {
    samples: usize,
    batch_size: usize,
    standard_error: Option<f64>,
}

/// Draws that are held at a time.
const GROUP: usize = 64;
/// Draws after which [`MonteCarlo::until`] looks at the error again.
const STEP: usize = 16;
/// Fewest rows for which a matrix product is efficient. Of a batch with fewer rows, several draws go through the net together,
/// as many as it takes to have this number of rows.
const ROWS: usize = 16;

impl MonteCarlo {
    /// With so many draws, a thousand rows at a time.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if there are none.
    pub fn new(samples: usize) -> Result<Self> {
        Argument::new("MonteCarlo", "samples", samples as f64).positive()?;
        Ok(Self { samples, batch_size: 1000, standard_error: None })
    }

    /// Sets how many rows are taken at a time.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if there are none.
    pub fn batch_size(self, batch_size: usize) -> Result<Self> {
        Argument::new("MonteCarlo", "batch_size", batch_size as f64).positive()?;
        Ok(Self { batch_size, ..self })
    }

    /// Draws only until the Monte Carlo error is small, and no more than the number given to [`new`](Self::new).
    ///
    /// For each batch, draws are added, 16 at a time, until the standard error of every probability of a class is at most
    /// `standard_error`; of numbers, until that of every predictive mean is at most `standard_error` times the predictive
    /// standard deviation.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a number that is not positive.
    pub fn until(self, standard_error: f64) -> Result<Self> {
        let checked = Argument::new("MonteCarlo", "standard_error", standard_error).positive()?;
        Ok(Self { standard_error: Some(checked), ..self })
    }

    /// Number of draws; the largest one with [`until`](Self::until).
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The predictive distribution of each row of `features`: the mixture of the model's distributions over the draws.
    ///
    /// It keeps the output of the net for each draw and row. If that does not fit into memory, predict some rows at a
    /// time.
    ///
    /// # Shapes
    /// `features`: `[n, ..]`.
    ///
    /// # Errors
    /// [`TrainError::Shape`](crate::TrainError::Shape) for features without rows,
    /// [`TrainError::Entry`](crate::TrainError::Entry) for a row of which the net gives a NaN, what the net and the head report.
    pub fn predict(&self, model: &Model, features: &Tensor, key: &Key) -> Result<Predictive> {
        let batches = self.batches(features, key, |x, key| {
            let mut batch = Batch::new(rows_of(x)?);
            let mut progress: Option<Progress> = None;
            self.draw(model, x, key, |group| {
                let mut is_enough = false;
                if let Some(standard_error) = self.standard_error {
                    let progress = progress.get_or_insert_with(|| Progress::of(&group));
                    progress.add(&group)?;
                    is_enough = progress.standard_error() <= standard_error;
                }
                batch.groups.push(group);
                Ok(is_enough)
            })?;
            Ok(batch)
        })?;
        Predictive::new(model.head().clone(), batches)
    }

    /// Probabilities of classes, averaged over the draws, and the parts of their uncertainty.
    ///
    /// Nothing but running sums is kept of the draws.
    ///
    /// # Shapes
    /// `features`: `[n, ..]`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), and
    /// [`TrainError::NotClasses`](crate::TrainError::NotClasses) for a model of something else than classes.
    pub fn classify(&self, model: &Model, features: &Tensor, key: &Key) -> Result<Prediction> {
        let parts = self.batches(features, key, |x, key| {
            let mut sums = Sums::default();
            self.draw(model, x, key, |group| {
                sums.add(&group.class_log_probs()?)?;
                Ok(self.standard_error.is_some_and(|wanted| sums.standard_error() <= wanted))
            })?;
            sums.prediction()
        })?;
        Prediction::concat(&parts)
    }

    /// [`classify`](Self::classify) without a model: the caller's function `logits` makes the logits of each draw.
    ///
    /// `logits` is called once a draw, with a key of its own (child s of `key`), and gives unnormalised
    /// log-probabilities.
    ///
    /// # Shapes
    /// `logits` gives `[n, classes]`, the same at each draw.
    ///
    /// # Errors
    /// [`TrainError::Shape`](crate::TrainError::Shape) for another shape,
    /// [`TrainError::Entry`](crate::TrainError::Entry) if a logit makes the
    /// probabilities of its row NaN, and what `logits` returns.
    pub fn classify_logits(
        &self,
        key: &Key,
        mut logits: impl FnMut(&Key) -> Result<Tensor>,
    ) -> Result<Prediction> {
        let mut sums = Sums::default();
        for sample in 0..self.samples {
            let logits = logits(&key.index(sample as u64))?;
            let &[_, _] = logits.shape()? else {
                return Err(shape_error("logits", logits.shape()?, "[n, classes]"));
            };
            sums.add(&logits.expand_dims(0))?;
        }
        sums.prediction()
    }

    /// `part` of each batch, with the key of the batch.
    fn batches<T: Send>(
        &self,
        features: &Tensor,
        key: &Key,
        part: impl Fn(&Tensor, &Key) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        batches(features, self.batch_size, |x, batch| part(x, &key.index(batch)))
    }

    /// Hands over draws group after group, until one is said to be enough.
    fn draw(
        &self,
        model: &Model,
        x: &Tensor,
        key: &Key,
        mut is_enough: impl FnMut(Group) -> Result<bool>,
    ) -> Result<()> {
        let prepared = model.net().prepare(x);
        let rows = rows_of(x)?;
        let keys: Vec<Key> = (0..self.samples as u64).map(|sample| key.index(sample)).collect();
        let at_once = if self.standard_error.is_some() { STEP } else { GROUP };
        for group in keys.chunks(at_once) {
            let parts = group.par_chunks(ROWS.div_ceil(rows.max(1)));
            let draws: Vec<Result<Vec<Group>>> =
                parts.map(|keys| groups(model, &prepared(keys)?, keys)).collect();
            let mut enough = false;
            for groups in draws {
                for group in groups? {
                    enough = is_enough(group)?;
                }
            }
            if enough {
                break;
            }
        }
        Ok(())
    }
}

/// The distributions of some draws of the net's outputs, `[draws, n, ..]`.
fn groups(model: &Model, outputs: &Tensor, keys: &[Key]) -> Result<Vec<Group>> {
    let of_one = outputs.shape()?.get(1..).unwrap_or_default();
    check_outputs(outputs, of_one)?;
    if model.head().draws_together() {
        // What draws have in common is the difference of nearly equal numbers: it needs `f64`.
        let distributions = model.distributions(&outputs.cast(DType::F64), keys)?;
        return Ok(distributions.into_iter().map(|d| Group::together(d, keys.len())).collect());
    }
    Ok(model.distributions(outputs, keys)?.into_iter().map(Group::one).collect())
}

#[cfg(test)]
mod tests;
