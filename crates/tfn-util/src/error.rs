//! What can go wrong when weights are made.

use tfn_distributions::DistributionError;
use tfn_module::ModuleError;
use tfn_tensor::TensorError;

/// Result of the factories and initializers.
pub type Result<T, E = UtilError> = std::result::Result<T, E>;

/// Why weights could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UtilError {
    /// A shape that an initializer cannot read sizes from.
    #[error(
        "{initializer}: argument `shape` is {given:?} with {batch_ndims} batch axes, expected {expected}"
    )]
    Shape {
        /// Name of the initializer.
        initializer: &'static str,
        /// Shape given.
        given: Vec<usize>,
        /// Leading axes that index a batch of weights.
        batch_ndims: usize,
        /// What it asks of the shape.
        expected: &'static str,
    },
    /// A number outside its range.
    #[error("{function}: argument `{argument}` is {given}, expected {expected}")]
    Value {
        /// Name of the function.
        function: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// The number given.
        given: f64,
        /// What it asks of the number.
        expected: &'static str,
    },
    /// Whole numbers, such as sizes, that do not fit.
    #[error("{function}: argument `{argument}` is {what}{given:?}, expected {expected}")]
    Numbers {
        /// Name of the function.
        function: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// What the numbers are, if the name does not say it.
        what: &'static str,
        /// The numbers given.
        given: Vec<usize>,
        /// What it asks of them.
        expected: String,
    },
    /// Parts of weights that are not a kernel with or without a bias.
    #[error("unpack_kernel_and_bias: argument `parts` is {given:?}, expected {expected}")]
    Parts {
        /// Names of the parts, empty for a part without a name.
        given: Vec<String>,
        /// What can be unpacked.
        expected: &'static str,
    },
    /// An error of a tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An error of a module or variable.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// An error of a distribution.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// Any other error of a factory that is not ours.
    #[error(transparent)]
    External(AnyError),
}

/// Any error.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl UtilError {
    /// The error of a factory, whatever type it has: one that a `UtilError` can be is that one again.
    ///
    /// # Examples
    /// ```
    /// use tfn_util::UtilError;
    /// use tfn_util::tensor::Tensor;
    ///
    /// let ours = Tensor::scalar(1.0).reshape(&[2]).check().unwrap_err();
    /// assert!(matches!(UtilError::of_any(ours.into()), UtilError::Tensor(_)));
    /// assert!(matches!(UtilError::of_any("out of data".into()), UtilError::External(_)));
    /// ```
    pub fn of_any(error: AnyError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(ours) => return *ours,
            Err(other) => other,
        };
        let error = match error.downcast::<DistributionError>() {
            Ok(ours) => return Self::Distribution(*ours),
            Err(other) => other,
        };
        let error = match error.downcast::<ModuleError>() {
            Ok(ours) => return Self::Module(*ours),
            Err(other) => other,
        };
        match error.downcast::<TensorError>() {
            Ok(ours) => Self::Tensor(*ours),
            Err(other) => Self::External(other),
        }
    }
}
