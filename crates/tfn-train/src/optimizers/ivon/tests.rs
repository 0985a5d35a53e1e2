use std::slice::from_ref;

use proptest::prelude::*;
use tfn_tensor::{DType, Key, Tensor};

use super::*;
use crate::error::StateError;

fn variable(name: &str, values: &[f64], dtype: DType) -> Variable {
    Variable::new(name, Tensor::from_f64(values, &[values.len()], dtype)).unwrap()
}

fn values(variable: &Variable) -> Vec<f64> {
    variable.value().to_f64_vec().unwrap()
}

/// A loss with curvature that differs from weight to weight, `Σ a (w − b)² / 2 + w⁴ / 40`.
fn loss(w: &Variable) -> Tensor {
    let count = w.shape()[0];
    let ramp = |start: f64| (0..count).map(|i| start + i as f64).collect::<Vec<f64>>();
    let (a, b) = (ramp(0.5), ramp(-1.0));
    let tensor = |v: &[f64]| Tensor::from_f64(v, &[count], w.dtype());
    let distance = w.tensor() - tensor(&b);
    (distance.square() * tensor(&a) * 0.5 + w.tensor().square().square() * 0.025).sum()
}

#[test]
fn steps_are_those_of_the_paper() {
    // Algorithm 1 for each weight by itself, in its own order, with h instead of h + δ.
    let (lambda, delta, h0, beta_1, beta_2, rate) = (50.0, 0.02, 0.3, 0.8, 0.95, 0.1);
    let start = [0.4, -1.5, 2.0];
    for dtype in [DType::F64, DType::F32] {
        let w = variable("w", &start, dtype);
        let mut ivon = Ivon::builder(rate, 50, from_ref(&w))
            .beta_1(beta_1)
            .beta_2(beta_2)
            .weight_decay(delta)
            .hess_init(h0)
            .build()
            .unwrap();
        let posterior = ivon.posterior();
        let (mut m, mut h, mut g) = (start, [h0; 3], [0.0; 3]);
        for t in 1..=20 {
            posterior.draw(&Key::from_seed(3).index(t)).unwrap();
            let theta = values(&w);
            let gradients = loss(&w).gradients().unwrap();
            let of_w = gradients.of(&w).to_f64_vec().unwrap();
            for i in 0..3 {
                let variance = 1.0 / (lambda * (h[i] + delta));
                let h_hat = of_w[i] * (theta[i] - m[i]) / variance;
                g[i] = beta_1 * g[i] + (1.0 - beta_1) * of_w[i];
                h[i] = beta_2 * h[i]
                    + (1.0 - beta_2) * h_hat
                    + 0.5 * (1.0 - beta_2).powi(2) * (h[i] - h_hat).powi(2) / (h[i] + delta);
                let unbiased = g[i] / (1.0 - beta_1.powi(t as i32));
                m[i] -= rate * (h0 + delta) * (unbiased + delta * m[i]) / (h[i] + delta);
            }
            ivon.apply_gradients(&gradients, from_ref(&w)).unwrap();
            let stddev = posterior.stddev(&w).unwrap().to_f64_vec().unwrap();
            let tolerance = if dtype == DType::F64 { 1e-12 } else { 2e-3 };
            for i in 0..3 {
                let given = values(&w)[i];
                assert!((given - m[i]).abs() < tolerance * m[i].abs().max(1.0), "{t}: {given}");
                let sigma = 1.0 / (lambda * (h[i] + delta)).sqrt();
                assert!((stddev[i] / sigma - 1.0).abs() < tolerance, "{t}: {stddev:?}");
            }
        }
        assert_eq!((ivon.iterations(), ivon.learning_rate()), (20, rate));
    }
}

#[test]
fn on_a_quadratic_loss_h_is_the_curvature_and_the_mean_that_of_the_posterior() {
    // ½ a (w − b)², so many times; of a normal prior of the precision λδ the posterior is known.
    let (a, b, delta, lambda) = ([0.2, 1.0, 5.0], [1.0, -2.0, 0.5], 0.1, 400.0);
    let w = variable("w", &[0.0; 3], DType::F64);
    let (rho, steps) = (1e-3, 30_000);
    let mut ivon = Ivon::builder(0.02, 400, from_ref(&w))
        .weight_decay(delta)
        .beta_2(1.0 - rho)
        .build()
        .unwrap();
    let posterior = ivon.posterior();
    let tensor = |v: &[f64]| Tensor::from_f64(v, &[3], DType::F64);
    let (mut h, mut mean, mut count) = ([0.0; 3], [0.0; 3], 0.0);
    for step in 0..steps {
        posterior.draw(&Key::from_seed(1).index(step)).unwrap();
        let loss = ((w.tensor() - tensor(&b)).square() * tensor(&a) * 0.5).sum();
        ivon.minimize(&loss, from_ref(&w)).unwrap();
        if step >= steps / 3 {
            count += 1.0;
            let stddev = posterior.stddev(&w).unwrap().to_f64_vec().unwrap();
            for i in 0..3 {
                h[i] += 1.0 / (lambda * stddev[i].powi(2)) - delta;
                mean[i] += values(&w)[i];
            }
        }
    }
    for i in 0..3 {
        let expected = a[i] * b[i] / (a[i] + delta);
        let deviation = 1.0 / (lambda * (a[i] + delta)).sqrt();
        let (h, mean) = (h[i] / count, mean[i] / count);
        assert!((mean - expected).abs() < 0.1 * deviation, "{i}: {mean} {expected}");
        // E ĥ = a. An average over 1/ρ steps of terms whose variance is 2a² and more varies by a few percent, less over all steps;
        // the correction adds about ρ a.
        assert!((h / a[i] - 1.0).abs() < 0.05, "{i}: {h} {}", a[i]);
    }
}

