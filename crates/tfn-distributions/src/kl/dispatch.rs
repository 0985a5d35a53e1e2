//! The look-up of a closed form.

use std::sync::Arc;

use tfn_tensor::{DType, Tensor};

use super::registry::registered;
use super::unwrapped::{Held, Unwrapped, reduction, unwrapped};
use crate::axes::sum_last;
use crate::distribution::{Distribution, KlRule, Structure};
use crate::error::{DistributionError, Result};
use crate::gaussian::normal_kl;

/// The divergence `KL(q || p) = E_q[log q(x) − log p(x)]` in closed form.
///
/// Counterpart: `tfp.distributions.kl_divergence`. Rules come with the values ([`kl_rules`](Distribution::kl_rules)).
/// Joint distributions add up part by part; [`Independent`](crate::Independent), [`Sample`](crate::Sample),
/// [`MultivariateNormalDiag`](crate::MultivariateNormalDiag), [`BatchBroadcast`](crate::BatchBroadcast),
/// [`BatchReshape`](crate::BatchReshape), two [`Masked`](crate::Masked) (NaN where only one is valid) and a
/// [`TransformedDistribution`](crate::TransformedDistribution) by a common bijector are reduced to what is inside them,
/// as are two distributions with the same [`Wrapper`](crate::Wrapper). Of several rules the one wins that is reached by
/// the fewest steps to a [`parent`](Distribution::parent), in a tie the one with fewer steps of `q`; rules for an exact
/// pair come before rules for any `p`. Last comes the rule of two distributions that are both [elementwise
/// normal](Distribution::elementwise_normal) or [normal vectors](Distribution::linear_normal), as they stand or inside
/// their wrappers.
///
/// # Shapes
/// The shape that both batches broadcast to. A side made of bare numbers takes the type of the other one.
///
/// # Errors
/// [`DistributionError::NoKlRule`] names both families, what was tried, and the way out;
/// [`DistributionError::KlEventShapes`] and [`DistributionError::KlParts`] if the distributions are not over the same
/// kind of event; [`DistributionError::DuplicateKlRule`] if the pair has two rules.
///
/// # Examples
/// ```
/// use tfn_distributions::{Independent, Normal, Sample, kl_divergence};
/// use tfn_tensor::{Tensor, Variable};
///
/// let loc = Variable::new("loc", Tensor::from_vec(vec![1.0, 2.0], &[2]))?;
/// let posterior = Independent::new(Normal::new(&loc, 1.0)?, 1)?;
/// let prior = Sample::new(Normal::new(0.0, 1.0)?, &[2])?;
/// let divergence = kl_divergence(&posterior, &prior)?;
/// assert_eq!(divergence.item()?, 2.5);
/// assert_eq!(divergence.gradients()?.of(&loc).to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub fn kl_divergence(q: &dyn Distribution, p: &dyn Distribution) -> Result<Tensor> {
    if let Some((q, p)) = in_one_type(q, p) {
        return kl_divergence(&*q, &*p);
    }
    if let (Ok(expected), Ok(given)) = (q.dtype(), p.dtype())
        && given != expected
    {
        let (family, argument) = (p.family(), "p");
        return Err(DistributionError::DType { family, argument, given, expected });
    }
    for distribution in [q, p] {
        if distribution.validate_args() {
            distribution.check_values()?;
        }
    }
    if let Some(divergence) = by_rule(q, p)? {
        return Ok(divergence.check()?);
    }
    let mut tried = vec![pair(q, p)];
    match factorization(q, p)? {
        Factorization::Whole => check_events(q, p)?,
        Factorization::Parts(pairs) => return by_parts(q, &pairs),
        Factorization::Dependent => {
            tried.push("part by part (some depend on others)".into());
            return Err(DistributionError::NoKlRule { q: describe(q), p: describe(p), tried });
        }
    }
    let rule = |q: &dyn Distribution, p: &dyn Distribution| Ok(by_rule(q, p)?.map(|kl| [kl]));
    if let Some([divergence]) = by_levels(q, p, &rule, &mut tried)? {
        return Ok(divergence.check()?);
    }
    if let Some(divergence) = as_normals(q, p)? {
        return Ok(divergence.check()?);
    }
    let normals = |q: &dyn Distribution, p: &dyn Distribution| Ok(as_normals(q, p)?.map(|kl| [kl]));
    if let Some([divergence]) = by_levels(q, p, &normals, &mut Vec::new())? {
        return Ok(divergence.check()?);
    }
    tried.push("both elementwise normal or normal vectors".into());
    Err(DistributionError::NoKlRule { q: describe(q), p: describe(p), tried })
}

