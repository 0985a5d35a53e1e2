//! Distributions seen through a bijector.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Independent;
use crate::bijectors::{Bijector, IntoBijector};
use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure};
use crate::error::{DistributionError, Result};
use crate::masking::{all_last, only_where};
use crate::parameter::ParameterSpec;

/// The distribution of `bijector.forward(x)` for `x` from `distribution`.
///
/// Counterpart: `tfp.distributions.TransformedDistribution`.
///
/// ```text
/// log p(y) = log p_x(f⁻¹(y)) + ln |(f⁻¹)′(y)|
/// ```
/// Outside the range of the bijector the log-density is minus infinity with zero gradient. Through an affine
/// bijector the mean is known, through one that is affine entry by entry the variance too, and a normal stays a
/// normal.
///
/// # Shapes
/// A bijector of vectors or matrices takes as many last axes of the batch of `distribution` into the event as it
/// needs: [`distribution`](Self::distribution) then is the [`Independent`] of what was given.
///
/// # Examples
/// A log-normal distribution:
/// ```
/// use tfn_distributions::{Distribution, Normal, TransformedDistribution, bijectors::Exp};
/// use tfn_tensor::Tensor;
///
/// let log_normal = TransformedDistribution::new(Normal::new(0.0, 1.0)?, Exp::new())?;
/// let prob = log_normal.prob(&Tensor::from_vec(vec![-1.0, 1.0], &[2]))?.to_vec::<f64>()?;
/// assert!(prob[0] == 0.0 && (prob[1] - 0.3989422804014327).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformedDistribution {
    distribution: Arc<dyn Distribution>,
    bijector: Arc<dyn Bijector>,
    validate_args: bool,
}

family!(TransformedDistribution);

impl TransformedDistribution {
    /// `distribution` seen through `bijector`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if batch and event have fewer axes than the bijector needs or another shape
    /// than it takes, or if it widens the batch.
    pub fn new(distribution: impl IntoDistribution, bijector: impl IntoBijector) -> Result<Self> {
        let (distribution, bijector) = (distribution.into_distribution(), bijector.into_bijector());
        let distribution = raised(distribution, bijector.forward_min_event_ndims())?;
        let made = Self { distribution, bijector, validate_args: false };
        let through = made.bijector.forward(&Tensor::zeros(&made.shape_before()?, made.dtype()?));
        let shape = [made.batch_shape()?, made.event_shape()?].concat();
        if through.shape()? != shape {
            return Err(DistributionError::Shape {
                family: "TransformedDistribution",
                argument: "bijector",
                given: through.shape()?.to_vec(),
                expected: format!("parameters that broadcast into {shape:?}"),
            });
        }
        Ok(made)
    }

    /// The distribution before the bijector.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// The bijector.
    pub fn bijector(&self) -> &Arc<dyn Bijector> {
        &self.bijector
    }

    /// A number in the type of the distribution.
    fn number(&self, value: f64) -> Result<Tensor> {
        Ok(Tensor::full(&[], value, self.dtype()?))
    }

    /// Batch and event before the bijector.
    fn shape_before(&self) -> Result<Vec<usize>> {
        Ok([self.distribution.batch_shape()?, self.distribution.event_shape()?].concat())
    }

    fn unsupported<T>(&self, method: &'static str) -> Result<T> {
        Err(DistributionError::Unsupported { family: self.family(), method })
    }

    /// `(scale, shift)` of a bijector that is affine entry by entry.
    fn affine(&self, method: &'static str) -> Result<(Tensor, Tensor)> {
        self.bijector.affine(&self.number(0.0)?).map_or_else(|| self.unsupported(method), Ok)
    }

    /// `before` through the bijector, if it is affine.
    fn through_affine(&self, before: &Tensor, method: &'static str) -> Result<Tensor> {
        if self.bijector.is_affine() {
            Ok(self.bijector.forward(before))
        } else {
            self.unsupported(method)
        }
    }

    /// Where the bijector increases, 1, and where it decreases, 0.
    fn increasing(&self, method: &'static str) -> Result<Tensor> {
        self.bijector
            .is_increasing(&self.number(0.0)?)
            .map_or_else(|| self.unsupported(method), Ok)
    }

    /// `y` with events outside the range replaced by one inside, and the mask of those that are not; without
    /// one if there are none.
    fn inside(&self, y: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let Some(mask) = self.bijector.in_range(y) else { return Ok((y.clone(), None)) };
        let ndims = self.bijector.inverse_min_event_ndims();
        // What is no number stays so.
        let mask = mask.maximum(&(1.0 - all_last(&y.eq(y), ndims)));
        if mask.to_f64_vec()?.iter().all(|&inside| inside != 0.0) {
            return Ok((y.clone(), None));
        }
        let mut noise = Stream::from_seed(0);
        let x = self.distribution.sample_of(&self.shape_before()?, &mut noise)?;
        // Moderate, so that it can be sent back.
        let point = self.bijector.forward(&x.clamp(-1.0, 1.0)).detach();
        let wide = (0..ndims).fold(mask.clone(), |mask, _| mask.expand_dims(-1));
        Ok((Tensor::select(&wide, y, &point), Some(mask)))
    }

