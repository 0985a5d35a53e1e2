//! A cell over whole sequences.

use std::fmt;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, describe_fields, layer_name};
use tfn_tensor::{Key, Tensor};

use super::cell::{Cell, CellSteps};
use super::gates::Gates;
use super::mask::Mask;
use super::weights::CellWeights;
use crate::contract::{Layer, Pass};
use crate::error::{LayerError, Result};

/// A layer that takes a [`Cell`] of gates `G` over the steps of sequences, with weights `W`: [`Affine`](crate::Affine), or a
/// [`Variational`](crate::Variational) layer of [`Dense`](crate::Dense) maps under any estimator.
///
/// Counterpart: `tf.keras.layers.LSTM`, `GRU`, whose arguments, defaults and equations it has.
///
/// # Weights with a posterior
/// The two maps, of the input and of the last output, have a posterior each. One draw of the weights serves all steps of a sequence, for the weights
/// of all steps are the same. What that means for the estimators:
///
/// | estimator | weights of a sequence |
/// |---|---|
/// | [`Reparameterization`](crate::Reparameterization) | one draw for all steps and the whole batch |
/// | [`Flipout`](crate::Flipout) | one draw for all steps: a perturbation of the batch, signs of the sequence |
/// | [`PerExample`](crate::PerExample) | one draw for all steps of each sequence |
/// | [`Mean`](crate::Mean) | the posterior's mean |
/// | [`Local`](crate::Local) | pre-activations are drawn anew at each step |
///
/// So outputs under `Local` are not those of one draw of the weights: it leaves out the covariance between the pre-activations of different steps,
/// and with it what a deviation of a weight adds up to over a sequence. It is exact for sequences of one step. For
/// longer ones it is noise of the right size at each step, with a gradient of small variance; predictions of draws that go on consistently over
/// time come from the other estimators, to which [`set_estimator`](crate::set_estimator) changes a net that was trained so.
///
/// The losses count each set of weights once, however many steps there are.
///
/// # Masks
/// Where a mask is 0, a step is not read: the states are carried over, and the output is the one before (zeros, if there is none; zeros anyway
/// in a [`Bidirectional`](crate::Bidirectional) layer, or with `zero_output_for_mask`). Masks come from
/// [`mask_value`](crate::Builder::mask_value), or with a call ([`call_masked_at`](Self::call_masked_at)). What stands at such steps does
/// not matter, even NaN.
///
/// # Shapes
/// Input `[.., batch, steps, input_size]`; output `[.., batch, units]`, with `return_sequences` `[.., batch, steps, units]`. There has to be a step. An
/// empty batch gives an empty output.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`] for sequences of other features, without steps or without a batch; with
/// [`LayerError::Argument`] for masks of another shape, or of other entries than 0 and 1.
///
/// # References
/// - Fortunato, Blundell & Vinyals 2017, *Bayesian recurrent neural networks*, [arXiv 1704.02798](https://arxiv.org/abs/1704.02798), section 3.
/// - Gal & Ghahramani 2016, *A theoretically grounded application of dropout in recurrent neural networks*,
///   [arXiv 1512.05287](https://arxiv.org/abs/1512.05287), section 4.
pub struct Recurrent<G, W> {
    name: String,
    cell: Cell<G, W>,
    options: Options,
}

/// How a layer goes over its sequences.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    pub(super) return_sequences: bool,
    pub(super) go_backwards: bool,
    pub(super) mask_value: Option<f64>,
    pub(super) zero_output_for_mask: bool,
}

describe_fields!(Options as "tfn.recurrent.Options" {
    return_sequences, go_backwards, mask_value, zero_output_for_mask,
});

impl<G: Gates, W: CellWeights> Recurrent<G, W> {
    /// The cell, which holds the weights.
    pub fn cell(&self) -> &Cell<G, W> {
        &self.cell
    }

