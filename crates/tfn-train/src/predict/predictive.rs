//! What a model says of targets: a mixture over draws of its weights.

use std::sync::Arc;

use rayon::prelude::*;
use tfn_distributions::{Distribution, DistributionError, Normal, Support};
use tfn_layers::{Likelihood, align_targets};
use tfn_tensor::{DType, Key, Tensor};

use super::classes::{Prediction, Sums};
use super::quantile;
use crate::check::Argument;
use crate::error::{Result, TrainError};

/// The predictive distribution of each row: the mixture, with equal weights, of the model's distributions over the draws.
///
/// Everything asked of it is exact for that mixture: nothing is taken for a normal distribution that is none. All results
/// are of type `f64` and of the shape of the targets, `[n, ..]`; densities are of the shape `[n]`.
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

/// The draws for some consecutive rows.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) rows: usize,
    pub(super) groups: Vec<Group>,
}

/// Some draws for the rows of a batch.
#[derive(Clone, Debug)]
pub(super) struct Group {
    distribution: Arc<dyn Distribution>,
    /// How many there are along the first axis; `None` for one without such an axis.
    together: Option<usize>,
}

impl Group {
    pub(super) fn together(distribution: Arc<dyn Distribution>, draws: usize) -> Self {
        Self { distribution, together: Some(draws) }
    }

    pub(super) fn one(distribution: Arc<dyn Distribution>) -> Self {
        Self { distribution, together: None }
    }

    fn draws(&self) -> usize {
        self.together.unwrap_or(1)
    }

    /// Shape of the targets of one draw.
    fn shape(&self) -> Result<Vec<usize>> {
        let mut shape =
            [self.distribution.batch_shape()?, self.distribution.event_shape()?].concat();
        if self.together.is_some() && !shape.is_empty() {
            shape.remove(0);
        }
        Ok(shape)
    }

    /// Log-probabilities of classes, `[draws, n, .., classes]`.
    pub(super) fn class_log_probs(&self) -> Result<Tensor> {
        let not_classes =
            || TrainError::NotClasses { method: "classify", family: self.distribution.family() };
        let log_probs = self.distribution.class_log_probs().ok_or_else(not_classes)??;
        let log_probs = match self.together {
            Some(_) => log_probs,
            None => log_probs.expand_dims(0),
        };
        // A single label a row, `[draws, n, 1, 2]`, is one row of classes.
        let shape = log_probs.shape()?;
        Ok(if shape.len() == 4 && shape[2] == 1 { log_probs.squeeze(2) } else { log_probs })
    }

    /// The numbers of a tensor `[draws, ..]`, draw after draw.
    fn each<'a>(&self, values: &'a [f64]) -> std::slice::ChunksExact<'a, f64> {
        values.chunks_exact((values.len() / self.draws().max(1)).max(1))
    }
}

