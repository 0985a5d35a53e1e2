//! The normal distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::gaussian::{STANDARD_ENTROPY, normal_kl};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::ndtri;
use crate::standardizing::{placed, standardized};

/// The normal distribution with mean `loc` and standard deviation `scale`.
///
/// Counterpart: `tfp.distributions.Normal`.
///
/// ```text
/// log p(x) = −z²/2 − ln scale − ln sqrt(2π),   z = (x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Normal};
/// use tfn_tensor::{Stream, Tensor};
///
/// let normal = Normal::new(Tensor::from_vec(vec![0.0, 1.0], &[2]), 0.5)?;
/// assert_eq!(normal.batch_shape()?, [2]);
/// assert_eq!(normal.sample(&[100], &mut Stream::from_seed(1))?.shape()?, [100, 2]);
/// let density = normal.prob(&Tensor::scalar(0.0))?.to_vec::<f64>()?;
/// assert!((density[0] - 2.0 * 0.3989422804014327).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Normal {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(Normal);

impl Normal {
    /// Normal distributions with means `loc` and standard deviations `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `scale` not
    /// positive, if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale] = Parameter::unify([loc.into(), scale.into()]);
        Self { loc, scale, validate_args: false }.checked()
    }

    /// The same for parameters that another family has checked.
    pub(super) fn unchecked(loc: &Parameter, scale: &Parameter) -> Self {
        Self { loc: loc.clone(), scale: scale.clone(), validate_args: false }
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The standard deviation.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    fn standardized(&self, x: &Tensor) -> Tensor {
        standardized(x, &self.loc.value(), &self.scale.value())
    }

    fn placed(&self, z: &Tensor) -> Tensor {
        placed(&self.loc.value(), &self.scale.value(), z)
    }
}

impl Distribution for Normal {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Tensor::normal_log_prob(x, &self.loc.value(), &self.scale.value()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        Ok(Tensor::normal_sample(&self.loc.value(), &self.scale.value(), &noise))
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&self.scale.value().square())
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&self.scale.value())
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + STANDARD_ENTROPY))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.standardized(value).ndtr())
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.standardized(value).log_ndtr())
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok((-self.standardized(value)).ndtr())
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok((-self.standardized(value)).log_ndtr())
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.placed(&ndtri(p)))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.placed(&-ndtri(p)))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Normal, Normal>()] }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let shape = self.batch_shape().ok()?;
        Some((self.loc.value().broadcast_to(&shape), self.scale.value().broadcast_to(&shape)))
    }
}

impl KlDivergence<Self> for Normal {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (q, p) = ((self.loc.value(), self.scale.value()), (p.loc.value(), p.scale.value()));
        Ok(normal_kl(&q, &p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::{DType, Variable};

    #[test]
    fn bad_arguments_are_named() {
        let error = Normal::new(0.0, Tensor::from_vec(vec![1.0, -0.5], &[2])).unwrap_err();
        let message =
            "Normal: argument `scale` is -0.5 at entry 1, expected finite positive numbers";
        assert_eq!(error.to_string(), message);
        let error = Normal::new(f64::NAN, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "loc", .. }));
        let (two, three) = (Tensor::zeros(&[2], DType::F64), Tensor::ones(&[3], DType::F64));
        let error = Normal::new(two, &three).unwrap_err();
        assert!(matches!(error, DistributionError::Shapes { argument: "scale", .. }), "{error}");
        let error = Normal::new(Tensor::scalar(0.0_f32), three).unwrap_err();
        assert!(matches!(error, DistributionError::DType { argument: "scale", .. }), "{error}");
    }

    #[test]
    fn variables_are_checked_when_read_if_asked() {
        let scale = Variable::new("scale", Tensor::scalar(-1.0)).unwrap();
        let trusting = Normal::new(0.0, &scale).unwrap();
        assert!(trusting.log_prob(&Tensor::scalar(0.0)).is_ok());
        let strict = Normal::new(0.0, &scale).unwrap().with_validate_args(true);
        let error = strict.log_prob(&Tensor::scalar(0.0)).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "scale", .. }));
        assert!(strict.sample(&[], &mut Stream::from_seed(0)).is_err());
        scale.assign(&Tensor::scalar(1.0)).unwrap();
        let error = strict.log_prob(&Tensor::scalar(f64::NAN)).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "value", .. }));
        assert!(strict.log_prob(&Tensor::scalar(0.0)).is_ok());
    }

    #[test]
    fn values_of_another_type_or_shape_are_refused() {
        let normal = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = normal.log_prob(&Tensor::zeros(&[2], DType::F64)).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "value", .. }));
        let error = normal.log_prob(&Tensor::zeros(&[3], DType::F32)).unwrap_err();
        assert!(matches!(error, DistributionError::DType { argument: "value", .. }));
    }

    #[test]
    fn small_scales_keep_their_digits_in_f32() {
        let (loc, scale) = (Tensor::scalar(2.0_f32), Tensor::scalar(1e-3_f32));
        let x = Variable::new("x", Tensor::scalar(2.0005_f32)).unwrap();
        let log_prob = Normal::new(loc, scale).unwrap().log_prob(&x.tensor()).unwrap();
        let given = log_prob.gradients().unwrap().of(&x).item().unwrap();
        let distance = f64::from(2.0005_f32) - 2.0;
        let expected = -distance / f64::from(1e-3_f32).powi(2);
        assert!((given / expected - 1.0).abs() < 1e-6, "{given} {expected}");
    }

    #[test]
    fn far_tails_have_their_slopes() {
        let far = |x: Tensor, size: f64| {
            let x = Variable::new("x", x).unwrap();
            let normal = Normal::new(Tensor::scalar(0.0_f32), Tensor::scalar(1.0_f32)).unwrap();
            let wide = Normal::new(0.0, 1.0).unwrap();
            let normal = if x.dtype() == DType::F32 { normal } else { wide };
            let slope = |tail: Tensor| tail.gradients().unwrap().of(&x).item().unwrap();
            let below = slope(normal.log_cdf(&x.tensor()).unwrap());
            let above = slope(normal.log_survival_function(&-x.tensor()).unwrap());
            assert!((below / size - 1.0).abs() < 1e-7 && above == below, "{below} {above}");
        };
        // φ(x)/Φ(x) = −x − 1/x + …
        far(Tensor::scalar(-1e4_f32), 1e4 + 1e-4);
        far(Tensor::scalar(-1e30_f32), f64::from(1e30_f32));
        far(Tensor::scalar(-1e4), 1e4 + 1e-4);
        far(Tensor::scalar(-1e8), 1e8);
        far(Tensor::scalar(-1e200), 1e200);
    }

    #[test]
    fn the_divergence_from_itself_is_exactly_zero() {
        let normal = Normal::new(0.3, 1.7e-3).unwrap();
        assert_eq!(kl_divergence(&normal, &normal).unwrap().item().unwrap(), 0.0);
    }
}
