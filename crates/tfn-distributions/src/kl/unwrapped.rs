//! Wrappers taken off a distribution, one a level.

use std::ops::Deref;
use std::sync::Arc;

use tfn_tensor::{Tensor, broadcast_shapes};

use crate::axes::sum_last;
use crate::bijectors::Bijector;
use crate::distribution::{Distribution, Structure, Wrapper};
use crate::error::Result;
use crate::masking::constant;

/// What a distribution is when some of its wrappers are taken off.
pub(super) struct Unwrapped<'a> {
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
    /// This many axes of the base's `batch` are axes of the event.
    Independent {
        ndims: usize,
        batch: Vec<usize>,
    },
    /// Events of this shape from a base with this many batch axes.
    Sample {
        shape: Vec<usize>,
        batch_ndims: usize,
    },
    Transformed(Arc<dyn Bijector>),
    Broadcast,
    Reshape {
        from: Vec<usize>,
        to: Vec<usize>,
    },
    Masked(Tensor),
    /// That of another crate, and the batches inside and outside.
    Wrapped {
        wrapper: Arc<dyn Wrapper>,
        from: Vec<usize>,
        to: Vec<usize>,
    },
}

/// The distribution itself, and what is left after each of its wrappers.
pub(super) fn unwrapped(distribution: &dyn Distribution) -> Result<Vec<Unwrapped<'_>>> {
    let base = Held::Given(distribution);
    let mut levels = vec![Unwrapped { base, steps: Vec::new(), copies: Vec::new() }];
    while let Some(last) = levels.last() {
        let Some((base, step)) = peel(&last.base)? else { break };
        let (mut steps, mut copies) = (last.steps.clone(), last.copies.clone());
        match &step {
            Step::Independent { ndims, batch } => {
                copies.extend(&batch[batch.len().saturating_sub(*ndims)..]);
            }
            Step::Sample { shape, .. } => copies.extend(shape),
            Step::Transformed(_)
            | Step::Broadcast
            | Step::Reshape { .. }
            | Step::Masked(_)
            | Step::Wrapped { .. } => {}
        }
        steps.push(step);
        levels.push(Unwrapped { base: Held::Inside(base), steps, copies });
    }
    Ok(levels)
}

fn peel(distribution: &Held<'_>) -> Result<Option<(Arc<dyn Distribution>, Step)>> {
    Ok(Some(match distribution.structure() {
        Structure::Simple => return Ok(None),
        Structure::Independent { base, reinterpreted_batch_ndims } => {
            let batch = base.batch_shape()?;
            (base, Step::Independent { ndims: reinterpreted_batch_ndims, batch })
        }
        Structure::Sample { base, sample_shape } => {
            let batch_ndims = base.batch_shape()?.len();
            (base, Step::Sample { shape: sample_shape, batch_ndims })
        }
        Structure::Transformed { base, bijector } => (base, Step::Transformed(bijector)),
        Structure::BatchBroadcast { base, .. } => (base, Step::Broadcast),
        Structure::BatchReshape { base, batch_shape } => {
            let from = base.batch_shape()?;
            (base, Step::Reshape { from, to: batch_shape })
        }
        Structure::Masked { base, validity_mask } => (base, Step::Masked(validity_mask)),
        Structure::Wrapped { base, wrapper } => {
            let (from, to) = (base.batch_shape()?, distribution.batch_shape()?);
            (base, Step::Wrapped { wrapper, from, to })
        }
    }))
}