impl Batch {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, groups: Vec::new() }
    }

    fn draws(&self) -> usize {
        self.groups.iter().map(Group::draws).sum()
    }

    /// The sum over draws of what `add` makes of the numbers of each draw of `of`.
    fn fold(
        &self,
        of: &(dyn Fn(&dyn Distribution) -> Result<Tensor> + Sync),
        mut add: impl FnMut(&[f64]),
    ) -> Result<()> {
        for group in &self.groups {
            let values = of(group.distribution.as_ref())?.to_f64_vec()?;
            group.each(&values).for_each(&mut add);
        }
        Ok(())
    }

    /// The mean over draws of `of`.
    fn average(
        &self,
        of: &(dyn Fn(&dyn Distribution) -> Result<Tensor> + Sync),
    ) -> Result<Vec<f64>> {
        let mut sums: Vec<f64> = Vec::new();
        self.fold(of, |values| add_to(&mut sums, values.iter().copied()))?;
        let draws = self.draws() as f64;
        Ok(sums.into_iter().map(|sum| sum / draws).collect())
    }

    /// Mean, and the parts of the variance: within draws and between them.
    fn moments(&self) -> Result<Moments> {
        let mut moments = Moments::default();
        self.groups.iter().try_for_each(|group| moments.add(group))?;
        Ok(moments)
    }

    /// The cdf of the mixture at a number for each entry.
    fn cdf(&self, shape: &[usize], points: &[f64]) -> Result<Vec<f64>> {
        self.average(&|distribution| {
            Ok(distribution.cdf(&Tensor::from_f64(points, shape, distribution.dtype()?))?)
        })
    }

    /// The outcome below which the probability is `p`, for each entry.
    fn quantile(&self, p: f64) -> Result<Vec<f64>> {
        let Some(first) = self.groups.first() else { return Ok(Vec::new()) };
        let shape = first.shape()?;
        let support = first.distribution.support();
        let is_numbers = matches!(support, Support::Continuous | Support::Integers);
        if !is_numbers || !first.distribution.event_shape()?.is_empty() {
            let (family, method) = (first.distribution.family(), "quantile");
            return Err(DistributionError::Unsupported { family, method }.into());
        }
        let cdf = |points: &[f64]| self.cdf(&shape, points);
        let [low, high] = self.bracket(p)?;
        if support == Support::Integers {
            let below = low.into_iter().map(|low| low - 1.0).collect();
            return quantile::whole(&cdf, p, below, high);
        }
        quantile::continuous(&cdf, p, low, high)
    }

    /// Two numbers for each entry, between which the quantile lies: the least and the greatest of the draws' own; if they
    /// have none, by the inequality of Cantelli.
    fn bracket(&self, p: f64) -> Result<[Vec<f64>; 2]> {
        let mut ends: Option<[Vec<f64>; 2]> = None;
        let of_draw = |distribution: &dyn Distribution| {
            let level = Tensor::full(&[], p, distribution.dtype()?);
            Ok(distribution.quantile(&level)?)
        };
        let found = self.fold(&of_draw, |values| match &mut ends {
            None => ends = Some([values.to_vec(), values.to_vec()]),
            Some([low, high]) => {
                for ((low, high), &value) in low.iter_mut().zip(high).zip(values) {
                    (*low, *high) = (low.min(value), high.max(value));
                }
            }
        });
        match (found, ends) {
            (Ok(()), Some(ends)) => return Ok(ends),
            (Err(TrainError::Distribution(DistributionError::Unsupported { .. })), _) => {}
            (Err(error), _) => return Err(error),
            (Ok(()), None) => return Ok([Vec::new(), Vec::new()]),
        }
        let moments = self.moments()?;
        // A little more than needed, for rounding.
        let [down, up] = [(1.0 - p) / p, p / (1.0 - p)].map(|odds: f64| 1.001 * odds.sqrt() + 1e-3);
        let (mean, variance) = (moments.mean(), moments.total());
        let side = |sign: f64, times: f64| {
            let at = |(mean, variance): (&f64, &f64)| mean + sign * times * variance.sqrt();
            mean.iter().zip(&variance).map(at).collect::<Vec<f64>>()
        };
        Ok([side(-1.0, down), side(1.0, up)])
    }
}

/// Running sums of the draws' means and variances, for each entry.
#[derive(Debug, Default)]
pub(super) struct Moments {
    draws: usize,
    /// The means of the first draw, from which all others are measured: so nothing cancels.
    origin: Vec<f64>,
    distances: Vec<f64>,
    squares: Vec<f64>,
    within: Vec<f64>,
}

impl Moments {
    /// Adds the draws of a group.
    fn add(&mut self, group: &Group) -> Result<()> {
        let distribution = group.distribution.as_ref();
        let means = distribution.mean()?.to_f64_vec()?;
        let within = distribution.variance()?.to_f64_vec()?;
        for means in group.each(&means) {
            if self.draws == 0 {
                self.origin = means.to_vec();
            }
            let distances = means.iter().zip(&self.origin).map(|(mean, origin)| mean - origin);
            let distances: Vec<f64> = distances.collect();
            add_to(&mut self.squares, distances.iter().map(|distance| distance * distance));
            add_to(&mut self.distances, distances.into_iter());
            self.draws += 1;
        }
        group.each(&within).for_each(|of_draw| add_to(&mut self.within, of_draw.iter().copied()));
        Ok(())
    }

    fn mean(&self) -> Vec<f64> {
        let count = self.draws as f64;
        self.origin.iter().zip(&self.distances).map(|(origin, sum)| origin + sum / count).collect()
    }

    /// Variance between the draws' means.
    fn between(&self) -> Vec<f64> {
        let count = self.draws as f64;
        let of_one =
            |(square, sum): (&f64, &f64)| (square / count - (sum / count).powi(2)).max(0.0);
        self.squares.iter().zip(&self.distances).map(of_one).collect()
    }

    /// Mean of the draws' variances.
    fn within(&self) -> Vec<f64> {
        let count = self.draws as f64;
        self.within.iter().map(|sum| sum / count).collect()
    }

