//! Several independent events as one.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::axes::{sum_last, swap_groups};
use crate::distribution::{Distribution, IntoDistribution, Reparameterization, Structure, Support};
use crate::error::Result;
use crate::parameter::ParameterSpec;

/// `sample_shape` independent events of `distribution` as one event.
///
/// Counterpart: `tfp.distributions.Sample`.
///
/// # Shapes
/// The event shape is `sample_shape` followed by that of `distribution`; the batch is that of `distribution`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Normal, Sample};
///
/// let prior = Sample::new(Normal::new(0.0, 1.0)?, &[784, 10])?;
/// assert_eq!(prior.event_shape()?, [784, 10]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Sample {
    distribution: Arc<dyn Distribution>,
    sample_shape: Vec<usize>,
    validate_args: bool,
}

family!(Sample);

impl Sample {
    /// `sample_shape` events of `distribution`.
    ///
    /// # Errors
    /// What `distribution` reports of its shapes.
    pub fn new(distribution: impl IntoDistribution, sample_shape: &[usize]) -> Result<Self> {
        let distribution = distribution.into_distribution();
        distribution.batch_shape()?;
        Ok(Self { distribution, sample_shape: sample_shape.to_vec(), validate_args: false })
    }

    /// The distribution of each event.
    pub fn distribution(&self) -> &Arc<dyn Distribution> {
        &self.distribution
    }

    /// How many events there are.
    pub fn sample_shape(&self) -> &[usize] {
        &self.sample_shape
    }

    /// `[outer, batch, sample, event]` as `[outer, sample, batch, event]`, as the base has its values.
    ///
    /// A value may lack batch axes (they broadcast): then it lies as the base has it already.
    fn sample_first(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, event) = (self.distribution.batch_shape()?, self.distribution.event_shape()?);
        if batch.is_empty() || self.sample_shape.is_empty() {
            return Ok(x.clone());
        }
        let shape = x.shape()?;
        let outer = shape.len() - self.sample_shape.len() - event.len();
        let own = &shape[outer.saturating_sub(batch.len())..outer];
        let moved = swap_groups(x, own, &self.sample_shape, &event)?;
        // Missing batch axes must stand after the sample's.
        let missing = batch.len() - own.len();
        let at = -((own.len() + event.len()) as isize) - 1;
        Ok((0..missing).fold(moved, |moved, _| moved.expand_dims(at)))
    }

    /// A statistic of the base, `batch + event`, repeated to `batch + sample + event`.
    fn repeat(&self, of_base: &Tensor) -> Result<Tensor> {
        let at = -(self.distribution.event_shape()?.len() as isize) - 1;
        let expanded = self.sample_shape.iter().fold(of_base.clone(), |t, _| t.expand_dims(at));
        self.spread(&expanded)
    }

    /// A tensor of the shape `[outer, sample, batch, event]` with the batch before the sample again.
    fn batch_first(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, event) = (self.distribution.batch_shape()?, self.distribution.event_shape()?);
        swap_groups(x, &self.sample_shape, &batch, &event)
    }
}

