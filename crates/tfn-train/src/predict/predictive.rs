//! What a model says of targets: a mixture over draws of its weights.

mod scaled;

use std::sync::Arc;

use rayon::prelude::*;
use tfn_distributions::Distribution;
use tfn_layers::{Likelihood, align_targets};
use tfn_tensor::{DType, Key, Tensor};

use super::classes::{Prediction, Sums};
use super::draws::{Batch, Group};
use super::moments::Moments;
use crate::check::Argument;
use crate::error::{Result, TrainError};

/// The predictive distribution of each row: the mixture, with equal weights, of the model's distributions over the draws
/// ([`MonteCarlo::predict`](crate::MonteCarlo::predict)), or the one distribution that is left when draws are integrated
/// out ([`closed_form`](Self::closed_form)).
///
/// All results are exact for that mixture; it is never replaced by a normal distribution. They are of type `f64` and of
/// the shape of the targets, `[n, ..]`; densities are of the shape `[n]`.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::MonteCarlo;
///
/// let model = Sequential::of(Bayesian::builder(1, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let x = Tensor::from_vec(vec![0.0_f32, 10.0], &[2, 1]);
/// let predictive = MonteCarlo::new(200)?.predict(&model, &x, &Key::from_seed(2))?;
/// // Far from 0 it matters more what the slope is: that part of the variance is epistemic.
/// let parts = predictive.variance()?;
/// let (epistemic, aleatoric) = (parts.epistemic.to_vec::<f64>()?, parts.aleatoric.to_vec::<f64>()?);
/// assert!(epistemic[1] > epistemic[0] && aleatoric[1] == aleatoric[0]);
/// // The cdf at a quantile is its level.
/// let median = predictive.quantile(0.5)?;
/// assert!(predictive.cdf(&median)?.to_vec::<f64>()?.iter().all(|p| (p - 0.5).abs() < 1e-12));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictive {
    head: Arc<dyn Likelihood>,
    batches: Vec<Batch>,
    /// `[n, ..]`.
    shape: Vec<usize>,
    /// What distances from the mean are multiplied by.
    factor: f64,
}

/// The variance of a prediction, and what it is made of: `total = aleatoric + epistemic`.
///
/// # References
/// Depeweg et al., *Decomposition of uncertainty in Bayesian deep learning*, ICML 2018, equation 2.
#[derive(Clone, Debug)]
pub struct Variance {
    /// Variance of the target.
    pub total: Tensor,
    /// What the data leave open in any case: the mean over draws of the variance within each.
    pub aleatoric: Tensor,
    /// What is not known of the weights: the variance between the draws' means.
    pub epistemic: Tensor,
}

impl Predictive {
    pub(super) fn new(head: Arc<dyn Likelihood>, batches: Vec<Batch>) -> Result<Self> {
        let first = batches.first().and_then(|batch| batch.groups.first());
        let mut shape = first.map_or_else(|| Ok(vec![0]), Group::shape)?;
        let rows = batches.iter().map(|batch| batch.rows).sum();
        match shape.first_mut() {
            Some(first) => *first = rows,
            None => shape = vec![rows],
        }
        Ok(Self { head, batches, shape, factor: 1.0 })
    }

