//! Conformal prediction by models of which each was trained without a part of the rows.

use tfn_module::describe_fields;
use tfn_tensor::Tensor;

use super::conformal::{ConformalClasses, ConformalIntervals, mass_down_to, rank, rows_of};
use crate::check::Argument;
use crate::error::{Result, TrainError};
use crate::predict::{Prediction, Predictive};

/// Intervals by cross-validation (CV+): no row is lost to calibration, and none is judged by a model that saw it.
///
/// The rows are in `K` parts. Model `k` is trained without part `k`, and calibrated by it
/// ([`ConformalIntervals::fit`]): `sᵢ = |yᵢ − mean₍ₖ₎(xᵢ)| / stddev₍ₖ₎(xᵢ)` for its rows `i`. With `n` rows in all, the interval of the level
/// `1 − α` at a new `x` is
///
/// ```text
/// lower: the ⌊α(n + 1)⌋-th smallest of     mean₍ₖ₎(x) − sᵢ stddev₍ₖ₎(x)
/// upper: the ⌈(1 − α)(n + 1)⌉-th smallest of mean₍ₖ₎(x) + sᵢ stddev₍ₖ₎(x),   i over all rows, k the part of each
/// ```
///
/// It holds with a probability of at least `1 − 2α`, whatever the models, and in practice of about `1 − α`. With one part it is
/// [`ConformalIntervals`].
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::calibrate::{ConformalIntervals, CrossConformalIntervals};
/// use tfn_train::{MonteCarlo, Predictive};
///
/// let model = |seed| -> tfn_train::Result<_> {
///     Ok(Sequential::of(Bayesian::builder(1, 1).seed(seed).build()?).with_likelihood(likelihoods::Normal::new()?))
/// };
/// // Two models that nobody trained, each with rows that it did not see.
/// let (models, mut stream) = ([model(1)?, model(2)?], Key::from_seed(3).stream());
/// let (mut folds, mut predictives) = (Vec::new(), Vec::new());
/// for model in &models {
///     let predict = |x: &Tensor| MonteCarlo::new(50)?.predict(model, x, &Key::from_seed(2));
///     let (x, y) = (stream.normal(&[50, 1], DType::F32), stream.normal(&[50], DType::F32));
///     folds.push(ConformalIntervals::fit(&predict(&x)?, &y)?);
///     predictives.push(predict(&Tensor::zeros(&[1, 1], DType::F32))?);
/// }
/// let [low, high] = CrossConformalIntervals::new(folds)?.interval(&predictives, 0.9)?;
/// assert!(low.to_vec::<f64>()?[0] < -1.0 && high.to_vec::<f64>()?[0] > 1.0);
/// let both: Predictive = Predictive::mixture(&predictives)?;
/// assert_eq!(both.draws(), 100);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Barber, Candès, Ramdas, Tibshirani, *Predictive inference with the jackknife+*, Annals of Statistics 49 (2021), section 3 and
/// theorem 4.
#[derive(Clone, Debug)]
pub struct CrossConformalIntervals {
    folds: Vec<ConformalIntervals>,
}

describe_fields!(CrossConformalIntervals as "tfn.calibrate.CrossConformalIntervals" { folds } |made| Self::new(made.folds));

/// Sets of classes by cross-validation, as [`CrossConformalIntervals`] are intervals.
///
/// A class is in the set of the level `1 − α` if fewer than `⌈(1 − α)(n + 1)⌉` of the rows have a score below that which the class has by the
/// model of their part; the likeliest class always is.
///
/// # References
/// Romano, Sesia, Candès, *Classification with valid and adaptive coverage*, NeurIPS 2020, section 2.3, without the randomisation.
#[derive(Clone, Debug)]
pub struct CrossConformalClasses {
    folds: Vec<ConformalClasses>,
}

describe_fields!(CrossConformalClasses as "tfn.calibrate.CrossConformalClasses" { folds } |made| Self::new(made.folds));

impl CrossConformalIntervals {
    /// From the calibration of each model.
    ///
    /// # Errors
    /// [`TrainError::Shape`] if there are no parts, or parts of different numbers of targets.
    pub fn new(folds: Vec<ConformalIntervals>) -> Result<Self> {
        ConformalIntervals::merge(&folds)?;
        Ok(Self { folds })
    }

    /// The calibration of each model.
    pub fn folds(&self) -> &[ConformalIntervals] {
        &self.folds
    }

