//! Embeddings under every estimator, in nets and in files.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::describe::{FileReader, FileWriter, Registry};
use tfn_module::{Module, deep_copy};
use tfn_tensor::{Key, TensorError};
use tfn_util::{KernelBiasSpec, UtilError, make_kernel_bias_posterior_mvn_diag_with_scale};

use super::*;
use crate::testing::check_layer;
use crate::{
    Affine, AffineVariationalReparameterizationLocal, Estimated, Flatten, Lambda, Layer,
    LayerError, Mean, MomentMatching, PerExample, Sequential, VariationalLayer,
};

fn wide(spec: &KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> {
    make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.3)
}

fn layer<E: Estimator + Default>(use_bias: bool) -> Variational<Embed, E> {
    let builder = Variational::<Embed, E>::builder(4, 2).make_posterior_fn(wide);
    builder.use_bias(use_bias).dtype(DType::F64).seed(1).build().unwrap()
}

/// The id 2 twice in one example, and in both.
fn ids() -> Tensor {
    Tensor::from_vec(vec![2.0, 0.0, 2.0, 1.0, 2.0, 3.0], &[2, 3])
}

/// Ids of any numbers: so that a law may move its input a little.
fn rounded(x: &Tensor) -> Tensor {
    let rounded = |out: &mut [f64]| {
        let x = x.to_vec::<f64>().unwrap_or_default();
        out.iter_mut().zip(x).for_each(|(out, x)| *out = x.round());
    };
    x.shape().map_or_else(|_| x.clone(), |shape| Tensor::build::<f64>(shape, rounded))
}

#[test]
fn the_laws_hold_for_every_estimator() {
    let all: [Arc<dyn Estimator>; 5] = [
        Arc::new(Reparameterization),
        Arc::new(PerExample),
        Arc::new(Local),
        Arc::new(Flipout),
        Arc::new(Mean),
    ];
    for use_bias in [false, true] {
        for estimator in &all {
            let net = Sequential::of(Lambda::new("rounded", rounded).unwrap())
                .then(layer::<Local>(use_bias));
            for (_, estimated) in tfn_module::find::<Estimated>(&net) {
                estimated.set_estimator(estimator.clone()).unwrap();
            }
            let checked = check_layer(&net, &ids());
            assert!(checked.is_ok(), "{}, {use_bias}: {checked:?}", estimator.name());
        }
    }
    let plain = Embedding::builder(4, 2).activation_fn(Tensor::tanh).dtype(DType::F64);
    let net = Sequential::of(Lambda::new("rounded", rounded).unwrap())
        .then(plain.use_bias(true).seed(1).build().unwrap());
    check_layer(&net, &ids()).unwrap();
}

/// Covariance of the first column of two lookups of the id 2, `a` and `b` among the six of the batch, in units of the variance.
fn correlation<E: Estimator + Default>(a: usize, b: usize, expected: f64) {
    const DRAWS: u64 = 4000;
    let layer = layer::<E>(false);
    let loc = layer.pre_activation(&ids()).unwrap().0.to_vec::<f64>().unwrap();
    let product = |i: u64| {
        let y = layer.call_at(&ids(), &Key::from_seed(3).index(i)).unwrap();
        let y = y.to_vec::<f64>().unwrap();
        (y[2 * a] - loc[2 * a]) * (y[2 * b] - loc[2 * b]) / 0.09
    };
    let products: Vec<f64> = (0..DRAWS).map(product).collect();
    let mean = products.iter().sum::<f64>() / DRAWS as f64;
    let square = products.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / DRAWS as f64;
    let error = (square / DRAWS as f64).sqrt();
    assert!((mean - expected).abs() < 5.0 * error, "{mean}, not {expected} ± {error}");
}

#[test]
fn lookups_of_one_id_share_what_the_estimator_says() {
    // Lookups 0 and 2 are of one example, 0 and 4 of two.
    correlation::<Reparameterization>(0, 2, 1.0);
    correlation::<Reparameterization>(0, 4, 1.0);
    correlation::<PerExample>(0, 2, 1.0);
    correlation::<PerExample>(0, 4, 0.0);
    correlation::<Flipout>(0, 2, 1.0);
    correlation::<Flipout>(0, 4, 0.0);
    correlation::<Local>(0, 2, 0.0);
    correlation::<Local>(0, 4, 0.0);
}

