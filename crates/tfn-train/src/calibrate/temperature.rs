//! One temperature for predicted class probabilities.

use tfn_module::describe_fields;
use tfn_tensor::{DType, Tensor};

use crate::check::Argument;
use crate::error::{Result, TrainError};
use crate::metrics::Classification;
use crate::predict::Prediction;

/// Steps after which the temperature is exact: halving alone needs fewer.
const MOST_STEPS: usize = 200;

/// Class probabilities made flatter or sharper, all by one temperature `T`.
///
/// ```text
/// p'ₖ = pₖ^(1/T) / Σⱼ pⱼ^(1/T)     that is, softmax(log p / T)
/// ```
///
/// Of a mean over draws of the weights, `p` is that mean ([`Prediction::probs`]); of a single draw this is Guo's softmax of logits
/// divided by `T`. `T > 1` takes certainty away from a model that is too sure, `T < 1` adds some. The order of the classes in a row
/// stays, and so does accuracy. It mends a confidence that is wrong everywhere alike; two rows of the same probabilities keep the
/// same probabilities.
///
/// `T` is the one under which the labels of the calibration rows are most likely. In `1/T` the negative log-likelihood is convex, so there is
/// one minimum; it is found by Newton's method within a bracket, to the last digits.
///
/// Calibrate on rows that were not trained on: on training rows labels are too well known, and `T` is too small.
///
/// # Examples
/// ```
/// use tfn_tensor::{DType, Key, Tensor};
/// use tfn_train::metrics::Classification;
/// use tfn_train::{MonteCarlo, calibrate::TemperatureScaling};
///
/// // Labels of the probabilities softmax(z), and a model that says softmax(3 z).
/// let rows = |seed| -> tfn_train::Result<_> {
///     let mut stream = Key::from_seed(seed).stream();
///     let z = stream.normal(&[2000, 3], DType::F64) * 1.5;
///     let gumbel = -(-stream.uniform_open(&[2000, 3], DType::F64).ln()).ln();
///     let labels = (&z + gumbel).argmax(1).cast(DType::F64);
///     let prediction = MonteCarlo::new(1)?.classify_logits(&Key::from_seed(0), |_key| Ok(&z * 3.0))?;
///     Ok((prediction, labels))
/// };
/// let (calibration, labels) = rows(1)?;
/// let scaling = TemperatureScaling::fit(&calibration, &labels)?;
/// assert!((scaling.temperature() - 3.0).abs() < 0.2);
///
/// let (test, labels) = rows(2)?;
/// let (before, after) = (test.scores(&labels)?, Classification::new(&scaling.apply(&test)?, &labels)?);
/// assert!(before.ece() > 0.15 && after.ece() < 0.04);
/// assert!(after.nll() < before.nll());
/// assert_eq!(after.accuracy(), before.accuracy());
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Guo, Pleiss, Sun, Weinberger, *On calibration of modern neural networks*, ICML 2017 (arXiv 1706.04599), section 4.2,
/// equation 9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TemperatureScaling {
    temperature: f64,
}

describe_fields!(TemperatureScaling as "tfn.train.TemperatureScaling" { temperature } |made| {
    Self::new(made.temperature)
});

impl TemperatureScaling {
    /// With a temperature that is known, from a saved one for example.
    ///
    /// # Errors
    /// [`TrainError::Value`] if it is not positive and finite.
    pub fn new(temperature: f64) -> Result<Self> {
        let checked = Argument::new("TemperatureScaling", "temperature", temperature);
        Ok(Self { temperature: checked.positive()? })
    }

    /// From predictions of calibration rows and their labels: the temperature that makes these most likely; never one that makes
    /// them less likely than they were. Rows whose possible classes are all equally probable say nothing; if all are such, it is 1.
    ///
    /// # Shapes
    /// `labels`: `[n]`, for probabilities `[n, classes]`.
    ///
    /// # Errors
    /// [`TrainError::NoMaximum`] if the label is the most probable class in every row, and a temperature of 0 would be best, or if
    /// labels are so improbable that equal probabilities would be; with few rows either may happen.
    /// [`TrainError::Entry`] for a label whose probability is 0, which no temperature changes. Else as
    /// [`Classification::new`].
    pub fn fit(prediction: &Prediction, labels: &Tensor) -> Result<Self> {
        let scores = Classification::new(&prediction.probs, labels)?;
        let mut rows: Vec<Row> = Vec::new();
        for (row, (probs, label)) in scores.rows().enumerate() {
            if probs[label] <= 0.0 {
                return Err(TrainError::Entry {
                    op: "TemperatureScaling",
                    argument: "labels",
                    row,
                    given: label as f64,
                    expected: "a class with a probability above 0".to_owned(),
                });
            }
            rows.extend(Row::new(probs, label));
        }
        if rows.is_empty() {
            return Self::new(1.0);
        }
        let no_maximum = |limit, expected| {
            let (op, parameter) = ("TemperatureScaling", "temperature");
            Err(TrainError::NoMaximum { op, parameter, limit, expected })
        };
        if rows.iter().all(|row| row.is_label_largest) {
            return no_maximum(0.0, "a row whose label is not the most probable class");
        }
        if slope(&rows, 0.0)[0] >= 0.0 {
            let expected = "labels that are more probable than the geometric mean of their rows";
            return no_maximum(f64::INFINITY, expected);
        }
        let inverse = root(&rows);
        let is_better = nll(&rows, inverse) < nll(&rows, 1.0);
        Self::new(if is_better { 1.0 / inverse } else { 1.0 })
    }