    /// Number of units, the size of the output.
    pub fn units(&self) -> usize {
        self.cell.units()
    }

    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.cell.input_size()
    }

    /// Whether all outputs are returned, or the last one.
    pub fn return_sequences(&self) -> bool {
        self.options.return_sequences
    }

    /// Whether sequences are read from the end; then the outputs of all steps are in that order, too.
    pub fn go_backwards(&self) -> bool {
        self.options.go_backwards
    }

    /// The features of steps that are not read, if there are such.
    pub fn mask_value(&self) -> Option<f64> {
        self.options.mask_value
    }

    /// [`forward`](Layer::forward) for sequences of which only the steps are read where `mask` is 1, in a pass.
    ///
    /// # Shapes
    /// `mask` `[batch, steps]`, of zeros and ones of any type; it may have more axes of the input's before these.
    ///
    /// # Errors
    /// As of a call; [`LayerError::Argument`] for a mask of another shape or of other entries.
    pub fn forward_masked(&self, x: &Tensor, mask: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.check(x)?;
        self.run(x, Some(Mask::given(&self.class_of(), mask, x)?), pass)
    }

    /// [`call_at`](Layer::call_at) for sequences of which only the steps are read where `mask` is 1.
    ///
    /// # Shapes
    /// As of [`forward_masked`](Self::forward_masked).
    ///
    /// # Errors
    /// As of `forward_masked`, under the layer's name.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::tensor::{DType, Key, Tensor};
    /// use tfn_layers::{GRU, Layer};
    ///
    /// let layer = GRU::builder(3, 4).seed(1).build()?;
    /// let (x, key) = (Tensor::ones(&[1, 5, 3], DType::F32), Key::from_seed(2));
    /// let mask = Tensor::from_vec(vec![1.0, 1.0, 0.0, 0.0, 0.0], &[1, 5]);
    /// let short = layer.call_at(&x.narrow(1, 0, 2), &key)?;
    /// assert_eq!(layer.call_masked_at(&x, &mask, &key)?.to_vec::<f32>()?, short.to_vec::<f32>()?);
    /// # Ok::<(), tfn_layers::LayerError>(())
    /// ```
    pub fn call_masked_at(&self, x: &Tensor, mask: &Tensor, key: &Key) -> Result<Tensor> {
        let called = self.forward_masked(x, mask, &Pass::new(self, key));
        called.map_err(|error| error.within(&self.name))
    }

    /// [`call_masked_at`](Self::call_masked_at) with the next key.
    ///
    /// # Errors
    /// As of `call_masked_at`.
    pub fn call_masked(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        self.call_masked_at(x, mask, &self.begin_call())
    }

    pub(super) fn of(cell: Cell<G, W>, name: &str, options: Options) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, cell, options })
    }

    pub(super) fn with_zero_output_for_mask(mut self) -> Self {
        self.options.zero_output_for_mask = true;
        self
    }

    pub(super) fn class_of(&self) -> String {
        G::CLASS.to_owned()
    }

    fn check(&self, x: &Tensor) -> Result<()> {
        match *x.shape()? {
            [_, .., steps, features] if steps > 0 && features == self.input_size() => Ok(()),
            ref given => {
                let expected =
                    format!("[.., batch, steps, {}] with at least 1 step", self.input_size());
                Err(LayerError::Input { given: given.to_vec(), expected })
            }
        }
    }

    fn run(&self, x: &Tensor, mask: Option<Mask>, pass: &Pass) -> Result<Tensor> {
        let by_value = self.options.mask_value.map(|value| Mask::by_value(value, x)).transpose()?;
        let mask = match (mask, by_value) {
            (Some(one), Some(other)) => Some(one.and(other)?),
            (one, other) => one.or(other),
        };
        let below = pass.child("cell", pass.input());
        let y = over_steps(&self.cell.begin(&below)?, x, mask.as_ref(), self.options);
        pass.note(&below);
        y
    }
}

fn over_steps(
    cell: &CellSteps<'_>,
    x: &Tensor,
    mask: Option<&Mask>,
    options: Options,
) -> Result<Tensor> {
    let cleared = mask.map(|mask| mask.cleared(x)).transpose()?;
    let of_inputs = cell.of_inputs(cleared.as_ref().unwrap_or(x))?;
    let (shape, mut outputs) = (x.shape()?, Vec::new());
    let (batch, steps) = (&shape[..shape.len() - 2], shape[shape.len() - 2]);
    let mut states = cell.initial_states(batch, x.dtype()?);
    for done in 0..steps {
        let step = if options.go_backwards { steps - 1 - done } else { done };
        let new = cell.after(step, &of_inputs.narrow(-2, step, 1).squeeze(-2), &states)?;
        states = match mask {
            Some(mask) => mask.chosen(step, &new, &states),
            None => new,
        };
        if options.return_sequences {
            outputs.push(match mask {
                Some(mask) if options.zero_output_for_mask => mask.zeroed(step, &states[0])?,
                _ => states[0].clone(),
            });
        }
    }
    Ok(match options.return_sequences {
        true => Tensor::stack(&outputs.iter().collect::<Vec<_>>(), -2),
        false => states.swap_remove(0),
    }
    .check()?)
}

impl<G: Gates, W: CellWeights> Layer for Recurrent<G, W> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.check(x)?;
        self.run(x, None, pass)
    }

    /// Those without a posterior, whose rows are independent of each other.
    fn draws_together(&self) -> bool {
        let by = self.cell.activations();
        W::PLAIN && by.activation.is_elementwise() && by.recurrent_activation.is_elementwise()
    }
}

impl<G: Gates, W: CellWeights> Module for Recurrent<G, W> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("cell", &self.cell);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<G: Gates, W: CellWeights> Describe for Recurrent<G, W> {
    fn class() -> String {
        let (gates, weights) = (<G as Describe>::class(), <W as Describe>::class());
        format!("tfn.layers.Recurrent<{gates}, {weights}>")
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("cell", &self.cell)?
            .field("options", &self.options)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let (name, cell): (String, Cell<G, W>) = (reader.field("name")?, reader.field("cell")?);
        Ok(Self::of(cell, &name, reader.field("options")?)?)
    }
}

impl<G: Gates, W: CellWeights> DeepCopy for Recurrent<G, W> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        let cell = self.cell.deep_copy_with(copies);
        Self { name: self.name.clone(), cell, options: self.options }
    }
}

impl<G: Gates, W> fmt::Debug for Recurrent<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}: name={}>", G::CLASS, self.name)
    }
}
