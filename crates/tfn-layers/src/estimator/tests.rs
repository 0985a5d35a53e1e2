use std::sync::Arc;

use tfn_distributions::{Distribution, Independent, Laplace, Normal};
use tfn_module::{Module, deep_copy};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{KernelBiasSpec, UtilError, make_kernel_bias_posterior_mvn_diag_with_scale};

use super::*;
use crate::testing::{check_layer, check_linear_map};
use crate::{Layer, LayerError, Sequential, Variational, VariationalLayer};

/// Each output is a sum of all inputs, with the kernel turned by one place from output to output.
#[derive(Clone, Debug)]
struct Circulant(usize);

impl LinearMap for Circulant {
    fn class(&self) -> &'static str {
        "Circulant"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.0]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.0]
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        if *input == [self.0] { Ok(input.to_vec()) } else { Err(format!("[{}]", self.0)) }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        let n = self.0;
        let turned: Vec<usize> = (0..n * n).map(|i| (i / n + n - i % n) % n).collect();
        x.matmul(&kernel.gather(0, &turned).reshape(&[n, n]))
    }
}

fn wide(spec: &KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> {
    make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.3)
}

fn over<M: LinearMap + Clone, E: Estimator + Default>(map: M) -> Variational<M, E> {
    let builder = Variational::<M, E>::over(map).make_posterior_fn(wide).dtype(DType::F64);
    let layer = builder.seed(1).build().unwrap();
    for variable in layer.trainable_variables() {
        let noise = Key::from_seed(4).child(variable.name()).stream();
        let noise = { noise }.normal(variable.shape(), DType::F64);
        variable.assign(&(variable.value() + noise * 0.3)).unwrap();
    }
    layer
}

fn dense<E: Estimator + Default>() -> Variational<crate::Dense, E> {
    over(crate::Dense::new(3, 2).unwrap())
}

fn input(shape: &[usize]) -> Tensor {
    Key::from_seed(8).stream().normal(shape, DType::F64)
}

/// Mean and variance of the output, and the covariance of the first output of two rows, against their closed forms.
fn statistics<E: Estimator + Default>(covariance: fn(shared: f64, bias: f64) -> f64) {
    const DRAWS: usize = 4000;
    let (layer, x) = (dense::<E>(), input(&[2, 3]));
    let draws: Vec<Vec<f64>> = (0..DRAWS as u64)
        .map(|i| layer.call_at(&x, &Key::from_seed(3).index(i)).unwrap().to_vec().unwrap())
        .collect();
    let (loc, scale) = layer.pre_activation(&x).unwrap();
    let (loc, scale) = (loc.to_vec::<f64>().unwrap(), scale.to_vec::<f64>().unwrap());
    let near = |what: &str, of: &dyn Fn(&[f64]) -> f64, expected: f64| {
        let values: Vec<f64> = draws.iter().map(|draw| of(draw)).collect();
        let mean = values.iter().sum::<f64>() / DRAWS as f64;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        let error = (square / DRAWS as f64).sqrt();
        assert!((mean - expected).abs() < 5.0 * error, "{what}: {mean}, not {expected} ± {error}");
    };
    for i in 0..4 {
        near("mean", &|draw| draw[i], loc[i]);
        near("variance", &|draw| (draw[i] - loc[i]).powi(2), scale[i].powi(2));
    }
    let stddev = |part: &Arc<dyn Distribution>| part.stddev().unwrap().to_vec::<f64>().unwrap();
    let kernel = stddev(layer.kernel_posterior());
    let bias = stddev(layer.bias_posterior().unwrap())[0].powi(2);
    let x = x.to_vec::<f64>().unwrap();
    let shared = (0..3).map(|i| x[i] * x[3 + i] * kernel[2 * i].powi(2)).sum::<f64>();
    assert!(shared.abs() > 0.02, "{shared} cannot be told from 0");
    let product = |draw: &[f64]| (draw[0] - loc[0]) * (draw[2] - loc[2]);
    near("covariance of two rows", &product, covariance(shared, bias));
}

#[test]
fn what_rows_share_is_what_tells_estimators_apart() {
    statistics::<Reparameterization>(|shared, bias| shared + bias);
    statistics::<PerExample>(|_, _| 0.0);
    statistics::<Local>(|_, _| 0.0);
    statistics::<Flipout>(|_, bias| bias);
}

