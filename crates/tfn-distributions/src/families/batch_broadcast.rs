//! Batches widened by repetition.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes, checked_len};

use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure, Support};
use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::parameter::ParameterSpec;

/// `distribution` with its batch broadcast: independent copies, whose parameters are held once.
///
/// Counterpart: `tfp.distributions.BatchBroadcast`.
///
/// # Examples
/// ```
/// use tfn_distributions::{BatchBroadcast, Distribution, Normal};
/// use tfn_tensor::{Stream, Tensor};
///
/// let column = Normal::new(Tensor::from_vec(vec![0.0, 10.0], &[2, 1]), 1.0)?;
/// let table = BatchBroadcast::new(column, &[3])?;
/// assert_eq!(table.batch_shape()?, [2, 3]);
/// assert_eq!(table.sample(&[5], &mut Stream::from_seed(1))?.shape()?, [5, 2, 3]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct BatchBroadcast {
    distribution: Arc<dyn Distribution>,
    batch_shape: Vec<usize>,
    validate_args: bool,
}

family!(BatchBroadcast);

impl BatchBroadcast {
    /// `distribution` with its batch broadcast with `with_shape`.
    ///
    /// # Errors
    /// [`DistributionError::Shapes`] if the two do not broadcast.
    pub fn new(distribution: impl IntoDistribution, with_shape: &[usize]) -> Result<Self> {
        let distribution = distribution.into_distribution();
        let batch_shape = joined("BatchBroadcast", "with_shape", &*distribution, with_shape)?;
        Ok(Self { distribution, batch_shape, validate_args: false })
    }

    /// `distribution` with its batch broadcast to exactly `to_shape`.
    ///
    /// # Errors
    /// [`DistributionError::Shape`] if its batch does not broadcast to that.
    pub fn to_shape(distribution: impl IntoDistribution, to_shape: &[usize]) -> Result<Self> {
        let distribution = distribution.into_distribution();
        let batch = distribution.batch_shape()?;
        if broadcast_shapes(&batch, to_shape).as_deref() != Some(to_shape) {
            return Err(DistributionError::Shape {
                family: "BatchBroadcast",
                argument: "to_shape",
                given: to_shape.to_vec(),
                expected: format!("a shape to which the batch {batch:?} broadcasts"),
            });
        }
        Ok(Self { distribution, batch_shape: to_shape.to_vec(), validate_args: false })
    }

    /// The distribution before.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// `value` repeated along the axes of the batch that it lacks.
    fn wide(&self, value: &Tensor, event: &[usize]) -> Result<Tensor> {
        let own = [&self.batch_shape, event].concat();
        let shape = broadcast_shapes(value.shape()?, &own).unwrap_or(own);
        Ok(value.broadcast_to(&shape).check()?)
    }

    /// `f` of an event at each place of the batch.
    fn at(
        &self,
        value: &Tensor,
        f: &dyn Fn(&dyn Distribution, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        f(&*self.distribution, &self.wide(value, &self.event_shape()?)?)
    }
}

/// The batch of `distribution` and `shape`, an argument of `family`, broadcast together.
pub(super) fn joined(
    family: &'static str,
    argument: &'static str,
    distribution: &dyn Distribution,
    shape: &[usize],
) -> Result<Vec<usize>> {
    let lhs = distribution.batch_shape()?;
    let rhs = shape.to_vec();
    broadcast_shapes(&lhs, shape).ok_or(DistributionError::Shapes { family, argument, lhs, rhs })
}

/// Independent samples of the shape `outer + batch + event`, for a `batch` to which that of `distribution` broadcasts.
pub(super) fn sample_wide(
    distribution: &dyn Distribution,
    outer: &[usize],
    batch: &[usize],
    stream: &mut Stream,
) -> Result<Tensor> {
    let (own, event) = (distribution.batch_shape()?, distribution.event_shape()?);
    let shape = [outer, batch, &event].concat();
    if batch.ends_with(&own) {
        return distribution.sample_of(&shape, stream);
    }
    checked_len(&shape, distribution.dtype()?)?;
    // Along an axis of `batch` there are either copies or entries of its own: first all copies, then all entries.
    let lacking = batch.len() - own.len();
    let is_own = |axis: usize| axis >= lacking && own[axis - lacking] == batch[axis];
    let copies: usize = (0..batch.len()).filter(|&axis| !is_own(axis)).map(|axis| batch[axis]).product();
    let draws = distribution.sample_of(&[outer, &[copies], &own, &event].concat(), stream)?;
    let count: usize = batch.iter().product();
    let entries: usize = own.iter().product();
    let places: Vec<usize> = (0..count)
        .map(|mut place| {
            let (mut index, mut strides) = ([0, 0], [1, 1]);
            for axis in (0..batch.len()).rev() {
                let side = usize::from(is_own(axis));
                index[side] += place % batch[axis] * strides[side];
                strides[side] *= batch[axis];
                place /= batch[axis];
            }
            index[0] * entries + index[1]
        })
        .collect();
    let flat = [outer, &[count], &event].concat();
    Ok(draws.reshape(&flat).gather(outer.len() as isize, &places).reshape(&shape).check()?)
}

impl Distribution for BatchBroadcast {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        Ok(self.batch_shape.clone())
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        self.distribution.event_shape()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.distribution.log_prob(x)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let own = self.batch_shape.len() + self.event_shape()?.len();
        let outer = &shape[..shape.len().saturating_sub(own)];
        sample_wide(&*self.distribution, outer, &self.batch_shape, stream)
    }

