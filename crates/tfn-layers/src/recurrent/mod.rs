//! Layers over sequences: cells that compute one step, and the layers that take them over all steps.

mod bidirectional;
mod builder;
mod cell;
mod gates;
mod layers;
mod mask;
mod sequence;
mod weights;

pub use bidirectional::{Bidirectional, MergeMode};
pub use builder::RecurrentArguments;
pub use cell::{Cell, CellSteps};
pub use gates::{Activations, GRUGates, Gates, LSTMGates};
pub use layers::{
    GRU, GRUCell, GRUVariationalFlipout, GRUVariationalReparameterization,
    GRUVariationalReparameterizationLocal, LSTM, LSTMCell, LSTMVariationalFlipout,
    LSTMVariationalReparameterization, LSTMVariationalReparameterizationLocal,
};
pub(crate) use sequence::Options;
pub use sequence::Recurrent;
pub use weights::{CellWeights, WeightSteps};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
