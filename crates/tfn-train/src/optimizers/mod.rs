//! Optimizers: what turns gradients into new values of variables.

mod adam;
mod sgd;

pub use adam::{Adam, AdamBuilder};
pub use sgd::{Sgd, SgdBuilder};

use std::fmt;

use tfn_tensor::{Gradients, Tensor, Variable};

use crate::{Result, TrainError};

/// Changes variables by their gradients, one step at a time.
///
/// Counterpart: `tf_keras.optimizers.Optimizer`.
pub trait Optimizer: fmt::Debug + Send {
    /// One step: changes each of the variables that has a gradient, in place.
    ///
    /// A variable that the loss does not depend on stays as it is, and so does its state.
    ///
    /// # Errors
    /// [`TrainError::NoGradients`] if none of the variables has a gradient; [`TrainError::Value`]
    /// if the schedule gives a rate that is negative, NaN or infinite.
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()>;

    /// Number of steps done.
    fn iterations(&self) -> u64;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// The gradients of `loss`, then one step.
    ///
    /// As long as `loss` lives, its graph holds the variables' values, and the step has to copy
    /// them. A loop that cares takes the gradients, drops the loss, and applies them, as
    /// [`Fit`](crate::Fit) does.
    ///
    /// # Errors
    /// Those of [`Tensor::gradients`] and of [`apply_gradients`](Self::apply_gradients).
    fn minimize(&mut self, loss: &Tensor, variables: &[Variable]) -> Result<()> {
        self.apply_gradients(&loss.gradients()?, variables)
    }
}

impl<O: Optimizer + ?Sized> Optimizer for Box<O> {
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
        (**self).apply_gradients(gradients, variables)
    }

    fn iterations(&self) -> u64 {
        (**self).iterations()
    }

    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }
}

/// The variables that have a gradient, in the order given.
fn connected<'a>(gradients: &Gradients, variables: &'a [Variable]) -> Result<Vec<&'a Variable>> {
    let connected: Vec<_> = variables.iter().filter(|v| gradients.get(v).is_some()).collect();
    if connected.is_empty() {
        return Err(TrainError::NoGradients { variables: variables.len() });
    }
    Ok(connected)
}
