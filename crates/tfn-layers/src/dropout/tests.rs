//! Dropout layers: the laws of their noise, where there is any, and what they refuse.

use std::sync::Arc;

use tfn_module::deep_copy;
use tfn_module::describe::{FileReader, FileWriter, Registry};
use tfn_tensor::{DType, Key, Tensor, Variable};

use super::*;
use crate::contract::{Layer, Moments, Pass};
use crate::testing::check_layer;
use crate::{
    Affine, AffineVariationalReparameterizationLocal as Bayesian, LayerError, MomentMatching,
    Sequential, describe,
};

fn builders<N: MultiplicativeNoise>(rate: f64) -> Vec<DropoutBuilder<N>> {
    let builder = || DropoutLayer::<N>::builder(rate).seed(3);
    vec![
        builder(),
        builder().whole_channels(true),
        builder().noise_shape(&[None, Some(1), Some(1)]),
        builder().noise_shape(&[Some(1), Some(3), None]),
    ]
}

/// All kinds, with noise everywhere or in training only.
fn layers(rate: f64, in_prediction: bool) -> Vec<Arc<dyn Layer>> {
    let binary = builders::<BinaryNoise>(rate).into_iter();
    let gaussian = builders::<GaussianNoise>(rate).into_iter();
    let binary =
        binary.map(|b| Arc::new(b.in_prediction(in_prediction).build().unwrap()) as Arc<dyn Layer>);
    let gaussian = gaussian
        .map(|b| Arc::new(b.in_prediction(in_prediction).build().unwrap()) as Arc<dyn Layer>);
    binary.chain(gaussian).collect()
}

fn input() -> Tensor {
    Key::from_seed(8).stream().normal(&[2, 3, 4], DType::F64)
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().unwrap().into_iter().map(f64::to_bits).collect()
}

fn training(layer: &dyn Layer, seed: u64) -> Pass {
    Pass::new(layer, &Key::from_seed(seed)).training(true)
}

#[test]
fn noise_has_mean_1_and_the_variance_that_the_rate_says() {
    const N: usize = 200_000;
    let n = N as f64;
    for dtype in [DType::F32, DType::F64] {
        let ones = Tensor::ones(&[N / 4, 4], dtype);
        for rate in [0.01, 0.3, 0.5, 0.9] {
            let v: f64 = rate / (1.0 - rate);
            // The fourth central moment, for the error of a variance.
            let kept: f64 = 1.0 / (1.0 - rate);
            let binary = rate + (1.0 - rate) * (kept - 1.0).powi(4);
            let layers: [(Arc<dyn Layer>, f64); 2] = [
                (Arc::new(Dropout::new(rate).unwrap()), binary),
                (Arc::new(GaussianDropout::new(rate).unwrap()), 3.0 * v * v),
            ];
            for (layer, fourth) in layers {
                let pass = training(layer.as_ref(), 5);
                let y = layer.forward(&ones, &pass).unwrap().to_f64_vec().unwrap();
                let mean = y.iter().sum::<f64>() / n;
                assert!((mean - 1.0).abs() < 5.0 * (v / n).sqrt(), "{layer:?} {mean}");
                let variance = y.iter().map(|y| (y - 1.0).powi(2)).sum::<f64>() / n;
                let error = ((fourth - v * v) / n).sqrt();
                // At a rate of one half all squares are the same number.
                assert!((variance - v).abs() < 5.0 * error + 1e-12, "{layer:?} {variance} {v}");
            }
        }
    }
}

#[test]
fn binary_noise_drops_or_keeps_the_same_entries_of_either_type() {
    let layer = Dropout::new(0.3).unwrap();
    let drawn = |x: Tensor| layer.forward(&x, &training(&layer, 1)).unwrap().to_f64_vec().unwrap();
    let wide = drawn(Tensor::ones(&[1000], DType::F64));
    let narrow = drawn(Tensor::ones(&[1000], DType::F32));
    for (wide, narrow) in wide.iter().zip(&narrow) {
        assert!(*wide == 0.0 || *wide == 1.0 / 0.7, "{wide}");
        assert_eq!(*narrow, f64::from(*wide as f32));
    }
    // What is dropped is 0, whatever it was, and so is its gradient.
    let x = Variable::new("x", Tensor::full(&[1000], f64::INFINITY, DType::F64)).unwrap();
    let y = layer.forward(&x.tensor(), &training(&layer, 1)).unwrap();
    let slope = y.sum().gradients().unwrap().of(&x).to_vec::<f64>().unwrap();
    for ((y, slope), wide) in y.to_vec::<f64>().unwrap().iter().zip(&slope).zip(&wide) {
        assert_eq!(*y, if *wide == 0.0 { 0.0 } else { f64::INFINITY });
        assert_eq!(slope, wide);
    }
}

