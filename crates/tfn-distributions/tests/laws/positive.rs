//! Families that stand on the gamma and beta functions.

use tfn_distributions::{
    Beta, Chi2, Dirichlet, Exponential, Gamma, HalfNormal, InverseGamma, Kumaraswamy, Weibull,
};

use crate::draws::{Family, Pair};

pub(crate) const FAMILIES: &[Family] = &[
    // Below a concentration of 1 there is no mode, and a pole at 0.
    ("Gamma", |d| Ok(Gamma::new(d.variable(&[2], |x| 3.5 + x), d.positive(&[2]))?.into())),
    ("Gamma, broadcast", |d| {
        Ok(Gamma::new(d.variable(&[2, 1], |x| 50.0 + 20.0 * x), d.positive(&[3]))?.into())
    }),
    ("Exponential", |d| Ok(Exponential::new(d.positive(&[3]))?.into())),
    ("Chi2", |d| Ok(Chi2::new(d.variable(&[3], |x| 6.0 + x))?.into())),
    ("Beta", |d| {
        let [a, b] = [d.variable(&[2], |x| 3.5 + x), d.variable(&[2], |x| 3.5 + x)];
        Ok(Beta::new(a, b)?.into())
    }),
    ("Dirichlet of two", |d| Ok(Dirichlet::new(d.variable(&[2, 2], |x| 3.5 + x))?.into())),
    ("Dirichlet of three", |d| Ok(Dirichlet::new(d.variable(&[3], |x| 3.5 + x))?.into())),
    ("Dirichlet of five", |d| Ok(Dirichlet::new(d.variable(&[2, 5], |x| 3.5 + x))?.into())),
    // Below a concentration of 4 the variance of the squares, by which samples are judged, is infinite.
    ("InverseGamma", |d| {
        Ok(InverseGamma::new(d.variable(&[2], |x| 12.0 + x), d.positive(&[2]))?.into())
    }),
];

pub(crate) const PAIRS: &[Pair] = &[
    ("Gamma", |d| {
        let q = Gamma::new(d.positive(&[2, 1]), d.positive(&[3]))?;
        Ok([q.into(), Gamma::new(d.positive(&[3]), d.positive(&[]))?.into()])
    }),
    ("Exponential, Exponential", |d| {
        Ok([Exponential::new(d.positive(&[3]))?.into(), Exponential::new(d.positive(&[3]))?.into()])
    }),
    ("Exponential, Gamma", |d| {
        let p = Gamma::new(d.positive(&[3]), d.positive(&[3]))?;
        Ok([Exponential::new(d.positive(&[3]))?.into(), p.into()])
    }),
    ("Gamma, Chi2", |d| {
        let q = Gamma::new(d.positive(&[2]), d.positive(&[2]))?;
        Ok([q.into(), Chi2::new(d.positive(&[2]))?.into()])
    }),
    ("Gamma, Weibull", |d| {
        let q = Gamma::new(d.positive(&[2]), d.positive(&[2]))?;
        // Above a concentration of about 2 a power of the samples has no use for its average.
        let p = Weibull::new(d.variable(&[2], |x| 1.2 + x / 2.0), d.positive(&[2]))?;
        Ok([q.into(), p.into()])
    }),
    ("Weibull, Gamma", |d| {
        let q = Weibull::new(d.variable(&[2], |x| 3.0 + x), d.positive(&[2]))?;
        Ok([q.into(), Gamma::new(d.positive(&[2]), d.positive(&[2]))?.into()])
    }),
    ("Gamma, HalfNormal", |d| {
        let q = Gamma::new(d.positive(&[2]), d.positive(&[2]))?;
        Ok([q.into(), HalfNormal::new(d.positive(&[2]))?.into()])
    }),
    ("HalfNormal, Gamma", |d| {
        let p = Gamma::new(d.positive(&[2]), d.positive(&[2]))?;
        Ok([HalfNormal::new(d.positive(&[2]))?.into(), p.into()])
    }),
    ("Kumaraswamy, Beta", |d| {
        let q = Kumaraswamy::new(d.positive(&[2]), d.positive(&[2]))?;
        Ok([q.into(), Beta::new(d.positive(&[2]), d.positive(&[2]))?.into()])
    }),
    ("Beta", |d| {
        let q = Beta::new(d.variable(&[3], |x| 3.5 + x), d.variable(&[3], |x| 3.5 + x))?;
        Ok([q.into(), Beta::new(d.positive(&[3]), d.positive(&[3]))?.into()])
    }),
    ("Dirichlet", |d| {
        let q = Dirichlet::new(d.variable(&[2, 3], |x| 3.5 + x))?;
        Ok([q.into(), Dirichlet::new(d.positive(&[3]))?.into()])
    }),
    ("InverseGamma", |d| {
        let q = InverseGamma::new(d.positive(&[3]), d.positive(&[3]))?;
        Ok([q.into(), InverseGamma::new(d.positive(&[3]), d.positive(&[3]))?.into()])
    }),
];
