//! No noise: the weights at the posterior's mean.

use tfn_tensor::Tensor;

use super::{Estimator, applied, applied_shared};
use crate::contract::{Pass, Weights};
use crate::error::Result;
use crate::linear::LinearMap;

/// The weights are the posterior's mean: one deterministic pass, for evaluation.
///
/// It is not an estimator of the mean prediction, which is an average over draws of a function that is not linear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mean;

tfn_module::describe_fields!(Mean as "tfn.estimators.Mean" {});

impl Estimator for Mean {
    fn name(&self) -> &'static str {
        "Mean"
    }

    fn class(&self) -> &'static str {
        "VariationalMean"
    }

    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        _pass: &Pass,
    ) -> Result<Tensor> {
        let posteriors = weights.posteriors();
        let bias = posteriors.bias.map(|bias| bias.mean()).transpose()?;
        applied(map, x, &posteriors.kernel.mean()?, bias.as_ref())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn shared_by_steps(&self, weights: &Weights, _pass: &Pass) -> Result<Vec<Tensor>> {
        let posteriors = weights.posteriors();
        let parts = std::iter::once(posteriors.kernel).chain(posteriors.bias);
        Ok(parts.map(|part| part.mean()).collect::<Result<_, _>>()?)
    }

    fn output_at_step(
        &self,
        map: &dyn LinearMap,
        _weights: &Weights,
        x: &Tensor,
        _pass: &Pass,
        (_, shared): (usize, &[Tensor]),
    ) -> Result<Tensor> {
        applied_shared(map, x, shared)
    }

    fn output_at_all_steps(
        &self,
        map: &dyn LinearMap,
        _weights: &Weights,
        x: &Tensor,
        _pass: &Pass,
        shared: &[Tensor],
    ) -> Result<Tensor> {
        applied_shared(map, x, shared)
    }
}
