//! Divergences of distributions that nearly agree: never below zero, and with their digits in either type.

use std::sync::Arc;

use proptest::prelude::*;
use tfn_distributions::tensor::{DType, Tensor, Variable};
use tfn_distributions::{
    Bernoulli, Beta, Binomial, Categorical, Distribution, Gamma, Geometric, Kumaraswamy, Laplace,
    NegativeBinomial, OneHotCategorical, Result, Uniform, Weibull, kl_divergence,
};

use crate::draws::Draws;
use crate::{FAMILIES, entries, for_each_draw};

/// Families whose divergence grows like the step itself, for an end of their support is a parameter, or has the noise of `f64`
/// where it is small beside its terms.
const NOT_QUADRATIC: [&str; 3] = ["TruncatedNormal", "TruncatedNormal, far out", "Uniform"];

/// One variable after another, and at last all of them, a little larger than in `fresh()`, in each entry a little more than in the
/// one before.
fn neighbours(fresh: &dyn Fn() -> Arc<dyn Distribution>, step: f64) -> Vec<Arc<dyn Distribution>> {
    let count = fresh().variables().len();
    let nudged = |at: usize| {
        let p = fresh();
        for (_, variable) in
            p.variables().iter().enumerate().filter(|(i, _)| at == *i || at == count)
        {
            let value = variable.value().detach();
            let values = value.to_f64_vec().unwrap().into_iter().enumerate();
            let moved: Vec<f64> =
                values.map(|(i, x)| x * (1.0 + step * (1.0 + i as f64))).collect();
            let (shape, dtype) = (value.shape().unwrap(), value.dtype().unwrap());
            variable.assign(&Tensor::from_f64(&moved, shape, dtype)).unwrap();
        }
        p
    };
    (0..=count).map(nudged).collect()
}

/// The divergence where there is a rule, entry by entry.
fn divergence(q: &Arc<dyn Distribution>, p: &Arc<dyn Distribution>) -> Option<Vec<f64>> {
    kl_divergence(q.as_ref(), p.as_ref()).ok().map(|value| entries(Ok(value)))
}

#[test]
fn divergences_of_neighbours_grow_like_the_square_of_their_distance() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(6, |numbers| {
            let fresh = || make(&mut Draws::new(&numbers, DType::F64)).unwrap();
            let q = fresh();
            let Some(to_itself) = divergence(&q, &q) else { return Ok(()) };
            prop_assert!(to_itself.iter().all(|&kl| kl == 0.0), "{name}: {to_itself:?}");
            let far = neighbours(&fresh, 1e-4);
            for step in [1e-8, 1e-7, 1e-6, 1e-5] {
                for (near, far) in neighbours(&fresh, step).iter().zip(&far) {
                    let Some(near) = divergence(&q, near) else { continue };
                    let far = divergence(&q, far).unwrap();
                    for (near, far) in near.into_iter().zip(far) {
                        let expected = far * (step / 1e-4).powi(2);
                        let is_square =
                            near == expected || (near - expected).abs() <= 0.01 * expected;
                        let holds = is_square || NOT_QUADRATIC.contains(name);
                        prop_assert!(near >= 0.0 && holds, "{name} {step}: {near} {expected}");
                    }
                }
            }
            Ok(())
        });
    }
}

#[test]
fn divergences_of_neighbours_in_single_precision_are_those_in_double() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(6, |numbers| {
            let fresh = |dtype| make(&mut Draws::new(&numbers, dtype)).unwrap();
            let widened = |narrow: &Arc<dyn Distribution>| {
                let wide = fresh(DType::F64);
                for (to, from) in wide.variables().iter().zip(narrow.variables()) {
                    to.assign(&from.value().detach().cast(DType::F64)).unwrap();
                }
                wide
            };
            let q = fresh(DType::F32);
            let Some(to_itself) = divergence(&q, &q) else { return Ok(()) };
            prop_assert!(to_itself.iter().all(|&kl| kl == 0.0), "{name}: {to_itself:?}");
            for step in [1e-7, 1e-6, 1e-5, 1e-4, 1e-2] {
                // What is `step` from 1 has been rounded by a few 6e-8, and is squared.
                let tolerance = 0.01 + 2e-6 / step;
                for p in neighbours(&|| fresh(DType::F32), step) {
                    let Some(given) = divergence(&q, &p) else { continue };
                    let expected = divergence(&widened(&q), &widened(&p)).unwrap();
                    for (given, expected) in given.into_iter().zip(expected) {
                        let holds =
                            given == expected || (given - expected).abs() <= tolerance * expected;
                        prop_assert!(given >= 0.0 && holds, "{name} {step}: {given} {expected}");
                    }
                }
            }
            Ok(())
        });
    }
}

