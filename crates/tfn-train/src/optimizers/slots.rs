//! What an optimizer remembers of each variable, and the step that changes it.

use std::array;
use std::collections::BTreeMap;

use tfn_tensor::{DType, Element, Gradients, Tensor, Variable, VariableId};

use super::state::OptimizerState;
use crate::error::{Result, StateError};

/// One step of one number, for variables of either type.
///
/// See [`Slots`] for an example.
pub trait UpdateRule<const M: usize> {
    /// The function `(w, memory, gradient) → (w, memory)` for numbers of type `E`.
    ///
    /// It is called for each entry in one vectorised pass. So it should be a closure marked `#[inline(always)]`, which
    /// captures plain numbers that were computed outside of it.
    fn change<E: Element>(&self) -> impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy;
}

/// What an optimizer remembers: the number of its steps, and `M` numbers for each entry of each variable, zero at first.
///
/// Memory is kept by the identity of the variable, in buffers that change in place; it becomes tensors with names
/// when it is [given out](Self::state). What a step does to one number is an [`UpdateRule`].
///
/// # Examples
/// An optimizer of one's own, RMSprop:
/// ```
/// use tfn_module::{Module, named_variables};
/// use tfn_tensor::{Element, Gradients, Tensor, Variable};
/// use tfn_train::optimizers::{OptimizerState, Slots, UpdateRule};
/// use tfn_train::{Optimizer, Result};
///
/// #[derive(Debug)]
/// struct RmsProp { rate: f64, slots: Slots<1> }
///
/// struct Step { rate: f64 }
///
/// impl UpdateRule<1> for Step {
///     fn change<E: Element>(&self) -> impl Fn(E, [E; 1], E) -> (E, [E; 1]) + Sync + Copy {
///         let [rate, keep, rest, epsilon] = [self.rate, 0.9, 0.1, 1e-7].map(E::from_f64);
///         #[inline(always)]
///         move |w, [v], g| {
///             let v = keep * v + rest * (g * g);
///             (w - rate * g / (v + epsilon).sqrt(), [v])
///         }
///     }
/// }
///
/// impl Optimizer for RmsProp {
///     fn apply_gradients(&mut self, gradients: &Gradients, variables: &[Variable]) -> Result<()> {
///         self.slots.update(gradients, variables, &Step { rate: self.rate })?;
///         self.slots.advance();
///         Ok(())
///     }
///     fn iterations(&self) -> u64 { self.slots.iterations() }
///     fn learning_rate(&self) -> f64 { self.rate }
///     fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
///         self.slots.state(variables)
///     }
///     fn set_state(&mut self, variables: &[(String, Variable)], state: &OptimizerState) -> Result<()> {
///         self.slots.set_state(variables, state)
///     }
/// }
///
/// let w = Variable::new("w", Tensor::scalar(5.0))?;
/// let mut optimizer = RmsProp { rate: 0.1, slots: Slots::new(["v"]) };
/// optimizer.minimize(&w.tensor().square(), &[w.clone()])?;
/// assert!((w.value().item()? - (5.0 - 0.1 / 0.1_f64.sqrt())).abs() < 1e-8);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slots<const M: usize> {
    names: [&'static str; M],
    iterations: u64,
    f32: Buffers<f32, M>,
    f64: Buffers<f64, M>,
}

/// The part for the variables of one type.
type Buffers<E, const M: usize> = BTreeMap<VariableId, [Vec<E>; M]>;

