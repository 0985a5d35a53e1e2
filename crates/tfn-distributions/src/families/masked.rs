//! Batches with places that do not count.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::batch_broadcast::{joined, sample_wide};
use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure, Support};
use crate::error::{DistributionError, Result};
use crate::masking::constant;
use crate::parameter::ParameterSpec;

/// What a distribution has in places that do not count.
type SafeSample = fn(&dyn Distribution) -> Result<Tensor>;

/// `distribution` where `validity_mask` is 1; where it is 0, a place that does not count.
///
/// Counterpart: `tfp.distributions.Masked`.
///
/// An invalid place has a log-density of 0 at any value, without a gradient, samples, mean, mode and quantiles that
/// are the [safe sample](Self::with_safe_sample_fn), a constant, an entropy and variance of 0, and its cdf is 1. So
/// sums over places are sums over the valid ones.
///
/// # Shapes
/// The batch is that of `distribution` broadcast with the mask.
///
/// # Examples
/// Rows of lengths 1 and 3, padded:
/// ```
/// use tfn_distributions::{BatchBroadcast, Distribution, Independent, Masked, Normal};
/// use tfn_tensor::{DType, Tensor};
///
/// let mask = Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[2, 3]);
/// let rows = Independent::new(Masked::new(Normal::new(0.0, 1.0)?, mask)?, 1)?;
/// let log_prob = rows.log_prob(&Tensor::zeros(&[3], DType::F64))?.to_vec::<f64>()?;
/// assert!((3.0 * log_prob[0] - log_prob[1]).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Masked {
    distribution: Arc<dyn Distribution>,
    validity_mask: Tensor,
    all_valid: bool,
    /// A fixed sample if there is none.
    #[module(skip)]
    safe_sample_fn: Option<SafeSample>,
    validate_args: bool,
}

family!(Masked);

impl Masked {
    /// `distribution` where `validity_mask`, of zeros and ones, is 1.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if the mask holds other numbers, [`DistributionError::Shapes`] if it does not
    /// broadcast with the batch.
    pub fn new(distribution: impl IntoDistribution, validity_mask: Tensor) -> Result<Self> {
        let distribution = distribution.into_distribution();
        let (family, argument) = ("Masked", "validity_mask");
        joined(family, argument, &*distribution, validity_mask.shape()?)?;
        let entries = validity_mask.to_f64_vec()?;
        if let Some(place) = entries.iter().position(|&valid| valid != 0.0 && valid != 1.0) {
            let given = format!("{} at entry {place}", entries[place]);
            let expected = "zeros and ones".into();
            return Err(DistributionError::Argument { family, argument, given, expected });
        }
        let all_valid = entries.iter().all(|&valid| valid == 1.0);
        let validity_mask = validity_mask.cast(distribution.dtype()?).detach();
        Ok(Self {
            distribution,
            validity_mask,
            all_valid,
            safe_sample_fn: None,
            validate_args: false,
        })
    }

    /// The same with the safe value `safe_sample_fn(distribution)`, which broadcasts with batch and event; without
    /// this call it is a sample of a fixed seed.
    #[must_use]
    pub fn with_safe_sample_fn(self, safe_sample_fn: SafeSample) -> Self {
        Self { safe_sample_fn: Some(safe_sample_fn), ..self }
    }

    /// The distribution in the valid places.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// 1 in the valid places, 0 in the others.
    pub fn validity_mask(&self) -> &Tensor {
        &self.validity_mask
    }

    /// The value in the invalid places, without a gradient.
    /// Whether the samples in invalid places are those of a function of the user's.
    pub(crate) fn has_safe_sample_fn(&self) -> bool {
        self.safe_sample_fn.is_some()
    }

    fn safe(&self) -> Result<Tensor> {
        Ok(self.safe_sample_fn.unwrap_or(fixed_sample)(&*self.distribution)?.detach().check()?)
    }

    /// The mask over whole events.
    fn over_events(&self) -> Result<Tensor> {
        let axes = self.event_shape()?.len();
        Ok((0..axes).fold(self.validity_mask.clone(), |mask, _| mask.expand_dims(-1)))
    }

