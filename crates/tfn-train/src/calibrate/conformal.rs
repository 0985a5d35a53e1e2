//! Split-conformal prediction.

use tfn_layers::align_targets;
use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_tensor::{DType, Tensor};

use crate::check::{Argument, check_class, check_finite};
use crate::error::{Result, TrainError};
use crate::predict::{Prediction, Predictive};

/// Intervals that cover new targets at least as often as asked, whatever the model.
///
/// On `n` calibration rows each target's distance from the predictive mean is measured in predictive standard deviations,
/// `sᵢ = |yᵢ − meanᵢ| / stddevᵢ`. An interval of the level `1 − α` reaches to the `⌈(n + 1)(1 − α)⌉`-th smallest of them on
/// both sides of the mean, in the standard deviations of the new row: where the model doubts more, it is wider.
///
/// If calibration rows and new rows are exchangeable (drawn alike, in any order), a new target is inside with a
/// probability of at least `1 − α`, and of at most `1 − α + 1/(n + 1)` if no two scores are equal. This is the
/// probability over all new rows on average, not for each kind of row by itself.
///
/// With several targets a row each column has scores of its own, and the level holds for each.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::{MonteCarlo, calibrate::ConformalIntervals};
///
/// let model = Sequential::of(Bayesian::builder(1, 1).seed(1).build()?).with_likelihood(likelihoods::Normal::new()?);
/// let predict = |x: &Tensor| MonteCarlo::new(50)?.predict(&model, x, &Key::from_seed(2));
/// // A model that nobody trained, and targets that it knows nothing of.
/// let mut stream = Key::from_seed(3).stream();
/// let (x, y) = (stream.normal(&[200, 1], DType::F32), stream.normal(&[200], DType::F32) * 30.0);
/// let conformal = ConformalIntervals::fit(&predict(&x)?, &y)?;
/// let [low, high] = conformal.interval(&predict(&Tensor::zeros(&[1, 1], DType::F32))?, 0.9)?;
/// assert!(high.to_vec::<f64>()?[0] - low.to_vec::<f64>()?[0] > 60.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, *Distribution-free predictive inference for regression*, JASA 113 (2018),
/// section 5.2 and theorem 2.
#[derive(Clone, Debug)]
pub struct ConformalIntervals {
    /// The scores of each column, in ascending order.
    scores: Vec<Vec<f64>>,
}

impl Describe for ConformalIntervals {
    fn class() -> String {
        "tfn.calibrate.ConformalIntervals".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        let scores: Vec<Tensor> = self.scores.iter().map(|scores| as_tensor(scores)).collect();
        description.field("scores", &scores)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let scores: Vec<Tensor> = reader.field("scores")?;
        let scores = scores.iter().map(scores_of).collect::<Result<Vec<_>>>()?;
        if scores.iter().any(|column| column.len() != scores[0].len()) {
            return Err("columns of different numbers of scores".into());
        }
        Ok(Self { scores })
    }
}

impl ConformalIntervals {
    /// From predictions of calibration rows and their targets.
    ///
    /// # Errors
    /// [`LayerError::Targets`](tfn_layers::LayerError::Targets) for targets of another shape, [`TrainError::Entry`] for one
    /// that is not finite; if the predictive distribution has no mean or variance.
    pub fn fit(predictive: &Predictive, targets: &Tensor) -> Result<Self> {
        let targets = align_targets(targets, predictive.shape())?;
        check_finite("ConformalIntervals", "targets", &targets)?;
        let targets = targets.to_f64_vec()?;
        let [mean, stddev] =
            [predictive.mean()?, predictive.stddev()?].map(|tensor| tensor.to_f64_vec());
        let (mean, stddev) = (mean?, stddev?);
        let columns = columns_of(predictive);
        let mut scores = vec![Vec::new(); columns];
        for (index, target) in targets.iter().enumerate() {
            let distance = (target - mean[index]).abs();
            // A prediction without any doubt that is right is no surprise.
            let score = if distance == 0.0 { 0.0 } else { distance / stddev[index] };
            scores[index % columns].push(score);
        }
        scores.iter_mut().for_each(|scores| scores.sort_by(f64::total_cmp));
        Ok(Self { scores })
    }

