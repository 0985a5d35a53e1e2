//! What the numbers of a parameter have to satisfy.

use tfn_tensor::Tensor;

use crate::error::Result;

/// How far the sum of a row, or its length, may be from 1 in `f64`: rows of `f32` may have been widened.
pub(crate) const SUM_TOLERANCE: f64 = 1e-5;

/// How far the entries of a row of probabilities may sum from 1, in units of the type's rounding.
const SIMPLEX_SLACK: f64 = 64.0;

/// The numbers that a parameter may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Constraint {
    /// Finite numbers.
    Real,
    /// Numbers, infinite ones too: unnormalised log-probabilities.
    Extended,
    /// Finite numbers above 0.
    Positive,
    /// Finite numbers of at least 0.
    NonNegative,
    /// Whole numbers of at least 0.
    Count,
    /// Numbers of `[0, 1]`.
    UnitInterval,
    /// Rows along the last axis of at least 0 that sum to 1.
    Simplex,
}

impl Constraint {
    /// The constraint in words: "positive numbers".
    pub fn expected(self) -> &'static str {
        match self {
            Self::Real => "finite numbers",
            Self::Extended => "numbers other than NaN",
            Self::Positive => "finite positive numbers",
            Self::NonNegative => "finite numbers of at least 0",
            Self::Count => "whole numbers of at least 0",
            Self::UnitInterval => "numbers in [0, 1]",
            Self::Simplex => "rows of numbers of at least 0 that sum to 1",
        }
    }

    fn admits(self, value: f64) -> bool {
        match self {
            Self::Real => value.is_finite(),
            Self::Extended => !value.is_nan(),
            Self::Positive => value > 0.0 && value.is_finite(),
            Self::NonNegative => value >= 0.0 && value.is_finite(),
            Self::Count => value >= 0.0 && value.is_finite() && value.floor() == value,
            Self::UnitInterval | Self::Simplex => (0.0..=1.0).contains(&value),
        }
    }

    /// The first violation in `value`, in words; `None` if there is none.
    ///
    /// # Errors
    /// The error that the tensor carries.
    pub fn violation(self, value: &Tensor) -> Result<Option<String>> {
        let entries = value.to_f64_vec()?;
        let bad = |(index, &entry): (usize, &f64)| (!self.admits(entry)).then_some((index, entry));
        if let Some((index, entry)) = entries.iter().enumerate().find_map(bad) {
            let count = entries.iter().filter(|&&entry| !self.admits(entry)).count();
            let place =
                if entries.len() == 1 { String::new() } else { format!(" at entry {index}") };
            let others = if count > 1 { format!(" ({count} such entries)") } else { String::new() };
            return Ok(Some(format!("{entry}{place}{others}")));
        }
        if self != Self::Simplex {
            return Ok(None);
        }
        let row = value.shape()?.last().copied().unwrap_or(1).max(1);
        let slack = SIMPLEX_SLACK * row as f64 * value.dtype()?.epsilon();
        let sums = entries.chunks_exact(row).map(|row| row.iter().sum::<f64>());
        let off = sums.enumerate().find(|(_, sum)| (sum - 1.0).abs() > slack);
        Ok(off.map(|(index, sum)| format!("row {index}, which sums to {sum}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(constraint: Constraint, values: &[f64]) -> Option<String> {
        constraint.violation(&Tensor::from_slice(values, &[values.len()])).unwrap()
    }

    #[test]
    fn each_constraint_refuses_what_is_outside() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (constraint, good, bad) in [
            (Constraint::Real, vec![-1.0, 0.0], vec![nan, inf]),
            (Constraint::Extended, vec![-inf, 0.0, inf], vec![nan]),
            (Constraint::Positive, vec![1e-300], vec![0.0, -1.0, nan, inf]),
            (Constraint::NonNegative, vec![0.0], vec![-1e-300, nan, inf]),
            (Constraint::Count, vec![0.0, 7.0], vec![-1.0, 0.5, nan, inf]),
            (Constraint::UnitInterval, vec![0.0, 0.3, 1.0], vec![-0.1, 1.1, nan]),
        ] {
            assert_eq!(violation(constraint, &good), None, "{constraint:?}");
            for bad in bad {
                assert!(violation(constraint, &[bad]).is_some(), "{constraint:?} {bad}");
            }
        }
    }

    #[test]
    fn the_violation_names_value_and_place() {
        let given = violation(Constraint::Positive, &[1.0, -2.5, 0.0]);
        assert_eq!(given.as_deref(), Some("-2.5 at entry 1 (2 such entries)"));
        assert_eq!(violation(Constraint::Positive, &[-1.0]).as_deref(), Some("-1"));
    }

    #[test]
    fn rows_of_a_simplex_sum_to_one() {
        let rows = Tensor::from_slice(&[0.25, 0.75, 0.5, 0.4], &[2, 2]);
        let given = Constraint::Simplex.violation(&rows).unwrap();
        assert_eq!(given.as_deref(), Some("row 1, which sums to 0.9"));
        assert_eq!(violation(Constraint::Simplex, &[0.1; 10]), None);
    }
}
