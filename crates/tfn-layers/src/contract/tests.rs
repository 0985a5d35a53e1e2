use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tfn_module::{DeepCopy, Module, Properties};
use tfn_tensor::{DType, Key, Tensor};

use super::pass::Input;
use super::*;
use crate::testing::check_layer;
use crate::{
    Affine, AffineVariationalReparameterization as Shared,
    AffineVariationalReparameterizationLocal as Local, Lambda, LayerError, Result, Sequential,
};

fn local(inputs: usize, outputs: usize) -> Local {
    Local::builder(inputs, outputs).dtype(DType::F64).seed(1).build().unwrap()
}

fn input(shape: &[usize]) -> Tensor {
    Key::from_seed(8).stream().normal(shape, DType::F64)
}

/// A container with two children that share nothing with it but `forward`.
#[derive(Debug, Module)]
#[module(crate = tfn_module)]
struct Residual {
    inner: Sequential,
    last: Shared,
}

impl Residual {
    fn new() -> Self {
        let last = Shared::builder(3, 3).dtype(DType::F64).seed(2).build().unwrap();
        Self { inner: Sequential::of(Sequential::of(local(3, 4)).then(local(4, 3))), last }
    }
}

impl Layer for Residual {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let y = (x + pass.call("inner", &self.inner, x)?).check()?;
        pass.call("last", &self.last, &y)
    }
}

#[test]
fn a_container_of_ones_own_has_its_childrens_losses_and_keys() {
    let net = Residual::new();
    check_layer(&net, &input(&[4, 3])).unwrap();
    let before = net.losses().unwrap_err();
    assert!(matches!(before.root(), LayerError::NotCalled { method: "losses", .. }), "{before}");
    net.call(&input(&[4, 3])).unwrap();
    let parts = net.inner.losses().unwrap() + net.last.losses().unwrap();
    let (sum, whole) = (parts.item().unwrap(), net.losses().unwrap().item().unwrap());
    assert!((sum - whole).abs() < 1e-12 * sum.abs(), "{sum} {whole}");
    // The output was made with the weights that the layer speaks of.
    let key = Key::from_seed(3);
    let y = net.call_at(&input(&[1, 3]), &key).unwrap();
    let x = input(&[1, 3]);
    let value = net.last.weights().value_at(&key.child("last")).unwrap();
    let hidden = (&x
        + Sequential::forward(&net.inner, &x, &Pass::new(&net, &key).child("inner", Input::One))
            .unwrap())
    .check()
    .unwrap();
    let expected = (hidden.matmul(&value[0]) + &value[1]).to_vec::<f64>().unwrap();
    assert_eq!(y.to_vec::<f64>().unwrap(), expected);
}

#[test]
fn losses_can_be_asked_for_at_any_depth() {
    let inner = Arc::new(Sequential::of(local(3, 3)).named("inner").unwrap());
    let outer = Sequential::of(Sequential::of(inner.clone())).then(local(3, 1));
    outer.call(&input(&[2, 3])).unwrap();
    assert!(inner.losses().unwrap().item().unwrap() > 0.0);
    let first = inner.losses().unwrap().item().unwrap();
    inner.call(&input(&[2, 3])).unwrap();
    assert_ne!(inner.losses().unwrap().item().unwrap(), first);
}

#[test]
fn a_layer_called_twice_has_one_draw_of_its_weights_and_two_of_its_noise() {
    let layer = Arc::new(local(3, 3));
    let twice = Sequential::from_layers([layer.clone() as Arc<dyn Layer>, layer.clone()]).unwrap();
    let (x, key) = (Tensor::zeros(&[1, 3], DType::F64), Key::from_seed(1));
    let pass = Pass::new(&twice, &key);
    let noise =
        |label: &str| pass.child(label, Input::One).normal("output", &x).unwrap().to_vec::<f64>();
    assert_ne!(noise("layers/0").unwrap(), noise("layers/1").unwrap());
    let once = pass.weights_key(layer.weights()).unwrap();
    assert_eq!(once, key.child("layers/0"));
    let loss = layer.weights().losses_at(&once).unwrap().item().unwrap();
    assert_eq!(twice.losses_at(&key).unwrap().item().unwrap(), loss);
}

/// A container that hides its child from the walk.
#[derive(Debug)]
struct Hiding(Local);

impl Module for Hiding {
    fn properties<'a>(&'a self, _: &mut Properties<'a>) {}
}

