//! Normals of vectors and matrices, and relaxed rows of probabilities.

use std::cmp::Ordering;

use tfn_distributions::{
    ExpRelaxedOneHotCategorical, Independent, MatrixNormal, MultivariateNormalDiag,
    MultivariateNormalDiagPlusLowRank, MultivariateNormalFullCovariance, MultivariateNormalTriL,
    Parameter, RelaxedOneHotCategorical, Result, Sample,
};

use crate::draws::{Draws, Family, Pair};

/// Triangular factors of size `n` with a diagonal of 0.5 to 2.7, and numbers above it that do not count.
fn factor(d: &mut Draws<'_>, batch: &[usize], n: usize) -> Parameter {
    let shape = [batch, &[n, n]].concat();
    let mut entry = 0;
    d.variable(&shape, |x| {
        let (row, column) = (entry / n % n, entry % n);
        entry += 1;
        if row == column { 0.3 + (x / 2.0 - 0.1).exp() } else { 0.4 * x }
    })
}

/// Covariances of size `n`: a diagonal of 1.6 to 2.2, and less than half of that beside it.
fn covariance(d: &mut Draws<'_>, batch: &[usize], n: usize) -> Parameter {
    let mut entries = vec![0.0; n * n];
    let mut entry = 0;
    d.variable(&[batch, &[n, n]].concat(), |x| {
        let (row, column) = (entry / n % n, entry % n);
        entry += 1;
        // Below the diagonal as above, from the entry that came first.
        entries[row * n + column] = match row.cmp(&column) {
            Ordering::Equal => 1.9 + 0.3 * x.clamp(-1.0, 1.0),
            Ordering::Less => 0.35 * x.clamp(-1.0, 1.0),
            Ordering::Greater => entries[column * n + row],
        };
        entries[row * n + column]
    })
}

fn tril(d: &mut Draws<'_>, batch: &[usize]) -> Result<MultivariateNormalTriL> {
    MultivariateNormalTriL::new(d.real(&[2]), factor(d, batch, 2))
}

fn diag(d: &mut Draws<'_>, batch: &[usize]) -> Result<MultivariateNormalDiag> {
    MultivariateNormalDiag::new(d.real(&[2]), d.positive(&[batch, &[2]].concat()))
}

fn low_rank(d: &mut Draws<'_>, batch: &[usize]) -> Result<MultivariateNormalDiagPlusLowRank> {
    let directions = d.variable(&[2, 1], |x| x / 2.0);
    MultivariateNormalDiagPlusLowRank::new(
        d.real(&[2]),
        d.positive(&[batch, &[2]].concat()),
        directions,
    )
}

fn matrix(d: &mut Draws<'_>) -> Result<MatrixNormal> {
    MatrixNormal::new(d.real(&[2, 3]), factor(d, &[2], 2), factor(d, &[], 3))
}

fn temperature(d: &mut Draws<'_>) -> Parameter {
    d.variable(&[2], |x| 1.2 + 0.3 * x)
}

pub(crate) const FAMILIES: &[Family] = &[
    ("RelaxedOneHotCategorical of two", |d| {
        let temperature = temperature(d);
        Ok(RelaxedOneHotCategorical::from_logits(temperature, d.real(&[2]))?.into())
    }),
    ("RelaxedOneHotCategorical of three", |d| {
        let temperature = temperature(d);
        Ok(RelaxedOneHotCategorical::from_logits(temperature, d.real(&[2, 3]))?.into())
    }),
    ("RelaxedOneHotCategorical of five", |d| {
        Ok(RelaxedOneHotCategorical::from_logits(0.5, d.real(&[2, 5]))?.into())
    }),
    ("ExpRelaxedOneHotCategorical", |d| {
        let temperature = temperature(d);
        Ok(ExpRelaxedOneHotCategorical::from_logits(temperature, d.real(&[3]))?.into())
    }),
    ("ExpRelaxedOneHotCategorical, cold", |d| {
        Ok(ExpRelaxedOneHotCategorical::from_logits(0.02, d.real(&[2, 4]))?.into())
    }),
    ("MultivariateNormalTriL", |d| Ok(tril(d, &[2])?.into())),
    ("MultivariateNormalFullCovariance", |d| {
        let (loc, covariance) = (d.real(&[2]), covariance(d, &[2], 2));
        Ok(MultivariateNormalFullCovariance::new(loc, covariance)?.into())
    }),
    ("MultivariateNormalFullCovariance of three", |d| {
        let (loc, covariance) = (d.real(&[2, 3]), covariance(d, &[], 3));
        Ok(MultivariateNormalFullCovariance::new(loc, covariance)?.into())
    }),
    ("MultivariateNormalTriL of three", |d| {
        Ok(MultivariateNormalTriL::new(d.real(&[2, 3]), factor(d, &[], 3))?.into())
    }),
    ("MultivariateNormalDiagPlusLowRank", |d| Ok(low_rank(d, &[2])?.into())),
    ("MultivariateNormalDiagPlusLowRank, weighted", |d| {
        let weights = d.variable(&[2], |x| (x / 2.0).exp());
        let directions = d.variable(&[3, 2], |x| x / 2.0);
        let normal =
            MultivariateNormalDiagPlusLowRank::new(d.real(&[3]), d.positive(&[3]), directions)?;
        Ok(normal.with_scale_perturb_diag(weights)?.into())
    }),
    ("MatrixNormal", |d| Ok(matrix(d)?.into())),
];

pub(crate) const PAIRS: &[Pair] = &[
    ("TriL, TriL", |d| Ok([tril(d, &[2])?.into(), tril(d, &[])?.into()])),
    ("TriL, Diag", |d| Ok([tril(d, &[])?.into(), diag(d, &[2])?.into()])),
    ("Diag, TriL", |d| Ok([diag(d, &[2])?.into(), tril(d, &[])?.into()])),
    ("TriL, LowRank", |d| Ok([tril(d, &[])?.into(), low_rank(d, &[])?.into()])),
    ("LowRank, TriL", |d| Ok([low_rank(d, &[])?.into(), tril(d, &[2])?.into()])),
    ("LowRank, LowRank", |d| Ok([low_rank(d, &[])?.into(), low_rank(d, &[2])?.into()])),
    ("LowRank, Diag", |d| Ok([low_rank(d, &[2])?.into(), diag(d, &[])?.into()])),
    ("Diag, LowRank", |d| Ok([diag(d, &[])?.into(), low_rank(d, &[])?.into()])),
    ("Independent, TriL", |d| {
        Ok([Independent::new(d.normal(&[2])?, 1)?.into(), tril(d, &[2])?.into()])
    }),
    ("TriL, Sample", |d| Ok([tril(d, &[2])?.into(), Sample::new(d.normal(&[])?, &[2])?.into()])),
    ("MatrixNormal", |d| Ok([matrix(d)?.into(), matrix(d)?.into()])),
];