    fn total(&self) -> Vec<f64> {
        let both = self.between().into_iter().zip(self.within());
        both.map(|(between, within)| between + within).collect()
    }

    /// The largest standard error of a mean, in predictive standard deviations.
    fn standard_error(&self) -> f64 {
        let count = self.draws as f64;
        let errors = self.between().into_iter().map(|between| between / (count - 1.0).max(1.0));
        let relative = errors
            .zip(self.total())
            .map(|(error, total)| if total > 0.0 { error / total } else { 0.0 });
        relative.fold(0.0, f64::max).sqrt()
    }
}

/// The Monte Carlo error of what is looked at while draws are added: of probabilities, or of means.
pub(super) enum Progress {
    Classes(Sums),
    Numbers(Moments),
}

impl Progress {
    /// What is to be looked at for draws such as these.
    pub(super) fn of(group: &Group) -> Self {
        match group.distribution.class_log_probs() {
            Some(_) => Self::Classes(Sums::default()),
            None => Self::Numbers(Moments::default()),
        }
    }

    pub(super) fn add(&mut self, group: &Group) -> Result<()> {
        match self {
            Self::Classes(sums) => sums.add(&group.class_log_probs()?),
            Self::Numbers(moments) => moments.add(group),
        }
    }

    /// The largest standard error.
    pub(super) fn standard_error(&self) -> f64 {
        match self {
            Self::Classes(sums) => sums.standard_error(),
            Self::Numbers(moments) => moments.standard_error(),
        }
    }
}

fn add_to(sums: &mut Vec<f64>, values: impl ExactSizeIterator<Item = f64>) {
    if sums.is_empty() {
        sums.resize(values.len(), 0.0);
    }
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
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
        Ok(Self { head, batches, shape })
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

    /// Number of draws: the most that a row has.
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
        let all = |of: fn(&Moments) -> Vec<f64>| {
            Tensor::from_vec(moments.iter().flat_map(of).collect::<Vec<f64>>(), &self.shape).check()
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
        let targets = align_targets(targets, &self.shape)?;
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
                if !largest.is_finite() {
                    return largest;
                }
                let sum: f64 = by_draw.iter().map(|draw| (draw[row] - largest).exp()).sum();
                largest + (sum / count).ln()
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
        let value = align_targets(value, &self.shape)?;
        self.of_batches(&self.shape, |batch, start| {
            let shape = batch.groups.first().map_or_else(|| Ok(Vec::new()), Group::shape)?;
            batch.cdf(&shape, &value.narrow(0, start, batch.rows).to_f64_vec()?)
        })
    }

    /// The outcome below which the probability is `p`: the root of the mixture's cdf; of counts the first whole number
    /// that reaches `p`.
    ///
    /// # Errors
    /// [`TrainError::Value`] for a `p` outside 0 to 1, ends excluded; if the head's distribution has no cdf, or is over
    /// something else than numbers.
    pub fn quantile(&self, p: f64) -> Result<Tensor> {
        let inside = p > 0.0 && p < 1.0;
        Argument::new("quantile", "p", p).require(inside, "a probability between 0 and 1")?;
        self.of_batches(&self.shape, |batch, _| batch.quantile(p))
    }

    /// The central interval that holds a target with the probability `level`: its lower and upper ends.
    ///
    /// # Errors
    /// As [`quantile`](Self::quantile).
    pub fn interval(&self, level: f64) -> Result<[Tensor; 2]> {
        let inside = level > 0.0 && level < 1.0;
        Argument::new("interval", "level", level)
            .require(inside, "a probability between 0 and 1")?;
        Ok([self.quantile(0.5 - 0.5 * level)?, self.quantile(0.5 + 0.5 * level)?])
    }

    /// Samples of the targets.
    ///
    /// Each sample takes one of the draws of the weights for all rows together, as one and the same function was drawn.
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
        Ok(Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1).check()?)
    }

    /// The continuous ranked probability score at each target, exact for draws that are normal; see
    /// [`Regression::crps`](crate::metrics::Regression::crps).
    ///
    /// # Errors
    /// As [`log_prob`](Self::log_prob), and [`DistributionError::Unsupported`] if the draws are not normal.
    pub fn crps(&self, targets: &Tensor) -> Result<Vec<f64>> {
        let targets = align_targets(targets, &self.shape)?;
        let scores = self.of_batches(&self.shape, |batch, start| {
            batch.crps(&targets.narrow(0, start, batch.rows).to_f64_vec()?)
        })?;
        Ok(scores.to_f64_vec()?)
    }

    /// Probabilities of classes, averaged over the draws, and the parts of their uncertainty.
    ///
    /// # Errors
    /// [`TrainError::NotClasses`] for a model of something else.
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

