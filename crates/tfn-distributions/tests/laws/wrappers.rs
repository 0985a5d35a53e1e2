//! What is made of other distributions by their batches, and mixtures of several families.

use tfn_distributions::tensor::Tensor;
use tfn_distributions::{
    BatchBroadcast, BatchReshape, Bernoulli, Categorical, Independent, JointDistributionNamed,
    JointPart, Masked, Mixture, MultivariateNormalDiag, Sample,
};

use crate::draws::{Draws, Family, Made, Pair};

pub(crate) const FAMILIES: &[Family] = &[
    ("BatchBroadcast", |d| Ok(BatchBroadcast::new(d.normal(&[1])?, &[2, 1])?.into())),
    ("BatchBroadcast of vectors", |d| {
        let vectors = MultivariateNormalDiag::new(d.real(&[2, 1, 2]), d.positive(&[2]))?;
        Ok(BatchBroadcast::new(vectors, &[2, 2])?.into())
    }),
    ("BatchBroadcast of labels", |d| {
        Ok(BatchBroadcast::new(Categorical::from_logits(d.real(&[3]))?, &[2])?.into())
    }),
    ("BatchReshape", |d| Ok(BatchReshape::new(d.normal(&[2])?, &[2, 1])?.into())),
    ("BatchReshape of vectors", |d| {
        let vectors = MultivariateNormalDiag::new(d.real(&[2, 2]), d.positive(&[2]))?;
        Ok(BatchReshape::new(vectors, &[1, 2])?.into())
    }),
    ("BatchReshape of labels", |d| {
        Ok(BatchReshape::new(Categorical::from_logits(d.real(&[2, 3]))?, &[2, 1])?.into())
    }),
    ("Masked, all valid", |d| Ok(Masked::new(d.normal(&[2])?, mask(d, &[1.0, 1.0]))?.into())),
    ("Masked", |d| Ok(masked_vectors(d)?.into())),
    ("Independent of Masked", |d| Ok(Independent::new(masked_vectors(d)?, 1)?.into())),
    ("Mixture", |d| {
        let weights = Categorical::from_logits(d.real(&[2]))?;
        Ok(Mixture::new(weights, [d.normal(&[])?.into(), d.laplace(&[])?.into()])?.into())
    }),
    ("Mixture of vectors", |d| {
        let weights = Categorical::from_logits(d.real(&[2]))?;
        let vectors = MultivariateNormalDiag::new(d.real(&[2]), d.positive(&[2]))?;
        let others = Independent::new(d.laplace(&[2])?, 1)?;
        Ok(Mixture::new(weights, [vectors.into(), others.into()])?.into())
    }),
    ("Mixture of labels", |d| {
        let weights = Categorical::from_logits(d.real(&[2, 2]))?;
        let labels = Categorical::from_logits(d.real(&[3]))?;
        Ok(Mixture::new(weights, [labels.into(), Bernoulli::from_logits(d.real(&[]))?.into()])?
            .into())
    }),
    ("JointDistributionNamed", |d| {
        let parts = [("b", d.normal(&[])?.into()), ("a", JointPart::from(d.laplace(&[])?))];
        Ok(JointDistributionNamed::new(parts)?.into())
    }),
];

/// Zeros and ones in the type of the draws.
fn mask(d: &Draws<'_>, entries: &[f64]) -> Tensor {
    Tensor::from_f64(entries, &[entries.len()], d.dtype())
}

fn masked_vectors(d: &mut Draws<'_>) -> tfn_distributions::Result<Masked> {
    let vectors = MultivariateNormalDiag::new(d.real(&[3, 2]), d.positive(&[2]))?;
    let masked = Masked::new(vectors, mask(d, &[1.0, 0.0, 1.0]))?;
    // The default moves with the parameters, though without a gradient.
    Ok(masked.with_safe_sample_fn(|vectors| Ok(Tensor::zeros(&[], vectors.dtype()?))))
}

pub(crate) const PAIRS: &[Pair] = &[
    ("BatchBroadcast", |d| {
        let mut wide = || BatchBroadcast::new(d.laplace(&[1])?, &[2]);
        Ok([wide()?.into(), wide()?.into()])
    }),
    ("BatchBroadcast, Laplace", |d| {
        let q = BatchBroadcast::new(d.laplace(&[2])?, &[2, 1])?;
        Ok([q.into(), d.laplace(&[2, 1])?.into()])
    }),
    ("Sample of BatchBroadcast, Sample", |d| {
        let q = Sample::new(BatchBroadcast::new(d.laplace(&[])?, &[2])?, &[3])?;
        Ok([q.into(), Sample::new(d.laplace(&[2])?, &[3])?.into()])
    }),
    ("BatchReshape", |d| {
        let mut table = || BatchReshape::new(d.laplace(&[2])?, &[2, 1]);
        Ok([table()?.into(), table()?.into()])
    }),
    ("Independent of BatchReshape, Sample", |d| {
        let q = Independent::new(BatchReshape::new(d.laplace(&[4])?, &[2, 2])?, 2)?;
        Ok([q.into(), Sample::new(d.laplace(&[])?, &[2, 2])?.into()])
    }),
    ("BatchReshape, Normal", |d| {
        let q = BatchReshape::new(d.normal(&[4])?, &[2, 2])?;
        Ok([q.into(), d.normal(&[2])?.into()])
    }),
    ("Masked", |d| {
        let both = |d: &mut Draws<'_>| -> Made {
            let masked = Masked::new(d.laplace(&[2, 3])?, mask(d, &[1.0, 0.0, 1.0]))?;
            Ok(Independent::new(masked, 1)?.into())
        };
        Ok([both(d)?, both(d)?])
    }),
    ("Masked, BatchBroadcast inside", |d| {
        let both = |d: &mut Draws<'_>| -> Made {
            let wide = BatchBroadcast::new(d.normal(&[])?, &[3])?;
            Ok(Masked::new(wide, mask(d, &[0.0, 1.0, 1.0]))?.into())
        };
        Ok([both(d)?, both(d)?])
    }),
    ("JointDistributionNamed", |d| {
        let [a, b] = [d.laplace(&[2])?.into(), JointPart::from(d.normal(&[])?)];
        let q = JointDistributionNamed::new([("a", a), ("b", b)])?;
        let [a, b] = [d.laplace(&[])?.into(), JointPart::from(d.normal(&[2])?)];
        Ok([q.into(), JointDistributionNamed::new([("b", b), ("a", a)])?.into()])
    }),
];
