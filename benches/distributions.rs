//! Times of log-densities, of their gradients and of samples, a million entries each, beside loops over the types of
//! statrs and rand_distr on one thread.
//!
//! ```text
//! cargo bench --bench distributions -- [FILTER]
//! ```
//!
//! `shared` is one distribution for all values, `each` one for each value. Gradients are those of the sum, in the values and
//! in every parameter. `distributions_peers.py` beside this file times NumPy, SciPy and JAX on the same cases.

// What fails here is the program itself, and the macros of criterion write undocumented functions.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::weighted::WeightedAliasIndex;
use statrs::distribution::Continuous;
use tfn::distributions::{
    Bernoulli, Beta, Categorical, Distribution, Exponential, Gamma, Laplace, MixtureSameFamily,
    Normal, Poisson, StudentT, Uniform,
};
use tfn::{DType, Key, Tensor, Variable};

const ENTRIES: usize = 1_000_000;
const TYPES: [(&str, DType); 2] = [("f64", DType::F64), ("f32", DType::F32)];
/// Location and scale where one distribution is for all; degrees of freedom of Student's t.
const SHARED: [f64; 2] = [0.3, 1.7];
const DF: f64 = 5.0;
/// Scales of the two halves of the mixture.
const SCALES: [f64; 2] = [0.5, 3.0];
const WEIGHTS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0];

fn normal(seed: u64, dtype: DType) -> Tensor {
    Key::from_seed(seed).stream().normal(&[ENTRIES], dtype)
}

fn numbers(values: &[f64], shape: &[usize], dtype: DType) -> Tensor {
    Tensor::from_f64(values, shape, dtype)
}

/// Computes all entries.
fn finish(tensor: &Tensor) {
    match tensor.dtype().unwrap() {
        DType::F64 => drop(black_box(tensor.data::<f64>().unwrap())),
        DType::F32 => drop(black_box(tensor.data::<f32>().unwrap())),
    }
}

/// A distribution of these parameters.
type Make = fn(&[Tensor]) -> Arc<dyn Distribution>;

/// A family, and parameters of it for a type.
struct Case {
    name: &'static str,
    parameters: fn(DType) -> Vec<Tensor>,
    make: Make,
}

fn shared(dtype: DType) -> Vec<Tensor> {
    SHARED.map(|value| numbers(&[value], &[], dtype)).to_vec()
}

fn make_normal(p: &[Tensor]) -> Arc<dyn Distribution> {
    Arc::new(Normal::new(&p[0], &p[1]).unwrap())
}

const DENSITIES: [Case; 4] = [
    Case { name: "normal_shared", parameters: shared, make: make_normal },
    Case {
        name: "normal_each",
        parameters: |dtype| vec![normal(2, dtype), (normal(3, dtype) * 0.3).exp()],
        make: make_normal,
    },
    Case {
        name: "student_t_shared",
        parameters: |dtype| [vec![numbers(&[DF], &[], dtype)], shared(dtype)].concat(),
        make: |p| Arc::new(StudentT::new(&p[0], &p[1], &p[2]).unwrap()),
    },
    Case {
        name: "mixture_shared",
        parameters: |dtype| {
            [[0.2, 0.8], [-0.5, 0.5], SCALES].map(|p| numbers(&p, &[2], dtype)).to_vec()
        },
        make: |p| {
            let weights = Categorical::from_logits(&p[0]).unwrap();
            let parts = Normal::new(&p[1], &p[2]).unwrap();
            Arc::new(MixtureSameFamily::new(weights, parts).unwrap())
        },
    },
];

fn log_densities(c: &mut Criterion) {
    for case in DENSITIES {
        let mut group = c.benchmark_group(format!("log_prob/{}", case.name));
        for (name, dtype) in TYPES {
            let (x, parameters) = (normal(1, dtype), (case.parameters)(dtype));
            let distribution = (case.make)(&parameters);
            group.bench_function(format!("tfn_{name}"), |b| {
                b.iter(|| finish(&distribution.log_prob(&x).unwrap()));
            });
            let variable = |value: &Tensor| Variable::new("v", value.clone()).unwrap();
            let (x, parameters) =
                (variable(&x), parameters.iter().map(variable).collect::<Vec<_>>());
            group.bench_function(format!("gradients_tfn_{name}"), |b| {
                b.iter(|| {
                    let read: Vec<Tensor> = parameters.iter().map(Variable::tensor).collect();
                    let density = (case.make)(&read).log_prob(&x.tensor()).unwrap().sum();
                    let gradients = density.gradients().unwrap();
                    for variable in parameters.iter().chain([&x]) {
                        finish(&gradients.of(variable));
                    }
                });
            });
        }
        with_statrs(&mut group, case.name);
        group.finish();
    }
}

