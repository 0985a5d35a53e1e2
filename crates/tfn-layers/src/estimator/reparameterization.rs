//! One draw of the weights for the whole batch.

use tfn_tensor::Tensor;

use super::{Estimator, applied, applied_shared};
use crate::contract::{Pass, Weights};
use crate::error::Result;
use crate::linear::LinearMap;

/// The weights are drawn once, and the whole batch shares the draw. It takes any posterior. All steps of a sequence have the same draw.
///
/// # References
/// Kingma & Welling 2014, [arXiv 1312.6114](https://arxiv.org/abs/1312.6114), section 2.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reparameterization;

tfn_module::describe_fields!(Reparameterization as "tfn.estimators.Reparameterization" {});

impl Estimator for Reparameterization {
    fn name(&self) -> &'static str {
        "Reparameterization"
    }

    fn class(&self) -> &'static str {
        "VariationalReparameterization"
    }

    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
    ) -> Result<Tensor> {
        let value = weights.value_at(&pass.weights_key(weights)?)?;
        let parts = weights.parts();
        applied(map, x, &value[parts.kernel], parts.bias.map(|bias| &value[bias]))
    }

    fn shared_by_steps(&self, weights: &Weights, pass: &Pass) -> Result<Vec<Tensor>> {
        let value = weights.value_at(&pass.weights_key(weights)?)?;
        let parts = weights.parts();
        let parts = std::iter::once(parts.kernel).chain(parts.bias);
        Ok(parts.map(|part| value[part].clone()).collect())
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
