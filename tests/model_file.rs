//! A model that was saved in one process predicts the same bits in another, which has none of the code that built it.

// The lint's exception for tests does not reach the functions that tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use tfn::distributions::{
    Independent, JointDistributionSequential, Laplace, Normal, Sample, StudentT,
    TransformedVariable,
};
use tfn::layers::likelihoods::Noise;
use tfn::module::Swappable;
use tfn::module::describe::{FileReader, FileWriter};
use tfn::train::calibrate::ConformalIntervals;
use tfn::train::data::{Dataset, Standardizer};
use tfn::train::{Adam, Fit, MonteCarlo, describe::MODEL};
use tfn::{
    Affine, AffineVariationalFlipout, AffineVariationalReparameterizationLocal as Bayesian, DType,
    KernelBiasSpec, Key, Lambda, Model, Module, Sequential, Tensor, Variable, bijectors::Softplus,
    likelihoods, load_model, losses, save_model,
};

const FILE: &str = "TFN_TEST_MODEL_FILE";

/// All that the other process knows: a file, and this crate.
fn figures_of(file: &Path) -> String {
    let registry = tfn::registry();
    let mut read = FileReader::open(file, &registry).unwrap();
    let model: Model = read.take(MODEL).unwrap();
    let intervals: ConformalIntervals = read.take("calibration").unwrap();
    figures(&model, &intervals)
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().unwrap().iter().map(|x| x.to_bits()).collect()
}

/// Predictions, intervals, losses and all variables, to the last bit.
fn figures(model: &Model, intervals: &ConformalIntervals) -> String {
    let (x, key) = (inputs(), Key::from_seed(11));
    let predictive = MonteCarlo::new(20).unwrap().predict(model, &x, &key).unwrap();
    let [low, high] = intervals.interval(&predictive, 0.8).unwrap();
    let figures: Vec<Vec<u64>> = [
        predictive.mean().unwrap(),
        predictive.stddev().unwrap(),
        low,
        high,
        model.call_at(&x, &key).unwrap().mean().unwrap(),
        model.losses_at(&key).unwrap(),
        model.call(&x).unwrap().mean().unwrap(),
    ]
    .iter()
    .map(bits)
    .collect();
    let of = |v: &Variable| (v.name().to_owned(), v.is_trainable(), bits(&v.value()));
    format!("{figures:?} {:?}", model.variables().iter().map(of).collect::<Vec<_>>())
}

fn inputs() -> Tensor {
    Key::from_seed(5).stream().normal(&[16, 3], DType::F32) * 4.0 + 100.0
}

/// What the test below starts, in a process of its own.
#[test]
fn child() {
    if let Some(file) = std::env::var_os(FILE) {
        println!("figures: {}", figures_of(Path::new(&file)));
    }
}

fn of_another_process(file: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FILE, file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("figures: "));
    line.expect("the child prints its figures").1.to_owned()
}

/// A prior of a heavy tail, whose scale is a variable that both layers share.
fn model(x: &Tensor, y: &Tensor) -> Model {
    let start = Tensor::scalar(0.5_f32);
    let scale = TransformedVariable::new(&start, Softplus::new(), "prior_scale").unwrap();
    let prior = move |spec: &KernelBiasSpec| {
        let kernel = Sample::new(Laplace::new(0.0, &scale)?, &spec.kernel_shape)?;
        let bias = Sample::new(StudentT::new(3.0_f32, 0.0_f32, 1.0_f32)?, &spec.bias_shape)?;
        JointDistributionSequential::new([kernel.into(), bias.into()])
    };
    let posterior = |spec: &KernelBiasSpec| {
        spec.joint("posterior_", |weight| {
            let loc = weight.variable("loc", weight.initial()?)?;
            let scale = weight.transformed("scale", weight.full(0.05), Softplus::above(1e-5)?)?;
            Ok(Independent::new(Normal::new(loc, scale)?, weight.shape.len())?)
        })
    };
    let hidden = Bayesian::builder(3, 8).make_prior_fn(prior.clone()).make_posterior_fn(posterior);
    let hidden = hidden.activation_fn(Tensor::tanh).seed(1).name("hidden").build().unwrap();
    let middle = AffineVariationalFlipout::builder(8, 8).make_prior_fn(prior);
    let middle = middle.divergence(losses::kl_divergence_monte_carlo).seed(2).build().unwrap();
    let noise = Noise::starting_at(&[0.5]).unwrap().with_posterior(-1.0, 1.0).unwrap();
    let likelihood = likelihoods::Normal::with_noise(noise);
    Sequential::of(Standardizer::fit(x).unwrap())
        .then(hidden)
        .then(middle)
        .then(Lambda::new("relu", Tensor::relu).unwrap())
        .then(Affine::builder(8, 1).seed(3).build().unwrap())
        .with_likelihood(Standardizer::fit(y).unwrap().units_of(likelihood))
}

