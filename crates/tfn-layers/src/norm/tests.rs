//! Normalizing layers: values and gradients of Keras, and laws.

mod refusals;

use std::sync::Arc;

use tfn_module::{Module, Variable, checkpoint, deep_copy, named_variables};
use tfn_tensor::{DType, Key, Tensor};

use super::*;
use crate::contract::{Input, Layer, Moments, Pass};
use crate::testing::check_layer;
use crate::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, Lambda, LayerError,
    MomentMatching, Result, Sequential,
};

/// The values that `tests/reference/normalization.py` has written.
mod keras {
    include!("../../tests/reference/normalization.rs");
}

/// As in the script.
fn ramp(shape: &[usize], scale: f64, phase: f64) -> Tensor {
    let n = shape.iter().product::<usize>() as f64;
    Tensor::build::<f64>(shape, |out| {
        for (i, out) in out.iter_mut().enumerate() {
            let i = i as f64;
            *out = scale * (phase + 1.7 * i).sin() + 0.3 * i / n;
        }
    })
}

fn rows() -> Tensor {
    ramp(&[5, 3], 2.0, 0.0)
}

fn images() -> Tensor {
    ramp(&[2, 3, 2, 4], 2.0, 1.0)
}

fn normal(label: &str, shape: &[usize]) -> Tensor {
    Key::from_seed(8).child(label).stream().normal(shape, DType::F64)
}

/// The layer with gain and shift as in the script.
fn built<S: Statistics>(builder: NormalizationBuilder<S>) -> NormalizationLayer<S> {
    let layer = builder.dtype(DType::F64).build().unwrap();
    if let Some(gamma) = layer.gamma() {
        gamma.assign(&(ramp(gamma.shape(), 0.4, 0.5) + 1.0)).unwrap();
    }
    if let Some(beta) = layer.beta() {
        beta.assign(&ramp(beta.shape(), 0.6, 2.5)).unwrap();
    }
    layer
}

fn training(layer: &dyn Layer) -> Pass {
    Pass::new(layer, &Key::from_seed(1)).training(true)
}

fn near(given: &Tensor, expected: &[f64]) {
    let given = given.to_vec::<f64>().unwrap();
    assert_eq!(given.len(), expected.len());
    for (i, (given, expected)) in given.iter().zip(expected).enumerate() {
        assert!(
            (given - expected).abs() < 1e-12 * expected.abs().max(1.0),
            "{i}: {given} {expected}"
        );
    }
}

/// Output and gradient by the input are those given.
fn agrees(layer: &dyn Layer, x: &Tensor, is_training: bool, y: &[f64], dx: &[f64]) {
    let x = Variable::new("x", x).unwrap();
    let pass = Pass::new(layer, &Key::from_seed(1)).training(is_training);
    let given = layer.forward(&x.tensor(), &pass).unwrap();
    near(&given, y);
    let total = (given * ramp(x.shape(), 1.0, 4.0)).sum();
    near(&total.gradients().unwrap().of(&x), dx);
}

#[test]
fn batch_normalization_is_that_of_keras() {
    let layer = built(BatchNormalization::builder(3));
    agrees(&layer, &rows(), true, &keras::BATCH_TRAINING, &keras::BATCH_TRAINING_DX);
    near(&layer.moving_mean().value(), &keras::BATCH_MOVING_MEAN_1);
    near(&layer.moving_variance().value(), &keras::BATCH_MOVING_VARIANCE_1);
    layer.forward(&(rows() * 2.0 + 1.0), &training(&layer)).unwrap();
    near(&layer.moving_mean().value(), &keras::BATCH_MOVING_MEAN_2);
    near(&layer.moving_variance().value(), &keras::BATCH_MOVING_VARIANCE_2);
    agrees(&layer, &rows(), false, &keras::BATCH_PREDICTION, &keras::BATCH_PREDICTION_DX);

    let plain = BatchNormalization::builder(4).momentum(0.8).epsilon(1e-5).center(false);
    let plain = built(plain.scale(false));
    assert!(plain.gamma().is_none() && plain.beta().is_none() && plain.epsilon() == 1e-5);
    let [y, dx] = [&keras::BATCH_PLAIN_TRAINING, &keras::BATCH_PLAIN_TRAINING_DX];
    agrees(&plain, &images(), true, y, dx);
    let [y, dx] = [&keras::BATCH_PLAIN_PREDICTION, &keras::BATCH_PLAIN_PREDICTION_DX];
    agrees(&plain, &images(), false, y, dx);
    for axis in [1, -3] {
        let first = built(BatchNormalization::builder(3).axis(axis));
        let [y, dx] = [&keras::BATCH_AXIS_1_TRAINING, &keras::BATCH_AXIS_1_TRAINING_DX];
        agrees(&first, &images(), true, y, dx);
    }
}

