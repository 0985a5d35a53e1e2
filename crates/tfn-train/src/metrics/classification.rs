//! Metrics of predicted class probabilities against labels.

use tfn_tensor::{Key, Tensor};

use super::bootstrap::Bootstrap;
use crate::check::{Argument, check_class};
use crate::error::{Result, TrainError};

/// How far from 1 the probabilities of a row may add up.
const SUM_TOLERANCE: f64 = 1e-3;

/// Predicted probabilities beside the true labels, checked once.
///
/// All sums are taken in f64, row after row.
///
/// # Examples
/// ```
/// use tfn_tensor::Tensor;
/// use tfn_train::metrics::Classification;
///
/// let probs = Tensor::from_vec(vec![0.75, 0.25, 0.5, 0.5, 0.25, 0.75], &[3, 2]);
/// let labels = Tensor::from_vec(vec![0.0, 0.0, 0.0], &[3]);
/// let scores = Classification::new(&probs, &labels)?;
/// assert_eq!(scores.accuracy(), 2.0 / 3.0);
/// assert!((scores.nll() - (4.0_f64 / 3.0 * 2.0 * 4.0).ln() / 3.0).abs() < 1e-15);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Classification {
    classes: usize,
    probs: Vec<f64>,
    labels: Vec<usize>,
}

impl Classification {
    /// Checks probabilities and labels.
    ///
    /// # Shapes
    /// `probs`: `[n, classes]`, rows that add up to 1. `labels`: `[n]`, whole numbers below
    /// `classes`.
    ///
    /// # Errors
    /// [`TrainError::Shape`] or [`TrainError::Rows`] for other shapes or no rows,
    /// [`TrainError::Entry`] for a row that is no distribution and for a label that is no class,
    /// and the errors that the tensors carry.
    pub fn new(probs: &Tensor, labels: &Tensor) -> Result<Self> {
        let &[rows, classes] = probs.shape()? else {
            return Err(shape_error("probs", probs.shape()?, "[n, classes]"));
        };
        let &[label_rows] = labels.shape()? else {
            return Err(shape_error("labels", labels.shape()?, "[n]"));
        };
        if rows == 0 || classes == 0 {
            let expected = "[n, classes] with at least one row and one class";
            return Err(shape_error("probs", probs.shape()?, expected));
        }
        if rows != label_rows {
            return Err(TrainError::Rows {
                op: "Classification",
                lhs_argument: "probs",
                lhs: rows,
                rhs_argument: "labels",
                rhs: label_rows,
            });
        }
        let probs = probs.to_f64_vec()?;
        for (row, p) in probs.chunks_exact(classes).enumerate() {
            check_row(row, p)?;
        }
        let labels = labels.to_f64_vec()?.into_iter().enumerate();
        let labels =
            labels.map(|(row, label)| check_class("Classification", "labels", row, label, classes));
        let labels = labels.collect::<Result<Vec<usize>>>()?;
        Ok(Self { classes, probs, labels })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[f64], usize)> {
        self.probs.chunks_exact(self.classes).zip(self.labels.iter().copied())
    }

    fn mean(&self, of_row: impl Fn(&[f64], usize) -> f64) -> f64 {
        self.rows().map(|(p, label)| of_row(p, label)).sum::<f64>() / self.labels.len() as f64
    }

    /// Whether the most probable class is the label, row by row; the first of equals counts.
    pub fn correct(&self) -> Vec<bool> {
        self.rows().map(|(p, label)| most_probable(p).0 == label).collect()
    }

    /// Probability of the most probable class, row by row.
    pub fn confidence(&self) -> Vec<f64> {
        self.rows().map(|(p, _)| most_probable(p).1).collect()
    }

    /// Share of rows whose most probable class is the label.
    pub fn accuracy(&self) -> f64 {
        self.mean(|p, label| f64::from(most_probable(p).0 == label))
    }

    /// Mean negative log-probability of the label: infinite if one has probability 0.
    pub fn nll(&self) -> f64 {
        self.mean(|p, label| -p[label].ln())
    }