/// The same distributions in one type, if they are of two and one of them is made of bare numbers; if both are, in `f64`.
fn in_one_type<'a>(
    q: &'a dyn Distribution,
    p: &'a dyn Distribution,
) -> Option<(Held<'a>, Held<'a>)> {
    let [of_q, of_p] = [q.dtype().ok()?, p.dtype().ok()?];
    if of_q == of_p {
        return None;
    }
    if let (Some(q), Some(p)) = (q.with_numbers_as(DType::F64), p.with_numbers_as(DType::F64)) {
        return Some((Held::Inside(q), Held::Inside(p)));
    }
    if let Some(p) = p.with_numbers_as(of_q) {
        return Some((Held::Given(q), Held::Inside(p)));
    }
    Some((Held::Inside(q.with_numbers_as(of_p)?), Held::Given(p)))
}

/// The sum over the parts of two joint distributions.
fn by_parts(q: &dyn Distribution, pairs: &[[&dyn Distribution; 2]]) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for [q, p] in pairs {
        let divergence = kl_divergence(*q, *p)?;
        sum = Some(sum.map_or(divergence.clone(), |sum| sum + divergence));
    }
    let sum = sum.map_or_else(|| Ok(Tensor::zeros(&[], q.dtype()?)), Ok::<_, DistributionError>)?;
    Ok(sum.check()?)
}

/// What of two distributions is to be compared.
pub(super) enum Factorization<'a> {
    /// They are not joint.
    Whole,
    /// Independent parts, side by side.
    Parts(Vec<[&'a dyn Distribution; 2]>),
    /// Parts of which some depend on others.
    Dependent,
}

/// The parts of two joint distributions, side by side.
pub(super) fn factorization<'a>(
    q: &'a dyn Distribution,
    p: &'a dyn Distribution,
) -> Result<Factorization<'a>> {
    let places = match (part_count(q), part_count(p)) {
        (None, None) => return Ok(Factorization::Whole),
        (Some(lhs), Some(rhs)) if lhs == rhs => places(q, p, lhs)?,
        (lhs, rhs) => {
            let (lhs, rhs) = (lhs.unwrap_or(1), rhs.unwrap_or(1));
            return Err(DistributionError::KlParts { q: describe(q), p: describe(p), lhs, rhs });
        }
    };
    let (Some(of_q), Some(of_p)) = (q.parts(), p.parts()) else {
        return Ok(Factorization::Dependent);
    };
    let pair = |(q, place): (&'a Arc<dyn Distribution>, usize)| {
        of_p.get(place).map(|p| [q.as_ref(), p.as_ref()])
    };
    Ok(Factorization::Parts(of_q.iter().zip(places).filter_map(pair).collect()))
}

/// For each of the `count` parts of `q` the place in `p` of the part with which it is compared.
pub(super) fn places(
    q: &dyn Distribution,
    p: &dyn Distribution,
    count: usize,
) -> Result<Vec<usize>> {
    let (Some(a), Some(b)) = (q.joint(), p.joint()) else { return Ok((0..count).collect()) };
    a.places_in(b).ok_or_else(|| DistributionError::KlPartNames {
        q: describe(q),
        p: describe(p),
        lhs: a.names().to_vec(),
        rhs: b.names().to_vec(),
    })
}

