//! Metrics of a score that ranks: does it tell two groups apart?

use super::checks::check_scores;
use crate::check::Argument;
use crate::error::Result;

/// Area under the receiver operating characteristic: the probability that a member of `positive`
/// scores above one of `negative`, ties counting half.
///
/// Counterpart: `tf_keras.metrics.AUC`, which approximates it by thresholds; this one is exact. By
/// the ranks r of the positive scores among all (ties share their mean rank):
///
/// ```text
/// (Σ r − p (p + 1) / 2) / (p n)
/// ```
///
/// # Errors
/// [`TrainError::Shape`](crate::TrainError::Shape) if one of the groups is empty,
/// [`TrainError::Entry`](crate::TrainError::Entry) if a score is NaN.
///
/// # Examples
/// ```
/// use tfn_train::metrics::auroc;
///
/// let of_known_kind = [0.1, 0.4, 0.35];
/// let of_another_kind = [0.8, 0.38];
/// assert_eq!(auroc(&of_known_kind, &of_another_kind)?, 5.0 / 6.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Hanley and McNeil, *The meaning and use of the area under a receiver operating characteristic
/// curve*, Radiology 143, 1982.
pub fn auroc(negative: &[f64], positive: &[f64]) -> Result<f64> {
    let all = ascending("auroc", negative, positive)?;
    let (mut rank_sum, mut below) = (0.0, 0_usize);
    // The order puts -0 before 0, next to each other; as scores they are a tie.
    for ties in all.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = below as f64 + (ties.len() + 1) as f64 / 2.0;
        rank_sum += mean_rank * ties.iter().filter(|tie| tie.1).count() as f64;
        below += ties.len();
    }
    let (n, p) = (negative.len() as f64, positive.len() as f64);
    Ok((rank_sum - p * (p + 1.0) / 2.0) / (p * n))
}

/// Average precision, the area under the curve of precision against recall (AUPR) by steps, without interpolation.
///
/// Counterpart: `sklearn.metrics.average_precision_score`. With precision P and recall R of "scores at least t" for each
/// different score t, from the highest down:
///
/// ```text
/// AP = Σₜ (Rₜ − Rₜ₋₁) Pₜ
/// ```
///
/// Unlike [`auroc`] it depends on the shares of the groups: of equal scores it is the share of `positive`. The AUPR of the
/// other group is that of the negated scores, with the groups exchanged.
///
/// # Errors
/// As [`auroc`].
///
/// # Examples
/// ```
/// use tfn_train::metrics::average_precision;
///
/// let of_known_kind = [0.1, 0.4, 0.35];
/// let of_another_kind = [0.8, 0.38];
/// assert_eq!(average_precision(&of_known_kind, &of_another_kind)?, (1.0 + 2.0 / 3.0) / 2.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Davis and Goadrich, *The relationship between precision-recall and ROC curves*, ICML 2006 (why not by
/// trapezoids).
pub fn average_precision(negative: &[f64], positive: &[f64]) -> Result<f64> {
    let (mut sum, mut found) = (0.0, 0);
    for (false_positives, true_positives) in thresholds("average_precision", negative, positive)? {
        let precision = true_positives as f64 / (true_positives + false_positives) as f64;
        sum += (true_positives - found) as f64 * precision;
        found = true_positives;
    }
    Ok(sum / positive.len() as f64)
}

/// The share of `negative` taken for positive by the highest threshold that finds at least the share `tpr` of `positive`.
///
/// With `tpr` of 0.95 it is "FPR at 95 % TPR" of the detection of foreign inputs. A score is taken for positive if it is
/// at least the threshold, which is one of the scores: nothing is interpolated, and equal scores are taken together, as in
/// `sklearn.metrics.roc_curve`. 0 is best; of equal scores it is 1.
///
/// # Errors
/// As [`auroc`]; [`TrainError::Value`](crate::TrainError::Value) if `tpr` is not from 0 to 1. At 0 it is that of the
/// highest score.
///
/// # Examples
/// ```
/// use tfn_train::metrics::fpr_at_tpr;
///
/// let of_known_kind = [0.1, 0.4, 0.35];
/// let of_another_kind = [0.8, 0.38];
/// assert_eq!(fpr_at_tpr(&of_known_kind, &of_another_kind, 0.95)?, 1.0 / 3.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Liang, Li, Srikant, *Enhancing the reliability of out-of-distribution image detection in neural networks*, ICLR 2018.
pub fn fpr_at_tpr(negative: &[f64], positive: &[f64], tpr: f64) -> Result<f64> {
    let tpr = Argument::new("fpr_at_tpr", "tpr", tpr).fraction()?;
    let thresholds = thresholds("fpr_at_tpr", negative, positive)?;
    // The quotient is rounded as `tpr` itself is: 19 of 20 are 0.95.
    let reached = |&&(_, found): &&(usize, usize)| found as f64 / positive.len() as f64 >= tpr;
    let false_positives = thresholds.iter().find(reached).map_or(negative.len(), |&(fp, _)| fp);
    Ok(false_positives as f64 / negative.len() as f64)
}

