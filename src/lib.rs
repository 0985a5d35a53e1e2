#![doc = include_str!("../README.md")]

mod error;

pub use error::{Error, Result};

pub use tfn_distributions as distributions;
pub use tfn_distributions::bijectors;
pub use tfn_layers as layers;
pub use tfn_layers::{
    Affine, AffineVariationalFlipout, AffineVariationalReparameterization,
    AffineVariationalReparameterizationLocal, Builder, Convolution, ConvolutionTranspose,
    ConvolutionTransposeVariationalFlipout, ConvolutionTransposeVariationalReparameterization,
    ConvolutionTransposeVariationalReparameterizationLocal, ConvolutionV2,
    ConvolutionVariationalFlipout, ConvolutionVariationalFlipoutV2,
    ConvolutionVariationalReparameterization, ConvolutionVariationalReparameterizationLocal,
    ConvolutionVariationalReparameterizationV2, Estimator, Lambda, Layer, LayerError, Likelihood,
    LinearMap, Model, MomentMatching, Moments, Pass, PosteriorValue, Sequential, Variational,
    VariationalLayer, Weights, set_estimator,
};
pub use tfn_layers::{
    AveragePooling, BatchNormalization, Bidirectional, Dropout, Embedding,
    EmbeddingVariationalReparameterizationLocal, Flatten, GRU, GlobalAveragePooling,
    GroupNormalization, LSTM, LayerNormalization, MaxPooling, Moped, Parallel, Reshape, Residual,
};
pub use tfn_layers::{activations, likelihoods, losses};
pub use tfn_module as module;
pub use tfn_module::{
    Module, NameScope, deep_copy, freeze, load, load_npz, save, save_npz, unfreeze,
};
pub use tfn_tensor as tensor;
pub use tfn_tensor::{DType, Gradients, Key, Stream, Tensor, Variable};
pub use tfn_train as train;
pub use tfn_train::describe::registry;
pub use tfn_train::{load_model, save_model};
pub use tfn_util as util;
pub use tfn_util::{KernelBiasSpec, Padding, initializers};

#[cfg(feature = "testing")]
pub mod testing {
    //! The laws that operations, families and layers are tested by, for one's own.

    pub use tfn_distributions::testing as distributions;
    pub use tfn_layers::testing as layers;
    pub use tfn_tensor::testing as tensor;
}