#[test]
fn the_laws_hold_for_every_estimator_over_every_map() {
    let circulant = Circulant(3);
    check_linear_map(&circulant, &input(&[4, 3])).unwrap();
    for estimator in [
        Arc::new(Reparameterization) as Arc<dyn Estimator>,
        Arc::new(PerExample),
        Arc::new(Local),
        Arc::new(Flipout),
        Arc::new(Mean),
    ] {
        let (dense, circulant) = (dense::<Local>(), over::<_, Local>(circulant.clone()));
        for (layer, all) in [
            (&dense as &dyn Layer, tfn_module::find::<Estimated>(&dense)),
            (&circulant, tfn_module::find(&circulant)),
        ] {
            all[0].1.set_estimator(estimator.clone()).unwrap();
            for shape in [&[4, 3][..], &[2, 2, 3]] {
                let checked = check_layer(layer, &input(shape));
                assert!(checked.is_ok(), "{} of {layer:?}: {checked:?}", estimator.name());
            }
            assert_eq!(layer.call(&input(&[0, 3])).unwrap().shape().unwrap()[0], 0);
        }
    }
}

#[test]
fn an_estimator_that_is_wrong_breaks_the_laws() {
    /// Noise of twice the deviation.
    #[derive(Clone, Copy, Debug, Default)]
    struct TooWide;

    impl Estimator for TooWide {
        fn name(&self) -> &'static str {
            "TooWide"
        }

        fn class(&self) -> &'static str {
            "VariationalTooWide"
        }

        fn output(
            &self,
            map: &dyn LinearMap,
            weights: &Weights,
            x: &Tensor,
            pass: &Pass,
        ) -> crate::Result<Tensor> {
            let [loc, scale] = Local::moments(map, weights, x)?;
            Ok((&loc + scale * 2.0 * pass.normal("output", &loc)?).check()?)
        }
    }

    let error = check_layer(&dense::<TooWide>(), &input(&[4, 3])).unwrap_err().to_string();
    assert!(error.contains("variance of the output"), "{error}");
    assert_eq!(dense::<TooWide>().name(), "AffineVariationalTooWide");
}

#[test]
fn a_net_changes_its_estimator_and_keeps_its_weights() {
    let net = Sequential::of(dense::<Local>()).then(over::<_, Local>(Circulant(2)));
    let (x, key) = (input(&[4, 3]), Key::from_seed(2));
    let before = net.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap();
    let weights: Vec<_> = net.variables().iter().map(|v| v.value().to_f64_vec().unwrap()).collect();
    let names = |net: &Sequential| -> Vec<(String, &str)> {
        estimators(net).into_iter().map(|(path, estimator)| (path, estimator.name())).collect()
    };
    set_estimator(&net, Flipout).unwrap();
    let expected = [("layers/0".to_owned(), "Flipout"), ("layers/1".to_owned(), "Flipout")];
    assert_eq!(names(&net), expected);
    assert_ne!(net.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap(), before);
    // A copy has the estimator of its original at that time, and one of its own from then on.
    let copy = deep_copy(&net).unwrap();
    set_estimator(&net, Local).unwrap();
    assert_eq!(names(&copy), expected);
    assert_eq!(net.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap(), before);
    let after: Vec<_> = net.variables().iter().map(|v| v.value().to_f64_vec().unwrap()).collect();
    assert_eq!(after, weights);
}

#[test]
fn what_an_estimator_cannot_do_changes_nothing() {
    let laplace = Variational::<crate::Dense, Reparameterization>::builder(2, 1)
        .make_posterior_fn(|spec| {
            spec.joint("posterior_", |weight| {
                let loc = weight.variable("loc", weight.initial()?)?;
                Ok(Independent::new(Laplace::new(loc, 0.1_f32)?, weight.shape.len())?)
            })
        })
        .make_prior_fn(|spec| {
            spec.joint("prior_", |weight| {
                let loc = Tensor::zeros(weight.shape, DType::F32);
                Ok(Independent::new(Normal::new(loc, 1.0_f32)?, weight.shape.len())?)
            })
        })
        .name("laplace")
        .build()
        .unwrap();
    let net = Sequential::of(Variational::<crate::Dense, Local>::new(3, 2).unwrap()).then(laplace);
    let error = set_estimator(&net, Flipout).unwrap_err();
    assert!(matches!(error.root(), LayerError::Kernel { estimator: "Flipout", .. }));
    assert!(error.to_string().starts_with("layers/1/laplace: Flipout: kernel"), "{error}");
    let names: Vec<&str> = estimators(&net).iter().map(|(_, e)| e.name()).collect();
    assert_eq!(names, ["Local", "Reparameterization"]);
    set_estimator(&net, Mean).unwrap();
    let x = Tensor::ones(&[1, 3], DType::F32);
    assert_eq!(net.call(&x).unwrap().item().unwrap(), net.call(&x).unwrap().item().unwrap());
}