#[test]
fn draws_have_the_distribution_s_moments_and_go_away() {
    let (w, fixed) = (variable("w", &[0.5; 4000], DType::F32), variable("v", &[1.0], DType::F64));
    fixed.set_trainable(false);
    let ivon = Ivon::builder(0.1, 25, &[w.clone(), fixed.clone(), w.clone()])
        .hess_init(3.0)
        .weight_decay(1.0)
        .build()
        .unwrap();
    let posterior = ivon.posterior();
    assert!(!posterior.is_drawn());
    posterior.restore().unwrap();
    posterior.draw(&Key::from_seed(1)).unwrap();
    let first = values(&w);
    // 1/√(25·4)
    let mean = first.iter().sum::<f64>() / 4000.0;
    let variance = first.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / 4000.0;
    assert!((mean - 0.5).abs() < 5.0 * 0.1 / 4000.0_f64.sqrt(), "{mean}");
    assert!((variance / 0.01 - 1.0).abs() < 5.0 * (2.0 / 4000.0_f64).sqrt(), "{variance}");
    assert_eq!(values(&fixed), [1.0]);
    // A second draw does not begin where the first one ended.
    posterior.draw(&Key::from_seed(2)).unwrap();
    assert!(values(&w) != first && posterior.clone().is_drawn());
    posterior.draw(&Key::from_seed(1)).unwrap();
    assert_eq!(values(&w), first);
    assert_eq!(posterior.mean(&w).unwrap().to_f64_vec().unwrap(), [0.5; 4000]);
    posterior.restore().unwrap();
    assert_eq!(values(&w), [0.5; 4000]);
    let other = variable("other", &[1.0], DType::F32);
    assert!(posterior.stddev(&other).is_none() && posterior.mean(&other).is_none());
}

#[test]
fn a_saved_state_goes_on_with_the_same_bits() {
    let make = |w: &Variable| Ivon::builder(0.1, 30, from_ref(w)).beta_2(0.9).build().unwrap();
    let step = |ivon: &mut Ivon, w: &Variable| {
        ivon.posterior().draw(&Key::from_seed(5).index(ivon.iterations())).unwrap();
        ivon.minimize(&loss(w), from_ref(w)).unwrap();
    };
    let whole = variable("w", &[0.3, 2.0], DType::F32);
    let mut ivon = make(&whole);
    (0..5).for_each(|_| step(&mut ivon, &whole));
    let w = variable("w", &[0.3, 2.0], DType::F32);
    let mut first = make(&w);
    (0..3).for_each(|_| step(&mut first, &w));
    let named = [("net/w".to_owned(), w.clone())];
    let state = first.state(&named).unwrap();
    let mut second = make(&w);
    // A draw that is open is no part of what is loaded.
    second.posterior().draw(&Key::from_seed(9)).unwrap();
    second.set_state(&named, &state).unwrap();
    (0..2).for_each(|_| step(&mut second, &w));
    assert_eq!(values(&w), values(&whole));
    assert_eq!(second.iterations(), 5);
    // What does not fit changes nothing.
    let mut wrong = first.state(&named).unwrap();
    wrong.insert("g", "net/w", Tensor::zeros(&[3], DType::F32)).unwrap();
    let error = second.set_state(&named, &wrong).unwrap_err();
    assert!(matches!(error, TrainError::State(StateError::Shape { .. })), "{error}");
    assert_eq!(second.iterations(), 5);
    let stranger = [("v".to_owned(), variable("v", &[0.0], DType::F32))];
    assert!(matches!(second.state(&stranger), Err(TrainError::UnknownVariable { .. })));
}

