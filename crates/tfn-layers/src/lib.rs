#![doc = include_str!("../README.md")]

mod activation;
pub mod activations;
mod arguments;
mod builder;
mod containers;
mod contract;
pub mod describe;
mod divergence;
mod dropout;
mod embedding;
mod error;
mod estimator;
mod kernel_bias;
mod lambda;
pub mod likelihoods;
mod linear;
pub mod losses;
mod norm;
mod pool;
mod recurrent;
mod shape;
pub mod testing;
mod variational;
mod variational_dropout;

pub use activation::Activation;
pub use arguments::VariationalArguments;
pub use builder::Builder;
pub use containers::{Model, MomentMatching, Parallel, Residual, Sequential};
pub use contract::{
    Calls, Conversion, ConversionRecord, Conversions, Converted, IntoLayer, Layer, Likelihood,
    Marginal, Moments, Moped, Pass, Prepared, VariationalLayer, Weights, align_targets,
};
pub use divergence::{Divergence, PosteriorValue};
pub use dropout::{
    BinaryNoise, Dropout, DropoutBuilder, DropoutLayer, GaussianDropout, GaussianNoise,
    MultiplicativeNoise,
};
pub use embedding::{
    Embedding, EmbeddingVariationalFlipout, EmbeddingVariationalReparameterization,
    EmbeddingVariationalReparameterizationLocal,
};
pub use error::{LayerError, Result};
pub use estimator::{
    Estimated, Estimator, Flipout, Local, Mean, PerExample, Reparameterization, estimators,
    set_estimator,
};
pub use kernel_bias::{
    Affine, Convolution, ConvolutionTranspose, ConvolutionV2, KernelBiasBuilder, KernelBiasLayer,
};
pub use lambda::Lambda;
pub use linear::{
    Conv, ConvArguments, ConvMap, ConvTranspose, ConvV2, Dense, Embed, IntoMap, LinearMap, Scaling,
};
pub use norm::{
    BatchNormalization, BatchStatistics, ExampleStatistics, GroupNormalization, GroupStatistics,
    LayerNormalization, NormalizationBuilder, NormalizationLayer, Statistics,
};
pub use pool::{
    Average, AveragePooling, GlobalAveragePooling, GlobalMaxPooling, GlobalPooling, Max,
    MaxPooling, PoolKind, Pooling, PoolingBuilder,
};
pub use recurrent::{
    Activations, Bidirectional, Cell, CellSteps, CellWeights, GRU, GRUCell, GRUGates,
    GRUVariationalFlipout, GRUVariationalReparameterization, GRUVariationalReparameterizationLocal,
    Gates, LSTM, LSTMCell, LSTMGates, LSTMVariationalFlipout, LSTMVariationalReparameterization,
    LSTMVariationalReparameterizationLocal, MergeMode, Recurrent, RecurrentArguments, WeightSteps,
};
pub use shape::{Flatten, Permute, Reshape, UpSampling, ZeroPadding};
pub use variational::{
    AffineVariationalFlipout, AffineVariationalReparameterization,
    AffineVariationalReparameterizationLocal, ConvolutionTransposeVariationalFlipout,
    ConvolutionTransposeVariationalReparameterization,
    ConvolutionTransposeVariationalReparameterizationLocal, ConvolutionVariationalFlipout,
    ConvolutionVariationalFlipoutV2, ConvolutionVariationalReparameterization,
    ConvolutionVariationalReparameterizationLocal, ConvolutionVariationalReparameterizationV2,
    Variational,
};
pub use variational_dropout::{DropoutRates, DropoutScale, ScaleFree, VariationalDropout};

pub use tfn_distributions as distributions;
pub use tfn_module as module;
pub use tfn_tensor as tensor;
pub use tfn_util as util;
