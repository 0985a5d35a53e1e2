//! A distribution as the bodies of its given methods see it.

use std::sync::Arc;

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::{Distribution, JointModel, numbers};
use crate::error::Result;
use crate::parameter::ParameterSpec;

/// A distribution whatever its type. A given method cannot make a `&dyn Distribution` of
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
    fn quantile(&self, p: &Tensor) -> Result<Tensor>;
    fn validate_args(&self) -> bool;
    fn check_values(&self) -> Result<()>;
    fn joint(&self) -> Option<&JointModel>;
    fn parts(&self) -> Option<&[Arc<dyn Distribution>]>;
    fn with_numbers_as(&self, dtype: DType) -> Option<Arc<dyn Distribution>>;
    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)>;
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
        quantile(p: &Tensor) -> Result<Tensor>;
        validate_args() -> bool;
        check_values() -> Result<()>;
        joint() -> Option<&JointModel>;
        parts() -> Option<&[Arc<dyn Distribution>]>;
        elementwise_normal() -> Option<(Tensor, Tensor)>;
    }

    fn with_numbers_as(&self, dtype: DType) -> Option<Arc<dyn Distribution>> {
        numbers::with_numbers_as(dtype, |copies| (**self).copy_shared(copies))
    }
}