    /// What several models say of the same rows together: the mixture of all their draws, a deep ensemble.
    ///
    /// Each draw has the same weight, so that a model with more draws has more. What the models differ in counts as
    /// epistemic.
    ///
    /// # Errors
    /// [`TrainError::Shape`](crate::TrainError::Shape) if there are none, for predictions of other rows or in other
    /// batches, and for [scaled](Self::scaled) ones.
    ///
    /// # References
    /// Lakshminarayanan, Pritzel, Blundell, *Simple and scalable predictive uncertainty estimation using deep ensembles*, NeurIPS
    /// 2017, section 2.4.
    ///
    /// # Examples
    /// See [`CrossConformalIntervals`](crate::calibrate::CrossConformalIntervals).
    pub fn mixture(parts: &[Self]) -> Result<Self> {
        let rows = |part: &Self| part.batches.iter().map(|batch| batch.rows).collect::<Vec<_>>();
        let error = |given: &[usize], expected: &str| TrainError::Shape {
            op: "Predictive::mixture",
            argument: "parts",
            given: given.to_vec(),
            expected: expected.to_owned(),
        };
        let Some((first, others)) = parts.split_first() else {
            return Err(error(&[0], "at least one part"));
        };
        let mut all = first.clone();
        for part in parts {
            let is_same = part.shape == first.shape && rows(part) == rows(first);
            if !is_same || part.factor != 1.0 {
                let expected =
                    "predictions of the same rows in the same batches, none of them scaled";
                return Err(error(&part.shape, expected));
            }
        }
        for part in others {
            for (batch, more) in all.batches.iter_mut().zip(&part.batches) {
                batch.groups.extend(more.groups.iter().cloned());
            }
        }
        Ok(all)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of the targets, `[n, ..]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of draws: the most that a row has; 1 where draws are integrated out.
    pub fn draws(&self) -> usize {
        self.batches.iter().map(Batch::draws).max().unwrap_or(0)
    }

    /// Expected value of the targets.
    ///
    /// # Errors
    /// If the head's distribution has no mean.
    pub fn mean(&self) -> Result<Tensor> {
        self.of_batches(&self.shape, |batch, _| {
            batch.average(&|distribution| Ok(distribution.mean()?))
        })
    }

    /// Variance of the targets, and what it is made of.
    ///
    /// # Errors
    /// If the head's distribution has no mean or variance.
    pub fn variance(&self) -> Result<Variance> {
        let moments: Vec<Moments> =
            self.batches.par_iter().map(Batch::moments).collect::<Result<_>>()?;
        let square = self.factor * self.factor;
        let all = |of: fn(&Moments) -> Vec<f64>| {
            let values = moments.iter().flat_map(of).map(|variance| square * variance);
            Tensor::from_vec(values.collect::<Vec<f64>>(), &self.shape).check()
        };
        Ok(Variance {
            total: all(Moments::total)?,
            aleatoric: all(Moments::within)?,
            epistemic: all(Moments::between)?,
        })
    }

    /// Standard deviation of the targets.
    ///
    /// # Errors
    /// As [`variance`](Self::variance).
    pub fn stddev(&self) -> Result<Tensor> {
        Ok(self.variance()?.total.sqrt())
    }

    /// Log-density of the targets, by row: `log (1/S) Σₛ p(y | draw s)`.
    ///
    /// # Shapes
    /// `targets`: `[n, ..]` as [`shape`](Self::shape) says, where `[n]` and `[n, 1]` are the same. The result: `[n]`.
    ///
    /// # Errors
    /// [`LayerError::Targets`](tfn_layers::LayerError::Targets) for another shape; what the head reports.
    pub fn log_prob(&self, targets: &Tensor) -> Result<Tensor> {
        let targets = self.before_scaling(&align_targets(targets, &self.shape)?)?;
        let log_det = self.log_det();
        self.of_batches(&[self.len()], |batch, start| {
            let of_batch = targets.narrow(0, start, batch.rows);
            let mut by_draw: Vec<Vec<f64>> = Vec::new();
            let log_prob = |distribution: &dyn Distribution| {
                let targets = of_batch.cast(distribution.dtype()?);
                Ok(self.head.log_prob(distribution, &targets)?)
            };
            batch.fold(&log_prob, |values| by_draw.push(values.to_vec()))?;
            let count = by_draw.len() as f64;
            let of_row = |row: usize| {
                let largest =
                    by_draw.iter().map(|draw| draw[row]).fold(f64::NEG_INFINITY, f64::max);
                if by_draw.iter().any(|draw| draw[row].is_nan()) {
                    return f64::NAN;
                }
                if !largest.is_finite() {
                    return largest;
                }
                let sum: f64 = by_draw.iter().map(|draw| (draw[row] - largest).exp()).sum();
                largest + (sum / count).ln() - log_det
            };
            Ok((0..batch.rows).map(of_row).collect())
        })
    }

    /// Probability of targets of at most `value`, entry by entry.
    ///
    /// # Shapes
    /// As of [`log_prob`](Self::log_prob); the result has the shape of the targets.
    ///
    /// # Errors
    /// As [`log_prob`](Self::log_prob), and if the head's distribution has no cdf.
    pub fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        let value = self.before_scaling(&align_targets(value, &self.shape)?)?;
        self.of_batches(&self.shape, |batch, start| {
            let shape = batch.groups.first().map_or_else(|| Ok(Vec::new()), Group::shape)?;
            batch.cdf(&shape, &value.narrow(0, start, batch.rows).to_f64_vec()?)
        })
    }

    /// The outcome below which the probability is `p`: the root of the mixture's cdf; of counts the first whole number
    /// that reaches `p`.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a `p` outside 0 to 1, ends excluded; if the head's distribution has no cdf, or is over
    /// something else than numbers.
    pub fn quantile(&self, p: f64) -> Result<Tensor> {
        Argument::new("quantile", "p", p).probability()?;
        self.after_scaling(self.of_batches(&self.shape, |batch, _| batch.quantile(p))?)
    }

    /// The central interval that holds a target with the probability `level`: its lower and upper ends.
    ///
    /// # Errors
    /// As [`quantile`](Self::quantile).
    pub fn interval(&self, level: f64) -> Result<[Tensor; 2]> {
        Argument::new("interval", "level", level).probability()?;
        Ok([self.quantile(0.5 - 0.5 * level)?, self.quantile(0.5 + 0.5 * level)?])
    }

    /// Samples of the targets.
    ///
    /// Each sample uses the same draw of the weights for all rows, because a draw of the weights is one function of all
    /// rows. Where draws are integrated out, each entry is drawn by itself.
    ///
    /// # Shapes
    /// `[samples, n, ..]`
    ///
    /// # Errors
    /// What the head's distribution reports.
    pub fn sample(&self, samples: usize, key: &Key) -> Result<Tensor> {
        let chosen = key.child("draw").stream().uniform(&[samples], DType::F64).to_vec::<f64>()?;
        let parts = self.batches.par_iter().enumerate().map(|(number, batch)| {
            batch.sample(&chosen, &key.child("batch").index(number as u64), &self.shape)
        });
        let parts = parts.collect::<Result<Vec<Tensor>>>()?;
        self.after_scaling(Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1).check()?)
    }

    /// The continuous ranked probability score at each target, exact for draws that are normal; see
    /// [`Regression::crps`](crate::metrics::Regression::crps).
    ///
    /// # Errors
    /// As [`log_prob`](Self::log_prob), and [`DistributionError::Unsupported`](tfn_distributions::DistributionError::Unsupported) if the draws are not normal.
    pub fn crps(&self, targets: &Tensor) -> Result<Vec<f64>> {
        let targets = self.before_scaling(&align_targets(targets, &self.shape)?)?;
        let scores = self.of_batches(&self.shape, |batch, start| {
            batch.crps(&targets.narrow(0, start, batch.rows).to_f64_vec()?)
        })?;
        Ok(scores.to_f64_vec()?.into_iter().map(|score| self.factor * score).collect())
    }

    /// Probabilities of classes, averaged over the draws, and the parts of their uncertainty.
    ///
    /// # Errors
    /// [`TrainError::NotClasses`](crate::TrainError::NotClasses) for a model of something else.
    pub fn classes(&self) -> Result<Prediction> {
        let parts = self.batches.par_iter().map(|batch| {
            let mut sums = Sums::default();
            batch.groups.iter().try_for_each(|group| sums.add(&group.class_log_probs()?))?;
            sums.prediction()
        });
        Prediction::concat(&parts.collect::<Result<Vec<_>>>()?)
    }

    /// What `of` makes of each batch and its first row, one after the other, in `shape`.
    fn of_batches(
        &self,
        shape: &[usize],
        of: impl Fn(&Batch, usize) -> Result<Vec<f64>> + Sync,
    ) -> Result<Tensor> {
        let starts: Vec<usize> = self
            .batches
            .iter()
            .scan(0, |next, batch| Some(std::mem::replace(next, *next + batch.rows)))
            .collect();
        let parts = self.batches.par_iter().zip(starts).map(|(batch, start)| of(batch, start));
        let values = parts.collect::<Result<Vec<Vec<f64>>>>()?.concat();
        Ok(Tensor::from_vec(values, shape).check()?)
    }
}

#[cfg(test)]
mod tests;
