//! The equations of cells.

use std::fmt::Debug;

use tfn_module::describe::Describe;
use tfn_module::describe_fields;
use tfn_tensor::Tensor;
use tfn_util::Initializer;

use crate::activation::Activation;
use crate::error::{LayerError, Result};

/// The functions of a cell, by Keras' names.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Of what is written to the state; [`Tensor::tanh`] by default.
    pub activation: Activation,
    /// Of the gates; [`Tensor::sigmoid`] by default.
    pub recurrent_activation: Activation,
}

describe_fields!(Activations as "tfn.recurrent.Activations" { activation, recurrent_activation });

/// How a cell's states go from one step to the next, of two pre-activations: one of the input, one of the last output.
///
/// [`LSTMGates`] and [`GRUGates`] are the cells of this crate; any other works in a [`Cell`](crate::Cell) and
/// [`Recurrent`](crate::Recurrent) too.
pub trait Gates: Clone + Debug + Default + Describe + Send + Sync + 'static {
    /// First part of the name of a layer's class: `LSTM` of `LSTMVariationalFlipout`.
    const CLASS: &'static str;

    /// How many times as many pre-activations as units there are.
    const BLOCKS: usize;

    /// Number of states of `[.., batch, units]`; the first is the output.
    const STATES: usize;

    /// Whether the map of the last output has a bias of its own.
    const RECURRENT_BIAS: bool;

    /// The states after a step.
    ///
    /// # Shapes
    /// `of_input` and `of_state` `[.., batch, BLOCKS * units]`; `states` and the result [`STATES`](Self::STATES) times `[.., batch, units]`.
    ///
    /// # Errors
    /// [`LayerError::Argument`] for another number of states.
    fn next(
        of_input: &Tensor,
        of_state: &Tensor,
        states: &[Tensor],
        by: &Activations,
    ) -> Result<Vec<Tensor>>;

    /// The initializer of the input's bias, of the user's. With `unit_forget_bias` a bias that keeps the state.
    fn bias_initializer(user: &Initializer, unit_forget_bias: bool) -> Initializer {
        let _ = unit_forget_bias;
        user.clone()
    }
}

/// The gates of [`LSTM`](crate::LSTM), in Keras' order `i, f, c, o`.
///
/// ```text
/// i, f, o = recurrent_activation(x·W + h·U + b)      g = activation(x·W_c + h·U_c + b_c)
/// c' = f∘c + i∘g                                     h' = o∘activation(c')
/// ```
///
/// # References
/// Hochreiter & Schmidhuber 1997, *Long short-term memory*, Neural Computation 9(8); Gers, Schmidhuber & Cummins 2000, *Learning to forget*,
/// Neural Computation 12(10), for `f`; Jozefowicz, Zaremba & Sutskever 2015, ICML, for its bias of 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct LSTMGates;

describe_fields!(LSTMGates as "tfn.recurrent.LSTM" {});

impl Gates for LSTMGates {
    const CLASS: &'static str = "LSTM";
    const BLOCKS: usize = 4;
    const STATES: usize = 2;
    const RECURRENT_BIAS: bool = false;

    fn next(
        of_input: &Tensor,
        of_state: &Tensor,
        states: &[Tensor],
        by: &Activations,
    ) -> Result<Vec<Tensor>> {
        let [_, c] = states else { return Err(wrong_states::<Self>(states.len())) };
        let z = of_input + of_state;
        let gate = |at| by.recurrent_activation.apply(&block(&z, at, Self::BLOCKS));
        let written = by.activation.apply(&block(&z, 2, Self::BLOCKS));
        let c = gate(1) * c + gate(0) * written;
        let h = gate(3) * by.activation.apply(&c);
        Ok(vec![h, c])
    }

    /// Ones for `f`, which are not the user's, as in Keras.
    fn bias_initializer(user: &Initializer, unit_forget_bias: bool) -> Initializer {
        if !unit_forget_bias {
            return user.clone();
        }
        let user = user.clone();
        Initializer::new("unit_forget_bias", move |shape, batch_ndims, dtype, key| {
            let (axis, units) = last(shape, Self::BLOCKS);
            let whole = user.make(shape, batch_ndims, dtype, key)?;
            let of = |from: usize, blocks: usize| whole.narrow(axis, from * units, blocks * units);
            let ones = Tensor::ones(&[units], dtype);
            Ok(Tensor::concat(&[&of(0, 1), &ones, &of(2, 2)], axis))
        })
    }
}

/// The gates of [`GRU`](crate::GRU), in Keras' order `z, r, h`, with the reset behind the product (`reset_after=True`).
///
/// ```text
/// z, r = recurrent_activation(x·W + b + h·U + b')    g = activation(x·W_h + b_h + r∘(h·U_h + b'_h))
/// h' = z∘h + (1 − z)∘g
/// ```
///
/// # References
/// Cho et al. 2014, [arXiv 1406.1078](https://arxiv.org/abs/1406.1078), section 2.3.
#[derive(Clone, Copy, Debug, Default)]
pub struct GRUGates;

describe_fields!(GRUGates as "tfn.recurrent.GRU" {});

impl Gates for GRUGates {
    const CLASS: &'static str = "GRU";
    const BLOCKS: usize = 3;
    const STATES: usize = 1;
    const RECURRENT_BIAS: bool = true;

    fn next(
        of_input: &Tensor,
        of_state: &Tensor,
        states: &[Tensor],
        by: &Activations,
    ) -> Result<Vec<Tensor>> {
        let [h] = states else { return Err(wrong_states::<Self>(states.len())) };
        let of = |at| (block(of_input, at, Self::BLOCKS), block(of_state, at, Self::BLOCKS));
        let gate = |at| {
            let (x, h) = of(at);
            by.recurrent_activation.apply(&(x + h))
        };
        let (z, r, (x, recurrent)) = (gate(0), gate(1), of(2));
        let written = by.activation.apply(&(x + r * recurrent));
        Ok(vec![&z * h + (1.0 - &z) * written])
    }
}

/// States of another number than the gates have.
pub(super) fn wrong_states<G: Gates>(given: usize) -> LayerError {
    LayerError::Argument {
        layer: format!("{}Cell", G::CLASS),
        argument: "states",
        given: format!("{given} tensors"),
        expected: format!("{}, at least 1", G::STATES),
    }
}

/// Block number `at` of so many along the last axis.
fn block(z: &Tensor, at: usize, blocks: usize) -> Tensor {
    match z.shape() {
        Ok(shape) => {
            let (axis, units) = last(shape, blocks);
            z.narrow(axis, at * units, units)
        }
        Err(_) => z.clone(),
    }
}

/// The last axis, and the size of one of so many blocks along it.
fn last(shape: &[usize], blocks: usize) -> (isize, usize) {
    (-1, shape.last().copied().unwrap_or_default() / blocks)
}
