use tfn_distributions as families;
use tfn_distributions::{IntoDistribution, Support};
use tfn_layers::likelihoods::{self, HeteroscedasticNormal};
use tfn_tensor::DType;

use super::*;
use crate::error::TrainError;

const DRAWS: usize = 12;
const ROWS: usize = 5;

fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    Key::from_seed(seed).stream().normal(shape, DType::F64)
}

/// The predictive distribution of draws along the first axis, in two batches.
fn predictive(of: &dyn Fn(&Tensor) -> Arc<dyn Distribution>, outputs: &Tensor) -> Predictive {
    let batch = |start, rows| {
        let part = outputs.narrow(1, start, rows);
        Batch { rows, groups: vec![Group::together(of(&part), outputs.shape().unwrap()[0])] }
    };
    let rows = outputs.shape().unwrap()[1];
    let batches = vec![batch(0, rows - 1), batch(rows - 1, 1)];
    Predictive::new(Arc::new(HeteroscedasticNormal::new()), batches).unwrap()
}

/// The same draws one by one, without an axis of their own.
fn one_by_one(of: &dyn Fn(&Tensor) -> Arc<dyn Distribution>, outputs: &Tensor) -> Predictive {
    let shape = outputs.shape().unwrap();
    let draw = |draw| Group::one(of(&outputs.narrow(0, draw, 1).squeeze(0)));
    let batch = Batch { rows: shape[1], groups: (0..shape[0]).map(draw).collect() };
    Predictive::new(Arc::new(HeteroscedasticNormal::new()), vec![batch]).unwrap()
}

type Head = Box<dyn Fn(&Tensor) -> Arc<dyn Distribution>>;

/// Heads over numbers, with outputs `[draws, n, outputs]`.
fn heads() -> Vec<(&'static str, Head, Tensor)> {
    fn head<D: IntoDistribution>(of: impl Fn(&Tensor) -> families::Result<D> + 'static) -> Head {
        Box::new(move |y| of(y).unwrap().into_distribution())
    }
    fn of(likelihood: impl Likelihood) -> Head {
        Box::new(move |y| {
            let pass = tfn_layers::Pass::new(&likelihood, &Key::from_seed(0));
            likelihood.distribution(y, &pass).unwrap()
        })
    }
    let y = |outputs| numbers(3, &[DRAWS, ROWS, outputs]) * 2.0;
    vec![
        ("normal", head(|y| families::Normal::new(y, 0.7)), y(2)),
        ("two scales", of(HeteroscedasticNormal::new()), y(2)),
        ("Student-t", head(|y| families::StudentT::new(3.5, y, 0.2)), y(1)),
        ("Laplace", head(|y| families::Laplace::new(y, 0.01)), y(1)),
        ("log-normal", head(|y| families::LogNormal::new(y, 0.5)), y(1)),
        ("mixture density", of(likelihoods::MixtureDensity::new(3).unwrap()), y(9)),
        ("Poisson", head(|y| families::Poisson::from_log_rate(y)), y(1)),
        ("negative binomial", of(likelihoods::NegativeBinomial::new().unwrap()), y(1)),
        ("Bernoulli", head(|y| families::Bernoulli::from_logits(y)), y(2)),
        (
            "other units",
            of(likelihoods::Affine::new(HeteroscedasticNormal::new(), 30.0, 0.1)),
            y(2),
        ),
    ]
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_vec::<f64>().unwrap()
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) -> bool {
    assert_eq!(a.shape().unwrap(), b.shape().unwrap());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * b.abs().max(1.0);
    values(a).iter().zip(&values(b)).all(near)
}

