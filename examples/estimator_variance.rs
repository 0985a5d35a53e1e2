//! The variance of the minibatch gradient under each estimator: table 1 of Kingma, Salimans & Welling 2015.
//!
//! ```text
//! cargo run --release --example estimator_variance [-- EPOCHS [GRADIENTS]]
//! ```
//!
//! Variational dropout on MNIST: a weight is `θ·(1 + sqrt(α)·ε)` with rates of 0.2 for the input and 0.5 for hidden units. The net
//! is trained by the local estimator in minibatches of 1000, and measured after a tenth of the epochs (100 by default) and at
//! the end, with so many gradients (100) for each estimator, a tenth of that for separate draws.

use tfn::distributions::{
    Deterministic, Distribution, OneHotCategorical, Parameter, ParameterSpec, Reparameterization,
    Result,
};
use tfn::layers::{Local, Mean, PerExample, Reparameterization as Shared};
use tfn::train::data::{Dataset, idx};
use tfn::train::{Adam, EstimatorVariance, Fit, VarianceProbe};
use tfn::{AffineVariationalReparameterizationLocal as Layer, DType, Model, Module, Sequential};
use tfn::{Key, Stream, Tensor, initializers, util::WeightSpec};

const BATCH: usize = 1000;
const HIDDEN: usize = 100;
/// Estimator, its name in the paper, and its variances there: top layer after 10 and 100 epochs, bottom layer after both.
const PUBLISHED: [(&str, &str, [f64; 4]); 4] = [
    ("Local", "local reparameterization", [7.8e3, 1.2e3, 1.9e2, 1.1e2]),
    ("PerExample", "separate draws, one an example", [1.4e4, 2.6e3, 4.3e2, 2.5e2]),
    ("Reparameterization", "one draw a minibatch", [4.9e4, 4.3e3, 8.5e2, 3.3e2]),
    ("Mean", "no noise", [2.8e3, 5.9e1, 1.3e2, 9.0e0]),
];

/// Gaussian dropout of weights: `θ·(1 + sqrt(α)·ε)`, a normal of mean `θ` and deviation `sqrt(α)·|θ|`.
#[derive(Clone, Debug, Module)]
struct GaussianDropout {
    loc: Parameter,
    alpha: f64,
}

impl GaussianDropout {
    fn scale(&self) -> Tensor {
        self.loc.value().abs() * self.alpha.sqrt()
    }
}

impl Distribution for GaussianDropout {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Tensor::normal_log_prob(x, &self.loc.value(), &self.scale()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.normal(shape, self.dtype()?);
        Ok(Tensor::normal_sample(&self.loc.value(), &self.scale(), &noise))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.loc.value())
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        Some((self.loc.value(), self.scale()))
    }
}

fn layer(
    inputs: usize,
    outputs: usize,
    rate: f64,
) -> tfn::layers::Builder<tfn::layers::Dense, Local> {
    let weights = move |weight: &WeightSpec<'_>| {
        let loc = weight.variable("loc", weight.initial()?)?;
        Ok(match weight.shape {
            [_, _] => tfn::distributions::IntoDistribution::into_distribution(GaussianDropout {
                loc: loc.into(),
                alpha: rate / (1.0 - rate),
            }),
            _ => tfn::distributions::IntoDistribution::into_distribution(Deterministic::new(loc)?),
        })
    };
    let prior = |weight: &WeightSpec<'_>| Ok(Deterministic::new(weight.full(0.0))?);
    Layer::builder(inputs, outputs)
        .kernel_initializer(initializers::he_normal())
        .make_posterior_fn(move |spec| spec.joint("posterior_", weights))
        .make_prior_fn(move |spec| spec.joint("prior_", prior))
        // Under a log-uniform prior the divergence depends on the rates alone, which are fixed.
        .divergence(|_, _, _| Ok(Tensor::scalar(0.0_f32)))
        .seed(inputs as u64)
}

fn model() -> Result<Model, tfn::LayerError> {
    Ok(Sequential::of(layer(784, HIDDEN, 0.2).activation_fn(Tensor::relu).build()?)
        .then(layer(HIDDEN, HIDDEN, 0.5).activation_fn(Tensor::relu).name("second").build()?)
        .then(layer(HIDDEN, HIDDEN, 0.5).activation_fn(Tensor::relu).name("third").build()?)
        .then(layer(HIDDEN, 10, 0.5).build()?)
        .with_head(|logits| OneHotCategorical::from_logits(logits)))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    let epochs = arguments.first().copied().unwrap_or(100).max(10);
    let gradients = arguments.get(1).copied().unwrap_or(100).max(20);
    let images =
        idx::load_pair(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist"), idx::Split::Train, 10)?;
    let data = Dataset::from_images(&images, DType::F32)?.one_hot(10)?;
    let (model, mut adam) = (model()?, Adam::new(1e-3)?);
    let probe = VarianceProbe::new(BATCH, gradients)?
        .key(Key::from_seed(2))
        .estimator(Local, gradients)?
        .estimator(PerExample, gradients / 10)?
        .estimator(Shared, gradients)?
        .estimator(Mean, gradients)?;

    let mut tables = Vec::new();
    let mut before = 0;
    for (stage, epochs) in [epochs / 10, epochs].into_iter().enumerate() {
        let fit = Fit::new(&data)?.batch_size(BATCH)?.epochs((epochs - before) as u64);
        let report = fit.key(Key::from_seed(stage as u64)).run_model(&model, &mut adam, ())?;
        before = epochs;
        let last = report.epochs.last().and_then(|epoch| epoch.accuracy).unwrap_or_default();
        println!("{epochs} epochs, training accuracy {last:.4}, all layers:");
        let table = probe.measure(&model, &data)?;
        println!("{table}");
        tables.push(table);
    }
    print_table(&tables, [epochs / 10, epochs]);
    Ok(())
}

/// Variances and their ratios to the local estimator's, beside the published ones.
fn print_table(tables: &[EstimatorVariance], epochs: [usize; 2]) {
    let of = |estimator: &str, table: usize, top: bool| -> f64 {
        let row = tables[table].rows.iter().find(|row| row.estimator == estimator);
        let layers = row.map_or(&[][..], |row| &row.variances);
        let layer = if top { layers.last() } else { layers.first() };
        layer.copied().unwrap_or(f64::NAN)
    };
    println!(
        "Variance of the gradient of a minibatch of {BATCH}; in brackets its ratio to the local estimator's, ours / published"
    );
    let columns = [(0, true), (1, true), (0, false), (1, false)];
    print!("{:32}", "");
    for (table, top) in columns {
        let layer = if top { "top" } else { "bottom" };
        print!(" {:>24}", format!("{layer}, {} epochs", epochs[table]));
    }
    println!();
    for (estimator, name, published) in PUBLISHED {
        print!("{name:32}");
        for (column, (table, top)) in columns.into_iter().enumerate() {
            let given = of(estimator, table, top);
            let ratio = given / of("Local", table, top);
            let theirs = published[column] / PUBLISHED[0].2[column];
            print!(" {:>24}", format!("{given:.2e} ({ratio:.2} / {theirs:.2})"));
        }
        println!();
    }
    let time = |estimator: &str| {
        let row = tables[1].rows.iter().find(|row| row.estimator == estimator);
        row.map_or(f64::NAN, |row| row.time.as_secs_f64())
    };
    println!(
        "time of a gradient: local {:.1} ms, separate {:.1} ms, ratio {:.0} (published: 221 for an epoch)",
        time("Local") * 1e3,
        time("PerExample") * 1e3,
        time("PerExample") / time("Local")
    );
}
