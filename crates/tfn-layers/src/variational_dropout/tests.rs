//! Variational dropout: its noise, its divergence, and that it is a layer like any other.

use std::sync::Arc;

use tfn_distributions::{Distribution, Independent, Normal};
use tfn_module::describe::{FileReader, FileWriter, Registry};
use tfn_module::{Module, Variable, deep_copy, find};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::UtilError;

use super::*;
use crate::testing::check_layer;
use crate::{
    Affine, AffineVariationalFlipout as Flipped,
    AffineVariationalReparameterizationLocal as Bayesian,
    ConvolutionVariationalReparameterizationLocal as Conv, Layer, LayerError, Mean, Moments, Pass,
    Sequential, VariationalLayer, describe, losses, set_estimator,
};

fn input(shape: &[usize]) -> Tensor {
    Key::from_seed(8).stream().normal(shape, DType::F64)
}

fn type_a(alpha: f64, rates: DropoutRates) -> Bayesian {
    let builder = Bayesian::builder(3, 2).variational_dropout(alpha, rates);
    builder.dtype(DType::F64).seed(1).build().unwrap()
}

fn type_b(alpha: f64, rates: DropoutRates) -> VariationalDropout {
    VariationalDropout::builder(3, alpha, rates).dtype(DType::F64).seed(1).build().unwrap()
}

fn layers() -> Vec<(Arc<dyn Layer>, Tensor)> {
    let mut layers: Vec<(Arc<dyn Layer>, Tensor)> = Vec::new();
    for rates in [DropoutRates::Shared, DropoutRates::Each] {
        layers.push((Arc::new(type_a(0.4, rates)), input(&[4, 3])));
        layers.push((Arc::new(type_b(0.4, rates)), input(&[4, 3])));
        let flipped = Flipped::builder(3, 2).variational_dropout(0.3, rates).dtype(DType::F64);
        layers.push((Arc::new(flipped.seed(2).build().unwrap()), input(&[4, 3])));
    }
    let conv = Conv::builder(2, 2, 2).variational_dropout(0.2, DropoutRates::Each);
    layers.push((Arc::new(conv.dtype(DType::F64).seed(3).build().unwrap()), input(&[1, 3, 3, 2])));
    layers
}

#[test]
fn they_keep_the_laws_of_layers() {
    for (layer, x) in layers() {
        // A bias of 0 has no noise, but a slope on either side; elsewhere the deviation is smooth.
        for variable in layer.trainable_variables() {
            if variable.name() == "posterior_bias_loc" {
                variable.assign(&(variable.value() + 0.3)).unwrap();
            }
        }
        check_layer(layer.as_ref(), &x).unwrap();
    }
}

#[test]
fn noise_of_type_b_is_that_of_gaussian_dropout() {
    const N: usize = 100_000;
    let n = N as f64;
    let alpha = 0.25;
    let layer = type_b(alpha, DropoutRates::Shared);
    let x = Tensor::full(&[N, 3], 2.0, DType::F64);
    let y = layer.call_at(&x, &Key::from_seed(3)).unwrap().narrow(1, 1, 1);
    let y = y.to_vec::<f64>().unwrap();
    let variance = 4.0 * alpha;
    let mean = y.iter().sum::<f64>() / n;
    assert!((mean - 2.0).abs() < 5.0 * (variance / n).sqrt(), "{mean}");
    let given = y.iter().map(|y| (y - 2.0).powi(2)).sum::<f64>() / n;
    assert!((given - variance).abs() < 5.0 * variance * (2.0 / n).sqrt(), "{given}");
    let known = Moments::known(Tensor::full(&[1, 3], 2.0, DType::F64));
    let pass = Pass::new(&layer, &Key::from_seed(1));
    let moments = layer.forward_moments(&known, &pass).unwrap();
    for (mean, of) in moments
        .mean
        .to_vec::<f64>()
        .unwrap()
        .iter()
        .zip(moments.variance.unwrap().to_vec::<f64>().unwrap())
    {
        assert!(*mean == 2.0 && (of - variance).abs() < 1e-12, "{mean} {of}");
    }
    let net = Sequential::of(layer).then(Affine::builder(3, 2).dtype(DType::F64).build().unwrap());
    set_estimator(&net, Mean).unwrap();
    let x = input(&[4, 3]);
    let plain = net.layers()[1].call(&x).unwrap().to_vec::<f64>().unwrap();
    assert_eq!(net.call(&x).unwrap().to_vec::<f64>().unwrap(), plain);
}

