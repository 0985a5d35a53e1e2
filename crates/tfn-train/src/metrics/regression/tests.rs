use tfn_layers::{Affine, Sequential, likelihoods};
use tfn_tensor::{DType, Key};

use super::*;
use crate::MonteCarlo;

/// One draw each of N(x, 0.5²).
fn predict(x: &Tensor) -> Predictive {
    let identity = Affine::builder(1, 1).dtype(DType::F64).seed(1).build().unwrap();
    for variable in tfn_module::Module::variables(&identity) {
        let one = if variable.shape().len() == 2 { 1.0 } else { 0.0 };
        variable.assign(&Tensor::full(variable.shape(), one, DType::F64)).unwrap();
    }
    let noise = likelihoods::Normal::with_noise(likelihoods::Noise::given(0.5));
    let model = Sequential::of(identity).with_likelihood(noise);
    MonteCarlo::new(3).unwrap().predict(&model, x, &Key::from_seed(1)).unwrap()
}

#[test]
fn scores_of_one_normal_by_hand() {
    let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0], &[4, 1]);
    let y = Tensor::from_vec(vec![0.0, 1.5, 1.0, 3.1], &[4]);
    let predictive = predict(&x);
    let scores = Regression::new(&predictive, &y).unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} {b}");
    let errors = [0.0, 0.5, -1.0, 0.1_f64];
    close(scores.rmse(), (errors.iter().map(|e| e * e).sum::<f64>() / 4.0).sqrt());
    close(scores.mae(), 1.6 / 4.0);
    let constant = (0.5 * (2.0 * std::f64::consts::PI).sqrt()).ln();
    close(scores.nll().unwrap(), errors.iter().map(|e| 2.0 * e * e).sum::<f64>() / 4.0 + constant);
    // 1.2815515655446004 is the standard normal quantile of 0.9: ±0.64 around the mean.
    let z = 1.281_551_565_544_600_4;
    let [coverage, width] = scores.interval(0.8).unwrap();
    assert_eq!(coverage, 0.75);
    assert!((width - z).abs() < 1e-12);
    let q = |e: f64| (e - 0.5 * z).max(0.0) * 0.9 + (0.5 * z - e).max(0.0) * 0.1;
    let pinball = errors.iter().map(|&e| q(e)).sum::<f64>() / 4.0;
    assert!((scores.pinball(0.9).unwrap() - pinball).abs() < 1e-12);
    assert_eq!(scores.pit().unwrap()[0], 0.5);
    // Gneiting and Raftery (2007), equation 21: at the mean σ(√2 − 1)/√π.
    let at_mean = 0.5 * (2.0_f64.sqrt() - 1.0) / std::f64::consts::PI.sqrt();
    close(predictive.crps(&y).unwrap()[0], at_mean);
}

#[test]
fn the_crps_of_a_mixture_is_the_integral_of_squared_differences_of_cdfs() {
    let wide = |spec: &tfn_layers::util::KernelBiasSpec| {
        tfn_layers::util::make_kernel_bias_posterior_mvn_diag_with_scale(spec, 1.5)
    };
    let layer = tfn_layers::AffineVariationalReparameterizationLocal::builder(1, 2)
        .make_posterior_fn(wide)
        .dtype(DType::F64)
        .seed(4)
        .build()
        .unwrap();
    let model = Sequential::of(layer)
        .with_likelihood(likelihoods::HeteroscedasticNormal::new().min_scale(0.1));
    let x = Tensor::from_vec(vec![0.3, -1.0], &[2, 1]);
    let predictive = MonteCarlo::new(6).unwrap().predict(&model, &x, &Key::from_seed(1)).unwrap();
    let targets = Tensor::from_vec(vec![0.7, -2.0], &[2, 1]);
    let given = predictive.crps(&targets).unwrap();
    const STEP: f64 = 1e-3;
    let mut integral = [0.0; 2];
    for i in -20_000..20_000 {
        let at = (i as f64 + 0.5) * STEP;
        let cdf = predictive.cdf(&Tensor::full(&[2, 1], at, DType::F64)).unwrap();
        for (row, cdf) in cdf.to_vec::<f64>().unwrap().into_iter().enumerate() {
            let reached = f64::from(at >= [0.7, -2.0][row]);
            integral[row] += (cdf - reached).powi(2) * STEP;
        }
    }
    for (given, integral) in given.iter().zip(integral) {
        // The midpoint rule with a jump inside no cell.
        assert!((given - integral).abs() < 1e-6, "{given} {integral}");
    }
}

#[test]
fn what_has_no_score_is_an_error() {
    let predictive = predict(&Tensor::zeros(&[2, 1], DType::F64));
    assert!(Regression::new(&predictive, &Tensor::zeros(&[3], DType::F64)).is_err());
    let [low, high] = predictive.interval(0.5).unwrap();
    assert!(coverage_and_width(&Tensor::zeros(&[3], DType::F64), &low, &high).is_err());
    let laplace = likelihoods::Laplace::new().unwrap();
    let net = Affine::builder(1, 1).dtype(DType::F64).build().unwrap();
    let model = Sequential::of(net).with_likelihood(laplace);
    let x = Tensor::zeros(&[2, 1], DType::F64);
    let predictive = MonteCarlo::new(2).unwrap().predict(&model, &x, &Key::from_seed(1)).unwrap();
    let error = predictive.crps(&Tensor::zeros(&[2], DType::F64)).unwrap_err().to_string();
    assert!(error.contains("Laplace has no crps"), "{error}");
}