impl Batch {
    /// The continuous ranked probability score for each entry.
    fn crps(&self, targets: &[f64]) -> Result<Vec<f64>> {
        let (mut locs, mut scales): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        for group in &self.groups {
            let (family, method) = (group.distribution.family(), "crps (its draws are not normal)");
            let unsupported = DistributionError::Unsupported { family, method };
            let (loc, scale) = group.distribution.elementwise_normal().ok_or(unsupported)?;
            let (loc, scale) = (loc.to_f64_vec()?, scale.to_f64_vec()?);
            locs.extend(group.each(&loc).map(<[f64]>::to_vec));
            scales.extend(group.each(&scale).map(<[f64]>::to_vec));
        }
        let draws = locs.len();
        let score = |(entry, target): (usize, &f64)| {
            let (mut distances, mut deviations) = (Vec::new(), Vec::new());
            for s in 0..draws {
                distances.push(target - locs[s][entry]);
                deviations.push(scales[s][entry]);
            }
            for s in 0..draws {
                for t in 0..=s {
                    distances.push(locs[s][entry] - locs[t][entry]);
                    deviations.push(scales[s][entry].hypot(scales[t][entry]));
                }
            }
            let each = expected_distances(distances, deviations)?;
            let (to_target, between) = each.split_at(draws);
            // All pairs but those of a draw with itself count twice.
            let mut pairs = between.iter();
            let mut sum = 0.0;
            for s in 0..draws {
                sum += 2.0 * pairs.by_ref().take(s).sum::<f64>() + pairs.next().unwrap_or(&0.0);
            }
            let count = draws as f64;
            Ok(to_target.iter().sum::<f64>() / count - 0.5 * sum / (count * count))
        };
        targets.iter().enumerate().map(score).collect()
    }

    /// A sample of the draw that each of the `chosen` numbers between 0 and 1 points to.
    fn sample(&self, chosen: &[f64], key: &Key, whole: &[usize]) -> Result<Tensor> {
        let draws = self.draws();
        let shape = [&[self.rows], whole.get(1..).unwrap_or_default()].concat();
        let size = shape.iter().product::<usize>();
        let mut out = vec![0.0; chosen.len() * size];
        let draw_of = |u: &f64| ((u * draws as f64) as usize).min(draws.saturating_sub(1));
        let mut first = 0;
        for (number, group) in self.groups.iter().enumerate() {
            // The samples that each draw of this group is to give.
            let mut wanted: Vec<Vec<usize>> = vec![Vec::new(); group.draws()];
            for (sample, u) in chosen.iter().enumerate() {
                if let Some(samples) = draw_of(u).checked_sub(first).and_then(|i| wanted.get_mut(i))
                {
                    samples.push(sample);
                }
            }
            first += group.draws();
            let most = wanted.iter().map(Vec::len).max().unwrap_or(0);
            let mut stream = key.index(number as u64).stream();
            let values = group.distribution.sample(&[most], &mut stream)?.to_f64_vec()?;
            for (draw, samples) in wanted.iter().enumerate() {
                for (place, &sample) in samples.iter().enumerate() {
                    let from = (place * group.draws() + draw) * size;
                    out[sample * size..(sample + 1) * size]
                        .copy_from_slice(&values[from..from + size]);
                }
            }
        }
        Ok(Tensor::from_vec(out, &[&[chosen.len()], shape.as_slice()].concat()).check()?)
    }
}

/// `E|X|` for normals around `distances`, with these deviations.
fn expected_distances(distances: Vec<f64>, deviations: Vec<f64>) -> Result<Vec<f64>> {
    let shape = [distances.len()];
    let (m, deviation) =
        (Tensor::from_vec(distances, &shape), Tensor::from_vec(deviations, &shape));
    let z = &m / &deviation;
    let density = (z.square() * -0.5).exp() * (1.0 / (2.0 * std::f64::consts::PI).sqrt());
    let below = Normal::new(0.0, 1.0)?.cdf(&z)?;
    Ok((deviation * density * 2.0 + m * (below * 2.0 - 1.0)).to_f64_vec()?)
}

#[cfg(test)]
mod tests;
