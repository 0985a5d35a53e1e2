//! Counts.

use std::sync::Arc;

use tfn_distributions::bijectors::Softplus;
use tfn_distributions::{self as distributions, Distribution, Parameter, TransformedVariable};
use tfn_module::Module;
use tfn_tensor::Tensor;

use crate::contract::{Likelihood, Pass, check_each};
use crate::error::Result;

/// Counts whose mean is the exponential of the net's output, and whose variance is their mean.
///
/// # Shapes
/// Outputs and targets `[n, targets]`, or targets `[n]` for a single one.
#[derive(Clone, Debug, Default, Module)]
#[module(crate = tfn_module)]
pub struct Poisson;

tfn_module::describe_fields!(Poisson as "tfn.likelihoods.Poisson" {});

impl Poisson {
    /// The likelihood.
    pub fn new() -> Self {
        Self
    }
}

impl Likelihood for Poisson {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        Ok(distributions::Poisson::from_log_rate(output)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        check_counts(targets)
    }
}

/// Counts whose mean is the exponential of the net's output, and whose variance is above their mean:
/// `mean + mean² / total_count`.
///
/// # Shapes
/// As of [`Poisson`].
#[derive(Clone, Debug, Module)]
#[module(crate = tfn_module)]
pub struct NegativeBinomial {
    total_count: Parameter,
}

tfn_module::describe_fields!(NegativeBinomial as "tfn.likelihoods.NegativeBinomial" { total_count });

impl NegativeBinomial {
    /// With a learned `total_count`, which starts at 1.
    ///
    /// # Errors
    /// None.
    pub fn new() -> Result<Self> {
        let start = Tensor::scalar(1.0);
        Ok(Self {
            total_count: TransformedVariable::new(&start, Softplus::new(), "total_count")?.into(),
        })
    }

    /// With this `total_count`: a number for all targets, or one for each.
    pub fn with_total_count(total_count: impl Into<Parameter>) -> Self {
        Self { total_count: total_count.into() }
    }
}

impl Likelihood for NegativeBinomial {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        let total_count = self.total_count.value().cast(output.dtype()?);
        // The mean is total_count · exp(logits).
        let logits = output - total_count.ln();
        Ok(distributions::NegativeBinomial::from_logits(total_count, logits)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        check_counts(targets)
    }
}

fn check_counts(targets: &Tensor) -> Result<()> {
    let is_count = |target: f64| target >= 0.0 && target.fract() == 0.0;
    check_each(targets, "a whole number of at least 0", is_count)
}
