//! Wrappers taken off a distribution, one a level.

use std::ops::Deref;
use std::sync::Arc;

use tfn_tensor::{Tensor, broadcast_shapes};

use crate::bijectors::Bijector;
use crate::shapes::sum_last;
use crate::structure::Structure;
use crate::{Distribution, Result};

/// What a distribution is when some of its wrappers are taken off.
pub(super) struct Level<'a> {
    pub(super) base: Held<'a>,
    /// The wrappers taken off, the outermost first.
    steps: Vec<Step>,
    /// The axes of independent copies that they add, the outermost first.
    copies: Vec<usize>,
}

/// The distribution that was asked for, or one from inside it.
pub(super) enum Held<'a> {
    Given(&'a dyn Distribution),
    Inside(Arc<dyn Distribution>),
}

impl Deref for Held<'_> {
    type Target = dyn Distribution;

    fn deref(&self) -> &dyn Distribution {
        match self {
            Self::Given(distribution) => *distribution,
            Self::Inside(distribution) => distribution.as_ref(),
        }
    }
}

#[derive(Clone)]
enum Step {
    /// This many axes of the base's batch are axes of the event.
    Independent(usize),
    /// Events of this shape from a base with this many batch axes.
    Sample {
        shape: Vec<usize>,
        batch_ndims: usize,
    },
    Transformed(Arc<dyn Bijector>),
}

/// The distribution itself, and what is left after each of its wrappers.
pub(super) fn levels(distribution: &dyn Distribution) -> Result<Vec<Level<'_>>> {
    let base = Held::Given(distribution);
    let mut levels = vec![Level { base, steps: Vec::new(), copies: Vec::new() }];
    while let Some((base, step)) = levels.last().and_then(|level| peel(&level.base)) {
        let (mut steps, mut copies) = levels
            .last()
            .map_or_else(Default::default, |level| (level.steps.clone(), level.copies.clone()));
        let batch = base.batch_shape()?;
        let step = match step {
            Step::Sample { shape, .. } => Step::Sample { shape, batch_ndims: batch.len() },
            step => step,
        };
        match &step {
            Step::Independent(ndims) => {
                copies.extend(&batch[batch.len().saturating_sub(*ndims)..]);
            }
            Step::Sample { shape, .. } => copies.extend(shape),
            Step::Transformed(_) => {}
        }
        steps.push(step);
        levels.push(Level { base: Held::Inside(base), steps, copies });
    }
    Ok(levels)
}

fn peel(distribution: &Held<'_>) -> Option<(Arc<dyn Distribution>, Step)> {
    match distribution.structure() {
        Structure::Simple => None,
        Structure::Independent { base, reinterpreted_batch_ndims } => {
            Some((base, Step::Independent(reinterpreted_batch_ndims)))
        }
        Structure::Sample { base, sample_shape } => {
            Some((base, Step::Sample { shape: sample_shape, batch_ndims: 0 }))
        }
        Structure::Transformed { base, bijector } => Some((base, Step::Transformed(bijector))),
    }
}

impl Level<'_> {
    /// Whether no wrapper was taken off.
    pub(super) fn is_outermost(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether no bijector was taken off.
    pub(super) fn is_plain(&self) -> bool {
        self.bijectors().is_empty()
    }

    /// Whether the base's batch broadcasts with batch and event of the whole as it is: not so where a
    /// sample's axes lie behind those of a batch.
    fn is_aligned(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Sample { shape, batch_ndims } => *batch_ndims == 0 || shape.is_empty(),
            Step::Independent(_) | Step::Transformed(_) => true,
        })
    }

    fn bijectors(&self) -> Vec<&Arc<dyn Bijector>> {
        let mut bijectors = Vec::new();
        for step in &self.steps {
            if let Step::Transformed(bijector) = step {
                bijectors.push(bijector);
            }
        }
        bijectors
    }
}

/// How the divergence of two distributions follows from that of two of their levels.
pub(super) enum Lift {
    /// Broadcast to this shape, then sum over this many last axes.
    Sum { shape: Vec<usize>, ndims: usize },
    /// Both have these wrappers.
    Wrappers(Vec<Wrapper>),
}

pub(super) enum Wrapper {
    Sum(usize),
    Times(usize),
}

/// How to lift a divergence from `q` and `p`, levels of the distributions `whole`; `None` if it does not follow.
pub(super) fn lift(
    whole: (&dyn Distribution, &dyn Distribution),
    q: &Level<'_>,
    p: &Level<'_>,
) -> Result<Option<Lift>> {
    let (bijectors, others) = (q.bijectors(), p.bijectors());
    let same = |(a, b): (&&Arc<dyn Bijector>, &&Arc<dyn Bijector>)| a.is_same(b.as_ref());
    if bijectors.len() != others.len() || !bijectors.iter().zip(&others).all(same) {
        return Ok(None);
    }
    let event = q.base.event_shape()?;
    if event != p.base.event_shape()? {
        return Ok(None);
    }
    if !q.is_aligned() || !p.is_aligned() {
        return Ok(common_wrappers(&q.steps, &p.steps).map(Lift::Wrappers));
    }
    if q.copies != p.copies {
        return Ok(None);
    }
    let ndims = q.copies.len();
    let batch = broadcast_shapes(&whole.0.batch_shape()?, &whole.1.batch_shape()?);
    Ok(batch.map(|batch| Lift::Sum { shape: [&batch[..], &q.copies].concat(), ndims }))
}

/// The wrappers of both, the innermost first, if they are the same.
fn common_wrappers(q: &[Step], p: &[Step]) -> Option<Vec<Wrapper>> {
    let wrapper = |step: &Step| match step {
        Step::Independent(ndims) => Some((Wrapper::Sum(*ndims), vec![*ndims])),
        Step::Sample { shape, .. } => Some((Wrapper::Times(shape.iter().product()), shape.clone())),
        Step::Transformed(_) => None,
    };
    let (q, p): (Vec<_>, Vec<_>) =
        (q.iter().filter_map(wrapper).collect(), p.iter().filter_map(wrapper).collect());
    let same = q.len() == p.len()
        && q.iter().zip(&p).all(|((a, of_a), (b, of_b))| {
            std::mem::discriminant(a) == std::mem::discriminant(b) && of_a == of_b
        });
    same.then(|| q.into_iter().rev().map(|(wrapper, _)| wrapper).collect())
}

impl Lift {
    /// The divergence of the whole from that of the levels.
    pub(super) fn apply(&self, divergence: &Tensor) -> Tensor {
        match self {
            Self::Sum { shape, ndims } => sum_last(&divergence.broadcast_to(shape), *ndims),
            Self::Wrappers(wrappers) => {
                wrappers.iter().fold(divergence.clone(), |sum, wrapper| match wrapper {
                    Wrapper::Sum(ndims) => sum_last(&sum, *ndims),
                    Wrapper::Times(count) => sum * *count as f64,
                })
            }
        }
    }
}
