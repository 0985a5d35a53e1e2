//! Which rows are trained on, and which judge.

use tfn_tensor::{DType, Key};

use crate::error::Result;
use crate::setup::CROSS_VALIDATED;

/// Parts, and the share of the rows that is held out.
const PARTS: usize = 5;
/// Rows that are held out at most.
const HELD_OUT: usize = 10_000;

/// Rows that a model is trained on, and parts of the others, which it is judged by. Intervals in one part are
/// calibrated by all parts but it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fold {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<Vec<usize>>,
}

/// The folds of so many rows: five, or one whose held-out rows are in two parts.
///
/// `strata` are labels, or the same number for all rows: rows of each label are spread evenly over the parts.
pub(crate) fn folds(strata: &[f64], key: &Key) -> Result<Vec<Fold>> {
    let rows = strata.len();
    let chance = key.child("split").stream().uniform(&[rows], DType::F64).to_vec::<f64>()?;
    let mut order: Vec<usize> = (0..rows).collect();
    let by = |row: &usize| (strata[*row], chance[*row]);
    order.sort_by(|a, b| {
        let ((s, c), (t, d)) = (by(a), by(b));
        s.total_cmp(&t).then(c.total_cmp(&d))
    });
    let sorted = |mut rows: Vec<usize>| {
        rows.sort_unstable();
        rows
    };
    let every = |step: usize, first: usize| -> Vec<usize> {
        order.iter().skip(first).step_by(step).copied().collect()
    };
    let without = |held_out: &[Vec<usize>]| -> Vec<usize> {
        let mut is_held = vec![false; rows];
        held_out.iter().flatten().for_each(|&row| is_held[row] = true);
        (0..rows).filter(|&row| !is_held[row]).collect()
    };
    let held_out: Vec<Vec<Vec<usize>>> = if rows <= CROSS_VALIDATED {
        (0..PARTS).map(|part| vec![sorted(every(PARTS, part))]).collect()
    } else {
        let step = rows.div_ceil((rows / PARTS).clamp(1, HELD_OUT));
        let held = every(step, 0);
        let half = |first| sorted(held.iter().skip(first).step_by(2).copied().collect());
        vec![vec![half(0), half(1)]]
    };
    Ok(held_out.into_iter().map(|held_out| Fold { train: without(&held_out), held_out }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_trained_on_or_judges() {
        for rows in [10, 11, 49, 2000, 2001, 60_000, 123_456] {
            let strata: Vec<f64> = (0..rows).map(|row| f64::from(row % 3 == 0)).collect();
            let folds = folds(&strata, &Key::from_seed(1)).unwrap();
            let mut judged = vec![0; rows as usize];
            for Fold { train, held_out } in &folds {
                let mut seen = vec![0; rows as usize];
                train.iter().chain(held_out.iter().flatten()).for_each(|&row| seen[row] += 1);
                assert!(seen.iter().all(|&times| times == 1));
                held_out.iter().flatten().for_each(|&row| judged[row] += 1);
                for part in held_out {
                    let of_first = part.iter().filter(|&&row| strata[row] == 1.0).count();
                    let expected = part.len() as f64 / 3.0;
                    assert!((of_first as f64 - expected).abs() <= 2.0, "{rows} {of_first}");
                }
            }
            let judged: usize = judged.iter().sum();
            if rows <= 2000 {
                assert_eq!((folds.len(), judged), (5, rows as usize));
            } else {
                let share = judged as f64 / f64::from(rows);
                assert!(folds.len() == 1 && judged <= 10_000 && share < 0.21, "{rows} {judged}");
                assert_eq!(folds[0].held_out.len(), 2);
            }
        }
    }

    #[test]
    fn another_key_splits_otherwise() {
        let with = |seed| folds(&[0.0; 100], &Key::from_seed(seed)).unwrap();
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}