impl<const M: usize> Slots<M> {
    /// Nothing remembered yet; `names` are those of the `M` numbers, each different.
    pub fn new(names: [&'static str; M]) -> Self {
        Self { names, iterations: 0, f32: BTreeMap::new(), f64: BTreeMap::new() }
    }

    /// The number of steps done.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// Counts a step.
    pub fn advance(&mut self) {
        self.iterations += 1;
    }

    /// Changes those of `variables` that have a gradient, and what is remembered of them, by `rule`: one pass over memory
    /// for all variables of a type.
    ///
    /// # Errors
    /// Those that a gradient carries.
    pub fn update<'v>(
        &mut self,
        gradients: &Gradients,
        variables: impl IntoIterator<Item = &'v Variable>,
        rule: &impl UpdateRule<M>,
    ) -> Result<()> {
        let (mut of_f32, mut of_f64) = (BTreeMap::new(), BTreeMap::new());
        for variable in variables {
            if gradients.get(variable).is_some() {
                match variable.dtype() {
                    DType::F32 => of_f32.insert(variable.id(), variable),
                    DType::F64 => of_f64.insert(variable.id(), variable),
                };
            }
        }
        update(&mut self.f32, gradients, &of_f32, rule.change())?;
        update(&mut self.f64, gradients, &of_f64, rule.change())
    }

    /// What is remembered of `variables`, under the names given with them; zeros for a variable that has not been
    /// changed yet.
    ///
    /// # Errors
    /// None in practice; by its type those of making a tensor.
    pub fn state(&self, variables: &[(String, Variable)]) -> Result<OptimizerState> {
        let mut state = OptimizerState::new(self.iterations)?;
        for (path, variable) in variables {
            for (place, name) in self.names.iter().enumerate() {
                let value = match variable.dtype() {
                    DType::F32 => self.f32.get(&variable.id()).map(|m| tensor(&m[place], variable)),
                    DType::F64 => self.f64.get(&variable.id()).map(|m| tensor(&m[place], variable)),
                };
                let zeros = || Tensor::zeros(variable.shape(), variable.dtype());
                state.insert(name, path, value.unwrap_or_else(zeros))?;
            }
        }
        Ok(state)
    }

    /// Replaces what is remembered by `state`. What was remembered of other variables than those given is gone.
    ///
    /// # Errors
    /// [`TrainError::State`](crate::TrainError::State) with the first that is missing, of another shape or type, or that
    /// belongs to nothing. Nothing changes then.
    pub fn set_state(
        &mut self,
        variables: &[(String, Variable)],
        state: &OptimizerState,
    ) -> Result<()> {
        let (mut of_f32, mut of_f64) = (Buffers::new(), Buffers::new());
        for (path, variable) in variables {
            let tensors = self.tensors(path, variable, state)?;
            match variable.dtype() {
                DType::F32 => of_f32.insert(variable.id(), buffers(&tensors)?).map(|_| ()),
                DType::F64 => of_f64.insert(variable.id(), buffers(&tensors)?).map(|_| ()),
            };
        }
        let known = |slot: &str, path: &str| {
            self.names.contains(&slot) && variables.iter().any(|(known, _)| known == path)
        };
        if let Some((slot, path, _)) = state.entries().find(|(slot, path, _)| !known(slot, path)) {
            return Err(StateError::Extra { slot: slot.to_owned(), path: path.to_owned() }.into());
        }
        let iterations = state.iterations()?;
        *self = Self { names: self.names, iterations, f32: of_f32, f64: of_f64 };
        Ok(())
    }

    /// The tensors of one variable, checked.
    fn tensors(
        &self,
        path: &str,
        variable: &Variable,
        state: &OptimizerState,
    ) -> Result<Vec<Tensor>> {
        let one = |name: &&str| {
            let (slot, path) = ((*name).to_owned(), path.to_owned());
            let Some(tensor) = state.get(&slot, &path) else {
                return Err(StateError::Missing { slot, path }.into());
            };
            let (given, expected) = (tensor.shape()?, variable.shape());
            if given != expected {
                let (given, expected) = (given.to_vec(), expected.to_vec());
                return Err(StateError::Shape { slot, path, given, expected }.into());
            }
            let (given, expected) = (tensor.dtype()?, variable.dtype());
            if given != expected {
                return Err(StateError::DType { slot, path, given, expected }.into());
            }
            Ok(tensor)
        };
        self.names.iter().map(one).collect()
    }
}