    /// Brier score, from 0 (best) to 2.
    ///
    /// ```text
    /// (1/n) Σᵢ Σₖ (pᵢₖ − [yᵢ = k])²
    /// ```
    ///
    /// # References
    /// Brier, *Verification of forecasts expressed in terms of probability*, Monthly Weather Review
    /// 78, 1950, equation 2.
    pub fn brier(&self) -> f64 {
        self.mean(|p, label| {
            let squares: f64 = p.iter().map(|p| p * p).sum();
            squares - 2.0 * p[label] + 1.0
        })
    }

    /// Share of rows whose label is among the `k` most probable classes; of equals, the first count.
    ///
    /// With `k` of 1 that is [`accuracy`](Self::accuracy), with all classes it is 1. Counterpart:
    /// `tf_keras.metrics.SparseTopKCategoricalAccuracy`. Scikit-learn's `top_k_accuracy_score` counts the last of equals
    /// first, and so differs there.
    ///
    /// # Errors
    /// [`TrainError::Value`] if `k` is not from 1 to the number of classes.
    pub fn top_k_accuracy(&self, k: usize) -> Result<f64> {
        let expected = "a whole number from 1 to the number of classes";
        Argument::new("top_k_accuracy", "k", k as f64)
            .require((1..=self.classes).contains(&k), expected)?;
        Ok(self.mean(|p, label| f64::from(rank(p, label) < k)))
    }

    /// 1 for each row whose most probable class is not the label, else 0; the losses of a risk–coverage curve.
    pub fn zero_one_loss(&self) -> Vec<f64> {
        self.correct().into_iter().map(|correct| f64::from(!correct)).collect()
    }

    /// What `metric` gives for rows drawn with replacement, `resamples` times.
    ///
    /// # Errors
    /// As [`Bootstrap::new`].
    ///
    /// # Examples
    /// ```
    /// use tfn_tensor::{Key, Tensor};
    /// use tfn_train::metrics::Classification;
    ///
    /// let probs = Tensor::from_vec([0.9, 0.1, 0.3, 0.7].repeat(50), &[100, 2]);
    /// let labels = Tensor::from_vec([0.0, 1.0, 0.0, 0.0].repeat(25), &[100]);
    /// let scores = Classification::new(&probs, &labels)?;
    /// let bootstrap = scores.bootstrap(1000, &Key::from_seed(1), |scores| Ok(scores.accuracy()))?;
    /// let [low, high] = bootstrap.interval(0.95)?;
    /// assert!(0.6 < low && low < scores.accuracy() && scores.accuracy() < high && high < 0.9);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn bootstrap(
        &self,
        resamples: usize,
        key: &Key,
        mut metric: impl FnMut(&Self) -> Result<f64>,
    ) -> Result<Bootstrap> {
        Bootstrap::new(self.labels.len(), resamples, key, |rows| metric(&self.of_rows(rows)))
    }

    /// The rows of these numbers, which may repeat.
    fn of_rows(&self, rows: &[usize]) -> Self {
        let of_row = |&row: &usize| &self.probs[row * self.classes..(row + 1) * self.classes];
        Self {
            classes: self.classes,
            probs: rows.iter().flat_map(of_row).copied().collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }

    /// For each class its probabilities, and whether it is the label, row by row.
    pub(super) fn by_class(&self) -> impl Iterator<Item = (Vec<f64>, Vec<bool>)> {
        (0..self.classes)
            .map(|class| self.rows().map(|(p, label)| (p[class], label == class)).unzip())
    }
}

/// How many classes come before `label`.
fn rank(p: &[f64], label: usize) -> usize {
    let before =
        |&(k, &other): &(usize, &f64)| other > p[label] || (other == p[label] && k < label);
    p.iter().enumerate().filter(before).count()
}

