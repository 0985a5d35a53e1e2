#![doc = include_str!("../README.md")]

mod activation;
mod affine;
mod arguments;
mod builder;
mod containers;
mod contract;
pub mod describe;
mod divergence;
mod error;
mod estimator;
mod lambda;
pub mod likelihoods;
mod linear;
pub mod losses;
pub mod testing;
mod variational;

pub use activation::Activation;
pub use affine::{Affine, AffineBuilder};
pub use arguments::VariationalArguments;
pub use builder::Builder;
pub use containers::{Model, MomentMatching, Sequential};
pub use contract::{
    Calls, IntoLayer, Layer, Likelihood, Marginal, Moments, Pass, Prepared, VariationalLayer,
    Weights, align_targets,
};
pub use divergence::{Divergence, PosteriorValue};
pub use error::{LayerError, Result};
pub use estimator::{
    Estimated, Estimator, Flipout, Local, Mean, PerExample, Reparameterization, estimators,
    set_estimator,
};
pub use lambda::Lambda;
pub use linear::{Dense, LinearMap};
pub use variational::{
    AffineVariationalFlipout, AffineVariationalReparameterization,
    AffineVariationalReparameterizationLocal, Variational,
};

pub use tfn_distributions as distributions;
pub use tfn_module as module;
pub use tfn_tensor as tensor;
pub use tfn_util as util;
