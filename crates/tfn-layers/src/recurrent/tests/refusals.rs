//! What recurrent layers refuse, and empty batches.

use super::*;
use crate::LayerError;

fn given_and_expected(error: &LayerError) -> (String, String) {
    match error.root() {
        LayerError::Input { given, expected } => (format!("{given:?}"), expected.clone()),
        LayerError::Argument { argument, given, expected, .. } => {
            (format!("{argument} {given}"), expected.clone())
        }
        other => (other.to_string(), String::new()),
    }
}

#[test]
fn sizes_of_zero_are_refused() {
    for (inputs, units, name) in [(0, 2, "input_size"), (2, 0, "units")] {
        let errors = [
            LSTM::new(inputs, units).unwrap_err(),
            GRUVariationalFlipout::new(inputs, units).unwrap_err(),
            GRUCell::new(inputs, units).unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(&error, LayerError::Size { argument, given: 0, .. } if *argument == name),
                "{error}"
            );
        }
    }
    assert!(LSTM::new(1, usize::MAX / 2).is_err());
    assert!(LSTM::builder(1, 1).name("1a").build().is_err());
}

#[test]
fn inputs_of_other_shapes_are_refused() {
    let layers: Vec<Box<dyn Layer>> = vec![
        Box::new(LSTM::builder(2, 3).name("first").build().unwrap()),
        Box::new(
            GRUVariationalReparameterizationLocal::builder(2, 3).name("first").build().unwrap(),
        ),
        Box::new(LSTMVariationalFlipout::builder(2, 3).name("first").build().unwrap()),
        Box::new(GRUVariationalReparameterization::builder(2, 3).name("first").build().unwrap()),
    ];
    for layer in &layers {
        for shape in [&[4, 0, 2][..], &[4, 5, 3], &[5, 2], &[2], &[], &[0, 0, 2]] {
            let error = layer.call(&Tensor::ones(shape, DType::F32)).unwrap_err();
            let (given, expected) = given_and_expected(&error);
            assert_eq!(given, format!("{shape:?}"));
            assert_eq!(expected, "[.., batch, steps, 2] with at least 1 step");
            assert!(error.to_string().starts_with("first: argument `x`"), "{error}");
        }
        assert!(layer.call(&Tensor::ones(&[4, 5, 2], DType::F64)).is_err());
        let empty = layer.call(&Tensor::ones(&[0, 5, 2], DType::F32)).unwrap();
        assert_eq!(empty.shape().unwrap(), [0, 3]);
    }
}

#[test]
fn masks_of_other_shapes_or_entries_are_refused() {
    let layer = LSTM::builder(2, 3).build().unwrap();
    let both = LSTM::builder(2, 3).build_bidirectional().unwrap();
    let x = Tensor::ones(&[4, 5, 2], DType::F32);
    let wrong: [&[usize]; 5] = [&[5, 4], &[4, 5, 2], &[5], &[], &[1, 5]];
    for shape in wrong {
        let mask = Tensor::ones(shape, DType::F32);
        for error in
            [layer.call_masked(&x, &mask).unwrap_err(), both.call_masked(&x, &mask).unwrap_err()]
        {
            let (given, expected) = given_and_expected(&error);
            assert_eq!(given, format!("mask of shape {shape:?}"));
            assert_eq!(expected, "shape [4, 5]");
        }
    }
    for entry in [0.5, f64::NAN, -1.0] {
        let error = layer.call_masked(&x, &Tensor::full(&[4, 5], entry, DType::F32)).unwrap_err();
        assert_eq!(given_and_expected(&error), (format!("mask {entry}"), "entries 0 and 1".into()));
    }
    let mask = Tensor::ones(&[4, 5], DType::F64);
    assert!(layer.call_masked(&x, &mask).is_ok());
    assert!(layer.call_masked(&Tensor::ones(&[2, 4, 5, 2], DType::F32), &mask).is_ok());
}

#[test]
fn states_of_other_shapes_are_refused() {
    let cell = LSTMCell::builder(2, 3).dtype(DType::F64).build_cell().unwrap();
    let pass = Pass::new(&cell, &Key::from_seed(1));
    let steps = cell.begin(&pass).unwrap();
    let x = Tensor::ones(&[4, 2], DType::F64);
    let good = steps.initial_states(&[4], DType::F64);
    assert_eq!(steps.next(0, &x, &good).unwrap()[1].shape().unwrap(), [4, 3]);
    for states in [&good[..1], &[], &steps.initial_states(&[3], DType::F64)] {
        let (given, expected) = given_and_expected(&steps.next(0, &x, states).unwrap_err());
        assert!(given.starts_with("states of shapes ["), "{given}");
        assert_eq!(expected, "2 of shape [4, 3]");
    }
    let other = LSTMVariationalFlipout::new(2, 3).unwrap();
    let error = other.cell().begin(&pass).unwrap_err();
    assert!(matches!(error, LayerError::Untracked { .. }), "{error}");
    assert!(steps.next(0, &Tensor::ones(&[4, 3], DType::F64), &good).is_err());
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let made = |sequences: bool, backwards: bool, inputs| {
        let builder = GRU::builder(inputs, 3).return_sequences(sequences);
        builder.go_backwards(backwards).build().unwrap()
    };
    for (forward, backward, argument) in [
        (made(true, false, 2), made(true, false, 2), "go_backwards"),
        (made(true, false, 2), made(false, true, 2), "return_sequences"),
        (made(true, false, 2), made(true, true, 4), "input_size"),
    ] {
        let (given, _) = given_and_expected(&Bidirectional::of(forward, backward).unwrap_err());
        assert!(given.starts_with(argument), "{given}");
    }
    let wider = GRU::builder(2, 4).go_backwards(true).build().unwrap();
    let both = Bidirectional::of(made(false, false, 2), wider).unwrap();
    let x = Tensor::ones(&[1, 2, 2], DType::F32);
    assert_eq!(both.call(&x).unwrap().shape().unwrap(), [1, 7]);
    let error = both.merge_mode(MergeMode::Sum).call(&x).unwrap_err();
    assert!(given_and_expected(&error).0.starts_with("merge_mode Sum"), "{error}");
}

#[test]
fn gates_refuse_states_of_another_number() {
    let by = LSTM::new(1, 2).unwrap().cell().activations().clone();
    let z = |blocks: usize| Tensor::zeros(&[1, 2 * blocks], DType::F32);
    let state = [Tensor::zeros(&[1, 2], DType::F32)];
    let error = LSTMGates::next(&z(4), &z(4), &state, &by).unwrap_err();
    assert_eq!(given_and_expected(&error), ("states 1 tensors".into(), "2, at least 1".into()));
    assert!(GRUGates::next(&z(3), &z(3), &[], &by).is_err());
    assert_eq!(GRUGates::next(&z(3), &z(3), &state, &by).unwrap().len(), 1);
}
