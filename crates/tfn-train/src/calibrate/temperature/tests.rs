use proptest::prelude::*;

use super::*;

fn prediction(probs: &[f64], classes: usize) -> Prediction {
    let rows = probs.len() / classes;
    Prediction {
        probs: Tensor::from_vec(probs.to_vec(), &[rows, classes]),
        entropy: vec![0.0; rows],
        expected_entropy: vec![0.0; rows],
        mutual_information: vec![0.0; rows],
    }
}

fn labels(labels: &[f64]) -> Tensor {
    Tensor::from_vec(labels.to_vec(), &[labels.len()])
}

fn fit(probs: &[f64], classes: usize, of: &[f64]) -> Result<f64> {
    TemperatureScaling::fit(&prediction(probs, classes), &labels(of))
        .map(|fitted| fitted.temperature())
}

/// The mean negative log-likelihood, from the definition: powers, no logarithms of sums.
fn nll(probs: &[f64], classes: usize, of: &[f64], temperature: f64) -> f64 {
    let of_row = |(probs, label): (&[f64], &f64)| {
        let powers: Vec<f64> = probs.iter().map(|p| p.powf(1.0 / temperature)).collect();
        -(powers[*label as usize] / powers.iter().sum::<f64>()).ln()
    };
    probs.chunks(classes).zip(of).map(of_row).sum::<f64>() / of.len() as f64
}

#[test]
fn two_classes_of_one_probability_in_closed_form() {
    // All rows say 0.9; three of four are right: the temperature turns the odds of 9 into 3.
    let probs = [0.9, 0.1].repeat(4);
    let given = fit(&probs, 2, &[0.0, 0.0, 1.0, 0.0]).unwrap();
    let expected = 9.0_f64.ln() / 3.0_f64.ln();
    assert!((given - expected).abs() < 1e-14, "{given} {expected}");
    let scaled = TemperatureScaling::new(given).unwrap().apply(&prediction(&probs, 2)).unwrap();
    assert!(scaled.to_f64_vec().unwrap().chunks(2).all(|p| (p[0] - 0.75).abs() < 1e-15));
    // Too little certainty: odds of 1.5 into 3.
    let given = fit(&[0.6, 0.4].repeat(4), 2, &[0.0, 0.0, 1.0, 0.0]).unwrap();
    assert!((given - 1.5_f64.ln() / 3.0_f64.ln()).abs() < 1e-14);
}

#[test]
fn where_labels_are_as_probable_as_said_it_is_1() {
    // Each outcome as often as its probability, of two kinds of rows.
    let mut probs = Vec::new();
    let mut of = Vec::new();
    for (p, counts) in [([0.5, 0.3, 0.2], [5, 3, 2]), ([0.1, 0.8, 0.1], [1, 8, 1])] {
        for (label, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                probs.extend(p);
                of.push(label as f64);
            }
        }
    }
    assert!((fit(&probs, 3, &of).unwrap() - 1.0).abs() < 1e-14);
    // And of those probabilities to the power of 1/T it is 1/T.
    for temperature in [1e-3, 0.2, 5.0, 1e4] {
        let scaling = TemperatureScaling::new(temperature).unwrap();
        let other = scaling.apply(&prediction(&probs, 3)).unwrap().to_f64_vec().unwrap();
        if other.iter().all(|&p| p > 1e-300) {
            let given = fit(&other, 3, &of).unwrap() * temperature;
            assert!((given - 1.0).abs() < 1e-9, "{temperature} {given}");
        }
    }
}

#[test]
fn rows_that_say_nothing_and_classes_that_cannot_be() {
    // One row, flat; rows with a single possible class.
    assert_eq!(fit(&[0.25; 4], 4, &[2.0]).unwrap(), 1.0);
    assert_eq!(fit(&[1.0, 0.0, 0.0, 1.0], 2, &[0.0, 1.0]).unwrap(), 1.0);
    assert_eq!(fit(&[0.5, 0.5, 0.0], 3, &[1.0]).unwrap(), 1.0);
    // A class of probability 0 stays impossible, and the others are as without it.
    let with = fit(&[0.9, 0.0, 0.1].repeat(4), 3, &[0.0, 0.0, 2.0, 0.0]).unwrap();
    assert!((with - 9.0_f64.ln() / 3.0_f64.ln()).abs() < 1e-14);
    let scaling = TemperatureScaling::new(2.0).unwrap();
    let scaled = scaling.apply(&prediction(&[0.9, 0.0, 0.1, 1.0, 0.0, 0.0], 3)).unwrap();
    let scaled = scaled.to_f64_vec().unwrap();
    assert!((scaled[0] - 0.75).abs() < 1e-15 && scaled[1] == 0.0, "{scaled:?}");
    assert_eq!(scaled[3..], [1.0, 0.0, 0.0]);
    let error = fit(&[0.5, 0.5, 1.0, 0.0], 2, &[0.0, 1.0]).unwrap_err().to_string();
    let expected = "TemperatureScaling: argument `labels` is 1 in row 1, expected a class with a probability above 0";
    assert_eq!(error, expected);
    // Probabilities as small as numbers are.
    let tiny = f64::MIN_POSITIVE;
    let given = fit(&[1.0, tiny].repeat(4), 2, &[0.0, 0.0, 1.0, 0.0]).unwrap();
    assert!((given / (-tiny.ln() / 3.0_f64.ln()) - 1.0).abs() < 1e-14, "{given}");
}

