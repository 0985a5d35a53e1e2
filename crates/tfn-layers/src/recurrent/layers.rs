//! Names for pairs of gates and weights.

use super::cell::Cell;
use super::gates::{GRUGates, LSTMGates};
use super::sequence::Recurrent;
use crate::estimator::{Flipout, Local, Reparameterization};
use crate::kernel_bias::Affine;
use crate::linear::Dense;
use crate::variational::Variational;

/// A long short-term memory without uncertainty, over sequences.
///
/// Counterpart: `tf.keras.layers.LSTM`. See [`Recurrent`] for shapes, masks and errors, [`LSTMGates`] for the equations.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{LSTM, Layer};
///
/// let layer = LSTM::builder(3, 8).return_sequences(true).mask_value(0.0).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 20, 3], DType::F32))?.shape()?, [5, 20, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type LSTM = Recurrent<LSTMGates, Affine>;

/// A gated recurrent unit without uncertainty, over sequences.
///
/// Counterpart: `tf.keras.layers.GRU`, with `reset_after=True`. See [`Recurrent`] for shapes, masks and errors, [`GRUGates`] for the equations.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{GRU, Layer};
///
/// let layer = GRU::new(3, 8)?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 20, 3], DType::F32))?.shape()?, [5, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type GRU = Recurrent<GRUGates, Affine>;

/// The cell of [`LSTM`].
pub type LSTMCell = Cell<LSTMGates, Affine>;

/// The cell of [`GRU`].
pub type GRUCell = Cell<GRUGates, Affine>;

/// An [`LSTM`] with a posterior over its weights, one draw of which serves all steps of a sequence and the batch.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{LSTMVariationalReparameterization as Bayesian, Layer};
///
/// let layer = Bayesian::builder(3, 8).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 20, 3], DType::F32))?.shape()?, [5, 8]);
/// assert!(layer.losses()?.item()? > 0.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type LSTMVariationalReparameterization =
    Recurrent<LSTMGates, Variational<Dense, Reparameterization>>;

/// An [`LSTM`] with a posterior over its weights, whose pre-activations are drawn anew at each step: see [`Recurrent`] for what that leaves out.
pub type LSTMVariationalReparameterizationLocal = Recurrent<LSTMGates, Variational<Dense, Local>>;

/// An [`LSTM`] with a posterior over its weights: one perturbation of them, whose signs each sequence flips, serves all steps.
pub type LSTMVariationalFlipout = Recurrent<LSTMGates, Variational<Dense, Flipout>>;

/// A [`GRU`] with a posterior over its weights, one draw of which serves all steps of a sequence and the batch.
pub type GRUVariationalReparameterization =
    Recurrent<GRUGates, Variational<Dense, Reparameterization>>;

/// A [`GRU`] with a posterior over its weights, whose pre-activations are drawn anew at each step: see [`Recurrent`] for what that leaves out.
pub type GRUVariationalReparameterizationLocal = Recurrent<GRUGates, Variational<Dense, Local>>;

/// A [`GRU`] with a posterior over its weights: one perturbation of them, whose signs each sequence flips, serves all steps.
pub type GRUVariationalFlipout = Recurrent<GRUGates, Variational<Dense, Flipout>>;
