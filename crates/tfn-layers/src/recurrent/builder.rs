//! The arguments of recurrent layers.

use std::marker::PhantomData;

use tfn_module::layer_name;
use tfn_tensor::{Key, Tensor};
use tfn_util::{Initializer, initializers};

use super::bidirectional::{Bidirectional, MergeMode};
use super::cell::Cell;
use super::gates::{Activations, Gates, LSTMGates};
use super::sequence::{Options, Recurrent};
use super::weights::CellWeights;
use crate::activation::Activation;
use crate::arguments::VariationalArguments;
use crate::builder::Builder;
use crate::error::{LayerError, Result};
use crate::estimator::Estimator;
use crate::kernel_bias::{Affine, KernelBiasBuilder};
use crate::linear::Dense;
use crate::variational::Variational;

/// The arguments that recurrent layers have beside those of all layers of weights, with Keras' defaults.
///
/// | argument | default |
/// |---|---|
/// | `activation` (also `activation_fn`) | [`Tensor::tanh`] |
/// | `recurrent_activation` | [`Tensor::sigmoid`] |
/// | `recurrent_initializer` | [`orthogonal`](initializers::orthogonal) |
/// | `unit_forget_bias` (of an LSTM) | `true` |
/// | `return_sequences`, `go_backwards`, `zero_output_for_mask` | `false` |
/// | `mask_value` | none |
/// | `merge_mode` (of [`build_bidirectional`](Builder::build_bidirectional)) | [`MergeMode::Concat`] |
#[derive(Clone, Debug)]
pub struct RecurrentArguments<G> {
    input_size: usize,
    units: usize,
    recurrent_activation: Activation,
    recurrent_initializer: Initializer,
    unit_forget_bias: bool,
    options: Options,
    merge_mode: MergeMode,
    gates: PhantomData<fn() -> G>,
}

impl<G: Gates> RecurrentArguments<G> {
    fn new(input_size: usize, units: usize) -> Self {
        Self {
            input_size,
            units,
            recurrent_activation: Activation::new(Tensor::sigmoid),
            recurrent_initializer: initializers::orthogonal(),
            unit_forget_bias: true,
            options: Options::default(),
            merge_mode: MergeMode::Concat,
            gates: PhantomData,
        }
    }

    /// The maps of input and last output.
    fn maps(&self) -> Result<[Dense; 2]> {
        for (argument, given) in [("input_size", self.input_size), ("units", self.units)] {
            if given == 0 {
                return Err(LayerError::Size { layer: G::CLASS.to_owned(), argument, given });
            }
        }
        let outputs = self.units.saturating_mul(G::BLOCKS);
        Ok([Dense::new(self.input_size, outputs)?, Dense::new(self.units, outputs)?])
    }

    fn cell<W: CellWeights>(
        &self,
        [input, recurrent]: [W; 2],
        activation: Option<Activation>,
    ) -> Result<Cell<G, W>> {
        let activation = activation.unwrap_or_else(|| Activation::new(Tensor::tanh));
        let recurrent_activation = self.recurrent_activation.clone();
        Cell {
            name: "cell".to_owned(),
            gates: G::default(),
            input,
            recurrent,
            activations: Activations { activation, recurrent_activation },
        }
        .checked()
    }
}

/// The seed of a cell's two maps, by the layer's.
fn seed_of_maps(seed: Option<u64>, name: &str) -> Result<u64> {
    let seed = match seed {
        Some(seed) => seed,
        None => tfn_tensor::random::seed_from_entropy()?,
    };
    Ok(Key::from_seed(seed).child(name).stream().next_u64())
}

/// What else a builder of recurrent layers knows, by which it makes cells with weights `W`.
trait MapArguments<G, W> {
    fn name_or_class(&self) -> String;

    fn cell(&self, own: &RecurrentArguments<G>, name: &str) -> Result<Cell<G, W>>;
}

impl<G: Gates, E: Estimator + Default> MapArguments<G, Variational<Dense, E>>
    for VariationalArguments