    /// The temperature.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The probabilities of a prediction at this temperature.
    ///
    /// Nothing else changes. The uncertainty of a [`Prediction`] and its parts are computed from the single draws, for
    /// which no temperature was fitted. [`Classification::new`] judges them.
    ///
    /// # Shapes
    /// Those of [`Prediction::probs`], of type `f64`.
    ///
    /// # Errors
    /// None of a prediction that was made without one.
    pub fn apply(&self, prediction: &Prediction) -> Result<Tensor> {
        let log_probs = prediction.probs.cast(DType::F64).ln() / self.temperature;
        Ok((&log_probs - log_probs.logsumexp(-1, true)).exp().check()?)
    }
}

/// What a row says of the temperature: log-probabilities, measured from that of its label.
struct Row {
    /// Of all classes that are possible.
    distances: Vec<f64>,
    is_label_largest: bool,
}

impl Row {
    /// `None` if all possible classes are equally probable.
    fn new(probs: &[f64], label: usize) -> Option<Self> {
        let of_label = probs[label].ln();
        let possible = probs.iter().filter(|&&p| p > 0.0);
        let distances: Vec<f64> = possible.map(|p| p.ln() - of_label).collect();
        let is_label_largest = distances.iter().all(|&distance| distance <= 0.0);
        let says_something = distances.iter().any(|&distance| distance != 0.0);
        says_something.then_some(Self { distances, is_label_largest })
    }

    /// The negative log-likelihood of the label at the inverse temperature `b`, its slope and its curvature in `b`.
    fn terms(&self, b: f64) -> [f64; 3] {
        let largest = self.distances.iter().map(|d| b * d).fold(f64::NEG_INFINITY, f64::max);
        let weights = || self.distances.iter().map(|d| ((b * d - largest).exp(), d));
        let total: f64 = weights().map(|(weight, _)| weight).sum();
        let mean = weights().map(|(weight, d)| weight * d).sum::<f64>() / total;
        let variance =
            weights().map(|(weight, d)| weight * (d - mean).powi(2)).sum::<f64>() / total;
        [largest + total.ln(), mean, variance]
    }
}

/// Mean negative log-likelihood of the labels at the inverse temperature `b`.
fn nll(rows: &[Row], b: f64) -> f64 {
    rows.iter().map(|row| row.terms(b)[0]).sum::<f64>() / rows.len() as f64
}

/// Slope and curvature of [`nll`] in `b`.
fn slope(rows: &[Row], b: f64) -> [f64; 2] {
    let sums = rows
        .iter()
        .map(|row| row.terms(b))
        .fold([0.0; 2], |[slope, curvature], terms| [slope + terms[1], curvature + terms[2]]);
    sums.map(|sum| sum / rows.len() as f64)
}

/// The inverse temperature at which [`nll`] is flat: its slope grows, from below 0 to above.
fn root(rows: &[Row]) -> f64 {
    let (mut low, mut high) = (1.0, 1.0);
    while slope(rows, high)[0] < 0.0 && high < f64::MAX {
        (low, high) = (high, 2.0 * high);
    }
    while slope(rows, low)[0] > 0.0 && low > 0.0 {
        (low, high) = (0.5 * low, low);
    }
    let mut b = low;
    for _ in 0..MOST_STEPS {
        let [of_b, curvature] = slope(rows, b);
        *(if of_b < 0.0 { &mut low } else { &mut high }) = b;
        let newton = b - of_b / curvature;
        let next = if (low..=high).contains(&newton) { newton } else { 0.5 * (low + high) };
        if of_b == 0.0 || (next - b).abs() <= f64::EPSILON * b {
            return next;
        }
        b = next;
    }
    b
}

#[cfg(test)]
mod tests;
