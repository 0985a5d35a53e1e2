use tfn_layers::{AffineVariationalReparameterizationLocal as Local, Sequential, likelihoods};

use tfn_layers::util::{KernelBiasSpec, make_kernel_bias_posterior_mvn_diag_with_scale};

use super::*;
use crate::error::TrainError;

fn logits_of(p: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_vec(p.iter().map(|p| p.ln() + 3.0).collect(), shape)
}

#[test]
fn two_draws_by_hand() {
    let draws = [vec![0.5, 0.25, 0.25, 0.9, 0.1, 0.0], vec![0.1, 0.8, 0.1, 0.9, 0.1, 0.0]];
    let mut calls = 0;
    let prediction = MonteCarlo::new(2).unwrap().classify_logits(&Key::from_seed(0), |_| {
        calls += 1;
        Ok(logits_of(&draws[calls - 1], &[2, 3]))
    });
    let prediction = prediction.unwrap();
    let h = |p: &[f64]| -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-14;
    let probs = prediction.probs.to_f64_vec().unwrap();
    let mean = [0.3, 0.525, 0.175, 0.9, 0.1, 0.0];
    assert!(probs.iter().zip(mean).all(|(a, b)| close(*a, b)), "{probs:?}");
    assert!(close(prediction.entropy[0], h(&mean[..3])));
    let expected = (h(&draws[0][..3]) + h(&draws[1][..3])) / 2.0;
    assert!(close(prediction.expected_entropy[0], expected));
    assert!(close(prediction.mutual_information[0], h(&mean[..3]) - expected));
    // The draws agree on the second row: what is uncertain there is in the data.
    assert!(close(prediction.entropy[1], h(&[0.9, 0.1])));
    assert!(prediction.mutual_information[1] < 1e-14);
    assert!(prediction.mutual_information[1] >= 0.0);
}

#[test]
fn each_draw_has_its_key_and_the_same_key_gives_the_same_prediction() {
    let noisy = |key: &Key| Ok(key.stream().normal(&[5, 4], DType::F32));
    let run = |samples, seed| {
        let monte_carlo = MonteCarlo::new(samples).unwrap();
        monte_carlo.classify_logits(&Key::from_seed(seed), noisy).unwrap()
    };
    let (a, b, c) = (run(8, 1), run(8, 1), run(8, 2));
    assert_eq!(a.entropy, b.entropy);
    assert_ne!(a.entropy, c.entropy);
    assert!(a.mutual_information.iter().all(|&mi| mi > 1e-3));
    assert!(run(1, 1).mutual_information.iter().all(|&mi| mi < 1e-14));
}

#[test]
fn parts_join_in_order() {
    let one = |p: &[f64]| {
        let draw = |_: &Key| Ok(logits_of(p, &[p.len() / 2, 2]));
        MonteCarlo::new(3).unwrap().classify_logits(&Key::from_seed(0), draw).unwrap()
    };
    let all = one(&[0.5, 0.5, 0.75, 0.25, 0.875, 0.125]);
    let parts = [one(&[0.5, 0.5]), one(&[0.75, 0.25, 0.875, 0.125])];
    let joined = Prediction::concat(&parts).unwrap();
    assert_eq!(joined.entropy, all.entropy);
    assert_eq!(joined.probs.to_f64_vec().unwrap(), all.probs.to_f64_vec().unwrap());
    assert_eq!((joined.len(), joined.is_empty()), (3, false));
    assert!(Prediction::concat(&[]).is_err());
    let labels = Tensor::from_vec(vec![0.0, 0.0, 1.0], &[3]);
    assert_eq!(joined.scores(&labels).unwrap().correct(), [true, true, false]);
}

#[test]
fn extreme_logits_stay_exact() {
    let logits = |_: &Key| Ok(Tensor::from_vec(vec![1e4, -1e4, f64::NEG_INFINITY], &[1, 3]));
    let monte_carlo = MonteCarlo::new(2).unwrap();
    let prediction = monte_carlo.classify_logits(&Key::from_seed(0), logits).unwrap();
    assert_eq!(prediction.probs.to_f64_vec().unwrap(), [1.0, 0.0, 0.0]);
    assert_eq!((prediction.entropy[0], prediction.expected_entropy[0]), (0.0, 0.0));
}

