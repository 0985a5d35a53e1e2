//! The contract of an optimizer.

use std::fmt;

use tfn_tensor::{Gradients, Tensor, Variable};

use super::state::OptimizerState;
use crate::error::{Result, TrainError};

/// Changes variables by their gradients, one step at a time.
///
/// Counterpart: `tf_keras.optimizers.Optimizer`. [`Slots`](super::Slots) has the memory that most optimizers need, and an
/// optimizer of one's own as an example.
pub trait Optimizer: fmt::Debug + Send {
    /// One step: changes each of the variables that has a gradient, in place.
    ///
    /// A variable that the loss does not depend on stays as it is, and so does its state.
    ///
    /// # Errors
    /// [`TrainError::NoGradients`] if none of the variables has a gradient; [`TrainError::Value`]
    /// if the schedule gives a rate that is negative, NaN or infinite; [`TrainError::NotFinite`] if gradients are to be
    /// clipped by a norm that is not finite. [`TensorError::Gradient`](tfn_tensor::TensorError::Gradient) for the first
    /// variable whose gradient is NaN or infinite: from the optimizers of this crate, before anything has changed but for
    /// [what is computed while it changes](Gradients::check_finite).
    fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()>;

    /// Number of steps done.
    fn iterations(&self) -> u64;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// What is remembered of `variables`, under the names given with them: their paths in a model
    /// ([`tfn_module::named_variables`]), or [`named_by_order`](super::named_by_order).
    ///
    /// It has the same tensors before the first step as after it, zeros then, so that a saved state can be loaded into
    /// that of a new optimizer. Settings are not part of it.
    ///
    /// # Errors
    /// None from the optimizers of this crate.
    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState>;

    /// Goes on from a state that [`state`](Self::state) gave out, as if the steps before it had been this optimizer's.
    ///
    /// What was remembered before, of any variable, is gone.
    ///
    /// # Errors
    /// [`TrainError::State`] with the first tensor that is missing, has another shape or type, or belongs to no
    /// variable. Nothing changes then.
    fn set_state(&mut self, variables: &[(String, Variable)], state: &OptimizerState)
    -> Result<()>;

    /// The gradients of `loss`, then one step.
    ///
    /// As long as `loss` lives, its graph holds the variables' values, and the step writes the new ones beside
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

    fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        (**self).state(variables)
    }

    fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        (**self).set_state(variables, state)
    }
}

/// Fails if none of the variables has a gradient, or one has a gradient that is not finite.
pub(super) fn check_connected(gradients: &Gradients, variables: &[Variable]) -> Result<()> {
    if variables.iter().any(|variable| gradients.get(variable).is_some()) {
        return Ok(gradients.check_finite(variables)?);
    }
    Err(TrainError::NoGradients { variables: variables.len() })
}