#[test]
fn quantiles_are_roots_of_the_cdf() {
    for (name, head, outputs) in heads() {
        let mixture = predictive(&head, &outputs);
        let support = head(&outputs).support();
        for p in [0.001, 0.05, 0.5, 0.9, 0.9999] {
            let at = mixture.quantile(p).unwrap();
            assert_eq!(at.shape().unwrap(), mixture.shape());
            let reached = values(&mixture.cdf(&at).unwrap());
            if support == Support::Integers {
                let before = values(&mixture.cdf(&(&at - 1.0)).unwrap());
                let first = reached.iter().zip(before).all(|(at, before)| *at >= p && before < p);
                assert!(first, "{name} {p}");
                continue;
            }
            for (reached, at) in reached.iter().zip(values(&at)) {
                // As near as the numbers beside `at` allow, with a density of at most 50.
                let bound = 1e-14 + 50.0 * f64::EPSILON * at.abs();
                assert!((reached - p).abs() <= bound, "{name}: cdf({at}) is {reached}, not {p}");
            }
        }
        let [low, high] = mixture.interval(0.8).unwrap();
        assert_eq!(values(&low), values(&mixture.quantile(0.5 - 0.4).unwrap()), "{name}");
        assert_eq!(values(&high), values(&mixture.quantile(0.5 + 0.4).unwrap()), "{name}");
    }
}

#[test]
fn samples_have_the_mixture_s_quantiles_and_moments() {
    const SAMPLES: usize = 20_000;
    for (name, head, outputs) in heads() {
        let mixture = predictive(&head, &outputs);
        let samples = mixture.sample(SAMPLES, &Key::from_seed(7)).unwrap();
        assert_eq!(samples.shape().unwrap(), [&[SAMPLES], mixture.shape()].concat());
        let again = mixture.sample(SAMPLES, &Key::from_seed(7)).unwrap();
        assert_eq!(values(&samples), values(&again));
        for p in [0.1, 0.5, 0.9] {
            let at = mixture.quantile(p).unwrap();
            let mass = values(&mixture.cdf(&at).unwrap());
            let below = values(&samples.le(&at).mean_axes(&[0], false));
            // Five standard errors of a share.
            let error = 5.0 * (0.25 / SAMPLES as f64).sqrt();
            for (share, mass) in below.iter().zip(mass) {
                assert!((share - mass).abs() < error, "{name} {p}: {share} {mass}");
            }
        }
        let (mean, variance) = (mixture.mean().unwrap(), mixture.variance().unwrap());
        let deviation = (&variance.total / SAMPLES as f64).sqrt();
        let off = (samples.mean_axes(&[0], false) - &mean).abs() / deviation;
        // Of heavy tails the mean of samples is not normal: 8 instead of 5.
        assert!(values(&off).iter().all(|off| *off < 8.0), "{name} {off:?}");
        assert!(
            close(&variance.total, &(&variance.aleatoric + &variance.epistemic), 1e-13),
            "{name}"
        );
    }
}

#[test]
fn draws_together_and_one_by_one_are_the_same() {
    for (name, head, outputs) in heads() {
        let (together, each) = (predictive(&head, &outputs), one_by_one(&head, &outputs));
        assert_eq!((together.draws(), each.draws(), each.len()), (DRAWS, DRAWS, ROWS));
        assert!(close(&together.mean().unwrap(), &each.mean().unwrap(), 1e-13), "{name}");
        let (a, b) = (together.variance().unwrap(), each.variance().unwrap());
        assert!(close(&a.epistemic, &b.epistemic, 1e-12), "{name}");
        assert!(close(&a.aleatoric, &b.aleatoric, 1e-12), "{name}");
        let median = each.quantile(0.5).unwrap();
        assert!(close(&together.quantile(0.5).unwrap(), &median, 1e-12), "{name}");
        assert!(close(&together.cdf(&median).unwrap(), &each.cdf(&median).unwrap(), 1e-13));
        let is_whole = head(&outputs).support() == Support::Integers;
        let targets = median.abs() + if is_whole { 0.0 } else { 0.1 };
        let (a, b) = (together.log_prob(&targets).unwrap(), each.log_prob(&targets).unwrap());
        assert_eq!(a.shape().unwrap(), [ROWS]);
        assert!(close(&a, &b, 1e-12), "{name}");
    }
}

