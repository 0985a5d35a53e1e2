//! Estimators against the reference that draws the weights for each example.

use std::sync::Arc;

use tfn_module::find;
use tfn_tensor::{DType, Key, Tensor};

use super::LayerLawError;
use crate::contract::Layer;
use crate::error::Result;
use crate::estimator::{Estimated, PerExample};

const DRAWS: u64 = 400;
const STANDARD_ERRORS: f64 = 5.0;

/// Many draws of the output and of a gradient: for each quantity its name and, for each entry, all draws.
type Draws = Vec<(String, Vec<Vec<f64>>)>;

pub(super) fn check(layer: &dyn Layer, x: &Tensor) -> Result<(), LayerLawError> {
    let all: Vec<&Estimated> = find(layer).into_iter().map(|(_, estimated)| estimated).collect();
    if all.is_empty() || x.is_empty()? {
        return Ok(());
    }
    let given = draws(layer, x, &Key::from_seed(21))?;
    if given[0].1.iter().all(|draws| draws.iter().all(|draw| *draw == draws[0])) {
        return Ok(());
    }
    let own: Vec<_> = all.iter().map(|estimated| estimated.estimator()).collect();
    let reference = all
        .iter()
        .try_for_each(|estimated| estimated.set_estimator(Arc::new(PerExample)))
        .and_then(|()| draws(layer, x, &Key::from_seed(22)));
    for (estimated, own) in all.iter().zip(own) {
        estimated.set_estimator(own)?;
    }
    for ((name, given), (_, expected)) in given.iter().zip(&reference?) {
        for (entry, (given, expected)) in given.iter().zip(expected).enumerate() {
            compare(layer, format!("mean of {name}"), entry, mean(given), mean(expected))?;
            if name == "the output" {
                let what = "variance of the output".to_owned();
                compare(layer, what, entry, variance(given), variance(expected))?;
            }
        }
    }
    Ok(())
}

/// The output, and the gradients of a weighted sum of its entries.
fn draws(layer: &dyn Layer, x: &Tensor, key: &Key) -> Result<Draws> {
    let variables = layer.trainable_variables();
    let mut all: Draws = Vec::new();
    for draw in 0..DRAWS {
        let y = layer.call_at(x, &key.index(draw))?;
        let ramp = Tensor::build::<f64>(y.shape()?, |out| {
            (0..).zip(out).for_each(|(i, out)| *out = f64::from(i % 5) - 1.5);
        });
        let gradients = (&y.cast(DType::F64) * ramp).sum().gradients()?;
        let named =
            |variable: &tfn_tensor::Variable| format!("the gradient of {}", variable.name());
        let drawn = std::iter::once(("the output".to_owned(), y.to_f64_vec()?));
        let mut drawn: Vec<_> = drawn.collect();
        for variable in &variables {
            drawn.push((named(variable), gradients.of(variable).to_f64_vec()?));
        }
        if all.is_empty() {
            all =
                drawn.iter().map(|(name, of)| (name.clone(), vec![Vec::new(); of.len()])).collect();
        }
        for ((_, all), (_, drawn)) in all.iter_mut().zip(drawn) {
            all.iter_mut().zip(drawn).for_each(|(all, draw)| all.push(draw));
        }
    }
    Ok(all)
}

/// An estimate and its standard error.
fn mean(draws: &[f64]) -> (f64, f64) {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let square = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n;
    (mean, (square / n).sqrt())
}

fn variance(draws: &[f64]) -> (f64, f64) {
    let (centre, _) = mean(draws);
    mean(&draws.iter().map(|draw| (draw - centre).powi(2)).collect::<Vec<_>>())
}

fn compare(
    layer: &dyn Layer,
    what: String,
    entry: usize,
    (given, a): (f64, f64),
    (expected, b): (f64, f64),
) -> Result<(), LayerLawError> {
    // What is not random may be rounded differently.
    let error = a.hypot(b).max(1e-12 * given.abs().max(1.0));
    if (given - expected).abs() <= STANDARD_ERRORS * error {
        return Ok(());
    }
    Err(LayerLawError::Estimate { layer: layer.name(), what, entry, given, expected, error })
}