#[test]
fn there_is_noise_where_it_is_asked_for() {
    let x = input();
    for layer in layers(0.4, false) {
        assert_eq!(bits(&layer.call(&x).unwrap()), bits(&x));
        let of = |seed| bits(&layer.forward(&x, &training(layer.as_ref(), seed)).unwrap());
        assert_ne!(of(1), bits(&x));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        check_layer(layer.as_ref(), &x).unwrap();
    }
    for layer in layers(0.4, true) {
        let at = |seed| bits(&layer.call_at(&x, &Key::from_seed(seed)).unwrap());
        assert_ne!(at(1), at(2));
        let in_training = layer.forward(&x, &training(layer.as_ref(), 1)).unwrap();
        assert_eq!(at(1), bits(&in_training));
        check_layer(layer.as_ref(), &x).unwrap();
    }
    for layer in layers(0.0, true) {
        assert_eq!(bits(&layer.call(&x).unwrap()), bits(&x));
    }
}

#[test]
fn each_draw_has_one_set_of_noise_and_calls_follow_the_seed() {
    let x = input();
    let keys: Vec<Key> = (0..5).map(|i| Key::from_seed(3).index(i)).collect();
    for layer in layers(0.5, true) {
        let one = Affine::builder(4, 4).dtype(DType::F64).seed(1).build().unwrap();
        let last = Affine::builder(4, 4).dtype(DType::F64).seed(2).build().unwrap();
        let net = Sequential::of(one).then(layer.clone()).then(layer.clone()).then(last);
        let (common, each) = (net.prepare(&x), Tensor::stack(&[&x; 5], 0));
        for several in [common(&keys).unwrap(), net.call_each(&each, &keys).unwrap()] {
            for (draw, key) in keys.iter().enumerate() {
                let alone = net.call_at(&x, key).unwrap().to_vec::<f64>().unwrap();
                let given = several.narrow(0, draw, 1).to_vec::<f64>().unwrap();
                let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12 * a.abs().max(1.0);
                assert!(alone.iter().zip(&given).all(near), "{layer:?}");
            }
        }
        // A net of nothing else that draws has new noise at each call, from the seed.
        let copy = deep_copy(&net).unwrap();
        let [first, second] = [(), ()].map(|()| bits(&net.call(&x).unwrap()));
        assert_ne!(first, second);
        assert_eq!([first, second], [(), ()].map(|()| bits(&copy.call(&x).unwrap())));
    }
}

#[test]
fn shared_noise_is_shared() {
    let ones = Tensor::ones(&[2, 3, 4], DType::F64);
    let drawn = |layer: DropoutBuilder<GaussianNoise>| {
        let layer = layer.build().unwrap();
        layer.forward(&ones, &training(&layer, 1)).unwrap().to_vec::<f64>().unwrap()
    };
    let distinct = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let of =
        |shape: &[Option<usize>]| distinct(drawn(GaussianDropout::builder(0.5).noise_shape(shape)));
    assert_eq!(of(&[None, None, None]), 24);
    assert_eq!(of(&[None, Some(1), Some(4)]), 8);
    assert_eq!(of(&[Some(1), Some(3), Some(1)]), 3);
    assert_eq!(of(&[Some(1); 3]), 1);
    let y = drawn(GaussianDropout::builder(0.5).whole_channels(true));
    for (i, y_i) in y.iter().enumerate() {
        let (example, channel) = (i / 12, i % 4);
        assert_eq!(*y_i, y[example * 12 + channel]);
    }
    assert_eq!(distinct(y), 8);
    let rows = GaussianDropout::builder(0.5).whole_channels(true).build().unwrap();
    let y = rows.forward(&Tensor::ones(&[5, 3], DType::F64), &training(&rows, 1)).unwrap();
    assert_eq!(distinct(y.to_vec().unwrap()), 15);
}

