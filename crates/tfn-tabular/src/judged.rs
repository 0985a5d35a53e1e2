//! Predictions beside the truth, row by row.

use serde::{Deserialize, Serialize};

use crate::numbers;

/// What was predicted of rows whose targets are known, and what these are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// Of a regression.
    Numbers(JudgedNumbers),
    /// Of a classification.
    Classes(JudgedClasses),
}

/// Numbers, one entry a row in each list, in the units of the target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedNumbers {
    /// Which row of the table it is, counted from 0.
    pub row: Vec<usize>,
    /// What is true.
    #[serde(with = "numbers::many")]
    pub target: Vec<f64>,
    /// Mean of the prediction.
    #[serde(with = "numbers::many")]
    pub mean: Vec<f64>,
    /// Lower end of the interval.
    #[serde(with = "numbers::many")]
    pub lower: Vec<f64>,
    /// Upper end of the interval.
    #[serde(with = "numbers::many")]
    pub upper: Vec<f64>,
    /// Standard deviation of the prediction.
    #[serde(with = "numbers::many")]
    pub stddev: Vec<f64>,
    /// Share of its variance that comes from not knowing the weights, from 0 to 1.
    #[serde(with = "numbers::many")]
    pub epistemic_share: Vec<f64>,
    /// Log-density of the target.
    #[serde(with = "numbers::many")]
    pub log_prob: Vec<f64>,
    /// Predicted probability of a target of at most this one: spread evenly from 0 to 1 if all is right.
    #[serde(with = "numbers::many")]
    pub pit: Vec<f64>,
    /// Continuous ranked probability score, lower is better.
    #[serde(with = "numbers::many")]
    pub crps: Vec<f64>,
}

/// Classes, one entry a row in each list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedClasses {
    /// Names of all classes; labels are places in it. Not an entry a row.
    pub classes: Vec<String>,
    /// Which row of the table it is, counted from 0.
    pub row: Vec<usize>,
    /// What is true.
    pub label: Vec<usize>,
    /// The most probable class.
    pub predicted: Vec<usize>,
    /// Its probability.
    #[serde(with = "numbers::many")]
    pub probability: Vec<f64>,
    /// Probability of the true class.
    #[serde(with = "numbers::many")]
    pub label_probability: Vec<f64>,
    /// Brier score of the row, from 0 (best) to 2.
    #[serde(with = "numbers::many")]
    pub brier: Vec<f64>,
    /// Number of classes in the conformal set.
    pub set_size: Vec<usize>,
    /// Whether the true class is in it.
    pub is_in_set: Vec<bool>,
    /// Entropy of the prediction, in nats.
    #[serde(with = "numbers::many")]
    pub entropy: Vec<f64>,
    /// Share of the entropy that comes from not knowing the weights, from 0 to 1.
    #[serde(with = "numbers::many")]
    pub epistemic_share: Vec<f64>,
}

/// The entries of `values` at `rows`.
fn at<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|&row| values.get(row).cloned()).collect()
}

impl Judged {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(rows) => rows.target.len(),
            Self::Classes(rows) => rows.label.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How doubtful each row is: the standard deviation of a number, the entropy of classes.
    pub fn doubt(&self) -> &[f64] {
        match self {
            Self::Numbers(rows) => &rows.stddev,
            Self::Classes(rows) => &rows.entropy,
        }
    }

    /// What each row costs: the squared error of a number, 1 for a wrong class and 0 for the right one.
    pub fn losses(&self) -> Vec<f64> {
        match self {
            Self::Numbers(rows) => {
                rows.target.iter().zip(&rows.mean).map(|(y, mean)| (y - mean).powi(2)).collect()
            }
            Self::Classes(rows) => {
                let pairs = rows.label.iter().zip(&rows.predicted);
                pairs.map(|(label, predicted)| f64::from(label != predicted)).collect()
            }
        }
    }

    /// Some of the rows, in the order given; an index that is not a row is left out.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(all) => Self::Numbers(JudgedNumbers {
                row: at(&all.row, rows),
                target: at(&all.target, rows),
                mean: at(&all.mean, rows),
                lower: at(&all.lower, rows),
                upper: at(&all.upper, rows),
                stddev: at(&all.stddev, rows),
                epistemic_share: at(&all.epistemic_share, rows),
                log_prob: at(&all.log_prob, rows),
                pit: at(&all.pit, rows),
                crps: at(&all.crps, rows),
            }),
            Self::Classes(all) => Self::Classes(JudgedClasses {
                classes: all.classes.clone(),
                row: at(&all.row, rows),
                label: at(&all.label, rows),
                predicted: at(&all.predicted, rows),
                probability: at(&all.probability, rows),
                label_probability: at(&all.label_probability, rows),
                brier: at(&all.brier, rows),
                set_size: at(&all.set_size, rows),
                is_in_set: at(&all.is_in_set, rows),
                entropy: at(&all.entropy, rows),
                epistemic_share: at(&all.epistemic_share, rows),
            }),
        }
    }

    /// Puts the rows of another part of the same task behind these.
    pub(crate) fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Numbers(all), Self::Numbers(more)) => {
                all.row.extend(more.row);
                all.target.extend(more.target);
                all.mean.extend(more.mean);
                all.lower.extend(more.lower);
                all.upper.extend(more.upper);
                all.stddev.extend(more.stddev);
                all.epistemic_share.extend(more.epistemic_share);
                all.log_prob.extend(more.log_prob);
                all.pit.extend(more.pit);
                all.crps.extend(more.crps);
            }
            (Self::Classes(all), Self::Classes(more)) => {
                all.row.extend(more.row);
                all.label.extend(more.label);
                all.predicted.extend(more.predicted);
                all.probability.extend(more.probability);
                all.label_probability.extend(more.label_probability);
                all.brier.extend(more.brier);
                all.set_size.extend(more.set_size);
                all.is_in_set.extend(more.is_in_set);
                all.entropy.extend(more.entropy);
                all.epistemic_share.extend(more.epistemic_share);
            }
            // One predictor has one task.
            (_, _) => {}
        }
    }
}
