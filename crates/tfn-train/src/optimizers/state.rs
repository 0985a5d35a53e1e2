//! What an optimizer remembers, as tensors with names.

use std::collections::BTreeMap;

use tfn_module::Module;
use tfn_tensor::{Tensor, Variable};

use crate::error::{Result, StateError};

/// What an optimizer remembers, given out by [`Optimizer::state`](super::Optimizer::state).
///
/// It is a module: [`tfn_module::save`] writes it, and [`tfn_module::load`] reads it into the state that an optimizer
/// of the same kind gives out. Its tensors are copies; the optimizer's own change in place, and not with them. Paths
/// are `iterations` (an `f64`, so whole up to 2⁵³) and `slots/` with the name of what is remembered and the name of
/// the variable: `slots/m/layers/0/kernel`.
///
/// Counterpart: `tf_keras.optimizers.Optimizer.variables`.
///
/// # Examples
/// ```
/// use tfn_module::{load, named_variables, save};
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::{Adam, Optimizer};
///
/// let w = Variable::new("w", Tensor::scalar(1.0))?;
/// let named = [("w".to_owned(), w.clone())];
/// let mut adam = Adam::new(0.1)?;
/// adam.minimize(&w.tensor().square(), &[w.clone()])?;
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("adam.safetensors");
/// save(&adam.state(&named)?, &file)?;
///
/// let mut other = Adam::new(0.1)?;
/// let state = other.state(&named)?;
/// load(&state, &file)?;
/// other.set_state(&named, &state)?;
/// assert_eq!(other.iterations(), 1);
/// assert!((state.get("m", "w").ok_or("no m")?.item()? - 0.2).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Module)]
pub struct OptimizerState {
    iterations: Variable,
    slots: BTreeMap<String, BTreeMap<String, Variable>>,
}

impl OptimizerState {
    /// After so many steps, without a tensor.
    ///
    /// # Errors
    /// None in practice; by its type those of [`Variable::new`].
    pub fn new(iterations: u64) -> Result<Self> {
        let iterations = Variable::new("iterations", Tensor::scalar(iterations as f64))?;
        Ok(Self { iterations, slots: BTreeMap::new() })
    }

    /// The number of steps done.
    ///
    /// # Errors
    /// [`StateError::Iterations`] if what was loaded is not a whole number of at least 0.
    pub fn iterations(&self) -> Result<u64> {
        let given = self.iterations.value().item()?;
        if given >= 0.0 && given.fract() == 0.0 && given < u64::MAX as f64 {
            return Ok(given as u64);
        }
        Err(StateError::Iterations { given }.into())
    }

    /// Adds what the optimizer remembers under the name `slot` of the variable at `path`.
    ///
    /// # Errors
    /// The error that `value` carries.
    pub fn insert(&mut self, slot: &str, path: &str, value: impl Into<Tensor>) -> Result<()> {
        let variable = Variable::new(format!("{slot}/{path}"), value)?;
        self.slots.entry(slot.to_owned()).or_default().insert(path.to_owned(), variable);
        Ok(())
    }

    /// What is remembered under the name `slot` of the variable at `path`.
    pub fn get(&self, slot: &str, path: &str) -> Option<Tensor> {
        Some(self.slots.get(slot)?.get(path)?.value())
    }

    /// All that is remembered: name of the slot, path of the variable, and tensor, sorted by both.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, Tensor)> {
        self.slots.iter().flat_map(|(slot, of)| {
            of.iter().map(|(path, variable)| (slot.as_str(), path.as_str(), variable.value()))
        })
    }
}

/// Names for variables that are not known by a path: place in the list and name, `0/kernel`.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
/// use tfn_train::optimizers::named_by_order;
///
/// let w = |name| Variable::new(name, Tensor::scalar(0.0));
/// let named = named_by_order(&[w("loc")?, w("rho")?]);
/// assert_eq!([&named[0].0, &named[1].0], ["0/loc", "1/rho"]);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
pub fn named_by_order(variables: &[Variable]) -> Vec<(String, Variable)> {
    let name = |(index, variable): (usize, &Variable)| {
        (format!("{index}/{}", variable.name()), variable.clone())
    };
    variables.iter().enumerate().map(name).collect()
}
