//! The metrics against other libraries.

use tfn_tensor::{DType, Key, Tensor};

use super::*;
use crate::error::Result;

pub(super) fn scores(probs: &[f64], labels: &[f64]) -> Result<Classification> {
    let rows = labels.len();
    let probs = Tensor::from_f64(probs, &[rows, probs.len() / rows], DType::F64);
    Classification::new(&probs, &Tensor::from_vec(labels.to_vec(), &[rows]))
}

/// Printed by tests/metrics/reference.py with numpy 2.4.6, scikit-learn 1.9.1 and uncertainty-calibration 0.1.4; the Brier
/// score, `mce` and `aurc` are there by their definitions, in fractions.
const REFERENCE: &[(&str, f64)] = &[
    ("accuracy", 0.43333333333333335),
    ("nll", 1.5491460203742948),
    ("brier", 0.7531087604710257),
    ("top 1", 0.43333333333333335),
    ("top 2", 0.6666666666666666),
    ("top 3", 0.8),
    ("top 4", 1.0),
    ("ece, 5 of equal width", 0.049583146582200685),
    ("ece, 5 of equal mass", 0.06238178383215967),
    ("classwise, 5 of equal width", 0.09916698206554558),
    ("classwise, 5 of equal mass", 0.10228970560610551),
    ("mce, 5", 0.3446327683615819),
    ("debiased, 5 of equal width", -0.00645952068872169),
    ("debiased, 5 of equal mass", -0.01733836121617299),
    ("ece, 15 of equal width", 0.11694341678525506),
    ("ece, 15 of equal mass", 0.15941338177346182),
    ("classwise, 15 of equal width", 0.1402335730198261),
    ("classwise, 15 of equal mass", 0.16499512539769984),
    ("mce, 15", 0.3446327683615819),
    ("debiased, 15 of equal width", -0.008200761591230435),
    ("debiased, 15 of equal mass", -0.03308524257355383),
    ("auroc", 0.8161764705882353),
    ("average precision", 0.8224204519843467),
    ("average precision of the others", 0.8401379782682303),
    ("fpr at 0.5", 0.2692307692307692),
    ("fpr at 0.8", 0.2692307692307692),
    ("fpr at 0.95", 0.38461538461538464),
    ("aurc", 0.29511495846600155),
    ("excess aurc", 0.08614359371856828),
    ("aurc of the confidence, by rows", 0.5466486810017637),
    ("quantile below 0.5", 3.15625),
    ("quantile above 0.5", 9.34375),
    ("quantile below 0.9", 0.7312499999999998),
    ("quantile above 0.9", 11.768749999999999),
    ("quantile below 0.95", 0.3656250000000003),
    ("quantile above 0.95", 12.134374999999999),
];

const ROWS: u32 = 60;
const CLASSES: u32 = 4;

fn reference(name: &str) -> f64 {
    REFERENCE.iter().find(|of| of.0 == name).unwrap().1
}

fn check(name: &str, given: f64) {
    let expected = reference(name);
    assert!((given - expected).abs() < 1e-13, "{name}: {given}, expected {expected}");
}

/// The rows of tests/metrics/reference.py.
fn weights(row: u32) -> Vec<u32> {
    let row = row % 47;
    let weight = |k| 1 + k + CLASSES * ((row * row * 7 + row * (3 * k + 5) + 11 * k * k) % 23);
    (0..CLASSES).map(weight).collect()
}

fn largest(row: u32) -> u32 {
    (0..CLASSES).max_by_key(|&k| weights(row)[k as usize]).unwrap()
}

fn label(row: u32) -> u32 {
    if row.is_multiple_of(5) { largest(row) } else { (row * 5 + 1) % 7 % CLASSES }
}

fn rows() -> Classification {
    let probs = (0..ROWS).flat_map(|row| {
        let weights = weights(row);
        let sum: u32 = weights.iter().sum();
        weights.into_iter().map(move |weight| f64::from(weight) / f64::from(sum))
    });
    let labels: Vec<f64> = (0..ROWS).map(|row| f64::from(label(row))).collect();
    scores(&probs.collect::<Vec<f64>>(), &labels).unwrap()
}

