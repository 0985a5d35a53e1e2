//! Rows of features, some at a time.

use tfn_layers::LayerError;
use tfn_tensor::Tensor;

use super::classes::shape_error;
use crate::error::{Result, TrainError};

/// Number of rows.
pub(super) fn rows_of(features: &Tensor) -> Result<usize> {
    Ok(features.shape()?.first().copied().unwrap_or(0))
}

/// `part` of each batch of so many rows, with its number.
pub(super) fn batches<T: Send>(
    features: &Tensor,
    batch_size: usize,
    part: impl Fn(&Tensor, u64) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let rows = rows_of(features)?;
    if rows == 0 {
        let expected = "[n, ...] with n of at least 1";
        return Err(shape_error("features", features.shape()?, expected));
    }
    let starts = (0..rows).step_by(batch_size).enumerate();
    let parts = starts.map(|(batch, start)| {
        let x = features.narrow(0, start, batch_size.min(rows - start));
        part(&x, batch as u64)
            .map_err(|error| of_all(error, x.shape().unwrap_or(&[]), features).after_rows(start))
    });
    // On a thread of rayon's pool: started from any other thread, each parallel operation sends its work to the pool and
    // sleeps until it is done, which costs more than a small operation itself.
    rayon::scope(|_| parts.collect())
}

/// An error about the shape of a part of the features as one about that of all of them, which was given.
fn of_all(error: TrainError, part: &[usize], features: &Tensor) -> TrainError {
    fn layer(error: LayerError, part: &[usize], whole: &[usize]) -> LayerError {
        match error {
            LayerError::In { path, source } => {
                LayerError::In { path, source: Box::new(layer(*source, part, whole)) }
            }
            LayerError::Input { given, expected } if given == part => {
                LayerError::Input { given: whole.to_vec(), expected }
            }
            other => other,
        }
    }
    match (error, features.shape()) {
        (TrainError::Layer(error), Ok(whole)) => TrainError::Layer(layer(error, part, whole)),
        (other, _) => other,
    }
}

/// Refuses outputs of a net that are no numbers. `of_one` is the shape of one draw, `[n, ..]`.
pub(super) fn check_outputs(outputs: &Tensor, of_one: &[usize]) -> Result<()> {
    if !outputs.sum().to_f64_vec()?.iter().any(|sum| sum.is_nan()) {
        return Ok(());
    }
    let rows = of_one.first().copied().unwrap_or(1).max(1);
    let width = of_one.iter().product::<usize>() / rows;
    let values = outputs.to_f64_vec()?;
    match values.iter().position(|value| value.is_nan()) {
        None => Ok(()),
        Some(index) => Err(TrainError::Entry {
            op: "predict",
            argument: "output of the net",
            row: index / width.max(1) % rows,
            given: f64::NAN,
            expected: "a number".to_owned(),
        }),
    }
}
