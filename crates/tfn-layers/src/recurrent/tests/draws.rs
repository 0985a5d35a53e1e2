//! What is drawn once for a sequence, and what at each step.

use tfn_distributions::{Independent, JointDistributionSequential, Normal};
use tfn_module::describe::Describe;
use tfn_util::KernelBiasSpec;

use super::*;
use crate::estimator::Estimator;
use crate::{LayerError, losses};

type Bayesian<G, E> = Recurrent<G, Variational<Dense, E>>;

/// Posteriors as wide as their locations, so that what draws share shows.
fn wide<G: Gates, E: Estimator + Default + Describe>(sequences: bool) -> Bayesian<G, E> {
    Bayesian::<G, E>::builder(2, 2)
        .dtype(DType::F64)
        .seed(2)
        .make_posterior_fn(|spec: &KernelBiasSpec| {
            let part = |shape: &[usize], name: &str| -> Result<_, LayerError> {
                let loc = Variable::new("loc", ramp(shape, 0.6, name.len() as f64))?;
                let scale = Variable::new("scale", ramp(shape, 0.05, 2.0).abs() + 0.3)?;
                Ok(Independent::new(Normal::new(loc, scale)?, shape.len())?)
            };
            let mut parts = vec![part(&spec.kernel_shape, "kernel")?.into()];
            if spec.use_bias {
                parts.push(part(&spec.bias_shape, "bias")?.into());
            }
            Ok::<_, LayerError>(JointDistributionSequential::new(parts)?)
        })
        .make_prior_fn(|spec: &KernelBiasSpec| {
            let part = |shape: &[usize]| -> Result<_, LayerError> {
                let of = |value| Tensor::full(shape, value, DType::F64);
                Ok(Independent::new(Normal::new(of(0.0), of(1.0))?, shape.len())?)
            };
            let mut parts = vec![part(&spec.kernel_shape)?.into()];
            if spec.use_bias {
                parts.push(part(&spec.bias_shape)?.into());
            }
            Ok::<_, LayerError>(JointDistributionSequential::new(parts)?)
        })
        .divergence(losses::kl_divergence_exact)
        .return_sequences(sequences)
        .build()
        .unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_vec().unwrap()
}

/// The plain layer with the weights that belong to `key`.
fn plain<G: Gates, E: Estimator + Default + Describe>(
    layer: &Bayesian<G, E>,
    key: &Key,
) -> Recurrent<G, Affine> {
    let plain = Recurrent::<G, Affine>::builder(2, 2).dtype(DType::F64).return_sequences(true);
    let plain = plain.build().unwrap();
    let pass = Pass::new(layer, key);
    let pairs = [
        (layer.cell().input(), plain.cell().input()),
        (layer.cell().recurrent(), plain.cell().recurrent()),
    ];
    for (from, to) in pairs {
        let weights = from.estimated().weights();
        let value = weights.value_at(&pass.weights_key(weights).unwrap()).unwrap();
        to.kernel().assign(&value[0]).unwrap();
        if let Some(bias) = to.bias() {
            bias.assign(&value[1]).unwrap();
        }
    }
    plain
}

fn one_draw_serves_all_steps<G: Gates>() {
    let (x, key) = (normal("x", &[3, 5, 2]), Key::from_seed(4));
    let layer = wide::<G, Reparameterization>(true);
    let y = layer.call_at(&x, &key).unwrap();
    near(&plain(&layer, &key).call(&x).unwrap(), &values(&y));
    // The loss is that of the same draw, and of each set of weights once.
    let losses = layer.losses_at(&key).unwrap().item().unwrap();
    let [a, b] = [layer.cell().input(), layer.cell().recurrent()]
        .map(|map| map.losses_at(&key).unwrap().item().unwrap());
    assert!((losses - (a + b)).abs() < 1e-12 * losses);
    let short = layer.call_at(&x.narrow(1, 0, 1), &key).unwrap();
    near(&y.narrow(1, 0, 1), &values(&short));
}

#[test]
fn one_draw_of_the_weights_serves_all_steps() {
    one_draw_serves_all_steps::<LSTMGates>();
    one_draw_serves_all_steps::<GRUGates>();
}

