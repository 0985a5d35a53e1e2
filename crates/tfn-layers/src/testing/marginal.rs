//! The law of a marginal.

use tfn_tensor::{DType, Key, Tensor};

use super::LayerLawError;
use crate::contract::{Likelihood, Moments, Pass, align_targets};

/// Standard deviation of the one entry of the output that is not known.
const STDDEV: f64 = 0.3;
/// So many nodes on either side of the mean, ...
const NODES: i32 = 400;
/// ... so far apart, in standard deviations.
const STEP: f64 = 0.02;

/// Checks density, mean and both parts of the variance of [`Likelihood::marginal`], with the first outputs of all rows normal
/// and the others known, by the trapezoidal rule.
pub(super) fn check_marginal(
    likelihood: &dyn Likelihood,
    output: &Tensor,
    targets: &Tensor,
) -> Result<(), LayerLawError> {
    let shape = output.shape()?.to_vec();
    let width = shape.get(1..).unwrap_or_default().iter().product::<usize>().max(1);
    let size = shape.iter().product::<usize>();
    let first = |value: f64| {
        let values = (0..size).map(|entry| if entry % width == 0 { value } else { 0.0 });
        Tensor::from_vec(values.collect::<Vec<f64>>(), &shape)
    };
    let moments = Moments { mean: output.clone(), variance: Some(first(STDDEV * STDDEV)) };
    let Some(marginal) = likelihood.marginal(&moments)? else { return Ok(()) };
    let pass = Pass::new(likelihood, &Key::from_seed(5));
    // Of each row the density; of each target first and second moment of its mean, and its variance.
    let mut sums: [Vec<f64>; 4] = Default::default();
    for i in -NODES..=NODES {
        let z = STEP * f64::from(i);
        let weight = STEP * (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let made = likelihood.distribution(&(output + first(STDDEV * z)), &pass)?;
        let batch_and_event = [made.batch_shape()?, made.event_shape()?].concat();
        let targets = align_targets(targets, &batch_and_event)?;
        let mean = made.mean()?;
        let terms = [
            likelihood.log_prob(made.as_ref(), &targets)?.exp(),
            mean.clone(),
            mean.square(),
            made.variance()?,
        ];
        for (sums, term) in sums.iter_mut().zip(terms) {
            let term = term.cast(DType::F64).to_f64_vec()?;
            sums.resize(term.len(), 0.0);
            sums.iter_mut().zip(term).for_each(|(sum, term)| *sum += weight * term);
        }
    }
    let [density, mean, square, within] = sums;
    let between = square.iter().zip(&mean).map(|(square, mean)| square - mean * mean).collect();
    let made = marginal.distribution.as_ref();
    let batch_and_event = [made.batch_shape()?, made.event_shape()?].concat();
    let log_prob = likelihood.log_prob(made, &align_targets(targets, &batch_and_event)?)?;
    let both = &marginal.aleatoric + &marginal.epistemic;
    let checks = [
        ("density", log_prob.exp(), density),
        ("mean", made.mean()?, mean),
        ("epistemic part of the variance", marginal.epistemic, between),
        ("aleatoric part of the variance", marginal.aleatoric, within),
        ("variance", made.variance()?, both.to_f64_vec()?),
    ];
    for (what, given, expected) in checks {
        let given = given.to_f64_vec()?;
        for (entry, (&given, &expected)) in given.iter().zip(&expected).enumerate() {
            let is_near = (given - expected).abs() <= 1e-7 * expected.abs().max(1.0);
            if !is_near {
                let layer = likelihood.name();
                return Err(LayerLawError::Marginal { layer, what, entry, given, expected });
            }
        }
        if given.len() != expected.len() {
            let layer = likelihood.name();
            let (given, expected) = (given.len() as f64, expected.len() as f64);
            return Err(LayerLawError::Marginal { layer, what, entry: 0, given, expected });
        }
    }
    Ok(())
}
