#![doc = include_str!("../README.md")]

mod affine;
mod affine_local;
mod affine_reparameterization;
mod arguments;
mod calls;
mod error;
mod lambda;
mod layer;
pub mod losses;
mod model;
mod sequential;
pub mod testing;
mod variational;
mod weights;

pub use affine::{Affine, AffineBuilder};
pub use affine_local::AffineVariationalReparameterizationLocal;
pub use affine_reparameterization::AffineVariationalReparameterization;
pub use arguments::{Activation, Builder, FromArguments, VariationalArguments};
pub use calls::Calls;
pub use error::{LayerError, Result};
pub use lambda::Lambda;
pub use layer::{IntoLayer, Layer, Prepared};
pub use model::{Head, Model};
pub use sequential::Sequential;
pub use variational::VariationalLayer;
pub use weights::{Divergence, PosteriorValue, Weights};

pub use tfn_distributions as distributions;
pub use tfn_module as module;
pub use tfn_tensor as tensor;
pub use tfn_util as util;