#[test]
fn moments_by_hand() {
    // Two draws: N(1, 0.5²) and N(3, 0.5²), far from 0, where a difference of squares would be lost.
    let outputs = Tensor::from_vec(vec![1e8 + 1.0, 1e8 + 1.0, 1e8 + 3.0, 1e8 + 3.0], &[2, 2, 1]);
    let mixture = predictive(&|y| families::Normal::new(y, 0.5).unwrap().into(), &outputs);
    let variance = mixture.variance().unwrap();
    assert_eq!(values(&mixture.mean().unwrap()), [1e8 + 2.0; 2]);
    assert_eq!(values(&variance.epistemic), [1.0; 2]);
    assert_eq!(values(&variance.aleatoric), [0.25; 2]);
    assert_eq!(values(&mixture.stddev().unwrap()), [1.25_f64.sqrt(); 2]);
}

#[test]
fn log_densities_to_many_digits() {
    // Three draws of one row each for four targets; 25 digits by mpmath 1.3.
    let locs = [0.5, -40.0, 1e3].map(|loc| Tensor::full(&[4, 1], loc, DType::F64));
    let outputs = Tensor::stack(&locs.iter().collect::<Vec<_>>(), 0);
    let mixture = predictive(&|y| families::Normal::new(y, 0.25).unwrap().into(), &outputs);
    let given =
        mixture.log_prob(&Tensor::from_vec(vec![0.75, -40.5, 2000.0, 500.0], &[4])).unwrap();
    let expected = [
        -1.131_256_460_752_891_8,
        -2.631_256_460_752_892,
        -8_000_000.631_256_461,
        -1_996_002.631_256_461,
    ];
    for (given, expected) in values(&given).iter().zip(expected) {
        assert!(
            (given - expected).abs() <= 4.0 * f64::EPSILON * f64::abs(expected).max(1.0),
            "{given} {expected}"
        );
    }
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let outputs = numbers(5, &[3, 4, 2]);
    let mixture = predictive(&|y| families::Normal::new(y, 1.0).unwrap().into(), &outputs);
    for p in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(mixture.quantile(p), Err(TrainError::Value { argument: "p", .. })));
        assert!(matches!(mixture.interval(p), Err(TrainError::Value { argument: "level", .. })));
    }
    let error = mixture.log_prob(&numbers(1, &[4])).unwrap_err().to_string();
    assert!(error.contains("has shape [4], expected [4, 2]"), "{error}");
    assert!(mixture.cdf(&numbers(1, &[4, 1])).is_err());
    assert!(matches!(mixture.classes(), Err(TrainError::NotClasses { family: "Normal", .. })));
    let rows =
        predictive(&|y| families::OneHotCategorical::from_logits(y).unwrap().into(), &outputs);
    assert!(
        rows.quantile(0.5).unwrap_err().to_string().contains("OneHotCategorical has no quantile")
    );
    assert_eq!(rows.classes().unwrap().probs.shape().unwrap(), [4, 2]);
    let labels = predictive(&|y| families::Bernoulli::from_logits(y).unwrap().into(), &outputs);
    assert_eq!(labels.classes().unwrap().probs.shape().unwrap(), [4, 2, 2]);
}

