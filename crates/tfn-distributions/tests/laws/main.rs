//! The laws of all families, driven from tables, over random parameters.
//!
//! A new family gets one line in the `FAMILIES` of its group; a new divergence one in its `PAIRS`.

#![allow(clippy::unwrap_used)]

mod basic;
mod bijectors;
mod described;
mod discrete;
mod draws;
mod edges;
mod multivariate;
mod neighbours;
mod no_number;
mod own_draws;
mod positive;
mod real;
mod slopes;
mod wrappers;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tfn_distributions::bijectors::{Chain, Exp, Shift};
use tfn_distributions::tensor::{DType, Key, Stream, Tensor};
use tfn_distributions::testing::{Laws, check_distribution, check_kl};
use tfn_distributions::{
    Distribution, Independent, KlMethod, Laplace, Normal, Result, Saved, Support,
    TransformedDistribution, estimate_kl, kl_divergence,
};

use draws::{Draws, Family, Pair};

/// The tables, a group each.
const FAMILIES: &[&[Family]] = &[
    basic::FAMILIES,
    discrete::FAMILIES,
    multivariate::FAMILIES,
    positive::FAMILIES,
    real::FAMILIES,
    wrappers::FAMILIES,
];
const PAIRS: &[&[Pair]] = &[
    basic::PAIRS,
    discrete::PAIRS,
    multivariate::PAIRS,
    positive::PAIRS,
    real::PAIRS,
    wrappers::PAIRS,
];

/// Lists of numbers for parameters, always the same ones; as many as `PROPTEST_CASES` says, if it does.
fn for_each_draw(cases: u32, test: impl Fn(Vec<f64>) -> Result<(), TestCaseError>) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let numbers = prop::collection::vec(-2.0..2.0, 24);
    TestRunner::new_with_rng(config, seed).run(&numbers, test).unwrap();
}

fn broken(name: &str, error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(format!("{name}: {error}"))
}

#[test]
fn every_family_keeps_the_laws() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(16, |numbers| {
            let made = make(&mut Draws::new(&numbers, DType::F64)).map_err(|e| broken(name, e))?;
            check_distribution(made.as_ref(), &Laws::default().with_samples(4000))
                .map_err(|e| broken(name, e))
        });
    }
}

/// More samples than can be counted, or than any memory holds, are an error of every family; so are statistics of a
/// wrapper of such a shape.
#[test]
fn sizes_beyond_all_memory_are_errors() {
    let numbers: Vec<f64> = (0..24).map(|i| 0.1 * f64::from(i) - 1.0).collect();
    for dtype in [DType::F32, DType::F64] {
        for (name, make) in FAMILIES.iter().copied().flatten() {
            let made = make(&mut Draws::new(&numbers, dtype)).unwrap();
            for shape in [&[1 << 62][..], &[1 << 40], &[usize::MAX, usize::MAX]] {
                let drawn = made.sample(shape, &mut Stream::from_seed(1));
                assert!(
                    drawn.is_err(),
                    "{name}: {:?}",
                    drawn.map(|x| x.shape().map(<[_]>::to_vec))
                );
                if let Ok(wide) = tfn_distributions::Sample::new(made.clone(), shape) {
                    let _ = (wide.mean().is_err(), wide.entropy(), wide.variance());
                    assert!(wide.sample(&[], &mut Stream::from_seed(1)).is_err(), "{name}");
                }
                let wide = [shape, &made.batch_shape().unwrap()].concat();
                let Ok(wide) = tfn_distributions::BatchBroadcast::to_shape(made.clone(), &wide)
                else {
                    continue;
                };
                assert!(wide.sample(&[], &mut Stream::from_seed(1)).is_err(), "{name}");
                let _ = (wide.mean(), wide.entropy(), kl_divergence(&wide, &*made));
            }
        }
    }
    const MAX: usize = usize::MAX;
    let sample = tfn_distributions::Sample::new(Normal::new(0.0, 1.0).unwrap(), &[MAX, MAX]);
    assert!(sample.unwrap().mean().is_err());
    let normal = Normal::new(Tensor::zeros(&[4], DType::F64), 1.0).unwrap();
    let error = tfn_distributions::BatchReshape::new(normal, &[1 << 33, 1 << 33]).unwrap_err();
    assert!(error.to_string().contains("[8589934592, 8589934592]"), "{error}");
}

/// A family over rows of classes has at least one.
#[test]
fn there_is_no_row_of_no_classes() {
    use tfn_distributions::{
        Categorical, Dirichlet, Multinomial, OneHotCategorical, RelaxedOneHotCategorical,
    };
    for shape in [&[0][..], &[3, 0]] {
        let none = || Tensor::zeros(shape, DType::F64);
        let results: [Result<()>; 6] = [
            Categorical::from_logits(none()).map(drop),
            Categorical::from_probs(none()).map(drop),
            OneHotCategorical::from_logits(none()).map(drop),
            Dirichlet::new(none()).map(drop),
            Multinomial::from_logits(2.0, none()).map(drop),
            RelaxedOneHotCategorical::from_logits(1.0, none()).map(drop),
        ];
        for (index, result) in results.into_iter().enumerate() {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("at least one entry"), "{index}: {error}");
        }
    }
}

