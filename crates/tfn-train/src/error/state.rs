//! The difference between the state of an optimizer and the variables that it is given for.

use tfn_tensor::DType;

/// Why an optimizer does not take a state; it is then as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The optimizer needs a tensor that the state does not have.
    #[error("optimizer state: `{slot}` of `{path}` is missing")]
    Missing {
        /// What is remembered: `m`, `v`, `velocity`.
        slot: String,
        /// Path of the variable.
        path: String,
    },
    /// The state has a tensor that the optimizer does not know, or that belongs to a variable that was not given.
    #[error("optimizer state: `{slot}` of `{path}` is in the state only")]
    Extra {
        /// What is remembered.
        slot: String,
        /// Path of the variable.
        path: String,
    },
    /// A tensor of the state has not the shape of its variable.
    #[error("optimizer state: `{slot}` of `{path}` has shape {given:?}, expected {expected:?}")]
    Shape {
        /// What is remembered.
        slot: String,
        /// Path of the variable.
        path: String,
        /// Shape in the state.
        given: Vec<usize>,
        /// Shape of the variable.
        expected: Vec<usize>,
    },
    /// A tensor of the state has not the type of its variable.
    #[error("optimizer state: `{slot}` of `{path}` is of type {given}, expected {expected}")]
    DType {
        /// What is remembered.
        slot: String,
        /// Path of the variable.
        path: String,
        /// Type in the state.
        given: DType,
        /// Type of the variable.
        expected: DType,
    },
    /// The number of steps is not a number of steps.
    #[error("optimizer state: `iterations` is {given}, expected a whole number of at least 0")]
    Iterations {
        /// What stands there.
        given: f64,
    },
}
