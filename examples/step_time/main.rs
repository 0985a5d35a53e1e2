//! Times of training steps and predictions, one JSON line a workload.
//!
//! ```text
//! cargo run --release --example step_time -- [FILTER]
//! ```
//!
//! Nets: `lenet` 784-300-100-10 and `wide` 784-1200-1200-10, `f32`, Adam 1e-3, N = 60 000, random images in
//! [0, 1), scales that start at 1e-3; and the nets of convolutions `lenet5` and `cnn` (`conv.rs`), deterministic and local. `train_mc` has TFP's default prior and a Monte Carlo divergence,
//! `train_exact` N(0, 1) and the closed form, `train_shared` the same with one draw of the weights for the batch,
//! `train_flipout` with such a draw and signs by row, `train_det` plain layers; `infer` and `infer_det` predict with the first and the last. Each step is timed by itself with the
//! loss read back; two warm up, then as many as fit into `STEP_TIME_SECS` (1.5 s), at least 4. `serve` is eight threads that ask
//! for 32 draws of a row, again and again, on rayon's global pool (`shared`) or with a pool of one thread each (`own`):
//! requests a second, and how long one waits.

mod conv;

use std::sync::Arc;
use std::time::Instant;

use tfn::distributions::{JointDistributionSequential, Normal, Sample};
use tfn::train::{Adam, Elbo, MonteCarlo, Optimizer};
use tfn::{
    Affine, AffineVariationalFlipout as Flipout, AffineVariationalReparameterization as SharedDraw,
    AffineVariationalReparameterizationLocal as Local, DType, KernelBiasSpec, Key, Layer, Model,
    Module, Sequential, Tensor, likelihoods, losses,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const NETS: [(&str, [usize; 4]); 2] =
    [("lenet", [784, 300, 100, 10]), ("wide", [784, 1200, 1200, 10])];
const EXAMPLES: usize = 60_000;
/// Threads that ask for predictions at the same time.
const ASKERS: usize = 8;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    MonteCarlo,
    Exact,
    Shared,
    Flipout,
    Deterministic,
}

const KINDS: [Kind; 5] =
    [Kind::MonteCarlo, Kind::Exact, Kind::Shared, Kind::Flipout, Kind::Deterministic];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::MonteCarlo => "train_mc",
            Self::Exact => "train_exact",
            Self::Shared => "train_shared",
            Self::Flipout => "train_flipout",
            Self::Deterministic => "train_det",
        }
    }
}

fn main() -> Result<(), Failure> {
    // On a thread of the pool, as `Fit` does it.
    rayon::scope(|_| run())?;
    // Not on one: those who ask are no threads of the pool.
    let filter = std::env::args().nth(1).unwrap_or_default();
    for (net, sizes) in NETS {
        for pool in ["shared", "own"] {
            let name = format!("serve/{net}/b1/s32/t{ASKERS}/{pool}");
            if filter.split(',').any(|part| name.contains(part)) {
                serve(&name, sizes, pool == "own")?;
            }
        }
    }
    Ok(())
}

fn run() -> Result<(), Failure> {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |name: &str| filter.split(',').any(|part| name.contains(part));
    for (net, image) in conv::NETS {
        for batch in [32, 128] {
            for kind in [Kind::Exact, Kind::Deterministic] {
                let name = format!("{}/{net}/b{batch}", kind.name());
                if wanted(&name) {
                    let shape = [&[batch], &image[..]].concat();
                    train(&name, &conv::model(net, kind)?, &shape, conv::flops(net, kind))?;
                }
            }
        }
    }
    for (net, sizes) in NETS {
        for batch in [32, 128, 1024] {
            for kind in KINDS {
                let name = format!("{}/{net}/b{batch}", kind.name());
                if wanted(&name) {
                    let products =
                        if matches!(kind, Kind::MonteCarlo | Kind::Exact) { 2.0 } else { 1.0 };
                    let flops =
                        products * products_of(sizes, |first| if first { 2.0 } else { 3.0 });
                    train(&name, &model(sizes, kind)?, &[batch, sizes[0]], flops)?;
                }
            }
        }
        for (batch, samples) in [(1, 1), (1, 32), (128, 1), (128, 32)] {
            let name = format!("infer/{net}/b{batch}/s{samples}");
            if wanted(&name) {
                infer(&name, sizes, batch, samples, Kind::MonteCarlo)?;
            }
            let name = format!("infer_det/{net}/b{batch}/s{samples}");
            if samples == 1 && wanted(&name) {
                infer(&name, sizes, batch, samples, Kind::Deterministic)?;
            }
        }
    }
    Ok(())
}

