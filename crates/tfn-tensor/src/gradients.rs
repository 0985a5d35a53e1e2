//! The result of a walk back: one gradient a variable.

use std::collections::BTreeMap;
use std::panic::Location;

use crate::dtype::Element;
use crate::error::{Result, TensorError};
use crate::graph::backward;
use crate::kernels;
use crate::tensor::Tensor;
use crate::variable::{Variable, VariableId};

/// Gradients of one scalar with respect to the variables it depends on, by identity.
///
/// Counterpart: what `tf.GradientTape.gradient` returns.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    of: BTreeMap<VariableId, Tensor>,
}

impl Gradients {
    pub(crate) fn insert(&mut self, variable: VariableId, gradient: Tensor) {
        self.of.insert(variable, gradient);
    }

    /// The gradient of `variable`, of its shape; `None` if the scalar does not depend on it.
    pub fn get(&self, variable: &Variable) -> Option<&Tensor> {
        self.of.get(&variable.id())
    }

    /// The gradient of `variable`, zeros if the scalar does not depend on it.
    pub fn of(&self, variable: &Variable) -> Tensor {
        let zeros = || Tensor::zeros(variable.shape(), variable.dtype());
        self.get(variable).cloned().unwrap_or_else(zeros)
    }

    /// One step of an optimizer: `(w, state) ← change(w, state, g)` for each entry `w` of `variable`, its
    /// gradient `g` and what the optimizer remembers of it. Nothing happens if the scalar does not depend
    /// on the variable.
    ///
    /// One pass over memory on several threads, with the same bits for any number of them. A gradient that
    /// has not been looked at before, as that of a layer's weights, is computed in the same pass, block by
    /// block, and never held as a whole. `change` is written as a closure with `#[inline(always)]` if it is
    /// more than a few operations, or the compiler may leave it out of the vectorised loop.
    ///
    /// # Errors
    /// [`TensorError::Assign`] if the variable's entries are not of type `E`, [`TensorError::Shapes`] if a
    /// part of the state has another length.
    ///
    /// # Examples
    /// Gradient descent with momentum:
    /// ```
    /// # use tfn_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", Tensor::from_vec(vec![3.0, 4.0], &[2]))?;
    /// let mut velocity = vec![0.0; 2];
    /// let gradients = w.tensor().square().sum().gradients()?;
    /// gradients.update(&w, [&mut velocity[..]], |w, [v], g| {
    ///     let v = 0.9 * v - 0.1 * g;
    ///     (w + v, [v])
    /// })?;
    /// assert_eq!(w.value().to_vec::<f64>()?, [3.0 - 0.6, 4.0 - 0.8]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    pub fn update<E: Element, const M: usize>(
        &self,
        variable: &Variable,
        state: [&mut [E]; M],
        change: impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy,
    ) -> Result<()> {
        self.update_all([(variable, state)], change)
    }

    /// [`update`](Self::update) of several variables, each with its part of the state, at once: one pass on all
    /// threads, which small variables have no wait in.
    ///
    /// # Errors
    /// As [`update`](Self::update); [`TensorError::External`] if a variable is given twice.
    pub fn update_all<'a, E: Element, const M: usize>(
        &self,
        parts: impl IntoIterator<Item = (&'a Variable, [&'a mut [E]; M])>,
        change: impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy,
    ) -> Result<()> {
        let mut jobs = Vec::new();
        for (variable, state) in parts {
            let Some(gradient) = self.get(variable) else { continue };
            let live = gradient.live().map_err(|error| error.as_ref().clone())?;
            for part in &state {
                Tensor::check_len("update", part.len(), &live.shape)?;
            }
            let entries = live.storage.data::<E>();
            jobs.push((variable, state, entries.ok_or_else(|| variable.wrong_type(E::DTYPE))?));
        }
        // One order for all threads that may want the same variables.
        jobs.sort_by_key(|(variable, ..)| variable.id());
        if let Some(pair) = jobs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!("variable `{}` is given twice", pair[0].0.name());
            return Err(TensorError::External { op: "update", message });
        }
        let variables: Vec<_> = jobs.iter().map(|(variable, ..)| *variable).collect();
        Variable::rewrite_all::<E>(&variables, |places| {
            let total = places.iter().map(|(values, _)| values.len()).sum();
            let mut blocks = Vec::new();
            for ((values, old), (_, state, gradient)) in places.into_iter().zip(jobs) {
                let mut rest = (values, state);
                let (len, size) = (rest.0.len(), gradient.block());
                for start in (0..len).step_by(size) {
                    let end = len.min(start + size);
                    let values = kernels::split_off(&mut rest.0, end - start);
                    let state = rest.1.each_mut().map(|x| kernels::split_off(x, end - start));
                    blocks.push((start, values, old.map(|old| &old[start..end]), state, gradient));
                }
            }
            kernels::in_tasks(total, blocks, &|(start, values, old, state, gradient)| {
                gradient.with_block(start, values.len(), |gradient| {
                    kernels::update_block(values, old, state, gradient, change);
                });
            });
        })
    }

    /// Number of variables that the scalar depends on.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether the scalar depends on no variable.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