fn update<E: Element, const M: usize>(
    buffers: &mut Buffers<E, M>,
    gradients: &Gradients,
    variables: &BTreeMap<VariableId, &Variable>,
    change: impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy,
) -> Result<()> {
    for (id, variable) in variables {
        let len = variable.shape().iter().product();
        buffers.entry(*id).or_insert_with(|| array::from_fn(|_| vec![E::zero(); len]));
    }
    let parts = buffers.iter_mut().filter_map(|(id, memory)| {
        Some((*variables.get(id)?, memory.each_mut().map(Vec::as_mut_slice)))
    });
    Ok(gradients.update_all(parts, change)?)
}

fn tensor<E: Element>(entries: &[E], variable: &Variable) -> Tensor {
    Tensor::from_vec(entries.to_vec(), variable.shape())
}

/// The entries of tensors that are known to be `M` and of type `E`.
fn buffers<E: Element, const M: usize>(tensors: &[Tensor]) -> Result<[Vec<E>; M]> {
    let mut memory = array::from_fn(|_| Vec::new());
    for (part, tensor) in memory.iter_mut().zip(tensors) {
        *part = tensor.to_vec::<E>()?;
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use tfn_module::{ModuleError, load, save};

    use super::*;
    use crate::{Adam, AdamW, Optimizer, ParamGroup, Schedule, Sgd, TrainError};

    /// Variables of both types, one of them without a gradient.
    fn variables() -> Vec<(String, Variable)> {
        let w = |name: &str, shape: &[usize], dtype| {
            (name.to_owned(), Variable::new(name, Tensor::full(shape, 1.5, dtype)).unwrap())
        };
        let single = w("net/single", &[2, 3], DType::F32);
        vec![single, w("net/double", &[4], DType::F64), w("unused", &[1], DType::F64)]
    }

    fn step(optimizer: &mut dyn Optimizer, named: &[(String, Variable)]) {
        let single = named[0].1.tensor().square().sum();
        let double = (named[1].1.tensor().square() * 0.3).sum();
        let loss = single.cast(DType::F64) + double;
        let variables: Vec<Variable> = named.iter().map(|(_, v)| v.clone()).collect();
        optimizer.minimize(&loss, &variables).unwrap();
    }

    fn bits(named: &[(String, Variable)]) -> Vec<u64> {
        let of = |(_, v): &(String, Variable)| v.value().to_f64_vec().unwrap();
        named.iter().flat_map(of).map(f64::to_bits).collect()
    }

    fn optimizers(frozen: &Variable) -> Vec<Box<dyn Optimizer>> {
        let rate = || Schedule::exponential_decay(0.1, 3, 0.5, false);
        let group = ParamGroup::of_variables([frozen]).learning_rate_factor(0.5);
        vec![
            Box::new(Sgd::new(rate()).unwrap()),
            Box::new(Sgd::builder(rate()).momentum(0.9).nesterov(true).build().unwrap()),
            Box::new(Adam::builder(rate()).clip_norm(0.5).group(group).build().unwrap()),
            Box::new(AdamW::new(rate()).unwrap()),
        ]
    }

    #[test]
    fn a_saved_state_goes_on_with_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        for index in 0..4 {
            let named = variables();
            let copies: Vec<_> = named.iter().map(|(p, v)| (p.clone(), v.deep_copy())).collect();
            let mut whole = optimizers(&named[1].1).swap_remove(index);
            for _ in 0..5 {
                step(&mut *whole, &named);
            }
            let mut first = optimizers(&copies[1].1).swap_remove(index);
            for _ in 0..3 {
                step(&mut *first, &copies);
            }
            save(&first.state(&copies).unwrap(), &file).unwrap();
            let mut second = optimizers(&copies[1].1).swap_remove(index);
            let state = second.state(&copies).unwrap();
            load(&state, &file).unwrap();
            second.set_state(&copies, &state).unwrap();
            assert_eq!((second.iterations(), second.learning_rate()), (3, first.learning_rate()));
            for _ in 0..2 {
                step(&mut *second, &copies);
            }
            assert_eq!(bits(&named), bits(&copies), "{whole:?}");
        }
    }

    #[test]
    fn a_state_is_a_copy_with_paths() {
        let named = variables();
        let mut adam = Adam::new(0.1).unwrap();
        step(&mut adam, &named);
        let state = adam.state(&named).unwrap();
        let paths: Vec<_> =
            state.entries().map(|(slot, path, _)| format!("{slot} {path}")).collect();
        let expected = ["m net/double", "m net/single", "m unused", "v net/double"];
        assert_eq!((&paths[..4], paths.len()), (&expected.map(str::to_owned)[..], 6));
        let m = state.get("m", "net/double").unwrap();
        assert!((m.to_f64_vec().unwrap()[0] - 0.1 * 0.9).abs() < 1e-15);
        step(&mut adam, &named);
        assert!((m.to_f64_vec().unwrap()[0] - 0.1 * 0.9).abs() < 1e-15);
        assert_eq!(state.iterations().unwrap(), 1);
    }

    #[test]
    fn a_state_that_does_not_fit_is_named_and_changes_nothing() {
        let named = variables();
        let mut adam = Adam::new(0.1).unwrap();
        step(&mut adam, &named);
        let mut refused = |named: &[(String, Variable)], state: &OptimizerState| {
            let Err(TrainError::State(error)) = adam.set_state(named, state) else {
                panic!("the state was taken");
            };
            assert_eq!(adam.iterations(), 1);
            error
        };
        let state = |shape: &[usize], dtype| {
            let mut state = Adam::new(0.1).unwrap().state(&named).unwrap();
            state.insert("v", "net/double", Tensor::zeros(shape, dtype)).unwrap();
            state
        };
        let (slot, path) = ("v".to_owned(), "net/double".to_owned());
        let error = refused(&named, &state(&[5], DType::F64));
        let (given, expected) = (vec![5], vec![4]);
        assert_eq!(
            error,
            StateError::Shape { slot: slot.clone(), path: path.clone(), given, expected }
        );
        let error = refused(&named, &state(&[4], DType::F32));
        let (given, expected) = (DType::F32, DType::F64);
        assert_eq!(error, StateError::DType { slot, path, given, expected });
        let whole = state(&[4], DType::F64);
        let (slot, path) = ("m".to_owned(), "unused".to_owned());
        assert_eq!(refused(&named[..2], &whole), StateError::Extra { slot, path });
        let part = Adam::new(0.1).unwrap().state(&named[..1]).unwrap();
        let (slot, path) = ("m".to_owned(), "net/double".to_owned());
        assert_eq!(refused(&named, &part), StateError::Missing { slot, path });
        let momentum = Sgd::builder(0.1).momentum(0.5).build().unwrap().state(&named).unwrap();
        assert!(matches!(refused(&named, &momentum), StateError::Missing { .. }));
        let m = adam.state(&named).unwrap().get("m", "net/double").unwrap();
        assert!((m.to_f64_vec().unwrap()[0] - 0.1 * 0.9).abs() < 1e-15);
    }

    #[test]
    fn a_number_of_steps_is_a_whole_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut sgd = Sgd::new(0.1).unwrap();
        let state = sgd.state(&[]).unwrap();
        for (given, taken) in [(7.0, true), (-1.0, false), (0.5, false), (f64::NAN, false)] {
            tfn_module::Module::variables(&state)[0].assign(&Tensor::scalar(given)).unwrap();
            assert_eq!(sgd.set_state(&[], &state).is_ok(), taken, "{given}");
        }
        assert_eq!(sgd.iterations(), 7);
        // A file of one kind of optimizer is not loaded into the state of another.
        let named = variables();
        save(&sgd.state(&named).unwrap(), &file).unwrap();
        let error = load(&Adam::new(0.1).unwrap().state(&named).unwrap(), &file).unwrap_err();
        let ModuleError::Mismatch(mismatch) = error else { panic!("{error}") };
        assert_eq!((mismatch.missing.len(), mismatch.extra.len()), (6, 0));
    }
}