impl DeepCopy for Hiding {
    fn deep_copy_with(&self, copies: &mut tfn_module::Copies) -> Self {
        Self(self.0.deep_copy_with(copies))
    }
}

impl Layer for Hiding {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        pass.call("hidden", &self.0, x)
    }
}

#[test]
fn weights_whose_divergence_would_be_lost_are_an_error() {
    let shared = Shared::builder(3, 2).dtype(DType::F64).build().unwrap();
    let net = Residual { inner: Sequential::of(local(3, 3)), last: shared };
    // Weights of one net in a pass over another.
    let other = Residual::new();
    let error = other.forward(&input(&[2, 3]), &Pass::new(&net, &Key::from_seed(1))).unwrap_err();
    assert!(matches!(error.root(), LayerError::Untracked { .. }), "{error}");
    // The local estimator takes no draw of its weights, but its divergence would be lost as well.
    let hiding = Hiding(local(3, 2));
    let error = hiding.call(&input(&[2, 3])).unwrap_err();
    assert!(matches!(error.root(), LayerError::Untracked { .. }), "{error}");
}

#[test]
fn errors_say_where() {
    let net = Sequential::of(local(3, 3)).then(local(3, 3)).then(local(4, 3)).named("net").unwrap();
    let error = net.call(&input(&[2, 3])).unwrap_err().to_string();
    let expected = "net/layers/2/AffineVariationalReparameterizationLocal: argument `x` has shape [2, 3], \
                    expected [.., batch, 4]";
    assert_eq!(error, expected);
}

#[test]
fn what_draws_share_is_computed_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = {
        let calls = calls.clone();
        Lambda::new("counted", move |x| {
            calls.fetch_add(1, Ordering::Relaxed);
            x * 2.0
        })
        .unwrap()
    };
    let trunk = Affine::builder(3, 3).dtype(DType::F64).seed(1).build().unwrap();
    let net = Sequential::of(Sequential::of(trunk).then(counted)).then(local(3, 2));
    let x = input(&[4, 3]);
    let prepared = net.prepare(&x);
    let keys: Vec<Key> = (0..6).map(Key::from_seed).collect();
    let drawn = [prepared(&keys[..2]).unwrap(), prepared(&keys[2..]).unwrap()];
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let drawn: Vec<f64> = drawn.iter().flat_map(|d| d.to_vec::<f64>().unwrap()).collect();
    let each: Vec<f64> =
        keys.iter().flat_map(|k| net.call_at(&x, k).unwrap().to_vec::<f64>().unwrap()).collect();
    assert_eq!(drawn, each);
    assert!(matches!(prepared(&[]).unwrap_err().root(), LayerError::NoDraws));
}

#[test]
fn a_function_sees_one_draw_at_a_time() {
    let shapes = Arc::new(Mutex::new(Vec::new()));
    let seen = shapes.clone();
    let look = Lambda::new("look", move |x| {
        seen.lock().unwrap().push(x.shape().unwrap().to_vec());
        x.log_softmax(1)
    });
    let layer = Local::builder(3, 3).dtype(DType::F64).seed(1).activation_fn(|x| x.log_softmax(1));
    let net = Sequential::of(layer.build().unwrap()).then(look.unwrap()).then(local(3, 2));
    let x = input(&[4, 3]);
    let keys: Vec<Key> = (0..3).map(Key::from_seed).collect();
    let all = net.prepare(&x)(&keys).unwrap().to_vec::<f64>().unwrap();
    assert!(shapes.lock().unwrap().iter().all(|shape| *shape == [4, 3]));
    let each: Vec<f64> =
        keys.iter().flat_map(|k| net.call_at(&x, k).unwrap().to_vec::<f64>().unwrap()).collect();
    assert!(all.iter().zip(&each).all(|(a, b)| (a - b).abs() < 1e-12), "{all:?} {each:?}");
}

#[test]
fn training_reaches_every_layer() {
    #[derive(Debug, Module)]
    #[module(crate = tfn_module)]
    struct IsTraining;

    impl Layer for IsTraining {
        fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
            Ok((x * f64::from(u8::from(pass.is_training()))).check()?)
        }
    }

    let net = Sequential::of(Sequential::of(IsTraining));
    let one = Tensor::scalar(1.0);
    assert_eq!(net.call(&one).unwrap().item().unwrap(), 0.0);
    let pass = Pass::new(&net, &Key::from_seed(1)).training(true);
    assert_eq!(net.forward(&one, &pass).unwrap().item().unwrap(), 1.0);
}
