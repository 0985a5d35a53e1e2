//! Numbers of several modes.

use std::sync::Arc;

use tfn_distributions::{self as distributions, Distribution, MixtureSameFamily};
use tfn_module::Module;
use tfn_tensor::Tensor;

use super::shared_out;
use crate::contract::{Likelihood, Pass};
use crate::error::{LayerError, Result};

/// A mixture density network: each target is a mixture of normals whose weights, `loc`s and scales the net gives.
///
/// # Shapes
/// Outputs `[n, 3·components·targets]`: logits of the components, then their `loc`s, then their scales before a
/// softplus, each for all targets. Targets `[n, targets]`, or `[n]` for a single one.
///
/// # References
/// Bishop, *Mixture density networks*, Aston University 1994, equations 22 to 28 (with a softplus for the exponential).
///
/// # Examples
/// ```
/// use tfn_layers::Likelihood;
/// use tfn_layers::likelihoods::MixtureDensity;
///
/// assert_eq!(MixtureDensity::new(5)?.outputs(1), 15);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct MixtureDensity {
    #[module(skip)]
    components: usize,
    #[module(skip)]
    min_scale: f64,
}

tfn_module::describe_fields!(MixtureDensity as "tfn.likelihoods.MixtureDensity" { components, min_scale } |made| {
    match made.components {
        1..=MOST_COMPONENTS => Ok(made),
        _ => Err("a number of components that no net has outputs for"),
    }
});

/// From a file, so that three times as many outputs for each target can be counted.
const MOST_COMPONENTS: usize = 1 << 30;

impl MixtureDensity {
    /// With so many components, and `1e-3` as the smallest scale, for targets of about unit scale.
    ///
    /// # Errors
    /// [`LayerError::Size`] if there are none.
    pub fn new(components: usize) -> Result<Self> {
        if components == 0 {
            let (layer, argument) = ("MixtureDensity".into(), "components");
            return Err(LayerError::Size { layer, argument, given: 0 });
        }
        Ok(Self { components, min_scale: 1e-3 })
    }

    /// Sets the smallest scale.
    #[must_use]
    pub fn min_scale(self, min_scale: f64) -> Self {
        Self { min_scale, ..self }
    }
}

impl Likelihood for MixtureDensity {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        // `[.., targets, 3·components]`
        let shared = shared_out(output, 3 * self.components)?;
        let parts = |kind: usize| shared.narrow(-1, kind * self.components, self.components);
        let components =
            distributions::Normal::new(parts(1), parts(2).softplus() + self.min_scale)?;
        let weights = distributions::Categorical::from_logits(parts(0))?;
        Ok(MixtureSameFamily::new(weights, components)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn outputs(&self, targets: usize) -> usize {
        3 * self.components * targets
    }
}
