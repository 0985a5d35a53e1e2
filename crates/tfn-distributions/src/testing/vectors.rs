//! Densities of vectors, which no quadrature integrates.

use tfn_tensor::Tensor;

use super::Subject;
use super::case::{Case, Outcome};

/// A standard normal lies further out with a probability below 1e-10.
const STANDARD_ERRORS: f64 = 6.5;
/// How much wider than the distribution its points are drawn: the weights are then bounded for a normal.
const WIDER: f64 = 1.3;

/// The density integrates to 1, by importance sampling from a wider normal of the claimed mean and covariance.
///
/// Left out where the covariance is not known or singular, as on a simplex.
pub(super) fn check_normalized(subject: Subject<'_>, case: &Case<'_>, samples: usize) -> Outcome {
    let (Some(mean), Some(covariance)) =
        (subject.optional(case.d.mean())?, subject.optional(case.d.covariance())?)
    else {
        return Ok(());
    };
    let factor = (covariance.detach() * (WIDER * WIDER)).cholesky();
    let Ok(log_det) = factor.diag_part().ln().sum_axes(&[-1], false).check() else {
        return Ok(());
    };
    let shape = [&[samples][..], &case.batch, &case.event].concat();
    let noise = case.key("normalized").stream().normal(&shape, case.dtype);
    let distance = factor.matmul(&noise.expand_dims(-1)).squeeze(-1);
    let log_prob = subject.get(case.d.log_prob(&(mean.detach() + distance)))?;
    let count = case.event.iter().product::<usize>() as f64;
    let normalizer = 0.5 * count * (2.0 * std::f64::consts::PI).ln();
    let log_q = noise.square().sum_axes(&[-1], false) * -0.5 - log_det - normalizer;
    let weights = subject.entries(Ok((log_prob - log_q).exp()))?;
    let width = case.batch.iter().product();
    for batch in 0..width {
        let column: Vec<f64> = weights.iter().skip(batch).step_by(width).copied().collect();
        within(subject, "the integral", 1.0, &column)?;
    }
    Ok(())
}

/// Samples have the covariance claimed.
pub(super) fn check_covariance(subject: Subject<'_>, case: &Case<'_>, sample: &Tensor) -> Outcome {
    let Some(covariance) = subject.optional(case.d.covariance())? else {
        return Ok(());
    };
    let size = case.event.iter().product::<usize>();
    let expected = [&case.batch[..], &[size, size]].concat();
    let given = subject.get(covariance.shape().map_err(Into::into))?.to_vec();
    if given != expected {
        return Err(subject.broken(format!("{given:?}"), format!("{expected:?}")));
    }
    let claimed = subject.entries(Ok(covariance))?;
    let mean = subject.get(case.d.mean())?;
    let centred = sample - mean.detach();
    let products = subject.entries(Ok(centred.expand_dims(-1) * centred.expand_dims(-2)))?;
    for (entry, &claimed) in claimed.iter().enumerate() {
        let column: Vec<f64> =
            products.iter().skip(entry).step_by(expected.iter().product()).copied().collect();
        within(subject, "the covariance", claimed, &column)?;
    }
    Ok(())
}

/// Whether `claimed` lies within the standard errors of the average of `terms`.
fn within(subject: Subject<'_>, name: &str, claimed: f64, terms: &[f64]) -> Outcome {
    let count = terms.len() as f64;
    let average = terms.iter().sum::<f64>() / count;
    let second = terms.iter().map(|x| (x - average).powi(2)).sum::<f64>() / count;
    let error = (second / count).sqrt();
    let slack = 1e-5 * claimed.abs().max(second.sqrt()) + 1e-12;
    if (claimed - average).abs() <= STANDARD_ERRORS * error + slack {
        return Ok(());
    }
    Err(subject.broken(format!("{name} {claimed}"), format!("{average} ± {error} by samples")))
}
