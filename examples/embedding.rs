//! A Bayesian embedding knows which categories it has rarely seen: shops with many sales and with few, and how wide the intervals are.
//!
//! ```text
//! cargo run --release --example embedding
//! ```
//!
//! Each of 300 shops has an effect of its own, drawn from `N(0, 1)`; a sale is that effect, a function of two numbers, and noise. Some
//! shops have a thousand sales, some one, some none. New sales of all shops are predicted. The best possible width is that of
//! somebody who knows the function and the noise, and has to learn the effects alone.

use std::fmt::Write;

use tfn::distributions::{JointDistributionSequential, Normal, Sample};
use tfn::layers::{EmbeddingVariationalReparameterizationLocal as Embedding, Flatten, Parallel};
use tfn::train::data::Dataset;
use tfn::train::{Adam, Fit, KlWeight, MonteCarlo, Schedule};
use tfn::util::make_kernel_bias_posterior_mvn_diag_with_scale as posterior;
use tfn::{
    AffineVariationalReparameterizationLocal as Bayesian, DType, KernelBiasSpec, Key, Lambda,
    Model, Sequential, Tensor, likelihoods, losses,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SHOPS: usize = 300;
const SALES: usize = 3000;
/// New sales of each shop.
const NEW: usize = 5;
const NOISE: f64 = 0.3;
const LEVEL: f64 = 0.9;
/// The quantile of the standard normal that an interval of that level reaches.
const REACH: f64 = 1.6449;

fn main() -> Result<(), Failure> {
    let key = Key::from_seed(1);
    let effects = key.child("effects").stream().normal(&[SHOPS], DType::F64).to_vec::<f64>()?;
    // A few shops have most of the sales.
    let uniform = key.child("shops").stream().uniform(&[SALES], DType::F64).to_vec::<f64>()?;
    let shops: Vec<usize> = uniform.iter().map(|u| (SHOPS as f64 * u.powi(6)) as usize).collect();
    let mut seen = vec![0_usize; SHOPS];
    shops.iter().for_each(|&shop| seen[shop] += 1);
    let train = sales(&shops, &effects, &key.child("train"))?;
    let shops: Vec<usize> = (0..SHOPS).flat_map(|shop| [shop; NEW]).collect();
    let new = sales(&shops, &effects, &key.child("new"))?;

    let model = model()?;
    let fit = Fit::new(&train)?
        .batch_size(100)?
        .epochs(120)
        .kl_weight(KlWeight::linear_warmup(30.0)?)
        .key(key.child("fit"));
    let mut adam = Adam::new(Schedule::cosine_decay(0.02, fit.steps()))?;
    fit.run_model(&model, &mut adam, ())?;

    let predictive =
        MonteCarlo::new(200)?.predict(&model, new.features(), &key.child("predict"))?;
    let log_probs = predictive.log_prob(new.targets())?.to_vec::<f64>()?;
    let [low, high] = predictive.interval(LEVEL)?;
    let [low, high] = [low.to_vec::<f64>()?, high.to_vec::<f64>()?];
    let targets = new.targets().to_f64_vec()?;

    let mut table = String::new();
    writeln!(table, "sales seen   shops    NLL   90 % hold   width   best possible")?;
    for (least, most) in [(0, 0), (1, 1), (2, 4), (5, 14), (15, 49), (50, SALES)] {
        let is_of = |row: &usize| (least..=most).contains(&seen[shops[*row]]);
        let rows: Vec<usize> = (0..shops.len()).filter(is_of).collect();
        let mean = |of: &dyn Fn(usize) -> f64| {
            rows.iter().map(|&row| of(row)).sum::<f64>() / rows.len() as f64
        };
        let held = mean(&|row| f64::from(low[row] <= targets[row] && targets[row] <= high[row]));
        let width = mean(&|row| high[row] - low[row]);
        // The posterior of an effect after n sales has the precision 1 + n/σ².
        let best = mean(&|row| {
            let noise = NOISE * NOISE;
            let unknown = 1.0 / (1.0 + seen[shops[row]] as f64 / noise);
            2.0 * REACH * (noise + unknown).sqrt()
        });
        let name = match most {
            _ if least == most => least.to_string(),
            SALES => format!("{least} or more"),
            _ => format!("{least} to {most}"),
        };
        let (nll, bar) =
            (mean(&|row| -log_probs[row]), "#".repeat((10.0 * width).round() as usize));
        writeln!(
            table,
            "{name:>10} {:7} {nll:6.2} {:9.1} % {width:7.2} {best:9.2}   {bar}",
            rows.len() / NEW,
            100.0 * held
        )?;
    }
    print!("{table}");
    Ok(())
}

/// A sale of each of these shops: the shop's number and two numbers more, and what came of it.
fn sales(shops: &[usize], effects: &[f64], key: &Key) -> Result<Dataset, Failure> {
    let rows = shops.len();
    let numbers = key.child("numbers").stream().normal(&[rows, 2], DType::F64);
    let noise = key.child("noise").stream().normal(&[rows], DType::F64).to_vec::<f64>()?;
    let (a, b) =
        (numbers.narrow(1, 0, 1).to_vec::<f64>()?, numbers.narrow(1, 1, 1).to_vec::<f64>()?);
    let sale =
        |row: usize| effects[shops[row]] + (1.5 * a[row]).sin() + 0.5 * b[row] + NOISE * noise[row];
    let targets = Tensor::from_vec((0..rows).map(sale).collect(), &[rows, 1]);
    let ids = Tensor::from_vec(shops.iter().map(|&shop| shop as f64).collect(), &[rows, 1]);
    let features = Tensor::concat(&[&ids, &numbers], 1);
    Ok(Dataset::new(features.cast(DType::F32), targets.cast(DType::F32))?)
}

/// What is known of the shop, and what the numbers say, added.
fn model() -> Result<Model, Failure> {
    let shop = Sequential::of(Lambda::new("shop", |x| x.narrow(-1, 0, 1))?)
        .then(
            Embedding::builder(SHOPS, 1)
                .make_posterior_fn(|spec| posterior(spec, 0.3))
                .make_prior_fn(standard_normal)
                .divergence(losses::kl_divergence_exact)
                .seed(2)
                .build()?,
        )
        .then(Flatten::new(2));
    let layer = |inputs, outputs| {
        Bayesian::builder(inputs, outputs)
            .make_posterior_fn(|spec| posterior(spec, 0.02))
            .make_prior_fn(standard_normal)
            .divergence(losses::kl_divergence_exact)
    };
    let numbers = Sequential::of(Lambda::new("numbers", |x| x.narrow(-1, 1, 2))?)
        .then(layer(2, 20).activation_fn(Tensor::tanh).seed(3).build()?)
        .then(layer(20, 1).seed(4).build()?);
    let net = Sequential::of(Parallel::of(shop).and(numbers).summed());
    Ok(net.with_likelihood(likelihoods::Normal::new()?))
}

/// Independent standard normals.
fn standard_normal(spec: &KernelBiasSpec) -> tfn::util::Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0, 1.0)?, weight.shape)?))
}
