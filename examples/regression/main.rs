//! A Bayesian network learns how much resistance a yacht meets, and how far to trust it: intervals that hold, and a picture.
//!
//! ```text
//! cargo run --release --example regression
//! ```
//!
//! Of 308 experiments 70 % are trained on, 15 % calibrate the intervals, and 15 % judge them. The picture shows the mean
//! hull at speeds inside and outside of the data.

mod plot;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use tfn::distributions::{JointDistributionSequential, Normal, Sample};
use tfn::train::calibrate::ConformalIntervals;
use tfn::train::data::{Batches, Dataset, Standardizer, Table, TableEncoder};
use tfn::train::metrics::coverage_and_width;
use tfn::train::observe::Lines;
use tfn::train::{Adam, Fit, KlWeight, MonteCarlo, Schedule};
use tfn::{
    AffineVariationalReparameterizationLocal as Bayesian, DType, KernelBiasSpec, Key, Likelihood,
    Model, Sequential, Tensor, likelihoods, losses,
};

use plot::Plot;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Level of all intervals.
const LEVEL: f64 = 0.9;
/// The column of the Froude number, the one that the picture varies.
const SPEED: &str = "froude_number";
/// The column that is predicted.
const TARGET: &str = "residuary_resistance";

#[derive(Parser)]
struct Options {
    /// A CSV file with a head line; the column `residuary_resistance` is the target.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/yacht/yacht.csv"))]
    data: PathBuf,
    /// Where the picture goes.
    #[arg(long, default_value = "yacht.svg")]
    picture: PathBuf,
    #[arg(long, default_value_t = 600)]
    epochs: u64,
    /// Draws of the weights for each prediction.
    #[arg(long, default_value_t = 200)]
    samples: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> std::process::ExitCode {
    match run(&Options::parse()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("regression: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let key = Key::from_seed(options.seed);
    let table = Table::read(&options.data)?;
    let rows = table.len();
    let order = Batches::new(rows, rows)?.shuffled(key.child("split")).epoch(0).concat();
    let (train, rest) = order.split_at(rows * 7 / 10);
    let (calibration, test) = rest.split_at(rest.len() / 2);
    // What the features are is learned from the rows that are trained on.
    let encoder = TableEncoder::regression(TARGET).fit(&table.rows(train)?)?;
    for remark in encoder.remarks() {
        println!("{remark}");
    }
    let data = encoder.encode(&table)?.dataset()?;
    let [train, calibration, test] = [data.rows(train)?, data.rows(calibration)?, data.rows(test)?];
    let columns = encoder.width();

    let model = model(&train, columns, options.seed)?;
    fit(&model, &train, options, &key)?;

    let monte_carlo = MonteCarlo::new(options.samples)?;
    let predict = |x: &Tensor| monte_carlo.predict(&model, x, &key.child("predict"));
    let conformal =
        ConformalIntervals::fit(&predict(calibration.features())?, calibration.targets())?;

    let predictive = predict(test.features())?;
    let scores = predictive.scores(test.targets())?;
    let [coverage, width] = scores.interval(LEVEL)?;
    let [low, high] = conformal.interval(&predictive, LEVEL)?;
    let [held, held_width] = coverage_and_width(test.targets(), &low, &high)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\n{} rows to train, {} to calibrate, {} to judge",
        train.len(),
        calibration.len(),
        test.len()
    )?;
    writeln!(out, "root mean squared error {:9.3}", scores.rmse())?;
    writeln!(out, "mean absolute error     {:9.3}", scores.mae())?;
    writeln!(out, "log-likelihood          {:9.3}", -scores.nll()?)?;
    writeln!(out, "CRPS                    {:9.3}", scores.crps()?)?;
    writeln!(
        out,
        "90 % intervals          hold {:5.1} %, mean width {width:.2}",
        100.0 * coverage
    )?;
    writeln!(
        out,
        "  conformal             hold {:5.1} %, mean width {held_width:.2}",
        100.0 * held
    )?;
    show_rows(&mut out, &test, &predictive, [&low, &high])?;

    // The mean hull, at speeds from below to above those of the data.
    let speeds: Vec<f64> = (0..=100).map(|i| 0.05 + 0.005 * f64::from(i)).collect();
    let speed = encoder.feature_names().iter().position(|name| name == SPEED);
    let speed = speed.ok_or_else(|| format!("no column `{SPEED}` that differs between rows"))?;
    let hull = data.features().mean_axes(&[0], true).cast(DType::F64).to_vec::<f64>()?;
    let at = |value: &f64| {
        let mut row = hull.clone();
        row[speed] = *value;
        row
    };
    let line = Tensor::from_vec(speeds.iter().flat_map(at).collect(), &[speeds.len(), columns]);
    let line = predict(&line.cast(DType::F32))?;
    let [low, high] = conformal.interval(&line, LEVEL)?;
    let known = line.variance()?.epistemic.sqrt().to_vec::<f64>()?;
    let of_data = data.features().narrow(1, speed, 1).to_f64_vec()?;
    let plot = Plot {
        x: speeds,
        mean: line.mean()?.to_vec::<f64>()?,
        low: low.to_vec::<f64>()?,
        high: high.to_vec::<f64>()?,
        epistemic: known,
        points: of_data.into_iter().zip(data.targets().to_f64_vec()?).collect(),
        x_label: "Froude number",
        y_label: "residuary resistance",
    };
    fs::write(&options.picture, plot.svg()?)?;
    writeln!(out, "\npicture: {}", options.picture.display())?;
    Ok(())
}

/// A net whose inputs and targets are in the units of the data.
fn model(train: &Dataset, columns: usize, seed: u64) -> Result<Model, Failure> {
    let targets = Standardizer::fit(train.targets())?;
    let layer = |inputs, outputs| {
        Bayesian::builder(inputs, outputs)
            .make_prior_fn(standard_normal)
            .divergence(losses::kl_divergence_exact)
    };
    // The net says of each row how large the noise is.
    let noise = likelihoods::HeteroscedasticNormal::new();
    let net = Sequential::of(Standardizer::fit(train.features())?)
        .then(layer(columns, 50).activation_fn(Tensor::relu).seed(seed).build()?)
        .then(layer(50, noise.outputs(1)).seed(seed + 1).build()?);
    Ok(net.with_likelihood(targets.units_of(noise)))
}

/// Independent standard normals.
fn standard_normal(spec: &KernelBiasSpec) -> tfn::util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0, 1.0)?, weight.shape)?))
}

