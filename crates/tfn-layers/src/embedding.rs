//! Embeddings: layers over the map [`Embed`], from ids to rows of a table.

use tfn_tensor::{DType, Tensor};
use tfn_util::Initializer;

use crate::builder::Builder;
use crate::error::Result;
use crate::estimator::{Estimator, Flipout, Local, Reparameterization};
use crate::kernel_bias::{KernelBiasBuilder, KernelBiasLayer};
use crate::linear::Embed;
use crate::variational::Variational;

/// A table with a row for each id, without uncertainty.
///
/// Counterpart: `keras.layers.Embedding`, with its names and its first values, uniform between −0.05 and 0.05; there is no bias unless
/// [`use_bias`](KernelBiasBuilder::use_bias) asks for one. The gradient of the table is known by its rows, so a step of
/// `Sgd` costs what the ids of a batch do, however long the table is.
///
/// # Shapes
/// Input `[.., length]`, ids; output `[.., length, output_dim]`; kernel `[input_dim, output_dim]`.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Tensor`](crate::LayerError::Tensor) for what is no id: not a whole number
/// from 0 to `input_dim - 1`; or not of the layer's type.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Embedding, Layer};
///
/// let words = Embedding::builder(1000, 16).seed(1).build()?;
/// let ids = Tensor::from_vec(vec![7.0_f32, 0.0, 999.0, 7.0, 3.0, 1.0], &[2, 3]);
/// assert_eq!(words.call(&ids)?.shape()?, [2, 3, 16]);
/// assert!(words.call(&(ids + 0.5)).is_err());
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type Embedding = KernelBiasLayer<Embed>;

/// A table with a posterior over its rows, of which the rows that are looked up are drawn.
///
/// ```text
/// y = activation(M[id] + S[id]∘ε),  ε ~ N(0, 1)
/// ```
///
/// A step draws as many rows as there are ids, not the whole table. Each lookup is drawn by itself: an id that comes twice, in two
/// examples or in one, has noise of its own each time, where under [`EmbeddingVariationalReparameterization`] both are one draw of the
/// row. Mean and variance of each entry are exact; what is left out is the covariance between lookups of one id in one example, which
/// [`EmbeddingVariationalFlipout`] and [`PerExample`](crate::PerExample) keep.
///
/// A row whose id was seen rarely stays near the prior, and what is made of it is uncertain. The loss is scaled as
/// [`AffineVariationalReparameterizationLocal`](crate::AffineVariationalReparameterizationLocal)'s documentation says. There is no
/// bias unless [`use_bias`](Builder::use_bias) asks for one.
///
/// # Shapes
/// Input `[.., batch, length]`, ids; output `[.., batch, length, output_dim]`.
///
/// # Errors
/// As for [`Embedding`] and [`Variational`].
///
/// # Examples
/// A column of categories: one id a row, and what it becomes as a row.
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{EmbeddingVariationalReparameterizationLocal as Bayesian, Flatten, Layer, Sequential};
///
/// let shops = Sequential::of(Bayesian::builder(300, 4).seed(1).build()?).then(Flatten::new(2));
/// let ids = Tensor::from_vec(vec![12.0_f32, 299.0, 12.0], &[3, 1]);
/// assert_eq!(shops.call(&ids)?.shape()?, [3, 4]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type EmbeddingVariationalReparameterizationLocal = Variational<Embed, Local>;

/// A table with a posterior over its rows, drawn once a call and shared by the batch. It takes any posterior, and draws the whole
/// table however few ids there are: see [`EmbeddingVariationalReparameterizationLocal`].
///
/// # Examples
/// ```
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{EmbeddingVariationalReparameterization as Bayesian, Layer};
///
/// let y = Bayesian::builder(5, 2).seed(1).build()?.call(&Tensor::from_vec(vec![3.0_f32, 3.0], &[2, 1]))?;
/// assert_eq!(y.narrow(0, 0, 1).to_vec::<f32>()?, y.narrow(0, 1, 1).to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type EmbeddingVariationalReparameterization = Variational<Embed, Reparameterization>;

/// A table with a posterior over its rows, of which one perturbation is drawn a call, whose columns' signs each example flips.
///
/// ```text
/// y = activation(M[id] + (S∘ε)[id]∘s),   s signs for each example
/// ```
///
/// Signs of the input, which Flipout has for other maps, would make other ids; those of the output are enough: rows of one example
/// are one draw of the posterior, and those of different examples are uncorrelated. It draws the whole table, however few ids
/// there are.
///
/// # References
/// Wen, Vicol, Ba, Tran & Grosse 2018, [arXiv 1803.04386](https://arxiv.org/abs/1803.04386), equation 4.
pub type EmbeddingVariationalFlipout = Variational<Embed, Flipout>;

impl Embedding {
    /// The layer with all defaults.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero.
    pub fn new(input_dim: usize, output_dim: usize) -> Result<Self> {
        Self::builder(input_dim, output_dim).build()
    }

    /// A builder that sets the other arguments. Building fails with [`LayerError::Argument`](crate::LayerError::Argument) for
    /// more ids than numbers of the layer's type tell apart, 2²⁴ for [`DType::F32`].
    pub fn builder(input_dim: usize, output_dim: usize) -> KernelBiasBuilder<Embed> {
        KernelBiasBuilder::of(Embed::new(input_dim, output_dim))
            .kernel_initializer(uniform())
            .use_bias(false)
    }
}

impl<E: Estimator + Default> Variational<Embed, E> {
    /// The layer with all defaults.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero.
    pub fn new(input_dim: usize, output_dim: usize) -> Result<Self> {
        Self::builder(input_dim, output_dim).build()
    }

    /// A builder that sets the other arguments. Building fails with [`LayerError::Argument`](crate::LayerError::Argument) for
    /// more ids than numbers of the layer's type tell apart, 2²⁴ for [`DType::F32`].
    pub fn builder(input_dim: usize, output_dim: usize) -> Builder<Embed, E> {
        Builder::of(Embed::new(input_dim, output_dim)).kernel_initializer(uniform()).use_bias(false)
    }
}

/// First values of a table: Keras', which do not shrink with the number of ids as those by fans do.
fn uniform() -> Initializer {
    Initializer::new("uniform", |shape, _, dtype, key| {
        let uniform: Tensor = key.stream().uniform_open(shape, DType::F64);
        Ok((uniform * 0.1 - 0.05).cast(dtype))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
