//! Distributions of bare numbers in the type of what they meet.

use std::sync::Arc;

use tfn_module::Copies;
use tfn_tensor::DType;

use super::Distribution;
use crate::parameter::NumbersAs;

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
