//! What a model says of rows, as plain numbers.

use tfn_tensor::Tensor;
use tfn_train::{Prediction, Predictive};

use crate::calibration::Source;
use crate::error::Result;
use crate::judged::{Judged, JudgedClasses, JudgedNumbers};
use crate::outlook::Outlook;

/// Predictions, of either task.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicted {
    /// Of a regression.
    Numbers(Numbers),
    /// Of a classification.
    Classes(Classes),
}

/// Numbers, one entry a row in each list, in the units of the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Mean of the prediction.
    pub mean: Vec<f64>,
    /// Lower end of the interval.
    pub lower: Vec<f64>,
    /// Upper end of the interval.
    pub upper: Vec<f64>,
    /// Standard deviation of the prediction.
    pub stddev: Vec<f64>,
    /// Share of its variance that comes from not knowing the weights, from 0 to 1; the rest is noise (aleatoric).
    pub epistemic_share: Vec<f64>,
}

/// Classes, one entry a row in each list; labels are places in the list of all classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Classes {
    /// Probabilities of all classes.
    pub probs: Vec<Vec<f64>>,
    /// The most probable class.
    pub label: Vec<usize>,
    /// The classes of the set that holds the true one with the probability asked for, the likeliest first.
    pub set: Vec<Vec<usize>>,
    /// Entropy of the probabilities, in nats.
    pub entropy: Vec<f64>,
    /// Share of the entropy that comes from not knowing the weights, from 0 to 1; the rest is noise (aleatoric).
    pub epistemic_share: Vec<f64>,
}

impl Predicted {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(rows) => rows.mean.len(),
            Self::Classes(rows) => rows.label.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of a predictive distribution.
    pub(crate) fn of(outlook: &Outlook, source: Source<'_>, level: f64) -> Result<Self> {
        Ok(match outlook {
            Outlook::Numbers(predictive) => Self::Numbers(numbers(predictive, source, level)?),
            Outlook::Classes(prediction) => Self::Classes(classes(prediction, source, level)?),
        })
    }

    /// Beside the truth, of the rows of a table with these numbers.
    pub(crate) fn judge(
        self,
        outlook: &Outlook,
        targets: &Tensor,
        classes: Option<&[String]>,
        row: Vec<usize>,
    ) -> Result<Judged> {
        let target = targets.to_f64_vec()?;
        Ok(match (self, outlook) {
            (
                Self::Numbers(Numbers { mean, lower, upper, stddev, epistemic_share }),
                Outlook::Numbers(predictive),
            ) => {
                let log_prob = predictive.log_prob(targets)?.to_f64_vec()?;
                let pit = predictive.cdf(targets)?.to_f64_vec()?;
                let crps = predictive.crps(targets)?;
                Judged::Numbers(JudgedNumbers {
                    row,
                    target,
                    mean,
                    lower,
                    upper,
                    stddev,
                    epistemic_share,
                    log_prob,
                    pit,
                    crps,
                })
            }
            // Numbers are of an outlook of numbers.
            (Self::Numbers(_), Outlook::Classes(_)) => Judged::Numbers(JudgedNumbers::default()),
            (Self::Classes(rows), _) => {
                let label: Vec<usize> = target.iter().map(|&label| label as usize).collect();
                Judged::Classes(judge_classes(rows, classes.unwrap_or_default(), label, row))
            }
        })
    }
}

fn numbers(predictive: &Predictive, source: Source<'_>, level: f64) -> Result<Numbers> {
    let [lower, upper] = source.interval(predictive, level)?;
    let variance = predictive.variance()?;
    let (total, epistemic) = (variance.total.to_f64_vec()?, variance.epistemic.to_f64_vec()?);
    let share = total.iter().zip(&epistemic).map(|(&total, &epistemic)| share(epistemic, total));
    Ok(Numbers {
        mean: predictive.mean()?.to_f64_vec()?,
        lower: lower.to_f64_vec()?,
        upper: upper.to_f64_vec()?,
        epistemic_share: share.collect(),
        stddev: total.iter().map(|variance| variance.sqrt()).collect(),
    })
}

fn classes(prediction: &Prediction, source: Source<'_>, level: f64) -> Result<Classes> {
    let width = prediction.probs.shape()?.last().copied().unwrap_or(1).max(1);
    let probs: Vec<Vec<f64>> =
        prediction.probs.to_f64_vec()?.chunks_exact(width).map(<[f64]>::to_vec).collect();
    let set = source.sets(prediction, level)?;
    let set = set.unwrap_or_else(|| probs.iter().map(|probs| likeliest(probs, level)).collect());
    let shares = prediction.entropy.iter().zip(&prediction.mutual_information);
    Ok(Classes {
        label: probs.iter().map(|probs| most_probable(probs)).collect(),
        set,
        epistemic_share: shares.map(|(&all, &epistemic)| share(epistemic, all)).collect(),
        entropy: prediction.entropy.clone(),
        probs,
    })
}

fn judge_classes(
    rows: Classes,
    classes: &[String],
    label: Vec<usize>,
    row: Vec<usize>,
) -> JudgedClasses {
    let of = |probs: &[f64], class: usize| probs.get(class).copied().unwrap_or(0.0);
    let both = || rows.probs.iter().zip(&label);
    let brier = |(probs, &label): (&Vec<f64>, &usize)| {
        probs.iter().map(|p| p * p).sum::<f64>() - 2.0 * of(probs, label) + 1.0
    };
    JudgedClasses {
        classes: classes.to_vec(),
        row,
        probability: rows.probs.iter().zip(&rows.label).map(|(p, &class)| of(p, class)).collect(),
        label_probability: both().map(|(probs, &label)| of(probs, label)).collect(),
        brier: both().map(brier).collect(),
        set_size: rows.set.iter().map(Vec::len).collect(),
        is_in_set: rows.set.iter().zip(&label).map(|(set, label)| set.contains(label)).collect(),
        predicted: rows.label,
        label,
        entropy: rows.entropy,
        epistemic_share: rows.epistemic_share,
    }
}

/// A part of a whole; 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// The first of the largest.
fn most_probable(probs: &[f64]) -> usize {
    let better = |best: usize, (at, &p): (usize, &f64)| if p > probs[best] { at } else { best };
    probs.iter().enumerate().fold(0, better)
}

/// The likeliest classes that together have the probability `level`.
fn likeliest(probs: &[f64], level: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probs.len()).collect();
    order.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
    let mut sum = 0.0;
    let before = order.iter().take_while(|&&class| {
        let is_short = sum < level;
        sum += probs[class];
        is_short
    });
    let count = before.count();
    order.truncate(count.max(1));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_classes_up_to_a_level() {
        let probs = [0.2, 0.5, 0.25, 0.05];
        assert_eq!(likeliest(&probs, 0.4), [1]);
        assert_eq!(likeliest(&probs, 0.5), [1]);
        assert_eq!(likeliest(&probs, 0.7), [1, 2]);
        assert_eq!(likeliest(&probs, 0.9), [1, 2, 0]);
        assert_eq!(likeliest(&probs, 0.999), [1, 2, 0, 3]);
        assert_eq!(most_probable(&probs), 1);
        assert_eq!(most_probable(&[0.5, 0.5]), 0);
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        assert_eq!(share(0.0, 0.0), 0.0);
        assert_eq!(share(1.0, 4.0), 0.25);
    }
}
