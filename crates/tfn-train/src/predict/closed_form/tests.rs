use tfn_layers::likelihoods::{
    Affine as Units, HeteroscedasticNormal, Laplace, LogNormal, Noise, Normal,
};
use tfn_layers::util::make_kernel_bias_posterior_mvn_diag_with_scale;
use tfn_layers::{
    Affine, AffineVariationalReparameterizationLocal as Local, Lambda, Layer, LayerError,
    Likelihood, Mean, MomentMatching, Sequential, set_estimator,
};
use tfn_module::DeepCopy;
use tfn_tensor::Key;

use super::*;
use crate::error::TrainError;
use crate::{MonteCarlo, Variance};

const SCALE: f64 = 0.4;

fn bayesian(
    inputs: usize,
    outputs: usize,
    seed: u64,
) -> tfn_layers::Builder<tfn_layers::Dense, tfn_layers::Local> {
    Local::builder(inputs, outputs)
        .make_posterior_fn(|spec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, SCALE))
        .dtype(DType::F64)
        .seed(seed)
}

fn features() -> Affine {
    let layer = Affine::builder(3, 6).dtype(DType::F64).activation_fn(Tensor::tanh).seed(1);
    layer.build().unwrap()
}

/// Plain features under one layer of weights for two targets.
fn last_layer(head: impl Likelihood + DeepCopy) -> Model {
    Sequential::of(features()).then(bayesian(6, 2, 2).build().unwrap()).with_likelihood(head)
}

fn inputs(rows: usize) -> Tensor {
    Key::from_seed(7).stream().normal(&[rows, 3], DType::F64)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_vec::<f64>().unwrap()
}

fn all_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (entry, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{entry}: {a} {b}");
    }
}

/// The standard normal cdf, by Simpson's rule from -12 on.
fn normal_cdf(z: f64) -> f64 {
    const N: i32 = 20_000;
    let h = (z + 12.0) / f64::from(N);
    let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let weight = |i: i32| match i {
        0 | N => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=N).map(|i| weight(i) * density(-12.0 + h * f64::from(i))).sum::<f64>() * h / 3.0
}

#[test]
fn everything_of_a_last_layer_by_hand() {
    let noises = [0.3, 0.9];
    let model = last_layer(Normal::with_noise(Noise::starting_at(&noises).unwrap()));
    let x = inputs(4);
    let predictive = Predictive::closed_form(&model, &x).unwrap();
    assert_eq!((predictive.shape(), predictive.draws()), (&[4, 2][..], 1));
    // The variance is that of kernel and bias, the same for both targets: 0.4²·(|φ|² + 1).
    let phi = values(&features().call(&x).unwrap());
    let epistemic: Vec<f64> = (0..8)
        .map(|entry| phi[entry / 2 * 6..][..6].iter().map(|phi| phi * phi).sum::<f64>() + 1.0)
        .map(|sum| SCALE * SCALE * sum)
        .collect();
    let net = tfn_module::deep_copy(&model).unwrap();
    set_estimator(net.net().as_ref(), Mean).unwrap();
    let mean = values(&net.net().call(&x).unwrap());
    let Variance { total, aleatoric, epistemic: given } = predictive.variance().unwrap();
    all_close(&values(&predictive.mean().unwrap()), &mean, 1e-14);
    all_close(&values(&given), &epistemic, 1e-14);
    let noise: Vec<f64> = (0..8).map(|entry| noises[entry % 2].powi(2)).collect();
    all_close(&values(&aleatoric), &noise, 1e-14);
    let stddev: Vec<f64> = epistemic.iter().zip(&noise).map(|(a, b)| (a + b).sqrt()).collect();
    all_close(&values(&total.sqrt()), &stddev, 1e-14);
    all_close(&values(&predictive.stddev().unwrap()), &stddev, 1e-14);
    let at = |z: f64| -> Vec<f64> { mean.iter().zip(&stddev).map(|(m, s)| m + z * s).collect() };
    // 1.959963984540054 standard deviations hold 95 %.
    let [low, high] = predictive.interval(0.95).unwrap();
    all_close(&values(&low), &at(-1.959963984540054), 1e-13);
    all_close(&values(&high), &at(1.959963984540054), 1e-13);
    all_close(&values(&predictive.quantile(0.5).unwrap()), &mean, 1e-13);
    let root = (2.0 * std::f64::consts::PI).sqrt();
    for z in [-2.3, 0.0, 0.7] {
        let targets = Tensor::from_vec(at(z), &[4, 2]);
        all_close(&values(&predictive.cdf(&targets).unwrap()), &[normal_cdf(z); 8], 1e-12);
        let density: Vec<f64> =
            stddev.chunks(2).map(|s| -z * z - (s[0] * s[1] * root * root).ln()).collect();
        all_close(&values(&predictive.log_prob(&targets).unwrap()), &density, 1e-13);
        // Gneiting and Raftery (2007), equation 21.
        let unit = z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * (-0.5 * z * z).exp() / root
            - 1.0 / std::f64::consts::PI.sqrt();
        let crps: Vec<f64> = stddev.iter().map(|s| s * unit).collect();
        all_close(&predictive.crps(&targets).unwrap(), &crps, 1e-12);
    }
    let wider = predictive.scaled(2.0).unwrap().variance().unwrap();
    all_close(
        &values(&wider.epistemic),
        &epistemic.iter().map(|v| 4.0 * v).collect::<Vec<_>>(),
        1e-14,
    );
    all_close(&values(&wider.aleatoric), &noise.iter().map(|v| 4.0 * v).collect::<Vec<_>>(), 1e-14);
    let samples = predictive.sample(20_000, &Key::from_seed(4)).unwrap();
    assert_eq!(samples.shape().unwrap(), [20_000, 4, 2]);
    let share = values(&samples.le(&Tensor::from_vec(at(1.0), &[4, 2])).mean_axes(&[0], false));
    all_close(&share, &[normal_cdf(1.0); 8], 5.0 * (0.16_f64 / 20_000.0).sqrt());
}

