//! Metrics of a score that ranks: does it tell two groups apart?

use crate::error::{Result, TrainError};

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
/// [`TrainError::Value`] if one of the groups is empty, [`TrainError::Entry`] if a score is NaN.
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
    check("auroc", "negative", negative)?;
    check("auroc", "positive", positive)?;
    let tagged = |scores: &[f64], tag| scores.iter().map(move |&s| (s, tag)).collect::<Vec<_>>();
    let mut all = tagged(negative, false);
    all.extend(tagged(positive, true));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
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

/// What is left to answer, and how well, when the most uncertain rows are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RejectionPoint {
    /// Share of rows refused.
    pub rejected: f64,
    /// Share of wrong answers among the rows that are left.
    pub error: f64,
}

/// Error rate against rejected share: for each share in `shares`, that part of the rows with the
/// highest `uncertainty` is refused (rounded down to whole rows; of equals, later rows go first).
///
/// # Errors
/// [`TrainError::Rows`] if the two lists differ in length, [`TrainError::Value`] if they are empty
/// or a share is not in 0 to 1 (1 excluded: nothing would be left), [`TrainError::Entry`] for a
/// NaN.
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
    check("rejection_curve", "uncertainty", uncertainty)?;
    if uncertainty.len() != correct.len() {
        return Err(TrainError::Rows {
            op: "rejection_curve",
            lhs_argument: "uncertainty",
            lhs: uncertainty.len(),
            rhs_argument: "correct",
            rhs: correct.len(),
        });
    }
    let mut order: Vec<usize> = (0..correct.len()).collect();
    order.sort_by(|&a, &b| uncertainty[a].total_cmp(&uncertainty[b]));
    // wrong[k]: wrong answers among the k most certain rows.
    let mut wrong = vec![0_usize];
    for row in order {
        wrong.push(wrong[wrong.len() - 1] + usize::from(!correct[row]));
    }
    shares.iter().map(|&share| point(&wrong, share)).collect()
}

fn point(wrong: &[usize], share: f64) -> Result<RejectionPoint> {
    let rows = wrong.len() - 1;
    let expected = "a share from 0 to below 1";
    let share = crate::check::Argument::new("rejection_curve", "shares", share)
        .require((0.0..1.0).contains(&share), expected)?;
    let rejected = ((share * rows as f64).floor() as usize).min(rows - 1);
    let kept = rows - rejected;
    Ok(RejectionPoint {
        rejected: rejected as f64 / rows as f64,
        error: wrong[kept] as f64 / kept as f64,
    })
}

fn check(op: &'static str, argument: &'static str, scores: &[f64]) -> Result<()> {
    if scores.is_empty() {
        return Err(TrainError::Shape {
            op,
            argument,
            given: vec![0],
            expected: "at least one number".to_owned(),
        });
    }
    match scores.iter().position(|score| score.is_nan()) {
        None => Ok(()),
        Some(row) => Err(TrainError::Entry {
            op,
            argument,
            row,
            given: f64::NAN,
            expected: "a number".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn curve_by_hand() {
        let uncertainty = [0.9, 0.1, 0.5, 0.7, 0.3];
        let correct = [false, true, true, false, true];
        let curve = rejection_curve(&uncertainty, &correct, &[0.0, 0.2, 0.39, 0.4, 0.99]).unwrap();
        let errors: Vec<f64> = curve.iter().map(|point| point.error).collect();
        assert_eq!(errors, [0.4, 0.25, 0.25, 0.0, 0.0]);
        assert_eq!(curve[2].rejected, 0.2);
        assert_eq!(curve[4].rejected, 0.8);
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
        let rows = text(rejection_curve(&[1.0], &[], &[0.0]).unwrap_err());
        assert!(rows.contains("`uncertainty` has 1 rows, `correct` has 0"), "{rows}");
        let share = text(rejection_curve(&[1.0], &[true], &[1.0]).unwrap_err());
        assert!(share.contains("`shares` is 1, expected a share from 0 to below 1"), "{share}");
    }
}