    /// `f` of the value in the valid places, `invalid` in the others.
    fn at(
        &self,
        value: &Tensor,
        invalid: f64,
        f: &dyn Fn(&dyn Distribution, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let result = f(&*self.distribution, &self.valid_or_safe(value)?)?;
        Ok(Tensor::select(&self.validity_mask, &result, &constant(invalid, &result)).check()?)
    }

    /// Events of `value` in the valid places, safe ones in the others.
    fn valid_or_safe(&self, value: &Tensor) -> Result<Tensor> {
        Ok(Tensor::select(&self.over_events()?, value, &self.safe()?).check()?)
    }

    /// A statistic of the base in the valid places, `invalid` in the others.
    fn statistic(&self, of_base: &Tensor, invalid: &Tensor) -> Result<Tensor> {
        self.spread(&Tensor::select(&self.over_events()?, of_base, invalid))
    }
}

fn fixed_sample(distribution: &dyn Distribution) -> Result<Tensor> {
    distribution.sample(&[], &mut Stream::from_seed(0))
}

impl Distribution for Masked {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        joined("Masked", "validity_mask", &*self.distribution, self.validity_mask.shape()?)
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.distribution.event_shape()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.at(x, 0.0, &|base, x| base.log_prob(x))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let batch = self.batch_shape()?;
        let own = batch.len() + self.event_shape()?.len();
        let outer = &shape[..shape.len().saturating_sub(own)];
        self.valid_or_safe(&sample_wide(&*self.distribution, outer, &batch, stream)?)
    }

    fn mean(&self) -> Result<Tensor> {
        self.statistic(&self.distribution.mean()?, &self.safe()?)
    }

    fn variance(&self) -> Result<Tensor> {
        let variance = self.distribution.variance()?;
        self.statistic(&variance, &constant(0.0, &variance))
    }

    fn stddev(&self) -> Result<Tensor> {
        let stddev = self.distribution.stddev()?;
        self.statistic(&stddev, &constant(0.0, &stddev))
    }

    fn mode(&self) -> Result<Tensor> {
        self.statistic(&self.distribution.mode()?, &self.safe()?)
    }

    fn entropy(&self) -> Result<Tensor> {
        let entropy = self.distribution.entropy()?;
        let valid = Tensor::select(&self.validity_mask, &entropy, &constant(0.0, &entropy));
        Ok(valid.broadcast_to(&self.batch_shape()?).check()?)
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.at(value, 1.0, &|base, x| base.cdf(x))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.at(value, 0.0, &|base, x| base.log_cdf(x))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.at(value, 0.0, &|base, x| base.survival_function(x))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        self.at(value, f64::NEG_INFINITY, &|base, x| base.log_survival_function(x))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let quantile = self.distribution.quantile(p)?;
        Ok(Tensor::select(&self.over_events()?, &quantile, &self.safe()?).check()?)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let quantile = self.distribution.inverse_survival_function(p)?;
        Ok(Tensor::select(&self.over_events()?, &quantile, &self.safe()?).check()?)
    }

    /// That of the distribution, if all places are valid; points otherwise, since the density of an invalid place
    /// has no integral.
    fn support(&self) -> Support {
        if self.all_valid { self.distribution.support() } else { Support::Points }
    }