fn most_probable(p: &[f64]) -> (usize, f64) {
    let best = (0, f64::NEG_INFINITY);
    p.iter().enumerate().fold(best, |best, (k, &p)| if p > best.1 { (k, p) } else { best })
}

fn check_row(row: usize, p: &[f64]) -> Result<()> {
    let entry_error = |given, expected: &str| TrainError::Entry {
        op: "Classification",
        argument: "probs",
        row,
        given,
        expected: expected.to_owned(),
    };
    // Rounding may leave a probability a little above 1.
    let in_range = |p: &f64| (0.0..=1.0 + SUM_TOLERANCE).contains(p);
    if let Some(&wrong) = p.iter().find(|p| !in_range(p)) {
        return Err(entry_error(wrong, "a probability"));
    }
    let sum: f64 = p.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(entry_error(sum, "probabilities that add up to 1"));
    }
    Ok(())
}

fn shape_error(argument: &'static str, given: &[usize], expected: &str) -> TrainError {
    TrainError::Shape {
        op: "Classification",
        argument,
        given: given.to_vec(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::scores;

    #[test]
    fn four_rows_by_hand() {
        let scores = scores(
            &[0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.3, 0.4, 0.5, 0.5, 0.0],
            &[0.0, 2.0, 2.0, 1.0],
        )
        .unwrap();
        assert_eq!(scores.correct(), [true, false, true, false]);
        assert_eq!(scores.confidence(), [0.7, 0.8, 0.4, 0.5]);
        assert_eq!(scores.accuracy(), 0.5);
        let nll = -(0.7_f64 * 0.1 * 0.4 * 0.5).ln() / 4.0;
        assert!((scores.nll() - nll).abs() < 1e-15);
        // 0.09 + 0.04 + 0.01, 0.01 + 0.64 + 0.81, 0.09 + 0.09 + 0.36, 0.25 + 0.25
        assert!((scores.brier() - (0.14 + 1.46 + 0.54 + 0.5) / 4.0).abs() < 1e-15);
        assert_eq!(scores.zero_one_loss(), [0.0, 1.0, 0.0, 1.0]);
        let top: Vec<f64> = (1..=3).map(|k| scores.top_k_accuracy(k).unwrap()).collect();
        // In the second row classes 0 and 2 are equals, and the label is the later of them.
        assert_eq!(top, [0.5, 0.75, 1.0]);
    }

    #[test]
    fn bad_input_names_what_is_wrong() {
        for (probs, labels, message) in [
            (
                vec![0.5, 0.5],
                vec![2.0],
                "`labels` is 2 in row 0, expected a whole number from 0 to below 2",
            ),
            (vec![0.5, 0.5], vec![0.5], "`labels` is 0.5 in row 0"),
            (
                vec![0.5, 0.5, 0.5, 0.6],
                vec![0.0, 0.0],
                "`probs` is 1.1 in row 1, expected probabilities that add",
            ),
            (vec![1.5, -0.5], vec![0.0], "`probs` is 1.5 in row 0, expected a probability"),
            (vec![f64::NAN, 1.0], vec![0.0], "`probs` is NaN in row 0"),
        ] {
            let error = scores(&probs, &labels).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let [probs, flat] =
            [Tensor::from_vec(vec![1.0, 0.0], &[1, 2]), Tensor::from_vec(vec![0.0], &[1])];
        let error =
            |probs: &Tensor, labels: &Tensor| Classification::new(probs, labels).unwrap_err();
        assert!(
            error(&flat, &flat)
                .to_string()
                .contains("`probs` has shape [1], expected [n, classes]")
        );
        assert!(
            error(&probs, &probs).to_string().contains("`labels` has shape [1, 2], expected [n]")
        );
        let two = Tensor::from_vec(vec![0.0, 0.0], &[2]);
        assert!(error(&probs, &two).to_string().contains("`probs` has 1 rows, `labels` has 2"));
        let none = Tensor::from_vec(Vec::<f64>::new(), &[0, 2]);
        assert!(matches!(error(&none, &flat), TrainError::Shape { .. }));
    }
}