#[test]
fn what_is_refused() {
    let (w, v) = (variable("w", &[1.0], DType::F64), variable("v", &[1.0], DType::F64));
    let mut ivon = Ivon::new(0.1, 10, from_ref(&w)).unwrap();
    let error = ivon.minimize(&loss(&w), from_ref(&w)).unwrap_err().to_string();
    let expected = "Ivon: the variables hold their means, expected the draw at which the gradients were \
                    taken (`draw` before the loss)";
    assert_eq!(error, expected);
    ivon.posterior().draw(&Key::from_seed(1)).unwrap();
    let drawn = values(&w);
    let both = loss(&w) + loss(&v);
    let error = ivon.minimize(&both, &[w.clone(), v]).unwrap_err().to_string();
    assert_eq!(error, "Ivon: variable `v` is none of the 1 that it was made for");
    assert_eq!((ivon.iterations(), values(&w)), (0, drawn));
    let other = variable("other", &[1.0], DType::F64);
    let error = ivon.minimize(&loss(&other), from_ref(&w)).unwrap_err();
    assert!(matches!(error, TrainError::NoGradients { variables: 1 }));
    let builder = || Ivon::builder(0.1, 10, from_ref(&w));
    let bad = f64::NAN;
    for (built, argument) in [
        (builder().beta_1(1.0).build(), "beta_1"),
        (builder().beta_2(-0.1).build(), "beta_2"),
        (builder().weight_decay(0.0).build(), "weight_decay"),
        (builder().hess_init(bad).build(), "hess_init"),
        (builder().clip_radius(0.0).build(), "clip_radius"),
        (Ivon::new(0.1, 0, from_ref(&w)), "num_examples"),
        (Ivon::new(bad, 1, from_ref(&w)), "learning_rate"),
    ] {
        let error = built.unwrap_err().to_string();
        assert!(error.contains(&format!("`{argument}`")), "{argument}: {error}");
    }
}

#[test]
fn a_variable_without_a_gradient_gets_its_mean_back() {
    let (w, v) = (variable("w", &[1.0], DType::F64), variable("v", &[1.0], DType::F32));
    let mut ivon = Ivon::new(0.1, 10, &[w.clone(), v.clone()]).unwrap();
    ivon.posterior().draw(&Key::from_seed(1)).unwrap();
    assert!(values(&v) != [1.0]);
    ivon.minimize(&loss(&w), &[v.clone(), w.clone(), w.clone()]).unwrap();
    assert_eq!(values(&v), [1.0]);
    assert!(values(&w) != [1.0] && !ivon.posterior().is_drawn());
}

#[test]
fn a_radius_bounds_the_change_of_each_weight() {
    let w = variable("w", &[5.0, 0.0], DType::F64);
    let mut ivon = Ivon::builder(1.0, 10, from_ref(&w))
        .clip_radius(1e-3)
        .weight_decay(0.5)
        .hess_init(0.5)
        .build()
        .unwrap();
    ivon.posterior().draw(&Key::from_seed(1)).unwrap();
    ivon.minimize(&(w.tensor().sum() * 1e6), from_ref(&w)).unwrap();
    assert_eq!(values(&w), [5.0 - 1e-3, -1e-3]);
    ivon.posterior().draw(&Key::from_seed(2)).unwrap();
    let drawn = values(&w);
    let error = ivon.minimize(&(w.tensor().sum() * f64::NAN), from_ref(&w)).unwrap_err();
    assert!(error.to_string().contains("gradient of variable `w` is NaN"), "{error}");
    assert_eq!((values(&w), ivon.iterations()), (drawn, 1));
}

#[test]
fn a_gradient_too_large_to_square_leaves_numbers() {
    let w = variable("w", &[1.0], DType::F32);
    let mut ivon = Ivon::new(0.1, 1000, from_ref(&w)).unwrap();
    for (slope, step) in [1e30, 1.0, -1e38, 1.0, 1.0].into_iter().zip(0..) {
        ivon.posterior().draw(&Key::from_seed(1).index(step)).unwrap();
        ivon.minimize(&(w.tensor().sum() * slope), from_ref(&w)).unwrap();
        let stddev = ivon.posterior().stddev(&w).unwrap().to_f64_vec().unwrap()[0];
        assert!(values(&w)[0].is_finite() && stddev > 0.0 && stddev.is_finite(), "{stddev}");
    }
}

proptest! {
    #[test]
    fn deviations_stay_positive_whatever_the_gradients_are(slopes in proptest::collection::vec(-1e3..1e3_f64, 1..40)) {
        let w = variable("w", &[0.0], DType::F32);
        let mut ivon = Ivon::builder(1e-6, 1000, from_ref(&w)).beta_2(0.5).build().unwrap();
        for (slope, step) in slopes.into_iter().zip(0..) {
            ivon.posterior().draw(&Key::from_seed(1).index(step)).unwrap();
            ivon.minimize(&(w.tensor().sum() * slope), from_ref(&w)).unwrap();
            let stddev = ivon.posterior().stddev(&w).unwrap().to_f64_vec().unwrap()[0];
            prop_assert!(stddev > 0.0 && stddev.is_finite(), "{}", stddev);
        }
    }
}