    fn structure(&self) -> Structure {
        let (base, validity_mask) = (self.distribution.clone(), self.validity_mask.clone());
        Structure::Masked { base, validity_mask }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        if !self.all_valid {
            return None;
        }
        let (loc, scale) = self.distribution.elementwise_normal()?;
        Some((self.spread(&loc).ok()?, self.spread(&scale).ok()?))
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        let x = match self.valid_or_safe(x) {
            Ok(x) => x,
            Err(error) => return Some(Err(error)),
        };
        let terms = self.distribution.elementwise_log_prob(&x)?;
        Some(terms.and_then(|terms| {
            Ok(Tensor::select(&self.over_events()?, &terms, &constant(0.0, &terms)).check()?)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exponential, Independent, Laplace, MultivariateNormalDiag, Normal, kl_divergence};
    use tfn_tensor::Variable;

    fn mask(entries: &[f64]) -> Tensor {
        Tensor::from_vec(entries.to_vec(), &[entries.len()])
    }

    fn values(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec().unwrap()
    }

    #[test]
    fn an_invalid_place_says_nothing() {
        let base = Normal::new(mask(&[0.3, 0.7, -1.0]), 2.0).unwrap();
        let masked = Masked::new(base.clone(), mask(&[1.0, 0.0, 1.0])).unwrap();
        let masked = masked.with_safe_sample_fn(|d| d.mode());
        let x = Tensor::scalar(0.5);
        let check = |given: Result<Tensor>, of_base: Result<Tensor>, invalid: f64| {
            let (given, of_base) = (values(given), values(of_base));
            assert_eq!(given, [of_base[0], invalid, of_base[2]]);
        };
        check(masked.log_prob(&x), base.log_prob(&x), 0.0);
        check(masked.prob(&x), base.prob(&x), 1.0);
        check(masked.cdf(&x), base.cdf(&x), 1.0);
        check(masked.log_cdf(&x), base.log_cdf(&x), 0.0);
        check(masked.survival_function(&x), base.survival_function(&x), 0.0);
        check(masked.log_survival_function(&x), base.log_survival_function(&x), f64::NEG_INFINITY);
        check(masked.mean(), base.mean(), 0.7);
        check(masked.mode(), base.mode(), 0.7);
        check(masked.quantile(&x), base.quantile(&x), 0.7);
        check(masked.variance(), base.variance(), 0.0);
        check(masked.stddev(), base.stddev(), 0.0);
        check(masked.entropy(), base.entropy(), 0.0);
        let draws = values(masked.sample(&[2], &mut Stream::from_seed(1)));
        assert!(draws[1] == 0.7 && draws[4] == 0.7 && draws[0] != draws[3]);
    }

    #[test]
    fn no_gradient_comes_from_an_invalid_place() {
        let rate = Variable::new("rate", mask(&[2.0, 2.0])).unwrap();
        let waiting = Exponential::new(&rate).unwrap();
        let masked = Masked::new(waiting, mask(&[1.0, 0.0])).unwrap();
        let x = Variable::new("x", mask(&[0.25, f64::NAN])).unwrap();
        let log_prob = masked.log_prob(&x.tensor()).unwrap();
        assert_eq!(values(Ok(log_prob.clone())), [2f64.ln() - 0.5, 0.0]);
        let slopes = log_prob.sum().gradients().unwrap();
        assert_eq!(values(Ok(slopes.of(&rate))), [0.25, 0.0]);
        assert_eq!(values(Ok(slopes.of(&x))), [-2.0, 0.0]);
    }

    #[test]
    fn the_mask_may_widen_the_batch() {
        let vectors = MultivariateNormalDiag::new(Tensor::zeros(&[3, 2], DType::F64), mask(&[1.0, 1.0]));
        let column = Tensor::from_vec(vec![0.0, 1.0], &[2, 1]);
        let masked = Masked::new(vectors.unwrap(), column).unwrap();
        assert_eq!(masked.batch_shape().unwrap(), [2, 3]);
        let x = masked.sample(&[4], &mut Stream::from_seed(1)).unwrap();
        assert_eq!(x.shape().unwrap(), [4, 2, 3, 2]);
        let log_prob = values(masked.log_prob(&Tensor::zeros(&[2], DType::F64)));
        assert!(log_prob[..3].iter().all(|l| *l == 0.0) && log_prob[3..].iter().all(|l| *l < 0.0));
    }

    #[test]
    fn a_mask_of_other_numbers_or_of_another_shape_is_refused() {
        let normal = || Normal::new(mask(&[0.0, 0.0, 0.0]), 1.0).unwrap();
        let error = Masked::new(normal(), mask(&[1.0, 0.5, 0.0])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Masked: argument `validity_mask` is 0.5 at entry 1, expected zeros and ones"
        );
        let error = Masked::new(normal(), mask(&[1.0, 0.0])).unwrap_err();
        assert!(matches!(error, DistributionError::Shapes { argument: "validity_mask", .. }));
    }

    #[test]
    fn divergences_count_the_places_valid_in_both() {
        let laplace = |loc: f64| Laplace::new(Tensor::full(&[3], loc, DType::F64), 1.0).unwrap();
        let one = values(kl_divergence(&laplace(0.5), &laplace(0.0)))[0];
        let q = Masked::new(laplace(0.5), mask(&[1.0, 0.0, 1.0])).unwrap();
        let p = Masked::new(laplace(0.0), mask(&[1.0, 0.0, 0.0])).unwrap();
        let each = values(kl_divergence(&q, &p));
        assert!(each[0] == one && each[1] == 0.0 && each[2].is_nan(), "{each:?}");
        let same = Masked::new(laplace(0.0), mask(&[1.0, 0.0, 1.0])).unwrap();
        let [q, same] = [q, same].map(|d| Independent::new(d, 1).unwrap());
        assert!((values(kl_divergence(&q, &same))[0] - 2.0 * one).abs() < 1e-15);
        assert!(kl_divergence(&q, &Independent::new(laplace(0.0), 1).unwrap()).is_err());
    }
}
