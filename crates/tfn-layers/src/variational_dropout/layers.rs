//! Variational dropout of what passes through.

use super::posterior::DropoutRates;
use crate::builder::Builder;
use crate::error::Result;
use crate::estimator::Local;
use crate::linear::Scaling;
use crate::variational::Variational;

/// Multiplies each feature by noise from `N(1, α)` whose variance is learned: variational dropout with noise that all weights of an input
/// share (type B).
///
/// Each entry of each example has noise of its own, as under [`GaussianDropout`](crate::GaussianDropout), in training and in prediction; under the estimator
/// [`Mean`](crate::Mean) there is none. The factors are weights as those of any variational layer, with a posterior, the prior
/// [`ScaleFree`](crate::ScaleFree), a divergence that [`losses`](crate::Layer::losses) adds
/// ([`kl_divergence_variational_dropout`](crate::losses::kl_divergence_variational_dropout)), and moments. For noise on each weight (type A) see
/// [`Builder::variational_dropout`](crate::Builder::variational_dropout).
///
/// # Shapes
/// Input and output `[.., batch, input_size]`.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`](crate::LayerError::Input) for another size.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Affine, DropoutRates, Layer, Sequential, VariationalDropout};
///
/// let dropout = VariationalDropout::new(20, 0.25, DropoutRates::Shared)?;
/// let net = Sequential::of(dropout).then(Affine::new(20, 10)?);
/// assert_eq!(net.call(&Tensor::ones(&[4, 20], DType::F32))?.shape()?, [4, 10]);
/// // One number is learned beside kernel and bias, by way of the divergence too.
/// assert_eq!(net.losses()?.gradients()?.len(), 1);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization trick*, NIPS 2015, arXiv 1506.02557, sections 3.2 and 4.
pub type VariationalDropout = Variational<Scaling, Local>;

impl VariationalDropout {
    /// The layer for `input_size` features, whose `α` is learned from the value `alpha`, between 0 and 1; `p/(1 − p)` is that of
    /// [`GaussianDropout`](crate::GaussianDropout) at the rate `p`.
    ///
    /// # Errors
    /// As [`Builder::build`]; [`UtilError::Value`](tfn_util::UtilError::Value) for another `alpha`.
    pub fn new(input_size: usize, alpha: f64, rates: DropoutRates) -> Result<Self> {
        Self::builder(input_size, alpha, rates).build()
    }

    /// A builder that sets the other arguments.
    pub fn builder(input_size: usize, alpha: f64, rates: DropoutRates) -> Builder<Scaling, Local> {
        let builder = Builder::of(Scaling::new(input_size)).name("VariationalDropout");
        builder.use_bias(false).multiplicative_noise(alpha, rates)
    }
}