    /// Probability of at most `value`, or of above it.
    fn tail(&self, value: &Tensor, below: bool, method: &'static str) -> Result<Tensor> {
        if !self.event_shape()?.is_empty() {
            return self.tail_of_event(value, below, method);
        }
        let (y, mask) = self.inside(value)?;
        let (x, increasing) = (self.bijector.inverse(&y), self.increasing(method)?);
        let low = self.distribution.cdf(&x)?;
        let high = self.distribution.survival_function(&x)?;
        let (low, high) = if below { (low, high) } else { (high, low) };
        let tail = Tensor::select(&increasing, &low, &high);
        let Some(mask) = mask else { return Ok(tail) };
        // Outside the range `y` is a point of it: a value less than that lies below all outcomes.
        let none_below = value.lt(&y);
        let outside = if below { 1.0 - none_below } else { none_below };
        Ok(Tensor::select(&mask, &tail, &outside))
    }

    /// The same of an event, whose entries the bijector must leave in their order.
    fn tail_of_event(&self, value: &Tensor, below: bool, method: &'static str) -> Result<Tensor> {
        let falls = self.increasing(method)?.to_f64_vec()?.contains(&0.0);
        let (y, mask) = self.inside(value)?;
        match mask {
            None if !falls && below => self.distribution.cdf(&self.bijector.inverse(&y)),
            None if !falls => self.distribution.survival_function(&self.bijector.inverse(&y)),
            _ => self.unsupported(method),
        }
    }
}

/// `distribution` with as many last batch axes as event axes as events of `event_ndims` axes need.
fn raised(distribution: Arc<dyn Distribution>, event_ndims: usize) -> Result<Arc<dyn Distribution>> {
    let (batch, event) = (distribution.batch_shape()?, distribution.event_shape()?);
    let missing = event_ndims.saturating_sub(event.len());
    if missing == 0 {
        return Ok(distribution);
    }
    if missing > batch.len() {
        return Err(DistributionError::Shape {
            family: "TransformedDistribution",
            argument: "distribution",
            given: [batch, event].concat(),
            expected: format!("at least {event_ndims} axes of batch and event for the bijector"),
        });
    }
    Ok(Independent::new(distribution, missing)?.into())
}

