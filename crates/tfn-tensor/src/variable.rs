//! Variables: shared, named cells that training changes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Result, TensorError};
use crate::tensor::{Edge, Node, Tensor};
use crate::variable_id::VariableId;

/// A shared, named cell that holds a tensor and may be trained.
///
/// Counterpart: `tf.Variable`. A clone is the same cell. Two variables are equal if they are the same
/// cell, whatever they hold. Shape and type never change.
///
/// # Examples
/// ```
/// use tfn_tensor::{Tensor, Variable};
///
/// let w = Variable::new("w", Tensor::from_vec(vec![1.0, 2.0], &[2]))?;
/// let same = w.clone();
/// same.assign(&(w.tensor() * 10.0))?;
/// assert_eq!(w.value().to_vec::<f64>()?, [10.0, 20.0]);
/// assert_eq!(w, same);
/// assert_ne!(w, w.deep_copy());
/// # Ok::<(), tfn_tensor::TensorError>(())
/// ```
#[derive(Clone)]
pub struct Variable(Arc<Cell>);

struct Cell {
    id: VariableId,
    name: String,
    shape: Box<[usize]>,
    dtype: DType,
    trainable: AtomicBool,
    leaf: Arc<Node>,
    state: RwLock<State>,
}

struct State {
    value: Tensor,
    version: u64,
}

impl Variable {
    /// A trainable variable that holds `value`, without its history.
    ///
    /// # Errors
    /// The error that `value` carries.
    pub fn new(name: impl Into<String>, value: impl Into<Tensor>) -> Result<Self> {
        let value = value.into().detach();
        let id = VariableId::fresh();
        Ok(Self(Arc::new(Cell {
            id,
            name: name.into(),
            shape: value.shape()?.into(),
            dtype: value.dtype()?,
            trainable: AtomicBool::new(true),
            leaf: Node::leaf(id),
            state: RwLock::new(State { value, version: 0 }),
        })))
    }

    /// The same variable, no longer trainable.
    #[must_use]
    pub fn non_trainable(self) -> Self {
        self.set_trainable(false);
        self
    }

    /// Its name, with the scopes it was made in: `outer/inner/w`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its identity.
    pub fn id(&self) -> VariableId {
        self.0.id
    }

    /// Shape of what it holds.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// Type of what it holds.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// Whether [`tensor`](Self::tensor) is tracked.
    pub fn is_trainable(&self) -> bool {
        self.0.trainable.load(Ordering::Acquire)
    }

    /// Thaws or freezes it, for tensors read from now on.
    pub fn set_trainable(&self, trainable: bool) {
        self.0.trainable.store(trainable, Ordering::Release);
    }

    /// How often it has been written: equal numbers mean an equal value.
    pub fn version(&self) -> u64 {
        self.read(|state| state.version)
    }

    /// What it holds, tracked if it is trainable.
    pub fn tensor(&self) -> Tensor {
        let value = self.value();
        if !self.is_trainable() {
            return value;
        }
        value.with_edge(Edge { node: self.0.leaf.clone(), output: 0 })
    }

    /// What it holds, untracked.
    pub fn value(&self) -> Tensor {
        self.read(|state| state.value.clone())
    }

    /// Replaces what it holds.
    ///
    /// # Errors
    /// The error that `value` carries, or [`TensorError::Assign`] if its shape or type is another.
    pub fn assign(&self, value: &Tensor) -> Result<()> {
        let (shape, dtype) = (value.shape()?, value.dtype()?);
        if shape != self.shape() || dtype != self.dtype() {
            return Err(TensorError::Assign {
                name: self.0.name.clone(),
                given: shape.to_vec(),
                given_dtype: dtype,
                expected: self.shape().to_vec(),
                expected_dtype: self.dtype(),
            });
        }
        self.write(|state| state.value = value.detach());
        Ok(())
    }

    /// Changes what it holds, in place if nobody else holds the same entries.
    ///
    /// # Errors
    /// [`TensorError::Assign`] if the entries are not of type `E`.
    pub fn update<E: Element>(&self, change: impl FnOnce(&mut [E])) -> Result<()> {
        let wrong = self.wrong_type(E::DTYPE);
        self.write(|state| state.value.make_mut::<E>().map(change)).ok_or(wrong)
    }

