//! Recurrent layers: values and gradients of Keras, laws, and what all steps share.

mod draws;
mod refusals;

use std::sync::Arc;

use tfn_module::describe::{FileReader, FileWriter, Registry};
use tfn_module::{Module, Variable, deep_copy};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::initializers;

use super::*;
use crate::contract::{Layer, Pass};
use crate::estimator::{Flipout, Local, Mean, PerExample, Reparameterization, set_estimator};
use crate::kernel_bias::Affine;
use crate::linear::Dense;
use crate::testing::{check_calls, check_layer};
use crate::variational::Variational;
use crate::{Sequential, describe};

/// The values that `tests/reference/recurrent.py` has written.
mod keras {
    include!("../../tests/reference/recurrent.rs");
}

const STEPS: usize = 4;

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

fn sequences() -> Tensor {
    ramp(&[2, STEPS, 2], 1.5, 0.0)
}

fn mask() -> Tensor {
    Tensor::from_vec(vec![1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], &[2, STEPS])
}

fn normal(label: &str, shape: &[usize]) -> Tensor {
    Key::from_seed(8).child(label).stream().normal(shape, DType::F64)
}

/// The weights as in the script. A GRU's two biases are the rows of Keras' one.
fn assign<G: Gates>(cell: &Cell<G, Affine>, phase: f64) {
    let (input, recurrent) = (cell.input(), cell.recurrent());
    let set = |variable: &Variable, value: &Tensor| variable.assign(value).unwrap();
    set(input.kernel(), &ramp(input.kernel().shape(), 0.8, phase));
    set(recurrent.kernel(), &ramp(recurrent.kernel().shape(), 0.7, phase + 1.0));
    let biases: Vec<&Variable> = [input.bias(), recurrent.bias()].into_iter().flatten().collect();
    let whole = ramp(&[biases.len(), biases[0].shape()[0]], 0.5, phase + 2.0);
    for (row, bias) in biases.into_iter().enumerate() {
        set(bias, &whole.narrow(0, row, 1).squeeze(0));
    }
}

fn near(given: &Tensor, expected: &[f64]) {
    let given = given.to_vec::<f64>().unwrap();
    assert_eq!(given.len(), expected.len());
    for (i, (given, expected)) in given.iter().zip(expected).enumerate() {
        // Sums of some ten terms in another order.
        assert!(
            (given - expected).abs() < 1e-13 * expected.abs().max(1.0),
            "{i}: {given} {expected}"
        );
    }
}

/// Output and gradient by the input are those given.
fn agrees(call: impl Fn(&Tensor) -> crate::Result<Tensor>, (y, dx): (&[f64], &[f64])) {
    let x = Variable::new("x", sequences()).unwrap();
    let given = call(&x.tensor()).unwrap();
    near(&given, y);
    let total = (&given * ramp(given.shape().unwrap(), 1.0, 4.0)).sum();
    near(&total.gradients().unwrap().of(&x), dx);
}

macro_rules! keras_values {
    ($test:ident, $Layer:ident, $($name:ident $dx:ident),*) => {
        #[test]
        fn $test() {
            let key = Key::from_seed(1);
            let builder = || $Layer::builder(2, 3).dtype(DType::F64);
            let made = |sequences, backwards| {
                let layer = builder().return_sequences(sequences).go_backwards(backwards).build();
                let layer = layer.unwrap();
                assign(layer.cell(), 0.0);
                layer
            };
            let both = |sequences| {
                let layer = builder().return_sequences(sequences).build_bidirectional().unwrap();
                assign(layer.forward_layer().cell(), 0.0);
                assign(layer.backward_layer().cell(), 0.6);
                layer
            };
            let other = builder()
                .activation(Tensor::softplus)
                .recurrent_activation(Tensor::tanh)
                .return_sequences(true)
                .build()
                .unwrap();
            assign(other.cell(), 0.0);
            let layers: [(Box<dyn Fn(&Tensor) -> crate::Result<Tensor>>, (&[f64], &[f64])); 11] = {
                let plain = |sequences, backwards| -> Box<dyn Fn(&Tensor) -> crate::Result<Tensor>> {
                    let layer = made(sequences, backwards);
                    let key = key.clone();
                    Box::new(move |x| layer.call_at(x, &key))
                };
                let masked = |sequences, backwards| -> Box<dyn Fn(&Tensor) -> crate::Result<Tensor>> {
                    let layer = made(sequences, backwards);
                    let key = key.clone();
                    Box::new(move |x| layer.call_masked_at(x, &mask(), &key))
                };
                let two = |sequences, is_masked| -> Box<dyn Fn(&Tensor) -> crate::Result<Tensor>> {
                    let layer = both(sequences);
                    let key = key.clone();
                    Box::new(move |x| match is_masked {
                        true => layer.call_masked_at(x, &mask(), &key),
                        false => layer.call_at(x, &key),
                    })
                };
                let key = key.clone();
                let calls = [
                    plain(false, false),
                    plain(true, false),
                    plain(true, true),
                    masked(false, false),
                    masked(true, false),
                    masked(true, true),
                    Box::new(move |x: &Tensor| other.call_at(x, &key)),
                    two(false, false),
                    two(false, true),
                    two(true, false),
                    two(true, true),
                ];
                let expected: [(&[f64], &[f64]); 11] = [$((&keras::$name, &keras::$dx)),*];
                let mut expected = expected.into_iter();
                calls.map(|call| (call, expected.next().unwrap()))
            };
            for (call, expected) in layers {
                agrees(call, expected);
            }
        }
    };
}

