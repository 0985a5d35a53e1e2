//! Means and variances over draws.

use super::classes::Sums;
use super::draws::{Batch, Group, add_to};
use crate::error::Result;

/// Running sums of the draws' means and variances, for each entry.
#[derive(Debug, Default)]
pub(super) struct Moments {
    draws: usize,
    /// The means of the first draw, from which all others are measured: so nothing cancels.
    origin: Vec<f64>,
    distances: Vec<f64>,
    squares: Vec<f64>,
    within: Vec<f64>,
    /// Variances of means over draws that were integrated out.
    integrated: Vec<f64>,
}

impl Moments {
    /// Adds the draws of a group.
    pub(super) fn add(&mut self, group: &Group) -> Result<()> {
        let distribution = group.distribution();
        let means = distribution.mean()?.to_f64_vec()?;
        let within = match group.parts() {
            Some([aleatoric, epistemic]) => {
                add_to(&mut self.integrated, epistemic.to_f64_vec()?.into_iter());
                aleatoric.to_f64_vec()?
            }
            None => distribution.variance()?.to_f64_vec()?,
        };
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

    pub(super) fn mean(&self) -> Vec<f64> {
        let count = self.draws as f64;
        self.origin.iter().zip(&self.distances).map(|(origin, sum)| origin + sum / count).collect()
    }

    /// Variance between the draws' means.
    pub(super) fn between(&self) -> Vec<f64> {
        let count = self.draws as f64;
        let of_one =
            |(square, sum): (&f64, &f64)| (square / count - (sum / count).powi(2)).max(0.0);
        let between = self.squares.iter().zip(&self.distances).map(of_one);
        let integrated =
            self.integrated.iter().map(|sum| sum / count).chain(std::iter::repeat(0.0));
        between.zip(integrated).map(|(between, integrated)| between + integrated).collect()
    }

    /// Mean of the draws' variances.
    pub(super) fn within(&self) -> Vec<f64> {
        let count = self.draws as f64;
        self.within.iter().map(|sum| sum / count).collect()
    }

    pub(super) fn total(&self) -> Vec<f64> {
        let both = self.between().into_iter().zip(self.within());
        both.map(|(between, within)| between + within).collect()
    }

    /// The largest standard error of a mean, in predictive standard deviations.
    pub(super) fn standard_error(&self) -> f64 {
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
        match group.distribution().class_log_probs() {
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

impl Batch {
    /// Mean, and the parts of the variance: within draws and between them.
    pub(super) fn moments(&self) -> Result<Moments> {
        let mut moments = Moments::default();
        self.groups.iter().try_for_each(|group| moments.add(group))?;
        Ok(moments)
    }
}
