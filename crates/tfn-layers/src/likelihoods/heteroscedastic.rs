//! Numbers with noise that the net knows.

use std::sync::Arc;

use tfn_distributions::{self as distributions, Distribution};
use tfn_module::Module;
use tfn_tensor::Tensor;

use super::{part, shared_out};
use crate::contract::{Likelihood, Pass};
use crate::error::Result;

/// Normal targets of which the net gives both `loc` and scale: `y ~ N(loc(x), scale(x)²)`.
///
/// Counterpart: `tfp.layers.IndependentNormal`, whose outputs are in this order too: first `loc` of all targets, then
/// their scales before a softplus. To each scale a smallest one is added, so that the density stays bounded.
///
/// # Shapes
/// Outputs `[n, 2·targets]`, targets `[n, targets]`, or `[n]` for a single one.
///
/// # References
/// Nix and Weigend, *Estimating the mean and variance of the target probability distribution*, ICNN 1994.
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct HeteroscedasticNormal {
    #[module(skip)]
    min_scale: f64,
}

tfn_module::describe_fields!(HeteroscedasticNormal as "tfn.likelihoods.HeteroscedasticNormal" { min_scale });

impl HeteroscedasticNormal {
    /// With `1e-3` as the smallest scale, for targets of about unit scale.
    pub fn new() -> Self {
        Self { min_scale: 1e-3 }
    }

    /// Sets the smallest scale.
    #[must_use]
    pub fn min_scale(self, min_scale: f64) -> Self {
        Self { min_scale }
    }
}

impl Default for HeteroscedasticNormal {
    fn default() -> Self {
        Self::new()
    }
}

impl Likelihood for HeteroscedasticNormal {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        let shared = shared_out(output, 2)?;
        let scale = part(&shared, 1).softplus() + self.min_scale;
        Ok(distributions::Normal::new(part(&shared, 0), scale)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn outputs(&self, targets: usize) -> usize {
        2 * targets
    }
}