    /// The interval of each new row, its lower and upper ends.
    ///
    /// # Shapes
    /// `predictives`: one for each model, in order, of the same rows. The result: theirs.
    ///
    /// # Errors
    /// [`TrainError::Value`] for a level outside 0 to 1, ends excluded; [`TrainError::Shape`] for another number of models or
    /// of targets.
    pub fn interval(&self, predictives: &[Predictive], level: f64) -> Result<[Tensor; 2]> {
        let level = Argument::new("CrossConformalIntervals", "level", level).probability()?;
        check_models("CrossConformalIntervals", predictives.len(), self.folds.len())?;
        if let ([fold], [predictive]) = (&self.folds[..], predictives) {
            return fold.interval(predictive, level);
        }
        let shape = predictives[0].shape().to_vec();
        let mut models = Vec::new();
        for (fold, predictive) in self.folds.iter().zip(predictives) {
            fold.check_columns(predictive)?;
            if predictive.shape() != shape {
                let (op, argument) = ("CrossConformalIntervals", "predictives");
                let (given, expected) = (predictive.shape().to_vec(), format!("all of {shape:?}"));
                return Err(TrainError::Shape { op, argument, given, expected });
            }
            models.push([predictive.mean()?.to_f64_vec()?, predictive.stddev()?.to_f64_vec()?]);
        }
        let columns = self.folds[0].scores().len();
        let size = shape.iter().product::<usize>();
        let (mut low, mut high) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for entry in 0..size {
            let each: Vec<(&[f64], f64, f64)> = self
                .folds
                .iter()
                .zip(&models)
                .map(|(fold, [mean, stddev])| {
                    (&fold.scores()[entry % columns][..], mean[entry], stddev[entry])
                })
                .collect();
            let centre = each.iter().map(|(_, mean, _)| mean).sum::<f64>() / each.len() as f64;
            // The lower end is the upper one of all mirrored.
            let mirrored: Vec<_> =
                each.iter().map(|&(q, mean, stddev)| (q, -mean, stddev)).collect();
            low.push((-upper(&mirrored, level)).min(centre));
            high.push(upper(&each, level).max(centre));
        }
        Ok([Tensor::from_vec(low, &shape).check()?, Tensor::from_vec(high, &shape).check()?])
    }
}

impl CrossConformalClasses {
    /// From the calibration of each model.
    ///
    /// # Errors
    /// [`TrainError::Shape`] if there are no parts, or parts of different numbers of classes.
    pub fn new(folds: Vec<ConformalClasses>) -> Result<Self> {
        ConformalClasses::merge(&folds)?;
        Ok(Self { folds })
    }

    /// The calibration of each model.
    pub fn folds(&self) -> &[ConformalClasses] {
        &self.folds
    }

    /// The set of each row: its classes, those that the models together find the likeliest first.
    ///
    /// # Errors
    /// As [`CrossConformalIntervals::interval`], of classes.
    pub fn sets(&self, predictions: &[Prediction], level: f64) -> Result<Vec<Vec<usize>>> {
        let level = Argument::new("CrossConformalClasses", "level", level).probability()?;
        check_models("CrossConformalClasses", predictions.len(), self.folds.len())?;
        if let ([fold], [prediction]) = (&self.folds[..], predictions) {
            return fold.sets(prediction, level);
        }
        let mut models = Vec::new();
        for (fold, prediction) in self.folds.iter().zip(predictions) {
            let (probs, classes) = rows_of(prediction)?;
            let len = prediction.len();
            if (classes, len) != (fold.classes(), predictions[0].len()) {
                let (op, argument) = ("CrossConformalClasses", "predictions");
                let expected = format!("all of [{}, {}]", predictions[0].len(), fold.classes());
                return Err(TrainError::Shape {
                    op,
                    argument,
                    given: vec![len, classes],
                    expected,
                });
            }
            models.push(probs);
        }
        let (classes, rows) = (self.folds[0].classes(), predictions[0].len());
        let count: usize = self.folds.iter().map(|fold| fold.scores().len()).sum();
        let rank = rank(count, level);
        let set_of = |row: usize| {
            let of_row = |probs: &'_ Vec<f64>| probs[row * classes..(row + 1) * classes].to_vec();
            let each: Vec<Vec<f64>> = models.iter().map(of_row).collect();
            let together = |class: usize| each.iter().map(|probs| probs[class]).sum::<f64>();
            let is_in = |class: usize| {
                let below = self.folds.iter().zip(&each).map(|(fold, probs)| {
                    let score = mass_down_to(probs, class);
                    fold.scores().partition_point(|&other| other < score)
                });
                below.sum::<usize>() < rank
            };
            let mut order: Vec<usize> = (0..classes).collect();
            order.sort_by(|&a, &b| together(b).total_cmp(&together(a)));
            let likeliest = order[0];
            order.retain(|&class| class == likeliest || is_in(class));
            order
        };
        Ok((0..rows).map(set_of).collect())
    }
}

/// The `⌈(1 − α)(n + 1)⌉`-th smallest of all `mean + score · stddev`; infinity if there are not so many.
fn upper(each: &[(&[f64], f64, f64)], level: f64) -> f64 {
    let count = each.iter().map(|(scores, ..)| scores.len()).sum::<usize>();
    let Some(above) = count.checked_sub(rank(count, level)) else { return f64::INFINITY };
    // From the largest down: scores of each model are in ascending order.
    let mut left: Vec<usize> = each.iter().map(|(scores, ..)| scores.len()).collect();
    let value = |model: usize, left: usize| {
        let (scores, mean, stddev) = each[model];
        match left.checked_sub(1).map(|last| scores[last]) {
            None => f64::NEG_INFINITY,
            // A model without any doubt that was wrong bounds nothing.
            Some(f64::INFINITY) => f64::INFINITY,
            Some(score) => mean + score * stddev,
        }
    };
    let mut largest = f64::INFINITY;
    for _ in 0..=above {
        let mut best = 0;
        for model in 1..each.len() {
            if value(model, left[model]) > value(best, left[best]) {
                best = model;
            }
        }
        largest = value(best, left[best]);
        left[best] = left[best].saturating_sub(1);
    }
    largest
}

fn check_models(op: &'static str, given: usize, expected: usize) -> Result<()> {
    if given == expected {
        return Ok(());
    }
    let expected = format!("[{expected}], one for each model of the calibration");
    Err(TrainError::Shape { op, argument: "predictives", given: vec![given], expected })
}

#[cfg(test)]
mod tests;
