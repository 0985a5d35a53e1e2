//! One step of a recurrent layer.

use std::fmt;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name};
use tfn_tensor::{DType, Tensor};

use super::gates::{Activations, Gates, wrong_states};
use super::weights::{CellWeights, WeightSteps};
use crate::contract::Pass;
use crate::error::{LayerError, Result};

/// A recurrent cell: gates `G` behind two dense maps, one of the input and one of the last output, whose weights are `W`.
///
/// Counterpart: `tf.keras.layers.LSTMCell`, `GRUCell`. [`Recurrent`](crate::Recurrent) takes a cell over whole sequences; step by step, where
/// an output decides on the next input, say, a cell is used by [`begin`](Self::begin).
///
/// # Shapes
/// Kernel `[input_size, n * units]`, recurrent kernel `[units, n * units]`, with as many blocks `n` as the gates have (an LSTM's 4, a GRU's 3), and a
/// bias `[n * units]`; a GRU has two.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{LSTMCell, Pass};
///
/// let cell = LSTMCell::builder(3, 4).seed(1).build_cell()?;
/// let pass = Pass::new(&cell, &Key::from_seed(1));
/// let steps = cell.begin(&pass)?;
/// let mut states = steps.initial_states(&[5], DType::F32);
/// for step in 0..10 {
///     states = steps.next(step, &Tensor::ones(&[5, 3], DType::F32), &states)?;
/// }
/// assert_eq!(states[0].shape()?, [5, 4]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub struct Cell<G, W> {
    pub(super) name: String,
    pub(super) gates: G,
    pub(super) input: W,
    pub(super) recurrent: W,
    pub(super) activations: Activations,
}

/// [`Gates::next`] of some gates.
type NextFn = fn(&Tensor, &Tensor, &[Tensor], &Activations) -> Result<Vec<Tensor>>;

/// A cell in one pass over a sequence: the weights that are drawn once are there.
#[derive(Debug)]
pub struct CellSteps<'a> {
    input: WeightSteps<'a>,
    recurrent: WeightSteps<'a>,
    above: &'a Pass,
    activations: &'a Activations,
    next: NextFn,
    class: &'static str,
    states: usize,
    units: usize,
}

impl<G: Gates, W: CellWeights> Cell<G, W> {
    /// Number of units, the size of the output.
    pub fn units(&self) -> usize {
        self.recurrent.dense().input_size()
    }

    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.input.dense().input_size()
    }

    /// The map of the input: kernel and bias.
    pub fn input(&self) -> &W {
        &self.input
    }

    /// The map of the last output: recurrent kernel, and a GRU's second bias.
    pub fn recurrent(&self) -> &W {
        &self.recurrent
    }

    /// The functions of gates and states.
    pub fn activations(&self) -> &Activations {
        &self.activations
    }

    /// Begins a sequence, with what all steps share: under [`Reparameterization`](crate::Reparameterization) the draw of the weights, say.
    ///
    /// # Errors
    /// What drawing the weights reports; [`LayerError::Untracked`] for a pass over a net that this cell is not in.
    pub fn begin<'a>(&'a self, pass: &'a Pass) -> Result<CellSteps<'a>> {
        if G::STATES == 0 {
            return Err(wrong_states::<G>(0));
        }
        let steps = CellSteps {
            input: self.input.steps(pass.child("input", pass.input()))?,
            recurrent: self.recurrent.steps(pass.child("recurrent", pass.input()))?,
            above: pass,
            activations: &self.activations,
            next: next::<G>,
            class: G::CLASS,
            states: G::STATES,
            units: self.units(),
        };
        steps.note();
        Ok(steps)
    }

    pub(super) fn checked(self) -> Result<Self> {
        let (input, recurrent) = (self.input.dense(), self.recurrent.dense());
        let given = (input.output_size(), recurrent.output_size());
        let expected = self.units().saturating_mul(G::BLOCKS);
        if given != (expected, expected) {
            return Err(LayerError::Argument {
                layer: G::CLASS.to_owned(),
                argument: "units",
                given: format!(
                    "{}, with maps of {} and {} outputs",
                    self.units(),
                    given.0,
                    given.1
                ),
                expected: format!("{expected} outputs of both maps"),
            });
        }
        Ok(self)
    }
}

