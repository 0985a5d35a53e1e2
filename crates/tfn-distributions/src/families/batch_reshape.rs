//! Batches in another shape.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes, checked_len};

use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure, Support};
use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::parameter::ParameterSpec;

/// `distribution` with its batch in the shape `batch_shape`.
///
/// Counterpart: `tfp.distributions.BatchReshape`.
///
/// # Examples
/// ```
/// use tfn_distributions::{BatchReshape, Distribution, Normal};
/// use tfn_tensor::{DType, Tensor};
///
/// let normals = Normal::new(Tensor::zeros(&[6], DType::F64), 1.0)?;
/// let table = BatchReshape::new(normals, &[2, 3])?;
/// assert_eq!(table.log_prob(&Tensor::zeros(&[3], DType::F64))?.shape()?, [2, 3]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct BatchReshape {
    distribution: Arc<dyn Distribution>,
    batch_shape: Vec<usize>,
    validate_args: bool,
}

family!(BatchReshape);

impl BatchReshape {
    /// `distribution` with its batch in the shape `batch_shape`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if that has another number of entries, [`DistributionError::Tensor`] if it has more than
    /// can be counted.
    pub fn new(distribution: impl IntoDistribution, batch_shape: &[usize]) -> Result<Self> {
        let distribution = distribution.into_distribution();
        let before = distribution.batch_shape()?;
        let dtype = distribution.dtype()?;
        let given = checked_len(batch_shape, dtype)?;
        let expected = checked_len(&before, dtype)?;
        if given != expected {
            return Err(DistributionError::Shape {
                family: "BatchReshape",
                argument: "batch_shape",
                given: batch_shape.to_vec(),
                expected: format!("the {expected} entries of the batch {before:?}"),
            });
        }
        Ok(Self { distribution, batch_shape: batch_shape.to_vec(), validate_args: false })
    }

    /// The distribution before.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// `f` of values with events of shape `event`, which gives one with `left` of their axes.
    fn through(
        &self,
        value: &Tensor,
        (event, left): (&[usize], &[usize]),
        f: &mut dyn FnMut(&dyn Distribution, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let own = [&self.batch_shape, event].concat();
        let wide = broadcast_shapes(value.shape()?, &own).unwrap_or_else(|| own.clone());
        let outer = &wide[..wide.len() - own.len()];
        let before = [outer, &self.distribution.batch_shape()?, event].concat();
        let x = value.broadcast_to(&wide).reshape(&before).check()?;
        let shape = [outer, &self.batch_shape, left].concat();
        Ok(f(&*self.distribution, &x)?.reshape(&shape).check()?)
    }

    /// `f` of an event at each place of the batch.
    fn at(
        &self,
        value: &Tensor,
        f: &dyn Fn(&dyn Distribution, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.through(value, (&self.event_shape()?, &[]), &mut |base, x| f(base, x))
    }

    /// A statistic of the base in the shape `batch + event`.
    fn reshaped(&self, statistic: &Tensor) -> Result<Tensor> {
        Ok(statistic.reshape(&[&self.batch_shape[..], &self.event_shape()?].concat()).check()?)
    }
}

impl Distribution for BatchReshape {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        Ok(self.batch_shape.clone())
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.distribution.event_shape()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.at(x, &|base, x| base.log_prob(x))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let event = self.event_shape()?;
        let own = self.batch_shape.len() + event.len();
        let outer = &shape[..shape.len().saturating_sub(own)];
        let before = [outer, &self.distribution.batch_shape()?, &event].concat();
        Ok(self.distribution.sample_of(&before, stream)?.reshape(shape).check()?)
    }

    statistics_by!(reshaped);

    fn entropy(&self) -> Result<Tensor> {
        Ok(self.distribution.entropy()?.reshape(&self.batch_shape).check()?)
    }

    tails_at!();

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.through(p, (&[], &self.event_shape()?), &mut |base, p| base.quantile(p))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let event = self.event_shape()?;
        self.through(p, (&[], &event), &mut |base, p| base.inverse_survival_function(p))
    }

    fn support(&self) -> Support {
        self.distribution.support()
    }