impl Tensor {
    /// Gradients of this one number with respect to each trainable variable that it was made from,
    /// by one walk back through the graph.
    ///
    /// # Errors
    /// The error that the tensor carries; [`TensorError::Shape`] if it has not exactly one entry; what
    /// the backward pass of a foreign operation reports.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, Variable};
    /// let w = Variable::new("w", Tensor::scalar(3.0))?;
    /// let gradients = (w.tensor() * w.tensor()).gradients()?;
    /// assert_eq!(gradients.of(&w).item()?, 6.0);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    pub fn gradients(&self) -> Result<Gradients> {
        let live = self.live().map_err(|error| error.as_ref().clone())?;
        if live.len() != 1 {
            return Err(TensorError::Shape {
                op: "gradients",
                argument: "self",
                given: live.shape.to_vec(),
                expected: "exactly one entry; `sum()` or `mean()` first".into(),
                place: Location::caller(),
            });
        }
        let seed = Self::ones(&live.shape, live.dtype());
        live.edge.as_ref().map_or_else(|| Ok(Gradients::default()), |edge| backward(edge, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_to_a_variable_counts_once() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1.0, -2.0], &[2]))?;
        let y = x.tensor();
        let z = &y * &y + &y * 3.0 + x.tensor();
        let gradients = z.sum().gradients()?;
        assert_eq!(gradients.of(&x).to_vec::<f64>()?, [6.0, 0.0]);
        assert_eq!(gradients.len(), 1);
        Ok(())
    }

    #[test]
    fn a_diamond_is_walked_in_order() -> Result<()> {
        let x = Variable::new("x", Tensor::scalar(2.0))?;
        let a = x.tensor().square();
        let b = &a * 3.0;
        let c = (&b + &a).exp() * 0.0 + &b * &a;
        assert_eq!(c.gradients()?.of(&x).item()?, 12.0 * 8.0);
        Ok(())
    }

    #[test]
    fn gradients_may_be_asked_twice() -> Result<()> {
        let x = Variable::new("x", Tensor::scalar(2.0))?;
        let y = x.tensor().exp();
        let first = y.gradients()?.of(&x).item()?;
        assert_eq!(y.gradients()?.of(&x).item()?, first);
        Ok(())
    }

    #[test]
    fn an_update_leaves_what_others_hold_as_it_was() -> Result<()> {
        let len = 3 * crate::storage::LAZY;
        let w = Variable::new("w", Tensor::ones(&[len], crate::DType::F32))?;
        let held = w.value();
        // The gradient of a sum is a recipe, and reads nothing; that of a square reads the variable.
        for after in [0.5, 0.125] {
            let loss = (w.tensor().softplus() + w.tensor()).sum() - w.tensor().softplus().sum();
            let gradients = loss.gradients()?;
            assert!(gradients.of(&w).is_lazy());
            gradients.update::<f32, 0>(&w, [], |w, [], g| (w - 0.25 * (g + w), []))?;
            assert!(
                w.value().to_vec::<f32>()?.iter().all(|&w| (w - after).abs() < 1e-6),
                "{after}"
            );
        }
        assert!(held.to_vec::<f32>()?.iter().all(|&w| w == 1.0));
        let wrong = w.tensor().sum().gradients()?;
        assert!(matches!(
            wrong.update::<f64, 0>(&w, [], |w, [], _| (w, [])),
            Err(TensorError::Assign { .. })
        ));
        let mut short = [0.0_f32; 3];
        let twice = wrong.update_all::<f32, 0>([(&w, []), (&w, [])], |w, [], _| (w, []));
        assert!(matches!(twice, Err(TensorError::External { .. })));
        let refused = wrong.update(&w, [&mut short[..]], |w, s, _| (w, s));
        assert!(matches!(refused, Err(TensorError::Shapes { op: "update", .. })));
        Ok(())
    }

    #[test]
    fn unconnected_variables_get_zeros() -> Result<()> {
        let x = Variable::new("x", Tensor::from_vec(vec![1.0_f32; 3], &[3]))?;
        let gradients = Tensor::scalar(1.0_f32).gradients()?;
        assert!(gradients.is_empty() && gradients.get(&x).is_none());
        assert_eq!(gradients.of(&x).to_vec::<f32>()?, [0.0; 3]);
        assert!(matches!(x.tensor().gradients(), Err(TensorError::Shape { .. })));
        Ok(())
    }
}