    /// Lets `write` put new entries in the place of the old ones of all `variables`, which are different ones and
    /// in the order of their identities. Where others hold the old entries, `write` is given a buffer of arbitrary
    /// numbers for the new ones, and the old ones beside it.
    ///
    /// # Errors
    /// [`TensorError::Assign`] if the entries are not of type `E`.
    pub(crate) fn rewrite_all<E: Element>(
        variables: &[&Self],
        write: impl FnOnce(Vec<(&mut [E], Option<&[E]>)>),
    ) -> Result<()> {
        if let Some(wrong) = variables.iter().find(|variable| variable.dtype() != E::DTYPE) {
            return Err(wrong.wrong_type(E::DTYPE));
        }
        let locks = variables.iter().map(|variable| variable.0.state.write());
        let mut states: Vec<_> =
            locks.map(|state| state.unwrap_or_else(PoisonError::into_inner)).collect();
        let fresh = |state: &mut State| -> Result<Option<Buffer<E>>> {
            let len = state.value.len()?;
            Ok((!state.value.is_unique()).then(|| Buffer::build(len, |_| ())))
        };
        let mut fresh: Vec<_> =
            states.iter_mut().map(|state| fresh(state)).collect::<Result<_>>()?;
        let mut places = Vec::with_capacity(states.len());
        for (state, fresh) in states.iter_mut().zip(&mut fresh) {
            places.push(match fresh {
                Some(fresh) => (fresh.as_mut_slice(), Some(state.value.data::<E>()?)),
                None => (state.value.make_mut::<E>().unwrap_or_default(), None),
            });
        }
        write(places);
        for ((state, fresh), variable) in states.iter_mut().zip(fresh).zip(variables) {
            state.version += 1;
            if let Some(fresh) = fresh {
                state.value = Tensor::from_buffer(fresh, variable.shape());
            }
        }
        Ok(())
    }

    /// The error of entries written as another type.
    pub(crate) fn wrong_type(&self, given: DType) -> TensorError {
        TensorError::Assign {
            name: self.0.name.clone(),
            given: self.shape().to_vec(),
            given_dtype: given,
            expected: self.shape().to_vec(),
            expected_dtype: self.dtype(),
        }
    }

    /// A fresh variable of the same name, value and trainability.
    #[must_use]
    pub fn deep_copy(&self) -> Self {
        let id = VariableId::fresh();
        Self(Arc::new(Cell {
            id,
            name: self.0.name.clone(),
            shape: self.0.shape.clone(),
            dtype: self.0.dtype,
            trainable: AtomicBool::new(self.is_trainable()),
            leaf: Node::leaf(id),
            state: RwLock::new(State { value: self.value(), version: 0 }),
        }))
    }

    fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.0.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        state.version += 1;
        change(&mut state)
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Variable {}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frozen = if self.is_trainable() { "" } else { ", frozen" };
        write!(f, "Variable({:?}, {:?}, {}{frozen})", self.name(), self.shape(), self.dtype())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigning_checks_shape_and_type() -> Result<()> {
        let w = Variable::new("w", Tensor::zeros(&[2], DType::F32))?;
        assert!(matches!(
            w.assign(&Tensor::zeros(&[3], DType::F32)),
            Err(TensorError::Assign { .. })
        ));
        assert!(matches!(
            w.assign(&Tensor::zeros(&[2], DType::F64)),
            Err(TensorError::Assign { .. })
        ));
        assert!(matches!(w.update::<f64>(|_| ()), Err(TensorError::Assign { .. })));
        assert!(Variable::new("bad", Tensor::from_vec(vec![1.0], &[2])).is_err());
        Ok(())
    }

    #[test]
    fn updating_is_in_place_unless_shared() -> Result<()> {
        let w = Variable::new("w", Tensor::zeros(&[2], DType::F64))?;
        let address = w.value().data::<f64>()?.as_ptr();
        w.update::<f64>(|values| values[0] = 1.0)?;
        assert_eq!(w.value().data::<f64>()?.as_ptr(), address);
        let held = w.value();
        w.update::<f64>(|values| values[0] = 2.0)?;
        assert_eq!(held.to_vec::<f64>()?, [1.0, 0.0]);
        assert_eq!(w.value().to_vec::<f64>()?, [2.0, 0.0]);
        assert_eq!(w.version(), 3 - 1);
        Ok(())
    }

    #[test]
    fn freezing_cuts_gradients_and_thawing_restores_them() -> Result<()> {
        let w = Variable::new("w", Tensor::scalar(2.0))?;
        w.set_trainable(false);
        assert!(w.tensor().square().gradients()?.get(&w).is_none());
        w.set_trainable(true);
        assert_eq!(w.tensor().square().gradients()?.of(&w).item()?, 4.0);
        Ok(())
    }
}
