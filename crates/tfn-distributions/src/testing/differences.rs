//! Gradients against central differences.

use tfn_tensor::{DType, Tensor, Variable};

use super::{LawError, Subject};
use crate::error::Result;

/// Most entries of a variable that are moved.
const MOST_ENTRIES: usize = 12;
/// Relative to the largest gradient of a variable.
const TOLERANCE: f64 = 2e-6;

/// Checks the gradients of `value`, a scalar, with respect to `variables` of type `f64`. They are moved and set
/// back.
pub(super) fn check_gradients(
    subject: Subject<'_>,
    variables: &[Variable],
    value: impl Fn() -> Result<Tensor>,
) -> Result<(), LawError> {
    let gradients = subject.get(value().and_then(|value| Ok(value.gradients()?)))?;
    for variable in variables.iter().filter(|variable| variable.dtype() == DType::F64) {
        let given = subject.entries(Ok(gradients.of(variable)))?;
        let largest = given.iter().fold(1.0_f64, |largest, entry| largest.max(entry.abs()));
        let stride = given.len().div_ceil(MOST_ENTRIES).max(1);
        for entry in (0..given.len()).step_by(stride) {
            let start = variable.value();
            let moved = slope(variable, entry, &value);
            subject.get(variable.assign(&start).map_err(Into::into))?;
            let expected = subject.get(moved)?;
            let off = (given[entry] - expected).abs();
            if off.is_nan() || off > TOLERANCE * largest {
                let given =
                    format!("gradient {} at entry {entry} of `{}`", given[entry], variable.name());
                return Err(subject.broken(given, format!("{expected} by central differences")));
            }
        }
    }
    Ok(())
}

/// The central difference, extrapolated once.
fn slope(variable: &Variable, entry: usize, value: impl Fn() -> Result<Tensor>) -> Result<f64> {
    let start = variable.value().to_vec::<f64>()?;
    let step = 1e-4 * start[entry].abs().clamp(1e-2, 1.0);
    let at = |offset: f64| -> Result<f64> {
        let mut entries = start.clone();
        entries[entry] += offset;
        variable.assign(&Tensor::from_vec(entries, variable.shape()))?;
        Ok(value()?.item()?)
    };
    let slope = |h: f64| -> Result<f64> { Ok((at(h)? - at(-h)?) / (2.0 * h)) };
    Ok((4.0 * slope(step / 2.0)? - slope(step)?) / 3.0)
}

/// The sum with weights that differ from entry to entry, so that no error cancels.
pub(super) fn weighed(tensor: &Tensor) -> Result<Tensor> {
    let weights: Vec<f64> = (0..tensor.len()?).map(|i| 1.0 + 0.37 * (i as f64).sin()).collect();
    Ok((tensor * Tensor::from_f64(&weights, tensor.shape()?, tensor.dtype()?)).sum())
}