    statistics_by!(spread);

    fn entropy(&self) -> Result<Tensor> {
        Ok(self.distribution.entropy()?.broadcast_to(&self.batch_shape).check()?)
    }

    tails_at!();

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        self.distribution.quantile(&self.wide(p, &[])?)
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        self.distribution.inverse_survival_function(&self.wide(p, &[])?)
    }

    fn support(&self) -> Support {
        self.distribution.support()
    }

    fn structure(&self) -> Structure {
        let (base, batch_shape) = (self.distribution.clone(), self.batch_shape.clone());
        Structure::BatchBroadcast { base, batch_shape }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let (loc, scale) = self.distribution.elementwise_normal()?;
        Some((self.spread(&loc).ok()?, self.spread(&scale).ok()?))
    }

    fn linear_normal(&self) -> Option<Result<LinearNormal>> {
        let normal = self.distribution.linear_normal()?;
        Some(normal.and_then(|normal| normal.broadcast_batch(&self.batch_shape)))
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        let wide = self.event_shape().and_then(|event| self.wide(x, &event));
        wide.map_or_else(|error| Some(Err(error)), |x| self.distribution.elementwise_log_prob(&x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Independent, Laplace, Normal, Sample, kl_divergence};

    /// Normals about 0 and 100, a column.
    fn column() -> Normal {
        Normal::new(Tensor::from_vec(vec![0.0, 100.0], &[2, 1]), 1.0).unwrap()
    }

    fn values(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec().unwrap()
    }

    #[test]
    fn copies_along_an_inner_axis_are_independent_and_in_their_rows() {
        let table = BatchBroadcast::to_shape(column(), &[4, 2, 3]).unwrap();
        let x = table.sample(&[5], &mut Stream::from_seed(3)).unwrap();
        assert_eq!(x.shape().unwrap(), [5, 4, 2, 3]);
        let mut entries: Vec<f64> = x.to_vec().unwrap();
        for (place, entry) in entries.iter().enumerate() {
            let row = place / 3 % 2;
            assert!((entry - 100.0 * row as f64).abs() < 6.0, "{entry} at {place}");
        }
        entries.sort_by(f64::total_cmp);
        entries.dedup();
        assert_eq!(entries.len(), 5 * 4 * 2 * 3);
    }

    #[test]
    fn answers_are_those_of_the_distribution_repeated() {
        let table = BatchBroadcast::new(column(), &[3]).unwrap();
        assert_eq!(values(table.mean()), [0.0, 0.0, 0.0, 100.0, 100.0, 100.0]);
        assert_eq!(values(table.variance()), [1.0; 6]);
        assert_eq!(table.entropy().unwrap().shape().unwrap(), [2, 3]);
        let x = Tensor::scalar(0.5);
        let base = values(column().log_cdf(&x));
        let wide = table.log_cdf(&x).unwrap();
        assert_eq!(wide.shape().unwrap(), [2, 3]);
        assert_eq!(values(Ok(wide)), [base[0], base[0], base[0], base[1], base[1], base[1]]);
        assert_eq!(table.log_prob(&x).unwrap().shape().unwrap(), [2, 3]);
        assert_eq!(table.quantile(&x).unwrap().shape().unwrap(), [2, 3]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let error = BatchBroadcast::new(column(), &[3, 3]).unwrap_err();
        assert!(matches!(error, DistributionError::Shapes { argument: "with_shape", .. }), "{error}");
        let error = BatchBroadcast::to_shape(column(), &[3]).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "to_shape", .. }), "{error}");
    }

    #[test]
    fn divergences_are_repeated_where_the_batch_is() {
        let laplace = |loc: f64| Laplace::new(loc, 1.0).unwrap();
        let one = values(kl_divergence(&laplace(0.5), &laplace(0.0)))[0];
        let wide = |d: Laplace| BatchBroadcast::new(d, &[2, 3]).unwrap();
        let (q, p) = (wide(laplace(0.5)), wide(laplace(0.0)));
        assert_eq!(values(kl_divergence(&q, &p)), [one; 6]);
        assert_eq!(values(kl_divergence(&q, &laplace(0.0))), [one; 6]);
        let events = Independent::new(q, 1).unwrap();
        let prior = Sample::new(laplace(0.0), &[3]).unwrap();
        let sums = values(kl_divergence(&events, &prior));
        assert!(sums.len() == 2 && sums.iter().all(|sum| (sum - 3.0 * one).abs() < 1e-15));
        let batched = Sample::new(wide(laplace(0.5)), &[4]).unwrap();
        let narrow = Sample::new(Laplace::new(Tensor::zeros(&[3], DType::F64), 1.0).unwrap(), &[4]);
        let sums = values(kl_divergence(&batched, &narrow.unwrap()));
        assert!(sums.len() == 6 && sums.iter().all(|sum| (sum - 4.0 * one).abs() < 1e-15));
    }
}
