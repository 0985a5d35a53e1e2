//! A draw of the weights for each example.

use tfn_tensor::Tensor;

use super::{Estimator, over_rows};
use crate::contract::{Pass, Weights};
use crate::error::Result;
use crate::linear::LinearMap;

/// The weights are drawn anew for each example: slow, exact for any posterior, and the reference that the other
/// estimators are tested against.
///
/// Example `i` of a batch, counted over all axes before its own, draws at `index(i)` below the key of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerExample;

tfn_module::describe_fields!(PerExample as "tfn.estimators.PerExample" {});

impl Estimator for PerExample {
    fn name(&self) -> &'static str {
        "PerExample"
    }

    fn class(&self) -> &'static str {
        "VariationalPerExample"
    }

    fn output(
        &self,
        map: &dyn LinearMap,
        weights: &Weights,
        x: &Tensor,
        pass: &Pass,
    ) -> Result<Tensor> {
        let (key, parts) = (pass.weights_key(weights)?.child("examples"), weights.parts());
        let example = |x: &Tensor, row: usize| -> Result<Tensor> {
            let value = weights.value_at(&key.index(row as u64))?;
            let y = map.apply(&x.narrow(0, row, 1), &value[parts.kernel]);
            Ok(parts.bias.map_or_else(|| y.clone(), |bias| &y + &value[bias]).check()?)
        };
        let [y] = over_rows(map, x, |x| {
            let rows = x.shape()?[0];
            if rows == 0 {
                // The map says what shape there is nothing of.
                return Ok([map.apply(x, &Tensor::zeros(&map.kernel_shape(), weights.dtype()))]);
            }
            let drawn = (0..rows).map(|row| example(x, row)).collect::<Result<Vec<_>>>()?;
            Ok([Tensor::concat(&drawn.iter().collect::<Vec<_>>(), 0)])
        })?;
        Ok(y.check()?)
    }
}
