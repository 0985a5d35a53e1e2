//! The laws of divergences.

use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::differences::{check_gradients, weighed};
use super::kl_integral::check_integral;
use super::{LawError, Laws, Subject, rounding};
use crate::distribution::Distribution;
use crate::error::DistributionError;
use crate::kl::{KlMethod, estimate_kl, kl_divergence};

/// Standard errors that an estimate may lie from the exact value. Two independent estimates do so by chance with a
/// probability of 3e-13.
const STANDARD_ERRORS: f64 = 5.0;

/// Families that are no probability distributions: divergences from them may be negative.
const IMPROPER: &[&str] = &["LogUniform"];

/// Checks the closed form of `KL(q || p)`.
///
/// The laws: it has the shape of the common batch; it is at least 0 (for `p` with the support of `q`); the divergence
/// of each from itself, where it has one, is 0; between numbers it is the integral, or the sum, of its definition within
/// 1e-6 (`f32`: 1e-3) of the larger of 1 and itself, or what the same integral of the density misses of 1; Monte Carlo estimates agree within five standard errors, and quadrature,
/// where it fits, within the error it reports; gradients
/// in the variables of both agree with central differences.
///
/// # Errors
/// [`LawError`] with the first law that does not hold.
///
/// # Examples
/// ```
/// use tfn_distributions::Laplace;
/// use tfn_distributions::testing::{Laws, check_kl};
///
/// check_kl(&Laplace::new(0.0, 1.0)?, &Laplace::new(0.5, 2.0)?, &Laws::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_kl(q: &dyn Distribution, p: &dyn Distribution, laws: &Laws) -> Result<(), LawError> {
    let family = format!("KL({} || {})", q.family(), p.family());
    let about = |law| Subject { law, family: &family };
    let subject = about("a closed form exists");
    let divergence = subject.get(kl_divergence(q, p))?;
    let dtype = subject.get(q.dtype())?;
    check_shape(about("the shape is that of the common batch"), q, p, &divergence)?;
    let values = subject.entries(Ok(divergence))?;
    check_sign(about("a divergence is at least 0"), q, p, &values, rounding(dtype))?;
    for distribution in [q, p] {
        check_self(about("the divergence from itself is 0"), distribution, rounding(dtype))?;
    }
    let batch = subject.get(q.batch_shape().and_then(|a| Ok((a, p.batch_shape()?))))?;
    let batch = broadcast_shapes(&batch.0, &batch.1).unwrap_or_default();
    let of_definition = about("it is the integral of its definition");
    check_integral(of_definition, q, p, &batch, &values, laws)?;
    check_estimates(about("Monte Carlo agrees"), q, p, &values, laws)?;
    check_quadrature(about("quadrature agrees"), q, p, &values)?;
    if dtype == DType::F64 {
        let subject = about("gradients are those of central differences");
        let variables = [q.trainable_variables(), p.trainable_variables()].concat();
        check_gradients(subject, &variables, || weighed(&kl_divergence(q, p)?))?;
    }
    Ok(())
}

type Outcome = Result<(), LawError>;

fn check_shape(
    subject: Subject<'_>,
    q: &dyn Distribution,
    p: &dyn Distribution,
    divergence: &Tensor,
) -> Outcome {
    let (a, b) = (subject.get(q.batch_shape())?, subject.get(p.batch_shape())?);
    let expected = broadcast_shapes(&a, &b).unwrap_or_default();
    let given = subject.get(divergence.shape().map_err(Into::into))?;
    if given == expected {
        return Ok(());
    }
    Err(subject.broken(format!("{given:?}"), format!("{expected:?}")))
}

fn check_sign(
    subject: Subject<'_>,
    q: &dyn Distribution,
    p: &dyn Distribution,
    values: &[f64],
    slack: f64,
) -> Outcome {
    if q.support() != p.support() || IMPROPER.contains(&p.family()) {
        return Ok(());
    }
    match values.iter().find(|value| value.is_nan() || **value < -slack) {
        None => Ok(()),
        Some(value) => Err(subject.broken(value.to_string(), "at least 0")),
    }
}

fn check_self(subject: Subject<'_>, distribution: &dyn Distribution, slack: f64) -> Outcome {
    let values = match kl_divergence(distribution, distribution) {
        Err(DistributionError::NoKlRule { .. }) => return Ok(()),
        outcome => subject.entries(outcome)?,
    };
    subject.equal(&values, &vec![0.0; values.len()], slack)
}

fn check_estimates(
    subject: Subject<'_>,
    q: &dyn Distribution,
    p: &dyn Distribution,
    exact: &[f64],
    laws: &Laws,
) -> Outcome {
    let mut worst = Ok(());
    for attempt in 0..2 {
        let key = laws.key().child("kl").index(attempt);
        let method = KlMethod::MonteCarlo { samples: laws.samples, key };
        let estimate = subject.get(estimate_kl(q, p, method))?;
        let values = subject.entries(Ok(estimate.value))?;
        let errors = subject.entries(Ok(estimate.error))?;
        let off = |i: &usize| {
            let (exact, value) = (exact[*i], values[*i]);
            let slack = 1e-9 * exact.abs().max(1.0);
            exact.is_finite() && (exact - value).abs() > STANDARD_ERRORS * errors[*i] + slack
        };
        let Some(i) = (0..exact.len()).find(off) else {
            return Ok(());
        };
        let given = format!("{} at entry {i}", exact[i]);
        worst = Err(subject.broken(given, format!("{} ± {} by samples", values[i], errors[i])));
    }
    worst
}

fn check_quadrature(
    subject: Subject<'_>,
    q: &dyn Distribution,
    p: &dyn Distribution,
    exact: &[f64],
) -> Outcome {
    let estimate = match estimate_kl(q, p, KlMethod::quadrature()) {
        Err(DistributionError::NoKlRule { .. }) => return Ok(()),
        outcome => subject.get(outcome)?,
    };
    let values = subject.entries(Ok(estimate.value))?;
    let errors = subject.entries(Ok(estimate.error))?;
    for ((value, error), exact) in values.iter().zip(errors).zip(exact) {
        if exact.is_finite() && (value - exact).abs() > error + 1e-12 * exact.abs().max(1.0) {
            return Err(subject.broken(exact.to_string(), format!("{value} ± {error}")));
        }
    }
    Ok(())
}
