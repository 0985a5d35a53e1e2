//! Optimizers: what turns gradients into new values of variables.

mod adam;
mod sgd;

pub use adam::{Adam, AdamBuilder};
pub use sgd::{Sgd, SgdBuilder};

use std::array;
use std::collections::BTreeMap;
use std::fmt;

use tfn_tensor::{Element, Gradients, Tensor, Variable, VariableId};

use crate::error::{Result, TrainError};

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
}

/// What an optimizer remembers of each variable of one type: `M` numbers for each entry, zero at first.
type States<E, const M: usize> = BTreeMap<VariableId, [Vec<E>; M]>;

/// Fails if none of the variables has a gradient.
fn check_connected(gradients: &Gradients, variables: &[Variable]) -> Result<()> {
    if variables.iter().any(|variable| gradients.get(variable).is_some()) {
        return Ok(());
    }
    Err(TrainError::NoGradients { variables: variables.len() })
}

/// One step for the variables of type `E` that have a gradient, all at once.
fn update<E: Element, const M: usize>(
    states: &mut States<E, M>,
    gradients: &Gradients,
    variables: &[Variable],
    change: impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy,
) -> Result<()> {
    let wanted: BTreeMap<VariableId, &Variable> = variables
        .iter()
        .filter(|variable| variable.dtype() == E::DTYPE && gradients.get(variable).is_some())
        .map(|variable| (variable.id(), variable))
        .collect();
    for (id, variable) in &wanted {
        let len = variable.shape().iter().product();
        states.entry(*id).or_insert_with(|| array::from_fn(|_| vec![E::zero(); len]));
    }
    let parts = states.iter_mut().filter_map(|(id, state)| {
        Some((*wanted.get(id)?, state.each_mut().map(Vec::as_mut_slice)))
    });
    Ok(gradients.update_all(parts, change)?)
}