#[test]
fn every_divergence_keeps_the_laws() {
    for (name, make) in PAIRS.iter().copied().flatten() {
        for_each_draw(16, |numbers| {
            let [q, p] =
                make(&mut Draws::new(&numbers, DType::F64)).map_err(|e| broken(name, e))?;
            let laws = Laws::default().with_samples(10_000);
            check_kl(q.as_ref(), p.as_ref(), &laws).map_err(|e| broken(name, e))
        });
    }
}

/// Where a divergence has a closed form and an integral, they agree, with their slopes in all variables: at a kink, where slopes
/// jump, to three digits.
#[test]
fn quadrature_is_the_closed_form() {
    for (name, make) in PAIRS.iter().copied().flatten() {
        for (dtype, most, tolerance) in [(DType::F64, 1e-6, 1e-3), (DType::F32, 2e-4, 3e-3)] {
            for_each_draw(4, |numbers| {
                let [q, p] = make(&mut Draws::new(&numbers, dtype)).map_err(|e| broken(name, e))?;
                // These have rules of their own, and tests (`kl_quadrature.rs`).
                if q.elementwise_normal().is_some() {
                    return Ok(());
                }
                let exact = kl_divergence(&*q, &*p).map_err(|e| broken(name, e))?;
                let Ok(given) = estimate_kl(&*q, &*p, KlMethod::quadrature()) else {
                    return Ok(());
                };
                // Outcomes beside an end that is not 0 are rounded to it, in f32 those beside 0 as well: what they add is not seen.
                let may_be_lost = dtype == DType::F32 || ROUNDED.contains(&q.family());
                let mut has_slopes = true;
                let errors = entries(Ok(given.error.clone()));
                let pairs =
                    entries(Ok(given.value.clone())).into_iter().zip(entries(Ok(exact.clone())));
                for ((given, exact), error) in pairs.zip(errors) {
                    let is_same =
                        given == exact || (given - exact).abs() <= error + 1e-14 * exact.abs();
                    prop_assert!(is_same, "{name} {dtype:?}: {given} {exact} {error:e}");
                    let is_good = error <= most * exact.abs().max(1.0) || given == exact;
                    prop_assert!(is_good || may_be_lost, "{name} {dtype:?}: {error:e}");
                    has_slopes &= is_good && exact.is_finite();
                }
                if !has_slopes {
                    return Ok(());
                }
                let [given, exact] = [given.value, exact].map(|kl| kl.sum().gradients().unwrap());
                for variable in q.trainable_variables().iter().chain(&p.trainable_variables()) {
                    let [a, b] = [&given, &exact].map(|all| entries(Ok(all.of(variable))));
                    prop_assert!(
                        near(&a, &b, tolerance),
                        "{name} {dtype:?} {}: {a:?} {b:?}",
                        variable.name()
                    );
                }
                Ok(())
            });
        }
    }
}

/// Entries of a tensor as `f64`.
fn entries(tensor: Result<Tensor>) -> Vec<f64> {
    tensor.unwrap().to_f64_vec().unwrap()
}

fn near(given: &[f64], expected: &[f64], tolerance: f64) -> bool {
    given.len() == expected.len()
        && given.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(1.0))
}

#[test]
fn single_precision_agrees_with_double() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(8, |numbers| {
            let rounded: Vec<f64> = numbers.iter().map(|&x| f64::from(x as f32)).collect();
            let [wide, narrow] = [DType::F64, DType::F32]
                .map(|dtype| make(&mut Draws::new(&rounded, dtype)).unwrap());
            prop_assert_eq!(narrow.dtype().unwrap(), DType::F32);
            let parts =
                |d: &Arc<dyn Distribution>| d.parts().map_or(vec![d.clone()], <[_]>::to_vec);
            for (wide, narrow) in parts(&wide).into_iter().zip(parts(&narrow)) {
                let x = narrow.sample(&[20], &mut Stream::from_seed(1)).unwrap().detach();
                let given = entries(narrow.log_prob(&x));
                // The exponential of a normal: the sample's own rounding counts in log_prob, not in the law.
                if given.iter().any(|l| l.is_infinite()) {
                    continue;
                }
                let expected = entries(wide.log_prob(&x.cast(DType::F64)));
                let off = format!("{name}: {given:?} {expected:?}");
                prop_assert!(near(&given, &expected, 2e-4) || *name == "Deterministic", "{}", off);
            }
            Ok(())
        });
    }
}

