//! What a factory is told of one of its weights.

use tfn_distributions::bijectors::IntoBijector;
use tfn_distributions::{Parameter, TransformedVariable};
use tfn_tensor::{DType, Key, Tensor, Variable};

use crate::error::Result;
use crate::initializers::Initializer;

/// What a [`KernelBiasSpec`](crate::KernelBiasSpec) says of its kernel or its bias.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WeightSpec<'a> {
    /// What names of its variables begin with.
    pub name: String,
    /// Its shape.
    pub shape: &'a [usize],
    /// Fills it.
    pub initializer: &'a Initializer,
    /// Leading axes that index a batch of kernels or biases.
    pub batch_ndims: usize,
    /// Its type.
    pub dtype: DType,
    /// Where the initializer draws from.
    pub key: Key,
}

impl WeightSpec<'_> {
    /// The initial weights.
    ///
    /// # Errors
    /// What the initializer reports.
    pub fn initial(&self) -> Result<Tensor> {
        self.initializer.make(self.shape, self.batch_ndims, self.dtype, &self.key)
    }

    /// Axes that do not index a batch.
    pub fn event_ndims(&self) -> usize {
        self.shape.len().saturating_sub(self.batch_ndims)
    }

    /// A variable for the `parameter` of its distribution, named after both.
    ///
    /// # Errors
    /// What a variable reports of its name and value.
    pub fn variable(&self, parameter: &str, value: impl Into<Tensor>) -> Result<Variable> {
        Ok(Variable::new(self.name_of(parameter), value)?)
    }

    /// A variable that is seen through `bijector`, where it has the value `value` at first; a number takes the type of
    /// the weights.
    ///
    /// # Errors
    /// What a transformed variable reports of a value outside the bijector's range.
    pub fn transformed(
        &self,
        parameter: &str,
        value: impl Into<Parameter>,
        bijector: impl IntoBijector,
    ) -> Result<TransformedVariable> {
        let value = value.into().value_like(&Tensor::zeros(&[], self.dtype));
        Ok(TransformedVariable::new(&value, bijector, self.name_of(parameter))?)
    }

    /// `value` for each of the weights.
    pub fn full(&self, value: f64) -> Tensor {
        Tensor::full(self.shape, value, self.dtype)
    }

    fn name_of(&self, parameter: &str) -> String {
        format!("{}_{parameter}", self.name)
    }
}
