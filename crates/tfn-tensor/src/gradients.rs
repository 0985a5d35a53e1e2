//! The result of a walk back: one gradient a variable.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::dtype::{Element, dispatch};
use crate::error::{Result, TensorError};
use crate::kernels;
use crate::shape::count;
use crate::tensor::{Array, Edge, Found, Tensor, backward};
use crate::variable::Variable;
use crate::variable_id::VariableId;

/// Gradients of one scalar with respect to the variables it depends on, by identity.
///
/// Counterpart: what `tf.GradientTape.gradient` returns.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    of: BTreeMap<VariableId, Known>,
}

/// A gradient, and its first entry that is not finite, once it was looked for.
#[derive(Clone, Debug)]
struct Known {
    gradient: Tensor,
    fault: OnceLock<Option<f64>>,
}

impl Known {
    fn new(gradient: Tensor) -> Self {
        Self { gradient, fault: OnceLock::new() }
    }

    /// The first entry that is not finite; of a gradient that is not computed yet nothing is known.
    fn fault(&self) -> Result<Option<f64>> {
        if let Some(fault) = self.fault.get() {
            return Ok(*fault);
        }
        let array = self.gradient.array().map_err(|error| error.as_ref().clone())?;
        let fault = dispatch!(array.dtype(), E => {
            let entries = array.entries::<E>();
            match (entries.same(), entries.rows()) {
                (Some(same), _) => fault_of(&[same]),
                (None, Some(rows)) => {
                    rows.sums().1.buffer::<E>().and_then(|values| fault_of(values.as_slice()))
                }
                (None, None) if entries.is_lazy() => return Ok(None),
                (None, None) => fault_of(array.slice::<E>()),
            }
        });
        Ok(*self.fault.get_or_init(|| fault))
    }
}

/// The first entry that is not finite.
fn fault_of<E: Element>(entries: &[E]) -> Option<f64> {
    if kernels::all_finite(entries) {
        return None;
    }
    entries.iter().map(|&entry| Element::to_f64(entry)).find(|entry| !entry.is_finite())
}

fn not_finite(variable: &Variable, given: f64) -> TensorError {
    TensorError::Gradient { name: variable.name().to_owned(), id: variable.id(), given }
}

impl Gradients {
    /// The gradient of `variable`, of its shape; `None` if the scalar does not depend on it.
    pub fn get(&self, variable: &Variable) -> Option<&Tensor> {
        self.of.get(&variable.id()).map(|known| &known.gradient)
    }

    /// The gradient of `variable`, zeros if the scalar does not depend on it.
    pub fn of(&self, variable: &Variable) -> Tensor {
        let zeros = || Tensor::zeros(variable.shape(), variable.dtype());
        self.get(variable).cloned().unwrap_or_else(zeros)
    }

