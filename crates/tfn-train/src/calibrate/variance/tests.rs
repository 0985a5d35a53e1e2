use proptest::prelude::*;
use tfn_layers::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods,
};
use tfn_tensor::Key;

use super::*;
use crate::MonteCarlo;

/// One normal a row, with means and deviations that depend on the row.
fn normal(x: &Tensor) -> Predictive {
    let net = Affine::builder(1, 2).dtype(DType::F64).seed(3).activation_fn(Tensor::tanh);
    let model = Sequential::of(net.build().unwrap())
        .with_likelihood(likelihoods::HeteroscedasticNormal::new());
    MonteCarlo::new(1).unwrap().predict(&model, x, &Key::from_seed(1)).unwrap()
}

/// A mixture of 20 draws that differ a lot.
fn mixture(x: &Tensor, seed: u64) -> Predictive {
    let net = Bayesian::builder(1, 1).dtype(DType::F64).seed(seed).build().unwrap();
    for variable in tfn_module::Module::variables(&net) {
        variable.assign(&Tensor::full(variable.shape(), 1.5, DType::F64)).unwrap();
    }
    let noise = likelihoods::Noise::given(0.3);
    let model = Sequential::of(net).with_likelihood(likelihoods::Normal::with_noise(noise));
    MonteCarlo::new(20).unwrap().predict(&model, x, &Key::from_seed(seed)).unwrap()
}

fn rows(n: usize, spread: f64, seed: u64) -> (Tensor, Tensor) {
    let mut stream = Key::from_seed(seed).stream();
    (stream.normal(&[n, 1], DType::F64), stream.normal(&[n, 1], DType::F64) * spread)
}

fn nll(predictive: &Predictive, y: &Tensor) -> f64 {
    predictive.scores(y).unwrap().nll().unwrap()
}

#[test]
fn of_one_normal_a_row_it_is_the_closed_form() {
    for (n, spread) in [(1, 1.0), (7, 0.01), (50, 3.0), (50, 1e6)] {
        let (x, y) = rows(n, spread, 4);
        let predictive = normal(&x);
        let z = (&y - predictive.mean().unwrap()) / predictive.stddev().unwrap();
        let expected = z.square().mean().to_f64_vec().unwrap()[0].sqrt();
        let factor = VarianceScaling::fit(&predictive, &y).unwrap().factor();
        assert!((factor / expected - 1.0).abs() < 1e-7, "{n} {spread}: {factor} {expected}");
    }
}

#[test]
fn of_a_mixture_it_is_the_least_of_a_fine_grid_and_flat_there() {
    for (seed, spread) in [(1, 0.3), (2, 2.0), (3, 10.0), (4, 200.0)] {
        let (x, y) = rows(40, spread, seed);
        let predictive = mixture(&x, seed);
        let factor = VarianceScaling::fit(&predictive, &y).unwrap().factor();
        let at = |log: f64| nll(&predictive.scaled(log.exp()).unwrap(), &y);
        let best = at(factor.ln());
        // Factors from e⁻⁶ to e⁶.
        let least = (-400..400).map(|i| at(f64::from(i) * 0.015)).fold(f64::INFINITY, f64::min);
        assert!(best <= least + 1e-12, "{seed}: {best} {least}");
        let slope = (at(factor.ln() + 1e-4) - at(factor.ln() - 1e-4)) / 2e-4;
        assert!(slope.abs() < 1e-5, "{seed}: {slope}");
        assert!(best <= nll(&predictive, &y));
    }
}

#[test]
fn a_model_that_is_right_keeps_its_width() {
    let (x, _) = rows(20_000, 1.0, 5);
    let predictive = normal(&x);
    let y = predictive.sample(1, &Key::from_seed(9)).unwrap().squeeze(0);
    let factor = VarianceScaling::fit(&predictive, &y).unwrap().factor();
    // The standard error of a deviation is 1/√(2n).
    assert!((factor - 1.0).abs() < 5.0 / 40_000.0_f64.sqrt(), "{factor}");
    // And one that was scaled is scaled back.
    let off = predictive.scaled(7.0).unwrap();
    let back = VarianceScaling::fit(&off, &y).unwrap();
    assert!((back.factor() * 7.0 / factor - 1.0).abs() < 1e-7);
    let scaled = back.apply(&off).unwrap();
    assert!((nll(&scaled, &y) - nll(&predictive.scaled(factor).unwrap(), &y)).abs() < 1e-9);
}

