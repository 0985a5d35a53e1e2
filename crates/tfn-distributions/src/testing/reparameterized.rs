//! Gradients of samples.

use tfn_tensor::{DType, Tensor, Variable};

use super::Subject;
use super::differences::{check_gradients, weighed};
use super::distribution::{Case, Outcome};
use crate::Result;
use crate::structure::Support;

/// Groups of samples whose average gradients are compared, and samples in each.
const GROUPS: usize = 32;
const EACH: usize = 32;
/// Standard errors by which an average may be off.
const TOLERANCE: f64 = 7.0;

/// Checks the gradients of `few` samples: those of central differences at the same noise or, where samples jump
/// because some are rejected, the implicit ones that do without the noise.
pub(super) fn check_sample_gradients(subject: Subject<'_>, case: &Case<'_>, few: usize) -> Outcome {
    let variables = case.d.trainable_variables();
    let draw = || case.d.sample(&[few], &mut case.key("gradients").stream());
    let by_noise = check_gradients(subject, &variables, || weighed(&draw()?));
    if by_noise.is_ok() {
        return by_noise;
    }
    let sample = subject.get(draw())?;
    let is_scalar =
        case.event.is_empty() && matches!(case.d.support(), Support::Continuous | Support::Circle);
    if is_scalar && let Some(implicit) = subject.optional(implicit(case, &sample.detach()))? {
        return check_equal(subject, &variables, &sample, &implicit, by_noise);
    }
    match subject.optional(case.d.mean())? {
        Some(mean) => check_average(subject, case, &variables, &mean),
        None => by_noise,
    }
}

/// What moves with the parameters as samples at fixed levels of the cdf: `−∂F/∂θ` over the density, Figurnov, Mohamed
/// and Mnih (2018), equation 8.
fn implicit(case: &Case<'_>, x: &Tensor) -> Result<Tensor> {
    Ok(-case.d.cdf(x)? / case.d.prob(x)?.detach())
}

fn check_equal(
    subject: Subject<'_>,
    variables: &[Variable],
    sample: &Tensor,
    implicit: &Tensor,
    otherwise: Outcome,
) -> Outcome {
    let given = subject.get(slopes(sample, variables))?;
    let expected = subject.get(slopes(implicit, variables))?;
    let largest = expected.iter().fold(1.0_f64, |largest, slope| largest.max(slope.abs()));
    let agrees = |(given, expected): (&f64, &f64)| (given - expected).abs() < 2e-9 * largest;
    if given.iter().zip(&expected).all(agrees) { Ok(()) } else { otherwise }
}

/// On average a sample has the gradient of the mean.
fn check_average(
    subject: Subject<'_>,
    case: &Case<'_>,
    variables: &[Variable],
    mean: &Tensor,
) -> Outcome {
    let expected = subject.get(slopes(mean, variables))?;
    let mut groups = Vec::with_capacity(GROUPS);
    for group in 0..GROUPS {
        let key = case.key("average gradients").index(group as u64);
        let sample = subject.get(case.d.sample(&[EACH], &mut key.stream()))?;
        groups.push(subject.get(slopes(&sample.mean_axes(&[0], false), variables))?);
    }
    for (i, expected) in expected.iter().enumerate() {
        let column = groups.iter().map(|slopes| slopes[i]);
        let average = column.clone().sum::<f64>() / GROUPS as f64;
        let squares = column.map(|slope| (slope - average).powi(2)).sum::<f64>();
        let error = (squares / (GROUPS * (GROUPS - 1)) as f64).sqrt();
        let off = (average - expected).abs();
        if off.is_nan() || off > TOLERANCE * error + 1e-9 {
            let given = format!("gradient {average} ± {error} on average");
            return Err(subject.broken(given, format!("{expected}, that of the mean")));
        }
    }
    Ok(())
}

/// The gradients of a weighed sum in all entries of the variables of type `f64`.
fn slopes(tensor: &Tensor, variables: &[Variable]) -> Result<Vec<f64>> {
    let gradients = weighed(tensor)?.gradients()?;
    let mut all = Vec::new();
    for variable in variables.iter().filter(|variable| variable.dtype() == DType::F64) {
        all.extend(gradients.of(variable).to_f64_vec()?);
    }
    Ok(all)
}
