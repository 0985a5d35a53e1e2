//! Calibration: whether classes that are predicted with some probability are right as often as it says.

use super::classification::Classification;
use crate::check::Argument;
use crate::error::Result;

/// Number of bins of [`Classification::ece`] in the literature.
pub const DEFAULT_BINS: usize = 15;

/// More bins than any set of rows can fill with meaning; it keeps a mistaken number from asking for all memory.
const MOST_BINS: usize = 1 << 20;

/// How predicted probabilities are put into bins.
///
/// A number of bins alone means equal widths: `scores.mce(10)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binning {
    /// So many bins of equal width; bin b of B holds (b/B, (b + 1)/B], and the first one 0 as well.
    EqualWidth(usize),
    /// So many bins of equal numbers of rows, the first ones having one more if it does not come out even. Equal
    /// probabilities stay together, in the bin that the first of them belongs to; so some bins may be empty.
    EqualMass(usize),
}

impl Default for Binning {
    /// [`DEFAULT_BINS`] of equal width.
    fn default() -> Self {
        Self::EqualWidth(DEFAULT_BINS)
    }
}

impl From<usize> for Binning {
    fn from(bins: usize) -> Self {
        Self::EqualWidth(bins)
    }
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
        mean_gap(&self.bins(Binning::default()))
    }

    /// Expected calibration error, as [`ece`](Self::ece), with other bins.
    ///
    /// It is biased upwards: in a bin of few rows the accuracy differs from the confidence by chance. Bins of equal mass
    /// avoid such bins; [`debiased_squared_calibration_error`](Self::debiased_squared_calibration_error) corrects for it.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if there are no bins, or more than 2²⁰.
    ///
    /// # Examples
    /// ```
    /// use tfn_tensor::Tensor;
    /// use tfn_train::metrics::{Binning, Classification};
    ///
    /// let probs = Tensor::from_vec(vec![0.9, 0.1, 0.8, 0.2, 0.6, 0.4, 0.7, 0.3], &[4, 2]);
    /// let labels = Tensor::from_vec(vec![0.0, 0.0, 0.0, 1.0], &[4]);
    /// let scores = Classification::new(&probs, &labels)?;
    /// // {0.6, 0.7} is right once, {0.8, 0.9} twice.
    /// let ece = scores.ece_with(Binning::EqualMass(2))?;
    /// assert!((ece - (0.15 + 0.15) / 2.0).abs() < 1e-15);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    ///
    /// # References
    /// As of [`ece`](Self::ece); bins of equal mass: Nguyen and O'Connor, *Posterior calibration and exploratory analysis
    /// for natural language processing models*, EMNLP 2015.
    pub fn ece_with(&self, binning: impl Into<Binning>) -> Result<f64> {
        Ok(mean_gap(&self.bins(checked("ece_with", binning)?)))
    }

    /// Maximum calibration error: the largest |accuracy − confidence| of a bin that is not empty.
    ///
    /// A bin with few rows may decide it alone; bins of equal mass have none such.
    ///
    /// # Errors
    /// As [`ece_with`](Self::ece_with).
    ///
    /// # References
    /// Naeini, Cooper, Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, AAAI 2015; Guo et
    /// al., ICML 2017, equation 5.
    pub fn mce(&self, binning: impl Into<Binning>) -> Result<f64> {
        let bins = self.bins(checked("mce", binning)?);
        Ok(filled(&bins).map(gap).fold(0.0, f64::max))
    }

    /// Classwise expected calibration error: that of the probabilities of each class, averaged over the classes.
    ///
    /// With n_bk rows in bin b of the probabilities of class k, their mean p_bk and the share y_bk of them with label k:
    ///
    /// ```text
    /// (1/K) Σₖ Σ_b n_bk / n · |y_bk − p_bk|
    /// ```
    ///
    /// It sees all probabilities of a row, [`ece`](Self::ece) the highest only. A class that is no row's label counts
    /// with the mean of its probabilities.
    ///
    /// # Errors
    /// As [`ece_with`](Self::ece_with).
    ///
    /// # References
    /// Kull, Perello-Nieto, Kängsepp, Silva Filho, Song, Flach, *Beyond temperature scaling: obtaining well-calibrated
    /// multiclass probabilities with Dirichlet calibration*, NeurIPS 2019, section 2 (classwise-ECE).
    pub fn classwise_ece(&self, binning: impl Into<Binning>) -> Result<f64> {
        let binning = checked("classwise_ece", binning)?;
        let errors: Vec<f64> = self
            .by_class()
            .map(|(probs, is_label)| mean_gap(&binned(binning, &probs, &is_label)))
            .collect();
        Ok(errors.iter().sum::<f64>() / errors.len() as f64)
    }

    /// Squared calibration error of the confidence, without the bias that chance within the bins gives it.
    ///
    /// ```text
    /// Σ_b n_b / n · [(a_b − c_b)² − a_b (1 − a_b) / (n_b − 1)]
    /// ```
    ///
    /// Where all confidences of a bin are the same, its expectation is the true squared error, up to bins of one row; where
    /// they differ, nearly so. It is therefore about 0 on average if confidences are calibrated, and often negative then;
    /// the error in the units of [`ece`](Self::ece) is `error.max(0.0).sqrt()`. A bin of one row says nothing about its
    /// variance and counts 0, as in the authors' `uncertainty-calibration`; so one row alone has error 0.
    ///
    /// # Errors
    /// As [`ece_with`](Self::ece_with).
    ///
    /// # References
    /// Kumar, Liang, Ma, *Verified uncertainty calibration*, NeurIPS 2019, section 5; the correction is that of
    /// Bröcker, *Estimating reliability and resolution of probability forecasts through decomposition of the empirical
    /// score*, Climate Dynamics 39, 2012.
    pub fn debiased_squared_calibration_error(&self, binning: impl Into<Binning>) -> Result<f64> {
        let bins = self.bins(checked("debiased_squared_calibration_error", binning)?);
        let error = |bin: &ReliabilityBin| {
            let variance = bin.accuracy * (1.0 - bin.accuracy) / (bin.count as f64 - 1.0);
            bin.count as f64 * (gap(bin).powi(2) - variance)
        };
        let errors = filled(&bins).filter(|bin| bin.count > 1).map(error);
        Ok(errors.sum::<f64>() / rows(&bins))
    }

    /// The rows by confidence, in bins.
    ///
    /// # Errors
    /// As [`ece_with`](Self::ece_with).
    pub fn reliability(&self, binning: impl Into<Binning>) -> Result<Vec<ReliabilityBin>> {
        Ok(self.bins(checked("reliability", binning)?))
    }

    fn bins(&self, binning: Binning) -> Vec<ReliabilityBin> {
        binned(binning, &self.confidence(), &self.correct())
    }
}

