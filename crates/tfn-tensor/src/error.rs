//! What can go wrong with a tensor.

use std::panic::Location;

use crate::dtype::DType;
use crate::variable_id::VariableId;

/// Result of the ways out of a tensor.
pub type Result<T, E = TensorError> = std::result::Result<T, E>;

/// Why an operation on tensors failed.
///
/// A tensor whose making failed carries one of these; every way out of it hands the error over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Two shapes do not fit together.
    #[error("{op}: shapes {lhs:?} and {rhs:?} do not fit, expected {expected} (at {place})")]
    Shapes {
        /// Name of the operation.
        op: &'static str,
        /// Shape of the left or first operand.
        lhs: Vec<usize>,
        /// Shape of the right or second operand.
        rhs: Vec<usize>,
        /// What the operation asks of them.
        expected: &'static str,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// One shape is not what the operation takes.
    #[error("{op}: argument `{argument}` has shape {given:?}, expected {expected} (at {place})")]
    Shape {
        /// Name of the operation.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Its shape.
        given: Vec<usize>,
        /// What the operation asks of it.
        expected: String,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// Two operands of different type.
    #[error("{op}: dtypes {lhs} and {rhs} differ; `cast` one of them (at {place})")]
    DTypes {
        /// Name of the operation.
        op: &'static str,
        /// Type of the left or first operand.
        lhs: DType,
        /// Type of the right or second operand.
        rhs: DType,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// A tensor was read as, or filled with, another type than its own.
    #[error("{op}: tensor is {given}, expected {expected} (at {place})")]
    DType {
        /// Name of the operation.
        op: &'static str,
        /// Type of the tensor.
        given: DType,
        /// Type asked for.
        expected: DType,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// A variable was given a value of another shape or type.
    #[error(
        "assign: variable `{name}` is {expected:?} {expected_dtype}, given {given:?} {given_dtype}"
    )]
    Assign {
        /// Name of the variable.
        name: String,
        /// Shape of the value given.
        given: Vec<usize>,
        /// Type of the value given.
        given_dtype: DType,
        /// Shape of the variable.
        expected: Vec<usize>,
        /// Type of the variable.
        expected_dtype: DType,
    },
    /// A variable was to be changed by a gradient that is not finite.
    #[error("update: the gradient of variable `{name}` is {given}, expected finite numbers")]
    Gradient {
        /// Name of the variable.
        name: String,
        /// Which one it is.
        id: VariableId,
        /// The first such entry, or that of the first block with one.
        given: f64,
    },
    /// An axis or index outside the tensor.
    #[error("{op}: argument `{argument}` is {given}, expected {expected} (at {place})")]
    OutOfRange {
        /// Name of the operation.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// The value given.
        given: String,
        /// The values allowed.
        expected: String,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// Axes that the operation does not take together.
    #[error("{op}: argument `{argument}` is {given:?}, expected {expected} (at {place})")]
    Axes {
        /// Name of the operation.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// The axes given.
        given: Vec<isize>,
        /// What the operation asks of them.
        expected: String,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// A gradient was asked for with respect to a tensor that nothing tracks.
    #[error(
        "{op}: tensor {index} of `{argument}` is not tracked, expected one made of a variable or by `watched()` (at {place})"
    )]
    Untracked {
        /// Name of the operation.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// Its place in the argument.
        index: usize,
        /// Place of the call.
        place: &'static Location<'static>,
    },
    /// A number that the operation does not take.
    #[error("{op}: argument `{argument}` is {given}, expected {expected}")]
    Value {
        /// Name of the operation.
        op: &'static str,
        /// Name of the argument.
        argument: &'static str,
        /// The value given.
        given: f64,
        /// What the operation asks of it.
        expected: &'static str,
    },
    /// A tensor that memory cannot hold, or whose entries cannot be counted.
    #[error("a tensor of shape {shape:?} {dtype} takes {bytes} bytes, more than can be had")]
    TooLarge {
        /// Shape asked for.
        shape: Vec<usize>,
        /// Type asked for.
        dtype: DType,
        /// Its bytes, sizes of 0 counted as 1; the largest number of this type if they are more.
        bytes: u64,
    },
    /// A matrix without a Cholesky factor.
    #[error("{op}: matrix {batch} of the batch is not positive definite")]
    NotPositiveDefinite {
        /// Name of the operation.
        op: &'static str,
        /// Its index in the batch, all leading axes as one.
        batch: usize,
    },
    /// A replaying key has no recorded draw left at a path.
    #[error("replay: no recorded draw {index} at path `{path}` (recorded there: {recorded})")]
    ReplayMissing {
        /// Path of the key.
        path: String,
        /// Index of the draw asked for.
        index: usize,
        /// Number of draws recorded at that path.
        recorded: usize,
    },
    /// A recorded draw has another shape than the one asked for.
    #[error("replay: draw {index} at path `{path}` has shape {given:?}, expected {expected:?}")]
    ReplayShape {
        /// Path of the key.
        path: String,
        /// Index of the draw asked for.
        index: usize,
        /// Shape of the recorded draw.
        given: Vec<usize>,
        /// Shape asked for.
        expected: Vec<usize>,
    },
    /// The system's source of randomness failed.
    #[error("seed: the system gave no random numbers: {message}")]
    Entropy {
        /// The system's own words.
        message: String,
    },
    /// An error of another crate's operation.
    #[error("{op}: {message}")]
    External {
        /// Name of the operation.
        op: &'static str,
        /// Its own words.
        message: String,
    },
}
