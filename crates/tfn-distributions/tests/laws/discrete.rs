//! Counts.

use tfn_distributions::{Geometric, Poisson};

use crate::draws::{Family, Pair};

pub(crate) const FAMILIES: &[Family] = &[
    ("Geometric, logits", |d| Ok(Geometric::from_logits(d.real(&[2]))?.into())),
    (
        "Geometric, probs",
        |d| Ok(Geometric::from_probs(d.variable(&[2], |x| 0.5 + x / 5.0))?.into()),
    ),
    ("Poisson", |d| Ok(Poisson::new(d.positive(&[2]))?.into())),
    ("Poisson, many", |d| Ok(Poisson::from_log_rate(d.variable(&[2], |x| 4.0 + x / 2.0))?.into())),
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
];