#[test]
fn counts_come_back_from_their_own_cdf_in_both_types() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for dtype in [DType::F32, DType::F64] {
            for_each_draw(16, |numbers| {
                let made = make(&mut Draws::new(&numbers, dtype)).map_err(|e| broken(name, e))?;
                let batch = made.batch_shape().map_err(|e| broken(name, e))?;
                let shape = [&[600][..], &vec![1; batch.len()]].concat();
                let counts: Vec<f64> = (0..600).map(f64::from).collect();
                let counts = Tensor::from_f64(&counts, &shape, dtype);
                let (Support::Integers, Ok(cdf)) = (made.support(), made.cdf(&counts)) else {
                    return Ok(());
                };
                let Ok(back) = made.quantile(&cdf) else { return Ok(()) };
                let before = entries(made.cdf(&(&counts - 1.0)));
                let counts = entries(Ok(counts + &cdf * 0.0));
                let levels = entries(Ok(cdf)).into_iter().zip(before);
                for ((level, before), (back, count)) in
                    levels.zip(entries(Ok(back)).into_iter().zip(counts))
                {
                    let is_own = level < 1.0 && level - before > 1e-13 * level.min(1.0 - level);
                    prop_assert!(!is_own || back == count, "{name}: {level} {back} {count}");
                }
                Ok(())
            });
        }
    }
}

/// Families with an end that is not 0, to which outcomes beside it are rounded.
const ROUNDED: &[&str] = &[
    "Uniform",
    "Beta",
    "Kumaraswamy",
    "TruncatedNormal",
    "HalfCauchy",
    "HalfStudentT",
    "LogitNormal",
];

/// Where a tail is small the quantile on its side leads back to its logarithm.
#[test]
fn both_tails_have_their_digits() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(4, |numbers| {
            let made = make(&mut Draws::new(&numbers, DType::F64)).map_err(|e| broken(name, e))?;
            let batch = made.batch_shape().map_err(|e| broken(name, e))?;
            if made.support() != Support::Continuous || ROUNDED.contains(&made.family()) {
                return Ok(());
            }
            let levels = [1e-100, 1e-30, 1e-9, 0.3];
            let shape = [&[levels.len()][..], &vec![1; batch.len()]].concat();
            let levels = Tensor::from_vec(levels.to_vec(), &shape);
            let (Ok(low), Ok(high)) =
                (made.quantile(&levels), made.inverse_survival_function(&levels))
            else {
                return Ok(());
            };
            let expected = entries(Ok(levels.ln() + &low * 0.0));
            for (given, side) in [
                (entries(made.log_cdf(&low)), "below"),
                (entries(made.log_survival_function(&high)), "above"),
            ] {
                prop_assert!(
                    near(&given, &expected, 1e-6),
                    "{name} {side}: {given:?} {expected:?}"
                );
            }
            Ok(())
        });
    }
}

#[test]
fn divergences_add_up_over_independent_parts() {
    for_each_draw(20, |numbers| {
        let mut draws = Draws::new(&numbers, DType::F64);
        let [q, p] = [draws.normal(&[2, 3]).unwrap(), draws.normal(&[2, 3]).unwrap()];
        let each = entries(kl_divergence(&q, &p));
        let event = |d: Normal| Independent::new(d, 2).unwrap();
        let whole = entries(kl_divergence(&event(q), &event(p)));
        prop_assert!(near(&whole, &[each.iter().sum()], 1e-12));
        Ok(())
    });
}

#[test]
fn a_shared_bijector_leaves_divergences_alone() {
    for_each_draw(20, |numbers| {
        let mut draws = Draws::new(&numbers, DType::F64);
        let [q, p] = [draws.laplace(&[3]).unwrap(), draws.laplace(&[3]).unwrap()];
        let expected = entries(kl_divergence(&q, &p));
        let shift = draws.real(&[3]);
        let through = |d: Laplace| {
            let shifted = Shift::new(&shift).unwrap();
            TransformedDistribution::new(d, Chain::new([Exp::new().into(), shifted.into()]))
                .unwrap()
        };
        prop_assert!(near(&entries(kl_divergence(&through(q), &through(p))), &expected, 1e-14));
        Ok(())
    });
}

/// Families whose making is no data: a bijector.
const NO_DATA: &[&str] = &["TransformedDistribution"];

#[test]
fn every_family_comes_back_from_plain_data() {
    for (name, make) in FAMILIES.iter().copied().flatten() {
        for_each_draw(1, |numbers| {
            let made = make(&mut Draws::new(&numbers, DType::F64)).unwrap();
            // Variables may hold what a constructor refuses, such as matrices that are not triangular.
            if NO_DATA.contains(&made.family()) || made.check_values().is_err() {
                return Ok(());
            }
            let saved = Saved::of(made.as_ref()).map_err(|e| broken(name, e))?;
            let text = serde_json::to_string(&saved).unwrap();
            let read: Saved = serde_json::from_str(&text).unwrap();
            let same = read.restore().map_err(|e| broken(name, e))?;
            prop_assert_eq!(same.family(), made.family());
            let x = made.sample_parts(&[3], &Key::from_seed(1)).unwrap();
            // What is tracked for gradients may be computed in another order.
            let [given, expected] = [&same, &made].map(|d| entries(d.log_prob_parts(&x)));
            prop_assert!(near(&given, &expected, 1e-14), "{}: {:?} {:?}", name, given, expected);
            Ok(())
        });
    }
}
