//! Selective prediction: the risk of what is answered, when the most uncertain rows are refused.

use super::checks::{check_finite, check_scores};
use crate::check::Argument;
use crate::error::{Result, TrainError};

/// What is left to answer, and how well, when the most uncertain rows are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RejectionPoint {
    /// Share of rows refused.
    pub rejected: f64,
    /// Share of wrong answers among the rows that are left.
    pub error: f64,
}

/// Error rate against rejected share: for each share in `shares`, that part of the rows with the
/// highest `uncertainty` is refused (rounded down to whole rows; which of equals go, as in [`risk_coverage_curve`]).
///
/// # Errors
/// [`TrainError::Rows`] if the two lists differ in length, [`TrainError::Shape`] if they are empty,
/// [`TrainError::Value`] if a share is not in 0 to 1 (1 excluded: nothing would be left),
/// [`TrainError::Entry`] for a NaN.
///
/// # Examples
/// ```
/// use tfn_train::metrics::rejection_curve;
///
/// let uncertainty = [0.1, 0.9, 0.2, 0.6];
/// let correct = [true, false, true, true];
/// let curve = rejection_curve(&uncertainty, &correct, &[0.0, 0.25])?;
/// assert_eq!((curve[0].error, curve[1].error), (0.25, 0.0));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// El-Yaniv and Wiener, *On the foundations of noise-free selective classification*, JMLR 11, 2010.
pub fn rejection_curve(
    uncertainty: &[f64],
    correct: &[bool],
    shares: &[f64],
) -> Result<Vec<RejectionPoint>> {
    let op = "rejection_curve";
    check_scores(op, "uncertainty", uncertainty)?;
    check_rows(op, uncertainty, "correct", correct.len())?;
    let losses: Vec<f64> = correct.iter().map(|&correct| f64::from(!correct)).collect();
    let risks = risks(uncertainty, &losses);
    shares.iter().map(|&share| rejection_point(&risks, share)).collect()
}

fn rejection_point(risks: &[f64], share: f64) -> Result<RejectionPoint> {
    let expected = "a share from 0 to below 1";
    let share = Argument::new("rejection_curve", "shares", share)
        .require((0.0..1.0).contains(&share), expected)?;
    let rows = risks.len();
    let rejected = ((share * rows as f64).floor() as usize).min(rows - 1);
    let error = risks[rows - rejected - 1];
    Ok(RejectionPoint { rejected: rejected as f64 / rows as f64, error })
}

/// A point of a risk–coverage curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskCoveragePoint {
    /// Share of rows answered.
    pub coverage: f64,
    /// Mean loss of these.
    pub risk: f64,
}

/// Mean loss of the k rows of the lowest `uncertainty`, for k from 1 to all rows.
///
/// Rows of equal uncertainty have no order among them. A point that includes only some of them is the mean over all
/// their orders, so that the curve depends neither on the order of the rows nor on chance.
///
/// `losses` may be errors of classes, [`Classification::zero_one_loss`](super::Classification::zero_one_loss), or any loss
/// of a row.
///
/// # Errors
/// [`TrainError::Shape`] if the lists are empty, [`TrainError::Rows`] if they differ in length, [`TrainError::Entry`] for
/// an uncertainty that is NaN and a loss that is not finite.
///
/// # Examples
/// ```
/// use tfn_train::metrics::{aurc, risk_coverage_curve};
///
/// let (uncertainty, losses) = ([0.1, 0.9, 0.2, 0.6], [0.0, 1.0, 0.0, 1.0]);
/// let curve = risk_coverage_curve(&uncertainty, &losses)?;
/// assert_eq!((curve[1].coverage, curve[1].risk), (0.5, 0.0));
/// assert_eq!((curve[3].coverage, curve[3].risk), (1.0, 0.5));
/// assert_eq!(aurc(&uncertainty, &losses)?, (1.0 / 3.0 + 0.5) / 4.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Geifman and El-Yaniv, *Selective classification for deep neural networks*, NIPS 2017, section 2.
pub fn risk_coverage_curve(uncertainty: &[f64], losses: &[f64]) -> Result<Vec<RiskCoveragePoint>> {
    let risks = checked_risks("risk_coverage_curve", uncertainty, losses)?;
    let rows = risks.len() as f64;
    let point = |(row, risk)| RiskCoveragePoint { coverage: (row + 1) as f64 / rows, risk };
    Ok(risks.into_iter().enumerate().map(point).collect())
}

/// Area under the risk–coverage curve: the mean of its risks. Lower is better.
///
/// Of equal uncertainties it is the mean loss, since nothing is told apart; a ranking that is worse than chance has more.
///
/// # Errors
/// As [`risk_coverage_curve`].
///
/// # References
/// Geifman, Uziel, El-Yaniv, *Bias-reduced uncertainty estimation for deep neural classifiers*, ICLR 2019.
pub fn aurc(uncertainty: &[f64], losses: &[f64]) -> Result<f64> {
    Ok(mean(&checked_risks("aurc", uncertainty, losses)?))
}

