//! Cost as the work grows: time and memory of a training step against batch, width and depth, and of a prediction
//! against the number of draws, on one thread and on two.
//!
//! ```text
//! cargo run --release --example cost -- [batch|width|depth|samples] [--svg FILE]
//! ```
//!
//! From the net 784-300-300-10 with 128 images (`f32`, TFP's default prior, Monte Carlo divergence, Adam) one
//! quantity at a time is changed. Each line has the median of the steps that fit into 0.3 s, at least 3 after three
//! that warm up; then, for two threads, the memory that the program has from the allocator at the end, the most that it
//! had in the counted steps, and the blocks that a step asked the allocator for, with those of 64 KiB and more.
//! `--svg` draws the times into a file.

mod plot;

#[path = "../../tests/counting_allocator/mod.rs"]
mod counting_allocator;

use std::sync::Arc;
use std::time::Instant;

use tfn::distributions::OneHotCategorical;
use tfn::train::{Adam, Elbo, MonteCarlo, Optimizer};
use tfn::{
    AffineVariationalReparameterizationLocal as Local, DType, Key, Layer, Model, Module,
    Sequential, Tensor,
};

use counting_allocator::{Counts, counts, reset_peak};
use plot::Panel;

#[global_allocator]
static ALLOCATOR: counting_allocator::Counting = counting_allocator::Counting;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const INPUTS: usize = 784;
const CLASSES: usize = 10;
const EXAMPLES: usize = 60_000;
const SECONDS: f64 = 0.3;
/// Steps that are not counted.
const WARM: u64 = 3;

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

/// What one case costs.
#[derive(Clone, Copy)]
struct Cost {
    parameters: usize,
    /// Median milliseconds.
    time: f64,
    /// Bytes in use at the end, and at most.
    live: usize,
    peak: usize,
    /// Blocks a step, and large ones.
    blocks: usize,
    large_blocks: usize,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    let wanted = arguments.next_if(|first| first != "--svg").unwrap_or_default();
    let file = arguments.next().and_then(|_| arguments.next());
    let mut panels = Vec::new();
    for (name, values, case) in SERIES.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        println!(
            "| {name} | parameters | ms, 1 thread | ms, 2 threads | MiB | MiB at most | blocks | ≥ 64 KiB |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        let mut points = Vec::new();
        for &value in values {
            let on = |threads| -> Result<Cost, Failure> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
                pool.install(|| measure(case(value)))
            };
            let (one, two) = (on(1)?, on(2)?);
            let [live, peak] = [two.live, two.peak].map(|bytes| bytes as f64 / f64::from(1 << 20));
            println!(
                "| {value} | {} | {:.2} | {:.2} | {live:.1} | {peak:.1} | {} | {} |",
                two.parameters, one.time, two.time, two.blocks, two.large_blocks
            );
            points.push((value, [one.time, two.time]));
        }
        println!();
        panels.push(Panel { name, points });
    }
    if let Some(file) = file {
        std::fs::write(file, plot::svg(&panels)?)?;
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

fn measure(case: Case) -> Result<Cost, Failure> {
    let model = net(case)?;
    let variables = model.trainable_variables();
    let key = Key::from_seed(1);
    let x = key.child("x").stream().uniform(&[case.batch, INPUTS], DType::F32);
    let labels: Vec<f32> = (0..case.batch).map(|row| (row % CLASSES) as f32).collect();
    let y = Tensor::from_vec(labels, &[case.batch]).one_hot(CLASSES);
    let (elbo, mut adam) = (Elbo::new(EXAMPLES)?, Adam::new(1e-3)?);
    let mut step = |key: &Key| -> Result<(), Failure> {
        if let Some(draws) = case.draws {
            MonteCarlo::new(draws)?.batch_size(case.batch)?.classify(&model, &x, key)?;
            return Ok(());
        }
        let nll = -model.call_at(&x, key)?.log_prob(&y)?;
        let loss = elbo.loss(&nll, &model.losses_at(key)?, 1.0)?;
        let gradients = loss.loss.gradients()?;
        drop((loss, nll));
        adam.apply_gradients(&gradients, &variables)?;
        Ok(())
    };
    for index in 0..WARM {
        step(&key.index(index))?;
    }
    let mut times = Vec::with_capacity(1 << 16);
    reset_peak();
    let (before, started) = (counts(), Instant::now());
    while times.len() < 3 || started.elapsed().as_secs_f64() < SECONDS {
        let begun = Instant::now();
        step(&key.index(WARM + times.len() as u64))?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let (after, steps) = (counts(), times.len());
    let a_step = |count: fn(&Counts) -> usize| (count(&after) - count(&before)).div_ceil(steps);
    times.sort_by(f64::total_cmp);
    Ok(Cost {
        parameters: variables.iter().map(|v| v.shape().iter().product::<usize>()).sum(),
        time: times[steps / 2],
        live: after.live,
        peak: after.peak,
        blocks: a_step(|counts| counts.blocks),
        large_blocks: a_step(|counts| counts.large_blocks),
    })
}