fn fit(model: &Model, train: &Dataset, options: &Options, key: &Key) -> Result<(), Failure> {
    let fit = Fit::new(train)?
        .epochs(options.epochs)
        .kl_weight(KlWeight::linear_warmup(options.epochs as f64 / 2.0)?)
        .key(key.child("fit"));
    let mut adam = Adam::new(Schedule::cosine_decay(0.01, fit.steps()))?;
    let every = (options.epochs / 10).max(1);
    fit.run_model(model, &mut adam, Lines::new(io::stdout()).every(every))?;
    Ok(())
}

/// A few rows of the test set with their intervals.
fn show_rows(
    out: &mut impl Write,
    test: &Dataset,
    predictive: &tfn::train::Predictive,
    [low, high]: [&Tensor; 2],
) -> Result<(), Failure> {
    let parts = predictive.variance()?;
    let columns = [
        &test.targets().cast(DType::F64),
        &predictive.mean()?,
        low,
        high,
        &parts.aleatoric.sqrt(),
        &parts.epistemic.sqrt(),
    ];
    let columns =
        columns.iter().map(|column| column.to_f64_vec()).collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "\n  target    mean   90 % interval    noise   not known")?;
    let at = |column: usize, row: usize| columns[column][row];
    for row in 0..test.len().min(8) {
        let [target, mean, low, high, noise, unknown] = [0, 1, 2, 3, 4, 5].map(|i| at(i, row));
        writeln!(out, "{target:8.2}{mean:8.2}  {low:6.2} to{high:6.2}{noise:9.2}{unknown:12.2}")?;
    }
    Ok(())
}