#[test]
fn layer_and_group_normalization_are_those_of_keras() {
    for is_training in [false, true] {
        let layer = built(LayerNormalization::builder(3));
        agrees(&layer, &rows(), is_training, &keras::LAYER, &keras::LAYER_DX);
        let two = built(LayerNormalization::builder([2, 4]).epsilon(1e-6));
        let [y, dx] = [&keras::LAYER_TWO_AXES, &keras::LAYER_TWO_AXES_DX];
        agrees(&two, &images(), is_training, y, dx);
        let first = built(LayerNormalization::builder(3).axis(&[1]));
        agrees(&first, &images(), is_training, &keras::LAYER_AXIS_1, &keras::LAYER_AXIS_1_DX);
        let group = built(GroupNormalization::builder(4).groups(2));
        agrees(&group, &images(), is_training, &keras::GROUP, &keras::GROUP_DX);
        let group = built(GroupNormalization::builder(3).groups(3).axis(1));
        agrees(&group, &images(), is_training, &keras::GROUP_AXIS_1, &keras::GROUP_AXIS_1_DX);
        let group = built(GroupNormalization::builder(4).groups(2).center(false));
        let x = ramp(&[3, 4], 2.0, 1.0);
        agrees(&group, &x, is_training, &keras::GROUP_ROWS, &keras::GROUP_ROWS_DX);
    }
    assert_eq!(GroupNormalization::new(64).unwrap().groups(), 32);
}

/// A layer as it is in training, so that the laws can be asked of it.
#[derive(Debug, Module)]
#[module(crate = tfn_module)]
struct InTraining {
    layer: Arc<dyn Layer>,
}

impl Layer for InTraining {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.layer.forward(x, &Pass::new(self.layer.as_ref(), pass.key()?).training(true))
    }
}

fn layers() -> Vec<(Arc<dyn Layer>, Tensor)> {
    vec![
        (Arc::new(built(BatchNormalization::builder(3))), normal("a", &[4, 3])),
        (Arc::new(built(BatchNormalization::builder(2).axis(1))), normal("b", &[3, 2, 2])),
        (Arc::new(built(LayerNormalization::builder(3))), normal("c", &[4, 3])),
        (
            Arc::new(built(LayerNormalization::builder([2, 2]).axis(&[1, 3]))),
            normal("d", &[2, 2, 2, 2]),
        ),
        (Arc::new(built(GroupNormalization::builder(4).groups(2))), normal("e", &[2, 3, 4])),
        (
            Arc::new(built(GroupNormalization::builder(2).groups(1).axis(-2))),
            normal("f", &[2, 2, 3]),
        ),
    ]
}

#[test]
fn gradients_flow_through_the_statistics_and_draws_are_not_mixed() {
    for (layer, x) in layers() {
        check_layer(layer.as_ref(), &x).unwrap();
        check_layer(&InTraining { layer }, &x).unwrap();
    }
}

#[test]
fn several_draws_in_training_are_each_a_batch_of_its_own() {
    for (layer, x) in layers() {
        let copy = deep_copy(&layer).unwrap();
        let several = Tensor::stack(&[&x, &(&x * 3.0 + 1.0)], 0);
        let keys = [1, 2].map(Key::from_seed);
        let pass = Pass::begin(layer.as_ref(), &keys, Input::Each, false).training(true);
        let given = layer.forward(&several, &pass).unwrap();
        let each = (0..2).map(|draw| {
            let x = several.narrow(0, draw, 1).squeeze(0);
            copy.forward(&x, &training(copy.as_ref())).unwrap()
        });
        let each: Vec<_> = each.collect();
        near(&given, &Tensor::stack(&[&each[0], &each[1]], 0).to_vec::<f64>().unwrap());
        for (one, other) in layer.variables().iter().zip(copy.variables()) {
            near(&one.value(), &other.value().to_vec::<f64>().unwrap());
        }
    }
}

#[test]
fn moments_in_prediction_are_affine() {
    let layer = built(BatchNormalization::builder(3));
    layer.forward(&rows(), &training(&layer)).unwrap();
    let moments = Moments { mean: rows(), variance: Some(rows().square() + 0.1) };
    let pass = Pass::new(&layer, &Key::from_seed(1));
    let given = layer.forward_moments(&moments, &pass).unwrap();
    near(&given.mean, &keras_prediction(&layer));
    // The slope from differences of the layer itself.
    let slope = layer.call(&(rows() + 1.0)).unwrap() - layer.call(&rows()).unwrap();
    let expected = slope.square() * (rows().square() + 0.1);
    near(&given.variance.unwrap(), &expected.to_vec::<f64>().unwrap());

    let refused = |layer: &dyn Layer, pass: &Pass| {
        let error = layer.forward_moments(&moments, pass).unwrap_err();
        assert!(matches!(error, LayerError::NoMoments { .. }), "{error}");
    };
    refused(&layer, &training(&layer));
    let of_example = built(LayerNormalization::builder(3));
    refused(&of_example, &Pass::new(&of_example, &Key::from_seed(1)));
    let known = layer.forward_moments(&Moments::known(rows()), &training(&layer)).unwrap();
    assert!(known.variance.is_none());
    near(&known.mean, &keras::BATCH_TRAINING);

    let bayesian = Bayesian::builder(3, 3).dtype(DType::F64).seed(2).build().unwrap();
    let net = MomentMatching::new(Sequential::of(bayesian).then(layer));
    check_layer(&net, &rows()).unwrap();
}

