//! Several distributions side by side.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use crate::{Distribution, DistributionError, ParameterSpec, Reparameterization, Result};

/// The joint distribution of independent parts.
///
/// Counterpart: `tfp.distributions.JointDistributionSequential` of plain distributions. Its values are lists of
/// tensors, one a part: [`sample_parts`](Distribution::sample_parts) and
/// [`log_prob_parts`](Distribution::log_prob_parts). What speaks of a single tensor (`sample`, `log_prob`,
/// `mean`) is not defined.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, JointDistributionSequential, Normal, Sample};
/// use tfn_tensor::Key;
///
/// let kernel = Sample::new(Normal::new(0.0, 1.0)?, &[3, 2])?;
/// let bias = Sample::new(Normal::new(0.0, 1.0)?, &[2])?;
/// let prior = JointDistributionSequential::new([kernel.into(), bias.into()])?;
/// let values = prior.sample_parts(&[], &Key::from_seed(1))?;
/// assert_eq!((values[0].shape()?, values[1].shape()?), (&[3, 2][..], &[2][..]));
/// assert!(prior.log_prob_parts(&values)?.item()? < 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct JointDistributionSequential {
    model: Vec<Arc<dyn Distribution>>,
    validate_args: bool,
}

family!(JointDistributionSequential);

impl JointDistributionSequential {
    /// The joint distribution of the parts `model`.
    ///
    /// # Errors
    /// [`DistributionError::Parts`] if there are none, [`DistributionError::DType`] if their types differ,
    /// [`DistributionError::Shapes`] if their batches do not broadcast.
    pub fn new(model: impl IntoIterator<Item = Arc<dyn Distribution>>) -> Result<Self> {
        let model = model.into_iter().collect();
        let made = Self { model, validate_args: false };
        let expected = made.dtype()?;
        for part in &made.model {
            let given = part.dtype()?;
            if given != expected {
                let (family, argument) = ("JointDistributionSequential", "model");
                return Err(DistributionError::DType { family, argument, given, expected });
            }
        }
        made.batch_shape()?;
        Ok(made)
    }

    fn no(&self, method: &'static str) -> DistributionError {
        DistributionError::Unsupported { family: self.family(), method }
    }
}

impl Distribution for JointDistributionSequential {
    fn family(&self) -> &'static str {
        "JointDistributionSequential"
    }

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        match self.model.first() {
            Some(part) => part.dtype(),
            None => Err(DistributionError::Parts {
                family: self.family(),
                argument: "model",
                given: 0,
                expected: 1,
            }),
        }
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        self.model.iter().try_fold(Vec::new(), |lhs, part| {
            let rhs = part.batch_shape()?;
            broadcast_shapes(&lhs, &rhs).ok_or(DistributionError::Shapes {
                family: "JointDistributionSequential",
                argument: "model",
                lhs,
                rhs,
            })
        })
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Err(self.no("event_shape of one tensor (ask its parts)"))
    }

    fn check_values(&self) -> Result<()> {
        self.model.iter().try_for_each(|part| part.check_values())
    }

    fn log_prob_of(&self, _: &Tensor) -> Result<Tensor> {
        Err(self.no("log_prob of one tensor (use `log_prob_parts`)"))
    }

    fn sample_of(&self, _: &[usize], _: &mut Stream) -> Result<Tensor> {
        Err(self.no("sample of one tensor (use `sample_parts`)"))
    }

    fn log_prob(&self, value: &Tensor) -> Result<Tensor> {
        self.log_prob_of(value)
    }

    fn sample(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.sample_of(shape, stream)
    }

    fn entropy(&self) -> Result<Tensor> {
        let zero = Tensor::zeros(&self.batch_shape()?, self.dtype()?);
        self.model.iter().try_fold(zero, |sum, part| Ok(sum + part.entropy()?))
    }

    fn reparameterization(&self) -> Reparameterization {
        let fully =
            |part: &Arc<dyn Distribution>| part.reparameterization() == Reparameterization::Fully;
        if self.model.iter().all(fully) {
            Reparameterization::Fully
        } else {
            Reparameterization::Not
        }
    }

    fn validate_args(&self) -> bool {
        self.validate_args || self.model.iter().any(|part| part.validate_args())
    }

    fn parts(&self) -> Option<&[Arc<dyn Distribution>]> {
        Some(&self.model)
    }

    fn elementwise_log_prob(&self, _: &Tensor) -> Option<Result<Tensor>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Normal;
    use tfn_tensor::random::Key;

    fn joint() -> JointDistributionSequential {
        JointDistributionSequential::new([
            Normal::new(0.0, 1.0).unwrap().into(),
            Normal::new(1.0, 2.0).unwrap().into(),
        ])
        .unwrap()
    }

    #[test]
    fn each_part_draws_at_its_own_key() {
        let key = Key::from_seed(5).child("posterior");
        let values = joint().sample_parts(&[2], &key).unwrap();
        let noise = key.index(1).stream().normal(&[2], DType::F64);
        let expected = (noise * 2.0 + 1.0).to_vec::<f64>().unwrap();
        assert_eq!(values[1].to_vec::<f64>().unwrap(), expected);
        assert_eq!(joint().log_prob_parts(&values).unwrap().shape().unwrap(), [2]);
    }

    #[test]
    fn the_number_of_values_is_checked() {
        let error = joint().log_prob_parts(&[Tensor::scalar(0.0)]).unwrap_err();
        assert!(matches!(error, DistributionError::Parts { given: 1, expected: 2, .. }));
        assert!(JointDistributionSequential::new([]).is_err());
    }

    #[test]
    fn what_speaks_of_one_tensor_is_refused() {
        let error = joint().log_prob(&Tensor::scalar(0.0)).unwrap_err();
        assert!(error.to_string().contains("log_prob_parts"), "{error}");
        assert!(joint().sample(&[], &mut Stream::from_seed(0)).is_err());
        assert!(joint().mean().is_err() && joint().event_shape().is_err());
        assert!(joint().entropy().is_ok());
    }

    #[test]
    fn a_single_distribution_is_its_own_part() {
        let normal = Normal::new(0.0, 1.0).unwrap();
        let key = Key::from_seed(1);
        let values = normal.sample_parts(&[3], &key).unwrap();
        let same = normal.sample(&[3], &mut key.stream()).unwrap();
        assert_eq!(values[0].to_vec::<f64>().unwrap(), same.to_vec::<f64>().unwrap());
        assert!(normal.log_prob_parts(&values).is_ok() && normal.log_prob_parts(&[]).is_err());
    }
}