/// Values of mpmath with 250 digits, of the parameters as they are rounded.
#[test]
fn divergences_of_neighbours_have_their_digits() {
    type Made = Result<Arc<dyn Distribution>>;
    let row = |values: &[f64]| Tensor::from_f64(values, &[values.len()], DType::F64);
    let single = |value: f64| Tensor::scalar_of(value, DType::F32);
    let coin = |p: f64| -> Made { Ok(Bernoulli::from_probs(single(p))?.into()) };
    let trials = |p: f64| -> Made { Ok(Binomial::from_probs(single(1e6), single(p))?.into()) };
    let log_odds = |l: f64| -> Made { Ok(Bernoulli::from_logits(l)?.into()) };
    let laplace = |loc: f64| -> Made { Ok(Laplace::new(loc, 1.0)?.into()) };
    let first = |p: f64| -> Made { Ok(Geometric::from_probs(p)?.into()) };
    let rare = |l: f64| -> Made { Ok(Geometric::from_logits(l)?.into()) };
    let die = |p: &[f64]| -> Made { Ok(Categorical::from_probs(row(p))?.into()) };
    let scores = |l: &[f64]| -> Made { Ok(OneHotCategorical::from_logits(row(l))?.into()) };
    let beta = |a: f64, b: f64| -> Made { Ok(Beta::new(single(a), single(b))?.into()) };
    let gamma = |rate: f64| -> Made { Ok(Gamma::new(2.0, rate)?.into()) };
    let narrow = |a: f64, rate: f64| -> Made { Ok(Gamma::new(single(a), single(rate))?.into()) };
    let waiting: Made = NegativeBinomial::from_logits(5.0, 0.5).map(Into::into);
    let waited: Made = NegativeBinomial::from_probs(5.0, 0.62245).map(Into::into);
    let cases = [
        (coin(0.3), coin(0.30003), 2.140_081_659_673_202_3e-9, 1e-7),
        (trials(0.3), trials(0.30003), 0.002_140_081_659_673_202, 1e-7),
        (log_odds(2.0), log_odds(2.0 + 1e-9), 5.249_680_137_563_474e-20, 1e-14),
        (log_odds(-50.0), log_odds(-49.0), 1.385_385_967_435_628_4e-22, 1e-14),
        (laplace(1e-8), laplace(0.0), 4.999_999_983_333_334e-17, 1e-14),
        (first(0.3), first(0.300_000_1), 7.936_506_929_154_177e-14, 1e-14),
        (rare(-200.0), rare(-199.0), 0.718_281_828_459_045_2, 1e-14),
        (waiting, waited, 2.453_431_281_490_077e-9, 1e-9),
        (
            die(&[0.2, 0.3, 0.5]),
            die(&[0.2 + 1e-9, 0.3 - 2e-9, 0.5 + 1e-9]),
            1.016_666_662_041_591e-17,
            1e-7,
        ),
        (
            scores(&[0.1, -3.0, 2.0]),
            scores(&[1.1, -2.0 + 1e-7, 3.0]),
            2.896_586_657_263_837_8e-17,
            1e-7,
        ),
        (die(&[0.0, 0.5, 0.5]), die(&[1e-9, 0.5 - 5e-10, 0.5 - 5e-10]), 1.000_000_000_5e-9, 1e-14),
        (beta(1e4, 2e4), beta(1.0001e4, 2.0002e4), 2.499_930_558_333_124e-9, 1e-6),
        (gamma(1e18), gamma(1.0), 80.893_063_347_785_65, 1e-14),
        (
            narrow(147_951_440.0, 1.085_971_59),
            narrow(150_474_576.0, 1.104_491_47),
            7.225_471_605_373_827e-5,
            1e-6,
        ),
    ];
    for (q, p, expected, tolerance) in cases {
        let (q, p) = (q.unwrap(), p.unwrap());
        let given = divergence(&q, &p).unwrap()[0];
        let off = (given / expected - 1.0).abs();
        assert!(off < tolerance, "{}: {given:e} {expected:e} {off:e}", q.family());
    }
}

/// Exponential distributions by several names, and uniform ones.
#[test]
fn equal_laws_of_two_families_are_not_apart() {
    for dtype in [DType::F32, DType::F64] {
        let number = |value: f64| Tensor::from_f64(&[value], &[], dtype);
        let (one, rate) = (number(1.0), number(0.37));
        let gamma = Gamma::new(&one, &rate).unwrap();
        let weibull = Weibull::new(&one, 1.0 / &rate).unwrap();
        let kumaraswamy = Kumaraswamy::new(&one, &rate).unwrap();
        let beta = Beta::new(&one, &rate).unwrap();
        let pairs: [[&dyn Distribution; 2]; 3] =
            [[&gamma, &weibull], [&weibull, &gamma], [&kumaraswamy, &beta]];
        for [q, p] in pairs {
            let kl = kl_divergence(q, p).unwrap().item().unwrap();
            // The reciprocal of the rate is rounded, by 3e-8 in `f32`.
            assert!((0.0..2e-15).contains(&kl), "{} {}: {kl:e}", q.family(), p.family());
        }
    }
}

#[test]
fn what_never_happens_still_pulls() {
    let variable = |value: f64| Variable::new("p", Tensor::scalar(value)).unwrap();
    for q in [0.0, 1e-320] {
        // ln(1/(1 − p)).
        let p = variable(0.3);
        let [q, p_coin] = [Bernoulli::from_probs(q).unwrap(), Bernoulli::from_probs(&p).unwrap()];
        let kl = kl_divergence(&q, &p_coin).unwrap();
        let slope = kl.gradients().unwrap().of(&p).item().unwrap();
        assert!((slope * 0.7 - 1.0).abs() < 1e-14, "{slope}");
    }
    // A uniform posterior that begins as its prior.
    let high = variable(1.0);
    let kl = kl_divergence(&Uniform::new(0.0, &high).unwrap(), &Uniform::new(0.0, 1.0).unwrap());
    assert_eq!(kl.unwrap().gradients().unwrap().of(&high).item().unwrap(), -1.0);
}