/// How far [`aurc`] lies above that of the best ranking of the same losses. This is the part that the uncertainty is to
/// blame for; it is never below 0.
///
/// For 0-1 losses of mean r the paper also gives the limit of the best area for many rows, r + (1 − r) ln(1 − r); this is
/// the exact one, so that a perfect ranking has 0.
///
/// # Errors
/// As [`risk_coverage_curve`].
///
/// # Examples
/// ```
/// use tfn_train::metrics::excess_aurc;
///
/// let losses = [0.0, 1.0, 0.0, 1.0];
/// assert_eq!(excess_aurc(&[0.1, 0.9, 0.2, 0.6], &losses)?, 0.0);
/// assert!(excess_aurc(&[0.1, 0.9, 0.7, 0.6], &losses)? > 0.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// As of [`aurc`].
pub fn excess_aurc(uncertainty: &[f64], losses: &[f64]) -> Result<f64> {
    let area = mean(&checked_risks("excess_aurc", uncertainty, losses)?);
    let excess = area - mean(&risks(losses, losses));
    // Rounding could make a best ranking better than the best.
    Ok(if excess < 0.0 { 0.0 } else { excess })
}

fn checked_risks(op: &'static str, uncertainty: &[f64], losses: &[f64]) -> Result<Vec<f64>> {
    check_scores(op, "uncertainty", uncertainty)?;
    check_rows(op, uncertainty, "losses", losses.len())?;
    check_finite(op, "losses", losses)?;
    Ok(risks(uncertainty, losses))
}

fn check_rows(
    op: &'static str,
    uncertainty: &[f64],
    rhs_argument: &'static str,
    rhs: usize,
) -> Result<()> {
    let lhs = uncertainty.len();
    if lhs == rhs {
        return Ok(());
    }
    Err(TrainError::Rows { op, lhs_argument: "uncertainty", lhs, rhs_argument, rhs })
}

/// Mean loss of the first row, the first two, and so on, by rising uncertainty.
fn risks(uncertainty: &[f64], losses: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| uncertainty[a].total_cmp(&uncertainty[b]));
    let (mut risks, mut before) = (Vec::with_capacity(losses.len()), 0.0);
    for ties in order.chunk_by(|&a, &b| uncertainty[a] == uncertainty[b]) {
        let sum: f64 = ties.iter().map(|&row| losses[row]).sum();
        for taken in 1..=ties.len() {
            let expected = before + sum * taken as f64 / ties.len() as f64;
            risks.push(expected / (risks.len() + 1) as f64);
        }
        before += sum;
    }
    risks
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_curve_by_hand() {
        let uncertainty = [0.9, 0.1, 0.5, 0.7, 0.3];
        let correct = [false, true, true, false, true];
        let curve = rejection_curve(&uncertainty, &correct, &[0.0, 0.2, 0.39, 0.4, 0.99]).unwrap();
        let errors: Vec<f64> = curve.iter().map(|point| point.error).collect();
        assert_eq!(errors, [0.4, 0.25, 0.25, 0.0, 0.0]);
        assert_eq!(curve[2].rejected, 0.2);
        assert_eq!(curve[4].rejected, 0.8);
    }

    #[test]
    fn of_equals_it_is_the_mean_over_their_orders() {
        let losses = [3.0, 1.0, 0.0, 7.0];
        let uncertainty = [0.5, 0.1, 0.5, 0.5];
        let orders =
            [[1, 0, 2, 3], [1, 0, 3, 2], [1, 2, 0, 3], [1, 2, 3, 0], [1, 3, 0, 2], [1, 3, 2, 0]];
        let of_order = |order: [usize; 4]| {
            let mut ranks = [0.0; 4];
            for (rank, row) in order.into_iter().enumerate() {
                ranks[row] = rank as f64;
            }
            aurc(&ranks, &losses).unwrap()
        };
        let expected = orders.into_iter().map(of_order).sum::<f64>() / 6.0;
        assert!((aurc(&uncertainty, &losses).unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn constant_uncertainty_and_single_rows() {
        let losses = [0.0, 1.0, 0.0, 0.0, 1.0];
        let area = aurc(&[0.3; 5], &losses).unwrap();
        assert!((area - 0.4).abs() < 1e-15, "{area}");
        assert_eq!(aurc(&[0.3], &[1.0]).unwrap(), 1.0);
        assert_eq!(excess_aurc(&[f64::INFINITY], &[1.0]).unwrap(), 0.0);
        // All right, or all wrong: no ranking is better than another.
        for loss in [0.0, 1.0] {
            assert_eq!(excess_aurc(&[0.1, 0.3, 0.2], &[loss; 3]).unwrap(), 0.0);
        }
        let point = risk_coverage_curve(&[0.3], &[2.5]).unwrap()[0];
        assert_eq!(point, RiskCoveragePoint { coverage: 1.0, risk: 2.5 });
    }

    #[test]
    fn bad_input_names_what_is_wrong() {
        let text = |error: TrainError| error.to_string();
        let rows = text(rejection_curve(&[1.0], &[], &[0.0]).unwrap_err());
        assert!(rows.contains("`uncertainty` has 1 rows, `correct` has 0"), "{rows}");
        let share = text(rejection_curve(&[1.0], &[true], &[1.0]).unwrap_err());
        assert!(share.contains("`shares` is 1, expected a share from 0 to below 1"), "{share}");
        for metric in [aurc, excess_aurc] {
            let empty = text(metric(&[], &[]).unwrap_err());
            assert!(empty.contains("`uncertainty` has shape [0]"), "{empty}");
            let rows = text(metric(&[1.0], &[0.0, 1.0]).unwrap_err());
            assert!(rows.contains("`uncertainty` has 1 rows, `losses` has 2"), "{rows}");
            let nan = text(metric(&[1.0, f64::NAN], &[0.0, 1.0]).unwrap_err());
            assert!(nan.contains("`uncertainty` is NaN in row 1"), "{nan}");
            let infinite = text(metric(&[1.0], &[f64::INFINITY]).unwrap_err());
            assert!(infinite.contains("`losses` is inf in row 0, expected a finite"), "{infinite}");
        }
    }
}