fn keras_prediction(layer: &BatchNormalization) -> Vec<f64> {
    layer.call(&rows()).unwrap().to_vec().unwrap()
}

#[test]
fn large_offsets_and_small_deviations_keep_their_digits() {
    // In f32, E[x²] − E[x]² of such numbers has no digit left.
    let x = Tensor::build::<f32>(&[20_000, 2], |out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = 4096.0 + f32::from(i8::from(i / 2 % 2 == 0)) * 0.5;
        }
    });
    let layer = BatchNormalization::builder(2).epsilon(1e-9).momentum(0.0).build().unwrap();
    let y = layer.forward(&x, &training(&layer)).unwrap().to_vec::<f32>().unwrap();
    for (i, y) in y.iter().enumerate() {
        let expected = if i / 2 % 2 == 0 { 1.0 } else { -1.0 };
        assert!((y - expected).abs() < 1e-3, "{i} {y}");
    }
    for variance in layer.moving_variance().value().to_vec::<f32>().unwrap() {
        assert!((variance - 0.0625).abs() < 1e-4, "{variance}");
    }
    let y = layer.call(&x).unwrap().to_vec::<f32>().unwrap();
    assert!(y.iter().all(|y| (y.abs() - 1.0).abs() < 1e-3));
    let noise = Key::from_seed(4).stream().normal(&[100_000, 2], DType::F32) + 10_000.0;
    let wide = BatchNormalization::builder(2).dtype(DType::F64).build().unwrap();
    let narrow = BatchNormalization::builder(2).build().unwrap();
    let expected = wide.forward(&noise.cast(DType::F64), &training(&wide)).unwrap();
    let given = narrow.forward(&noise, &training(&narrow)).unwrap().cast(DType::F64);
    let worst = (given - expected).abs().max_axis(0, false).max_axis(0, false).item().unwrap();
    assert!(worst < 1e-3, "{worst}");
    // Numbers that are all the same have no deviation, and gradients that are finite.
    for (layer, x) in layers() {
        let x = Variable::new("x", x * 0.0 + 3.0).unwrap();
        let y = layer.forward(&x.tensor(), &training(layer.as_ref())).unwrap();
        assert!(y.all_finite().unwrap());
        assert!(y.square().sum().gradients().unwrap().of(&x).all_finite().unwrap());
    }
}

#[test]
fn moving_statistics_are_variables_that_are_not_trained() {
    let layer = BatchNormalization::builder(2).build().unwrap();
    let named: Vec<(String, bool)> =
        named_variables(&layer).into_iter().map(|(path, v)| (path, v.is_trainable())).collect();
    let named: Vec<_> = named.iter().map(|(path, trained)| (path.as_str(), *trained)).collect();
    let expected =
        [("beta", true), ("gamma", true), ("moving_mean", false), ("moving_variance", false)];
    let mut sorted = named.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(layer.trainable_variables().len(), 2);

    // Only training moves them, and numbers that are not finite do not.
    let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 5.0], &[2, 2]);
    layer.call(&x).unwrap();
    let state = || {
        let of = |variable: &Variable| variable.value().to_vec::<f32>().unwrap();
        (of(layer.moving_mean()), of(layer.moving_variance()))
    };
    assert_eq!(state(), (vec![0.0; 2], vec![1.0; 2]));
    layer.forward(&x, &training(&layer)).unwrap();
    let moved = state();
    assert_ne!(moved, (vec![0.0; 2], vec![1.0; 2]));
    layer.forward(&(&x * f64::NAN), &training(&layer)).unwrap();
    assert_eq!(state(), moved);

    // They are saved and loaded with the rest, and copies have their own.
    let same = BatchNormalization::builder(2).build().unwrap();
    let bytes = checkpoint::to_bytes(&layer, &Default::default()).unwrap();
    checkpoint::from_bytes(&same, &bytes).unwrap();
    assert_eq!(same.moving_mean().value().to_vec::<f32>().unwrap(), moved.0);
    let copy = deep_copy(&layer).unwrap();
    copy.forward(&(&x * 7.0), &training(&copy)).unwrap();
    assert_eq!(state(), moved);
    assert_ne!(copy.moving_mean().value().to_vec::<f32>().unwrap(), moved.0);
    assert!(!copy.moving_mean().is_trainable());
}

#[test]
fn training_passes_reach_the_layer_through_a_net() {
    let batch = Arc::new(BatchNormalization::new(3).unwrap());
    let net = Sequential::of(Affine::new(2, 3).unwrap())
        .then(batch.clone())
        .then(Lambda::new("relu", Tensor::relu).unwrap());
    let x = Key::from_seed(1).stream().normal(&[6, 2], DType::F32);
    net.call(&x).unwrap();
    assert_eq!(batch.moving_mean().version(), 0);
    net.forward(&x, &training(&net)).unwrap();
    assert_eq!(batch.moving_mean().version(), 1);
}
