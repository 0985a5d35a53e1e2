//! The laws of all families, driven from one table, over random parameters.
//!
//! A new family gets one line in [`FAMILIES`]; a new divergence one in [`PAIRS`].

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tfn_distributions::bijectors::{Chain, Exp, Scale, Shift, Softplus};
use tfn_distributions::tensor::{DType, Stream, Tensor, Variable};
use tfn_distributions::testing::{Laws, check_distribution, check_kl};
use tfn_distributions::{
    Bernoulli, Categorical, Deterministic, Distribution, Independent, JointDistributionSequential,
    Laplace, MixtureSameFamily, MultivariateNormalDiag, Normal, OneHotCategorical, Parameter,
    Result, Sample, TransformedDistribution, Uniform, kl_divergence,
};

/// Numbers from which a family makes its parameters.
struct Draws<'a> {
    numbers: &'a [f64],
    next: usize,
    dtype: DType,
}

impl<'a> Draws<'a> {
    fn new(numbers: &'a [f64], dtype: DType) -> Self {
        Self { numbers, next: 0, dtype }
    }

    /// A variable of numbers in −2 … 2, each sent through `f`.
    fn variable(&mut self, shape: &[usize], f: impl Fn(f64) -> f64) -> Parameter {
        let count: usize = shape.iter().product();
        let numbers = (0..count).map(|i| f(self.numbers[(self.next + i) % self.numbers.len()]));
        let values: Vec<f64> = numbers.collect();
        self.next += count;
        let name = format!("variable_{}", self.next);
        Variable::new(name, Tensor::from_f64(&values, shape, self.dtype)).unwrap().into()
    }

    fn real(&mut self, shape: &[usize]) -> Parameter {
        self.variable(shape, |x| x)
    }

    /// From 0.14 to 7.4.
    fn positive(&mut self, shape: &[usize]) -> Parameter {
        self.variable(shape, f64::exp)
    }

    fn normal(&mut self, shape: &[usize]) -> Result<Normal> {
        Normal::new(self.real(shape), self.positive(shape))
    }

    fn laplace(&mut self, shape: &[usize]) -> Result<Laplace> {
        Laplace::new(self.real(shape), self.positive(shape))
    }

    fn mixture(&mut self, batch: &[usize]) -> Result<MixtureSameFamily> {
        let shape = [batch, &[3]].concat();
        MixtureSameFamily::new(Categorical::from_logits(self.real(&shape))?, self.normal(&shape)?)
    }
}

type Made = Result<Arc<dyn Distribution>>;
type Family = (&'static str, fn(&mut Draws<'_>) -> Made);

const FAMILIES: &[Family] = &[
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

type Pair = (&'static str, fn(&mut Draws<'_>) -> Result<[Arc<dyn Distribution>; 2]>);

const PAIRS: &[Pair] = &[
    ("Normal", |d| Ok([d.normal(&[2, 1])?.into(), d.normal(&[3])?.into()])),
    ("Laplace", |d| Ok([d.laplace(&[2])?.into(), d.laplace(&[2])?.into()])),
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
    for (name, make) in FAMILIES {
        for_each_draw(16, |numbers| {
            let made = make(&mut Draws::new(&numbers, DType::F64)).map_err(|e| broken(name, e))?;
            check_distribution(made.as_ref(), &Laws::default().with_samples(4000))
                .map_err(|e| broken(name, e))
        });
    }
}

#[test]
fn every_divergence_keeps_the_laws() {
    for (name, make) in PAIRS {
        for_each_draw(16, |numbers| {
            let [q, p] =
                make(&mut Draws::new(&numbers, DType::F64)).map_err(|e| broken(name, e))?;
            let laws = Laws::default().with_samples(10_000);
            check_kl(q.as_ref(), p.as_ref(), &laws).map_err(|e| broken(name, e))
        });
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
    for (name, make) in FAMILIES {
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
