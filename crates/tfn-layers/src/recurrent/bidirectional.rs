//! Sequences read from both ends.

use std::fmt;

use tfn_module::describe::{self, Data, Describe, Description, Field, Loader, Reader, Saver};
use tfn_module::{Copies, DeepCopy, Module, Properties, layer_name};
use tfn_tensor::{Key, Tensor};

use super::gates::Gates;
use super::sequence::Recurrent;
use super::weights::CellWeights;
use crate::contract::{Layer, Pass};
use crate::error::{LayerError, Result};

/// How the outputs of both ways are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeMode {
    /// Side by side along the last axis, the forward one first.
    #[default]
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
}

impl MergeMode {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Concat, "concat"), (Self::Sum, "sum"), (Self::Mul, "mul"), (Self::Ave, "ave")];
}

/// Two recurrent layers with weights of their own, one of which reads sequences from the other end.
///
/// Counterpart: `tf.keras.layers.Bidirectional`. With `return_sequences` the outputs of both are in the order of the steps, and zeros at those
/// that are not read, as there.
///
/// # Shapes
/// Input `[.., batch, steps, input_size]`; output `[.., batch, 2 * units]`, or `units` in other modes than [`MergeMode::Concat`]; with
/// `return_sequences` `[.., batch, steps, 2 * units]`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{LSTMVariationalReparameterizationLocal as Bayesian, Layer};
///
/// let both = Bayesian::builder(3, 4).return_sequences(true).seed(1).build_bidirectional()?;
/// assert_eq!(both.call(&Tensor::ones(&[5, 7, 3], DType::F32))?.shape()?, [5, 7, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Schuster & Paliwal 1997, *Bidirectional recurrent neural networks*, IEEE Transactions on Signal Processing 45(11).
pub struct Bidirectional<G, W> {
    name: String,
    forward: Recurrent<G, W>,
    backward: Recurrent<G, W>,
    merge_mode: MergeMode,
}

impl<G: Gates, W: CellWeights> Bidirectional<G, W> {
    /// Both layers' outputs side by side.
    ///
    /// # Errors
    /// [`LayerError::Argument`] unless exactly one of them goes backwards, and both return sequences or neither does; for other
    /// sizes of the input.
    pub fn of(forward: Recurrent<G, W>, backward: Recurrent<G, W>) -> Result<Self> {
        let pairs = [
            (
                "go_backwards",
                format!("{} in both layers", forward.go_backwards()),
                forward.go_backwards() != backward.go_backwards(),
                "true in one of them",
            ),
            (
                "return_sequences",
                format!("{} and {}", forward.return_sequences(), backward.return_sequences()),
                forward.return_sequences() == backward.return_sequences(),
                "the same in both layers",
            ),
            (
                "input_size",
                format!("{} and {}", forward.input_size(), backward.input_size()),
                forward.input_size() == backward.input_size(),
                "the same in both layers",
            ),
        ];
        for (argument, given, holds, expected) in pairs {
            if !holds {
                let (layer, expected) = ("Bidirectional".to_owned(), expected.to_owned());
                return Err(LayerError::Argument { layer, argument, given, expected });
            }
        }
        let name = "Bidirectional".to_owned();
        let [forward, backward] = [forward, backward].map(Recurrent::with_zero_output_for_mask);
        Ok(Self { name, forward, backward, merge_mode: MergeMode::default() })
    }

    /// With another way to join the outputs.
    #[must_use]
    pub fn merge_mode(self, merge_mode: MergeMode) -> Self {
        Self { merge_mode, ..self }
    }

    /// The layer under another name.
    ///
    /// # Errors
    /// [`LayerError::Module`] for a name that cannot be made valid.
    pub fn named(self, name: &str) -> Result<Self> {
        Ok(Self { name: layer_name(name)?, ..self })
    }

    /// The layer that was given first.
    pub fn forward_layer(&self) -> &Recurrent<G, W> {
        &self.forward
    }

    /// The layer that reads from the other end.
    pub fn backward_layer(&self) -> &Recurrent<G, W> {
        &self.backward
    }