#[test]
fn bad_logits_are_refused() {
    let monte_carlo = MonteCarlo::new(2).unwrap();
    let run =
        |tensor: Tensor| monte_carlo.classify_logits(&Key::from_seed(0), |_| Ok(tensor.clone()));
    let error = run(Tensor::zeros(&[3], DType::F64)).unwrap_err().to_string();
    assert!(error.contains("`logits` has shape [3], expected [n, classes]"), "{error}");
    let error = run(Tensor::from_vec(vec![0.0, 0.0, 1.0, f64::NAN], &[2, 2])).unwrap_err();
    assert!(matches!(error, TrainError::Entry { row: 1, .. }), "{error}");
    let mut rows = 0;
    let growing = monte_carlo.classify_logits(&Key::from_seed(0), |_| {
        rows += 1;
        Ok(Tensor::zeros(&[rows, 2], DType::F64))
    });
    let error = growing.unwrap_err().to_string();
    assert!(error.contains("has shape [2, 2], expected [1, 2] as at the first draw"), "{error}");
    assert!(MonteCarlo::new(0).is_err());
    assert!(run(Tensor::zeros(&[0, 4], DType::F64)).unwrap().is_empty());
}

fn classifier() -> Model {
    let wide = |spec: &KernelBiasSpec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.5);
    let layer = Local::builder(3, 4).make_posterior_fn(wide).seed(2).build().unwrap();
    Sequential::of(layer).with_likelihood(likelihoods::Categorical::new())
}

#[test]
fn a_model_is_asked_batch_by_batch() {
    let model = classifier();
    let x = Key::from_seed(4).stream().normal(&[7, 3], DType::F32);
    let (monte_carlo, key) = (MonteCarlo::new(3).unwrap(), Key::from_seed(9));
    let by_five = monte_carlo.batch_size(5).unwrap();
    let got = by_five.classify(&model, &x, &key).unwrap();
    let part = |batch: u64, start, len| {
        let x = x.narrow(0, start, len);
        let call = |key: &Key| Ok(model.net().call_at(&x, key)?);
        monte_carlo.classify_logits(&key.index(batch), call).unwrap()
    };
    let parts = [part(0, 0, 5), part(1, 5, 2)];
    let expected = Prediction::concat(&parts).unwrap();
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(close(&got.entropy, &expected.entropy), "{got:?} {expected:?}");
    assert_eq!(got.len(), 7);
    // What is kept of the draws says the same as sums that are not kept.
    let kept = by_five.predict(&model, &x, &key).unwrap().classes().unwrap();
    assert_eq!(kept.entropy, got.entropy);
    // A head that is a function is called for each draw.
    let head = likelihoods::from_fn((), |(), y| tfn_distributions::Categorical::from_logits(y));
    let closure = Model::new(model.net().clone(), head);
    let by_closure = by_five.classify(&closure, &x, &key).unwrap();
    assert!(close(&by_closure.mutual_information, &got.mutual_information));
    assert!(monte_carlo.batch_size(0).unwrap_err().to_string().contains("`batch_size` is 0"));
    let error = monte_carlo.classify(&model, &x.narrow(0, 0, 0), &key).unwrap_err().to_string();
    assert!(error.contains("`features` has shape [0, 3]"), "{error}");
    let refused = monte_carlo.classify(&model, &x.narrow(1, 0, 2), &key);
    assert!(matches!(refused, Err(TrainError::Layer(_))));
}

#[test]
fn a_row_without_numbers_is_named() {
    let model = classifier();
    let mut values = vec![0.5_f32; 21];
    values[13] = f32::NAN;
    let x = Tensor::from_vec(values, &[7, 3]);
    let monte_carlo = MonteCarlo::new(3).unwrap().batch_size(3).unwrap();
    for error in [
        monte_carlo.classify(&model, &x, &Key::from_seed(1)).map(drop).unwrap_err(),
        monte_carlo.predict(&model, &x, &Key::from_seed(1)).map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, TrainError::Entry { row: 4, .. }), "{error}");
    }
}

#[test]
fn classes_of_a_model_of_numbers_are_refused() {
    let layer = Local::builder(3, 1).seed(2).build().unwrap();
    let model = Sequential::of(layer).with_likelihood(likelihoods::Normal::new().unwrap());
    let x = Tensor::ones(&[2, 3], DType::F32);
    let error = MonteCarlo::new(2).unwrap().classify(&model, &x, &Key::from_seed(1)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("classify: the model's head gives a Normal"), "{text}");
}