#[test]
fn another_process_predicts_the_same_bits() {
    let x = inputs();
    let y = x.sum_axes(&[-1], false);
    let model = model(&x, &y);
    model.variables()[0].set_trainable(false);
    let data = Dataset::new(x.clone(), y.clone()).unwrap();
    let fit = Fit::new(&data).unwrap().batch_size(8).unwrap().epochs(3);
    fit.run_model(&model, &mut Adam::new(0.01).unwrap(), ()).unwrap();
    let predictive = MonteCarlo::new(20).unwrap().predict(&model, &x, &Key::from_seed(1)).unwrap();
    let intervals = ConformalIntervals::fit(&predictive, &y).unwrap();
    let (folder, registry) = (tempfile::tempdir().unwrap(), tfn::registry());
    let path = folder.path().join("model.safetensors");
    let file = FileWriter::new(&registry).add(MODEL, &model).unwrap();
    file.add("calibration", &intervals).unwrap().metadata("rows", "16").save(&path).unwrap();
    let there = of_another_process(&path);
    assert_eq!(there, figures_of(&path));
    assert_eq!(there, figures(&model, &intervals));
    assert_eq!(tfn::module::read_metadata(&path).unwrap()["rows"], "16");
    // And both are trained on alike.
    let same = load_model(&path, &registry).unwrap();
    let on = |model: &Model| {
        fit.run_model(model, &mut Adam::new(0.01).unwrap(), ()).unwrap();
        model.variables().iter().map(|v| bits(&v.value())).collect::<Vec<_>>()
    };
    let before = on(&same);
    // `figures` has called the one once more than the file knows of.
    assert_eq!(before, on(&model));
    save_model(&same, &path, &registry).unwrap();
    assert_eq!(on(&load_model(&path, &registry).unwrap()), on(&same));
}

/// Mean and divergence, of which the fixture has those of the model that was saved.
fn few_figures(model: &Model) -> Vec<f64> {
    let (x, key) = (inputs(), Key::from_seed(11));
    let mut figures = model.call_at(&x, &key).unwrap().mean().unwrap().to_f64_vec().unwrap();
    figures.push(model.losses_at(&key).unwrap().item().unwrap());
    figures
}

/// Files are read by all later versions: this one was written by the first, by `TFN_KEEP=1 cargo test --test model_file`.
#[test]
fn a_file_of_the_first_version_is_still_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model_file/version_1.safetensors");
    let registry = tfn::registry();
    if std::env::var_os("TFN_KEEP").is_some() {
        let x = inputs();
        let model = model(&x, &x.sum_axes(&[-1], false));
        let file = FileWriter::new(&registry).add(MODEL, &model).unwrap();
        file.metadata("figures", format!("{:?}", few_figures(&model))).save(&path).unwrap();
    }
    let mut file = FileReader::open(&path, &registry).unwrap();
    let model: Model = file.take(MODEL).unwrap();
    let expected = file.metadata()["figures"].trim_matches(['[', ']']).split(", ");
    let expected: Vec<f64> = expected.map(|figure| figure.parse().unwrap()).collect();
    let given = few_figures(&model);
    // Products may be rounded otherwise on another machine.
    let near = given.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs());
    assert!(near && given.len() == expected.len(), "{given:?} {expected:?}");
    let names: Vec<String> = model.variables().iter().map(|v| v.name().to_owned()).collect();
    assert_eq!(names.iter().filter(|name| *name == "prior_scale").count(), 1, "{names:?}");
}

/// Each prediction is of all old or all new weights, while another thread loads others again and again.
#[test]
fn predictions_see_one_set_of_weights() {
    let x = inputs();
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::from_seed(3));
    let of = |model: &Model| bits(&model.call_at(&x, &key).unwrap().mean().unwrap());
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let model = model(&x, &x.sum_axes(&[-1], false));
    let mut allowed = Vec::new();
    for path in &paths {
        tfn::save(&model, path).unwrap();
        allowed.push(of(&model));
        for variable in model.trainable_variables() {
            variable.assign(&(variable.value() * 1.01)).unwrap();
        }
    }
    assert_ne!(allowed[0], allowed[1]);
    tfn::load(&model, &paths[0]).unwrap();
    let (shared, done) = (Swappable::new(model), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let predict = || {
            let mut seen = [false; 2];
            while !done.load(Ordering::Relaxed) || !seen[0] || !seen[1] {
                let given = of(&shared.snapshot());
                let which = allowed.iter().position(|allowed| *allowed == given);
                seen[which.expect("the prediction of one set of weights")] = true;
            }
        };
        let threads = [scope.spawn(predict), scope.spawn(predict)];
        let mut round = 0;
        while round < 200 || !threads.iter().all(|thread| thread.is_finished()) {
            shared.load(&paths[round % 2]).unwrap();
            round += 1;
            done.store(round >= 200, Ordering::Relaxed);
        }
    });
}
