//! Distributions seen through a bijector.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::IntoDistribution;
use crate::bijectors::{Bijector, IntoBijector};
use crate::masking::{constant, only_where};
use crate::shapes::sum_last;
use crate::structure::Structure;
use crate::{Distribution, DistributionError, ParameterSpec, Reparameterization, Result};

/// The distribution of `bijector.forward(x)` for `x` from `distribution`.
///
/// Counterpart: `tfp.distributions.TransformedDistribution`.
///
/// ```text
/// log p(y) = log p_x(f⁻¹(y)) + ln |(f⁻¹)′(y)|
/// ```
/// Outside the range of the bijector the log-density is minus infinity with zero gradient. Through an affine
/// bijector mean and variance are known, and a normal stays a normal.
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
    /// [`DistributionError::Shape`] if the bijector changes the shape of `batch + event`.
    pub fn new(distribution: impl IntoDistribution, bijector: impl IntoBijector) -> Result<Self> {
        let (distribution, bijector) = (distribution.into_distribution(), bijector.into_bijector());
        let made = Self { distribution, bijector, validate_args: false };
        let shape = [made.batch_shape()?, made.event_shape()?].concat();
        let through = made.bijector.forward(&Tensor::zeros(&shape, made.dtype()?));
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

    /// `(scale, shift)` of an affine bijector.
    fn affine(&self, method: &'static str) -> Result<(Tensor, Tensor)> {
        let unsupported = DistributionError::Unsupported { family: self.family(), method };
        self.bijector.affine(&self.number(0.0)?).ok_or(unsupported)
    }

    /// Where the bijector increases, 1, and where it decreases, 0.
    fn increasing(&self, method: &'static str) -> Result<Tensor> {
        let unsupported = DistributionError::Unsupported { family: self.family(), method };
        self.bijector.is_increasing(&self.number(0.0)?).ok_or(unsupported)
    }

    /// `y` with what lies outside the range replaced by a point inside, and the mask of what does not.
    fn inside(&self, y: &Tensor) -> (Tensor, Option<Tensor>) {
        match self.bijector.in_range(y) {
            None => (y.clone(), None),
            Some(mask) => {
                let point = self.bijector.forward(&constant(0.0, y)).detach();
                (Tensor::select(&mask, y, &point), Some(mask))
            }
        }
    }

    /// Probability of at most `value`, or of above it.
    fn tail(&self, value: &Tensor, below: bool, method: &'static str) -> Result<Tensor> {
        let (y, mask) = self.inside(value);
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
}

impl Distribution for TransformedDistribution {
    fn family(&self) -> &'static str {
        "TransformedDistribution"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        self.distribution.dtype()
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.distribution.batch_shape()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.distribution.event_shape()
    }

    fn check_values(&self) -> Result<()> {
        self.distribution.check_values()
    }

    fn log_prob_of(&self, y: &Tensor) -> Result<Tensor> {
        let event_ndims = self.event_shape()?.len();
        let (y, mask) = self.inside(y);
        let density = self.distribution.log_prob(&self.bijector.inverse(&y))?;
        let jacobian = sum_last(&self.bijector.inverse_log_det_jacobian(&y), event_ndims);
        let log_prob = density + jacobian;
        let Some(mask) = mask else {
            return Ok(log_prob);
        };
        let outside = sum_last(&(1.0 - mask), event_ndims);
        Ok(only_where(&outside.eq(&constant(0.0, &outside)), &log_prob))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(self.bijector.forward(&self.distribution.sample_of(shape, stream)?))
    }

    fn mean(&self) -> Result<Tensor> {
        let (scale, shift) = self.affine("mean")?;
        Ok(self.distribution.mean()? * scale + shift)
    }

    fn variance(&self) -> Result<Tensor> {
        let (scale, _) = self.affine("variance")?;
        Ok(self.distribution.variance()? * scale.square())
    }

    fn mode(&self) -> Result<Tensor> {
        let (scale, shift) = self.affine("mode")?;
        Ok(self.distribution.mode()? * scale + shift)
    }

    fn entropy(&self) -> Result<Tensor> {
        let (scale, _) = self.affine("entropy")?;
        let each = self.spread(&scale.abs().ln())?;
        Ok(self.distribution.entropy()? + sum_last(&each, self.event_shape()?.len()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, true, "cdf")
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.tail(value, false, "survival_function")
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let p = Tensor::select(&self.increasing("quantile")?, p, &(1.0 - p));
        Ok(self.bijector.forward(&self.distribution.quantile(&p)?))
    }

    fn reparameterization(&self) -> Reparameterization {
        self.distribution.reparameterization()
    }

    fn validate_args(&self) -> bool {
        self.validate_args || self.distribution.validate_args()
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
        let (y, mask) = self.inside(y);
        let density = match self.distribution.elementwise_log_prob(&self.bijector.inverse(&y))? {
            Ok(density) => density,
            Err(error) => return Some(Err(error)),
        };
        let log_prob = density + self.bijector.inverse_log_det_jacobian(&y);
        Some(Ok(mask.map_or(log_prob.clone(), |mask| only_where(&mask, &log_prob))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bijectors::{Chain, Exp, Scale, Shift};
    use crate::{Independent, Normal, kl_divergence};
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