#[test]
fn noise_of_type_a_multiplies_the_weights() {
    let alpha = 0.36;
    for rates in [DropoutRates::Shared, DropoutRates::Each] {
        let layer = type_a(alpha, rates);
        let (loc, scale) = layer.weights().posteriors().kernel.elementwise_normal().unwrap();
        let (loc, scale) = (loc.to_vec::<f64>().unwrap(), scale.to_vec::<f64>().unwrap());
        for (loc, scale) in loc.iter().zip(&scale) {
            assert!((scale - 0.6 * loc.abs()).abs() < 1e-14, "{loc} {scale}");
        }
        let names: Vec<String> =
            layer.trainable_variables().iter().map(|v| v.name().to_owned()).collect();
        let expected = [
            "posterior_bias_loc",
            "posterior_bias_logit_alpha",
            "posterior_kernel_loc",
            "posterior_kernel_logit_alpha",
        ];
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
    }
}

/// `E ln|ξ|` for `ξ` from `N(1, α)`: of a noncentral chi-squared number with one degree of freedom, as a mixture over a Poisson number.
fn mean_log(alpha: f64) -> f64 {
    let rate = 0.5 / alpha;
    let (mut log_mass, mut digamma) = (-rate, -0.577_215_664_901_532_9 - 2.0 * 2.0_f64.ln());
    let mut sum = 0.0;
    for j in 0..2000 {
        sum += log_mass.exp() * (digamma + 2.0_f64.ln());
        digamma += 1.0 / (0.5 + f64::from(j));
        log_mass += rate.ln() - f64::from(j + 1).ln();
    }
    0.5 * alpha.ln() + 0.5 * sum
}

#[test]
fn the_divergence_is_that_of_the_paper_and_near_the_integral() {
    for alpha in [0.005, 0.02, 0.1, 0.3, 0.5, 0.8, 0.99] {
        for rates in [DropoutRates::Shared, DropoutRates::Each] {
            let key = Key::from_seed(1);
            let kl = type_b(alpha, rates).losses_at(&key).unwrap().item().unwrap() / 3.0;
            let polynomial =
                1.16145124 * alpha - 1.50204118 * alpha.powi(2) + 0.58629921 * alpha.powi(3);
            assert!((kl + 0.5 * alpha.ln() + polynomial).abs() < 1e-12, "{alpha} {kl}");
            // Up to a constant, −KL is ½ ln α − E ln|ξ|.
            let integral = mean_log(alpha) - 0.5 * alpha.ln();
            assert!((kl - integral + 0.02).abs() < 0.02, "{alpha} {kl} {integral}");
            // Of all weights, whatever they are.
            let of_a = type_a(alpha, rates);
            let all = of_a.losses_at(&key).unwrap().item().unwrap();
            assert!((all - 8.0 * kl).abs() < 1e-11 * all.abs(), "{all} {kl}");
            let gradients = of_a.losses_at(&key).unwrap().gradients().unwrap();
            assert_eq!(gradients.len(), 2);
        }
    }
    // The slope does not vanish where α does, and is finite.
    let layer = type_b(0.5, DropoutRates::Shared);
    let [logit] = <[Variable; 1]>::try_from(layer.trainable_variables()).unwrap();
    for (at, slope) in [(-1000.0, -0.5), (1000.0, 0.0)] {
        logit.assign(&Tensor::scalar(at)).unwrap();
        let loss = layer.losses_at(&Key::from_seed(1)).unwrap();
        let given = loss.gradients().unwrap().of(&logit).item().unwrap();
        assert!(loss.item().unwrap().is_finite() && (given - 3.0 * slope).abs() < 1e-12, "{given}");
    }
}

