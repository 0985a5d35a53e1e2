//! Several distributions side by side.

use std::sync::Arc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use crate::distribution::{Distribution, JointModel, JointPart, Reparameterization};
use crate::error::Result;
use crate::parameter::ParameterSpec;

/// The joint distribution of a list of parts, which are independent or depend on those before them.
///
/// Counterpart: `tfp.distributions.JointDistributionSequential`. Its values are lists of
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
    model: JointModel,
    validate_args: bool,
}

family!(JointDistributionSequential);

impl JointDistributionSequential {
    /// The joint distribution of the independent parts `model`.
    ///
    /// # Errors
    /// [`DistributionError::Parts`](crate::DistributionError::Parts) if there are none,
    /// [`DistributionError::DType`](crate::DistributionError::DType) if their types differ,
    /// [`DistributionError::Shapes`](crate::DistributionError::Shapes) if their batches do not broadcast.
    pub fn new(model: impl IntoIterator<Item = Arc<dyn Distribution>>) -> Result<Self> {
        Self::from_parts(model.into_iter().map(JointPart::from))
    }

    /// The joint distribution of the parts `model`, each of which may [depend](JointPart::given) on those before.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and what making a part reports.
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::{Distribution, Gamma, JointDistributionSequential, JointPart, Normal};
    /// use tfn_tensor::Key;
    ///
    /// let precision = Gamma::new(3.0, 2.0)?;
    /// let x = JointPart::given((), |_, earlier| Normal::new(0.0, 1.0 / earlier.at(0)?.sqrt()));
    /// let student = JointDistributionSequential::from_parts([precision.into(), x])?;
    /// let draws = student.sample_parts(&[100], &Key::from_seed(1))?;
    /// assert_eq!(student.log_prob_parts(&draws)?.shape()?, [100]);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    pub fn from_parts(model: impl IntoIterator<Item = JointPart>) -> Result<Self> {
        let parts = model.into_iter().collect();
        let model = JointModel::new("JointDistributionSequential", Vec::new(), parts)?;
        Ok(Self { model, validate_args: false })
    }
}

joint_distribution!(JointDistributionSequential);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, Normal};
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
