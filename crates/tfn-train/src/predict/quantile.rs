//! Roots of the cdf of a mixture.

use tfn_distributions::inversion::{first_number, first_whole};
use tfn_distributions::{Distribution, DistributionError, Support};
use tfn_tensor::Tensor;

use super::draws::Batch;
use crate::error::{Result, TrainError};

impl Batch {
    /// The outcome below which the probability is `p`, for each entry.
    pub(super) fn quantile(&self, p: f64) -> Result<Vec<f64>> {
        let Some(first) = self.groups.first() else { return Ok(Vec::new()) };
        let shape = first.shape()?;
        let support = first.distribution().support();
        let is_numbers = matches!(support, Support::Continuous | Support::Integers);
        if !is_numbers || !first.distribution().event_shape()?.is_empty() {
            let (family, method) = (first.distribution().family(), "quantile");
            return Err(DistributionError::Unsupported { family, method }.into());
        }
        let [low, high] = self.bracket(p)?;
        if support == Support::Integers {
            let below = low.into_iter().map(|low| low - 1.0).collect();
            let reaches = |points: &[f64]| {
                Ok(self.cdf(&shape, points)?.into_iter().map(|cdf| cdf >= p).collect())
            };
            return first_whole(&reaches, below, high);
        }
        let rising =
            |points: &[f64]| Ok(self.cdf(&shape, points)?.into_iter().map(|cdf| cdf - p).collect());
        first_number(&rising, low, high, f64::EPSILON)
    }

    /// Two numbers for each entry, between which the quantile lies: the least and the greatest of the draws' own; if they
    /// have none, by the inequality of Cantelli.
    fn bracket(&self, p: f64) -> Result<[Vec<f64>; 2]> {
        let mut ends: Option<[Vec<f64>; 2]> = None;
        let of_draw = |distribution: &dyn Distribution| {
            let level = Tensor::scalar_of(p, distribution.dtype()?);
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
