//! Checks of the lists of numbers that metrics take.

use crate::error::{Result, TrainError};

/// There are numbers, and none is NaN.
pub(super) fn check_scores(op: &'static str, argument: &'static str, scores: &[f64]) -> Result<()> {
    check_each(op, argument, scores, |score| !score.is_nan(), "a number")
}

/// There are numbers, and all are finite.
pub(super) fn check_finite(op: &'static str, argument: &'static str, values: &[f64]) -> Result<()> {
    check_each(op, argument, values, f64::is_finite, "a finite number")
}

fn check_each(
    op: &'static str,
    argument: &'static str,
    values: &[f64],
    is_good: impl Fn(f64) -> bool,
    expected: &str,
) -> Result<()> {
    if values.is_empty() {
        return Err(TrainError::Shape {
            op,
            argument,
            given: vec![0],
            expected: "at least one number".to_owned(),
        });
    }
    match values.iter().enumerate().find(|&(_, &value)| !is_good(value)) {
        None => Ok(()),
        Some((row, &given)) => {
            Err(TrainError::Entry { op, argument, row, given, expected: expected.to_owned() })
        }
    }
}