keras_values!(
    lstm_has_keras_values_and_gradients, LSTM,
    LSTM LSTM_DX, LSTM_SEQUENCES LSTM_SEQUENCES_DX, LSTM_BACKWARDS LSTM_BACKWARDS_DX,
    LSTM_MASKED LSTM_MASKED_DX, LSTM_MASKED_SEQUENCES LSTM_MASKED_SEQUENCES_DX,
    LSTM_MASKED_BACKWARDS LSTM_MASKED_BACKWARDS_DX, LSTM_ACTIVATIONS LSTM_ACTIVATIONS_DX,
    LSTM_BIDIRECTIONAL LSTM_BIDIRECTIONAL_DX,
    LSTM_BIDIRECTIONAL_MASKED LSTM_BIDIRECTIONAL_MASKED_DX,
    LSTM_BIDIRECTIONAL_SEQUENCES LSTM_BIDIRECTIONAL_SEQUENCES_DX,
    LSTM_BIDIRECTIONAL_MASKED_SEQUENCES LSTM_BIDIRECTIONAL_MASKED_SEQUENCES_DX
);
keras_values!(
    gru_has_keras_values_and_gradients, GRU,
    GRU GRU_DX, GRU_SEQUENCES GRU_SEQUENCES_DX, GRU_BACKWARDS GRU_BACKWARDS_DX,
    GRU_MASKED GRU_MASKED_DX, GRU_MASKED_SEQUENCES GRU_MASKED_SEQUENCES_DX,
    GRU_MASKED_BACKWARDS GRU_MASKED_BACKWARDS_DX, GRU_ACTIVATIONS GRU_ACTIVATIONS_DX,
    GRU_BIDIRECTIONAL GRU_BIDIRECTIONAL_DX,
    GRU_BIDIRECTIONAL_MASKED GRU_BIDIRECTIONAL_MASKED_DX,
    GRU_BIDIRECTIONAL_SEQUENCES GRU_BIDIRECTIONAL_SEQUENCES_DX,
    GRU_BIDIRECTIONAL_MASKED_SEQUENCES GRU_BIDIRECTIONAL_MASKED_SEQUENCES_DX
);

#[test]
fn weights_begin_as_keras_do() {
    let layer = LSTM::builder(2, 3).seed(1).dtype(DType::F64).build().unwrap();
    let bias = layer.cell().input().bias().unwrap().value().to_vec::<f64>().unwrap();
    assert_eq!(bias, [[0.0; 3], [1.0; 3], [0.0; 3], [0.0; 3]].concat());
    let kernel = layer.cell().recurrent().kernel().value();
    let product = kernel.matmul(&kernel.permute(&[1, 0])).to_vec::<f64>().unwrap();
    for (at, given) in product.into_iter().enumerate() {
        assert!((given - if at % 4 == 0 { 1.0 } else { 0.0 }).abs() < 1e-13);
    }
    assert!(layer.cell().recurrent().bias().is_none());
    let names: Vec<_> = layer.variables().iter().map(|v| v.name().to_owned()).collect();
    assert_eq!(names, ["bias", "kernel", "recurrent_kernel"]);
    let layer = LSTM::builder(2, 3)
        .unit_forget_bias(false)
        .bias_initializer(initializers::constant(0.5))
        .build()
        .unwrap();
    assert_eq!(layer.cell().input().bias().unwrap().value().to_vec::<f32>().unwrap(), [0.5; 12]);
    assert!(LSTM::builder(2, 3).use_bias(false).build().unwrap().cell().input().bias().is_none());
    let gru = GRU::new(2, 3).unwrap();
    assert_eq!(gru.cell().recurrent().bias().unwrap().shape(), [9]);
    let both = GRU::builder(2, 3).seed(1).build_bidirectional().unwrap();
    let [a, b] = [both.forward_layer(), both.backward_layer()]
        .map(|layer| layer.cell().input().kernel().value().to_vec::<f32>().unwrap());
    assert_ne!(a, b);
    let bayesian = LSTMVariationalFlipout::builder(2, 3).build().unwrap();
    assert_eq!(bayesian.name(), "LSTMVariationalFlipout");
    let posterior = bayesian.cell().input().estimated().weights().posteriors().bias.unwrap();
    let loc = posterior.mean().unwrap().to_vec::<f32>().unwrap();
    assert_eq!(loc, [[0.0; 3], [1.0; 3], [0.0; 3], [0.0; 3]].concat());
}