#[test]
fn names_shapes_and_first_values_are_keras() {
    let plain = Embedding::builder(1000, 8).seed(1).build().unwrap();
    assert_eq!((plain.name(), plain.kernel().shape()), ("Embedding".into(), &[1000, 8][..]));
    assert!(plain.bias().is_none());
    assert_eq!(plain.kernel().dtype(), DType::F32);
    let values = plain.kernel().value().to_f64_vec().unwrap();
    assert!(values.iter().all(|value| value.abs() <= 0.05));
    // Variance 0.1²/12; that of its estimate is (1.8 − 1)·variance²/8000.
    let variance = values.iter().map(|value| value * value).sum::<f64>() / 8000.0;
    let relative = variance / (0.01 / 12.0) - 1.0;
    assert!(relative.abs() < 5.0 * (0.8_f64 / 8000.0).sqrt(), "{relative}");

    let local = EmbeddingVariationalReparameterizationLocal::new(5, 2).unwrap();
    assert_eq!(local.name(), "EmbeddingVariationalReparameterizationLocal");
    assert_eq!(local.kernel_posterior().event_shape().unwrap(), [5, 2]);
    assert!(local.bias_posterior().is_none());
    assert_eq!(local.trainable_variables().len(), 2);
    let shared = EmbeddingVariationalReparameterization::new(5, 2).unwrap();
    assert_eq!(shared.name(), "EmbeddingVariationalReparameterization");
    let flipout = EmbeddingVariationalFlipout::new(5, 2).unwrap();
    assert_eq!(flipout.name(), "EmbeddingVariationalFlipout");
    let ids = ids().cast(DType::F32);
    for net in [&plain as &dyn Layer, &local, &shared, &flipout] {
        let width = if net.name() == "Embedding" { 8 } else { 2 };
        assert_eq!(net.call(&ids).unwrap().shape().unwrap(), [2, 3, width]);
        let more = Tensor::stack(&[&ids, &ids, &ids], 0);
        assert_eq!(net.call(&more).unwrap().shape().unwrap(), [3, 2, 3, width]);
    }
}

