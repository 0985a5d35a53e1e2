//! Families on the real and the half line and the circle.

use tfn_distributions::bijectors::{Chain, Exp, Scale, Shift, Sigmoid};
use tfn_distributions::{
    Cauchy, Gumbel, HalfCauchy, HalfNormal, HalfStudentT, Horseshoe, Kumaraswamy, LogNormal,
    Logistic, LogitNormal, Normal, Result, StudentT, TransformedDistribution, TruncatedNormal,
    VonMises, Weibull,
};

use crate::draws::{Draws, Family, Pair};

/// From 0.1 to 0.5: wide log-normals have tails that no sample of this size shows.
fn narrow(d: &mut Draws<'_>) -> tfn_distributions::Parameter {
    d.variable(&[2], |x| 0.3 + 0.1 * x)
}

/// From 1.1 to 5.1: with a mode inside.
fn moderate(d: &mut Draws<'_>) -> tfn_distributions::Parameter {
    d.variable(&[2], |x| 3.1 + x)
}

/// From 6 to 10: degrees of freedom of which a sample shows the variance.
fn with_moments(d: &mut Draws<'_>) -> tfn_distributions::Parameter {
    d.variable(&[2], |x| 8.0 + x)
}

/// An interval around 0 of 0.2 to 4.2 to either side.
fn truncated(d: &mut Draws<'_>) -> Result<TruncatedNormal> {
    let [low, high] = [d.variable(&[2], |x| x - 2.2), d.variable(&[2], |x| x + 2.2)];
    TruncatedNormal::new(d.real(&[2]), d.positive(&[2]), low, high)
}

/// From −6 to 6: more than once around.
fn angles(d: &mut Draws<'_>) -> tfn_distributions::Parameter {
    d.variable(&[2], |x| 3.0 * x)
}

pub(crate) const FAMILIES: &[Family] = &[
    ("Cauchy", |d| Ok(Cauchy::new(d.real(&[2]), d.positive(&[2]))?.into())),
    ("HalfCauchy", |d| Ok(HalfCauchy::new(d.real(&[2]), d.positive(&[2]))?.into())),
    ("HalfNormal", |d| Ok(HalfNormal::new(d.positive(&[2]))?.into())),
    ("HalfStudentT", |d| {
        Ok(HalfStudentT::new(with_moments(d), d.real(&[2]), d.positive(&[2]))?.into())
    }),
    ("Horseshoe", |d| Ok(Horseshoe::new(d.positive(&[2]))?.into())),
    ("Logistic", |d| Ok(Logistic::new(d.real(&[2]), d.positive(&[2]))?.into())),
    ("Gumbel", |d| Ok(Gumbel::new(d.real(&[2]), d.positive(&[2]))?.into())),
    ("TruncatedNormal", |d| Ok(truncated(d)?.into())),
    ("TruncatedNormal, far out", |d| {
        let low = d.variable(&[2], |x| 12.0 + x);
        Ok(TruncatedNormal::new(d.real(&[2]), 1.0, low, f64::INFINITY)?.into())
    }),
    ("StudentT", |d| Ok(StudentT::new(with_moments(d), d.real(&[2]), d.positive(&[2]))?.into())),
    ("LogNormal", |d| Ok(LogNormal::new(d.real(&[2]), narrow(d))?.into())),
    ("LogitNormal", |d| Ok(LogitNormal::new(d.real(&[2]), narrow(d))?.into())),
    ("Normal through Exp", |d| {
        Ok(TransformedDistribution::new(Normal::new(d.real(&[2]), narrow(d))?, Exp::new())?.into())
    }),
    ("VonMises", |d| Ok(VonMises::new(angles(d), d.positive(&[2]))?.into())),
    ("VonMises, concentrated", |d| {
        Ok(VonMises::new(angles(d), d.variable(&[2], |x| 300.0 + 140.0 * x))?.into())
    }),
    ("Weibull", |d| Ok(Weibull::new(moderate(d), d.positive(&[2]))?.into())),
    ("Kumaraswamy", |d| Ok(Kumaraswamy::new(moderate(d), moderate(d))?.into())),
];

/// From 3 to 5: of extreme values, whose divergences hold the moment of the ratio of two such, a sample of this
/// size shows the mean up to ratios of about 2.
fn alike(d: &mut Draws<'_>) -> tfn_distributions::Parameter {
    d.variable(&[2], |x| 4.0 + 0.5 * x)
}

pub(crate) const PAIRS: &[Pair] = &[
    ("TruncatedNormal", |d| {
        let q = truncated(d)?;
        let p = TruncatedNormal::new(d.real(&[2]), d.positive(&[2]), -4.5, 5.0)?;
        Ok([q.into(), p.into()])
    }),
    ("TruncatedNormal, Normal", |d| Ok([truncated(d)?.into(), d.normal(&[2])?.into()])),
    ("VonMises", |d| {
        let q = VonMises::new(angles(d), d.positive(&[2]))?;
        Ok([q.into(), VonMises::new(angles(d), d.positive(&[2]))?.into()])
    }),
    ("Gumbel", |d| {
        let q = Gumbel::new(d.real(&[2]), alike(d))?;
        Ok([q.into(), Gumbel::new(d.real(&[2]), alike(d))?.into()])
    }),
    ("Weibull", |d| {
        let q = Weibull::new(alike(d), alike(d))?;
        Ok([q.into(), Weibull::new(alike(d), alike(d))?.into()])
    }),
    ("Cauchy", |d| {
        let q = Cauchy::new(d.real(&[2, 1]), d.positive(&[3]))?;
        Ok([q.into(), Cauchy::new(d.real(&[3]), d.positive(&[3]))?.into()])
    }),
    ("HalfNormal", |d| {
        Ok([HalfNormal::new(d.positive(&[2]))?.into(), HalfNormal::new(d.positive(&[2]))?.into()])
    }),
    ("LogNormal", |d| {
        let q = LogNormal::new(d.real(&[2]), narrow(d))?;
        Ok([q.into(), LogNormal::new(d.real(&[2]), narrow(d))?.into()])
    }),
    ("LogitNormal", |d| {
        let q = LogitNormal::new(d.real(&[2]), narrow(d))?;
        Ok([q.into(), LogitNormal::new(d.real(&[2]), narrow(d))?.into()])
    }),
    ("Normal through Exp, LogNormal", |d| {
        let q = TransformedDistribution::new(Normal::new(d.real(&[2]), narrow(d))?, Exp::new())?;
        Ok([q.into(), LogNormal::new(d.real(&[2]), narrow(d))?.into()])
    }),
    ("LogNormal, Normal through Exp of an affine function", |d| {
        let chain = Chain::new([
            Exp::new().into(),
            Shift::new(d.real(&[2]))?.into(),
            Scale::new(-0.7)?.into(),
        ]);
        let p = TransformedDistribution::new(Normal::new(d.real(&[2]), narrow(d))?, chain)?;
        Ok([LogNormal::new(d.real(&[2]), narrow(d))?.into(), p.into()])
    }),
    ("LogitNormal, Normal through Sigmoid", |d| {
        let p =
            TransformedDistribution::new(Normal::new(d.real(&[2]), narrow(d))?, Sigmoid::new())?;
        Ok([LogitNormal::new(d.real(&[2]), narrow(d))?.into(), p.into()])
    }),
];
