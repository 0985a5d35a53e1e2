//! Batch axes read as event axes.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::axes::sum_last;
use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure, Support};
use crate::error::{DistributionError, Result};
use crate::parameter::ParameterSpec;
use crate::stable::log_of_complement;

/// A batch of distributions read as the distribution of a batch: the last axes of the batch of
/// `distribution` become axes of the event.
///
/// Counterpart: `tfp.distributions.Independent`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Independent, Normal};
/// use tfn_tensor::{DType, Tensor};
///
/// let weights = Independent::new(Normal::new(Tensor::zeros(&[5, 3, 2], DType::F32), 1.0)?, 2)?;
/// assert_eq!((weights.batch_shape()?, weights.event_shape()?), (vec![5], vec![3, 2]));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Independent {
    distribution: Arc<dyn Distribution>,
    reinterpreted_batch_ndims: usize,
    validate_args: bool,
}

family!(Independent);

impl Independent {
    /// `distribution` with its last `reinterpreted_batch_ndims` batch axes as event axes.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if the batch has fewer axes.
    pub fn new(
        distribution: impl IntoDistribution,
        reinterpreted_batch_ndims: usize,
    ) -> Result<Self> {
        let distribution = distribution.into_distribution();
        let given = distribution.batch_shape()?;
        if given.len() < reinterpreted_batch_ndims {
            return Err(DistributionError::Shape {
                family: "Independent",
                argument: "distribution",
                given,
                expected: format!("a batch of at least {reinterpreted_batch_ndims} axes"),
            });
        }
        Ok(Self { distribution, reinterpreted_batch_ndims, validate_args: false })
    }

    /// The batch of distributions.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// How many of its batch axes are event axes here.
    pub fn reinterpreted_batch_ndims(&self) -> usize {
        self.reinterpreted_batch_ndims
    }

    /// Batch and event axes of the base, cut where this event begins.
    fn cut(&self) -> Result<(Vec<usize>, Vec<usize>)> {
        let mut batch = self.distribution.batch_shape()?;
        let mut event = batch.split_off(batch.len().saturating_sub(self.reinterpreted_batch_ndims));
        event.extend(self.distribution.event_shape()?);
        Ok((batch, event))
    }

    /// The base where it is all there is: vectors have no quantiles.
    fn of_one(&self, method: &'static str) -> Result<&dyn Distribution> {
        match self.reinterpreted_batch_ndims {
            0 => Ok(&*self.distribution),
            _ => Err(DistributionError::Unsupported { family: self.family(), method }),
        }
    }

    fn add(&self, terms: Tensor) -> Result<Tensor> {
        Ok(sum_last(&terms, self.reinterpreted_batch_ndims).check()?)
    }
}

impl Distribution for Independent {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        Ok(self.cut()?.0)
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(self.cut()?.1)
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.add(self.distribution.log_prob(x)?)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.distribution.sample_of(shape, stream)
    }

    fn mean(&self) -> Result<Tensor> {
        self.distribution.mean()
    }

    fn variance(&self) -> Result<Tensor> {
        self.distribution.variance()
    }

    fn stddev(&self) -> Result<Tensor> {
        self.distribution.stddev()
    }

    fn mode(&self) -> Result<Tensor> {
        self.distribution.mode()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.add(self.distribution.entropy()?)
    }

    /// Probability that every entry is at most that of `value`.
    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        match self.reinterpreted_batch_ndims {
            0 => self.distribution.cdf(value),
            _ => Ok(self.log_cdf(value)?.exp()),
        }
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        self.add(self.distribution.log_cdf(value)?)
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        match self.reinterpreted_batch_ndims {
            0 => self.distribution.survival_function(value),
            _ => Ok(-self.log_cdf(value)?.expm1()),
        }
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        match self.reinterpreted_batch_ndims {
            0 => self.distribution.log_survival_function(value),
            _ => Ok(log_of_complement(&self.log_cdf(value)?)),
        }
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.of_one("quantile")?.quantile(p)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.of_one("inverse_survival_function")?.inverse_survival_function(p)
    }

    fn support(&self) -> Support {
        self.distribution.support()
    }

    fn structure(&self) -> Structure {
        Structure::Independent {
            base: self.distribution.clone(),
            reinterpreted_batch_ndims: self.reinterpreted_batch_ndims,
        }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        self.distribution.elementwise_normal()
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        self.distribution.elementwise_log_prob(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Normal;

    #[test]
    fn more_axes_than_there_are_is_an_error() {
        let normal = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let error = Independent::new(normal, 2).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "distribution", .. }));
    }

    #[test]
    fn a_value_of_another_event_shape_is_an_error() {
        let normal = Normal::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap();
        let vector = Independent::new(normal, 1).unwrap();
        for shape in [&[2][..], &[1], &[], &[3, 1]] {
            let error = vector.log_prob(&Tensor::zeros(shape, DType::F64)).unwrap_err();
            assert!(
                matches!(error, DistributionError::Shape { argument: "value", .. }),
                "{shape:?}"
            );
        }
        assert_eq!(vector.log_prob(&Tensor::zeros(&[3], DType::F64)).unwrap().ndims().unwrap(), 0);
    }

    #[test]
    fn the_base_may_broadcast() {
        let loc = Tensor::zeros(&[2, 1], DType::F64);
        let normal = Normal::new(loc, Tensor::ones(&[3], DType::F64)).unwrap();
        let matrix = Independent::new(normal, 2).unwrap();
        assert_eq!(matrix.event_shape().unwrap(), [2, 3]);
        let (loc, scale) = matrix.elementwise_normal().unwrap();
        assert_eq!((loc.shape().unwrap(), scale.shape().unwrap()), (&[2, 3][..], &[2, 3][..]));
        assert_eq!(matrix.entropy().unwrap().ndims().unwrap(), 0);
    }
}