fn standard_normal(spec: &KernelBiasSpec) -> tfn::util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0_f32, 1.0_f32)?, weight.shape)?))
}

/// One dense layer.
fn layer(
    kind: Kind,
    [inputs, outputs]: [usize; 2],
    seed: u64,
    relu: bool,
) -> Result<Arc<dyn Layer>, Failure> {
    macro_rules! built {
        ($builder:expr) => {{
            let builder = $builder.seed(seed);
            let builder = if relu { builder.activation_fn(Tensor::relu) } else { builder };
            Arc::new(builder.build()?)
        }};
    }
    let exact = losses::kl_divergence_exact;
    Ok(match kind {
        Kind::MonteCarlo => built!(Local::builder(inputs, outputs)),
        Kind::Exact => {
            built!(Local::builder(inputs, outputs).make_prior_fn(standard_normal).divergence(exact))
        }
        Kind::Shared => built!(
            SharedDraw::builder(inputs, outputs).make_prior_fn(standard_normal).divergence(exact)
        ),
        Kind::Flipout => built!(
            Flipout::builder(inputs, outputs).make_prior_fn(standard_normal).divergence(exact)
        ),
        Kind::Deterministic => built!(Affine::builder(inputs, outputs)),
    })
}

fn model(sizes: [usize; 4], kind: Kind) -> Result<Model, Failure> {
    let layers = (0..3).map(|i| layer(kind, [sizes[i], sizes[i + 1]], i as u64, i < 2));
    let net = Sequential::from_layers(layers.collect::<Result<Vec<_>, _>>()?)?;
    Ok(net.with_likelihood(likelihoods::OneHotCategorical::new()))
}

/// Steps on images of that shape, batch first; `flops` an image.
fn train(name: &str, model: &Model, shape: &[usize], flops: f64) -> Result<(), Failure> {
    let (variables, batch) = (model.trainable_variables(), shape[0]);
    let key = Key::from_seed(1);
    let x = key.child("x").stream().uniform(shape, DType::F32);
    let labels: Vec<f32> = (0..batch).map(|i| ((i * 7919) % 10) as f32).collect();
    let y = Tensor::from_vec(labels, &[batch]).one_hot(10);
    let (elbo, mut adam) = (Elbo::new(EXAMPLES)?, Adam::new(1e-3)?);
    let mut step = 0;
    let flops = flops * batch as f64;
    let entries = variables.iter().map(|v| v.shape().iter().product::<usize>()).sum();
    bench(name, batch, flops, entries, || {
        let key = key.index(step);
        step += 1;
        let nll = -model.call_at(&x, &key)?.log_prob(&y)?;
        let loss = elbo.loss(&nll, &model.losses_at(&key)?, 1.0)?;
        let value = loss.loss.item()?;
        let gradients = loss.loss.gradients()?;
        drop((loss, nll));
        adam.apply_gradients(&gradients, &variables)?;
        Ok(Some(value))
    })
}

