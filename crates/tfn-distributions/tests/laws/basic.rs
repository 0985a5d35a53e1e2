//! Normals, their nearest kin, and what is made of other distributions.

use std::sync::Arc;

use tfn_distributions::bijectors::{Chain, Exp, Scale, Shift, Softplus};
use tfn_distributions::{
    Bernoulli, Categorical, Deterministic, Distribution, Independent, JointDistributionSequential,
    Laplace, LogUniform, MixtureSameFamily, MultivariateNormalDiag, Normal, OneHotCategorical,
    Sample, TransformedDistribution, Uniform,
};

use crate::draws::{Draws, Family, Made, Pair};

pub(crate) const FAMILIES: &[Family] = &[
    ("Normal", |d| Ok(d.normal(&[2])?.into())),
    ("Normal, broadcast", |d| Ok(Normal::new(d.real(&[2, 1]), d.positive(&[3]))?.into())),
    ("Laplace", |d| Ok(d.laplace(&[2])?.into())),
    ("Uniform", |d| {
        Ok(Uniform::new(d.variable(&[2], |x| x - 2.1), d.variable(&[2], |x| x + 2.1))?.into())
    }),
    ("Deterministic", |d| Ok(Deterministic::new(d.real(&[2]))?.into())),
    ("Bernoulli, logits", |d| Ok(Bernoulli::from_logits(d.real(&[3]))?.into())),
    (
        "Bernoulli, probs",
        |d| Ok(Bernoulli::from_probs(d.variable(&[3], |x| 0.5 + x / 5.0))?.into()),
    ),
    ("Categorical", |d| Ok(Categorical::from_logits(d.real(&[2, 4]))?.into())),
    ("Categorical, one label", |d| Ok(Categorical::from_logits(d.real(&[1]))?.into())),
    ("OneHotCategorical", |d| Ok(OneHotCategorical::from_logits(d.real(&[2, 4]))?.into())),
    ("MixtureSameFamily", |d| Ok(d.mixture(&[2])?.into())),
    ("MixtureSameFamily of labels", |d| {
        let weights = Categorical::from_logits(d.real(&[2]))?;
        Ok(MixtureSameFamily::new(weights, Categorical::from_logits(d.real(&[2, 3]))?)?.into())
    }),
    ("MixtureSameFamily of vectors", |d| {
        let weights = Categorical::from_logits(d.real(&[2]))?;
        let components = MultivariateNormalDiag::new(d.real(&[2, 3]), d.positive(&[2, 3]))?;
        Ok(MixtureSameFamily::new(weights, components)?.into())
    }),
    ("Independent", |d| Ok(Independent::new(d.normal(&[2, 3])?, 1)?.into())),
    ("Independent of labels", |d| {
        Ok(Independent::new(Categorical::from_logits(d.real(&[3, 2]))?, 1)?.into())
    }),
    ("Independent of nothing", |d| Ok(Independent::new(d.laplace(&[2])?, 0)?.into())),
    ("Sample", |d| Ok(Sample::new(d.normal(&[])?, &[2, 2])?.into())),
    ("Sample of a batch", |d| Ok(Sample::new(d.laplace(&[2])?, &[3])?.into())),
    ("Sample of a mixture", |d| Ok(Sample::new(d.mixture(&[])?, &[3])?.into())),
    ("Sample of vectors", |d| {
        Ok(Sample::new(Independent::new(d.normal(&[2, 2])?, 1)?, &[3])?.into())
    }),
    ("MultivariateNormalDiag", |d| {
        Ok(MultivariateNormalDiag::new(d.real(&[3]), d.positive(&[2, 3]))?.into())
    }),
    ("TransformedDistribution, exp", |d| {
        // A wide log-normal has tails that no sample of this size shows.
        let narrow = d.variable(&[2], |x| 0.3 + 0.1 * x);
        Ok(TransformedDistribution::new(Normal::new(d.real(&[2]), narrow)?, Exp::new())?.into())
    }),
    ("TransformedDistribution, softplus", |d| {
        // A wide one has a pole at 0 that quadrature does not resolve.
        let narrow = d.variable(&[2], |x| 0.3 + 0.1 * x);
        Ok(TransformedDistribution::new(Laplace::new(d.real(&[2]), narrow)?, Softplus::new())?
            .into())
    }),
    ("TransformedDistribution, affine and falling", |d| {
        let scale = Scale::new(d.variable(&[], |x| -x.exp()))?;
        let bijector = Chain::new([Shift::new(d.real(&[]))?.into(), scale.into()]);
        Ok(TransformedDistribution::new(d.normal(&[2])?, bijector)?.into())
    }),
    ("TransformedDistribution of vectors", |d| {
        let narrow = d.variable(&[2], |x| 0.3 + 0.1 * x);
        let base = MultivariateNormalDiag::new(d.real(&[2]), narrow)?;
        Ok(TransformedDistribution::new(base, Exp::new())?.into())
    }),
    ("JointDistributionSequential", |d| {
        let parts: [Arc<dyn Distribution>; 2] =
            [Independent::new(d.normal(&[2])?, 1)?.into(), d.laplace(&[])?.into()];
        Ok(JointDistributionSequential::new(parts)?.into())
    }),
];