/// Number of parts of a joint distribution.
pub(super) fn part_count(distribution: &dyn Distribution) -> Option<usize> {
    let of_joint = distribution.joint().map(|joint| joint.parts().len());
    of_joint.or_else(|| distribution.parts().map(<[_]>::len))
}

/// Checks that both are over events of one shape.
pub(super) fn check_events(q: &dyn Distribution, p: &dyn Distribution) -> Result<()> {
    let (lhs, rhs) = (q.event_shape()?, p.event_shape()?);
    if lhs == rhs {
        return Ok(());
    }
    Err(DistributionError::KlEventShapes { q: describe(q), p: describe(p), lhs, rhs })
}

/// A way to the divergence of two distributions, and what else adds up as it does, if it leads there.
type Known<'a, const N: usize> =
    &'a dyn Fn(&dyn Distribution, &dyn Distribution) -> Result<Option<[Tensor; N]>>;

/// The divergence of a pair inside the wrappers that is known by `known`, the outermost such pair first.
pub(super) fn by_levels<const N: usize>(
    q: &dyn Distribution,
    p: &dyn Distribution,
    known: Known<'_, N>,
    tried: &mut Vec<String>,
) -> Result<Option<[Tensor; N]>> {
    let (of_q, of_p) = (unwrapped(q)?, unwrapped(p)?);
    let mut pairs: Vec<(usize, &Unwrapped<'_>, &Unwrapped<'_>)> = Vec::new();
    for (i, a) in of_q.iter().enumerate() {
        pairs.extend(of_p.iter().enumerate().map(|(j, b)| (i + j, a, b)));
    }
    pairs.sort_by_key(|(depth, ..)| *depth);
    for (_, a, b) in pairs {
        if a.is_outermost() && b.is_outermost() {
            continue;
        }
        let Some(reduction) = reduction((q, p), a, b)? else {
            continue;
        };
        tried.push(pair(&*a.base, &*b.base));
        if let Some(divergence) = known(&*a.base, &*b.base)? {
            let mut lifted = divergence;
            for part in &mut lifted {
                *part = reduction.apply(part)?;
            }
            return Ok(Some(lifted));
        }
    }
    Ok(None)
}

/// The divergence if both are elementwise normal, or normal vectors.
fn as_normals(q: &dyn Distribution, p: &dyn Distribution) -> Result<Option<Tensor>> {
    let (Some(of_q), Some(of_p)) = (q.elementwise_normal(), p.elementwise_normal()) else {
        let (of_q, of_p) = (q.linear_normal().transpose()?, p.linear_normal().transpose()?);
        return of_q.zip(of_p).map(|(q, p)| q.kl_divergence_to(&p)).transpose();
    };
    Ok(Some(sum_last(&normal_kl(&of_q, &of_p), q.event_shape()?.len())))
}

/// The nearest rule for the pair as it stands, applied: exact pairs first, then by the steps to the parents of
/// both, then by those of `q`.
fn by_rule(q: &dyn Distribution, p: &dyn Distribution) -> Result<Option<Tensor>> {
    let (parents_q, parents_p) = (parents(q), parents(p));
    let (of_q, of_p) = (with_parents(q, &parents_q), with_parents(p, &parents_p));
    let rules: Vec<&KlRule> = of_q.iter().chain(&of_p).flat_map(|d| d.kl_rules()).collect();
    let mut pairs = Vec::new();
    for i in 0..of_q.len() {
        pairs.extend((0..of_p.len()).map(|j| (i + j, i, j)));
    }
    pairs.sort_unstable();
    for wildcard in [false, true] {
        for &(_, i, j) in &pairs {
            let (a, b) = (of_q[i], of_p[j]);
            let own = rules.iter().find(|rule| rule.is_wildcard() == wildcard && rule.is_for(a, b));
            let foreign = if wildcard { None } else { registered(a, b) };
            match (own, foreign) {
                (None, None) => {}
                (Some(_), Some(_)) => return Err(duplicate(a, b)),
                (Some(rule), None) => return rule.apply(a, b).transpose(),
                (None, Some(rule)) => return rule(a, b).transpose(),
            }
        }
    }
    Ok(None)
}

