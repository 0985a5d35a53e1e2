//! Shapes of batches and events, as the parameters say.

use tfn_tensor::{Tensor, broadcast_shapes};

use super::family::Family;
use crate::axes::sum_last;
use crate::error::{DistributionError, Result};

/// The shape that the parameters' batch axes broadcast to.
pub(crate) fn batch_of(distribution: &dyn Family) -> Result<Vec<usize>> {
    broadcast_parameters(distribution, |shape, event_ndims| {
        &shape[..shape.len().saturating_sub(event_ndims)]
    })
}

/// The shape that the parameters' event axes broadcast to.
pub(crate) fn event_of(distribution: &dyn Family) -> Result<Vec<usize>> {
    broadcast_parameters(distribution, |shape, event_ndims| {
        &shape[shape.len().saturating_sub(event_ndims)..]
    })
}

fn broadcast_parameters(
    distribution: &dyn Family,
    part: fn(&[usize], usize) -> &[usize],
) -> Result<Vec<usize>> {
    let mut whole = Vec::new();
    for spec in distribution.parameters() {
        let shape = spec.parameter.shape()?;
        let own = part(&shape, spec.event_ndims);
        whole = broadcast_shapes(&whole, own).ok_or_else(|| DistributionError::Shapes {
            family: distribution.family(),
            argument: spec.name,
            lhs: whole.clone(),
            rhs: own.to_vec(),
        })?;
    }
    Ok(whole)
}

/// `terms` of a log-density in the shape that events of `full` have without their axes: summed over
/// these, if they are still there.
pub(crate) fn sum_event(
    distribution: &dyn Family,
    terms: Tensor,
    full: &[usize],
) -> Result<Tensor> {
    let event_ndims = distribution.event_shape()?.len();
    let outer = &full[..full.len() - event_ndims];
    if event_ndims == 0 || terms.ndims()? <= outer.len() {
        return Ok(terms.broadcast_to(outer).check()?);
    }
    Ok(sum_last(&terms.broadcast_to(full), event_ndims).check()?)
}
