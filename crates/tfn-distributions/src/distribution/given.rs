//! The bodies of the methods that [`Distribution`](super::Distribution) gives: each is compiled once, not anew for each family.
//!
//! They are not inlined, which would undo this.

use tfn_tensor::Tensor;
use tfn_tensor::random::{Key, Stream};

use super::family::Family;
use super::shapes;
use super::validation;
use crate::error::{DistributionError, Result};
use crate::gaussian::LinearNormal;
use crate::masking::ln_probability;

#[inline(never)]
pub(crate) fn log_prob(of: &dyn Family, value: &Tensor) -> Result<Tensor> {
    let full = match (validation::value_shape(of, value), value.dtype()) {
        (Ok(full), _) => full,
        (Err(error @ DistributionError::DType { .. }), Ok(dtype)) => {
            return of.with_numbers_as(dtype).ok_or(error)?.log_prob(value);
        }
        (Err(error), _) => return Err(error),
    };
    if of.validate_args() {
        of.check_values()?;
        validation::no_nan(of.family(), value)?;
    }
    shapes::sum_event(of, of.log_prob_of(value)?, &full)
}

#[inline(never)]
pub(crate) fn prob(of: &dyn Family, value: &Tensor) -> Result<Tensor> {
    Ok(of.log_prob(value)?.exp())
}

#[inline(never)]
pub(crate) fn sample(
    of: &dyn Family,
    sample_shape: &[usize],
    stream: &mut Stream,
) -> Result<Tensor> {
    if of.validate_args() {
        of.check_values()?;
    }
    let shape = [sample_shape, &of.batch_shape()?, &of.event_shape()?].concat();
    let sample = of.sample_of(&shape, stream)?;
    validation::sample_shape(of.family(), &sample, &shape)?;
    Ok(sample)
}

#[inline(never)]
pub(crate) fn stddev(of: &dyn Family) -> Result<Tensor> {
    Ok(of.variance()?.sqrt())
}

#[inline(never)]
pub(crate) fn log_cdf(of: &dyn Family, value: &Tensor) -> Result<Tensor> {
    Ok(ln_probability(&of.cdf(value)?, &of.survival_function(value)?))
}

#[inline(never)]
pub(crate) fn survival_function(of: &dyn Family, value: &Tensor) -> Result<Tensor> {
    // Rounding may lift a cdf above 1; the logarithm of a probability must not be NaN for that.
    Ok((1.0 - of.cdf(value)?).relu())
}

#[inline(never)]
pub(crate) fn log_survival_function(of: &dyn Family, value: &Tensor) -> Result<Tensor> {
    Ok(ln_probability(&of.survival_function(value)?, &of.cdf(value)?))
}

#[inline(never)]
pub(crate) fn inverse_survival_function(of: &dyn Family, p: &Tensor) -> Result<Tensor> {
    of.quantile(&(1.0 - p))
}

#[inline(never)]
pub(crate) fn spread(of: &dyn Family, tensor: &Tensor) -> Result<Tensor> {
    let shape = [of.batch_shape()?, of.event_shape()?].concat();
    Ok(tensor.broadcast_to(&shape).check()?)
}

#[inline(never)]
pub(crate) fn elementwise_log_prob(of: &dyn Family, x: &Tensor) -> Option<Result<Tensor>> {
    match of.event_shape() {
        Ok(event) if event.is_empty() => Some(of.log_prob(x)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

#[inline(never)]
pub(crate) fn linear_normal(of: &dyn Family) -> Option<Result<LinearNormal>> {
    let (loc, scale) = of.elementwise_normal()?;
    match of.event_shape() {
        Ok(event) if event.len() == 1 => Some(LinearNormal::diag(&loc, &scale)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

#[inline(never)]
pub(crate) fn sample_parts(
    of: &dyn Family,
    sample_shape: &[usize],
    key: &Key,
) -> Result<Vec<Tensor>> {
    if let Some(joint) = of.joint() {
        return joint.sample(sample_shape, key);
    }
    match of.parts() {
        None => Ok(vec![of.sample(sample_shape, &mut key.stream())?]),
        Some(parts) => parts
            .iter()
            .enumerate()
            .map(|(i, part)| part.sample(sample_shape, &mut key.index(i as u64).stream()))
            .collect(),
    }
}

#[inline(never)]
pub(crate) fn log_prob_parts(of: &dyn Family, values: &[Tensor]) -> Result<Tensor> {
    if let Some(joint) = of.joint() {
        return joint.log_prob(values);
    }
    validation::parts(of, values)?;
    let Some(parts) = of.parts() else {
        return of.log_prob(&values[0]);
    };
    let mut sum = Tensor::zeros(&of.batch_shape()?, of.dtype()?);
    for (part, value) in parts.iter().zip(values) {
        sum = sum + part.log_prob(value)?;
    }
    Ok(sum.check()?)
}