    fn structure(&self) -> Structure {
        let (base, batch_shape) = (self.distribution.clone(), self.batch_shape.clone());
        Structure::BatchReshape { base, batch_shape }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let (loc, scale) = self.distribution.elementwise_normal()?;
        Some((self.reshaped(&loc).ok()?, self.reshaped(&scale).ok()?))
    }

    fn linear_normal(&self) -> Option<Result<LinearNormal>> {
        let normal = self.distribution.linear_normal()?;
        Some(normal.and_then(|normal| normal.reshape_batch(&self.batch_shape)))
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        let event = match self.event_shape() {
            Ok(event) => event,
            Err(error) => return Some(Err(error)),
        };
        let mut factorises = true;
        let terms = self.through(x, (&event, &event), &mut |base, x| {
            let terms = base.elementwise_log_prob(x);
            factorises = terms.is_some();
            terms.unwrap_or_else(|| Ok(x.clone()))
        });
        factorises.then_some(terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Independent, Laplace, MultivariateNormalDiag, Normal, Sample, kl_divergence};

    /// Locations 0 … 5 in one row.
    fn locs() -> Tensor {
        Tensor::from_vec((0..6).map(f64::from).collect::<Vec<_>>(), &[6])
    }

    fn table() -> BatchReshape {
        BatchReshape::new(Laplace::new(locs(), 1.0).unwrap(), &[2, 3]).unwrap()
    }

    fn values(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec().unwrap()
    }

    #[test]
    fn values_that_broadcast_meet_the_batch_in_its_new_shape() {
        let x = Tensor::from_vec(vec![1.0, 2.0], &[2, 1]);
        let given = values(table().log_prob(&x));
        let expected: Vec<f64> = [1.0, 0.0, 1.0, 1.0, 2.0, 3.0].map(|d: f64| -d - 2f64.ln()).into();
        assert!(given.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-15), "{given:?}");
        assert_eq!(table().cdf(&x).unwrap().shape().unwrap(), [2, 3]);
        let median = table().quantile(&Tensor::scalar(0.5)).unwrap();
        assert_eq!((median.shape().unwrap(), values(Ok(median.clone()))), (&[2, 3][..], values(Ok(locs()))));
        let draws = table().sample(&[4], &mut Stream::from_seed(1)).unwrap();
        assert_eq!(draws.shape().unwrap(), [4, 2, 3]);
        let same = Laplace::new(locs(), 1.0).unwrap().sample(&[4], &mut Stream::from_seed(1));
        assert_eq!(values(Ok(draws)), values(same));
    }

    #[test]
    fn events_stay_as_they_are() {
        let vectors = MultivariateNormalDiag::new(locs().reshape(&[3, 2]), Tensor::ones(&[2], DType::F64));
        let row = BatchReshape::new(vectors.unwrap(), &[1, 3, 1]).unwrap();
        assert_eq!(row.mean().unwrap().shape().unwrap(), [1, 3, 1, 2]);
        assert_eq!(values(row.mean()), values(Ok(locs())));
        assert_eq!(row.log_prob(&Tensor::zeros(&[2], DType::F64)).unwrap().shape().unwrap(), [1, 3, 1]);
        assert_eq!(row.entropy().unwrap().shape().unwrap(), [1, 3, 1]);
    }

    #[test]
    fn another_number_of_entries_is_an_error() {
        let error = BatchReshape::new(Normal::new(locs(), 1.0).unwrap(), &[2, 2]).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "batch_shape", .. }), "{error}");
    }

    #[test]
    fn divergences_are_reshaped() {
        let base = Laplace::new(locs(), 1.0).unwrap();
        let prior = Laplace::new(0.5, 2.0).unwrap();
        let each = values(kl_divergence(&base, &prior));
        assert_eq!(values(kl_divergence(&table(), &prior)), each);
        assert_eq!(values(kl_divergence(&table(), &table())), [0.0; 6]);
        let whole = Independent::new(table(), 2).unwrap();
        let sum = values(kl_divergence(&whole, &Sample::new(prior, &[2, 3]).unwrap()));
        assert!((sum[0] - each.iter().sum::<f64>()).abs() < 1e-14);
        let other = BatchReshape::new(Laplace::new(locs().reshape(&[3, 2]), 1.0).unwrap(), &[2, 3]);
        assert!(kl_divergence(&table(), &other.unwrap()).is_err());
    }
}
