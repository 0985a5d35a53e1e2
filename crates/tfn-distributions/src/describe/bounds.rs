//! How large what a file describes may become.

use tfn_module::describe::{AnyError, Reader, Result};
use tfn_tensor::broadcast_shapes;

use crate::bijectors::{Bijector, Chain, Invert, Power, Scale, Shift};
use crate::distribution::Distribution;
use crate::error::DistributionError;
use crate::parameter::Parameter;

/// So many entries can still be counted, and are more than any tensor has.
const MOST: usize = 1 << 40;
/// A description may make tensors of so many entries, however small the file is.
const FEW: usize = 1 << 20;

/// Number of entries of `shape`, if it is at most `most`; a size of 0 does not make the others small.
fn count(shape: &[usize], most: usize) -> Option<usize> {
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size.max(1)))?;
    (count <= most).then_some(count)
}

fn too_large(
    family: &'static str,
    argument: &'static str,
    given: &[usize],
    most: usize,
) -> AnyError {
    let expected = format!("at most {most} entries");
    DistributionError::Shape { family, argument, given: given.to_vec(), expected }.into()
}

/// A shape from a file, of which the entries can be counted.
pub(super) fn shape(reader: &mut Reader<'_, '_>, argument: &'static str) -> Result<Vec<usize>> {
    let shape: Vec<usize> = reader.field(argument)?;
    match count(&shape, MOST) {
        Some(_) => Ok(shape),
        None => Err(too_large("shape", argument, &shape, MOST)),
    }
}

/// A distribution from a file, of which the entries can be counted.
pub(super) fn bounded<D: Distribution>(distribution: D) -> Result<D> {
    let all = whole_shape(&distribution)?;
    match count(&all, MOST) {
        Some(_) => Ok(distribution),
        None => Err(too_large(distribution.family(), "parameters", &all, MOST)),
    }
}

fn whole_shape(distribution: &dyn Distribution) -> Result<Vec<usize>, DistributionError> {
    match distribution.joint() {
        Some(_) => Ok(Vec::new()),
        None => Ok([distribution.batch_shape()?, distribution.event_shape()?].concat()),
    }
}

/// Checks that a distribution from a file may be seen through a bijector, which is tried out on a tensor of its shape.
pub(super) fn check_seen_through(
    reader: &Reader<'_, '_>,
    distribution: &dyn Distribution,
    bijector: &dyn Bijector,
) -> Result<()> {
    let ndims = bijector.forward_min_event_ndims();
    if ndims > MOST.ilog2() as usize {
        return Err(too_large("bijector", "event_ndims", &[ndims], MOST));
    }
    let shape = whole_shape(distribution)?;
    let most = reader.file_size().max(FEW);
    if count(&shape, most).is_none() {
        return Err(too_large(distribution.family(), "distribution", &shape, most));
    }
    check_growth(reader, bijector, &shape)
}

/// Checks that what `bijector` makes of a tensor of `shape` is not out of all proportion to the file.
///
/// # Errors
/// [`DistributionError::Shape`], as when a column is broadcast with a row.
pub(super) fn check_growth(
    reader: &Reader<'_, '_>,
    bijector: &dyn Bijector,
    shape: &[usize],
) -> Result<()> {
    let most = reader.file_size().max(FEW);
    let mut through = shape.to_vec();
    widen(bijector, &mut through);
    match count(&through, most) {
        Some(_) => Ok(()),
        None => Err(too_large("bijector", "parameters", &through, most)),
    }
}

/// Broadcasts `shape` with the parameters of all bijectors in this one that act entry by entry.
fn widen(bijector: &dyn Bijector, shape: &mut Vec<usize>) {
    let parameter: Option<&Parameter> = if let Some(chain) = bijector.downcast_ref::<Chain>() {
        return chain.bijectors().iter().for_each(|part| widen(part.as_ref(), shape));
    } else if let Some(invert) = bijector.downcast_ref::<Invert>() {
        return widen(invert.bijector().as_ref(), shape);
    } else if let Some(scale) = bijector.downcast_ref::<Scale>() {
        Some(scale.scale())
    } else if let Some(shift) = bijector.downcast_ref::<Shift>() {
        Some(shift.shift())
    } else {
        bijector.downcast_ref::<Power>().map(Power::power)
    };
    let wider = parameter.and_then(|parameter| broadcast_shapes(shape, &parameter.shape().ok()?));
    if let Some(wider) = wider {
        *shape = wider;
    }
}