impl Unwrapped<'_> {
    /// Whether no wrapper was taken off.
    pub(super) fn is_outermost(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether all entries are of the base's density: no bijector, mask or wrapper of another crate was taken off.
    pub(super) fn is_plain(&self) -> bool {
        self.bijectors().is_empty() && !self.is_special()
    }

    /// Whether the whole is more than copies of the base, one for each entry.
    fn is_special(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Masked(_) | Step::Wrapped { .. }))
    }

    /// Whether the base's batch broadcasts with batch and event of the whole as it is: not so where a
    /// sample's axes lie behind those of a batch, or entries have other places than before.
    fn is_aligned(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Sample { shape, batch_ndims } => *batch_ndims == 0 || shape.is_empty(),
            Step::Reshape { from, to } => to.ends_with(from),
            Step::Independent { .. } | Step::Transformed(_) | Step::Broadcast => true,
            Step::Masked(_) | Step::Wrapped { .. } => false,
        })
    }

    /// Whether it is one distribution, repeated, beside any of the `other`.
    fn is_single_beside(&self, other: &Self) -> Result<bool> {
        let (batch, beside) = (self.base.batch_shape()?, other.base.batch_shape()?);
        let single = batch.iter().all(|&size| size == 1) && batch.len() <= beside.len();
        Ok(single && self.copies == other.copies && !self.is_special() && !other.is_special())
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
pub(super) struct Reduction {
    /// The innermost first.
    wrappers: Vec<Reduced>,
    /// The batch of both.
    batch: Vec<usize>,
}

enum Reduced {
    /// Broadcast with this shape, then sum over this many last axes.
    Sum {
        over: Vec<usize>,
        ndims: usize,
    },
    Times(f64),
    Reshape {
        from: Vec<usize>,
        to: Vec<usize>,
    },
    /// The masks of both.
    Masked(Tensor, Tensor),
    /// From the batch inside to that outside.
    Wrapped {
        wrapper: Arc<dyn Wrapper>,
        from: Vec<usize>,
        to: Vec<usize>,
    },
}

/// How a divergence follows from that of `q` and `p`, levels of the distributions `whole`; `None` if it does not follow.
pub(super) fn reduction(
    whole: (&dyn Distribution, &dyn Distribution),
    q: &Unwrapped<'_>,
    p: &Unwrapped<'_>,
) -> Result<Option<Reduction>> {
    let (bijectors, others) = (q.bijectors(), p.bijectors());
    let same = |(a, b): (&&Arc<dyn Bijector>, &&Arc<dyn Bijector>)| a.is_same(b.as_ref());
    if bijectors.len() != others.len() || !bijectors.iter().zip(&others).all(same) {
        return Ok(None);
    }
    if q.base.event_shape()? != p.base.event_shape()? {
        return Ok(None);
    }
    let Some(batch) = broadcast_shapes(&whole.0.batch_shape()?, &whole.1.batch_shape()?) else {
        return Ok(None);
    };
    let wrappers = if q.is_aligned() && p.is_aligned() {
        let over = [&batch[..], &q.copies].concat();
        (q.copies == p.copies).then(|| vec![Reduced::Sum { over, ndims: q.copies.len() }])
    } else if p.is_single_beside(q)? {
        common_wrappers(&q.steps, &q.steps)
    } else if q.is_single_beside(p)? {
        common_wrappers(&p.steps, &p.steps)
    } else {
        common_wrappers(&q.steps, &p.steps)
    };
    Ok(wrappers.map(|wrappers| Reduction { wrappers, batch }))
}

/// The wrappers of both, the innermost first, if they are the same.
fn common_wrappers(q: &[Step], p: &[Step]) -> Option<Vec<Reduced>> {
    let counts = |step: &&Step| !matches!(step, Step::Transformed(_) | Step::Broadcast);
    let (q, p): (Vec<&Step>, Vec<&Step>) =
        (q.iter().rev().filter(counts).collect(), p.iter().rev().filter(counts).collect());
    if q.len() != p.len() {
        return None;
    }
    q.into_iter().zip(p).map(|(a, b)| common_wrapper(a, b)).collect()
}

fn common_wrapper(q: &Step, p: &Step) -> Option<Reduced> {
    match (q, p) {
        (Step::Independent { ndims, batch }, Step::Independent { ndims: n, batch: other }) => {
            let over = broadcast_shapes(batch, other)?;
            (ndims == n).then_some(Reduced::Sum { over, ndims: *ndims })
        }
        (Step::Sample { shape, .. }, Step::Sample { shape: other, .. }) => (shape == other)
            .then(|| Reduced::Times(shape.iter().map(|&size| size as f64).product())),
        (Step::Reshape { from, to }, Step::Reshape { from: a, to: b }) => {
            let (from, to) = (from.clone(), to.clone());
            (&from == a && &to == b).then_some(Reduced::Reshape { from, to })
        }
        (Step::Masked(a), Step::Masked(b)) => Some(Reduced::Masked(a.clone(), b.clone())),
        (
            Step::Wrapped { wrapper, from, to },
            Step::Wrapped { wrapper: other, from: inside, to: outside },
        ) => {
            let [from, to] = [(from, inside), (to, outside)].map(|(a, b)| broadcast_shapes(a, b));
            let wrapper = wrapper.is_same(other.as_ref()).then(|| wrapper.clone())?;
            Some(Reduced::Wrapped { wrapper, from: from?, to: to? })
        }
        _ => None,
    }
}

impl Reduction {
    /// The divergence of the whole from that of the levels.
    pub(super) fn apply(&self, divergence: &Tensor) -> Result<Tensor> {
        let lifted = self.wrappers.iter().try_fold(divergence.clone(), |d, w| w.apply(&d))?;
        Ok(lifted.broadcast_to(&self.batch).check()?)
    }
}

impl Reduced {
    fn apply(&self, divergence: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Sum { over, ndims } => {
                let shape = broadcast_shapes(divergence.shape()?, over).unwrap_or_default();
                sum_last(&divergence.broadcast_to(&shape), *ndims)
            }
            Self::Times(count) => divergence * *count,
            Self::Reshape { from, to } => divergence.broadcast_to(from).reshape(to),
            Self::Wrapped { wrapper, from, to } => {
                wrapper.kl_from_base(&divergence.broadcast_to(from), to)?.broadcast_to(to)
            }
            Self::Masked(q, p) => {
                let (both, neither) = (q * p, (1.0 - q) * (1.0 - p));
                let [zero, undefined] = [0.0, f64::NAN].map(|value| constant(value, divergence));
                let elsewhere = Tensor::select(&neither, &zero, &undefined);
                Tensor::select(&both, divergence, &elsewhere)
            }
        })
    }
}