#[test]
fn draws_end_when_the_error_is_small() {
    let model = classifier();
    let x = Key::from_seed(4).stream().normal(&[20, 3], DType::F32);
    let most = MonteCarlo::new(4000).unwrap();
    let used = |standard_error: f64| {
        let monte_carlo = most.until(standard_error).unwrap();
        monte_carlo.predict(&model, &x, &Key::from_seed(3)).unwrap().draws()
    };
    let (rough, fine) = (used(0.03), used(0.01));
    // The error falls with the root of the number of draws.
    assert!(rough >= 16 && fine < 4000 && fine > 6 * rough, "{rough} {fine}");
    let monte_carlo = most.until(0.01).unwrap();
    let runs: Vec<Vec<f64>> = (0..20)
        .map(|seed| {
            let prediction = monte_carlo.classify(&model, &x, &Key::from_seed(seed)).unwrap();
            prediction.probs.to_f64_vec().unwrap()
        })
        .collect();
    let largest = (0..80)
        .map(|entry| {
            let values: Vec<f64> = runs.iter().map(|run| run[entry]).collect();
            let mean = values.iter().sum::<f64>() / 20.0;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 19.0).sqrt()
        })
        .fold(0.0, f64::max);
    // Twenty runs know a deviation to 16 %; the largest of 80 lies above most.
    assert!(largest < 0.01 * 1.6, "{largest}");
    assert!(most.until(0.0).is_err() && most.until(f64::NAN).is_err());
}

#[test]
fn the_bits_are_the_same_on_any_number_of_threads() {
    let hidden = Local::builder(3, 40).activation_fn(Tensor::relu).seed(1).build().unwrap();
    let net = Sequential::of(hidden).then(Local::builder(40, 4).seed(2).build().unwrap());
    let model = net.with_likelihood(likelihoods::Categorical::new());
    let numbers = Model::new(model.net().clone(), likelihoods::Normal::new().unwrap());
    let x = Key::from_seed(4).stream().normal(&[33, 3], DType::F32);
    let (monte_carlo, key) =
        (MonteCarlo::new(70).unwrap().batch_size(15).unwrap(), Key::from_seed(9));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let classes = monte_carlo.classify(&model, &x, &key).unwrap();
            let stopped = monte_carlo.until(0.02).unwrap().classify(&model, &x, &key).unwrap();
            let predictive = monte_carlo.predict(&numbers, &x, &key).unwrap();
            let targets = Tensor::zeros(&[33, 4], DType::F64);
            let exact = Predictive::closed_form(&numbers, &x);
            [
                classes.probs.to_f64_vec().unwrap(),
                classes.mutual_information,
                stopped.probs.to_f64_vec().unwrap(),
                predictive.quantile(0.3).unwrap().to_f64_vec().unwrap(),
                predictive.log_prob(&targets).unwrap().to_f64_vec().unwrap(),
                predictive.sample(5, &key).unwrap().to_f64_vec().unwrap(),
                exact.unwrap().quantile(0.3).unwrap().to_f64_vec().unwrap(),
            ]
            .map(|values| values.into_iter().map(f64::to_bits).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    for threads in [2, 5] {
        assert_eq!(run(threads), one, "{threads}");
    }
}

#[test]
fn features_of_a_wrong_shape_are_named_as_they_were_given() {
    let head = likelihoods::Categorical::new();
    let net = Sequential::of(Local::builder(4, 5).seed(1).build().unwrap());
    let model = net.then(Local::builder(5, 3).seed(2).build().unwrap()).with_likelihood(head);
    let key = Key::from_seed(1);
    for shape in [&[7][..], &[7, 9], &[7, 2, 9]] {
        let x = Tensor::zeros(shape, DType::F32);
        let monte_carlo = MonteCarlo::new(3).unwrap().batch_size(2).unwrap();
        for error in [
            monte_carlo.predict(&model, &x, &key).unwrap_err().to_string(),
            monte_carlo.classify(&model, &x, &key).unwrap_err().to_string(),
        ] {
            assert!(error.contains(&format!("has shape {shape:?}")), "{error}");
        }
    }
}
