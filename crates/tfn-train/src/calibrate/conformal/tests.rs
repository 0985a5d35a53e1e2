use tfn_layers::{Affine, Model, Sequential, likelihoods};
use tfn_tensor::Key;

use super::*;
use crate::MonteCarlo;
use crate::metrics::coverage_and_width;

/// A model whose mean is a fixed function of x and whose deviation depends on x, wrong as may be.
fn model() -> Model {
    let net = Affine::builder(1, 2).dtype(DType::F64).seed(3).activation_fn(Tensor::tanh);
    Sequential::of(net.build().unwrap()).with_likelihood(likelihoods::HeteroscedasticNormal::new())
}

fn predict(x: &Tensor) -> Predictive {
    MonteCarlo::new(1).unwrap().predict(&model(), x, &Key::from_seed(1)).unwrap()
}

#[test]
fn the_coverage_is_at_least_the_level_in_finite_samples() {
    const RUNS: u64 = 400;
    const NEW: usize = 50;
    for (rows, level) in [(19, 0.9), (9, 0.5), (60, 0.95), (33, 0.8)] {
        let mut covered = 0.0;
        for run in 0..RUNS {
            let mut stream = Key::from_seed(run).child("data").stream();
            let x = stream.normal(&[rows + NEW, 1], DType::F64);
            // Nothing that the model could know, with heavy tails.
            let y = (stream.normal(&[rows + NEW, 1], DType::F64) * x.exp() * 3.0 + 5.0).detach();
            let part = |start, len| (predict(&x.narrow(0, start, len)), y.narrow(0, start, len));
            let (calibration, targets) = part(0, rows);
            let conformal = ConformalIntervals::fit(&calibration, &targets).unwrap();
            let (new, targets) = part(rows, NEW);
            let [low, high] = conformal.interval(&new, level).unwrap();
            covered += coverage_and_width(&targets, &low, &high).unwrap()[0];
        }
        let coverage = covered / RUNS as f64;
        // The coverage of one calibration has a Beta distribution (Vovk 2012); new rows add their own variance.
        let variance = level * (1.0 - level) * (1.0 / (rows + 2) as f64 + 1.0 / NEW as f64);
        let error = 5.0 * (variance / RUNS as f64).sqrt();
        let most = level + 1.0 / (rows + 1) as f64;
        assert!(coverage >= level - error, "{rows} rows: {coverage} below {level}");
        assert!(coverage <= most + error, "{rows} rows: {coverage} above {most}");
    }
}

#[test]
fn sets_of_classes_hold_the_label_as_often_as_asked() {
    const RUNS: u64 = 400;
    for (rows, level) in [(19, 0.9), (40, 0.6)] {
        let mut held = 0;
        let mut sizes = 0;
        for run in 0..RUNS {
            let mut stream = Key::from_seed(run).child("classes").stream();
            let logits = stream.normal(&[rows + 20, 4], DType::F64) * 2.0;
            // Labels by other logits than the model's.
            let noise = stream.uniform_open(&[rows + 20, 4], DType::F64);
            let labels = (&logits * 0.3 - (-noise.ln()).ln()).argmax(-1);
            let prediction = MonteCarlo::new(1)
                .unwrap()
                .classify_logits(&Key::from_seed(0), |_| Ok(logits.clone()))
                .unwrap();
            let part = |start, len| Prediction {
                probs: prediction.probs.narrow(0, start, len),
                entropy: prediction.entropy[start..start + len].to_vec(),
                expected_entropy: prediction.expected_entropy[start..start + len].to_vec(),
                mutual_information: prediction.mutual_information[start..start + len].to_vec(),
            };
            let conformal = ConformalClasses::fit(&part(0, rows), &labels.narrow(0, 0, rows));
            let sets = conformal.unwrap().sets(&part(rows, 20), level).unwrap();
            let labels = labels.to_vec::<f64>().unwrap();
            held += sets
                .iter()
                .zip(&labels[rows..])
                .filter(|(s, l)| s.contains(&(**l as usize)))
                .count();
            sizes += sets.iter().map(Vec::len).sum::<usize>();
        }
        let count = RUNS as f64 * 20.0;
        let share = held as f64 / count;
        let variance = level * (1.0 - level) * (1.0 / (rows + 2) as f64 + 1.0 / 20.0);
        assert!(share >= level - 5.0 * (variance / RUNS as f64).sqrt(), "{rows}: {share}");
        assert!((sizes as f64) < 3.9 * count, "not simply all classes");
    }
}

