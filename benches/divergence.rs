//! Times of the divergences of 266,610 weights, the value with the gradients in `loc` and `scale`.
//!
//! ```text
//! cargo bench --bench divergence -- [FILTER]
//! ```
//!
//! Everything is `f32`.

// What fails here is the program itself, and the macros of criterion write undocumented functions.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tfn::distributions::{
    Categorical, Distribution, Horseshoe, Independent, IntoDistribution, KlMethod, Laplace,
    LogUniform, MixtureSameFamily, Normal, Result, Sample, StudentT, estimate_kl, kl_divergence,
};
use tfn::{DType, Key, Tensor, Variable};

/// Weights of a net of 784, 300, 100 and 10 units.
const WEIGHTS: usize = 266_610;

struct Weights {
    loc: Variable,
    rho: Variable,
}

impl Weights {
    fn new() -> Self {
        let normal = |seed| Key::from_seed(seed).stream().normal(&[WEIGHTS], DType::F32);
        let loc = Variable::new("loc", normal(1) * 0.1).unwrap();
        let rho = Variable::new("rho", normal(2) * 0.5 - 4.0).unwrap();
        Self { loc, rho }
    }

    fn posterior(&self) -> Independent {
        let scale = self.rho.tensor().softplus_above(1e-5);
        Independent::new(Normal::new(self.loc.tensor(), scale).unwrap(), 1).unwrap()
    }

    /// The value, and its gradients in the variables.
    fn gradients(&self, divergence: impl Fn(&Independent) -> Result<Tensor>) {
        let value = divergence(&self.posterior()).unwrap();
        black_box(value.item().unwrap());
        let gradients = value.gradients().unwrap();
        for variable in [&self.loc, &self.rho] {
            black_box(gradients.of(variable).data::<f32>().unwrap());
        }
    }
}

fn spike_and_slab() -> MixtureSameFamily {
    let weights = Categorical::from_logits(Tensor::zeros(&[2], DType::F32)).unwrap();
    let scales = Tensor::from_vec(vec![1.0_f32, 2000.0], &[2]);
    MixtureSameFamily::new(weights, Normal::new(Tensor::zeros(&[], DType::F32), scales).unwrap())
        .unwrap()
}

fn sample(prior: impl IntoDistribution) -> Sample {
    Sample::new(prior, &[WEIGHTS]).unwrap()
}

fn divergences(c: &mut Criterion) {
    let weights = Weights::new();
    let mut group = c.benchmark_group("kl");
    let slab = sample(spike_and_slab());
    group.bench_function("monte_carlo", |b| {
        let mut step = 0;
        b.iter(|| {
            step += 1;
            weights.gradients(|q| {
                let w = q.sample(&[], &mut Key::from_seed(step).stream())?;
                Ok(q.log_prob(&w)? - slab.log_prob(&w)?)
            });
        });
    });
    let student_t = StudentT::new(3.0_f32, 0.0_f32, 1.0_f32).unwrap();
    let quadratures = [
        ("spike_slab", slab.clone()),
        ("student_t", sample(student_t)),
        ("horseshoe", sample(Horseshoe::new(1.0_f32).unwrap())),
    ];
    for (name, prior) in &quadratures {
        group.bench_function(format!("quadrature/{name}"), |b| {
            b.iter(|| {
                weights.gradients(|q| Ok(estimate_kl(q, prior, KlMethod::quadrature())?.value));
            });
        });
    }
    let laplace = sample(Laplace::new(0.0_f32, 1.0_f32).unwrap());
    let log_uniform = sample(LogUniform::new(DType::F32));
    for (name, prior) in [("laplace", &laplace), ("log_uniform", &log_uniform)] {
        group.bench_function(format!("closed_form/{name}"), |b| {
            b.iter(|| weights.gradients(|q| kl_divergence(q, prior)));
        });
        group.bench_function(format!("quadrature/{name}"), |b| {
            b.iter(|| {
                weights.gradients(|q| Ok(estimate_kl(q, prior, KlMethod::quadrature())?.value));
            });
        });
    }
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .without_plots()
}

criterion_group!(name = divergence; config = settings(); targets = divergences);
criterion_main!(divergence);
