//! What a parameter can read besides numbers, tensors and variables.

use std::any::Any;
use std::fmt::Debug;

use tfn_module::{Module, open_trait};
use tfn_tensor::{DType, Tensor};

use crate::error::Result;

/// A value that is computed anew from variables whenever a parameter is read.
///
/// Counterpart: `tfp.util.DeferredTensor`. [`TransformedVariable`](crate::TransformedVariable) is one; a crate makes others
/// and passes them on by [`Parameter::from_source`](crate::Parameter::from_source). A source is a [`Module`]: its variables are those of every
/// distribution that reads it.
///
/// # Shapes
/// [`shape`](Self::shape) is that of [`value`](Self::value), and does not change.
///
/// # Examples
/// The scale of a layer as a multiple of one that others share:
/// ```
/// use std::sync::Arc;
///
/// use tfn_distributions::module::Module;
/// use tfn_distributions::tensor::{Tensor, Variable};
/// use tfn_distributions::{Distribution, Normal, Parameter, ParameterSource};
///
/// #[derive(Debug, Module)]
/// struct Multiple {
///     factor: f64,
///     of: Variable,
/// }
///
/// impl ParameterSource for Multiple {
///     fn value(&self) -> Tensor {
///         self.of.tensor() * self.factor
///     }
/// }
///
/// let unit = Variable::new("unit", Tensor::scalar(0.5))?;
/// let scale = Parameter::from_source(Arc::new(Multiple { factor: 3.0, of: unit.clone() }));
/// let normal = Normal::new(0.0, scale)?;
/// assert_eq!(normal.stddev()?.item()?, 1.5);
/// unit.assign(&Tensor::scalar(2.0))?;
/// assert_eq!(normal.stddev()?.item()?, 6.0);
/// assert_eq!(normal.trainable_variables(), [unit]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub trait ParameterSource: Module + Debug + ParameterSourceCopy {
    /// Its present value, tracked as far as its variables are trainable.
    fn value(&self) -> Tensor;

    /// Its shape; for those that know it without computing the value.
    ///
    /// # Errors
    /// The error that its value carries.
    fn shape(&self) -> Result<Vec<usize>> {
        Ok(self.value().shape()?.to_vec())
    }

    /// Its type; for those that know it without computing the value.
    ///
    /// # Errors
    /// The error that its value carries.
    fn dtype(&self) -> Result<DType> {
        Ok(self.value().dtype()?)
    }

    /// Whether `other` always has the same value. May say no in doubt.
    fn is_same(&self, other: &dyn ParameterSource) -> bool {
        let _ = other;
        false
    }
}

open_trait!(ParameterSource, ParameterSourceCopy);

impl dyn ParameterSource {
    /// The source as `S`, if it is one.
    pub fn downcast_ref<S: ParameterSource>(&self) -> Option<&S> {
        (self as &dyn Any).downcast_ref()
    }
}