impl Distribution for TransformedDistribution {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.distribution.batch_shape()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.bijector.forward_shape(&self.distribution.event_shape()?)
    }

    fn log_prob_of(&self, y: &Tensor) -> Result<Tensor> {
        let event_ndims = self.event_shape()?.len();
        let (y, mask) = self.inside(y)?;
        let density = self.distribution.log_prob(&self.bijector.inverse(&y))?;
        let log_prob = density + self.bijector.inverse_log_det_jacobian_over(&y, event_ndims);
        let Some(mask) = mask else {
            return Ok(log_prob);
        };
        let over = event_ndims.saturating_sub(self.bijector.inverse_min_event_ndims());
        Ok(only_where(&all_last(&mask, over), &log_prob))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let outer = &shape[..shape.len().saturating_sub(self.event_shape()?.len())];
        let before = [outer, &self.distribution.event_shape()?].concat();
        Ok(self.bijector.forward(&self.distribution.sample_of(&before, stream)?))
    }

    fn mean(&self) -> Result<Tensor> {
        self.through_affine(&self.distribution.mean()?, "mean")
    }

    fn variance(&self) -> Result<Tensor> {
        let (scale, _) = self.affine("variance")?;
        Ok(self.distribution.variance()? * scale.square())
    }

    fn mode(&self) -> Result<Tensor> {
        self.through_affine(&self.distribution.mode()?, "mode")
    }

    fn entropy(&self) -> Result<Tensor> {
        if !self.bijector.is_affine() {
            return self.unsupported("entropy");
        }
        // The determinant is the same everywhere.
        let anywhere = Tensor::zeros(&self.shape_before()?, self.dtype()?);
        let ndims = self.distribution.event_shape()?.len();
        let change = self.bijector.forward_log_det_jacobian_over(&anywhere, ndims);
        Ok(self.distribution.entropy()? + change)
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, true, "cdf")
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, false, "survival_function")
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        if !self.event_shape()?.is_empty() {
            return self.unsupported("quantile");
        }
        let p = Tensor::select(&self.increasing("quantile")?, p, &(1.0 - p));
        Ok(self.bijector.forward(&self.distribution.quantile(&p)?))
    }

    fn structure(&self) -> Structure {
        Structure::Transformed { base: self.distribution.clone(), bijector: self.bijector.clone() }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let (scale, shift) = self.affine("elementwise_normal").ok()?;
        let (loc, spread) = self.distribution.elementwise_normal()?;
        Some((loc * &scale + shift, spread * scale.abs()))
    }

    fn elementwise_log_prob(&self, y: &Tensor) -> Option<Result<Tensor>> {
        if self.bijector.forward_min_event_ndims() + self.bijector.inverse_min_event_ndims() > 0 {
            return None;
        }
        let terms = |(y, mask): (Tensor, Option<Tensor>)| {
            let density = self.distribution.elementwise_log_prob(&self.bijector.inverse(&y))?;
            Some(density.map(|density| {
                let log_prob = density + self.bijector.inverse_log_det_jacobian(&y);
                mask.map_or(log_prob.clone(), |mask| only_where(&mask, &log_prob))
            }))
        };
        self.inside(y).map_or_else(|error| Some(Err(error)), terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Chain, Exp, Scale, Shift};
    use crate::{Normal, kl_divergence};
    use tfn_tensor::Variable;

    fn log_normal(loc: f64) -> TransformedDistribution {
        TransformedDistribution::new(Normal::new(loc, 0.5).unwrap(), Exp::new()).unwrap()
    }

    #[test]
    fn outside_the_range_there_is_no_mass_and_no_gradient() {
        let loc = Variable::new("loc", Tensor::scalar(0.3)).unwrap();
        let y = TransformedDistribution::new(Normal::new(&loc, 0.5).unwrap(), Exp::new()).unwrap();
        let x = Variable::new("x", Tensor::from_vec(vec![-1.0, 0.0], &[2])).unwrap();
        let log_prob = y.log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 2]);
        let slopes = log_prob.sum().gradients().unwrap();
        assert_eq!(slopes.of(&loc).item().unwrap(), 0.0);
        assert_eq!(slopes.of(&x).to_vec::<f64>().unwrap(), [0.0, 0.0]);
        assert_eq!(y.cdf(&x.value()).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0]);
        assert_eq!(y.survival_function(&x.value()).unwrap().to_vec::<f64>().unwrap(), [1.0, 1.0]);
        assert!(y.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn the_mirror_image_of_a_range_has_its_mass_below() {
        let mirror = Chain::new([Scale::new(-1.0).unwrap().into(), Exp::new().into()]);
        let y = TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), mirror).unwrap();
        let values = Tensor::from_vec(vec![-1.0, 1.0], &[2]);
        assert_eq!(y.cdf(&values).unwrap().to_vec::<f64>().unwrap(), [0.5, 1.0]);
        assert_eq!(y.survival_function(&values).unwrap().to_vec::<f64>().unwrap(), [0.5, 0.0]);
    }

    #[test]
    fn through_an_affine_function_a_normal_stays_a_normal() {
        let affine =
            Chain::new([Shift::new(1.0).unwrap().into(), Scale::new(-2.0).unwrap().into()]);
        let loc = Tensor::from_vec(vec![0.0, 3.0], &[2]);
        let base = Independent::new(Normal::new(loc, 0.5).unwrap(), 1).unwrap();
        let y = TransformedDistribution::new(base, affine).unwrap();
        let (loc, scale) = y.elementwise_normal().unwrap();
        assert_eq!(loc.to_vec::<f64>().unwrap(), [1.0, -5.0]);
        assert_eq!(scale.to_vec::<f64>().unwrap(), [1.0, 1.0]);
        let same = Independent::new(Normal::new(loc, scale).unwrap(), 1).unwrap();
        assert_eq!(kl_divergence(&y, &same).unwrap().item().unwrap(), 0.0);
        let (a, b) =
            (y.entropy().unwrap().item().unwrap(), same.entropy().unwrap().item().unwrap());
        assert!((a - b).abs() < 1e-14);
    }

    #[test]
    fn a_shared_bijector_leaves_the_divergence_alone() {
        let given = kl_divergence(&log_normal(0.3), &log_normal(-0.2)).unwrap().item().unwrap();
        assert!((given - 0.5).abs() < 1e-15);
        let other =
            TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), Shift::new(1.0).unwrap());
        assert!(kl_divergence(&log_normal(0.3), &other.unwrap()).is_err());
    }

    #[test]
    fn what_needs_an_affine_bijector_is_refused_without() {
        assert_eq!(
            log_normal(0.0).mean().unwrap_err().to_string(),
            "TransformedDistribution has no mean"
        );
    }

    #[test]
    fn a_bijector_that_widens_the_batch_is_refused() {
        let wide = Shift::new(Tensor::from_vec(vec![0.0, 1.0], &[2])).unwrap();
        let error = TransformedDistribution::new(Normal::new(0.0, 1.0).unwrap(), wide).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "bijector", .. }), "{error}");
    }
}