#[test]
fn ranks_by_hand() {
    let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    assert_eq!(threshold(&scores, 0.9), 9.0);
    assert_eq!(threshold(&scores, 0.91), f64::INFINITY);
    assert_eq!(threshold(&scores, 0.5), 5.0);
    assert_eq!(threshold(&scores, 1e-12), 1.0);
    assert_eq!(threshold(&[], 0.5), f64::INFINITY);
    // The classes as likely as the label count too.
    assert_eq!(mass_down_to(&[0.5, 0.25, 0.25], 1), 1.0);
    assert_eq!(mass_down_to(&[0.5, 0.25, 0.25], 0), 0.5);
}

#[test]
fn too_few_rows_give_infinite_intervals_and_bad_input_is_named() {
    let x = Key::from_seed(2).stream().normal(&[4, 1], DType::F64);
    let predictive = predict(&x);
    let conformal = ConformalIntervals::fit(&predictive, &Tensor::zeros(&[4], DType::F64)).unwrap();
    assert_eq!((conformal.len(), conformal.is_empty()), (4, false));
    let [low, high] = conformal.interval(&predictive, 0.9).unwrap();
    assert_eq!(low.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 4]);
    assert_eq!(high.to_vec::<f64>().unwrap(), [f64::INFINITY; 4]);
    assert!(conformal.widths(1.0).is_err() && conformal.widths(0.0).is_err());
    let nan = Tensor::from_vec(vec![0.0, 0.0, f64::NAN, 0.0], &[4]);
    let error = ConformalIntervals::fit(&predictive, &nan).unwrap_err();
    assert!(matches!(error, TrainError::Entry { row: 2, .. }), "{error}");
    assert!(ConformalIntervals::fit(&predictive, &Tensor::zeros(&[3], DType::F64)).is_err());
}

#[test]
fn calibrations_come_back_from_a_file() {
    use tfn_module::describe::{FileReader, FileWriter};
    let registry = crate::describe::registry();
    let intervals = ConformalIntervals {
        scores: vec![vec![0.1, 0.2, f64::INFINITY], vec![0.0, 1.0 / 3.0, 7.0]],
    };
    let classes = ConformalClasses { scores: vec![0.3, 0.9], classes: 4 };
    let file = FileWriter::new(&registry).add("intervals", &intervals).unwrap();
    let bytes = file.add("classes", &classes).unwrap().to_bytes().unwrap();
    let mut file = FileReader::from_bytes(&bytes, &registry).unwrap();
    let same: ConformalIntervals = file.take("intervals").unwrap();
    assert_eq!(same.scores, intervals.scores);
    let same: ConformalClasses = file.take("classes").unwrap();
    assert_eq!((same.scores, same.classes), (vec![0.3, 0.9], 4));
    let wrong = [
        ConformalIntervals { scores: vec![vec![0.2, 0.1]] },
        ConformalIntervals { scores: vec![vec![f64::NAN]] },
        ConformalIntervals { scores: vec![vec![0.1], vec![0.1, 0.2]] },
    ];
    for wrong in wrong {
        let bytes = FileWriter::new(&registry).add("intervals", &wrong).unwrap().to_bytes();
        assert!(FileReader::from_bytes(&bytes.unwrap(), &registry).is_err(), "{wrong:?}");
    }
}

#[test]
fn parts_together_are_the_whole() {
    let mut stream = Key::from_seed(5).stream();
    let x = stream.normal(&[60, 1], DType::F64);
    let y = stream.normal(&[60, 1], DType::F64);
    let fit = |start, len| {
        let (x, y) = (x.narrow(0, start, len), y.narrow(0, start, len));
        ConformalIntervals::fit(&predict(&x), &y).unwrap()
    };
    let (whole, parts) = (fit(0, 60), [fit(35, 25), fit(0, 20), fit(20, 15)]);
    assert_eq!(ConformalIntervals::merge(&parts).unwrap().scores, whole.scores);
    let error = ConformalIntervals::merge(&[]).unwrap_err().to_string();
    assert!(error.contains("ConformalIntervals::merge: argument `parts`"), "{error}");

    let logits = stream.normal(&[60, 3], DType::F64);
    let labels = stream.normal(&[60, 3], DType::F64).argmax(-1);
    let fit = |start, len| {
        let logits = logits.narrow(0, start, len);
        let monte_carlo = MonteCarlo::new(1).unwrap();
        let prediction = monte_carlo.classify_logits(&Key::from_seed(0), |_| Ok(logits.clone()));
        ConformalClasses::fit(&prediction.unwrap(), &labels.narrow(0, start, len)).unwrap()
    };
    let merged = ConformalClasses::merge(&[fit(40, 20), fit(0, 40)]).unwrap();
    assert_eq!((merged.scores, merged.classes), (fit(0, 60).scores, 3));
    let other = ConformalClasses { scores: vec![0.5], classes: 2 };
    assert!(ConformalClasses::merge([&fit(0, 10), &other]).is_err());
    assert!(ConformalClasses::merge(&[]).is_err());
}