fn uncertainty() -> Vec<f64> {
    let is_wrong = |row| largest(row) != label(row);
    let of_row = |row| (row * 13 + row * row) % 11 + if is_wrong(row) { 4 } else { 0 };
    (0..ROWS).map(|row| f64::from(of_row(row))).collect()
}

#[test]
fn scores_of_classes_are_those_of_scikit_learn() {
    let rows = rows();
    check("accuracy", rows.accuracy());
    check("nll", rows.nll());
    check("brier", rows.brier());
    for k in 1..=4 {
        check(&format!("top {k}"), rows.top_k_accuracy(k).unwrap());
    }
    for k in [0, 5, usize::MAX] {
        let error = rows.top_k_accuracy(k).unwrap_err().to_string();
        assert!(error.contains("from 1 to the number of classes"), "{error}");
    }
}

#[test]
fn calibration_errors_are_those_of_uncertainty_calibration() {
    let rows = rows();
    for bins in [5, 15] {
        check(&format!("mce, {bins}"), rows.mce(bins).unwrap());
        for (name, binning) in
            [("width", Binning::EqualWidth(bins)), ("mass", Binning::EqualMass(bins))]
        {
            let of = format!("{bins} of equal {name}");
            check(&format!("ece, {of}"), rows.ece_with(binning).unwrap());
            check(&format!("classwise, {of}"), rows.classwise_ece(binning).unwrap());
            let debiased = rows.debiased_squared_calibration_error(binning).unwrap();
            check(&format!("debiased, {of}"), debiased);
        }
    }
    check("ece, 15 of equal width", rows.ece());
}

#[test]
fn rankings_are_those_of_scikit_learn() {
    let (correct, uncertainty) = (rows().correct(), uncertainty());
    let of = |is_right: bool, sign: f64| -> Vec<f64> {
        let pairs = uncertainty.iter().zip(&correct).filter(|pair| *pair.1 == is_right);
        pairs.map(|pair| sign * pair.0).collect()
    };
    let (negative, positive) = (of(true, 1.0), of(false, 1.0));
    check("auroc", auroc(&negative, &positive).unwrap());
    check("average precision", average_precision(&negative, &positive).unwrap());
    let others = average_precision(&of(false, -1.0), &of(true, -1.0)).unwrap();
    check("average precision of the others", others);
    for tpr in [0.5, 0.8, 0.95] {
        check(&format!("fpr at {tpr}"), fpr_at_tpr(&negative, &positive, tpr).unwrap());
    }
}

#[test]
fn areas_under_risk_coverage_curves() {
    let rows = rows();
    let losses = rows.zero_one_loss();
    check("aurc", aurc(&uncertainty(), &losses).unwrap());
    check("excess aurc", excess_aurc(&uncertainty(), &losses).unwrap());
    // Ties of the confidence go by the row there: the later the surer.
    let doubt = |(row, p): (usize, f64)| -(p + row as f64 * 1e-9);
    let by_rows: Vec<f64> = rows.confidence().into_iter().enumerate().map(doubt).collect();
    check("aurc of the confidence, by rows", aurc(&by_rows, &losses).unwrap());
}

#[test]
fn percentile_intervals_have_the_quantiles_of_numpy() {
    let mut sample = (0..40_u32).map(|i| f64::from(i * 37 % 101) / 8.0);
    let bootstrap = Bootstrap::new(1, 40, &Key::from_seed(1), |_| Ok(sample.next().unwrap()));
    let bootstrap = bootstrap.unwrap();
    for level in [0.5, 0.9, 0.95] {
        let [low, high] = bootstrap.interval(level).unwrap();
        check(&format!("quantile below {level}"), low);
        check(&format!("quantile above {level}"), high);
    }
}
