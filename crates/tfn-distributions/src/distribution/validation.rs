//! Checks of parameters and of values.

use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::family::Family;
use crate::error::{DistributionError, Result};
use crate::parameter::{Parameter, ParameterSpec};

/// The type of the first parameter.
pub(crate) fn dtype(distribution: &dyn Family) -> Result<DType> {
    match distribution.parameters().first() {
        Some(spec) => spec.parameter.dtype(),
        None => {
            Err(DistributionError::Unsupported { family: distribution.family(), method: "dtype" })
        }
    }
}

/// What can be said of a distribution when it is made.
pub(crate) fn construction(distribution: &dyn Family) -> Result<()> {
    let family = distribution.family();
    let expected = distribution.dtype()?;
    for spec in distribution.parameters() {
        let (given, shape) = (spec.parameter.dtype()?, spec.parameter.shape()?);
        if given != expected {
            return Err(DistributionError::DType { family, argument: spec.name, given, expected });
        }
        if shape.len() < spec.event_ndims {
            return Err(DistributionError::Shape {
                family,
                argument: spec.name,
                given: shape,
                expected: format!("at least {} axes", spec.event_ndims),
            });
        }
        if shape[shape.len() - spec.event_ndims..].contains(&0) {
            return Err(DistributionError::Shape {
                family,
                argument: spec.name,
                given: shape,
                expected: "at least one entry along the axes of an event".into(),
            });
        }
        if spec.parameter.is_fixed() {
            value(family, spec)?;
        }
    }
    distribution.batch_shape()?;
    distribution.event_shape()?;
    Ok(())
}

/// Checks the present values of all parameters.
pub(crate) fn all_values(distribution: &dyn Family) -> Result<()> {
    distribution.parameters().into_iter().try_for_each(|spec| value(distribution.family(), spec))
}

fn value(family: &'static str, spec: ParameterSpec<'_>) -> Result<()> {
    match spec.constraint.violation(&spec.parameter.value())? {
        None => Ok(()),
        Some(given) => Err(DistributionError::Argument {
            family,
            argument: spec.name,
            given,
            expected: spec.constraint.expected().into(),
        }),
    }
}

/// Checks that `low` lies below `high`.
pub(crate) fn order(family: &'static str, low: &Parameter, high: &Parameter) -> Result<()> {
    let lengths = (high.value() - low.value()).to_f64_vec()?;
    match lengths.iter().position(|&length| length.is_nan() || length <= 0.0) {
        None => Ok(()),
        Some(index) => Err(DistributionError::Argument {
            family,
            argument: "high",
            given: format!("{} above `low` at entry {index}", lengths[index]),
            expected: "numbers above `low`".into(),
        }),
    }
}

/// Checks that `value` can be a value of `distribution`; the shape that it and `batch + event` broadcast to.
pub(crate) fn value_shape(distribution: &dyn Family, value: &Tensor) -> Result<Vec<usize>> {
    let (given, expected) = (value.dtype()?, distribution.dtype()?);
    let family = distribution.family();
    if given != expected {
        return Err(DistributionError::DType { family, argument: "value", given, expected });
    }
    let (batch, event) = (distribution.batch_shape()?, distribution.event_shape()?);
    let own = [&batch[..], &event].concat();
    let shape = value.shape()?;
    broadcast_shapes(shape, &own).filter(|_| shape.ends_with(&event)).ok_or_else(|| {
        DistributionError::Shape {
            family,
            argument: "value",
            given: shape.to_vec(),
            expected: format!("batches that broadcast with {batch:?} of events {event:?}"),
        }
    })
}

/// Checks that `value` holds no NaN.
pub(crate) fn no_nan(family: &'static str, value: &Tensor) -> Result<()> {
    let entries = value.to_f64_vec()?;
    match entries.iter().position(|entry| entry.is_nan()) {
        None => Ok(()),
        Some(index) => Err(DistributionError::Argument {
            family,
            argument: "value",
            given: format!("NaN at entry {index}"),
            expected: "numbers".into(),
        }),
    }
}

/// Checks that a family's sampler gave what was asked for.
pub(crate) fn sample_shape(
    family: &'static str,
    sample: &Tensor,
    expected: &[usize],
) -> Result<()> {
    if sample.shape()? == expected {
        return Ok(());
    }
    Err(DistributionError::Shape {
        family,
        argument: "sample_of",
        given: sample.shape()?.to_vec(),
        expected: format!("{expected:?}"),
    })
}

/// Checks that there is one value for each part.
pub(crate) fn parts(distribution: &dyn Family, values: &[Tensor]) -> Result<()> {
    let (given, expected) = (values.len(), distribution.parts().map_or(1, <[_]>::len));
    if given == expected {
        return Ok(());
    }
    Err(DistributionError::Parts {
        family: distribution.family(),
        argument: "values",
        given,
        expected,
    })
}
