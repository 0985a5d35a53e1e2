//! Which rows are asked for slopes: those whose numbers have reciprocals and squares, all the way through a chain.

use std::sync::Arc;

use tfn_distributions::bijectors::{Bijector, Chain};
use tfn_distributions::tensor::{DType, Tensor};
use tfn_distributions::{Distribution, TransformedDistribution};

use crate::families::Family;

/// Beside the largest numbers products overflow on the way, and beside the smallest reciprocals.
pub(crate) fn bound(dtype: DType) -> f64 {
    if dtype == DType::F32 { 1e35 } else { 1e298 }
}

/// Values that have a reciprocal, zeros and infinities.
pub(crate) fn is_plain(x: f64, bound: f64) -> bool {
    x == 0.0 || x.is_infinite() || (bound.recip()..bound).contains(&x.abs())
}

/// Parameters that have a square, and a reciprocal of it.
pub(crate) fn has_square(parameter: f64, bound: f64) -> bool {
    parameter == 0.0 || (bound.sqrt().recip()..bound.sqrt()).contains(&parameter.abs())
}

/// A number that no bijector has rounded to an end of its range.
fn is_inner(x: f64, bound: f64) -> bool {
    ![0.0, 1.0].contains(&x) && has_square(x, bound)
}

type Base = (Arc<dyn Distribution>, Arc<dyn Bijector>);

/// What a distribution of the table is made of, if by a chain.
fn base(family: &Family<'_>, made: &dyn Distribution) -> Option<Base> {
    let made = made.downcast_ref::<TransformedDistribution>().filter(|_| family.is_chain)?;
    Some((made.distribution().clone(), made.bijector().clone()))
}

fn parts(bijector: &dyn Bijector) -> &[Arc<dyn Bijector>] {
    bijector.downcast_ref::<Chain>().unwrap().bijectors()
}

/// The rows that pass back through all bijectors of a chain without a number that was rounded to an end; those outside the
/// range of a single one too.
pub(crate) fn back(
    family: &Family<'_>,
    made: &dyn Distribution,
    outcomes: &Tensor,
    count: usize,
) -> Vec<bool> {
    let mut passes = vec![true; count];
    let Some((_, bijector)) = base(family, made) else { return passes };
    let (ends, bound) = (outcomes.to_f64_vec().unwrap(), bound(outcomes.dtype().unwrap()));
    let (mut y, bijectors) = (outcomes.clone(), parts(bijector.as_ref()));
    for bijector in bijectors {
        y = bijector.inverse(&y).detach();
        for ((passes, y), end) in passes.iter_mut().zip(y.to_f64_vec().unwrap()).zip(&ends) {
            let is_outside = y.is_nan() && bijectors.len() == 1;
            *passes &= is_inner(y, bound) || end.is_infinite() || is_outside;
        }
    }
    passes
}

/// The rows in which all that `starts` takes of the distribution before a chain passes through it in this way.
pub(crate) fn forth(
    family: &Family<'_>,
    made: &dyn Distribution,
    count: usize,
    starts: &dyn Fn(&dyn Distribution) -> Vec<Tensor>,
) -> Vec<bool> {
    let mut passes = vec![true; count];
    let Some((base, bijector)) = base(family, made) else { return passes };
    for mut x in starts(base.as_ref()) {
        let bound = bound(x.dtype().unwrap());
        for bijector in parts(bijector.as_ref()).iter().rev() {
            let numbers = x.to_f64_vec().unwrap();
            passes.iter_mut().zip(numbers).for_each(|(passes, x)| *passes &= is_inner(x, bound));
            x = bijector.forward(&x).detach();
        }
    }
    passes
}
