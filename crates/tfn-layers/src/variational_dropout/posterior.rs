//! Posteriors of variational dropout, and the arguments by which a layer has them.

use std::sync::Arc;

use tfn_distributions::{Independent, Normal, Parameter};
use tfn_module::Variable;
use tfn_tensor::Tensor;
use tfn_util::{KernelBiasSpec, UtilError, WeightSpec};

use super::divergence::kl_divergence_variational_dropout;
use super::prior::ScaleFree;
use super::scale::DropoutScale;
use crate::builder::Builder;
use crate::estimator::Estimator;
use crate::linear::IntoMap;

/// Which weights share the variance `α` of their noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropoutRates {
    /// All of a kernel, and all of a bias.
    Shared,
    /// None: each has its own.
    Each,
}

impl<S: IntoMap, E: Estimator + Default> Builder<S, E> {
    /// Variational dropout with noise on the weights, `w = loc · ξ` with `ξ` from `N(1, α)` (type A): the posterior, the prior and the divergence.
    /// `alpha`, between 0 and 1, is the value of `α` from which it is learned; `p/(1 − p)` is that of
    /// [`GaussianDropout`](crate::GaussianDropout) at the rate `p`.
    ///
    /// Under [`Local`](crate::Local) the pre-activations are drawn, by `N(x·loc, α x²·loc²)`. The prior `p(w) ∝ 1/|w|`
    /// ([`ScaleFree`](crate::ScaleFree)) is the one under which the divergence
    /// ([`kl_divergence_variational_dropout`](crate::losses::kl_divergence_variational_dropout)) does not depend on `loc`.
    /// Building fails with [`UtilError::Value`] for another `alpha`. Not among TFP's arguments.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::tensor::{DType, Tensor};
    /// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, DropoutRates, Layer};
    ///
    /// let layer = Bayesian::builder(20, 10).variational_dropout(0.25, DropoutRates::Each).seed(1).build()?;
    /// layer.call(&Tensor::ones(&[4, 20], DType::F32))?;
    /// assert!(layer.losses()?.gradients()?.len() == 2);
    /// # Ok::<(), tfn_layers::LayerError>(())
    /// ```
    ///
    /// # References
    /// D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization trick*, NIPS 2015, arXiv 1506.02557, section 3.1.
    pub fn variational_dropout(self, alpha: f64, rates: DropoutRates) -> Self {
        self.make_posterior_fn(move |spec| {
            spec.joint("posterior_", |weight| {
                let loc = weight.variable("loc", weight.initial()?)?;
                noisy(weight, Some(loc), alpha, rates)
            })
        })
        .with_scale_free_prior()
    }

    /// Variational dropout of noise alone: kernel and bias are `N(1, α)`.
    pub(super) fn multiplicative_noise(self, alpha: f64, rates: DropoutRates) -> Self {
        self.make_posterior_fn(move |spec| {
            spec.joint("posterior_", |weight| noisy(weight, None, alpha, rates))
        })
        .with_scale_free_prior()
    }

    fn with_scale_free_prior(self) -> Self {
        let prior =
            |spec: &KernelBiasSpec| spec.joint("prior_", |weight| Ok(ScaleFree::new(weight.dtype)));
        self.make_prior_fn(prior).divergence(kl_divergence_variational_dropout)
    }
}

/// The posterior of one weight: normal, of deviation `√α |loc|`.
fn noisy(
    weight: &WeightSpec<'_>,
    loc: Option<Variable>,
    alpha: f64,
    rates: DropoutRates,
) -> Result<Independent, UtilError> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(UtilError::Value {
            function: "variational_dropout",
            argument: "alpha",
            given: alpha,
            expected: "a number above 0 and below 1",
        });
    }
    let shape = match rates {
        DropoutRates::Shared => &[],
        DropoutRates::Each => weight.shape,
    };
    let logit = alpha.ln() - (-alpha).ln_1p();
    let logit_alpha = weight.variable("logit_alpha", Tensor::full(shape, logit, weight.dtype))?;
    let scale = DropoutScale { loc: loc.clone(), logit_alpha, shape: weight.shape.to_vec() };
    let loc = loc.map_or_else(|| Parameter::from(weight.full(1.0)), Parameter::from);
    let normal = Normal::new(loc, Parameter::from_source(Arc::new(scale)))?;
    Ok(Independent::new(normal, weight.event_ndims())?)
}