    /// From the calibration rows of several predictions together, whose scores are pooled.
    ///
    /// # Errors
    /// [`TrainError::Shape`] if there are no parts, or parts of different numbers of targets.
    pub fn merge<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut scores: Vec<Vec<f64>> = Vec::new();
        for (place, part) in parts.into_iter().enumerate() {
            if place == 0 {
                scores = vec![Vec::new(); part.scores.len()];
            }
            check_parts("ConformalIntervals::merge", part.scores.len(), scores.len())?;
            scores.iter_mut().zip(&part.scores).for_each(|(all, more)| all.extend(more));
        }
        check_parts("ConformalIntervals::merge", scores.len(), scores.len().max(1))?;
        scores.iter_mut().for_each(|scores| scores.sort_by(f64::total_cmp));
        Ok(Self { scores })
    }

    /// Number of calibration rows.
    pub fn len(&self) -> usize {
        self.scores.first().map_or(0, Vec::len)
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many predictive standard deviations an interval of the probability `level` reaches to each side, by column;
    /// infinity if there are too few calibration rows for the level (fewer than `level / (1 − level)`).
    ///
    /// # Errors
    /// [`TrainError::Value`] for a level outside 0 to 1, ends excluded.
    pub fn widths(&self, level: f64) -> Result<Vec<f64>> {
        let level = Argument::new("ConformalIntervals", "level", level).probability()?;
        Ok(self.scores.iter().map(|scores| threshold(scores, level)).collect())
    }

    /// The scores of each column, in ascending order.
    pub fn scores(&self) -> &[Vec<f64>] {
        &self.scores
    }

    pub(super) fn check_columns(&self, predictive: &Predictive) -> Result<()> {
        if columns_of(predictive) == self.scores.len() {
            return Ok(());
        }
        Err(TrainError::Shape {
            op: "ConformalIntervals",
            argument: "predictive",
            given: predictive.shape().to_vec(),
            expected: format!("{} targets a row, as at the calibration", self.scores.len()),
        })
    }

    /// The interval of each new row, its lower and upper ends.
    ///
    /// # Shapes
    /// Those of the predictive distribution.
    ///
    /// # Errors
    /// As [`widths`](Self::widths); [`TrainError::Shape`] for another number of targets.
    pub fn interval(&self, predictive: &Predictive, level: f64) -> Result<[Tensor; 2]> {
        let widths = self.widths(level)?;
        self.check_columns(predictive)?;
        let shape = predictive.shape().get(1..).unwrap_or_default();
        let widths = Tensor::from_f64(&widths, shape, DType::F64);
        let (mean, reach) = (predictive.mean()?, predictive.stddev()? * widths);
        Ok([(&mean - &reach).check()?, (mean + reach).check()?])
    }
}

/// Sets of classes that hold the label of a new row at least as often as asked, whatever the model.
///
/// The score of a calibration row is the probability of all classes that the model finds at least as likely as the true
/// one. A set of the level `1 − α` takes in classes, the likeliest first, up to the `⌈(n + 1)(1 − α)⌉`-th smallest score: one
/// class where the model is sure, several where it is not. The likeliest class is always in.
///
/// The guarantee is that of [`ConformalIntervals`]; sets are a little larger than need be, for scores come in steps.
///
/// # Examples
/// ```
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::{MonteCarlo, calibrate::ConformalClasses};
///
/// let model =
///     Sequential::of(Bayesian::builder(2, 3).seed(1).build()?).with_likelihood(likelihoods::Categorical::new());
/// let x = Key::from_seed(3).stream().normal(&[60, 2], DType::F32);
/// let labels = Tensor::from_vec([0.0_f32, 1.0, 2.0].repeat(20), &[60]);
/// let prediction = MonteCarlo::new(20)?.classify(&model, &x, &Key::from_seed(2))?;
/// let sets = ConformalClasses::fit(&prediction, &labels)?.sets(&prediction, 0.9)?;
/// assert_eq!(sets.len(), 60);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Romano, Sesia, Candès, *Classification with valid and adaptive coverage*, NeurIPS 2020, section 2, without the
/// randomisation.
#[derive(Clone, Debug)]
pub struct ConformalClasses {
    scores: Vec<f64>,
    classes: usize,
}

impl Describe for ConformalClasses {
    fn class() -> String {
        "tfn.calibrate.ConformalClasses".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("scores", &as_tensor(&self.scores))?.field("classes", &self.classes)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let scores = scores_of(&reader.field("scores")?)?;
        Ok(Self { scores, classes: reader.field("classes")? })
    }
}

impl ConformalClasses {
    /// From predictions of calibration rows and their labels.
    ///
    /// # Shapes
    /// `labels`: `[n]`.
    ///
    /// # Errors
    /// [`TrainError::Shape`] or [`TrainError::Rows`] for other shapes, [`TrainError::Entry`] for a label that is no class.
    pub fn fit(prediction: &Prediction, labels: &Tensor) -> Result<Self> {
        let (probs, classes) = rows_of(prediction)?;
        let given = labels.shape()?;
        if given != [prediction.len()] {
            let expected = format!("[{}], a label for each row", prediction.len());
            let (op, argument) = ("ConformalClasses", "labels");
            return Err(TrainError::Shape { op, argument, given: given.to_vec(), expected });
        }
        let mut scores = Vec::new();
        for (row, (probs, label)) in
            probs.chunks_exact(classes).zip(labels.to_f64_vec()?).enumerate()
        {
            let label = check_class("ConformalClasses", "labels", row, label, classes)?;
            scores.push(mass_down_to(probs, label));
        }
        scores.sort_by(f64::total_cmp);
        Ok(Self { scores, classes })
    }

