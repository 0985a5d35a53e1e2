//! What a model says of rows, kept in as little memory as its task allows.

use tfn_layers::Model;
use tfn_tensor::{DType, Key, Tensor};
use tfn_train::{MonteCarlo, Prediction, Predictive};

use crate::error::Result;

/// A prediction of rows, from draws of the weights.
#[derive(Clone, Debug)]
pub(crate) enum Outlook {
    /// Of a regression, with all draws.
    Numbers(Predictive),
    /// Of a classification, averaged over the draws: of a thousand classes all draws would fill the memory.
    Classes(Prediction),
}

/// Probabilities of a draw at a time.
const AT_ONCE: usize = 100_000;
/// Rows at a time, at most.
const ROWS: usize = 1000;

impl Outlook {
    /// Of rows of features, by a model of so many classes, or of numbers.
    pub(crate) fn of(
        classes: Option<usize>,
        draws: usize,
        model: &Model,
        features: &Tensor,
        key: &Key,
    ) -> Result<Self> {
        let monte_carlo = MonteCarlo::new(draws)?;
        Ok(match classes {
            None => Self::Numbers(monte_carlo.predict(model, features, key)?),
            Some(classes) => {
                let rows = (AT_ONCE / classes.max(1)).clamp(1, ROWS);
                Self::Classes(monte_carlo.batch_size(rows)?.classify(model, features, key)?)
            }
        })
    }

    /// Several models together, each as likely as the others.
    pub(crate) fn mixture(each: &[Self]) -> Result<Self> {
        let classes = Self::classes(each);
        let Some(first) = classes.first() else {
            return Ok(Self::Numbers(Predictive::mixture(&Self::numbers(each))?));
        };
        let count = classes.len() as f64;
        let shape = first.probs.shape()?.to_vec();
        let width = shape.last().copied().unwrap_or(1).max(1);
        let (mut probs, mut expected) = (vec![0.0; first.len() * width], vec![0.0; first.len()]);
        for one in &classes {
            let add = |sums: &mut [f64], values: &[f64]| {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / count);
            };
            add(&mut probs, &one.probs.to_f64_vec()?);
            add(&mut expected, &one.expected_entropy);
        }
        let entropy = |probs: &[f64]| -> f64 {
            probs.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum()
        };
        let entropy: Vec<f64> = probs.chunks_exact(width).map(entropy).collect();
        let shared = entropy.iter().zip(&expected).map(|(all, each)| (all - each).max(0.0));
        Ok(Self::Classes(Prediction {
            mutual_information: shared.collect(),
            probs: Tensor::from_f64(&probs, &shape, DType::F64).check()?,
            entropy,
            expected_entropy: expected,
        }))
    }

    /// Those of numbers.
    pub(crate) fn numbers(each: &[Self]) -> Vec<Predictive> {
        let numbers = each.iter().filter_map(|outlook| match outlook {
            Self::Numbers(predictive) => Some(predictive.clone()),
            Self::Classes(_) => None,
        });
        numbers.collect()
    }

    /// Those of classes.
    pub(crate) fn classes(each: &[Self]) -> Vec<Prediction> {
        let classes = each.iter().filter_map(|outlook| match outlook {
            Self::Classes(prediction) => Some(prediction.clone()),
            Self::Numbers(_) => None,
        });
        classes.collect()
    }

    /// The mean of numbers, or the most probable class, row by row.
    pub(crate) fn best(&self) -> Result<Vec<f64>> {
        Ok(match self {
            Self::Numbers(predictive) => predictive.mean()?.to_f64_vec()?,
            Self::Classes(prediction) => prediction.probs.argmax(-1).to_f64_vec()?,
        })
    }

    /// Log-density or log-probability of each target.
    pub(crate) fn log_prob(&self, targets: &Tensor) -> Result<Vec<f64>> {
        match self {
            Self::Numbers(predictive) => Ok(predictive.log_prob(targets)?.to_f64_vec()?),
            Self::Classes(prediction) => {
                let probs = prediction.probs.to_f64_vec()?;
                let width = (probs.len() / prediction.len().max(1)).max(1);
                let labels = targets.to_f64_vec()?;
                let rows = probs.chunks_exact(width).zip(labels);
                let of = |(probs, label): (&[f64], f64)| {
                    probs.get(label as usize).map_or(f64::NEG_INFINITY, |p| p.ln())
                };
                Ok(rows.map(of).collect())
            }
        }
    }
}