#[test]
fn the_gradient_of_a_layers_table_is_that_of_rows() {
    let layer = Embedding::builder(50_000, 2).dtype(DType::F64).seed(1).build().unwrap();
    let gradients = layer.call(&ids()).unwrap().sum().gradients().unwrap();
    let (indices, rows) = gradients.rows(layer.kernel()).unwrap();
    assert_eq!(indices, [0, 1, 2, 3]);
    assert_eq!(rows.to_vec::<f64>().unwrap(), [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 1.0, 1.0]);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_it() {
    fn error<T: std::fmt::Debug>(made: Result<T>, start: &str) -> LayerError {
        let error = made.unwrap_err();
        assert!(error.to_string().starts_with(start), "{error}");
        error
    }
    error(Embedding::new(0, 2), "Embedding: argument `input_dim` is 0");
    error(EmbeddingVariationalFlipout::new(2, 0), "Embedding: argument `output_dim` is 0");
    let many = (1 << 24) + 1;
    let text = "argument `input_dim` is 16777217, expected at most 16777216";
    error(Embedding::new(many, 1), &format!("Embedding: {text}"));
    let class = "EmbeddingVariationalReparameterizationLocal";
    error(EmbeddingVariationalReparameterizationLocal::new(many, 1), &format!("{class}: {text}"));

    let plain = Embedding::builder(4, 2).name("words").build().unwrap();
    let bayesian: Vec<Box<dyn Layer>> = vec![
        Box::new(Variational::<Embed, Local>::builder(4, 2).name("words").build().unwrap()),
        Box::new(Variational::<Embed, Flipout>::builder(4, 2).name("words").build().unwrap()),
        Box::new(Variational::<Embed, PerExample>::builder(4, 2).name("words").build().unwrap()),
        Box::new(Variational::<Embed, Mean>::builder(4, 2).name("words").build().unwrap()),
        Box::new(
            Variational::<Embed, Reparameterization>::builder(4, 2).name("words").build().unwrap(),
        ),
    ];
    for net in std::iter::once(&plain as &dyn Layer).chain(bayesian.iter().map(AsRef::as_ref)) {
        for id in [0.5_f32, -1.0, 4.0, f32::NAN, f32::INFINITY, 16_777_216.0] {
            let given = net.call(&Tensor::from_vec(vec![3.0, id], &[2, 1]));
            let error = error(given, "words: embed: argument `x` is ");
            let is = matches!(
                error.root(),
                LayerError::Tensor(TensorError::OutOfRange { argument: "x", .. })
            );
            assert!(is && error.to_string().contains("expected a whole number from 0 to 3"));
        }
        let other = error(net.call(&ids()), "words: embed: ");
        assert!(matches!(other.root(), LayerError::Tensor(TensorError::DTypes { .. })));
        let scalar = net.call(&Tensor::scalar(1.0_f32));
        assert!(matches!(scalar.unwrap_err().root(), LayerError::Input { .. }));
    }
    let one = bayesian[0].call(&Tensor::ones(&[3], DType::F32));
    error(one, "words: argument `x` has shape [3], expected [.., batch, 3]");
}

#[test]
fn moments_are_those_of_rows_and_uncertain_ids_have_none() {
    let layer = layer::<Flipout>(true);
    let (mean, deviation) = layer.pre_activation(&ids()).unwrap();
    let variance = deviation.square().to_vec::<f64>().unwrap();
    let moments = MomentMatching::new(layer).moments(&ids()).unwrap();
    assert_eq!(moments.mean.to_vec::<f64>().unwrap(), mean.to_vec::<f64>().unwrap());
    let given = moments.variance.unwrap().to_vec::<f64>().unwrap();
    assert!(given.iter().zip(variance).all(|(given, expected)| (given - expected).abs() < 1e-15));
    assert!(given.iter().all(|variance| (variance - 2.0 * 0.09).abs() < 1e-12));

    let first = || AffineVariationalReparameterizationLocal::builder(3, 3).dtype(DType::F64);
    let plain = || Embedding::builder(4, 2).dtype(DType::F64).build().unwrap();
    let certain = MomentMatching::new(plain()).moments(&ids()).unwrap();
    assert!(certain.variance.is_none());
    let refused = [
        Sequential::of(first().build().unwrap()).then(plain()),
        Sequential::of(first().build().unwrap()).then(self::layer::<Local>(false)),
    ];
    for net in refused {
        let error = MomentMatching::new(net).moments(&Tensor::zeros(&[2, 3], DType::F64));
        let is = matches!(&error, Err(error) if matches!(error.root(), LayerError::NoMoments { of: "a lookup of uncertain ids" }));
        assert!(is, "{error:?}");
    }
}

#[test]
fn layers_come_back_from_files_and_copies_are_their_own() {
    fn check<L: Layer + tfn_module::describe::Describe + tfn_module::DeepCopy>(layer: &L) {
        let mut registry = Registry::new();
        crate::describe::register(&mut registry);
        let bytes = FileWriter::new(&registry).add("layer", layer).unwrap().to_bytes().unwrap();
        let same: L = FileReader::from_bytes(&bytes, &registry).unwrap().take("layer").unwrap();
        let copy = deep_copy(layer).unwrap();
        let at = |layer: &L| {
            let y = layer.call_at(&ids(), &Key::from_seed(5)).unwrap();
            (layer.name(), y.to_vec::<f64>().unwrap())
        };
        let before = at(layer);
        assert_eq!(at(&same), before);
        assert_eq!(at(&copy), before);
        for variable in copy.variables() {
            variable.assign(&(variable.value() + 1.0)).unwrap();
        }
        assert_eq!(at(layer), before);
        assert_ne!(at(&copy), before);
    }
    check(&Embedding::builder(4, 2).dtype(DType::F64).seed(1).build().unwrap());
    check(&Embedding::builder(4, 2).use_bias(true).dtype(DType::F64).seed(1).build().unwrap());
    check(&layer::<Local>(false));
    check(&layer::<Local>(true));
    check(&layer::<Flipout>(false));
    check(&layer::<Reparameterization>(false));
    check(&layer::<PerExample>(false));
    check(&layer::<Mean>(false));
}

/// Several draws at once, through layers behind: each as by its own key.
#[test]
fn a_net_of_ids_draws_together_as_apart() {
    let net = Sequential::of(layer::<Local>(false))
        .then(Flatten::new(2))
        .then(Affine::builder(6, 1).dtype(DType::F64).seed(2).build().unwrap());
    let keys: Vec<Key> = (0..3).map(|i| Key::from_seed(6).index(i)).collect();
    let together = net.prepare(&ids())(&keys).unwrap();
    assert_eq!(together.shape().unwrap(), [3, 2, 1]);
    for (i, key) in keys.iter().enumerate() {
        let apart = net.call_at(&ids(), key).unwrap().to_vec::<f64>().unwrap();
        let part = together.narrow(0, i, 1).to_vec::<f64>().unwrap();
        assert!(apart.iter().zip(part).all(|(a, b)| (a - b).abs() < 1e-14));
    }
}
