use tfn_layers::{Affine, Sequential, likelihoods};
use tfn_tensor::{DType, Key};

use super::*;
use crate::MonteCarlo;
use crate::metrics::coverage_and_width;

fn predict(seed: u64, x: &Tensor) -> Predictive {
    let net = Affine::builder(1, 2).dtype(DType::F64).seed(seed).activation_fn(Tensor::tanh);
    let model = Sequential::of(net.build().unwrap());
    let model = model.with_likelihood(likelihoods::HeteroscedasticNormal::new());
    MonteCarlo::new(1).unwrap().predict(&model, x, &Key::from_seed(1)).unwrap()
}

#[test]
fn the_ends_are_those_of_the_definition() {
    let mut stream = Key::from_seed(2).stream();
    let sizes = [13, 11, 16];
    let folds: Vec<ConformalIntervals> = (0..3)
        .map(|k| {
            let x = stream.normal(&[sizes[k], 1], DType::F64);
            let y = stream.normal(&[sizes[k], 1], DType::F64);
            ConformalIntervals::fit(&predict(k as u64, &x), &y).unwrap()
        })
        .collect();
    let new = stream.normal(&[7, 1], DType::F64);
    let predictives: Vec<Predictive> = (0..3).map(|k| predict(k, &new)).collect();
    let cross = CrossConformalIntervals::new(folds.clone()).unwrap();
    for level in [0.5, 0.8, 0.9, 0.97] {
        let [low, high] = cross.interval(&predictives, level).unwrap();
        let (low, high) = (low.to_f64_vec().unwrap(), high.to_f64_vec().unwrap());
        for row in 0..7 {
            let ends = |sign: f64| {
                let mut ends = Vec::new();
                for (fold, predictive) in folds.iter().zip(&predictives) {
                    let mean = predictive.mean().unwrap().to_f64_vec().unwrap()[row];
                    let stddev = predictive.stddev().unwrap().to_f64_vec().unwrap()[row];
                    ends.extend(fold.scores()[0].iter().map(|q| mean + sign * q * stddev));
                }
                ends.sort_by(f64::total_cmp);
                ends
            };
            let (lower, upper) = (ends(-1.0), ends(1.0));
            let below = (41.0 * (1.0 - level) + 1e-9).floor() as usize;
            let above = (41.0 * level - 1e-9).ceil() as usize;
            assert_eq!(low[row], lower[below - 1], "{level} {row}");
            assert_eq!(high[row], upper[above - 1], "{level} {row}");
        }
    }
    // Forty rows do not bound one in a hundred.
    let [low, high] = cross.interval(&predictives, 0.99).unwrap();
    assert_eq!(low.to_f64_vec().unwrap()[0], f64::NEG_INFINITY);
    assert_eq!(high.to_f64_vec().unwrap()[0], f64::INFINITY);

    let one = CrossConformalIntervals::new(folds[..1].to_vec()).unwrap();
    let same = folds[0].interval(&predictives[0], 0.8).unwrap();
    let [low, high] = one.interval(&predictives[..1], 0.8).unwrap();
    assert_eq!(low.to_f64_vec().unwrap(), same[0].to_f64_vec().unwrap());
    assert_eq!(high.to_f64_vec().unwrap(), same[1].to_f64_vec().unwrap());
    assert!(one.interval(&predictives, 0.8).is_err());
    assert!(CrossConformalIntervals::new(Vec::new()).is_err());
}

#[test]
fn intervals_hold_as_often_as_asked() {
    // Means of the other folds as models: what depends on the rows trained on is all there is.
    const RUNS: u64 = 300;
    let (mut covered, level) = (0.0, 0.8);
    for run in 0..RUNS {
        let mut stream = Key::from_seed(run).child("cv").stream();
        let y = stream.normal(&[30, 1], DType::F64).to_f64_vec().unwrap();
        let zeros = |n: usize| Tensor::zeros(&[n, 1], DType::F64);
        let of_fold = |fold: usize, rows: usize| {
            let others: Vec<f64> =
                y.iter().enumerate().filter(|(i, _)| i % 3 != fold).map(|(_, y)| *y).collect();
            let mean = others.iter().sum::<f64>() / others.len() as f64;
            let net = tfn_layers::Lambda::new("mean", move |x: &Tensor| x + mean).unwrap();
            let noise = likelihoods::Noise::given(Tensor::scalar(1.0));
            let model = Sequential::of(net).with_likelihood(likelihoods::Normal::with_noise(noise));
            MonteCarlo::new(1).unwrap().predict(&model, &zeros(rows), &Key::from_seed(0)).unwrap()
        };
        let folds = (0..3).map(|fold| {
            let own: Vec<f64> = y.iter().copied().skip(fold).step_by(3).collect();
            ConformalIntervals::fit(&of_fold(fold, 10), &Tensor::from_vec(own, &[10, 1])).unwrap()
        });
        let cross = CrossConformalIntervals::new(folds.collect()).unwrap();
        let predictives: Vec<Predictive> = (0..3).map(|fold| of_fold(fold, 40)).collect();
        let [low, high] = cross.interval(&predictives, level).unwrap();
        let new = stream.normal(&[40, 1], DType::F64);
        covered += coverage_and_width(&new, &low, &high).unwrap()[0];
    }
    let coverage = covered / RUNS as f64;
    // 0.16 / 32 from the calibration and 0.16 / 40 from the new rows, in 300 runs: five standard errors are 0.027.
    assert!((coverage - level).abs() < 0.04, "{coverage}");
}

#[test]
fn sets_of_classes_are_those_of_the_definition() {
    let mut stream = Key::from_seed(9).stream();
    let prediction = |logits: Tensor| {
        let monte_carlo = MonteCarlo::new(1).unwrap();
        monte_carlo.classify_logits(&Key::from_seed(0), |_| Ok(logits.clone())).unwrap()
    };
    let mut folds = Vec::new();
    for rows in [17, 22] {
        let logits = stream.normal(&[rows, 4], DType::F64) * 2.0;
        let labels = stream.normal(&[rows, 4], DType::F64).argmax(-1);
        folds.push(ConformalClasses::fit(&prediction(logits), &labels).unwrap());
    }
    let new: Vec<Prediction> =
        (0..2).map(|_| prediction(stream.normal(&[12, 4], DType::F64) * 2.0)).collect();
    let cross = CrossConformalClasses::new(folds.clone()).unwrap();
    for level in [0.3, 0.7, 0.9] {
        let sets = cross.sets(&new, level).unwrap();
        let rank = (40.0 * level - 1e-9_f64).ceil() as usize;
        for (row, set) in sets.iter().enumerate() {
            for class in 0..4 {
                let mut below = 0;
                for (fold, prediction) in folds.iter().zip(&new) {
                    let probs = prediction.probs.to_f64_vec().unwrap();
                    let probs = &probs[4 * row..4 * row + 4];
                    let score: f64 = probs.iter().filter(|&&p| p >= probs[class]).sum();
                    below += fold.scores().iter().filter(|&&other| other < score).count();
                }
                assert_eq!(set.contains(&class), below < rank || set[0] == class, "{row} {class}");
            }
        }
    }
    let one = CrossConformalClasses::new(folds[..1].to_vec()).unwrap();
    assert_eq!(one.sets(&new[..1], 0.7).unwrap(), folds[0].sets(&new[0], 0.7).unwrap());
    assert!(one.sets(&new, 0.7).is_err());
}