/// The parent, its parent, and so on.
fn parents(distribution: &dyn Distribution) -> Vec<Arc<dyn Distribution>> {
    std::iter::successors(distribution.parent(), |parent| parent.parent()).collect()
}

fn with_parents<'a>(
    distribution: &'a dyn Distribution,
    parents: &'a [Arc<dyn Distribution>],
) -> Vec<&'a dyn Distribution> {
    std::iter::once(distribution).chain(parents.iter().map(AsRef::as_ref)).collect()
}

fn duplicate(q: &dyn Distribution, p: &dyn Distribution) -> DistributionError {
    DistributionError::DuplicateKlRule { q: q.family(), p: p.family() }
}

/// The family, and for wrappers what is inside.
pub(super) fn describe(distribution: &dyn Distribution) -> String {
    let family = distribution.family();
    if !distribution.parameters().is_empty() {
        return family.into();
    }
    let inside = |base: &Arc<dyn Distribution>| format!("{family}({})", describe(base.as_ref()));
    match distribution.structure() {
        Structure::Simple => family.into(),
        Structure::Independent { base, .. }
        | Structure::Sample { base, .. }
        | Structure::BatchBroadcast { base, .. }
        | Structure::BatchReshape { base, .. }
        | Structure::Masked { base, .. }
        | Structure::Wrapped { base, .. } => inside(&base),
        Structure::Transformed { base, bijector } => {
            format!("{family}({}, {})", describe(base.as_ref()), bijector.class_name())
        }
    }
}

