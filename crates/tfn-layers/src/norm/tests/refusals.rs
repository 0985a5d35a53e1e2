//! What normalizing layers refuse, and that they come back from files.

use std::sync::Arc;

use tfn_module::Variable;
use tfn_module::describe::{FileReader, FileWriter, Registry};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::initializers;

use super::{layers, training};
use crate::contract::{Layer, Pass};
use crate::{
    BatchNormalization, GroupNormalization, LayerError, LayerNormalization, Result, Sequential,
    describe,
};

#[test]
fn an_empty_batch_gives_an_empty_output() {
    for (layer, x) in layers() {
        let before: Vec<_> = layer.variables().iter().map(Variable::version).collect();
        let empty = x.narrow(0, 0, 0);
        for is_training in [false, true] {
            let pass = Pass::new(layer.as_ref(), &Key::from_seed(1)).training(is_training);
            let y = layer.forward(&empty, &pass).unwrap();
            assert_eq!(y.shape().unwrap(), empty.shape().unwrap());
            assert!(y.sum().gradients().is_ok());
        }
        let after: Vec<_> = layer.variables().iter().map(Variable::version).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn wrong_inputs_are_errors() {
    let batch = BatchNormalization::builder(3).dtype(DType::F64).name("norm").build().unwrap();
    for shape in [&[1, 3][..], &[3], &[1, 1, 3]] {
        let error = batch.forward(&Tensor::ones(shape, DType::F64), &training(&batch)).unwrap_err();
        assert!(
            matches!(&error, LayerError::Input { given, .. } if given == shape),
            "{shape:?} {error}"
        );
        assert!(error.to_string().contains("argument `x`"), "{error}");
        assert!(error.to_string().contains("at least 2 numbers of each channel"), "{error}");
    }
    assert_eq!(batch.moving_mean().version(), 0);
    batch.call(&Tensor::ones(&[1, 3], DType::F64)).unwrap();
    let error = batch.call(&Tensor::ones(&[2, 4], DType::F64)).unwrap_err().to_string();
    assert!(error.starts_with("norm: argument `x` has shape [2, 4]"), "{error}");
    assert!(error.contains("[3]"), "{error}");
    assert!(batch.call(&Tensor::scalar(1.0)).is_err());
    assert!(batch.call(&Tensor::ones(&[2, 3], DType::F32)).is_err());
    assert!(
        batch.call_each(&Tensor::ones(&[2, 3], DType::F64), &[1, 2].map(Key::from_seed)).is_ok()
    );
    let group = GroupNormalization::builder(4).groups(2).build().unwrap();
    let error = group.call(&Tensor::ones(&[4], DType::F32)).unwrap_err();
    assert!(error.to_string().contains("an axis of the batch"), "{error}");
    let first = LayerNormalization::builder(2).axis(&[1]).build().unwrap();
    let error = first.call(&Tensor::ones(&[2], DType::F32)).unwrap_err();
    assert!(matches!(error.root(), LayerError::Input { .. }), "{error}");
}

#[test]
fn wrong_arguments_are_errors() {
    fn argument<T: std::fmt::Debug>(made: Result<T>) -> (&'static str, String) {
        match made.unwrap_err() {
            LayerError::Argument { argument, given, .. } => (argument, given),
            error => unreachable!("{error}"),
        }
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let made = LayerNormalization::builder(2).epsilon(bad).build();
        assert_eq!(argument(made), ("epsilon", bad.to_string()));
    }
    for bad in [-0.1, 1.5, f64::NAN] {
        let made = BatchNormalization::builder(2).momentum(bad).build();
        assert_eq!(argument(made), ("momentum", bad.to_string()));
    }
    for bad in [0, 4, 7] {
        let made = GroupNormalization::builder(6).groups(bad).build();
        assert_eq!(argument(made), ("groups", bad.to_string()));
    }
    assert_eq!(argument(GroupNormalization::new(10)).0, "groups");
    assert_eq!(argument(GroupNormalization::builder(32).axis(0).build()).0, "axis");
    for bad in [&[1][..], &[2, 1], &[1, 1], &[-1, 1], &[1, 2, 3], &[]] {
        let made = LayerNormalization::builder([2, 3]).axis(bad).build();
        assert_eq!(argument(made), ("axis", format!("{bad:?}")));
    }
    let wide = initializers::constant(1.0);
    let wide = tfn_util::Initializer::new("wide", move |shape, batch, dtype, key| {
        wide.make(&[shape[0] + 1], batch, dtype, key)
    });
    let gamma = BatchNormalization::builder(2).gamma_initializer(wide.clone()).build();
    assert_eq!(argument(gamma).0, "gamma_initializer");
    let moving = BatchNormalization::builder(2).moving_variance_initializer(wide).build();
    assert_eq!(argument(moving).0, "moving_variance_initializer");
    assert!(matches!(BatchNormalization::new(0), Err(LayerError::Size { given: 0, .. })));
    assert!(matches!(LayerNormalization::new([2, 0]), Err(LayerError::Size { given: 0, .. })));
    assert!(LayerNormalization::new(Vec::new()).is_err());
    assert!(BatchNormalization::builder(2).name("1 bad").build().is_err());
    assert!(LayerNormalization::new([usize::MAX, 2]).is_err());
}

#[test]
fn they_come_back_from_files() {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    for (layer, x) in layers() {
        layer.forward(&x, &training(layer.as_ref())).unwrap();
        let net: Arc<dyn Layer> = Arc::new(Sequential::of(layer));
        let bytes = FileWriter::new(&registry).add("net", &net).unwrap().to_bytes().unwrap();
        let same: Arc<dyn Layer> =
            FileReader::from_bytes(&bytes, &registry).unwrap().take("net").unwrap();
        assert_eq!(same.name(), net.name());
        let twice = FileWriter::new(&registry).add("net", &same).unwrap().to_bytes().unwrap();
        assert_eq!(twice, bytes);
        for is_training in [false, true] {
            let of = |net: &Arc<dyn Layer>| {
                let pass = Pass::new(net.as_ref(), &Key::from_seed(1)).training(is_training);
                net.forward(&x, &pass).unwrap().to_vec::<f64>().unwrap()
            };
            assert_eq!(of(&same), of(&net));
        }
        for (one, other) in same.variables().iter().zip(net.variables()) {
            assert_eq!(one.is_trainable(), other.is_trainable());
            assert_eq!(
                one.value().to_vec::<f64>().unwrap(),
                other.value().to_vec::<f64>().unwrap()
            );
        }
        // What the builder refuses is refused here too.
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("\\\"epsilon\\\":0.001"), "{text}");
        let at = bytes.windows(17).position(|w| w == b"\\\"epsilon\\\":0.001").unwrap();
        let mut forged = bytes.clone();
        forged[at + 16] = b'0';
        assert!(FileReader::from_bytes(&forged, &registry).is_err());
    }
}
