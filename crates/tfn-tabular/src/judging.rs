//! How good models are on rows that they were not trained on.

use tfn_tensor::Tensor;
use tfn_train::data::Dataset;

use crate::calibration::{Calibration, Scores, Source};
use crate::error::Result;
use crate::judged::{Judged, JudgedClasses, JudgedNumbers};
use crate::outlook::Outlook;
use crate::predicted::Predicted;
use crate::record::Baseline;
use crate::split::Fold;
use crate::task::Task;

/// Held-out rows, and what is needed to judge predictions of them.
pub(crate) struct HeldOut<'a> {
    pub(crate) task: Task,
    pub(crate) data: &'a Dataset,
    pub(crate) classes: Option<&'a [String]>,
    pub(crate) level: f64,
    pub(crate) folds: &'a [Fold],
}

impl HeldOut<'_> {
    /// All parts, one after the other.
    fn parts(&self) -> Vec<&Vec<usize>> {
        self.folds.iter().flat_map(|fold| &fold.held_out).collect()
    }

    fn targets(&self, rows: &[usize]) -> Result<Tensor> {
        Ok(self.data.rows(rows)?.targets().clone())
    }

    /// Predictions beside the truth, where intervals of each part are calibrated by all others; and the calibration of
    /// the models together.
    pub(crate) fn judge(&self, of_folds: &[Vec<Outlook>]) -> Result<(Judged, Calibration)> {
        let (parts, outlooks) = (self.parts(), of_folds.iter().flatten().collect::<Vec<_>>());
        let targets = parts.iter().map(|rows| self.targets(rows)).collect::<Result<Vec<_>>>()?;
        let scores = outlooks
            .iter()
            .zip(&targets)
            .map(|(outlook, targets)| Scores::fit(outlook, targets))
            .collect::<Result<Vec<_>>>()?;
        let mut judged = match self.task {
            Task::Regression => Judged::Numbers(JudgedNumbers::default()),
            Task::Classification => Judged::Classes(JudgedClasses {
                classes: self.classes.unwrap_or_default().to_vec(),
                ..JudgedClasses::default()
            }),
        };
        for (part, (outlook, targets)) in outlooks.iter().zip(&targets).enumerate() {
            let others = scores.iter().enumerate().filter(|(other, _)| *other != part);
            let others: Vec<&Scores> = others.map(|(_, scores)| scores).collect();
            let others = Scores::merge(self.task, &others)?;
            let source = Source::Scores(&others);
            let predicted = Predicted::of(outlook, source, self.level)?;
            let rows = parts[part].clone();
            judged.extend(predicted.judge(outlook, targets, self.classes, rows)?);
        }
        // The parts of each model.
        let mut scores = scores.iter();
        let of_model = |fold: &Fold| {
            let parts: Vec<&Scores> = scores.by_ref().take(fold.held_out.len()).collect();
            Scores::merge(self.task, &parts)
        };
        let models = self.folds.iter().map(of_model).collect::<Result<Vec<_>>>()?;
        Ok((judged, Calibration::of(self.task, &models)?))
    }

    /// The same rows by another model, of which there are predictions fold by fold.
    pub(crate) fn baseline(&self, name: &str, of_folds: &[Vec<Outlook>]) -> Result<Baseline> {
        let mut sums = Sums::default();
        for (rows, outlook) in self.parts().into_iter().zip(of_folds.iter().flatten()) {
            let targets = self.targets(rows)?;
            let values = targets.to_f64_vec()?;
            let (best, log_prob) = (outlook.best()?, outlook.log_prob(&targets)?);
            for ((value, best), log_prob) in values.iter().zip(&best).zip(&log_prob) {
                sums.add(self.task, *value, *best, *log_prob);
            }
        }
        Ok(sums.baseline(self.task, name))
    }

    /// What is known without any column: mean and deviation of the rows trained on, or how frequent each class is there (each counted
    /// once more, so that none is impossible).
    pub(crate) fn mean(&self) -> Result<Baseline> {
        let mut sums = Sums::default();
        // Targets of a fold may all be the same.
        let least = 1e-12 * variance(&self.data.targets().to_f64_vec()?);
        for fold in self.folds {
            let train = self.targets(&fold.train)?.to_f64_vec()?;
            let count = train.len() as f64;
            let held: Vec<usize> = fold.held_out.concat();
            let held = self.targets(&held)?.to_f64_vec()?;
            match self.classes {
                None => {
                    let mean = train.iter().sum::<f64>() / count;
                    let square = variance(&train).max(least);
                    let scale = (std::f64::consts::TAU * square).ln();
                    for y in held {
                        let log_prob = -0.5 * (scale + (y - mean).powi(2) / square);
                        sums.add(self.task, y, mean, log_prob);
                    }
                }
                Some(classes) => {
                    let mut counts = vec![1.0; classes.len()];
                    train.iter().for_each(|&label| counts[label as usize] += 1.0);
                    let all = count + classes.len() as f64;
                    let better = |best: usize, (at, &c): (usize, &f64)| {
                        if c > counts[best] { at } else { best }
                    };
                    let best = counts.iter().enumerate().fold(0, better);
                    for y in held {
                        sums.add(self.task, y, best as f64, (counts[y as usize] / all).ln());
                    }
                }
            }
        }
        Ok(sums.baseline(self.task, "mean"))
    }
}

fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count
}

/// Sums over rows.
#[derive(Default)]
struct Sums {
    rows: f64,
    score: f64,
    log_prob: f64,
}

impl Sums {
    fn add(&mut self, task: Task, target: f64, predicted: f64, log_prob: f64) {
        self.rows += 1.0;
        self.log_prob += log_prob;
        self.score += match task {
            Task::Regression => (target - predicted).powi(2),
            Task::Classification => f64::from(target == predicted),
        };
    }

    fn baseline(&self, task: Task, name: &str) -> Baseline {
        let score = self.score / self.rows;
        Baseline {
            name: name.to_owned(),
            score: if task == Task::Regression { score.sqrt() } else { score },
            log_likelihood: self.log_prob / self.rows,
        }
    }
}

/// In the order of the table.
pub(crate) fn sorted(judged: &Judged) -> Judged {
    let row = match judged {
        Judged::Numbers(rows) => &rows.row,
        Judged::Classes(rows) => &rows.row,
    };
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by_key(|&at| row[at]);
    judged.rows(&order)
}