fn pair(q: &dyn Distribution, p: &dyn Distribution) -> String {
    format!("{} || {}", describe(q), describe(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Categorical, Independent, JointDistributionSequential, Laplace, MixtureSameFamily,
        MultivariateNormalDiag, Normal, Sample,
    };
    use tfn_tensor::DType;

    fn normals(shape: &[usize]) -> Normal {
        let count: usize = shape.iter().product();
        let loc: Vec<f64> = (0..count).map(|i| 0.3 * i as f64 - 1.0).collect();
        let scale: Vec<f64> = (0..count).map(|i| 0.5 + 0.1 * i as f64).collect();
        Normal::new(Tensor::from_vec(loc, shape), Tensor::from_vec(scale, shape)).unwrap()
    }

    fn value(q: &dyn Distribution, p: &dyn Distribution) -> Vec<f64> {
        kl_divergence(q, p).unwrap().to_vec().unwrap()
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len()
            && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-13 * b.abs().max(1.0))
    }

    #[test]
    fn a_pair_without_a_rule_names_both_and_the_way_out() {
        let weights = Categorical::from_logits(Tensor::zeros(&[2], DType::F64)).unwrap();
        let mixture = MixtureSameFamily::new(weights, normals(&[2])).unwrap();
        let q = Independent::new(normals(&[3]), 1).unwrap();
        let p = Sample::new(mixture, &[3]).unwrap();
        let error = kl_divergence(&q, &p).unwrap_err();
        let DistributionError::NoKlRule { q, p, tried } = &error else { panic!("{error}") };
        assert_eq!((&q[..], &p[..]), ("Independent(Normal)", "Sample(MixtureSameFamily)"));
        assert!(tried.contains(&"Normal || MixtureSameFamily".to_string()), "{tried:?}");
        let message = error.to_string();
        for way in ["estimate_kl", "register_kl", "kl_rules", "KlDivergence"] {
            assert!(message.contains(way), "{message}");
        }
    }

    #[test]
    fn independent_sample_and_diagonal_normals_are_one_kind() {
        let q = normals(&[4]);
        let p = Normal::new(0.2, 1.5).unwrap();
        let expected = [value(&q, &p).iter().sum::<f64>()];
        let ones = Tensor::ones(&[4], DType::F64);
        let qs: [Arc<dyn Distribution>; 2] = [
            Independent::new(q.clone(), 1).unwrap().into(),
            MultivariateNormalDiag::new(q.loc(), q.scale()).unwrap().into(),
        ];
        let ps: [Arc<dyn Distribution>; 3] = [
            Sample::new(p, &[4]).unwrap().into(),
            Independent::new(Normal::new(&ones * 0.2, &ones * 1.5).unwrap(), 1).unwrap().into(),
            MultivariateNormalDiag::new(&ones * 0.2, &ones * 1.5).unwrap().into(),
        ];
        for q in &qs {
            for p in &ps {
                assert!(close(&value(q.as_ref(), p.as_ref()), &expected), "{q:?} {p:?}");
            }
        }
    }

    #[test]
    fn batches_of_samples_are_matched_with_whatever_has_their_shape() {
        let (a, b) = (normals(&[3]), Normal::new(0.1, 0.9).unwrap());
        let each = value(&a, &b);
        let expected: Vec<f64> = each.iter().map(|kl| 4.0 * kl).collect();
        let q = Sample::new(a.clone(), &[4]).unwrap();
        assert!(close(&value(&q, &Sample::new(b.clone(), &[4]).unwrap()), &expected));
        let full = normals(&[3]).loc().value().expand_dims(-1) + Tensor::zeros(&[3, 4], DType::F64);
        let scale = a.scale().value().expand_dims(-1) + Tensor::zeros(&[3, 4], DType::F64);
        let same = Independent::new(Normal::new(full, scale).unwrap(), 1).unwrap();
        assert!(close(&value(&q, &same), &[0.0; 3]));
        assert!(close(&value(&same, &Sample::new(b, &[4]).unwrap()), &expected));
    }

    #[test]
    fn laplace_distributions_meet_inside_their_wrappers() {
        let laplace = |loc: f64| Laplace::new(Tensor::full(&[2, 3], loc, DType::F64), 1.0).unwrap();
        let q = Independent::new(laplace(0.5), 1).unwrap();
        let p = Sample::new(Laplace::new(0.0, 2.0).unwrap(), &[3]).unwrap();
        let one = value(&Laplace::new(0.5, 1.0).unwrap(), &Laplace::new(0.0, 2.0).unwrap())[0];
        assert!(close(&value(&q, &p), &[3.0 * one, 3.0 * one]));
        let shifted = Sample::new(laplace(0.5), &[5]).unwrap();
        assert!(close(&value(&shifted, &Sample::new(laplace(0.5), &[5]).unwrap()), &[0.0; 6]));
    }

    #[test]
    fn events_and_parts_must_agree() {
        let [three, four] = [3, 4].map(|n| Independent::new(normals(&[n]), 1).unwrap());
        let error = kl_divergence(&three, &four).unwrap_err();
        assert!(matches!(error, DistributionError::KlEventShapes { .. }), "{error}");
        let [one, two] = [1, 2].map(|n| {
            JointDistributionSequential::new((0..n).map(|_| normals(&[]).into())).unwrap()
        });
        let error = kl_divergence(&one, &two).unwrap_err();
        assert!(matches!(error, DistributionError::KlParts { lhs: 1, rhs: 2, .. }), "{error}");
        assert!(kl_divergence(&two, &normals(&[])).is_err());
        assert_eq!(value(&two, &two), [0.0]);
    }

    #[test]
    fn batches_that_do_not_broadcast_are_an_error() {
        assert!(kl_divergence(&normals(&[2]), &normals(&[3])).is_err());
        let [two, three] = [2, 3].map(|n| Independent::new(normals(&[n, 4]), 1).unwrap());
        assert!(kl_divergence(&two, &three).is_err());
    }
}