#[test]
fn many_draws_say_the_same() {
    const DRAWS: usize = 20_000;
    let noise = || Noise::starting_at(&[0.3, 0.9]).unwrap();
    let scale = Tensor::from_vec(vec![3.0, 0.5], &[2]);
    let models = [
        last_layer(Normal::with_noise(noise())),
        last_layer(Units::new(Normal::with_noise(noise()), -5.0, scale)),
        last_layer(LogNormal::with_noise(Noise::given(0.2))),
        // A linear layer behind the weights.
        Sequential::of(bayesian(3, 4, 2).build().unwrap())
            .then(Affine::builder(4, 2).dtype(DType::F64).seed(5).build().unwrap())
            .with_likelihood(Normal::with_noise(noise())),
    ];
    let x = inputs(3);
    for model in models {
        let exact = Predictive::closed_form(&model, &x).unwrap();
        let drawn =
            MonteCarlo::new(DRAWS).unwrap().predict(&model, &x, &Key::from_seed(3)).unwrap();
        let error = 1.0 / (DRAWS as f64).sqrt();
        let at = exact.variance().unwrap();
        let of = drawn.variance().unwrap();
        let deviations = values(&at.total.sqrt());
        let means = values(&exact.mean().unwrap()).into_iter().zip(values(&drawn.mean().unwrap()));
        for ((a, b), deviation) in means.zip(&deviations) {
            assert!((a - b).abs() < 5.0 * error * deviation, "{model:?}: {a} {b}");
        }
        // Of a log-normal the fourth moment is large.
        let parts = [(&at.epistemic, &of.epistemic), (&at.aleatoric, &of.aleatoric)];
        for (a, b) in parts {
            for (a, b) in values(a).iter().zip(values(b)) {
                assert!((a - b).abs() < 30.0 * error * a, "{model:?}: {a} {b}");
            }
        }
        for p in [0.05, 0.5, 0.9] {
            let reached = values(&exact.cdf(&drawn.quantile(p).unwrap()).unwrap());
            all_close(&reached, &[p; 6], 3.0 * error);
        }
        let targets = exact.quantile(0.3).unwrap();
        let [a, b] = [&exact, &drawn].map(|one| values(&one.cdf(&targets).unwrap()));
        all_close(&a, &b, 3.0 * error);
        if let (Ok(a), Ok(b)) = (exact.crps(&targets), drawn_few(&model, &x).crps(&targets)) {
            for ((a, b), deviation) in a.iter().zip(b).zip(&deviations) {
                assert!((a - b).abs() < 0.1 * deviation, "{a} {b}");
            }
        }
    }
    // The joint density of a row, of independent targets.
    let model = last_layer(Normal::with_noise(noise()));
    let targets = Tensor::zeros(&[3, 2], DType::F64);
    let exact = values(&Predictive::closed_form(&model, &x).unwrap().log_prob(&targets).unwrap());
    let drawn = MonteCarlo::new(DRAWS).unwrap().predict(&model, &x, &Key::from_seed(3)).unwrap();
    all_close(&exact, &values(&drawn.log_prob(&targets).unwrap()), 0.05);
}

