//! One factor for the width of predicted distributions.

use tfn_layers::align_targets;
use tfn_module::describe_fields;
use tfn_tensor::{DType, Tensor};

use super::minimum::minimum;
use crate::check::{Argument, check_finite};
use crate::error::{Result, TrainError};
use crate::predict::Predictive;

/// Predictive distributions made wider or narrower about their means, all by one factor `s`.
///
/// The mean of a prediction stays, its standard deviation becomes `s` times as large ([`Predictive::scaled`]). So
/// errors of the mean are those that they were, and rows that were less certain than others still are. It corrects a
/// model that is too certain, or too uncertain, in all rows to the same degree; it does not look at single rows.
///
/// `s` is the one under which the calibration rows are most likely. If each prediction is one normal distribution, that is a closed
/// form, `s² = mean((y − mean)²/variance)`. A mixture of draws has none: here `s` minimises the negative log-likelihood of
/// the scaled mixture itself, and not that of a normal distribution with its moments. Where that function has several minima, the
/// least of those is taken that a grid of factors of √2 around the closed form finds.
///
/// Calibrate on rows that were not trained on: on training rows errors are too small, and `s` with them. A guarantee about new
/// rows is not given; for one, use [`ConformalIntervals`](super::ConformalIntervals), on scaled predictions as on others.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::{MonteCarlo, calibrate::VarianceScaling};
///
/// let model = Sequential::of(Bayesian::builder(1, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let predict = |x: &Tensor| MonteCarlo::new(50)?.predict(&model, x, &Key::from_seed(2));
/// // Targets that spread far more than the model says.
/// let rows = |seed| {
///     let mut stream = Key::from_seed(seed).stream();
///     (stream.normal(&[400, 1], DType::F32), stream.normal(&[400], DType::F32) * 30.0)
/// };
/// let (x, y) = rows(3);
/// let scaling = VarianceScaling::fit(&predict(&x)?, &y)?;
/// assert!(scaling.factor() > 10.0);
///
/// let (x, y) = rows(4);
/// let (before, after) = (predict(&x)?, scaling.apply(&predict(&x)?)?);
/// assert!(before.scores(&y)?.interval(0.9)?[0] < 0.2);
/// let [coverage, _] = after.scores(&y)?.interval(0.9)?;
/// assert!((coverage - 0.9).abs() < 0.05);
/// assert_eq!(after.scores(&y)?.rmse(), before.scores(&y)?.rmse());
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Laves, Ihler, Fast, Kahrs, Ortmaier, *Well-calibrated regression uncertainty in medical imaging with deep learning*, MIDL 2020
/// (σ scaling and its closed form); Levi, Gispan, Giladi, Fetaya, *Evaluating and calibrating uncertainty prediction in regression
/// tasks*, arXiv 1905.11659.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceScaling {
    factor: f64,
}

describe_fields!(VarianceScaling as "tfn.train.VarianceScaling" { factor } |made| {
    Self::new(made.factor)
});

impl VarianceScaling {
    /// With a factor that is known, from a saved one for example.
    ///
    /// # Errors
    /// [`TrainError::Value`] if it is not positive and finite.
    pub fn new(factor: f64) -> Result<Self> {
        Ok(Self { factor: Argument::new("VarianceScaling", "factor", factor).positive()? })
    }

    /// From predictions of calibration rows and their targets: the factor that makes these most likely; never one that makes them
    /// less likely than they were.
    ///
    /// # Shapes
    /// `targets`: `[n, ..]` as [`Predictive::shape`] says, where `[n]` and `[n, 1]` are the same. Several targets a row have one
    /// factor together.
    ///
    /// # Errors
    /// [`TrainError::NoMaximum`] if every target is the predicted mean, or so many are that no width is too small;
    /// [`TrainError::Entry`] for a target or predictive mean that is not finite, and a variance of 0;
    /// [`LayerError::Targets`](tfn_layers::LayerError::Targets) for another shape;
    /// [`DistributionError::Unsupported`](tfn_distributions::DistributionError::Unsupported) for outcomes that are no real numbers.
    pub fn fit(predictive: &Predictive, targets: &Tensor) -> Result<Self> {
        let targets = align_targets(targets, predictive.shape())?.cast(DType::F64);
        check_finite("VarianceScaling", "targets", &targets)?;
        let unscaled = predictive.scaled(1.0)?;
        check_finite("VarianceScaling", "predictive mean", &unscaled.mean()?)?;
        let start = closed_form(&unscaled, &targets)?;
        let no_maximum = |limit| {
            let expected = "targets that differ from the predictive means in most rows";
            let (op, parameter) = ("VarianceScaling", "factor");
            Err(TrainError::NoMaximum { op, parameter, limit, expected })
        };
        if start == 0.0 {
            return no_maximum(0.0);
        }
        let nll = |log_factor: f64| {
            let log_prob = unscaled.scaled(log_factor.exp())?.log_prob(&targets)?.to_f64_vec()?;
            let mean = -log_prob.iter().sum::<f64>() / log_prob.len() as f64;
            // A width at which a target is impossible is none to take.
            Ok(if mean.is_nan() { f64::INFINITY } else { mean })
        };
        let best = minimum(&nll, start.ln())?;
        if best.is_infinite() {
            return no_maximum(best.exp());
        }
        let factor = if nll(best)? < nll(0.0)? { best.exp() } else { 1.0 };
        Self::new(factor)
    }

    /// What standard deviations are multiplied by.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Predictions with the width scaled.
    ///
    /// # Errors
    /// As [`Predictive::scaled`].
    pub fn apply(&self, predictive: &Predictive) -> Result<Predictive> {
        predictive.scaled(self.factor)
    }
}

/// The root of the mean squared distance in predictive standard deviations; an infinite variance counts as none.
fn closed_form(predictive: &Predictive, targets: &Tensor) -> Result<f64> {
    let variance = predictive.variance()?.total.to_f64_vec()?;
    let mean = predictive.mean()?.to_f64_vec()?;
    let in_row = (mean.len() / predictive.len().max(1)).max(1);
    let (mut sum, mut count) = (0.0, 0);
    for (index, target) in targets.to_f64_vec()?.into_iter().enumerate() {
        let (distance, variance) = (target - mean[index], variance[index]);
        if variance <= 0.0 {
            return Err(TrainError::Entry {
                op: "VarianceScaling",
                argument: "predictive variance",
                row: index / in_row,
                given: variance,
                expected: "a positive number".to_owned(),
            });
        }
        if distance != 0.0 {
            count += 1;
        }
        if variance.is_finite() {
            sum += distance * distance / variance;
        }
    }
    let root = (sum / mean.len() as f64).sqrt();
    // Distances without a finite variance to measure them by: the search starts at 1.
    Ok(if count > 0 && !(root > 0.0 && root.is_finite()) { 1.0 } else { root })
}

#[cfg(test)]
mod tests;