    /// [`Recurrent::forward_masked`] of both layers, in a pass.
    ///
    /// # Errors
    /// As of that.
    pub fn forward_masked(&self, x: &Tensor, mask: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.joined(|layer, label| {
            let below = pass.child(label, pass.input());
            let y = layer.forward_masked(x, mask, &below);
            pass.note(&below);
            y.map_err(|error| error.within(&layer.name()).within(label))
        })
    }

    /// [`Recurrent::call_masked_at`] for both layers.
    ///
    /// # Errors
    /// As of that.
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

    fn joined(&self, output: impl Fn(&Recurrent<G, W>, &str) -> Result<Tensor>) -> Result<Tensor> {
        let ordered = |layer: &Recurrent<G, W>, label| -> Result<Tensor> {
            let y = output(layer, label)?;
            if !(layer.go_backwards() && layer.return_sequences()) {
                return Ok(y);
            }
            let shape = y.shape()?;
            let backwards: Vec<usize> = (0..shape[shape.len() - 2]).rev().collect();
            Ok(y.gather(-2, &backwards).check()?)
        };
        let (a, b) = (ordered(&self.forward, "forward")?, ordered(&self.backward, "backward")?);
        let both = (a.shape()?.to_vec(), b.shape()?.to_vec());
        if self.merge_mode != MergeMode::Concat && both.0 != both.1 {
            return Err(LayerError::Argument {
                layer: "Bidirectional".to_owned(),
                argument: "merge_mode",
                given: format!("{:?} of outputs {:?} and {:?}", self.merge_mode, both.0, both.1),
                expected: "outputs of one shape, or `Concat`".to_owned(),
            });
        }
        Ok(match self.merge_mode {
            MergeMode::Concat => Tensor::concat(&[&a, &b], -1),
            MergeMode::Sum => a + b,
            MergeMode::Mul => a * b,
            MergeMode::Ave => (a + b) * 0.5,
        }
        .check()?)
    }
}

impl<G: Gates, W: CellWeights> Layer for Bidirectional<G, W> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.joined(|layer, label| pass.call(label, layer, x))
    }

    fn draws_together(&self) -> bool {
        self.forward.draws_together() && self.backward.draws_together()
    }
}

impl<G: Gates, W: CellWeights> Module for Bidirectional<G, W> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("forward", &self.forward);
        properties.add("backward", &self.backward);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<G: Gates, W: CellWeights> Describe for Bidirectional<G, W> {
    fn class() -> String {
        let (gates, weights) = (<G as Describe>::class(), <W as Describe>::class());
        format!("tfn.layers.Bidirectional<{gates}, {weights}>")
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("forward", &self.forward)?
            .field("backward", &self.backward)?
            .field("merge_mode", &self.merge_mode)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let both = Self::of(reader.field("forward")?, reader.field("backward")?)?;
        let name: String = reader.field("name")?;
        Ok(both.merge_mode(reader.field("merge_mode")?).named(&name)?)
    }
}

/// By its name in Keras.
impl Field for MergeMode {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        let name = Self::ALL.iter().find(|(mode, _)| mode == self).map_or("", |(_, name)| name);
        name.to_owned().write(saver)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        let given = String::read(data, loader)?;
        let known = Self::ALL.iter().find(|(_, name)| *name == given).map(|(mode, _)| *mode);
        let wrong = || LayerError::Argument {
            layer: "Bidirectional".to_owned(),
            argument: "merge_mode",
            given,
            expected: "concat, sum, mul or ave".to_owned(),
        };
        Ok(known.ok_or_else(wrong)?)
    }
}

impl<G: Gates, W: CellWeights> DeepCopy for Bidirectional<G, W> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            forward: self.forward.deep_copy_with(copies),
            backward: self.backward.deep_copy_with(copies),
            merge_mode: self.merge_mode,
        }
    }
}

impl<G: Gates, W> fmt::Debug for Bidirectional<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Bidirectional: name={}, forward={:?}>", self.name, self.forward)
    }
}
