//! Metrics of predicted distributions over numbers against targets.

use tfn_layers::align_targets;
use tfn_tensor::Tensor;

use crate::error::Result;
use crate::predict::Predictive;

/// A predictive distribution beside the true targets.
///
/// All numbers are means over the targets, in their units; densities are by row.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::MonteCarlo;
/// use tfn_train::metrics::Regression;
///
/// let model = Sequential::of(Bayesian::builder(2, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let (x, y) = (Tensor::ones(&[4, 2], DType::F32), Tensor::zeros(&[4], DType::F32));
/// let predictive = MonteCarlo::new(50)?.predict(&model, &x, &Key::from_seed(2))?;
/// let scores = Regression::new(&predictive, &y)?;
/// assert!(scores.mae() <= scores.rmse());
/// let [coverage, width] = scores.interval(0.9)?;
/// assert!((0.0..=1.0).contains(&coverage) && width > 0.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Regression<'a> {
    predictive: &'a Predictive,
    targets: Tensor,
    values: Vec<f64>,
    means: Vec<f64>,
}

impl<'a> Regression<'a> {
    /// Puts both together.
    ///
    /// # Errors
    /// [`LayerError::Targets`](tfn_layers::LayerError::Targets) for targets of another shape; if the predictive
    /// distribution has no mean.
    pub fn new(predictive: &'a Predictive, targets: &Tensor) -> Result<Self> {
        let targets = align_targets(targets, predictive.shape())?;
        let (values, means) = (targets.to_f64_vec()?, predictive.mean()?.to_f64_vec()?);
        Ok(Self { predictive, targets, values, means })
    }

    fn mean_of(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let each = self.values.iter().zip(&self.means).map(|(&target, &mean)| of(target, mean));
        each.sum::<f64>() / self.values.len() as f64
    }

    /// Root of the mean squared error of the predictive mean.
    pub fn rmse(&self) -> f64 {
        self.mean_of(|target, mean| (target - mean).powi(2)).sqrt()
    }

    /// Mean absolute error of the predictive mean.
    pub fn mae(&self) -> f64 {
        self.mean_of(|target, mean| (target - mean).abs())
    }

    /// Mean negative log-density of a row.
    ///
    /// # Errors
    /// What the predictive distribution reports.
    pub fn nll(&self) -> Result<f64> {
        let log_prob = self.predictive.log_prob(&self.targets)?.to_f64_vec()?;
        Ok(-log_prob.iter().sum::<f64>() / log_prob.len() as f64)
    }

    /// The share of targets inside the central interval of the probability `level`, ends included, and the interval's mean
    /// width.
    ///
    /// # Errors
    /// As [`Predictive::interval`].
    pub fn interval(&self, level: f64) -> Result<[f64; 2]> {
        let [low, high] = self.predictive.interval(level)?;
        coverage_and_width(&self.targets, &low, &high)
    }

    /// Probability integral transform: the predictive cdf at each target. Of a calibrated prediction these are uniform.
    ///
    /// # Errors
    /// As [`Predictive::cdf`].
    pub fn pit(&self) -> Result<Vec<f64>> {
        Ok(self.predictive.cdf(&self.targets)?.to_f64_vec()?)
    }

    /// Mean pinball loss of the predictive quantile at `p`: `(y − q)·p` above it, `(q − y)·(1 − p)` below.
    ///
    /// # Errors
    /// As [`Predictive::quantile`].
    ///
    /// # References
    /// Koenker and Bassett, *Regression quantiles*, Econometrica 46 (1978).
    pub fn pinball(&self, p: f64) -> Result<f64> {
        let quantiles = self.predictive.quantile(p)?.to_f64_vec()?;
        let loss = |(target, quantile): (&f64, &f64)| {
            let above = target - quantile;
            (above * p).max(above * (p - 1.0))
        };
        let losses = self.values.iter().zip(&quantiles).map(loss);
        Ok(losses.sum::<f64>() / self.values.len() as f64)
    }

    /// Mean continuous ranked probability score, exact for a mixture of normals:
    ///
    /// ```text
    /// CRPS = (1/S) Σₛ A(y − μₛ, σₛ²) − (1/2S²) Σₛ Σₜ A(μₛ − μₜ, σₛ² + σₜ²)
    /// A(m, v) = 2·√v·φ(m/√v) + m·(2Φ(m/√v) − 1)
    /// ```
    ///
    /// It is in the units of the targets, and is the mean absolute error of a prediction without any doubt.
    ///
    /// # Errors
    /// [`DistributionError::Unsupported`](tfn_distributions::DistributionError::Unsupported) if the draws are not normal.
    ///
    /// # References
    /// Grimit, Gneiting, Berrocal, Johnson, *The continuous ranked probability score for circular variables and its
    /// application to mesoscale forecast ensemble verification*, Q. J. R. Meteorol. Soc. 132 (2006), equations 2 and 3.
    pub fn crps(&self) -> Result<f64> {
        let scores = self.predictive.crps(&self.targets)?;
        Ok(scores.iter().sum::<f64>() / scores.len() as f64)
    }
}

/// The share of `targets` from `low` to `high`, and the mean width; of intervals that are given.
///
/// # Errors
/// [`LayerError::Targets`](tfn_layers::LayerError::Targets) if the three are not of one shape.
pub fn coverage_and_width(targets: &Tensor, low: &Tensor, high: &Tensor) -> Result<[f64; 2]> {
    let targets = align_targets(targets, low.shape()?)?.to_f64_vec()?;
    let high = align_targets(high, low.shape()?)?.to_f64_vec()?;
    let low = low.to_f64_vec()?;
    let inside = |((target, low), high): ((&f64, &f64), &f64)| low <= target && target <= high;
    let covered = targets.iter().zip(&low).zip(&high).filter(|&entry| inside(entry)).count();
    let width = low.iter().zip(&high).map(|(low, high)| high - low).sum::<f64>();
    let count = targets.len() as f64;
    Ok([covered as f64 / count, width / count])
}

#[cfg(test)]
mod tests;
