//! Likelihoods: the usual ways in which a net's output becomes a distribution over targets.
//!
//! | targets | likelihood | outputs of the net for each target |
//! |---|---|---|
//! | real numbers, one noise for all inputs | [`Normal`], [`Laplace`], [`StudentT`] | `loc` |
//! | real numbers, noise that depends on the input | [`HeteroscedasticNormal`] | `loc`, and the scale before a softplus |
//! | real numbers of several modes | [`MixtureDensity`] | for each component its logit, `loc` and scale |
//! | positive numbers | [`LogNormal`] | `loc` of the logarithm |
//! | counts | [`Poisson`], [`NegativeBinomial`] | logarithm of the mean |
//! | labels `0 … k − 1` | [`Categorical`] | `k` logits |
//! | rows of `k`: a single 1, or shares that sum to 1 | [`OneHotCategorical`] | `k` logits |
//! | zeros and ones, several a row | [`Bernoulli`] | a logit |
//! | any | [`from_fn`], a [`Likelihood`](crate::Likelihood) of one's own | what it takes |
//!
//! Several targets stand side by side, `[n, targets]`, and are independent given the net's output. A scale that does not
//! depend on the input is a [`Noise`]: learned with the net, with or without a posterior of its own, or fixed. Targets
//! in other units than those the net is trained in are seen through [`Affine`].
//!
//! # Examples
//! ```
//! use tfn_layers::tensor::{DType, Tensor};
//! use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
//!
//! let net = Sequential::of(Bayesian::builder(3, 50).activation_fn(Tensor::relu).build()?).then(Bayesian::new(50, 1)?);
//! let model = net.with_likelihood(likelihoods::Normal::new()?);
//! let (x, y) = (Tensor::ones(&[8, 3], DType::F32), Tensor::zeros(&[8], DType::F32));
//! let nll = -model.log_prob(model.call(&x)?.as_ref(), &y)?.mean();
//! // Kernels and biases, loc and scale of each, and the noise.
//! assert_eq!(nll.gradients()?.len(), 9);
//! # use tfn_layers::module::Module;
//! # Ok::<(), tfn_layers::LayerError>(())
//! ```

mod affine;
mod classes;
mod counts;
mod function;
mod heteroscedastic;
mod location_scale;
mod mixture_density;
mod noise;

pub use affine::Affine;
pub use classes::{Bernoulli, Categorical, OneHotCategorical};
pub use counts::{NegativeBinomial, Poisson};
pub use function::{FromFn, from_fn};
pub(crate) use function::{Head, of_output};
pub use heteroscedastic::HeteroscedasticNormal;
pub use location_scale::{Laplace, LogNormal, Normal, StudentT};
pub use mixture_density::MixtureDensity;
pub use noise::Noise;

use tfn_tensor::Tensor;

use crate::error::{LayerError, Result};

/// The outputs of `each` target side by side along a new last axis: `[.., targets · each]` as `[.., targets, each]`.
///
/// # Errors
/// [`LayerError::Input`] if the outputs cannot be shared out.
fn shared_out(output: &Tensor, each: usize) -> Result<Tensor> {
    let given = output.shape()?;
    match given.split_last() {
        Some((&outputs, outer)) if outputs % each == 0 && outputs > 0 => {
            // Output number `i` of all targets stands together: `[.., each, targets]`.
            Ok(output.reshape(&[outer, &[each, outputs / each]].concat()).transpose().check()?)
        }
        _ => Err(LayerError::Input {
            given: given.to_vec(),
            expected: format!("[.., outputs] with {each} outputs for each target"),
        }),
    }
}

/// Output number `index` of each target of what [`shared_out`] gave.
fn part(shared: &Tensor, index: usize) -> Tensor {
    shared.narrow(-1, index, 1).squeeze(-1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