fn infer(
    name: &str,
    sizes: [usize; 4],
    batch: usize,
    samples: usize,
    kind: Kind,
) -> Result<(), Failure> {
    let model = model(sizes, kind)?;
    let entries = model.variables().iter().map(|v| v.shape().iter().product::<usize>()).sum();
    let key = Key::from_seed(1);
    let x = key.child("x").stream().uniform(&[batch, sizes[0]], DType::F32);
    let monte_carlo = MonteCarlo::new(samples)?.batch_size(batch)?;
    let every = samples as f64;
    let products = if kind == Kind::Deterministic { 1.0 } else { 2.0 };
    let flops =
        products * products_of(sizes, |first| if first { 1.0 } else { every }) * batch as f64;
    let mut call = 0;
    bench(name, batch, flops, entries, || {
        call += 1;
        monte_carlo.classify(&model, &x, &key.index(call))?;
        Ok(None)
    })
}

/// Requests for one row and 32 draws from several threads at once.
fn serve(name: &str, sizes: [usize; 4], own_pool: bool) -> Result<(), Failure> {
    let model = model(sizes, Kind::MonteCarlo)?;
    let monte_carlo = MonteCarlo::new(32)?;
    let seconds = seconds().max(0.5);
    let started = Instant::now();
    let ask = |asker: usize| -> Result<Vec<f64>, Failure> {
        let pool = match own_pool {
            true => Some(rayon::ThreadPoolBuilder::new().num_threads(1).build()?),
            false => None,
        };
        let key = Key::from_seed(asker as u64);
        let x = key.child("x").stream().uniform(&[1, sizes[0]], DType::F32);
        let mut times = Vec::new();
        while started.elapsed().as_secs_f64() < seconds {
            let key = key.index(times.len() as u64);
            let begun = Instant::now();
            let classify = || monte_carlo.classify(&model, &x, &key);
            pool.as_ref().map_or_else(classify, |pool| pool.install(classify))?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    };
    let ask = &ask;
    let all: Vec<_> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS).map(|asker| scope.spawn(move || ask(asker))).collect();
        askers.into_iter().map(|asker| asker.join().map_err(|_| "an asker failed")).collect()
    });
    let elapsed = started.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for asked in all {
        times.extend(asked??);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    println!(
        "{{\"peer\":\"tfn\",\"workload\":\"{name}\",\"requests_per_s\":{:.1},\"median_ms\":{:.4},\"p99_ms\":{:.4},\"n\":{}}}",
        times.len() as f64 / elapsed,
        at(0.5),
        at(0.99),
        times.len()
    );
    Ok(())
}

/// Seconds for each workload.
fn seconds() -> f64 {
    std::env::var("STEP_TIME_SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(1.5)
}

/// Floating-point operations of one example's products, each layer's so many times.
fn products_of(sizes: [usize; 4], times: impl Fn(bool) -> f64) -> f64 {
    sizes
        .windows(2)
        .enumerate()
        .map(|(i, pair)| 2.0 * (pair[0] * pair[1]) as f64 * times(i == 0))
        .sum()
}

/// Times `step`, which gives its loss if it has one, and prints the line.
fn bench(
    name: &str,
    batch: usize,
    flops: f64,
    entries: usize,
    mut step: impl FnMut() -> Result<Option<f64>, Failure>,
) -> Result<(), Failure> {
    let budget = seconds();
    let first = step()?;
    let mut last = step()?;
    let (mut times, started) = (Vec::new(), Instant::now());
    while (started.elapsed().as_secs_f64() < budget || times.len() < 4) && times.len() < 2000 {
        let begun = Instant::now();
        last = step()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    let loss = |value: Option<f64>| value.map_or("null".into(), |value| format!("{value:.5}"));
    println!(
        "{{\"peer\":\"tfn\",\"workload\":\"{name}\",\"median_ms\":{median:.4},\"min_ms\":{:.4},\"n\":{},\
         \"images_per_s\":{:.1},\"gflops\":{:.3},\"params\":{entries},\"loss_first\":{},\"loss_last\":{}}}",
        times[0],
        times.len(),
        batch as f64 / median * 1e3,
        flops / median / 1e6,
        loss(first),
        loss(last)
    );
    Ok(())
}