/// For each different score, from the highest down: how many of `negative` and of `positive` score at least that.
fn thresholds(op: &'static str, negative: &[f64], positive: &[f64]) -> Result<Vec<(usize, usize)>> {
    let all = ascending(op, negative, positive)?;
    let mut above = (0, 0);
    let of_ties = |ties: &[(f64, bool)]| {
        let found = ties.iter().filter(|tie| tie.1).count();
        above = (above.0 + ties.len() - found, above.1 + found);
        above
    };
    // The order puts -0 before 0, next to each other; as scores they are a tie.
    Ok(all.chunk_by(|a, b| a.0 == b.0).rev().map(of_ties).collect())
}

/// All scores, each with whether it is of `positive`.
fn ascending(op: &'static str, negative: &[f64], positive: &[f64]) -> Result<Vec<(f64, bool)>> {
    check_scores(op, "negative", negative)?;
    check_scores(op, "positive", positive)?;
    let tagged = |scores: &[f64], tag| scores.iter().map(move |&s| (s, tag)).collect::<Vec<_>>();
    let mut all = tagged(negative, false);
    all.extend(tagged(positive, true));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TrainError;

    /// The definition itself: all pairs.
    fn by_pairs(negative: &[f64], positive: &[f64]) -> f64 {
        let pairs = negative.iter().flat_map(|n| positive.iter().map(move |p| (n, p)));
        let wins = pairs.map(|(n, p)| if p > n { 1.0 } else { 0.5 * f64::from(p == n) });
        wins.sum::<f64>() / (negative.len() * positive.len()) as f64
    }

    #[test]
    fn auroc_is_the_share_of_pairs_in_order() {
        let scores: Vec<f64> = (0..60_u32).map(|i| f64::from((i * 37 + i * i) % 17)).collect();
        let (negative, positive) = scores.split_at(25);
        let got = auroc(negative, positive).unwrap();
        assert!((got - by_pairs(negative, positive)).abs() < 1e-14);
        assert!((got + auroc(positive, negative).unwrap() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn auroc_at_its_ends() {
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, f64::INFINITY]).unwrap(), 1.0);
        assert_eq!(auroc(&[3.0], &[1.0, 2.0]).unwrap(), 0.0);
        assert_eq!(auroc(&[0.0, 0.0], &[-0.0]).unwrap(), 0.5);
    }

    #[test]
    fn constant_scores_and_single_rows() {
        let (negative, positive) = ([0.5; 3], [0.5; 1]);
        assert_eq!(auroc(&negative, &positive).unwrap(), 0.5);
        assert_eq!(average_precision(&negative, &positive).unwrap(), 0.25);
        assert_eq!(fpr_at_tpr(&negative, &positive, 0.95).unwrap(), 1.0);
        assert_eq!(fpr_at_tpr(&negative, &positive, 0.0).unwrap(), 1.0);
        assert_eq!(average_precision(&[0.0], &[1.0]).unwrap(), 1.0);
        assert_eq!(fpr_at_tpr(&[0.0], &[1.0], 1.0).unwrap(), 0.0);
        assert_eq!(average_precision(&[f64::INFINITY], &[0.0]).unwrap(), 0.5);
        assert_eq!(fpr_at_tpr(&[f64::INFINITY], &[f64::NEG_INFINITY], 1.0).unwrap(), 1.0);
        assert_eq!(average_precision(&[0.0], &[-0.0]).unwrap(), 0.5);
    }

    #[test]
    fn a_share_of_positives_reached_exactly_is_enough() {
        let positive: Vec<f64> = (0..20).map(f64::from).collect();
        // 19 of 20 score at least 1, and so does one negative.
        assert_eq!(fpr_at_tpr(&[0.5, 1.0], &positive, 0.95).unwrap(), 0.5);
        assert_eq!(fpr_at_tpr(&[0.5, 1.0], &positive, 0.951).unwrap(), 1.0);
        assert_eq!(fpr_at_tpr(&[0.5, 1.0], &positive, 0.9).unwrap(), 0.0);
    }

    #[test]
    fn bad_input_names_what_is_wrong() {
        let text = |error: TrainError| error.to_string();
        let empty = text(auroc(&[], &[1.0]).unwrap_err());
        assert!(
            empty.contains("`negative` has shape [0], expected at least one number"),
            "{empty}"
        );
        let nan = text(auroc(&[1.0], &[1.0, f64::NAN]).unwrap_err());
        assert!(nan.contains("`positive` is NaN in row 1"), "{nan}");
        assert!(
            text(average_precision(&[1.0], &[]).unwrap_err()).contains("`positive` has shape [0]")
        );
        assert!(
            text(fpr_at_tpr(&[], &[1.0], 0.95).unwrap_err()).contains("`negative` has shape [0]")
        );
        for tpr in [-0.1, 1.1, f64::NAN] {
            let error = text(fpr_at_tpr(&[1.0], &[1.0], tpr).unwrap_err());
            assert!(error.contains("expected a number from 0 to 1"), "{error}");
        }
    }
}
