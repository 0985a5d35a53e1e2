//! Prediction without draws.

use tfn_layers::{Model, Moments};
use tfn_tensor::{DType, Tensor};

use super::draws::{Batch, Group};
use super::predictive::Predictive;
use super::rows::{batches, check_outputs, rows_of};
use crate::error::Result;

/// Rows that are taken at a time.
const BATCH: usize = 1000;

impl Predictive {
    /// The predictive distribution of each row of `features` without draws, hence without Monte Carlo error: mean and
    /// variance are propagated through the net, and the head integrates over a normal output that has them.
    ///
    /// Of a [`Normal`](tfn_layers::likelihoods::Normal) head it is `N(mean, variance + noise²)`, the epistemic part of
    /// the variance the propagated one, the aleatoric part the noise's. One pass takes about as long as two draws. The
    /// net may be a [`MomentMatching`](tfn_layers::MomentMatching), which changes nothing here.
    ///
    /// # Where it is exact
    /// Where the output is normal: with one layer of weights that are independent normals, behind any layers without
    /// weights to draw, and without an activation after it (a Bayesian last layer). If nothing follows that layer, targets of
    /// one row are independent and their joint density is exact too; behind a further linear layer each target still is.
    ///
    /// With more layers of weights it is an approximation: mean and variance are exact as far as the second layer of weights,
    /// then approximate, and the output is taken for normal. [`MomentMatching`](tfn_layers::MomentMatching) has more of this.
    ///
    /// # Which heads
    /// [`Normal`](tfn_layers::likelihoods::Normal) and [`LogNormal`](tfn_layers::likelihoods::LogNormal) whose noise has no
    /// posterior, [`Affine`](tfn_layers::likelihoods::Affine) over them, and one's own with
    /// [`Likelihood::marginal`](tfn_layers::Likelihood::marginal).
    ///
    /// # Shapes
    /// `features`: `[n, ..]`.
    ///
    /// # Errors
    /// [`LayerError::NoMoments`](tfn_layers::LayerError::NoMoments) for a layer of which mean and variance are not known,
    /// [`LayerError::NoMarginal`](tfn_layers::LayerError::NoMarginal) for another head, both with the path to what it is;
    /// [`TrainError::Shape`](crate::TrainError::Shape) for features without rows,
    /// [`TrainError::Entry`](crate::TrainError::Entry) for a row of which the net gives a NaN.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::{Affine, AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
    /// use tfn_tensor::{DType, Key, Tensor};
    /// use tfn_train::{MonteCarlo, Predictive};
    ///
    /// let net = Sequential::of(Affine::builder(3, 20).activation_fn(Tensor::tanh).seed(1).build()?)
    ///     .then(Bayesian::builder(20, 1).seed(2).build()?);
    /// let model = net.with_likelihood(likelihoods::Normal::new()?);
    /// let x = Tensor::ones(&[5, 3], DType::F32);
    /// let exact = Predictive::closed_form(&model, &x)?;
    /// let drawn = MonteCarlo::new(4000)?.predict(&model, &x, &Key::from_seed(3))?;
    /// let p = exact.cdf(&drawn.quantile(0.9)?)?.to_vec::<f64>()?;
    /// assert!((p[0] - 0.9).abs() < 0.01);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    ///
    /// # References
    /// Bishop, *Pattern Recognition and Machine Learning*, 2006, equation 3.58.
    pub fn closed_form(model: &Model, features: &Tensor) -> Result<Self> {
        let batches = batches(features, BATCH, |x, _| {
            let Moments { mean, variance } = model.moments(&x.detach())?;
            let shape = mean.shape()?.to_vec();
            check_outputs(&mean, &shape)?;
            if let Some(variance) = &variance {
                check_outputs(variance, &shape)?;
            }
            // As of draws: the head is computed in `f64`.
            let exact = |tensor: &Tensor| tensor.detach().cast(DType::F64);
            let output = Moments { mean: exact(&mean), variance: variance.as_ref().map(exact) };
            let mut batch = Batch::new(rows_of(x)?);
            batch.groups.push(Group::integrated(model.marginal(&output)?));
            Ok(batch)
        })?;
        Self::new(model.head().clone(), batches)
    }
}

#[cfg(test)]
mod tests;
