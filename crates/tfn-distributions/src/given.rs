//! The bodies of the methods that [`Distribution`] gives: each is compiled once, not anew for each family.
//!
//! They are not inlined, which would undo this.

use std::sync::Arc;

use tfn_module::Copies;
use tfn_tensor::random::{Key, Stream};
use tfn_tensor::{DType, Tensor};

use crate::masking::ln_probability;
use crate::parameter::NumbersAs;
use crate::{
    Distribution, DistributionError, JointModel, ParameterSpec, Result, shapes, validation,
};

/// A distribution as these bodies see it, whatever its type. A given method cannot make a `&dyn Distribution` of
/// `self`, which need not be sized, but this of `&self`.
pub(crate) trait Family {
    fn family(&self) -> &'static str;
    fn parameters(&self) -> Vec<ParameterSpec<'_>>;
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor>;
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor>;
    fn dtype(&self) -> Result<DType>;
    fn batch_shape(&self) -> Result<Vec<usize>>;
    fn event_shape(&self) -> Result<Vec<usize>>;
    fn log_prob(&self, value: &Tensor) -> Result<Tensor>;
    fn sample(&self, sample_shape: &[usize], stream: &mut Stream) -> Result<Tensor>;
    fn variance(&self) -> Result<Tensor>;
    fn cdf(&self, value: &Tensor) -> Result<Tensor>;
    fn survival_function(&self, value: &Tensor) -> Result<Tensor>;
    fn validate_args(&self) -> bool;
    fn check_values(&self) -> Result<()>;
    fn joint(&self) -> Option<&JointModel>;
    fn parts(&self) -> Option<&[Arc<dyn Distribution>]>;
    fn with_numbers_as(&self, dtype: DType) -> Option<Arc<dyn Distribution>>;
}

/// Each method as the distribution behind the reference has it.
macro_rules! as_behind {
    ($($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => { $(
        fn $method(&self, $($argument: $type),*) -> $result {
            (**self).$method($($argument),*)
        }
    )* };
}

impl<D: Distribution + ?Sized> Family for &D {
    as_behind! {
        family() -> &'static str;
        parameters() -> Vec<ParameterSpec<'_>>;
        log_prob_of(x: &Tensor) -> Result<Tensor>;
        sample_of(shape: &[usize], stream: &mut Stream) -> Result<Tensor>;
        dtype() -> Result<DType>;
        batch_shape() -> Result<Vec<usize>>;
        event_shape() -> Result<Vec<usize>>;
        log_prob(value: &Tensor) -> Result<Tensor>;
        sample(sample_shape: &[usize], stream: &mut Stream) -> Result<Tensor>;
        variance() -> Result<Tensor>;
        cdf(value: &Tensor) -> Result<Tensor>;
        survival_function(value: &Tensor) -> Result<Tensor>;
        validate_args() -> bool;
        check_values() -> Result<()>;
        joint() -> Option<&JointModel>;
        parts() -> Option<&[Arc<dyn Distribution>]>;
    }

    fn with_numbers_as(&self, dtype: DType) -> Option<Arc<dyn Distribution>> {
        with_numbers_as(dtype, |copies| (**self).copy_shared(copies))
    }
}

/// The copy in which bare numbers are of `dtype`, if nothing in it is of another type.
pub(crate) fn with_numbers_as(
    dtype: DType,
    copy: impl FnOnce(&mut Copies) -> Option<Arc<dyn Distribution>>,
) -> Option<Arc<dyn Distribution>> {
    let mut copies = Copies::changing(NumbersAs { dtype, met_others: false });
    let copy = copy(&mut copies)?;
    let met_others = copies.change::<NumbersAs>().is_none_or(|numbers| numbers.met_others);
    (!met_others && copy.dtype().ok() == Some(dtype)).then_some(copy)
}

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