    /// The rows (entries along its first axis) that the gradient of `variable` is made of, ascending and each once,
    /// and the gradients of these rows; those of all others are zero. `None` if it is not known by rows, or if the
    /// scalar does not depend on the variable.
    ///
    /// It is known by rows if all that the scalar takes of the variable is [gathered](Tensor::gather) along its
    /// first axis, as from the table of an embedding. Such a gradient is as large as what was gathered, and becomes a
    /// tensor of the variable's shape only if its numbers are read through [`get`](Self::get) or [`of`](Self::of).
    ///
    /// Counterpart: `tf.IndexedSlices`.
    ///
    /// # Shapes
    /// For a variable `[rows, ..]` the gradients are `[indices.len(), ..]`.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{DType, Tensor, Variable};
    /// let table = Variable::new("table", Tensor::zeros(&[1000, 2], DType::F64))?;
    /// let gradients = table.tensor().gather(0, &[7, 3, 7]).sum().gradients()?;
    /// let (indices, rows) = gradients.rows(&table).ok_or("no rows")?;
    /// assert_eq!(indices, [3, 7]);
    /// assert_eq!(rows.shape()?, [2, 2]);
    /// assert_eq!(rows.to_vec::<f64>()?, [1.0, 1.0, 2.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rows(&self, variable: &Variable) -> Option<(&[usize], Tensor)> {
        let (gradient, (_, row)) = (self.get(variable)?, variable.shape().split_first()?);
        dispatch!(variable.dtype(), E => {
            let rows = gradient.rows::<E>().filter(|rows| rows.width() == count(row))?;
            let (indices, values) = rows.sums();
            let (shape, storage) = ([&[indices.len()], row].concat().into(), values.clone());
            Some((indices, Tensor::from_array(Array { shape, storage, edge: None })))
        })
    }

    /// Fails if the gradient of one of `variables` is NaN or infinite somewhere: what an optimizer asks before it changes
    /// any of them.
    ///
    /// Each gradient is looked at once, however often this is asked. One that is not computed yet, as that of a large
    /// kernel, is not computed for it: [`update`](Self::update) looks at its blocks as they are made.
    ///
    /// # Errors
    /// [`TensorError::Gradient`] with the first such variable; those that a gradient carries.
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{Tensor, TensorError, Variable};
    /// let w = Variable::new("w", Tensor::from_vec(vec![4.0, 0.0], &[2]))?;
    /// let gradients = w.tensor().powf(0.5).sum().gradients()?;
    /// assert!(matches!(gradients.check_finite([&w]), Err(TensorError::Gradient { .. })));
    /// # Ok::<(), TensorError>(())
    /// ```
    pub fn check_finite<'v>(
        &self,
        variables: impl IntoIterator<Item = &'v Variable>,
    ) -> Result<()> {
        for variable in variables {
            let fault = self.of.get(&variable.id()).map_or(Ok(None), Known::fault)?;
            if let Some(given) = fault {
                return Err(not_finite(variable, given));
            }
        }
        Ok(())
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
    /// part of the state has another length. [`TensorError::Gradient`] if the gradient is not finite: nothing has changed
    /// then, or if the gradient is computed in the same pass, nothing in its blocks with such an entry.
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

    /// [`update`](Self::update) of the [rows](Self::rows) of `variable` that its gradient is made of, which leaves all
    /// other rows and their part of the state as they are; of all entries, if the gradient is not known by rows.
    ///
    /// For a `change` that does nothing where the gradient is zero, as plain gradient descent, it is the same as
    /// `update` and takes as long as the rows are many, not as the variable is long. Where an optimizer's memory
    /// fades, as Adam's, it is that optimizer's lazy form, in which memory fades only where there is a gradient.
    /// If others hold the entries of the variable, they are copied first.
    ///
    /// Counterpart: `tfa.optimizers.LazyAdam`.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    ///
    /// # Examples
    /// ```
    /// # use tfn_tensor::{DType, Tensor, Variable};
    /// let table = Variable::new("table", Tensor::ones(&[3, 2], DType::F64))?;
    /// let gradients = table.tensor().gather(0, &[1]).sum().gradients()?;
    /// gradients.update_rows::<f64, 0>(&table, [], |w, [], g| (w - 0.5 * g, []))?;
    /// assert_eq!(table.value().to_vec::<f64>()?, [1.0, 1.0, 0.5, 0.5, 1.0, 1.0]);
    /// # Ok::<(), tfn_tensor::TensorError>(())
    /// ```
    #[track_caller]
    pub fn update_rows<E: Element, const M: usize>(
        &self,
        variable: &Variable,
        mut state: [&mut [E]; M],
        change: impl Fn(E, [E; M], E) -> (E, [E; M]) + Sync + Copy,
    ) -> Result<()> {
        let Some((indices, rows)) = self.rows(variable) else {
            return self.update(variable, state, change);
        };
        for part in &state {
            Tensor::check_len("update", part.len(), variable.shape(), variable.dtype())?;
        }
        let gradient = rows.data::<E>().map_err(|_| variable.wrong_type(E::DTYPE))?;
        self.check_finite([variable])?;
        let width = count(&rows.shape()?[1..]).max(1);
        Variable::rewrite_all::<E>(&[variable], |places| {
            for (values, old) in places {
                if let Some(old) = old {
                    values.copy_from_slice(old);
                }
                for (&index, gradient) in indices.iter().zip(gradient.chunks_exact(width)) {
                    let row = index * width..(index + 1) * width;
                    let state = state.each_mut().map(|part| &mut part[row.clone()]);
                    kernels::update_block(&mut values[row], None, state, gradient, change);
                }
            }
        })
    }

    /// [`update`](Self::update) of several variables at once, each with its part of the state.
    ///
    /// All variables are changed in one parallel pass over their entries. Many small variables therefore do not cost one pass each.
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
            let array = gradient.array().map_err(|error| error.as_ref().clone())?;
            for part in &state {
                Tensor::check_len("update", part.len(), &array.shape, array.dtype())?;
            }
            let entries = array.storage.data::<E>();
            jobs.push((variable, state, entries.ok_or_else(|| variable.wrong_type(E::DTYPE))?));
        }
        // One order for all threads that may want the same variables.
        jobs.sort_by_key(|(variable, ..)| variable.id());
        if let Some(pair) = jobs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!("variable `{}` is given twice", pair[0].0.name());
            return Err(TensorError::External { op: "update", message });
        }
        let variables: Vec<_> = jobs.iter().map(|(variable, ..)| *variable).collect();
        self.check_finite(variables.iter().copied())?;
        // The first block, by variable and place, whose gradient turns out not to be finite.
        let fault = Mutex::new(None::<(usize, usize, f64)>);
        Variable::rewrite_all::<E>(&variables, |places| {
            let total = places.iter().map(|(values, _)| values.len()).sum();
            let mut blocks = Vec::new();
            for (job, ((values, old), (_, state, gradient))) in
                places.into_iter().zip(jobs).enumerate()
            {
                let mut rest = (values, state);
                let (len, size) = (rest.0.len(), gradient.block());
                for start in (0..len).step_by(size) {
                    let end = len.min(start + size);
                    let values = kernels::split_off(&mut rest.0, end - start);
                    let state = rest.1.each_mut().map(|x| kernels::split_off(x, end - start));
                    let old = old.map(|old| &old[start..end]);
                    blocks.push(((job, start), values, old, state, gradient));
                }
            }
            kernels::in_tasks(total, blocks, &|((job, start), values, old, state, entries)| {
                let is_new =
                    entries.is_lazy() && entries.rows().is_none() && entries.same().is_none();
                entries.with_block(start, values.len(), |gradient| {
                    match is_new.then(|| fault_of(gradient)).flatten() {
                        None => kernels::update_block(values, old, state, gradient, change),
                        Some(given) => {
                            if let Some(old) = old {
                                values.copy_from_slice(old);
                            }
                            let mut first = fault.lock().unwrap_or_else(PoisonError::into_inner);
                            if first.is_none_or(|(j, s, _)| (job, start) < (j, s)) {
                                *first = Some((job, start, given));
                            }
                        }
                    }
                });
            });
        })?;
        match fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some((job, _, given)) => Err(not_finite(variables[job], given)),
        }
    }

    /// Whether the scalar depends on the variable of this identity.
    pub fn contains(&self, variable: VariableId) -> bool {
        self.of.contains_key(&variable)
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
        let of = self.walk_back("gradients", &[])?.variables;
        Ok(Gradients {
            of: of.into_iter().map(|(id, gradient)| (id, Known::new(gradient))).collect(),
        })
    }

    #[track_caller]
    pub(crate) fn walk_back(&self, op: &'static str, wanted: &[Edge]) -> Result<Found> {
        let array = self.array().map_err(|error| error.as_ref().clone())?;
        if array.len() != 1 {
            return Err(TensorError::Shape {
                op,
                argument: "self",
                given: array.shape.to_vec(),
                expected: "exactly one entry; `sum()` or `mean()` first".into(),
                place: Location::caller(),
            });
        }
        let seed = Self::ones(&array.shape, array.dtype());
        let nothing = || Found { edges: vec![None; wanted.len()], ..Found::default() };
        array.edge.as_ref().map_or_else(|| Ok(nothing()), |edge| backward(edge, seed, wanted))
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
    fn a_gradient_that_is_not_finite_changes_nothing() -> Result<()> {
        let [a, b] = ["a", "b"]
            .map(|name| Variable::new(name, Tensor::from_vec(vec![4.0, 0.0, 1.0], &[3])).unwrap());
        let gradients = (a.tensor().square() + b.tensor().powf(0.5)).sum().gradients()?;
        gradients.check_finite([&a])?;
        let mut memory = [vec![7.0; 3], vec![7.0; 3]];
        let [of_a, of_b] = memory.each_mut().map(|part| [part.as_mut_slice()]);
        let step = |w: f64, [_]: [f64; 1], g: f64| (w - g, [g]);
        let error = gradients.update_all([(&a, of_a), (&b, of_b)], step).unwrap_err();
        let right = TensorError::Gradient { name: "b".into(), id: b.id(), given: f64::INFINITY };
        assert_eq!(error, right);
        assert!(error.to_string().contains("gradient of variable `b` is inf"), "{error}");
        for (w, memory) in [&a, &b].into_iter().zip(&memory) {
            assert_eq!(w.value().to_vec::<f64>()?, [4.0, 0.0, 1.0]);
            assert_eq!(memory, &[7.0; 3]);
        }
        Ok(())
    }

    #[test]
    fn a_block_made_in_the_pass_is_left_out_if_it_is_not_finite() -> Result<()> {
        let len = 64 * crate::storage::LAZY;
        let mut values = vec![1.0_f32; len];
        values[0] = 0.0;
        let w = Variable::new("w", Tensor::from_vec(values.clone(), &[len]))?;
        // The slope of a fused density is lazy; at a scale of 0 it is not finite.
        let scale = w.tensor();
        let (zero, one) =
            (Tensor::zeros(&[], crate::DType::F32), Tensor::ones(&[], crate::DType::F32));
        let gradients = Tensor::normal_log_prob(&one, &zero, &scale).sum().gradients()?;
        assert!(gradients.of(&w).is_lazy());
        for held in [None, Some(w.value())] {
            let error = gradients.update::<f32, 0>(&w, [], |_, [], _| (5.0, [])).unwrap_err();
            assert!(matches!(&error, TensorError::Gradient { name, .. } if name == "w"), "{error}");
            let after = w.value().to_vec::<f32>()?;
            assert_eq!(after[0], 0.0);
            assert!(after.iter().all(|w| w.is_finite()));
            drop(held);
        }
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
        // The gradient of a sum is lazy, and reads nothing; that of a square reads the variable.
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

    /// The gradient of each entry of `w` by what `take` makes of it, once by rows and once as a whole.
    fn both_ways(
        w: &Variable,
        indices: &[usize],
        more: impl Fn(&Tensor) -> Tensor,
    ) -> Result<[Gradients; 2]> {
        let weights = Tensor::from_vec((0..).map(f64::from).take(64).collect(), &[64, 1]);
        let weights = weights.narrow(0, 0, indices.len());
        let labels =
            Tensor::from_vec(indices.iter().map(|&i| i as f64).collect(), &[indices.len()]);
        let gathered = w.tensor().gather(0, indices);
        let chosen = labels.one_hot(w.shape()[0]).matmul(&w.tensor());
        let loss = |taken: Tensor| ((taken * &weights).sum() + more(&w.tensor())).gradients();
        Ok([loss(gathered)?, loss(chosen)?])
    }

    #[test]
    fn what_is_gathered_has_the_gradient_of_a_product() -> Result<()> {
        let w = Variable::new("w", Tensor::ones(&[6, 3], crate::DType::F64))?;
        let indices = [4, 1, 4, 4, 0];
        let nothing = |_: &Tensor| Tensor::scalar(0.0);
        let again = |w: &Tensor| w.gather(0, &[5, 1]).square().sum() + w.gather(0, &[]).sum();
        let [by_rows, whole] = both_ways(&w, &indices, nothing)?;
        assert!(whole.rows(&w).is_none());
        let (rows, values) = by_rows.rows(&w).unwrap();
        assert_eq!((rows, values.shape()?), (&[0, 1, 4][..], &[3, 3][..]));
        assert_eq!(values.to_vec::<f64>()?, [4.0, 4.0, 4.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0]);
        assert_eq!(by_rows.of(&w).to_vec::<f64>()?, whole.of(&w).to_vec::<f64>()?);
        // It is known by rows after its numbers have been read, too.
        assert_eq!(by_rows.rows(&w).unwrap().0, [0, 1, 4]);
        let [by_rows, whole] = both_ways(&w, &indices, again)?;
        assert_eq!(by_rows.rows(&w).unwrap().0, [0, 1, 4, 5]);
        assert_eq!(by_rows.of(&w).to_vec::<f64>()?, whole.of(&w).to_vec::<f64>()?);
        Ok(())
    }

    #[test]
    fn rows_are_added_to_what_else_a_variable_is_used_for() -> Result<()> {
        let rows = crate::storage::LAZY / 2;
        let w = Variable::new("w", Tensor::full(&[rows, 3], 0.5, crate::DType::F64))?;
        let indices = [rows - 1, 1, rows - 1];
        // Numbers that are there, and lazy ones of several kinds; before and after the rows, and with rows again.
        let dense = |w: &Tensor| w.square().sum();
        let lazy = |w: &Tensor| w.sum() + w.softplus().sum();
        let other = |w: &Tensor| w.gather(1, &[2, 2]).sum() + w.gather(0, &[7]).sum();
        let all = |w: &Tensor| other(w) + lazy(w) + dense(w) + other(w);
        for more in [&dense as &dyn Fn(&Tensor) -> Tensor, &lazy, &other, &all] {
            let [by_rows, whole] = both_ways(&w, &indices[..], more)?;
            assert!(by_rows.rows(&w).is_none());
            let (given, expected) = (by_rows.of(&w).to_vec()?, whole.of(&w).to_vec::<f64>()?);
            assert!(given.iter().zip(&expected).all(|(a, b): (&f64, _)| (a - b).abs() < 1e-12));
            let turned = (more(&w.tensor()) + w.tensor().gather(0, &indices).sum()).gradients()?;
            let expected = more(&w.tensor()).gradients()?.of(&w).to_vec::<f64>()?;
            let given = turned.of(&w).to_vec::<f64>()?;
            for (at, (given, expected)) in given.iter().zip(&expected).enumerate() {
                let times = indices.iter().filter(|&&index| index == at / 3).count();
                assert!((given - expected - times as f64).abs() < 1e-12, "{at}");
            }
        }
        Ok(())
    }

    #[test]
    fn only_a_variable_has_a_gradient_by_rows() -> Result<()> {
        let w = Variable::new("w", Tensor::ones(&[4, 2], crate::DType::F32))?;
        let taken = (w.tensor() * 2.0).gather(0, &[3, 0]).sum().gradients()?;
        assert!(taken.rows(&w).is_none());
        let expected = [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0];
        assert_eq!(taken.of(&w).to_vec::<f32>()?, expected);
        for (shape, axis) in [(&[4, 2][..], 1), (&[1, 4], 1), (&[4, 0], 0)] {
            let w = Variable::new("w", Tensor::ones(shape, crate::DType::F32))?;
            let taken = w.tensor().gather(axis, &[1]).sum().gradients()?;
            assert!(taken.rows(&w).is_none(), "{shape:?}");
            assert_eq!(taken.of(&w).shape()?, shape);
        }
        let scalar = Variable::new("s", Tensor::scalar(1.0))?;
        assert!(scalar.tensor().square().gradients()?.rows(&scalar).is_none());
        Ok(())
    }

    #[test]
    fn an_update_by_rows_is_that_of_the_table() -> Result<()> {
        let (rows, width) = (3000, 5);
        let start = Tensor::full(&[rows, width], 0.25, crate::DType::F32);
        let momentum = |w: f32, [v]: [f32; 1], g: f32| (w - 0.5 * (v + g), [v + g]);
        let step = |by_rows: bool| -> Result<(Vec<f32>, Vec<f32>)> {
            let w = Variable::new("w", start.clone())?;
            let mut velocity = vec![0.0; rows * width];
            let taken = w.tensor().gather(0, &[2999, 17, 0, 17]).square().sum();
            let gradients = taken.gradients()?;
            match by_rows {
                true => gradients.update_rows(&w, [&mut velocity[..]], momentum)?,
                false => gradients.update(&w, [&mut velocity[..]], momentum)?,
            }
            // Neither has made the table.
            assert!(gradients.of(&w).is_lazy());
            Ok((w.value().to_vec()?, velocity))
        };
        let (by_rows, whole) = (step(true)?, step(false)?);
        assert_eq!(by_rows, whole);
        assert_eq!(by_rows.0.iter().filter(|&&w| w != 0.25).count(), 3 * width);
        assert!(start.to_vec::<f32>()?.iter().all(|&w| w == 0.25));
        Ok(())
    }

    #[test]
    fn an_update_by_rows_leaves_the_others_alone() -> Result<()> {
        let w = Variable::new("w", Tensor::ones(&[3, 2], crate::DType::F64))?;
        let fading = |w: f64, [m]: [f64; 1], g: f64| (w - g, [0.5 * m + g]);
        let mut memory = vec![8.0; 6];
        let gradients = w.tensor().gather(0, &[1, 1]).sum().gradients()?;
        gradients.update_rows(&w, [&mut memory[..]], fading)?;
        assert_eq!(memory, [8.0, 8.0, 6.0, 6.0, 8.0, 8.0]);
        assert_eq!(w.value().to_vec::<f64>()?, [1.0, 1.0, -1.0, -1.0, 1.0, 1.0]);
        // A gradient that is not known by rows changes all of them.
        w.tensor().sum().gradients()?.update_rows(&w, [&mut memory[..]], fading)?;
        assert_eq!(memory, [5.0, 5.0, 4.0, 4.0, 5.0, 5.0]);
        let short = gradients.update_rows(&w, [&mut memory[..3]], fading);
        assert!(matches!(short, Err(TensorError::Shapes { op: "update", .. })));
        let wrong = gradients.update_rows::<f32, 0>(&w, [], |w, [], _| (w, []));
        assert!(matches!(wrong, Err(TensorError::Assign { given_dtype: crate::DType::F32, .. })));
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
