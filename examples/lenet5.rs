//! A Bayesian LeNet-5 on images of digits or clothes: how right it is, how sure, and which answers not to trust.
//!
//! ```text
//! cargo run --release --example lenet5 -- [--data DIR] [--epochs 12] [--samples 32]
//! ```
//!
//! DIR holds the four files of MNIST or of Fashion-MNIST; without it, the digits in this repository. All five layers of
//! weights are Bayesian, trained under the local estimator, with the closed form of their divergence from a normal prior whose
//! variance is 2 by the inputs of an output. Beside the figures stands what uncertainty-baselines states for variational
//! inference on the same sets (`baselines/mnist`, 30 000 steps of 256 images).

use std::path::{Path, PathBuf};
use std::time::Instant;

use tfn::distributions::{JointDistributionSequential, Normal, OneHotCategorical, Sample};
use tfn::layers::{Flatten, Flipout, MaxPooling, Reshape};
use tfn::train::data::{Dataset, idx};
use tfn::train::metrics::rejection_curve;
use tfn::train::observe::Progress;
use tfn::train::{Adam, Fit, KlWeight, MonteCarlo, Schedule};
use tfn::{
    AffineVariationalReparameterizationLocal as Dense,
    ConvolutionVariationalReparameterizationLocal as Conv, DType, KernelBiasSpec, Key, Model,
    Padding, Sequential, Tensor, initializers, losses, set_estimator,
    util::make_kernel_bias_posterior_mvn_diag_with_scale as normal_with_scale,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let [mut data, mut epochs, mut samples] =
        [concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist").to_owned(), "12".into(), "32".into()];
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--data" => data = value,
            "--epochs" => epochs = value,
            "--samples" => samples = value,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let (data, epochs, samples) = (PathBuf::from(data), epochs.parse()?, samples.parse()?);
    let [train, test] = [idx::Split::Train, idx::Split::Test].map(|split| load(&data, split));
    let (train, test) = (train?.one_hot(10)?, test?);

    let model = lenet5()?;
    let fit = Fit::new(&train)?.batch_size(128)?.epochs(epochs).key(Key::from_seed(1));
    let fit = fit.kl_weight(KlWeight::linear_warmup(epochs as f64 / 4.0)?);
    let mut adam = Adam::new(Schedule::cosine_decay(2e-3, fit.steps()))?;
    let start = Instant::now();
    fit.run_model(&model, &mut adam, Progress::new("lenet5"))?;
    let trained = start.elapsed().as_secs_f64();

    let monte_carlo = MonteCarlo::new(samples)?.batch_size(500)?;
    let predict = |key| monte_carlo.classify(&model, test.features(), &Key::from_seed(key));
    let prediction = predict(2)?;
    // The same weights with one draw of each convolution for all positions of an image.
    set_estimator(&model, Flipout)?;
    let shared = predict(3)?.scores(test.targets())?;
    let scores = prediction.scores(test.targets())?;
    let fashion = data.to_string_lossy().contains("fashion");
    let [accuracy, nll, ece] = if fashion { [89.5, 0.292, 0.011] } else { [98.5, 0.048, 0.010] };
    println!("\n{} images, {epochs} epochs, {trained:.0} s of training", train.len());
    println!("             local  flipout   uncertainty-baselines, VI");
    let percent = |share: f64| 100.0 * share;
    println!(
        "accuracy %  {:6.2}   {:6.2}   {accuracy}",
        percent(scores.accuracy()),
        percent(shared.accuracy())
    );
    println!("NLL         {:6.4}   {:6.4}   {nll}", scores.nll(), shared.nll());
    println!("ECE         {:6.4}   {:6.4}   {ece}", scores.ece(), shared.ece());
    println!("\nof the images, left to a person first where the entropy is highest:");
    for point in rejection_curve(&prediction.entropy, &scores.correct(), &[0.0, 0.01, 0.05, 0.1])? {
        println!(
            "  {:4.0} %   accuracy of the rest {:6.2} %",
            100.0 * point.rejected,
            100.0 * (1.0 - point.error)
        );
    }
    Ok(())
}

fn load(folder: &Path, split: idx::Split) -> Result<Dataset, Failure> {
    let images = idx::load_pair(folder, split, 10)?;
    Ok(Dataset::from_images(&images, DType::F32)?)
}

/// The net of LeCun, Bottou, Bengio & Haffner 1998, with rectifiers and maxima.
fn lenet5() -> Result<Model, Failure> {
    macro_rules! bayesian {
        ($builder:expr, $seed:literal) => {
            $builder
                .kernel_initializer(initializers::he_normal())
                .make_posterior_fn(|spec| normal_with_scale(spec, 0.02))
                .make_prior_fn(prior)
                .divergence(losses::kl_divergence_exact)
                .seed($seed)
        };
    }
    let net = Sequential::of(Reshape::new(1, &[28, 28, 1]))
        .then(
            bayesian!(Conv::builder(1, 6, 5), 1)
                .padding(Padding::Same)
                .activation_fn(Tensor::relu)
                .build()?,
        )
        .then(MaxPooling::new(2)?)
        .then(bayesian!(Conv::builder(6, 16, 5), 2).activation_fn(Tensor::relu).build()?)
        .then(MaxPooling::new(2)?)
        .then(bayesian!(Conv::builder(16, 120, 5), 3).activation_fn(Tensor::relu).build()?)
        .then(Flatten::new(3))
        .then(bayesian!(Dense::builder(120, 84), 4).activation_fn(Tensor::relu).build()?)
        .then(bayesian!(Dense::builder(84, 10), 5).build()?);
    Ok(net.named("lenet5")?.with_head(|logits| OneHotCategorical::from_logits(logits)))
}

/// `N(0, 2/n)` on each weight of an output of `n` inputs, and on its bias.
fn prior(spec: &KernelBiasSpec) -> tfn::util::Result<JointDistributionSequential> {
    let inputs: usize = spec.kernel_shape.iter().rev().skip(1).product();
    let scale = (2.0 / inputs as f32).sqrt();
    spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0_f32, scale)?, weight.shape)?))
}
