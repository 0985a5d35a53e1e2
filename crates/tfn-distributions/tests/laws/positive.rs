//! Families that stand on the gamma and beta functions.

use tfn_distributions::tensor::{Stream, Tensor, Variable};
use tfn_distributions::{
    Beta, Chi2, Dirichlet, Distribution, Exponential, Gamma, HalfNormal, InverseGamma, Kumaraswamy,
    Weibull,
};

use crate::draws::{Family, Pair};
use crate::for_each_draw;

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

/// The gamma variables' own gradients are held to the implicit ones, sample by sample.
#[test]
fn rows_move_as_the_gamma_variables_that_they_are_shares_of() {
    for_each_draw(16, |numbers| {
        let values: Vec<f64> = numbers[..6].iter().map(|x| (2.0 * x).exp()).collect();
        let a = Variable::new("a", Tensor::from_vec(values, &[2, 3])).unwrap();
        let weights: Vec<f64> = (0..30).map(|i| f64::from(i).sin()).collect();
        let weights = Tensor::from_vec(weights, &[5, 2, 3]);
        let sample = |d: &dyn Distribution| d.sample(&[5], &mut Stream::from_seed(4)).unwrap();
        let gammas = sample(&Gamma::new(&a, 1.0).unwrap());
        let shares = &gammas / gammas.sum_axes(&[-1], true);
        let rows = sample(&Dirichlet::new(&a).unwrap());
        let [shares, rows] = [shares, rows].map(|x| {
            let slopes = (&x * &weights).sum().gradients().unwrap().of(&a);
            [x.to_vec::<f64>().unwrap(), slopes.to_vec::<f64>().unwrap()].concat()
        });
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(shares.iter().zip(&rows).all(near), "{shares:?} {rows:?}");
        Ok(())
    });
}
