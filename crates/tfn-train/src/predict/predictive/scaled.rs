//! Predictive distributions that are wider or narrower about their means.

use tfn_distributions::{DistributionError, Support};
use tfn_tensor::{DType, Tensor};

use super::Predictive;
use crate::check::Argument;
use crate::error::Result;

impl Predictive {
    /// The distribution of `m + factor·(y − m)`, with the mean `m` of each entry: the same shape, so many times as wide.
    ///
    /// The result is a full predictive distribution, and all its methods agree with each other:
    ///
    /// ```text
    /// density(y) = factor⁻ᵈ · density before(m + (y − m)/factor),  of d targets a row
    /// cdf(y) = cdf before(m + (y − m)/factor)     quantile(p) = m + factor·(quantile before(p) − m)
    /// ```
    ///
    /// The mean stays, both parts of the variance are `factor²` times as large, the CRPS is that of the distribution
    /// before at `m + (y − m)/factor`, times `factor`. Where outcomes have a limit (a log-normal is positive), the
    /// limit moves with them. Scaling twice multiplies the factors.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a factor that is not positive and finite;
    /// [`DistributionError::Unsupported`] for outcomes that are no real numbers, such as counts and classes.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
    /// use tfn_tensor::{DType, Key, Tensor};
    /// use tfn_train::MonteCarlo;
    ///
    /// let model = Sequential::of(Bayesian::builder(1, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
    /// let x = Tensor::ones(&[1, 1], DType::F32);
    /// let before = MonteCarlo::new(50)?.predict(&model, &x, &Key::from_seed(2))?;
    /// let width = |predictive: &tfn_train::Predictive| -> tfn_train::Result<f64> {
    ///     let [low, high] = predictive.interval(0.9)?;
    ///     Ok(high.to_vec::<f64>()?[0] - low.to_vec::<f64>()?[0])
    /// };
    /// let wider = before.scaled(3.0)?;
    /// assert!((width(&wider)? - 3.0 * width(&before)?).abs() < 1e-12);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn scaled(&self, factor: f64) -> Result<Self> {
        let factor = Argument::new("Predictive::scaled", "factor", factor).positive()?;
        for group in self.batches.iter().flat_map(|batch| &batch.groups) {
            let distribution = group.distribution();
            if distribution.support() != Support::Continuous {
                let (family, method) =
                    (distribution.family(), "scaled (its outcomes are not real)");
                return Err(DistributionError::Unsupported { family, method }.into());
            }
        }
        let factor =
            Argument::new("Predictive::scaled", "factor", self.factor * factor).positive()?;
        Ok(Self { factor, ..self.clone() })
    }

    /// Where outcomes were before they were moved away from the mean.
    pub(super) fn before_scaling(&self, outcomes: &Tensor) -> Result<Tensor> {
        self.moved(outcomes, |distance| distance / self.factor)
    }

    /// Where outcomes are after they were moved away from the mean.
    pub(super) fn after_scaling(&self, outcomes: Tensor) -> Result<Tensor> {
        self.moved(&outcomes, |distance| distance * self.factor)
    }

    fn moved(&self, outcomes: &Tensor, change: impl Fn(Tensor) -> Tensor) -> Result<Tensor> {
        if self.factor == 1.0 {
            return Ok(outcomes.clone());
        }
        let mean = self.mean()?;
        Ok((&mean + change(outcomes.cast(DType::F64) - &mean)).check()?)
    }

    /// The logarithm of how much larger a row's outcomes lie apart.
    pub(super) fn log_det(&self) -> f64 {
        self.shape.iter().skip(1).product::<usize>() as f64 * self.factor.ln()
    }
}