#[test]
fn steps_that_are_not_read_do_not_matter() {
    let layer = LSTM::builder(2, 3).dtype(DType::F64).seed(1).mask_value(-9.0).build().unwrap();
    let (x, key) = (sequences(), Key::from_seed(1));
    let hole = |with: f64| {
        let mask = mask().expand_dims(-1);
        Tensor::select(&mask, &x, &Tensor::scalar(with))
    };
    let expected = layer.call_masked_at(&x, &mask(), &key).unwrap().to_vec::<f64>().unwrap();
    near(&layer.call_at(&hole(-9.0), &key).unwrap(), &expected);
    let x = Variable::new("x", hole(f64::NAN)).unwrap();
    let y = layer.call_masked_at(&x.tensor(), &mask(), &key).unwrap();
    near(&y, &expected);
    let gradients = y.sum().gradients().unwrap();
    for variable in layer.trainable_variables().iter().chain([&x]) {
        assert!(gradients.of(variable).to_vec::<f64>().unwrap().iter().all(|g| g.is_finite()));
    }
    // Both masks: the value's and the call's.
    let first = Tensor::from_vec([[1.0, 1.0, 1.0, 0.0]; 2].concat(), &[2, STEPS]);
    let both = layer.call_masked_at(&hole(-9.0), &first, &key).unwrap();
    let product = layer.call_masked_at(&sequences(), &(first * mask()), &key).unwrap();
    near(&both, &product.to_vec::<f64>().unwrap());
}

fn law_holds<G: Gates>()
where
    Recurrent<G, Affine>: Layer,
{
    let x = normal("x", &[2, 3, 2]);
    let arguments = || Recurrent::<G, Affine>::builder(2, 2).dtype(DType::F64).seed(3);
    check_layer(&arguments().build().unwrap(), &x).unwrap();
    check_layer(&arguments().return_sequences(true).go_backwards(true).build().unwrap(), &x)
        .unwrap();
    for mode in [MergeMode::Concat, MergeMode::Sum, MergeMode::Mul, MergeMode::Ave] {
        let both = arguments().return_sequences(true).merge_mode(mode).build_bidirectional();
        check_layer(&both.unwrap(), &x).unwrap();
    }
    let deep = normal("deep", &[2, 1, 3, 2]);
    check_layer(&arguments().build().unwrap(), &deep).unwrap();
    check_layer(&arguments().mask_value(0.0).build().unwrap(), &deep).unwrap();
    // A function that is not known to act entry by entry.
    check_layer(&arguments().activation(|x| x.softmax(-1)).build().unwrap(), &x).unwrap();
}

#[test]
fn the_laws_hold_without_uncertainty() {
    law_holds::<LSTMGates>();
    law_holds::<GRUGates>();
}

#[test]
fn copies_and_files_keep_everything() {
    let mut registry = Registry::new();
    describe::register(&mut registry);
    let x = normal("x", &[2, 3, 2]);
    let flipout = LSTMVariationalFlipout::builder(2, 2).dtype(DType::F64).seed(1);
    let local = GRUVariationalReparameterizationLocal::builder(2, 2).dtype(DType::F64).seed(1);
    let layers: Vec<Arc<dyn Layer>> = vec![
        Arc::new(LSTM::builder(2, 2).dtype(DType::F64).mask_value(0.5).build().unwrap()),
        Arc::new(GRU::builder(2, 2).dtype(DType::F64).activation(Tensor::sin).build().unwrap()),
        Arc::new(flipout.return_sequences(true).go_backwards(true).name("one").build().unwrap()),
        Arc::new(local.merge_mode(MergeMode::Ave).build_bidirectional().unwrap()),
    ];
    for layer in layers {
        let bytes = FileWriter::new(&registry).add("net", &layer).unwrap().to_bytes().unwrap();
        let same: Arc<dyn Layer> =
            FileReader::from_bytes(&bytes, &registry).unwrap().take("net").unwrap();
        let net = Sequential::of(layer.clone());
        let copy = deep_copy(&net).unwrap();
        assert_eq!(same.name(), layer.name());
        let key = Key::from_seed(5);
        let of = |layer: &dyn Layer| {
            let y = layer.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap();
            (y, layer.losses_at(&key).unwrap().item().unwrap())
        };
        assert_eq!(of(same.as_ref()), of(layer.as_ref()));
        let expected = of(&net);
        assert_eq!(of(&copy), expected);
        for variable in layer.trainable_variables() {
            variable.assign(&(variable.value() + 0.5)).unwrap();
        }
        assert_eq!(of(&copy), expected);
        assert_ne!(of(&net), expected);
    }
}