where
    Variational<Dense, E>: CellWeights,
{
    fn name_or_class(&self) -> String {
        let class = || format!("{}{}", G::CLASS, E::default().class());
        self.name.clone().unwrap_or_else(class)
    }

    fn cell(
        &self,
        own: &RecurrentArguments<G>,
        name: &str,
    ) -> Result<Cell<G, Variational<Dense, E>>> {
        let [input, recurrent] = own.maps()?;
        let mut of_input = self.clone();
        of_input.seed = Some(seed_of_maps(self.seed, name)?);
        of_input.activation_fn = None;
        of_input.scope = self.scope.child(&layer_name(name)?);
        let mut of_state = of_input.clone();
        of_input.name = Some("input".to_owned());
        of_input.bias_initializer =
            G::bias_initializer(&self.bias_initializer, own.unit_forget_bias);
        of_state.name = Some("recurrent".to_owned());
        of_state.kernel_initializer = own.recurrent_initializer.clone();
        of_state.use_bias = self.use_bias && G::RECURRENT_BIAS;
        let maps = [
            Variational::from_arguments(input, &of_input)?,
            Variational::from_arguments(recurrent, &of_state)?,
        ];
        own.cell(maps, self.activation_fn.clone())
    }
}

impl<G: Gates> MapArguments<G, Affine> for KernelBiasBuilder<()> {
    fn name_or_class(&self) -> String {
        self.name.clone().unwrap_or_else(|| G::CLASS.to_owned())
    }

    fn cell(&self, own: &RecurrentArguments<G>, name: &str) -> Result<Cell<G, Affine>> {
        let ([input, recurrent], seed) = (own.maps()?, seed_of_maps(self.seed, name)?);
        let mut of_input = self.over_map(input, "input", seed);
        let mut of_state = self.over_map(recurrent, "recurrent", seed);
        of_input.spec.bias_initializer =
            G::bias_initializer(&self.spec.bias_initializer, own.unit_forget_bias);
        let spec = &mut of_state.spec;
        spec.kernel_initializer = own.recurrent_initializer.clone();
        spec.use_bias = spec.use_bias && G::RECURRENT_BIAS;
        spec.kernel_name = Some("recurrent_kernel".to_owned());
        spec.bias_name = Some("recurrent_bias".to_owned());
        own.cell([of_input.build()?, of_state.build()?], self.activation.clone())
    }
}

/// The layer called `name`; or that which reads from the other end.
fn sequence<G: Gates, W: CellWeights>(
    own: &RecurrentArguments<G>,
    arguments: &impl MapArguments<G, W>,
    name: &str,
    turned: bool,
) -> Result<Recurrent<G, W>> {
    let mut options = own.options;
    options.go_backwards ^= turned;
    Recurrent::of(arguments.cell(own, name)?, name, options)
}

