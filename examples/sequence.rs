//! A Bayesian LSTM learns to continue damped oscillations, and says how far ahead to trust it.
//!
//! ```text
//! cargo run --release --example sequence -- [EPOCHS]
//! ```
//!
//! The net is trained to say the next value of noisy series of many frequencies. Then it reads the first part of series that it has not seen,
//! and goes on by itself: each value that it draws is its next input. All steps of such a continuation have one draw of the weights,
//! so that the continuations differ as the weights do, and with the noise that each step adds. The further ahead, the wider they spread.

use std::sync::Arc;
use std::time::Instant;

use tfn::distributions::{
    Distribution, DistributionError, Independent, JointDistributionSequential, Normal, Sample,
};
use tfn::layers::{AffineVariationalReparameterization as Head, LSTMVariationalFlipout as Memory};
use tfn::train::data::Dataset;
use tfn::train::observe::Lines;
use tfn::train::{Adam, Fit, KlWeight, Schedule};
use tfn::{DType, KernelBiasSpec, Key, Model, Pass, Sequential, Tensor, losses};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TRAIN: usize = 512;
const TEST: usize = 64;
/// Steps that are read before the net goes on by itself, and steps that it then makes.
const READ: usize = 40;
const AHEAD: usize = 40;
const DRAWS: usize = 100;
const NOISE: f64 = 0.05;

fn main() -> Result<(), Failure> {
    let epochs: u64 = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    let key = Key::from_seed(1);
    let all = series(TRAIN, &key.child("train"))?;
    let last = READ + AHEAD - 1;
    let data = Dataset::new(all.narrow(1, 0, last).expand_dims(-1), all.narrow(1, 1, last))?;

    macro_rules! bayesian {
        ($builder:expr) => {
            $builder.make_prior_fn(standard_normal).divergence(losses::kl_divergence_exact).seed(1)
        };
    }
    let memory = Arc::new(bayesian!(Memory::builder(1, 24)).return_sequences(true).build()?);
    let head = Arc::new(bayesian!(Head::builder(24, 2)).build()?);
    let model = Sequential::of(memory.clone()).then(head.clone()).with_head(next_values);

    let fit = Fit::new(&data)?.batch_size(32)?.epochs(epochs).key(key.child("fit"));
    let fit = fit.kl_weight(KlWeight::linear_warmup(epochs as f64 / 2.0)?);
    let mut adam = Adam::new(Schedule::cosine_decay(0.01, fit.steps()))?;
    let start = Instant::now();
    fit.run_model(&model, &mut adam, Lines::new(std::io::stdout()).every((epochs / 10).max(1)))?;
    println!("{:.0} s of training", start.elapsed().as_secs_f64());

    let test = series(TEST, &key.child("test"))?;
    let read = test.narrow(1, 0, READ);
    let paths = (0..DRAWS as u64)
        .map(|draw| continued(&model, (&memory, &head), &read, &key.child("draw").index(draw)))
        .collect::<Result<Vec<_>, _>>()?;
    let truth = test.narrow(1, READ, AHEAD).to_vec::<f32>()?;
    report(&truth, &paths);
    Ok(())
}

/// Noisy damped oscillations, `[n, READ + AHEAD]`.
fn series(n: usize, key: &Key) -> Result<Tensor, Failure> {
    let time: Vec<f32> = (0..READ + AHEAD).map(|step| step as f32).collect();
    let time = Tensor::from_vec(time, &[1, READ + AHEAD]);
    let uniform = |label, low: f64, high: f64| {
        key.child(label).stream().uniform(&[n, 1], DType::F32) * (high - low) + low
    };
    let (pace, decay) = (uniform("pace", 0.25, 0.45), uniform("decay", 0.003, 0.012));
    let angle = &time * pace + uniform("phase", 0.0, std::f64::consts::TAU);
    let clean = (-(time * decay)).exp() * angle.sin();
    let noise = key.child("noise").stream().normal(clean.shape()?, clean.dtype()?);
    Ok((clean + noise * NOISE).check()?)
}

/// Independent standard normals.
fn standard_normal(spec: &KernelBiasSpec) -> tfn::util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0, 1.0)?, weight.shape)?))
}

/// The next values of a series, by location and scale of each.
fn next_values(y: &Tensor) -> Result<Independent, DistributionError> {
    let [loc, scale] = [0, 1].map(|at| y.narrow(-1, at, 1).squeeze(-1));
    Independent::new(Normal::new(loc, scale.softplus() + 1e-3)?, 1)
}

/// The series `[n, READ]` with `AHEAD` values more, of which only these are returned: by time, each of all series.
fn continued(
    model: &Model,
    (memory, head): (&Memory, &Head),
    read: &Tensor,
    key: &Key,
) -> Result<Vec<Vec<f32>>, Failure> {
    let pass = Pass::new(model, key);
    let steps = memory.cell().begin(&pass)?;
    let mut states = steps.initial_states(&[TEST], DType::F32);
    let mut ahead = Vec::new();
    for step in 0..READ + AHEAD - 1 {
        let x = match ahead.last() {
            Some(drawn) if step >= READ => Tensor::clone(drawn),
            _ => read.narrow(1, step, 1),
        };
        states = steps.next(step, &x, &states)?;
        if step + 1 >= READ {
            let y = pass.call("head", head, &states[0])?;
            let mut stream = key.child("value").index(step as u64).stream();
            ahead.push(next_values(&y.expand_dims(1))?.sample(&[], &mut stream)?.detach());
        }
    }
    Ok(ahead.iter().map(Tensor::to_vec).collect::<Result<_, _>>()?)
}

/// How often intervals hold and how wide they are, and the first series as a picture.
fn report(truth: &[f32], paths: &[Vec<Vec<f32>>]) {
    let interval = |step: usize, series: usize| {
        let mut drawn: Vec<f32> = paths.iter().map(|path| path[step][series]).collect();
        drawn.sort_by(f32::total_cmp);
        [DRAWS / 20, DRAWS / 2, DRAWS - 1 - DRAWS / 20].map(|at| drawn[at])
    };
    println!("\nsteps ahead   90 % intervals hold   mean width");
    for first in (0..AHEAD).step_by(8) {
        let steps = (first..first + 8).flat_map(|step| (0..TEST).map(move |of| (step, of)));
        let (mut held, mut width) = (0.0, 0.0);
        for (step, of) in steps {
            let ([low, _, high], truth) = (interval(step, of), truth[of * AHEAD + step]);
            held += if (low..=high).contains(&truth) { 1.0 } else { 0.0 };
            width += f64::from(high - low);
        }
        let (n, last) = ((8 * TEST) as f64, first + 8);
        let (held, width) = (held / n * 100.0, width / n);
        println!("{:4} to {last:2} {held:18.1} % {width:14.2}", first + 1);
    }
    println!("\nThe first of them: * what came, | the median, [ ] the interval");
    for (step, truth) in truth.iter().enumerate().take(AHEAD) {
        let mut line = [' '; 81];
        let [low, median, high] = interval(step, 0);
        for (value, mark) in [(low, '['), (high, ']'), (median, '|'), (*truth, '*')] {
            line[((value + 2.0) * 20.0).clamp(0.0, 80.0) as usize] = mark;
        }
        println!("{:3} {}", step + 1, line.iter().collect::<String>().trim_end());
    }
}