fn checked(op: &'static str, binning: impl Into<Binning>) -> Result<Binning> {
    let binning = binning.into();
    let (Binning::EqualWidth(bins) | Binning::EqualMass(bins)) = binning;
    let expected = "a whole number from 1 to 1048576";
    Argument::new(op, "bins", bins as f64).require((1..=MOST_BINS).contains(&bins), expected)?;
    Ok(binning)
}

fn binned(binning: Binning, probs: &[f64], is_right: &[bool]) -> Vec<ReliabilityBin> {
    let (of_row, bins) = match binning {
        Binning::EqualWidth(bins) => (of_equal_width(probs, bins), bins),
        Binning::EqualMass(bins) => (of_equal_mass(probs, bins), bins),
    };
    let mut sums = vec![(0_usize, 0.0_f64, 0_usize); bins];
    for ((bin, p), &is_right) in of_row.into_iter().zip(probs).zip(is_right) {
        let (count, sum, right) = &mut sums[bin];
        *count += 1;
        *sum += p;
        *right += usize::from(is_right);
    }
    let means = sums.into_iter().map(|(count, sum, right)| ReliabilityBin {
        count,
        confidence: sum / count as f64,
        accuracy: right as f64 / count as f64,
    });
    means.collect()
}

/// The bin of each row. Bin b holds (b / bins, (b + 1) / bins], as in the literature.
fn of_equal_width(probs: &[f64], bins: usize) -> Vec<usize> {
    let bin = |p: &f64| ((p * bins as f64).ceil() as usize).clamp(1, bins) - 1;
    probs.iter().map(bin).collect()
}

