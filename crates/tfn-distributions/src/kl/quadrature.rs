//! Divergences of elementwise normals from whatever has an elementwise log-density.

use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::dispatch::check_events;
use super::gauss::hermite_rule;
use super::interpolant::by_table;
use super::unwrapped::{Held, unwrapped};
use crate::axes::sum_last;
use crate::distribution::Distribution;
use crate::error::{DistributionError, Result};
use crate::gaussian::STANDARD_ENTROPY;
use crate::masking::constant;

/// Nodes of the Gauss–Hermite rules that are tried one after the other.
const NODES: [usize; 5] = [8, 16, 32, 64, 128];
/// An error is said to be this many times the larger of the last two differences: about a kink two rules may agree by
/// chance.
const CAUTION: f64 = 4.0;

/// `Σ (−H(q_i) − E log p_i)` over the entries and its error; `None` if either side does not factorise as needed.
pub(super) fn by_quadrature(
    q: &dyn Distribution,
    p: &dyn Distribution,
    tolerance: f64,
) -> Result<Option<[Tensor; 2]>> {
    check_events(q, p)?;
    let Some((loc, scale)) = q.elementwise_normal() else {
        return Ok(None);
    };
    let ndims = q.event_shape()?.len();
    let entries = match one_for_all(p)? {
        Some(prior) => {
            let of_p = [p.batch_shape()?, p.event_shape()?].concat();
            let shape = broadcast_shapes(loc.shape()?, &of_p).unwrap_or(of_p);
            by_table(&*prior, &loc.broadcast_to(&shape), &scale.broadcast_to(&shape), tolerance)?
        }
        None => None,
    };
    let entries = match entries {
        Some(entries) => Some(entries),
        None => by_rules(&loc, &scale, p, tolerance)?,
    };
    let entries = match (entries, bounded(p)?) {
        (Some([value, error]), Some(bounded)) => Some([
            Tensor::select(&bounded, &constant(f64::INFINITY, &value), &value),
            Tensor::select(&bounded, &constant(0.0, &error), &error),
        ]),
        (entries, _) => entries,
    };
    let summed = |[value, error]: [Tensor; 2]| -> Result<[Tensor; 2]> {
        Ok([sum_last(&value, ndims).check()?, sum_last(&error, ndims).check()?])
    };
    entries.map(summed).transpose()
}

/// 1 for entries of `p` that have no density beyond some end, where every normal has some; `None` if there are none, or if its
/// quantiles do not tell.
fn bounded(p: &dyn Distribution) -> Result<Option<Tensor>> {
    for level in unwrapped(p)? {
        let base = &level.base;
        if !level.is_plain() || !base.event_shape()?.is_empty() {
            continue;
        }
        let mut bounded: Option<Tensor> = None;
        for end in [0.0, 1.0] {
            let end = match base.quantile(&Tensor::full(&[], end, base.dtype()?)) {
                Err(DistributionError::Unsupported { .. }) => return Ok(None),
                end => end?.detach(),
            };
            let is_finite = end.abs().lt(&constant(f64::INFINITY, &end));
            bounded = Some(bounded.map_or(is_finite.clone(), |other| other.maximum(&is_finite)));
        }
        let Some(bounded) = bounded else { return Ok(None) };
        let count = bounded.sum().item()?;
        // All entries, or those of `p` itself: which copies some entries of a base have become, its wrappers do not tell.
        return Ok(if count == bounded.len()? as f64 && count > 0.0 {
            Some(constant(1.0, &bounded))
        } else if count > 0.0 && level.is_outermost() {
            Some(bounded)
        } else {
            None
        });
    }
    Ok(None)
}

/// The one distribution over numbers that all entries of `p` have, if they have.
fn one_for_all(p: &dyn Distribution) -> Result<Option<Held<'_>>> {
    for level in unwrapped(p)? {
        let base = &level.base;
        let one = base.batch_shape()?.iter().product::<usize>() == 1;
        if level.is_plain() && one && base.event_shape()?.is_empty() {
            return Ok(Some(level.base));
        }
    }
    Ok(None)
}

/// Divergence and error of each entry by Gauss–Hermite rules for all of them, until two agree.
fn by_rules(
    loc: &Tensor,
    scale: &Tensor,
    p: &dyn Distribution,
    tolerance: f64,
) -> Result<Option<[Tensor; 2]>> {
    let mut last: Option<[Tensor; 2]> = None;
    let mut before = Tensor::full(&[], f64::INFINITY, loc.dtype()?);
    for nodes in NODES {
        let Some(expected) = expectation(loc, scale, p, nodes)? else {
            return Ok(None);
        };
        let fine = expected.detach();
        let error = match &last {
            None => (&fine * 0.0) + f64::INFINITY,
            Some([coarse, _]) => {
                let now = distance(&fine, &coarse.detach()) * CAUTION;
                let error = now.maximum(&before);
                before = now;
                error
            }
        };
        let enough = error.to_f64_vec()?.iter().all(|error| *error <= tolerance);
        last = Some([expected, error]);
        if enough {
            break;
        }
    }
    Ok(last.map(|[expected, error]| [-(scale.ln() + STANDARD_ENTROPY + expected), error]))
}

/// `|a − b|`, 0 where both are the same infinity.
fn distance(a: &Tensor, b: &Tensor) -> Tensor {
    let same = a.eq(b);
    let zero = Tensor::zeros(&[], a.dtype().unwrap_or(DType::F64));
    Tensor::select(&same, &zero, &(a - b).abs())
}

/// `E log p(x)` of each entry for `x` normal with `loc` and `scale`.
fn expectation(
    loc: &Tensor,
    scale: &Tensor,
    p: &dyn Distribution,
    nodes: usize,
) -> Result<Option<Tensor>> {
    let mut sum: Option<Tensor> = None;
    for (node, weight) in hermite_rule(nodes)? {
        let Some(log_prob) = p.elementwise_log_prob(&(loc + scale * node)) else {
            return Ok(None);
        };
        let term = log_prob? * weight;
        sum = Some(sum.map_or(term.clone(), |sum| sum + term));
    }
    Ok(sum)
}