/// What both builders of recurrent layers have, with the weights that each makes.
macro_rules! recurrent_builder {
    ([$($generics:tt)*] $Builder:ident<$($parameters:ty),*>, $Weights:ty, [$($bounds:tt)*]) => {
        impl<$($generics)*> Recurrent<G, $Weights> where $($bounds)* {
            /// The layer with all defaults, for inputs of `input_size` features.
            ///
            /// # Errors
            /// [`LayerError::Size`] for a size of zero.
            pub fn new(input_size: usize, units: usize) -> Result<Self> {
                Self::builder(input_size, units).build()
            }

            /// A builder that sets the other arguments.
            pub fn builder(input_size: usize, units: usize) -> $Builder<$($parameters),*> {
                $Builder::of(Ok(RecurrentArguments::new(input_size, units)))
            }
        }

        impl<$($generics)*> Cell<G, $Weights> where $($bounds)* {
            /// The cell with all defaults, for inputs of `input_size` features.
            ///
            /// # Errors
            /// [`LayerError::Size`] for a size of zero.
            pub fn new(input_size: usize, units: usize) -> Result<Self> {
                Self::builder(input_size, units).build_cell()
            }

            /// A builder that sets the other arguments; its `build_cell` makes the cell.
            pub fn builder(input_size: usize, units: usize) -> $Builder<$($parameters),*> {
                $Builder::of(Ok(RecurrentArguments::new(input_size, units)))
            }
        }

        impl<$($generics)*> $Builder<$($parameters),*> where $($bounds)* {
            /// Function of what is written to the state, entry by entry; [`Tensor::tanh`] by default.
            pub fn activation(
                self,
                activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
            ) -> Self {
                self.activation_fn(activation)
            }

            /// Function of the gates, entry by entry; [`Tensor::sigmoid`] by default.
            pub fn recurrent_activation(
                self,
                activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
            ) -> Self {
                self.with(|own| own.recurrent_activation = Activation::new(activation))
            }

            /// Fills the kernel of the last output; [`orthogonal`](initializers::orthogonal) by default.
            pub fn recurrent_initializer(self, initializer: Initializer) -> Self {
                self.with(|own| own.recurrent_initializer = initializer)
            }

            /// Whether the outputs of all steps are returned, or that of the last one; `false` by default.
            pub fn return_sequences(self, return_sequences: bool) -> Self {
                self.with(|own| own.options.return_sequences = return_sequences)
            }

            /// Whether sequences are read from the end; `false` by default. The outputs of all steps are in the order of reading.
            pub fn go_backwards(self, go_backwards: bool) -> Self {
                self.with(|own| own.options.go_backwards = go_backwards)
            }

            /// Steps all of whose features are this number are not read; none by default. As Keras' layer `Masking` before the layer.
            pub fn mask_value(self, mask_value: f64) -> Self {
                self.with(|own| own.options.mask_value = Some(mask_value))
            }

            /// Whether the outputs of steps that are not read are zeros, or those before; `false` by default. It makes a difference where the outputs
            /// of all steps are returned.
            pub fn zero_output_for_mask(self, zero_output_for_mask: bool) -> Self {
                self.with(|own| own.options.zero_output_for_mask = zero_output_for_mask)
            }

            /// How [`build_bidirectional`](Self::build_bidirectional) joins both ways' outputs; [`MergeMode::Concat`] by default.
            pub fn merge_mode(self, merge_mode: MergeMode) -> Self {
                self.with(|own| own.merge_mode = merge_mode)
            }

            /// The layer.
            ///
            /// # Errors
            /// [`LayerError::Size`] for a size of zero, [`LayerError::Module`] for a name that cannot be made valid, and what the
            /// builder's other arguments lack.
            pub fn build(self) -> Result<Recurrent<G, $Weights>> {
                let (own, arguments) = self.split()?;
                sequence(&own, &arguments, &name_of::<G, $Weights>(&arguments), false)
            }

            /// The cell alone.
            ///
            /// # Errors
            /// As of `build`.
            pub fn build_cell(self) -> Result<Cell<G, $Weights>> {
                let (own, arguments) = self.split()?;
                let name = name_of::<G, $Weights>(&arguments);
                Ok(Cell { name: layer_name(&name)?, ..arguments.cell(&own, &name)? })
            }

            /// Two layers, one of which reads sequences from the other end.
            ///
            /// # Errors
            /// As of `build`.
            pub fn build_bidirectional(self) -> Result<Bidirectional<G, $Weights>> {
                let (own, arguments) = self.split()?;
                let name = name_of::<G, $Weights>(&arguments);
                let [forward, backward] = [("forward", false), ("backward", true)]
                    .map(|(way, turned)| sequence(&own, &arguments, &format!("{way}_{name}"), turned));
                let both = Bidirectional::of(forward?, backward?)?;
                Ok(both.merge_mode(own.merge_mode))
            }
        }
    };
}

fn name_of<G, W>(arguments: &impl MapArguments<G, W>) -> String {
    arguments.name_or_class()
}

recurrent_builder!([G: Gates] KernelBiasBuilder<RecurrentArguments<G>>, Affine, []);
recurrent_builder!(
    [G: Gates, E: Estimator + Default] Builder<RecurrentArguments<G>, E>,
    Variational<Dense, E>,
    [Variational<Dense, E>: CellWeights]
);

impl KernelBiasBuilder<RecurrentArguments<LSTMGates>> {
    /// Whether the bias of the forget gate begins with ones; `true` by default.
    pub fn unit_forget_bias(self, unit_forget_bias: bool) -> Self {
        self.with(|own| own.unit_forget_bias = unit_forget_bias)
    }
}

impl<E: Estimator + Default> Builder<RecurrentArguments<LSTMGates>, E> {
    /// Whether the location of the forget gate's bias begins with ones; `true` by default.
    pub fn unit_forget_bias(self, unit_forget_bias: bool) -> Self {
        self.with(|own| own.unit_forget_bias = unit_forget_bias)
    }
}