#[test]
fn the_divergence_by_draws_has_the_slope_of_the_integral() {
    // Means over draws of log q − log r at two values of α, with a constant in common.
    let by_draws = |alpha: f64| {
        let layer = type_b(alpha, DropoutRates::Shared);
        let (q, r) = (layer.weights().posterior(), layer.weights().prior());
        let terms: Vec<f64> = (0..20_000)
            .map(|i| {
                let w = layer.weights().value_at(&Key::from_seed(1).index(i)).unwrap();
                let kl = losses::kl_divergence_monte_carlo(q.as_ref(), r.as_ref(), &w.into());
                kl.unwrap().item().unwrap() / 3.0
            })
            .collect();
        let n = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / n;
        let variance = terms.iter().map(|term| (term - mean).powi(2)).sum::<f64>() / n;
        (mean, variance / n)
    };
    let ((a, error_a), (b, error_b)) = (by_draws(0.1), by_draws(0.7));
    let integral = |alpha: f64| mean_log(alpha) - 0.5 * alpha.ln();
    let expected = integral(0.1) - integral(0.7);
    let error = (error_a + error_b).sqrt();
    assert!((a - b - expected).abs() < 5.0 * error, "{} {expected} {error}", a - b);
}

#[test]
fn copies_and_files_keep_what_is_shared() {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    for (layer, x) in layers() {
        let copy = deep_copy(&layer).unwrap();
        assert_eq!(copy.variables().len(), layer.variables().len());
        assert!(copy.variables().iter().all(|v| !layer.variables().contains(v)));
        let bytes = FileWriter::new(&registry).add("net", &layer).unwrap().to_bytes().unwrap();
        let same: Arc<dyn Layer> =
            FileReader::from_bytes(&bytes, &registry).unwrap().take("net").unwrap();
        for other in [copy, same] {
            let key = Key::from_seed(5);
            let of = |layer: &Arc<dyn Layer>| {
                let y = layer.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap();
                (y, layer.losses_at(&key).unwrap().item().unwrap())
            };
            assert_eq!(of(&other), of(&layer));
            // A location is one variable, which weights and their deviation read.
            for (_, scale) in find::<DropoutScale>(other.as_ref()) {
                if let Some(loc) = &scale.loc {
                    assert!(other.variables().contains(loc));
                }
            }
            assert_eq!(other.variables().len(), layer.variables().len());
        }
    }
}

#[test]
fn wrong_arguments_are_errors() {
    for bad in [0.0, 1.0, -0.5, 2.0, f64::NAN] {
        let error = VariationalDropout::new(3, bad, DropoutRates::Each).unwrap_err();
        assert!(
            matches!(&error, LayerError::Util(UtilError::Value { argument: "alpha", .. })),
            "{error}"
        );
        let builder = Bayesian::builder(3, 2).variational_dropout(bad, DropoutRates::Shared);
        assert!(builder.build().is_err());
    }
    let none = VariationalDropout::new(0, 0.5, DropoutRates::Each);
    assert!(matches!(none, Err(LayerError::Size { argument: "input_size", given: 0, .. })));
    let layer = type_b(0.5, DropoutRates::Each);
    assert!(matches!(layer.call(&input(&[2, 4])).unwrap_err().root(), LayerError::Input { .. }));
    let normal =
        Independent::new(Normal::new(Tensor::ones(&[3], DType::F64), 1.0).unwrap(), 1).unwrap();
    let (q, r) = (layer.weights().posterior(), layer.weights().prior());
    let value = || Vec::new().into();
    let argument = |q: &dyn Distribution, r: &dyn Distribution| {
        match losses::kl_divergence_variational_dropout(q, r, &value()).unwrap_err() {
            LayerError::Argument { argument, .. } => argument,
            error => unreachable!("{error}"),
        }
    };
    assert_eq!(argument(&normal, r.as_ref()), "q");
    assert_eq!(argument(q.as_ref(), &normal), "r");
    assert!(layer.weights().prior().parts().unwrap()[0].mean().is_err());
}