    /// From the calibration rows of several predictions together: see [`ConformalIntervals::merge`].
    ///
    /// # Errors
    /// [`TrainError::Shape`] if there are no parts, or parts of different numbers of classes.
    pub fn merge<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut all = Self { scores: Vec::new(), classes: 0 };
        for (place, part) in parts.into_iter().enumerate() {
            if place == 0 {
                all.classes = part.classes;
            }
            check_parts("ConformalClasses::merge", part.classes, all.classes)?;
            all.scores.extend(&part.scores);
        }
        check_parts("ConformalClasses::merge", all.classes, all.classes.max(1))?;
        all.scores.sort_by(f64::total_cmp);
        Ok(all)
    }

    /// The scores, in ascending order.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The set of each row: its classes, the likeliest first.
    ///
    /// # Errors
    /// [`TrainError::Value`] for a level outside 0 to 1, ends excluded; [`TrainError::Shape`] for another number of classes.
    pub fn sets(&self, prediction: &Prediction, level: f64) -> Result<Vec<Vec<usize>>> {
        let level = Argument::new("ConformalClasses", "level", level).probability()?;
        let threshold = threshold(&self.scores, level);
        let (probs, classes) = rows_of(prediction)?;
        if classes != self.classes {
            return Err(TrainError::Shape {
                op: "ConformalClasses",
                argument: "prediction",
                given: vec![prediction.len(), classes],
                expected: format!("[n, {}] as at the calibration", self.classes),
            });
        }
        let set_of = |probs: &[f64]| {
            let mut order: Vec<usize> = (0..classes).collect();
            order.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
            let last = order.iter().rposition(|&class| mass_down_to(probs, class) <= threshold);
            order.truncate(last.unwrap_or(0) + 1);
            order
        };
        Ok(probs.chunks_exact(classes).map(set_of).collect())
    }
}

/// Checks that there are parts, and that they are alike.
fn check_parts(op: &'static str, given: usize, expected: usize) -> Result<()> {
    if given == expected {
        return Ok(());
    }
    let expected = format!("at least one part, and all of [n, {expected}]");
    Err(TrainError::Shape { op, argument: "parts", given: vec![given], expected })
}

fn as_tensor(scores: &[f64]) -> Tensor {
    Tensor::from_slice(scores, &[scores.len()])
}

/// Scores from a file.
///
/// # Errors
/// [`TrainError::Entry`] for one that is below another before it, or no number.
fn scores_of(tensor: &Tensor) -> Result<Vec<f64>> {
    let scores = tensor.to_f64_vec()?;
    let after = |row: usize| row == 0 || scores[row] >= scores[row - 1];
    match (0..scores.len()).find(|&row| scores[row].is_nan() || !after(row)) {
        None => Ok(scores),
        Some(row) => {
            let (op, argument, given) = ("conformal", "scores", scores[row]);
            let expected = "scores in ascending order".to_owned();
            Err(TrainError::Entry { op, argument, row, given, expected })
        }
    }
}

/// The probability of all classes at least as likely as `class`.
pub(super) fn mass_down_to(probs: &[f64], class: usize) -> f64 {
    probs.iter().filter(|&&prob| prob >= probs[class]).sum()
}

/// Probabilities `[n, classes]`, row after row.
pub(super) fn rows_of(prediction: &Prediction) -> Result<(Vec<f64>, usize)> {
    match *prediction.probs.shape()? {
        [_, classes] if classes > 0 => Ok((prediction.probs.to_f64_vec()?, classes)),
        _ => Err(TrainError::Shape {
            op: "ConformalClasses",
            argument: "prediction",
            given: prediction.probs.shape()?.to_vec(),
            expected: "probabilities [n, classes] with at least one class".to_owned(),
        }),
    }
}

fn columns_of(predictive: &Predictive) -> usize {
    predictive.shape().iter().skip(1).product::<usize>().max(1)
}

/// The `⌈(n + 1)·level⌉`-th smallest score; infinity if there are not so many.
fn threshold(scores: &[f64], level: f64) -> f64 {
    scores.get(rank(scores.len(), level) - 1).copied().unwrap_or(f64::INFINITY)
}

/// `⌈(n + 1)·level⌉`, but at least 1.
pub(super) fn rank(count: usize, level: f64) -> usize {
    // A product such as 10 · 0.9 that is whole but for rounding must not be rounded up.
    ((count + 1) as f64 * level - 1e-9).ceil().max(1.0) as usize
}

#[cfg(test)]
mod tests;