pub(crate) const PAIRS: &[Pair] = &[
    ("Normal", |d| Ok([d.normal(&[2, 1])?.into(), d.normal(&[3])?.into()])),
    ("Laplace", |d| Ok([d.laplace(&[2])?.into(), d.laplace(&[2])?.into()])),
    ("Normal, Laplace", |d| Ok([d.normal(&[3])?.into(), d.laplace(&[])?.into()])),
    ("Normal, Laplace of a batch", |d| Ok([d.normal(&[2, 1])?.into(), d.laplace(&[3])?.into()])),
    ("Normal, LogUniform", |d| Ok([d.normal(&[3])?.into(), LogUniform::new(d.dtype()).into()])),
    ("Uniform", |d| {
        let q = Uniform::new(d.variable(&[2], |x| x - 2.1), d.variable(&[2], |x| x + 2.1))?;
        let p = Uniform::new(d.variable(&[2], |x| x - 6.2), d.variable(&[2], |x| x + 6.2))?;
        Ok([q.into(), p.into()])
    }),
    ("Bernoulli", |d| {
        Ok([
            Bernoulli::from_logits(d.real(&[2]))?.into(),
            Bernoulli::from_logits(d.real(&[2]))?.into(),
        ])
    }),
    ("Categorical", |d| {
        let [q, p] = [d.real(&[2, 3]), d.real(&[3])];
        Ok([Categorical::from_logits(q)?.into(), Categorical::from_logits(p)?.into()])
    }),
    ("OneHotCategorical", |d| {
        let [q, p] = [d.real(&[2, 3]), d.real(&[3])];
        Ok([OneHotCategorical::from_logits(q)?.into(), OneHotCategorical::from_logits(p)?.into()])
    }),
    ("MultivariateNormalDiag", |d| {
        let q = MultivariateNormalDiag::new(d.real(&[2, 3]), d.positive(&[2, 3]))?;
        Ok([q.into(), MultivariateNormalDiag::new(d.real(&[3]), d.positive(&[3]))?.into()])
    }),
    ("Independent, MultivariateNormalDiag", |d| {
        let p = MultivariateNormalDiag::new(d.real(&[3]), d.positive(&[3]))?;
        Ok([Independent::new(d.normal(&[3])?, 1)?.into(), p.into()])
    }),
    ("Independent, Sample", |d| {
        let q = Independent::new(d.laplace(&[2, 3])?, 1)?;
        Ok([q.into(), Sample::new(d.laplace(&[])?, &[3])?.into()])
    }),
    ("Sample, Independent", |d| {
        let q = Sample::new(d.normal(&[2])?, &[3])?;
        Ok([q.into(), Independent::new(d.normal(&[2, 3])?, 1)?.into()])
    }),
    ("Sample", |d| {
        Ok([
            Sample::new(d.laplace(&[2])?, &[3])?.into(),
            Sample::new(d.laplace(&[2])?, &[3])?.into(),
        ])
    }),
    ("Deterministic, mixture", |d| {
        Ok([Deterministic::new(d.real(&[3]))?.into(), d.mixture(&[])?.into()])
    }),
    ("TransformedDistribution, both", |d| {
        let [q, p] = [d.normal(&[2])?, d.normal(&[2])?];
        let through = |normal| TransformedDistribution::new(normal, Softplus::new());
        Ok([through(q)?.into(), through(p)?.into()])
    }),
    ("TransformedDistribution, affine", |d| {
        let affine =
            Chain::new([Shift::new(d.real(&[]))?.into(), Scale::new(d.positive(&[]))?.into()]);
        let q = TransformedDistribution::new(d.normal(&[2])?, affine)?;
        Ok([q.into(), d.normal(&[2])?.into()])
    }),
    ("JointDistributionSequential", |d| {
        let joint = |d: &mut Draws<'_>| -> Made {
            let parts: [Arc<dyn Distribution>; 2] =
                [Independent::new(d.normal(&[2])?, 1)?.into(), d.laplace(&[])?.into()];
            Ok(JointDistributionSequential::new(parts)?.into())
        };
        Ok([joint(d)?, joint(d)?])
    }),
];
