//! Times of the passes that a training step is made of, through the public API.
//!
//! ```text
//! cargo bench --bench kernels -- [FILTER]
//! ```
//!
//! Everything is `f32`. `RAYON_NUM_THREADS=1` measures one thread. A pass counts entries a second; a product counts
//! multiplications with an addition a second, half of its floating-point operations.

// What fails here is the program itself, and the macros of criterion write undocumented functions.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tfn::train::{Adam, Optimizer};
use tfn::{DType, Key, Tensor, Variable};

/// Entries of the passes: the weights of a layer of 784 to 300.
const ENTRIES: usize = 784 * 300;
/// Batch, inputs and outputs of the layers of both nets that `step_time` trains.
const LAYERS: [[usize; 3]; 9] = [
    [32, 784, 300],
    [128, 784, 300],
    [1024, 784, 300],
    [32, 300, 100],
    [128, 300, 100],
    [1024, 300, 100],
    [32, 1200, 1200],
    [128, 1200, 1200],
    [1024, 1200, 1200],
];

fn normal(seed: u64, shape: &[usize]) -> Tensor {
    Key::from_seed(seed).stream().normal(shape, DType::F32)
}

fn variable(seed: u64, shape: &[usize]) -> Variable {
    Variable::new("w", normal(seed, shape)).unwrap()
}

/// Times `work` on a thread of the pool, where it starts its passes without handing them over.
fn on_pool(bencher: &mut Bencher<'_>, work: impl Fn() + Sync) {
    bencher.iter_custom(|times| {
        rayon::scope(|_| {
            let started = std::time::Instant::now();
            (0..times).for_each(|_| work());
            started.elapsed()
        })
    });
}

/// The gradient of a scalar, all of it.
fn gradient(loss: &Tensor, variable: &Variable) {
    let gradient = loss.gradients().unwrap().of(variable);
    black_box(gradient.data::<f32>().unwrap());
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("product");
    for [batch, inputs, outputs] in LAYERS {
        let (x, w) = (variable(1, &[batch, inputs]), variable(2, &[inputs, outputs]));
        let shape = format!("{batch}x{inputs}x{outputs}");
        let count = (batch * inputs * outputs) as u64;
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new("forward", &shape), |bencher| {
            on_pool(bencher, || {
                black_box(x.value().matmul(&w.value()));
            });
        });
        group.throughput(Throughput::Elements(2 * count));
        group.bench_function(BenchmarkId::new("forward_and_weights_back", &shape), |bencher| {
            on_pool(bencher, || gradient(&x.value().matmul(&w.tensor()).sum(), &w));
        });
        group.bench_function(BenchmarkId::new("forward_and_input_back", &shape), |bencher| {
            on_pool(bencher, || gradient(&x.tensor().matmul(&w.value()).sum(), &x));
        });
    }
    group.finish();
}

fn local_layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("affine_local");
    for [batch, inputs, outputs] in LAYERS {
        let x = normal(1, &[batch, inputs]);
        let (m, s) = (variable(2, &[inputs, outputs]), normal(3, &[inputs, outputs]).exp());
        let s = Variable::new("s", &s).unwrap();
        let input = Variable::new("x", &x).unwrap();
        let shape = format!("{batch}x{inputs}x{outputs}");
        group.throughput(Throughput::Elements((2 * batch * inputs * outputs) as u64));
        group.bench_function(BenchmarkId::new("forward", &shape), |bencher| {
            on_pool(bencher, || {
                black_box(Tensor::affine_local(&x, &m.value(), &s.value(), None));
            });
        });
        group.throughput(Throughput::Elements((6 * batch * inputs * outputs) as u64));
        group.bench_function(BenchmarkId::new("forward_and_back", &shape), |bencher| {
            on_pool(bencher, || {
                let (loc, scale) =
                    Tensor::affine_local(&input.tensor(), &m.tensor(), &s.tensor(), None);
                let gradients = (loc.sum() + scale.sum()).gradients().unwrap();
                for variable in [&input, &m, &s] {
                    black_box(gradients.of(variable).data::<f32>().unwrap());
                }
            });
        });
    }
    group.finish();
}

fn passes(c: &mut Criterion) {
    let mut group = c.benchmark_group("pass");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    let mut pass = |name: &str, work: &(dyn Fn() + Sync)| {
        group.bench_function(name, |bencher| on_pool(bencher, work));
    };
    let shape = [ENTRIES];
    let (x, rho) = (normal(1, &shape), variable(2, &shape));
    let (loc, scale) = (variable(3, &shape), Variable::new("s", normal(4, &shape).exp()).unwrap());
    let [zero, one] = [0.0_f32, 1.0].map(Tensor::scalar);
    let log_weights = Tensor::from_vec(vec![0.5_f32.ln(); 2], &[2]);
    let scales = Tensor::from_vec(vec![1.0_f32, 2000.0], &[2]);
    let mixture =
        |x: &Tensor| Tensor::normal_mixture_log_prob(x, &log_weights, &zero, &scales).sum();
    let divergence = || Tensor::normal_kl(&loc.tensor(), &scale.tensor(), &zero, &one).sum();
    let key = Key::from_seed(5);

    pass("normal_draw", &|| {
        black_box(key.stream().normal(&shape, DType::F32));
    });
    pass("exp", &|| {
        black_box(x.exp());
    });
    pass("ln_of_square", &|| {
        black_box(x.square().ln());
    });
    pass("softplus", &|| {
        black_box(x.softplus_above(1e-5));
    });
    pass("softplus_and_gradient", &|| gradient(&rho.tensor().softplus_above(1e-5).sum(), &rho));
    pass("sigmoid", &|| {
        black_box(x.sigmoid());
    });
    pass("normal_kl", &|| {
        black_box(divergence());
    });
    pass("normal_kl_and_gradient", &|| gradient(&divergence(), &scale));
    pass("mixture_log_prob", &|| {
        black_box(mixture(&x));
    });
    pass("mixture_log_prob_and_gradient", &|| gradient(&mixture(&loc.tensor()), &loc));
    group.finish();
}

fn adam(c: &mut Criterion) {
    let w = variable(1, &[ENTRIES]);
    let variables = [w.clone()];
    let gradients = w.tensor().sum().gradients().unwrap();
    let mut optimizer = Adam::new(1e-3).unwrap();
    let mut group = c.benchmark_group("adam");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.bench_function("constant_gradient", |bencher| {
        bencher.iter_custom(|times| {
            rayon::scope(|_| {
                let started = std::time::Instant::now();
                for _ in 0..times {
                    optimizer.apply_gradients(&gradients, &variables).unwrap();
                }
                started.elapsed()
            })
        });
    });
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .without_plots()
}

criterion_group!(name = kernels; config = settings(); targets = products, local_layers, passes, adam);
criterion_main!(kernels);
