//! How a bijector changes a log-density.

use tfn_tensor::{DType, Tensor};

use super::TransformedDistribution;
use crate::axes::sum_last;
use crate::error::Result;
use crate::masking::{constant, only_where};

impl TransformedDistribution {
    /// How the bijector changes the log-density of events of `event_ndims` axes at `y`, whose inverse is `x`.
    pub(super) fn change(&self, x: &Tensor, y: &Tensor, event_ndims: usize) -> Result<Tensor> {
        let bijector = &self.bijector;
        let by_entry = bijector.forward_min_event_ndims() + bijector.inverse_min_event_ndims() == 0;
        if y.is_tracked() && by_entry && !bijector.is_affine() {
            let size = y.abs();
            let tiny = size.lt(&constant(least(y.dtype()?), y)) * size.gt(&constant(0.0, y));
            if tiny.sum().item()? != 0.0 {
                return Ok(sum_last(&self.change_by_either(x, y, &tiny)?, event_ndims));
            }
        }
        Ok(bijector.inverse_log_det_jacobian_over(y, event_ndims))
    }

    /// The same entry by entry: as a function of `x` where `y` is so `tiny` that slopes in it may overflow, for what they are
    /// slopes of would cancel.
    fn change_by_either(&self, x: &Tensor, y: &Tensor, tiny: &Tensor) -> Result<Tensor> {
        let moderate = self.moderate()?;
        let outcome = self.bijector.forward(&moderate).detach();
        let by_x = -self.bijector.forward_log_det_jacobian(&Tensor::select(tiny, x, &moderate));
        let by_y = self.bijector.inverse_log_det_jacobian(&Tensor::select(tiny, &outcome, y));
        Ok(Tensor::select(tiny, &by_x, &by_y))
    }
}

/// The log-density and the change of it by a bijector: nothing where either is, as where an inverse overflows, whatever the
/// other.
pub(super) fn with_change(density: &Tensor, change: &Tensor) -> Result<Tensor> {
    if change.all_finite()? {
        return Ok(density + change);
    }
    let nothing = constant(f64::NEG_INFINITY, density);
    let (of_density, of_change) = (density.eq(&nothing), change.eq(&nothing));
    let some = 1.0 - of_density.maximum(&of_change);
    let zero = constant(0.0, density);
    let [density, change] = [density, change].map(|part| Tensor::select(&some, part, &zero));
    Ok(only_where(&some, &(density + change)))
}

/// Below this a reciprocal may overflow, or a few times it.
fn least(dtype: DType) -> f64 {
    1e6 * if dtype == DType::F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE }
}
