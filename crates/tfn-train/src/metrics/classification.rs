//! Metrics of predicted class probabilities against labels.

use tfn_tensor::Tensor;

use crate::check::{Argument, check_class};
use crate::error::{Result, TrainError};

/// Number of bins of [`Classification::ece`] in the literature.
pub const DEFAULT_BINS: usize = 15;

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

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Rows whose confidence lies in the bin.
    pub count: usize,
    /// Their mean confidence (NaN if there are none).
    pub confidence: f64,
    /// The share of them that is right (NaN if there are none).
    pub accuracy: f64,
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

    fn rows(&self) -> impl Iterator<Item = (&[f64], usize)> {
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

    /// Expected calibration error with [`DEFAULT_BINS`] bins of equal width.
    ///
    /// Counterpart: `tfp.stats.expected_calibration_error`. With n_b rows of mean confidence c_b
    /// and accuracy a_b in bin b:
    ///
    /// ```text
    /// Σ_b n_b / n · |a_b − c_b|
    /// ```
    ///
    /// # References
    /// Guo, Pleiss, Sun, Weinberger, *On calibration of modern neural networks*, ICML 2017,
    /// equation 3.
    pub fn ece(&self) -> f64 {
        let gaps = self.bins(DEFAULT_BINS).into_iter().filter(|bin| bin.count > 0);
        let gaps = gaps.map(|bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs());
        gaps.sum::<f64>() / self.labels.len() as f64
    }

    /// The rows by confidence, in bins of equal width.
    ///
    /// # Errors
    /// [`TrainError::Value`] if `bins` is 0.
    pub fn reliability(&self, bins: usize) -> Result<Vec<ReliabilityBin>> {
        Argument::new("reliability", "bins", bins as f64).positive()?;
        Ok(self.bins(bins))
    }

    fn bins(&self, bins: usize) -> Vec<ReliabilityBin> {
        let mut sums = vec![(0_usize, 0.0_f64, 0_usize); bins];
        for (p, label) in self.rows() {
            let (best, confidence) = most_probable(p);
            // Bin b holds (b / bins, (b + 1) / bins], as in the literature.
            let bin = (confidence * bins as f64).ceil() as usize;
            let (count, sum, right) = &mut sums[bin.clamp(1, bins) - 1];
            *count += 1;
            *sum += confidence;
            *right += usize::from(best == label);
        }
        let means = sums.into_iter().map(|(count, sum, right)| ReliabilityBin {
            count,
            confidence: sum / count as f64,
            accuracy: right as f64 / count as f64,
        });
        means.collect()
    }
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

    fn scores(probs: &[f64], labels: &[f64]) -> Result<Classification> {
        let rows = labels.len();
        let probs = Tensor::from_f64(probs, &[rows, probs.len() / rows], tfn_tensor::DType::F64);
        Classification::new(&probs, &Tensor::from_vec(labels.to_vec(), &[rows]))
    }

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
        // Each row has a bin of its own: |1 - 0.7|, |0 - 0.8|, |1 - 0.4|, |0 - 0.5|.
        assert!((scores.ece() - (0.3 + 0.8 + 0.6 + 0.5) / 4.0).abs() < 1e-15);
    }

    #[test]
    fn rows_of_one_bin_are_averaged_before_the_difference() {
        // 0.62 and 0.66 share the bin (9/15, 10/15], 0.9 is alone.
        let scores = scores(&[0.62, 0.38, 0.66, 0.34, 0.9, 0.1], &[0.0, 1.0, 0.0]).unwrap();
        let expected = (2.0 * (0.5_f64 - 0.64).abs() + (1.0_f64 - 0.9).abs()) / 3.0;
        assert!((scores.ece() - expected).abs() < 1e-15);
        let bins = scores.reliability(DEFAULT_BINS).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), 3);
        assert_eq!((bins[9].count, bins[9].accuracy), (2, 0.5));
        assert!(bins[0].confidence.is_nan());
        assert!(scores.reliability(0).is_err());
    }

    #[test]
    fn a_confidence_on_an_edge_belongs_to_the_bin_below() {
        let scores = scores(&[0.5, 0.5, 1.0, 0.0], &[0.0, 0.0]).unwrap();
        let counts: Vec<usize> =
            scores.reliability(2).unwrap().iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [1, 1]);
        assert_eq!(scores.nll(), 0.5 * 2.0_f64.ln());
    }

    #[test]
    fn a_perfectly_calibrated_set_has_no_error() {
        let probs: Vec<f64> = [0.8, 0.2].repeat(5);
        let scores = scores(&probs, &[0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
        assert!(scores.ece() < 1e-15);
        assert!((scores.accuracy() - 0.8).abs() < 1e-15);
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