#[test]
fn scaled_about_the_mean_all_answers_are_of_one_distribution() {
    for (name, head, outputs) in heads() {
        let before = predictive(&head, &outputs);
        if head(&outputs).support() != Support::Continuous {
            let error = before.scaled(2.0).unwrap_err().to_string();
            assert!(error.contains("scaled (its outcomes are not real)"), "{name}: {error}");
            continue;
        }
        let columns = before.shape()[1] as f64;
        for factor in [0.4, 3.0] {
            let after = before.scaled(factor).unwrap();
            let mean = before.mean().unwrap();
            assert!(close(&after.mean().unwrap(), &mean, 0.0));
            let (wide, narrow) = (after.variance().unwrap(), before.variance().unwrap());
            assert!(close(&wide.total, &(&narrow.total * factor * factor), 1e-14), "{name}");
            assert!(close(&wide.total, &(&wide.aleatoric + &wide.epistemic), 1e-13), "{name}");
            for p in [0.01, 0.3, 0.5, 0.95] {
                let at = after.quantile(p).unwrap();
                let reached = values(&after.cdf(&at).unwrap());
                assert!(reached.iter().all(|reached| (reached - p).abs() < 1e-11), "{name} {p}");
                let apart = (before.quantile(p).unwrap() - &mean) * factor;
                assert!(close(&(at - &mean), &apart, 1e-12), "{name}");
            }
            // The density is the derivative of the cdf, where a row has one target.
            if columns == 1.0 {
                let at = after.quantile(0.4).unwrap();
                let step = &wide.total.sqrt() * 1e-5;
                let [up, down] = [&at + &step, &at - &step].map(|y| after.cdf(&y).unwrap());
                let slope = ((up - down) / (step * 2.0)).squeeze(1);
                let density = after.log_prob(&at).unwrap().exp();
                let ratio = values(&(slope / density));
                assert!(ratio.iter().all(|ratio| (ratio - 1.0).abs() < 1e-4), "{name} {ratio:?}");
            }
            let samples = after.sample(4000, &Key::from_seed(7)).unwrap();
            let at = after.quantile(0.8).unwrap();
            let below = values(&samples.le(&at).mean_axes(&[0], false));
            assert!(below.iter().all(|share| (share - 0.8).abs() < 0.04), "{name} {below:?}");
            // One factor after the other.
            let both = after.scaled(1.0 / factor).unwrap();
            let targets = before.quantile(0.7).unwrap();
            let (given, expected) = (both.log_prob(&targets), before.log_prob(&targets));
            assert!(close(&given.unwrap(), &expected.unwrap(), 1e-9), "{name}");
        }
    }
}

#[test]
fn the_density_of_several_targets_is_divided_by_the_factor_of_each() {
    let outputs = numbers(5, &[6, 4, 3]);
    let before = predictive(&|y| families::Normal::new(y, 0.5).unwrap().into(), &outputs);
    let y = numbers(6, &[4, 3]);
    let mean = before.mean().unwrap();
    let given = before.scaled(2.5).unwrap().log_prob(&y).unwrap();
    let inner = &mean + (&y - &mean) / 2.5;
    let expected = before.log_prob(&inner).unwrap() - 3.0 * 2.5_f64.ln();
    assert!(close(&given, &expected, 1e-13));
}

#[test]
fn the_crps_of_a_scaled_mixture_is_the_integral_over_its_cdf() {
    let outputs = numbers(5, &[3, 2, 1]) * 2.0;
    let before = predictive(&|y| families::Normal::new(y, 0.6).unwrap().into(), &outputs);
    for factor in [0.5, 1.0, 2.0] {
        let after = before.scaled(factor).unwrap();
        let targets = Tensor::from_vec(vec![0.3, -1.0], &[2, 1]);
        let given = after.crps(&targets).unwrap();
        // ∫ (F(x) − [x ≥ y])² dx by the midpoint rule.
        let (mut sums, step) = ([0.0; 2], 5e-3);
        for i in -3000..3000 {
            let x = (f64::from(i) + 0.5) * step;
            let cdf = values(&after.cdf(&Tensor::full(&[2, 1], x, DType::F64)).unwrap());
            for (row, target) in [0.3, -1.0].into_iter().enumerate() {
                sums[row] += step * (cdf[row] - f64::from(x >= target)).powi(2);
            }
        }
        for (given, expected) in given.iter().zip(sums) {
            assert!((given - expected).abs() < 1e-6, "{factor}: {given} {expected}");
        }
    }
}

#[test]
fn factors_that_are_none() {
    let outputs = numbers(5, &[3, 4, 1]);
    let mixture = predictive(&|y| families::Normal::new(y, 1.0).unwrap().into(), &outputs);
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = mixture.scaled(factor).unwrap_err();
        assert!(matches!(error, TrainError::Value { argument: "factor", .. }), "{error}");
    }
    assert!(mixture.scaled(1e200).unwrap().scaled(1e200).is_err());
}