#[test]
fn several_targets_have_one_factor() {
    let net = Affine::builder(1, 3).dtype(DType::F64).seed(3).build().unwrap();
    let noise = likelihoods::Noise::given(0.5);
    let model = Sequential::of(net).with_likelihood(likelihoods::Normal::with_noise(noise));
    let x = rows(30, 1.0, 1).0;
    let predictive = MonteCarlo::new(1).unwrap().predict(&model, &x, &Key::from_seed(1)).unwrap();
    let y = Key::from_seed(2).stream().normal(&[30, 3], DType::F64) * 4.0;
    let z = (&y - predictive.mean().unwrap()) / 0.5;
    let expected = z.square().mean().to_f64_vec().unwrap()[0].sqrt();
    let factor = VarianceScaling::fit(&predictive, &y).unwrap().factor();
    assert!((factor / expected - 1.0).abs() < 1e-7, "{factor} {expected}");
}

#[test]
fn what_has_no_best_factor() {
    let (x, y) = rows(6, 1.0, 1);
    let predictive = normal(&x);
    let mean = predictive.mean().unwrap();
    let error = VarianceScaling::fit(&predictive, &mean).unwrap_err().to_string();
    let expected = "VarianceScaling: the calibration rows are ever more likely as the factor goes to 0, \
                    expected targets that differ from the predictive means in most rows";
    assert_eq!(error, expected);
    let error = VarianceScaling::fit(&predictive, &y.narrow(0, 0, 5)).unwrap_err().to_string();
    assert!(error.contains("[5, 1]"), "{error}");
    let nan = Tensor::full(&[6, 1], f64::NAN, DType::F64);
    let error = VarianceScaling::fit(&predictive, &nan).unwrap_err().to_string();
    assert!(error.contains("`targets` is NaN in row 0, expected a finite number"), "{error}");
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(VarianceScaling::new(factor).is_err());
    }
    let counts = Sequential::of(Affine::builder(1, 1).seed(1).build().unwrap())
        .with_likelihood(likelihoods::Poisson::new());
    let predictive =
        MonteCarlo::new(1).unwrap().predict(&counts, &x.cast(DType::F32), &Key::from_seed(1));
    let error = VarianceScaling::fit(&predictive.unwrap(), &y).unwrap_err().to_string();
    assert!(error.contains("Poisson has no scaled"), "{error}");
}

#[test]
fn heavy_tails_without_a_variance() {
    // Student-t of two degrees of freedom has a mean and no variance.
    let net = Affine::builder(1, 1).dtype(DType::F64).seed(3).build().unwrap();
    let student = |output: &Tensor| tfn_distributions::StudentT::new(2.0, output, 0.1);
    let model = Sequential::of(net).with_head(student);
    let (x, y) = rows(200, 30.0, 6);
    let predictive = MonteCarlo::new(1).unwrap().predict(&model, &x, &Key::from_seed(1)).unwrap();
    let factor = VarianceScaling::fit(&predictive, &y).unwrap().factor();
    let at = |factor: f64| nll(&predictive.scaled(factor).unwrap(), &y);
    assert!(at(factor) < at(factor * 1.001) && at(factor) < at(factor / 1.001), "{factor}");
    assert!(factor > 100.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn calibration_rows_are_never_less_likely(seed in 0..1000_u64, n in 1_usize..12, log_spread in -5.0..5.0_f64) {
        let (x, y) = rows(n, log_spread.exp(), seed);
        let predictive = mixture(&x, seed);
        let scaling = VarianceScaling::fit(&predictive, &y).unwrap();
        let scaled = scaling.apply(&predictive).unwrap();
        prop_assert!(nll(&scaled, &y) <= nll(&predictive, &y));
    }
}
