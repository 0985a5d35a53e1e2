//! Cost as the work grows: time of a training step against batch, width and depth, and of a prediction against
//! the number of draws, on one thread and on two.
//!
//! ```text
//! cargo run --release --example cost -- [batch|width|depth|samples]
//! ```
//!
//! From the net 784-300-300-10 with 128 images (`f32`, TFP's default prior, Monte Carlo divergence, Adam) one
//! quantity at a time is changed. Each line has the median of the steps that fit into 0.3 s, at least 3 after two
//! that warm up, and a bar of one sign for each doubling of the time on two threads above 0.1 ms.

use std::sync::Arc;
use std::time::Instant;

use tfn::distributions::OneHotCategorical;
use tfn::train::{Adam, Elbo, MonteCarlo, Optimizer};
use tfn::{
    AffineVariationalReparameterizationLocal as Local, DType, Key, Layer, Model, Module,
    Sequential, Tensor,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const INPUTS: usize = 784;
const CLASSES: usize = 10;
const EXAMPLES: usize = 60_000;
const SECONDS: f64 = 0.3;

/// What is timed: a prediction if it has a number of draws, else a training step.
#[derive(Clone, Copy)]
struct Case {
    batch: usize,
    width: usize,
    depth: usize,
    draws: Option<usize>,
}

const BASE: Case = Case { batch: 128, width: 300, depth: 2, draws: None };

type Series = (&'static str, &'static [usize], fn(usize) -> Case);

const SERIES: [Series; 4] = [
    ("batch", &[1, 8, 32, 128, 512, 2048, 8192], |batch| Case { batch, ..BASE }),
    ("width", &[100, 300, 1000, 2000, 4096], |width| Case { width, ..BASE }),
    ("depth", &[1, 2, 4, 8, 16], |depth| Case { depth, ..BASE }),
    ("samples", &[1, 4, 16, 64, 256], |samples| Case { draws: Some(samples), ..BASE }),
];

fn main() -> Result<(), Failure> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let pools = [1, 2].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
    for (name, values, case) in SERIES.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        println!("| {name} | parameters | ms, 1 thread | ms, 2 threads | |");
        println!("|---|---|---|---|---|");
        for &value in values {
            let mut parameters = 0;
            let mut times = [0.0; 2];
            for (time, pool) in times.iter_mut().zip(&pools) {
                let pool = pool.as_ref().map_err(ToString::to_string)?;
                (*time, parameters) = pool.install(|| measure(case(value)))?;
            }
            let bar = "=".repeat((times[1] / 0.1).log2().round().max(0.0) as usize);
            println!("| {value} | {parameters} | {:.2} | {:.2} | `{bar}` |", times[0], times[1]);
        }
        println!();
    }
    Ok(())
}

fn net(case: Case) -> Result<Model, Failure> {
    let sizes: Vec<usize> = std::iter::once(INPUTS)
        .chain(std::iter::repeat_n(case.width, case.depth))
        .chain([CLASSES])
        .collect();
    let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
    for (index, pair) in sizes.windows(2).enumerate() {
        let builder = Local::builder(pair[0], pair[1]).seed(index as u64);
        let hidden = index < case.depth;
        let builder = if hidden { builder.activation_fn(Tensor::relu) } else { builder };
        layers.push(Arc::new(builder.build()?));
    }
    let net = Sequential::from_layers(layers)?;
    Ok(net.with_head(|logits| OneHotCategorical::from_logits(logits)))
}

/// Median milliseconds, and the number of trainable numbers.
fn measure(case: Case) -> Result<(f64, usize), Failure> {
    let model = net(case)?;
    let variables = model.trainable_variables();
    let key = Key::from_seed(1);
    let x = key.child("x").stream().uniform(&[case.batch, INPUTS], DType::F32);
    let labels: Vec<f32> = (0..case.batch).map(|row| (row % CLASSES) as f32).collect();
    let y = Tensor::from_vec(labels, &[case.batch]).one_hot(CLASSES);
    let (elbo, mut adam) = (Elbo::new(EXAMPLES)?, Adam::new(1e-3)?);
    let mut step = |key: &Key| -> Result<(), Failure> {
        if let Some(draws) = case.draws {
            let net = model.net();
            MonteCarlo::new(draws)?.predict_net(net.as_ref(), &x, case.batch, key)?;
            return Ok(());
        }
        let nll = -model.call_at(&x, key)?.log_prob(&y)?;
        let loss = elbo.loss(&nll, &model.losses_at(key)?, 1.0)?;
        let gradients = loss.loss.gradients()?;
        drop((loss, nll));
        adam.apply_gradients(&gradients, &variables)?;
        Ok(())
    };
    let mut times = Vec::new();
    let mut started = Instant::now();
    for index in 0.. {
        if index == 2 {
            started = Instant::now();
        }
        let begun = Instant::now();
        step(&key.index(index))?;
        if index >= 2 {
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            if times.len() >= 3 && started.elapsed().as_secs_f64() > SECONDS {
                break;
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let parameters = variables.iter().map(|v| v.shape().iter().product::<usize>()).sum();
    Ok((times[times.len() / 2], parameters))
}
