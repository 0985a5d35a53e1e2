//! Counts.

use tfn_distributions::tensor::Tensor;
use tfn_distributions::{Binomial, Geometric, Multinomial, NegativeBinomial, Parameter, Poisson};

use crate::draws::{Draws, Family, Pair};

/// Numbers of trials, which have no slope.
fn trials(d: &Draws<'_>, counts: &[f64]) -> Parameter {
    Tensor::from_f64(counts, &[counts.len()], d.dtype()).into()
}

pub(crate) const FAMILIES: &[Family] = &[
    ("Geometric, logits", |d| Ok(Geometric::from_logits(d.real(&[2]))?.into())),
    (
        "Geometric, probs",
        |d| Ok(Geometric::from_probs(d.variable(&[2], |x| 0.5 + x / 5.0))?.into()),
    ),
    ("Poisson", |d| Ok(Poisson::new(d.positive(&[2]))?.into())),
    ("Poisson, many", |d| Ok(Poisson::from_log_rate(d.variable(&[2], |x| 4.0 + x / 2.0))?.into())),
    ("Binomial, logits", |d| {
        Ok(Binomial::from_logits(trials(d, &[1.0, 7.0, 400.0]), d.real(&[3]))?.into())
    }),
    ("Binomial, probs", |d| {
        let probs = d.variable(&[2, 1], |x| 0.5 + x / 5.0);
        Ok(Binomial::from_probs(trials(d, &[3.0, 60.0]), probs)?.into())
    }),
    ("NegativeBinomial, logits", |d| {
        Ok(NegativeBinomial::from_logits(d.positive(&[2]), d.real(&[2]))?.into())
    }),
    ("NegativeBinomial, probs", |d| {
        let count = d.variable(&[2], |x| 12.0 + 5.0 * x);
        Ok(NegativeBinomial::from_probs(count, d.variable(&[2], |x| 0.6 + x / 6.0))?.into())
    }),
    ("Multinomial", |d| {
        Ok(Multinomial::from_logits(trials(d, &[5.0, 300.0]), d.real(&[2, 3]))?.into())
    }),
];

pub(crate) const PAIRS: &[Pair] = &[
    ("Geometric", |d| {
        Ok([
            Geometric::from_logits(d.real(&[2, 1]))?.into(),
            Geometric::from_logits(d.real(&[3]))?.into(),
        ])
    }),
    ("Poisson", |d| {
        Ok([
            Poisson::new(d.positive(&[2, 1]))?.into(),
            Poisson::from_log_rate(d.real(&[3]))?.into(),
        ])
    }),
    ("Binomial", |d| {
        let counts = trials(d, &[1.0, 30.0]);
        let probs = d.variable(&[2], |x| 0.5 + x / 5.0);
        let q = Binomial::from_logits(&counts, d.real(&[2, 1]))?;
        Ok([q.into(), Binomial::from_probs(&counts, probs)?.into()])
    }),
    ("NegativeBinomial", |d| {
        let count = trials(d, &[0.7, 5.0]);
        let q = NegativeBinomial::from_logits(&count, d.real(&[2, 1]))?;
        let probs = d.variable(&[2], |x| 0.5 + x / 5.0);
        Ok([q.into(), NegativeBinomial::from_probs(&count, probs)?.into()])
    }),
    ("Multinomial", |d| {
        let counts = trials(d, &[2.0, 20.0]);
        let q = Multinomial::from_logits(&counts, d.real(&[2, 1, 3]))?;
        Ok([q.into(), Multinomial::from_logits(&counts, d.real(&[3]))?.into()])
    }),
];