/// The bin of each row, by its place in the order of probabilities.
fn of_equal_mass(probs: &[f64], bins: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probs.len()).collect();
    order.sort_by(|&a, &b| probs[a].total_cmp(&probs[b]));
    let (size, larger) = (probs.len() / bins, probs.len() % bins);
    let at = |place: usize| match place.checked_sub(larger * (size + 1)) {
        None => place / (size + 1),
        // Only reached past the larger bins, and then the others are not of size 0.
        Some(place) => larger + place / size.max(1),
    };
    let (mut of_row, mut place) = (vec![0; probs.len()], 0);
    for ties in order.chunk_by(|&a, &b| probs[a] == probs[b]) {
        for &row in ties {
            of_row[row] = at(place);
        }
        place += ties.len();
    }
    of_row
}

fn filled(bins: &[ReliabilityBin]) -> impl Iterator<Item = &ReliabilityBin> {
    bins.iter().filter(|bin| bin.count > 0)
}

fn gap(bin: &ReliabilityBin) -> f64 {
    (bin.accuracy - bin.confidence).abs()
}

fn rows(bins: &[ReliabilityBin]) -> f64 {
    bins.iter().map(|bin| bin.count).sum::<usize>() as f64
}

fn mean_gap(bins: &[ReliabilityBin]) -> f64 {
    filled(bins).map(|bin| bin.count as f64 * gap(bin)).sum::<f64>() / rows(bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::scores;

    #[test]
    fn rows_with_a_bin_each() {
        let scores = scores(
            &[0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.3, 0.4, 0.5, 0.5, 0.0],
            &[0.0, 2.0, 2.0, 1.0],
        )
        .unwrap();
        // |1 - 0.7|, |0 - 0.8|, |1 - 0.4|, |0 - 0.5|
        for binning in [Binning::default(), Binning::EqualMass(4), Binning::EqualMass(9)] {
            assert!(
                (scores.ece_with(binning).unwrap() - (0.3 + 0.8 + 0.6 + 0.5) / 4.0).abs() < 1e-15
            );
            assert_eq!(scores.mce(binning).unwrap(), 0.8);
            assert_eq!(scores.debiased_squared_calibration_error(binning).unwrap(), 0.0);
        }
        assert_eq!(scores.ece(), scores.ece_with(15).unwrap());
    }

    #[test]
    fn rows_of_one_bin_are_averaged_before_the_difference() {
        // 0.62 and 0.66 share the bin (9/15, 10/15], 0.9 is alone.
        let scores = scores(&[0.62, 0.38, 0.66, 0.34, 0.9, 0.1], &[0.0, 1.0, 0.0]).unwrap();
        let expected = (2.0 * (0.5_f64 - 0.64).abs() + (1.0_f64 - 0.9).abs()) / 3.0;
        assert!((scores.ece() - expected).abs() < 1e-15);
        assert!((scores.mce(DEFAULT_BINS).unwrap() - 0.14).abs() < 1e-15);
        let bins = scores.reliability(DEFAULT_BINS).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), 3);
        assert_eq!((bins[9].count, bins[9].accuracy), (2, 0.5));
        assert!(bins[0].confidence.is_nan());
        // The variance of the accuracy of two rows, one of them right: 1/4.
        let debiased = scores.debiased_squared_calibration_error(DEFAULT_BINS).unwrap();
        assert!((debiased - 2.0 / 3.0 * (0.14 * 0.14 - 0.25)).abs() < 1e-15);
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
        assert!(scores.classwise_ece(10).unwrap() < 1e-15);
        assert!((scores.accuracy() - 0.8).abs() < 1e-15);
    }

    #[test]
    fn equal_mass_is_even_but_for_ties() {
        let counts = |confidences: &[f64], bins| {
            let probs: Vec<f64> = confidences.iter().flat_map(|&p| [p, 1.0 - p]).collect();
            let scores = scores(&probs, &vec![0.0; confidences.len()]).unwrap();
            let bins = scores.reliability(Binning::EqualMass(bins)).unwrap();
            bins.iter().map(|bin| bin.count).collect::<Vec<_>>()
        };
        let different: Vec<f64> = (0..11).map(|i| 0.95 - 0.04 * f64::from(i)).collect();
        assert_eq!(counts(&different, 4), [3, 3, 3, 2]);
        assert_eq!(counts(&different[..2], 4), [1, 1, 0, 0]);
        // The two lowest and the first of the ties would be the first bin.
        assert_eq!(counts(&[0.9, 0.7, 0.7, 0.7, 0.6, 0.5], 2), [5, 1]);
        assert_eq!(counts(&[0.7; 5], 3), [5, 0, 0]);
    }

    #[test]
    fn one_class_one_row_and_constant_predictions() {
        for binning in [Binning::EqualWidth(15), Binning::EqualMass(15)] {
            let certain = scores(&[1.0, 1.0], &[0.0, 0.0]).unwrap();
            assert_eq!(certain.classwise_ece(binning).unwrap(), 0.0);
            assert_eq!(certain.mce(binning).unwrap(), 0.0);
            let one = scores(&[0.75, 0.25], &[1.0]).unwrap();
            assert_eq!(one.ece_with(binning).unwrap(), 0.75);
            assert_eq!(one.classwise_ece(binning).unwrap(), 0.75);
            assert_eq!(one.debiased_squared_calibration_error(binning).unwrap(), 0.0);
            // Class 2 has no rows: what it was given is all error.
            let constant = scores(&[0.5, 0.25, 0.25].repeat(4), &[0.0, 0.0, 1.0, 1.0]).unwrap();
            assert_eq!(constant.classwise_ece(binning).unwrap(), (0.0 + 0.25 + 0.25) / 3.0);
            assert_eq!(constant.mce(binning).unwrap(), 0.0);
        }
    }

    #[test]
    fn debiased_error_of_calibrated_confidences_averages_to_nothing() {
        // All outcomes of four rows of confidence 0.75, each with its probability.
        let (mut debiased, mut plain) = (0.0, 0.0);
        for outcome in 0..16_u32 {
            let labels: Vec<f64> = (0..4).map(|row| f64::from(outcome >> row & 1)).collect();
            let probability: f64 = labels.iter().map(|label| 0.75 - 0.5 * label).product();
            let scores = scores(&[0.75, 0.25].repeat(4), &labels).unwrap();
            debiased += probability * scores.debiased_squared_calibration_error(1).unwrap();
            plain += probability * scores.ece_with(1).unwrap().powi(2);
        }
        assert!(debiased.abs() < 1e-15, "{debiased}");
        assert!(plain > 0.04, "{plain}");
    }

    #[test]
    fn no_bins_and_too_many_are_refused() {
        let scores = scores(&[0.75, 0.25], &[1.0]).unwrap();
        for bins in [0, usize::MAX] {
            for binning in [Binning::EqualWidth(bins), Binning::EqualMass(bins)] {
                for error in [
                    scores.ece_with(binning).unwrap_err(),
                    scores.mce(binning).unwrap_err(),
                    scores.classwise_ece(binning).unwrap_err(),
                    scores.debiased_squared_calibration_error(binning).unwrap_err(),
                    scores.reliability(binning).unwrap_err(),
                ] {
                    let error = error.to_string();
                    assert!(error.contains("expected a whole number from 1 to 1048576"), "{error}");
                }
            }
        }
    }
}
