//! Draws of a model's output for the rows of a batch.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_layers::Marginal;
use tfn_tensor::{Key, Tensor};

use crate::error::{Result, TrainError};

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
    /// Aleatoric and epistemic part of the variance, if this is all draws at once, integrated out.
    parts: Option<[Tensor; 2]>,
}

impl Group {
    pub(super) fn together(distribution: Arc<dyn Distribution>, draws: usize) -> Self {
        Self { distribution, together: Some(draws), parts: None }
    }

    pub(super) fn one(distribution: Arc<dyn Distribution>) -> Self {
        Self { distribution, together: None, parts: None }
    }

    pub(super) fn integrated(marginal: Marginal) -> Self {
        let Marginal { distribution, aleatoric, epistemic } = marginal;
        Self {
            distribution,
            together: None,
            parts: Some([aleatoric, epistemic].map(|part| part.detach())),
        }
    }

    /// Aleatoric and epistemic part of the variance, if draws were integrated out.
    pub(super) fn parts(&self) -> Option<&[Tensor; 2]> {
        self.parts.as_ref()
    }

    pub(super) fn draws(&self) -> usize {
        self.together.unwrap_or(1)
    }

    pub(super) fn distribution(&self) -> &dyn Distribution {
        self.distribution.as_ref()
    }

    /// Shape of the targets of one draw.
    pub(super) fn shape(&self) -> Result<Vec<usize>> {
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
    pub(super) fn each<'a>(&self, values: &'a [f64]) -> std::slice::ChunksExact<'a, f64> {
        values.chunks_exact((values.len() / self.draws().max(1)).max(1))
    }
}

impl Batch {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, groups: Vec::new() }
    }

    pub(super) fn draws(&self) -> usize {
        self.groups.iter().map(Group::draws).sum()
    }

    /// The sum over draws of what `add` makes of the numbers of each draw of `of`.
    pub(super) fn fold(
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
    pub(super) fn average(
        &self,
        of: &(dyn Fn(&dyn Distribution) -> Result<Tensor> + Sync),
    ) -> Result<Vec<f64>> {
        let mut sums: Vec<f64> = Vec::new();
        self.fold(of, |values| add_to(&mut sums, values.iter().copied()))?;
        let draws = self.draws() as f64;
        Ok(sums.into_iter().map(|sum| sum / draws).collect())
    }

    /// The cdf of the mixture at a number for each entry.
    pub(super) fn cdf(&self, shape: &[usize], points: &[f64]) -> Result<Vec<f64>> {
        self.average(&|distribution| {
            Ok(distribution.cdf(&Tensor::from_f64(points, shape, distribution.dtype()?))?)
        })
    }
}

impl Batch {
    /// A sample of the draw that each of the `chosen` numbers between 0 and 1 points to.
    pub(super) fn sample(&self, chosen: &[f64], key: &Key, whole: &[usize]) -> Result<Tensor> {
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

/// Adds a number to each sum; the first numbers begin the sums.
pub(super) fn add_to(sums: &mut Vec<f64>, values: impl ExactSizeIterator<Item = f64>) {
    if sums.is_empty() {
        sums.resize(values.len(), 0.0);
    }
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}