#[test]
fn what_has_no_best_temperature() {
    let message = |probs: &[f64], of: &[f64]| fit(probs, 2, of).unwrap_err().to_string();
    let sure = "TemperatureScaling: the calibration rows are ever more likely as the temperature goes to 0, \
                expected a row whose label is not the most probable class";
    // One row, and one class in the rows.
    assert_eq!(message(&[0.6, 0.4], &[0.0]), sure);
    assert_eq!(message(&[0.6, 0.4, 0.5, 0.5, 0.9, 0.1], &[0.0; 3]), sure);
    let wrong = message(&[0.6, 0.4], &[1.0]);
    assert_eq!(
        wrong,
        "TemperatureScaling: the calibration rows are ever more likely as the temperature goes to inf, \
         expected labels that are more probable than the geometric mean of their rows"
    );
    // As often right as wrong is as bad as no knowledge at all.
    assert_eq!(message(&[0.6, 0.4, 0.6, 0.4], &[0.0, 1.0]), wrong);
    assert!(message(&[0.5, 0.5], &[0.0, 1.0]).contains("rows"));
    assert!(message(&[0.5, 0.5], &[2.0]).contains("`labels` is 2 in row 0"));
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = TemperatureScaling::new(temperature).unwrap_err();
        assert!(matches!(error, TrainError::Value { argument: "temperature", .. }), "{error}");
    }
}

fn probs_and_labels() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let row = (proptest::collection::vec(-8.0..8.0_f64, 3), 0..3_usize);
    proptest::collection::vec(row, 1..30).prop_map(|rows| {
        let probs = rows.iter().flat_map(|(logits, _)| {
            let total: f64 = logits.iter().map(|z| z.exp()).sum();
            logits.iter().map(move |z| z.exp() / total).collect::<Vec<_>>()
        });
        (probs.collect(), rows.iter().map(|(_, label)| *label as f64).collect())
    })
}

proptest! {
    #[test]
    fn the_temperature_is_the_least_of_a_grid_and_flat_there((probs, of) in probs_and_labels()) {
        match fit(&probs, 3, &of) {
            Ok(temperature) => {
                let at = |log: f64| nll(&probs, 3, &of, log.exp());
                let best = at(temperature.ln());
                prop_assert!(best <= at(0.0) + 1e-14);
                for i in -600..600 {
                    prop_assert!(best <= at(f64::from(i) * 0.01) + 1e-13);
                }
                let slope = (at(temperature.ln() + 1e-5) - at(temperature.ln() - 1e-5)) / 2e-5;
                prop_assert!(slope.abs() < 1e-6, "{}", slope);
            }
            // Then the grid falls up to its end.
            Err(TrainError::NoMaximum { limit, .. }) => {
                let end = if limit == 0.0 { -3.0 } else { 9.0_f64 };
                let at = |log: f64| nll(&probs, 3, &of, log.exp());
                prop_assert!((-300..900).all(|i| at(end) <= at(f64::from(i) * 0.01) + 1e-13));
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn the_order_of_classes_stays((probs, _) in probs_and_labels(), log in -2.0..2.0_f64) {
        let scaling = TemperatureScaling::new(log.exp()).unwrap();
        let scaled = scaling.apply(&prediction(&probs, 3)).unwrap().to_f64_vec().unwrap();
        for (before, after) in probs.chunks(3).zip(scaled.chunks(3)) {
            prop_assert!((after.iter().sum::<f64>() - 1.0).abs() < 1e-14);
            for (a, b) in [(0, 1), (1, 2), (0, 2)] {
                // Equal after rounding, at most.
                prop_assert!(before[a] < before[b] || after[a] >= after[b]);
                prop_assert!(before[a] > before[b] || after[a] <= after[b]);
            }
        }
    }
}