/// With all that is drawn once drawn once, steps one by one give what the layer does; and a sequence of one input repeated has at each step
/// the same pre-activation of it.
fn steps_one_by_one<G: Gates, E: Estimator + Default + Describe>() {
    let (x, key) = (normal("x", &[3, 4, 2]), Key::from_seed(4));
    let layer = wide::<G, E>(true);
    let pass = Pass::new(&layer, &key);
    let below = pass.child("cell", pass.input());
    let steps = layer.cell().begin(&below).unwrap();
    let mut states = steps.initial_states(&[3], DType::F64);
    let mut outputs = Vec::new();
    for step in 0..4 {
        let x = x.narrow(1, step, 1).squeeze(1);
        states = steps.next(step, &x, &states).unwrap();
        outputs.push(states[0].clone());
    }
    let expected = Tensor::stack(&outputs.iter().collect::<Vec<_>>(), 1);
    near(&layer.call_at(&x, &key).unwrap(), &values(&expected));
    let again = x.narrow(1, 0, 1).broadcast_to(&[3, 4, 2]);
    let of_inputs = steps.of_inputs(&again).unwrap();
    let first = values(&of_inputs.narrow(1, 0, 1));
    for step in 1..4 {
        near(&of_inputs.narrow(1, step, 1), &first);
    }
}

#[test]
fn steps_one_by_one_have_the_layers_draws() {
    steps_one_by_one::<LSTMGates, Reparameterization>();
    steps_one_by_one::<LSTMGates, Flipout>();
    steps_one_by_one::<LSTMGates, PerExample>();
    steps_one_by_one::<LSTMGates, Mean>();
    steps_one_by_one::<GRUGates, Reparameterization>();
    steps_one_by_one::<GRUGates, Flipout>();
    steps_one_by_one::<GRUGates, PerExample>();
    steps_one_by_one::<GRUGates, Mean>();
}

#[test]
fn local_noise_is_new_at_each_step() {
    let layer = wide::<LSTMGates, Local>(true);
    let x = normal("x", &[1, 1, 2]).broadcast_to(&[1, 4, 2]);
    let pass = Pass::new(&layer, &Key::from_seed(4));
    let steps = layer.cell().begin(&pass).unwrap();
    let all = steps.of_inputs(&x).unwrap();
    assert_ne!(values(&all.narrow(1, 0, 1)), values(&all.narrow(1, 1, 1)));
    let states = steps.initial_states(&[1], DType::F64);
    let at =
        |step| values(&steps.after(step, &all.narrow(1, 0, 1).squeeze(1), &states).unwrap()[0]);
    // At a state of zeros the recurrent map of an LSTM has no noise; at another it has.
    assert_eq!(at(0), at(1));
    let states: Vec<Tensor> = states.iter().map(|state| state + 1.0).collect();
    let at =
        |step| values(&steps.after(step, &all.narrow(1, 0, 1).squeeze(1), &states).unwrap()[0]);
    assert_ne!(at(0), at(1));
    assert_eq!(at(2), at(2));
    assert!(pass.drew());
}

fn laws<G: Gates>() {
    let x = normal("x", &[2, 2, 2]);
    check_layer(&wide::<G, Reparameterization>(false), &x).unwrap();
    check_layer(&wide::<G, Flipout>(true), &x).unwrap();
    check_layer(&wide::<G, PerExample>(false), &x).unwrap();
    check_calls(&wide::<G, Mean>(false), &x).unwrap();
    check_calls(&wide::<G, Local>(true), &x).unwrap();
    // Over one step nothing is left out.
    check_layer(&wide::<G, Local>(true), &x.narrow(1, 0, 1)).unwrap();
}

#[test]
fn the_laws_hold_for_an_lstm() {
    laws::<LSTMGates>();
}

#[test]
fn the_laws_hold_for_a_gru() {
    laws::<GRUGates>();
}

#[test]
fn estimators_are_changed_in_place() {
    let layer = wide::<LSTMGates, Local>(false);
    let (x, key) = (normal("x", &[2, 3, 2]), Key::from_seed(6));
    set_estimator(&layer, Reparameterization).unwrap();
    let expected = wide::<LSTMGates, Reparameterization>(false).call_at(&x, &key).unwrap();
    near(&layer.call_at(&x, &key).unwrap(), &values(&expected));
    set_estimator(&layer, Mean).unwrap();
    let [a, b] = [1, 2].map(|seed| values(&layer.call_at(&x, &Key::from_seed(seed)).unwrap()));
    assert_eq!(a, b);
}