impl Distribution for Sample {
    methods_of_distribution!();

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.distribution.batch_shape()
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok([&self.sample_shape[..], &self.distribution.event_shape()?].concat())
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let terms = self.distribution.log_prob(&self.sample_first(x)?)?;
        let batch = self.batch_shape()?;
        if batch.is_empty() {
            return Ok(sum_last(&terms, self.sample_shape.len()));
        }
        // `[outer, sample, batch]`: the axes of the sample lie before those of the batch.
        let (first, last) = (batch.len() + self.sample_shape.len(), batch.len());
        let axes: Vec<isize> = (last + 1..=first).map(|axis| -(axis as isize)).collect();
        Ok(if axes.is_empty() { terms } else { terms.sum_axes(&axes, false) })
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let (batch, event) = (self.distribution.batch_shape()?, self.distribution.event_shape()?);
        let outer = &shape[..shape.len() - batch.len() - self.sample_shape.len() - event.len()];
        let of_base = [outer, &self.sample_shape, &batch, &event].concat();
        self.batch_first(&self.distribution.sample_of(&of_base, stream)?)
    }

    statistics_by!(repeat);

    fn entropy(&self) -> Result<Tensor> {
        let count: f64 = self.sample_shape.iter().map(|&size| size as f64).product();
        Ok(self.distribution.entropy()? * count)
    }

    fn support(&self) -> Support {
        self.distribution.support()
    }

    fn structure(&self) -> Structure {
        let (base, sample_shape) = (self.distribution.clone(), self.sample_shape.clone());
        Structure::Sample { base, sample_shape }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        let (loc, scale) = self.distribution.elementwise_normal()?;
        Some((self.repeat(&loc).ok()?, self.repeat(&scale).ok()?))
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        let x = match self.sample_first(x) {
            Ok(x) => x,
            Err(error) => return Some(Err(error)),
        };
        let terms = self.distribution.elementwise_log_prob(&x)?;
        Some(terms.and_then(|terms| self.batch_first(&terms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Independent, Normal};

    fn batched() -> Sample {
        let loc = Tensor::from_vec(vec![0.0, 10.0, 20.0], &[3]);
        Sample::new(Normal::new(loc, 1.0).unwrap(), &[2, 2]).unwrap()
    }

    #[test]
    fn the_sample_lies_after_the_batch() {
        let sample = batched();
        let x = sample.sample(&[5], &mut Stream::from_seed(2)).unwrap();
        assert_eq!(x.shape().unwrap(), [5, 3, 2, 2]);
        let centre = x.mean_axes(&[0, 2, 3], false).to_vec::<f64>().unwrap();
        assert!(centre.iter().zip([0.0, 10.0, 20.0]).all(|(x, loc)| (x - loc).abs() < 1.5));
        assert_eq!(sample.log_prob(&x).unwrap().shape().unwrap(), [5, 3]);
        let terms = sample.elementwise_log_prob(&x).unwrap().unwrap();
        assert_eq!(terms.shape().unwrap(), [5, 3, 2, 2]);
        let (sum, whole) = (sum_last(&terms, 2), sample.log_prob(&x).unwrap());
        let (sum, whole) = (sum.to_vec::<f64>().unwrap(), whole.to_vec::<f64>().unwrap());
        assert!(sum.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs()));
    }

    #[test]
    fn a_value_without_the_batch_broadcasts() {
        let sample = batched();
        let x = Tensor::from_vec(vec![0.1, 0.2, 0.3, 0.4], &[2, 2]);
        let repeated = Tensor::stack(&[&x, &x, &x], 0);
        let (a, b) = (sample.log_prob(&x).unwrap(), sample.log_prob(&repeated).unwrap());
        assert_eq!(a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
    }

    #[test]
    fn the_base_may_have_events() {
        let loc = Tensor::from_vec(vec![0.0, 5.0, 10.0, 15.0], &[2, 2]);
        let vectors = Independent::new(Normal::new(loc, 1.0).unwrap(), 1).unwrap();
        let sample = Sample::new(vectors, &[3]).unwrap();
        assert_eq!(sample.event_shape().unwrap(), [3, 2]);
        let mean = sample.mean().unwrap();
        assert_eq!(mean.shape().unwrap(), [2, 3, 2]);
        assert_eq!(mean.to_vec::<f64>().unwrap()[4..8], [0.0, 5.0, 10.0, 15.0]);
        let best = sample.log_prob(&mean).unwrap().to_vec::<f64>().unwrap();
        let entropy = sample.entropy().unwrap().to_vec::<f64>().unwrap();
        assert!((best[0] + entropy[0] - 3.0).abs() < 1e-12 && best.len() == 2);
        let (loc, _) = sample.elementwise_normal().unwrap();
        assert_eq!(loc.to_vec::<f64>().unwrap(), mean.to_vec::<f64>().unwrap());
    }
}
