//! Divergences of elementwise normals from whatever has an elementwise log-density.

use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::dispatch::check_events;
use super::gauss::hermite_rule;
use super::interpolant::by_table;
use super::level::{Held, levels};
use crate::axes::sum_last;
use crate::distribution::Distribution;
use crate::error::Result;
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
    let shared = one_for_all(p)?;
    let may_exclude = match &shared {
        Some(prior) => excludes_any(&**prior, &loc, &scale)?,
        None => true,
    };
    let entries = match shared {
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
    let entries = match (entries, if may_exclude { excluded(p, &loc, &scale)? } else { None }) {
        (Some([value, error]), Some(excluded)) => Some([
            Tensor::select(&excluded, &constant(f64::INFINITY, &value), &value),
            Tensor::select(&excluded, &constant(0.0, &error), &error),
        ]),
        (entries, _) => entries,
    };
    let summed = |[value, error]: [Tensor; 2]| -> Result<[Tensor; 2]> {
        Ok([sum_last(&value, ndims).check()?, sum_last(&error, ndims).check()?])
    };
    entries.map(summed).transpose()
}

/// So many scales from its mean no sample of a normal ever lies, but it has a density there: a prior that has none makes the
/// divergence infinite.
const OUT_OF_REACH: f64 = 100.0;

/// Whether a prior has no density at one end of the range in which all normals lie.
fn excludes_any(prior: &dyn Distribution, loc: &Tensor, scale: &Tensor) -> Result<bool> {
    let reach = scale.detach() * OUT_OF_REACH;
    let [lows, highs] = [loc.detach() - &reach, loc.detach() + &reach];
    let mut ends = lows.to_f64_vec()?;
    ends.extend(highs.to_f64_vec()?);
    let (low, high) = ends
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    let ends = Tensor::from_f64(&[low, high], &[2], loc.dtype()?);
    Ok(prior.log_prob(&ends)?.to_f64_vec()?.contains(&f64::NEG_INFINITY))
}

/// 1 for entries whose normal has a density where `p` has none.
fn excluded(p: &dyn Distribution, loc: &Tensor, scale: &Tensor) -> Result<Option<Tensor>> {
    let mut excluded: Option<Tensor> = None;
    for side in [-OUT_OF_REACH, OUT_OF_REACH] {
        let Some(log_prob) = p.elementwise_log_prob(&(loc + scale * side).detach()) else {
            return Ok(None);
        };
        let log_prob = log_prob?;
        let is_none = log_prob.eq(&constant(f64::NEG_INFINITY, &log_prob));
        excluded = Some(excluded.map_or(is_none.clone(), |other| other.maximum(&is_none)));
    }
    Ok(excluded)
}

/// The one distribution over numbers that all entries of `p` have, if they have.
fn one_for_all(p: &dyn Distribution) -> Result<Option<Held<'_>>> {
    for level in levels(p)? {
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