/// [`Gates::next`], with as many states behind it as before.
fn next<G: Gates>(
    of_input: &Tensor,
    of_state: &Tensor,
    states: &[Tensor],
    by: &Activations,
) -> Result<Vec<Tensor>> {
    let new = G::next(of_input, of_state, states, by)?;
    if new.len() == G::STATES { Ok(new) } else { Err(wrong_states::<G>(new.len())) }
}

impl CellSteps<'_> {
    /// States of zeros, as a sequence begins with, for batches of this shape.
    pub fn initial_states(&self, batch_shape: &[usize], dtype: DType) -> Vec<Tensor> {
        let shape = [batch_shape, &[self.units]].concat();
        vec![Tensor::zeros(&shape, dtype); self.states]
    }

    /// The states after a step, the first of which is the output. Steps with different numbers have different noise where noise is drawn
    /// for each step.
    ///
    /// # Shapes
    /// `x` `[.., batch, input_size]`, each state `[.., batch, units]`.
    ///
    /// # Errors
    /// [`LayerError::Input`] for an input of another size, [`LayerError::Argument`] for states of another number or shape.
    pub fn next(&self, step: usize, x: &Tensor, states: &[Tensor]) -> Result<Vec<Tensor>> {
        let of_input = self.input.at(step, x)?;
        let batch = &x.shape()?[..x.ndims()?.saturating_sub(1)];
        let expected = [batch, &[self.units]].concat();
        let shapes = states.iter().map(|state| state.shape()).collect::<Result<Vec<_>, _>>()?;
        if shapes.len() != self.states || shapes.iter().any(|shape| *shape != expected) {
            return Err(LayerError::Argument {
                layer: format!("{}Cell", self.class),
                argument: "states",
                given: format!("of shapes {shapes:?}"),
                expected: format!("{} of shape {expected:?}", self.states),
            });
        }
        self.after(step, &of_input, states)
    }

    /// The pre-activations of the inputs at all steps.
    pub(super) fn of_inputs(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.input.at_all(x)?;
        self.note();
        Ok(y)
    }

    /// The states after a step, by the pre-activation of its input.
    pub(super) fn after(
        &self,
        step: usize,
        of_input: &Tensor,
        states: &[Tensor],
    ) -> Result<Vec<Tensor>> {
        let of_state = self.recurrent.at(step, &states[0])?;
        self.note();
        (self.next)(of_input, &of_state, states, self.activations)
    }

    /// Tells the pass of the cell whether anything was drawn.
    fn note(&self) {
        self.above.note(self.input.pass());
        self.above.note(self.recurrent.pass());
    }
}

impl<G: Gates, W: CellWeights> Module for Cell<G, W> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("input", &self.input);
        properties.add("recurrent", &self.recurrent);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<G: Gates, W: CellWeights> Describe for Cell<G, W> {
    fn class() -> String {
        let (gates, weights) = (<G as Describe>::class(), <W as Describe>::class());
        format!("tfn.layers.Cell<{gates}, {weights}>")
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("gates", &self.gates)?
            .field("input", &self.input)?
            .field("recurrent", &self.recurrent)?
            .field("activations", &self.activations)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let cell = Self {
            name: layer_name(&reader.field::<String>("name")?)?,
            gates: reader.field("gates")?,
            input: reader.field("input")?,
            recurrent: reader.field("recurrent")?,
            activations: reader.field("activations")?,
        };
        Ok(cell.checked()?)
    }
}

impl<G: Clone, W: DeepCopy> DeepCopy for Cell<G, W> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            gates: self.gates.clone(),
            input: self.input.deep_copy_with(copies),
            recurrent: self.recurrent.deep_copy_with(copies),
            activations: self.activations.clone(),
        }
    }
}

impl<G: Gates, W> fmt::Debug for Cell<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}Cell: name={}>", G::CLASS, self.name)
    }
}