/// A CRPS takes the square of the draws.
fn drawn_few(model: &Model, x: &Tensor) -> Predictive {
    MonteCarlo::new(400).unwrap().predict(model, x, &Key::from_seed(8)).unwrap()
}

#[test]
fn moment_matching_is_predicted_as_it_draws() {
    let deep = || {
        Sequential::of(bayesian(3, 8, 1).activation_fn(Tensor::relu).build().unwrap())
            .then(bayesian(8, 8, 2).activation_fn(Tensor::relu).build().unwrap())
            .then(bayesian(8, 1, 3).build().unwrap())
    };
    let head = || Normal::with_noise(Noise::given(0.5));
    let matched = Model::new(MomentMatching::new(deep()), head());
    let x = inputs(5);
    let exact = Predictive::closed_form(&matched, &x).unwrap();
    let same = Predictive::closed_form(&deep().with_likelihood(head()), &x).unwrap();
    assert_eq!(values(&exact.mean().unwrap()), values(&same.mean().unwrap()));
    assert_eq!(values(&exact.stddev().unwrap()), values(&same.stddev().unwrap()));
    let drawn = MonteCarlo::new(20_000).unwrap().predict(&matched, &x, &Key::from_seed(3)).unwrap();
    for p in [0.1, 0.5, 0.9] {
        let reached = values(&exact.cdf(&drawn.quantile(p).unwrap()).unwrap());
        all_close(&reached, &[p; 5], 0.015);
    }
}

#[test]
fn rows_are_taken_some_at_a_time() {
    let single = Sequential::of(Local::builder(3, 1).seed(2).build().unwrap());
    let model = single.with_likelihood(Normal::new().unwrap());
    let x = inputs(BATCH + 3).cast(DType::F32);
    let all = Predictive::closed_form(&model, &x).unwrap();
    assert_eq!(all.shape(), [BATCH + 3, 1]);
    let last = Predictive::closed_form(&model, &x.narrow(0, BATCH, 3)).unwrap();
    let part = all.quantile(0.2).unwrap().narrow(0, BATCH, 3);
    all_close(&values(&part), &values(&last.quantile(0.2).unwrap()), 1e-6);
    let mut numbers = vec![0.5_f32; 3 * (BATCH + 3)];
    numbers[3 * BATCH + 4] = f32::NAN;
    let x = Tensor::from_vec(numbers, &[BATCH + 3, 3]);
    let error = Predictive::closed_form(&model, &x).unwrap_err();
    assert!(matches!(error, TrainError::Entry { row, .. } if row == BATCH + 1), "{error}");
    let error = Predictive::closed_form(&model, &x.narrow(0, 0, 0)).unwrap_err();
    assert!(matches!(error, TrainError::Shape { .. }), "{error}");
    // Without weights to draw all that is left is the noise.
    let plain = Sequential::of(features()).with_likelihood(Normal::with_noise(Noise::given(0.5)));
    let parts = Predictive::closed_form(&plain, &inputs(2)).unwrap().variance().unwrap();
    assert_eq!(
        (values(&parts.epistemic), values(&parts.aleatoric)),
        (vec![0.0; 12], vec![0.25; 12])
    );
}

#[test]
fn what_is_not_known_is_said() {
    let error = |model: &Model| match Predictive::closed_form(model, &inputs(2)).unwrap_err() {
        TrainError::Layer(error) => error,
        other => panic!("{other}"),
    };
    let posterior = Noise::learned().unwrap().with_posterior(0.0, 1.0).unwrap();
    for model in [
        last_layer(HeteroscedasticNormal::new()),
        last_layer(Normal::with_noise(posterior.clone())),
        last_layer(Laplace::new().unwrap()),
        last_layer(Units::new(Normal::with_noise(posterior), 1.0, 2.0)),
        last_layer(tfn_layers::likelihoods::Bernoulli::new()),
        last_layer(tfn_layers::likelihoods::StudentT::new().unwrap()),
    ] {
        let error = error(&model);
        assert!(matches!(error.root(), LayerError::NoMarginal { .. }), "{error}");
        assert!(error.to_string().starts_with("head: no closed form"), "{error}");
    }
    let odd = Lambda::new("odd", |x| x.log_softmax(-1)).unwrap();
    let net = Sequential::of(bayesian(3, 3, 1).build().unwrap()).then(odd);
    let error = error(&net.with_likelihood(Normal::new().unwrap()));
    assert!(matches!(error.root(), LayerError::NoMoments { .. }), "{error}");
    assert!(error.to_string().contains("layers/1/odd"), "{error}");
}