fn with_statrs(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    use statrs::distribution::{Normal, StudentsT};
    let x = normal(1, DType::F64).to_vec::<f64>().unwrap();
    let mut out = vec![0.0; ENTRIES];
    let [loc, scale] = SHARED;
    let mut each = |density: &dyn Fn(usize, f64) -> f64| {
        group.bench_function("statrs", |b| {
            b.iter(|| {
                for (i, (out, x)) in out.iter_mut().zip(&x).enumerate() {
                    *out = density(i, *x);
                }
                black_box(&mut out);
            });
        });
    };
    match name {
        "normal_shared" => {
            let law = Normal::new(loc, scale).unwrap();
            each(&|_, x| law.ln_pdf(x));
        }
        "normal_each" => {
            let [loc, scale] = [normal(2, DType::F64), (normal(3, DType::F64) * 0.3).exp()]
                .map(|p| p.to_vec::<f64>().unwrap());
            each(&|i, x| Normal::new(loc[i], scale[i]).unwrap().ln_pdf(x));
        }
        "student_t_shared" => {
            let law = StudentsT::new(loc, scale, DF).unwrap();
            each(&|_, x| law.ln_pdf(x));
        }
        _ => {}
    }
}

fn make_samplers(dtype: DType) -> Vec<(&'static str, Arc<dyn Distribution>)> {
    let p = |value: f64| numbers(&[value], &[], dtype);
    let weights = numbers(&WEIGHTS.map(|w: f64| w / 20.0), &[WEIGHTS.len()], dtype);
    vec![
        ("normal", Arc::new(Normal::new(p(SHARED[0]), p(SHARED[1])).unwrap())),
        ("uniform", Arc::new(Uniform::new(p(-1.0), p(2.0)).unwrap())),
        ("exponential", Arc::new(Exponential::new(p(1.7)).unwrap())),
        ("laplace", Arc::new(Laplace::new(p(SHARED[0]), p(SHARED[1])).unwrap())),
        ("gamma", Arc::new(Gamma::new(p(2.5), p(1.3)).unwrap())),
        ("beta", Arc::new(Beta::new(p(2.0), p(3.5)).unwrap())),
        ("student_t", Arc::new(StudentT::new(p(DF), p(SHARED[0]), p(SHARED[1])).unwrap())),
        ("poisson_4", Arc::new(Poisson::new(p(4.0)).unwrap())),
        ("poisson_40", Arc::new(Poisson::new(p(40.0)).unwrap())),
        ("bernoulli", Arc::new(Bernoulli::from_probs(p(0.3)).unwrap())),
        ("categorical", Arc::new(Categorical::from_probs(weights).unwrap())),
    ]
}

fn samples(c: &mut Criterion) {
    for (name, dtype) in TYPES {
        for (family, distribution) in make_samplers(dtype) {
            let mut group = c.benchmark_group(format!("sample/{family}"));
            group.bench_function(format!("tfn_{name}"), |b| {
                let mut seed = 0;
                b.iter(|| {
                    seed += 1;
                    let mut stream = Key::from_seed(seed).stream();
                    finish(&distribution.sample(&[ENTRIES], &mut stream).unwrap());
                });
            });
            if dtype == DType::F64 {
                with_rand_distr(&mut group, family);
            }
            group.finish();
        }
    }
}

fn with_rand_distr(group: &mut BenchmarkGroup<'_, WallTime>, family: &str) {
    use rand_distr as peer;
    let [loc, scale] = SHARED;
    match family {
        "normal" => filled(group, peer::Normal::new(loc, scale).unwrap()),
        "uniform" => filled(group, peer::Uniform::new(-1.0, 2.0).unwrap()),
        "exponential" => filled(group, peer::Exp::new(1.7).unwrap()),
        "gamma" => filled(group, peer::Gamma::new(2.5, 1.0 / 1.3).unwrap()),
        "beta" => filled(group, peer::Beta::new(2.0, 3.5).unwrap()),
        "student_t" => filled(group, peer::StudentT::new(DF).unwrap()),
        "poisson_4" => filled(group, peer::Poisson::new(4.0).unwrap()),
        "poisson_40" => filled(group, peer::Poisson::new(40.0).unwrap()),
        "bernoulli" => filled(group, peer::Bernoulli::new(0.3).unwrap()),
        "categorical" => filled(group, WeightedAliasIndex::new(WEIGHTS.to_vec()).unwrap()),
        _ => {}
    }
}

/// Fills memory that is there already, by the fastest generator of rand.
fn filled<T: Copy + Default>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    distribution: impl rand_distr::Distribution<T>,
) {
    let (mut rng, mut out) = (SmallRng::seed_from_u64(1), vec![T::default(); ENTRIES]);
    group.bench_function("rand_distr", |b| {
        b.iter(|| {
            for out in &mut out {
                *out = rng.sample(&distribution);
            }
            black_box(&mut out);
        });
    });
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600))
        .without_plots()
}

criterion_group!(name = distributions; config = settings(); targets = log_densities, samples);
criterion_main!(distributions);