#[test]
fn moments_are_those_of_draws() {
    const N: usize = 200_000;
    let (mean, variance) = (1.5, 0.7);
    let x = Key::from_seed(2).stream().normal(&[N], DType::F64) * f64::sqrt(variance) + mean;
    let layers: [Arc<dyn Layer>; 2] =
        [Arc::new(Dropout::new(0.3).unwrap()), Arc::new(GaussianDropout::new(0.3).unwrap())];
    for layer in layers {
        let pass = training(layer.as_ref(), 1);
        let [mean, variance] = [mean, variance].map(|m| Tensor::full(&[1], m, DType::F64));
        let moments = Moments { mean, variance: Some(variance) };
        let of = layer.forward_moments(&moments, &pass).unwrap();
        let (mean, variance) = (of.mean.item().unwrap(), of.variance.unwrap().item().unwrap());
        let y = layer.forward(&x, &pass).unwrap().to_vec::<f64>().unwrap();
        let n = N as f64;
        let given = y.iter().sum::<f64>() / n;
        assert!((given - mean).abs() < 5.0 * (variance / n).sqrt(), "{layer:?} {given} {mean}");
        let squares: Vec<f64> = y.iter().map(|y| (y - mean).powi(2)).collect();
        let given = squares.iter().sum::<f64>() / n;
        let fourth = squares.iter().map(|square| square * square).sum::<f64>() / n;
        let error = ((fourth - given * given) / n).sqrt();
        assert!((given - variance).abs() < 5.0 * error, "{layer:?} {given} {variance}");

        // In prediction nothing happens.
        let here = Pass::new(layer.as_ref(), &Key::from_seed(1));
        let same = layer.forward_moments(&moments, &here).unwrap();
        assert_eq!(bits(&same.variance.unwrap()), bits(&moments.variance.clone().unwrap()));
        let known = layer.forward_moments(&Moments::known(input()), &here).unwrap();
        assert!(known.variance.is_none());
        let known = layer.forward_moments(&Moments::known(input()), &pass).unwrap();
        let expected = input().square() * (0.3 / 0.7);
        assert_eq!(bits(&known.variance.unwrap()), bits(&expected));
    }
    let bayesian = || Bayesian::builder(4, 4).dtype(DType::F64).seed(2).build().unwrap();
    let dropout = Dropout::builder(0.2).in_prediction(true).seed(1).build().unwrap();
    let net = MomentMatching::new(Sequential::of(bayesian()).then(dropout).then(bayesian()));
    check_layer(&net, &input()).unwrap();
}

#[test]
fn an_empty_batch_gives_an_empty_output() {
    for layer in layers(0.5, true) {
        if let Ok(y) = layer.call(&Tensor::zeros(&[0, 3, 4], DType::F32)) {
            assert_eq!(y.shape().unwrap(), [0, 3, 4]);
        } else {
            panic!("{layer:?}");
        }
    }
}

#[test]
fn wrong_arguments_and_inputs_are_errors() {
    for bad in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
        let given = bad.to_string();
        for error in [Dropout::new(bad).unwrap_err(), GaussianDropout::new(bad).unwrap_err()] {
            assert!(
                matches!(&error, LayerError::Argument { argument: "rate", given: g, .. } if *g == given),
                "{error}"
            );
        }
    }
    assert!(Dropout::builder(0.5).name("1 bad").build().is_err());
    let layer = Dropout::builder(0.5).noise_shape(&[None, Some(2)]).in_prediction(true);
    let layer = layer.name("half").build().unwrap();
    for shape in [&[3, 4][..], &[3, 2, 2], &[2], &[]] {
        let error = layer.call(&Tensor::ones(shape, DType::F32)).unwrap_err();
        assert!(
            matches!(error.root(), LayerError::Input { given, .. } if given == shape),
            "{error}"
        );
        assert!(error.to_string().ends_with("`noise_shape` fits, [None, 2]"), "{error}");
        assert!(error.to_string().starts_with("half: argument `x`"), "{error}");
    }
    let error = layer.call_each(&Tensor::ones(&[1, 3, 4], DType::F32), &[Key::from_seed(1)]);
    assert!(
        matches!(error.unwrap_err().root(), LayerError::Input { given, .. } if *given == [3, 4])
    );
    assert!(layer.call_each(&Tensor::ones(&[1, 3, 2], DType::F32), &[Key::from_seed(1)]).is_ok());
}

#[test]
fn they_come_back_from_files() {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    let x = input();
    for layer in layers(0.25, true).into_iter().chain(layers(0.25, false)) {
        let net: Arc<dyn Layer> = Arc::new(Sequential::of(layer));
        net.call(&x).unwrap();
        let bytes = FileWriter::new(&registry).add("net", &net).unwrap().to_bytes().unwrap();
        let same: Arc<dyn Layer> =
            FileReader::from_bytes(&bytes, &registry).unwrap().take("net").unwrap();
        assert_eq!(same.name(), net.name());
        let twice = FileWriter::new(&registry).add("net", &same).unwrap().to_bytes().unwrap();
        assert_eq!(twice, bytes);
        let of = |net: &Arc<dyn Layer>| {
            let in_training = net.forward(&x, &training(net.as_ref(), 1)).unwrap();
            (bits(&in_training), [(), ()].map(|()| bits(&net.call(&x).unwrap())))
        };
        assert_eq!(of(&same), of(&net));
        // What the builder refuses is refused here too.
        let at = bytes.windows(13).position(|w| w == b"\\\"rate\\\":0.25").unwrap();
        let mut forged = bytes.clone();
        forged[at + 9] = b'7';
        assert!(FileReader::from_bytes(&forged, &registry).is_err());
    }
}
