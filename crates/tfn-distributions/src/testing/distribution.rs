//! The laws of distributions.

use tfn_module::{Copies, CopyArc};
use tfn_tensor::{Tensor, Variable};

use super::case::{Case, FEW, Outcome};
use super::circle::{check_angles, check_circle};
use super::density::{check_integrals, check_one_hot, check_outside, check_simplex, check_sums};
use super::differences::{check_gradients, weighed};
use super::reparameterized::{check_by_noise, check_implicit};
use super::statistics::{check_cdf, check_moments};
use super::vectors::{check_covariance, check_normalized};
use super::{Laws, Subject, rounding};
use crate::axes::sum_last;
use crate::distribution::{Distribution, Reparameterization, Support};

/// Checks a distribution.
///
/// The laws that apply to it, of these: shapes of samples and densities; the density of several values is that of
/// each; densities integrate (masses sum) to 1, and mean, variance, entropy and cdf are the integrals that they are
/// named for; densities of vectors integrate to 1 by importance sampling, where the covariance is known; samples have
/// the distribution, mean, variance and covariance that are claimed; quantiles invert the cdf, and a count is that at its own cdf; `prob`,
/// `stddev`, `log_cdf`, `survival_function` and its logarithm agree with what they are made from; the mode has the highest density;
/// of angles all that is asked around the circle; outside the support there is no density, and never NaN; gradients of the
/// density in the value and in the variables agree with central differences, and those of samples too at the same noise,
/// or are the implicit ones, whichever the family claims (of vectors that are not made of independent entries: on average
/// those of the first two moments); elementwise densities add up to the whole, and that of normal vectors is it; a copy has its own variables. A
/// joint distribution is checked part by part, at one draw where parts depend on others.
///
/// Gradients are compared in `f64` only. A density with a pole at an end of its support can be integrated as far as
/// the pole is no steeper than the square root; choose such parameters.
///
/// # Errors
/// [`LawError`](super::LawError) with the first law that does not hold.
///
/// # Examples
/// ```
/// use tfn_distributions::Normal;
/// use tfn_distributions::testing::{Laws, check_distribution};
///
/// check_distribution(&Normal::new(0.3, 1.7)?, &Laws::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_distribution(distribution: &dyn Distribution, laws: &Laws) -> Outcome {
    let subject = Subject { law: "a copy has its own variables", family: distribution.family() };
    if let Some(joint) = distribution.joint() {
        check_copy(subject, distribution)?;
        let values = subject.get(distribution.sample_parts(&[], &laws.key()))?;
        let parts = subject.get(joint.given(&values))?;
        return parts.iter().try_for_each(|part| check_distribution(part.as_ref(), laws));
    }
    if let Some(parts) = distribution.parts() {
        check_copy(subject, distribution)?;
        return parts.iter().try_for_each(|part| check_distribution(part.as_ref(), laws));
    }
    let case = Case::new(distribution, laws)?;
    check_shapes(case.about("samples and densities have their shapes"), &case)?;
    check_rows(case.about("the density of several values is that of each"), &case)?;
    match distribution.support() {
        Support::Continuous if case.event.is_empty() => {
            check_integrals(case.about("statistics are integrals of the density"), &case)?;
            check_outside(case.about("there is no density at infinity"), &case, f64::INFINITY)?;
            check_outside(case.about("there is no density at infinity"), &case, f64::NEG_INFINITY)?;
        }
        Support::Circle if case.event.is_empty() => {
            check_circle(case.about("statistics are integrals over the circle"), &case)?;
        }
        Support::Integers if case.event.is_empty() => {
            check_sums(case.about("statistics are sums over the masses"), &case)?;
            check_outside(case.about("there is no mass between whole numbers"), &case, 0.5)?;
        }
        Support::OneHot if case.event.len() == 1 => {
            check_one_hot(case.about("statistics are sums over the masses"), &case)?;
        }
        Support::Continuous if case.event.len() == 1 => {
            let subject = case.about("the density of vectors integrates to 1");
            check_normalized(subject, &case, laws.samples)?;
        }
        Support::Simplex | Support::LogSimplex if case.event.len() == 1 && case.event[0] <= 3 => {
            check_simplex(case.about("statistics are integrals of the density"), &case)?;
        }
        Support::Continuous
        | Support::Integers
        | Support::OneHot
        | Support::Simplex
        | Support::LogSimplex
        | Support::Circle
        | Support::Points => {}
    }
    check_samples(&case)?;
    check_consistency(&case)?;
    check_mode(case.about("the mode has the highest density"), &case)?;
    check_derivatives(&case)?;
    check_elements(case.about("densities by entries or as normal vectors are the whole"), &case)?;
    check_copy(case.about("a copy has its own variables"), distribution)
}

fn check_shapes(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    for sample_shape in [&[][..], &[2, 3]] {
        let key = case.laws.key().child("shapes");
        let sample = subject.get(case.d.sample(sample_shape, &mut key.stream()))?;
        let expected = [sample_shape, &case.batch].concat();
        let log_prob = subject.get(case.d.log_prob(&sample))?;
        let given = subject.get(log_prob.shape().map_err(Into::into))?;
        if given != expected {
            return Err(subject.broken(format!("log_prob {given:?}"), format!("{expected:?}")));
        }
    }
    let shape = [&case.batch[..], &case.event].concat();
    for (statistic, name) in
        [(case.d.mean(), "mean"), (case.d.variance(), "variance"), (case.d.mode(), "mode")]
    {
        let Some(statistic) = subject.optional(statistic)? else {
            continue;
        };
        let given = subject.get(statistic.shape().map_err(Into::into))?;
        if given != shape {
            return Err(subject.broken(format!("{name} {given:?}"), format!("{shape:?}")));
        }
    }
    Ok(())
}

fn check_rows(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let few = case.few();
    let together = subject.entries(case.d.log_prob(&few))?;
    let mut apart = Vec::new();
    for row in 0..subject.get(few.shape().map_err(Into::into))?[0] {
        let one = few.narrow(0, row, 1).squeeze(0);
        apart.extend(subject.entries(case.d.log_prob(&one))?);
    }
    subject.equal(&together, &apart, rounding(case.dtype))
}

fn check_samples(case: &Case<'_>) -> Outcome {
    if case.d.support() == Support::Circle {
        return check_angles(case.about("samples have the angles claimed"), case);
    }
    let subject = case.about("samples have the mean and variance claimed");
    let mean = subject.optional_entries(case.d.mean())?;
    let variance = subject.optional_entries(case.d.variance())?;
    let get =
        |list: &Option<Vec<f64>>, i: usize| list.as_ref().and_then(|list| list.get(i).copied());
    for entry in 0..case.width() {
        check_moments(subject, &case.column(entry), get(&mean, entry), get(&variance, entry))?;
    }
    if case.event.len() == 1 {
        check_covariance(case.about("samples have the covariance claimed"), case, &case.sample)?;
    }
    let subject = case.about("samples have the distribution claimed");
    if !case.event.is_empty() {
        return Ok(());
    }
    let Some(cdf) = subject.optional_entries(case.d.cdf(&case.sample))? else {
        return Ok(());
    };
    let is_continuous = case.d.support() == Support::Continuous;
    for entry in 0..case.width() {
        let column: Vec<f64> = cdf.iter().skip(entry).step_by(case.width()).copied().collect();
        check_cdf(subject, &case.column(entry), &column, is_continuous)?;
    }
    Ok(())
}

fn check_consistency(case: &Case<'_>) -> Outcome {
    let (few, near) = (case.few(), rounding(case.dtype));
    let subject = case.about("prob is the exponential of log_prob");
    let log_prob = subject.get(case.d.log_prob(&few))?;
    let prob = subject.entries(case.d.prob(&few))?;
    subject.equal(&prob, &subject.entries(Ok(log_prob.exp()))?, near)?;
    let subject = case.about("variance is the square of stddev");
    if let Some(variance) = subject.optional_entries(case.d.variance())? {
        let stddev = subject.entries(case.d.stddev())?;
        // A Cauchy distribution has neither.
        let known = stddev.iter().zip(&variance).filter(|(s, v)| !(s.is_nan() && v.is_nan()));
        let (squares, variance): (Vec<f64>, Vec<f64>) = known.map(|(s, v)| (s * s, *v)).unzip();
        subject.equal(&squares, &variance, near)?;
    }
    let subject = case.about("log_cdf, survival_function and its logarithm follow from cdf");
    if let Some(cdf) = subject.optional_entries(case.d.cdf(&few))? {
        // Around a circle a cdf goes on below 0, where it has no logarithm.
        let is_circle = case.d.support() == Support::Circle;
        let with_log = |p: &f64| if is_circle && *p < 0.0 { 0.0 } else { *p };
        let logs: Vec<f64> =
            subject.entries(case.d.log_cdf(&few))?.iter().map(|l| l.exp()).collect();
        subject.equal(&logs, &cdf.iter().map(with_log).collect::<Vec<_>>(), near)?;
        let above = subject.entries(case.d.survival_function(&few))?;
        let rest: Vec<f64> = cdf.iter().map(|p| 1.0 - p).collect();
        subject.equal(&above, &rest, near)?;
        let logs = subject.entries(case.d.log_survival_function(&few))?;
        let above_again: Vec<f64> = logs.iter().map(|l| l.exp()).collect();
        subject.equal(&above_again, &above.iter().map(with_log).collect::<Vec<_>>(), near)?;
    }
    let subject = case.about("quantiles invert the cdf");
    let levels = case.values(&[0.01, 0.3, 0.5, 0.9]);
    if let Some(values) = subject.optional(case.d.quantile(&levels))? {
        let back = subject.entries(case.d.cdf(&values))?;
        let expected = subject.entries(Ok(&levels + &values * 0.0))?;
        if case.d.support() == Support::Integers {
            let before = subject.entries(case.d.cdf(&(values - 1.0)))?;
            check_steps(subject, &back, &before, &expected, near)?;
            return check_own_levels(case);
        }
        subject.equal(&back, &expected, near)?;
        let subject = case.about("the inverse survival function is the quantile of the rest");
        let from_above = subject.entries(case.d.inverse_survival_function(&(1.0 - &levels)))?;
        subject.equal(&from_above, &subject.entries(Ok(values))?, near * 10.0)?;
    }
    Ok(())
}

/// A quantile of whole numbers is the first whose cdf reaches the level.
fn check_steps(
    subject: Subject<'_>,
    at: &[f64],
    before: &[f64],
    levels: &[f64],
    near: f64,
) -> Outcome {
    for ((at, before), level) in at.iter().zip(before).zip(levels) {
        let is_first = *at >= level - near && *before <= level + near;
        if !is_first {
            let given = format!("cdf {at} at the quantile and {before} before it");
            return Err(subject.broken(given, format!("{level} between them")));
        }
    }
    Ok(())
}

/// The quantile at the cdf of a count is that count, as long as the count before it has another cdf.
fn check_own_levels(case: &Case<'_>) -> Outcome {
    let subject = case.about("a count is the quantile at its own cdf");
    let highest = case.entries.iter().copied().fold(0.0, f64::max);
    let counts: Vec<f64> = (0..=highest as usize).map(|count| count as f64).collect();
    let counts = case.values(&counts);
    let cdf = subject.get(case.d.cdf(&counts))?.detach();
    let back = subject.entries(case.d.quantile(&cdf))?;
    let before = subject.entries(case.d.cdf(&(&counts - 1.0)))?;
    let (counts, cdf) = (subject.entries(Ok(counts + &cdf * 0.0))?, subject.entries(Ok(cdf))?);
    for (i, &level) in cdf.iter().enumerate() {
        let is_own = level < 1.0 && level - before[i] > 1e-13 * level.min(1.0 - level);
        if is_own && back[i] != counts[i] {
            return Err(subject
                .broken(format!("{} at the level {level}", back[i]), format!("{}", counts[i])));
        }
    }
    Ok(())
}

fn check_mode(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let Some(mode) = subject.optional(case.d.mode())? else {
        return Ok(());
    };
    let best = subject.entries(case.d.log_prob(&mode))?;
    let all = subject.entries(case.d.log_prob(&case.sample))?;
    for (i, log_prob) in all.iter().enumerate() {
        let best = best[i % best.len().max(1)];
        if *log_prob > best + rounding(case.dtype) * best.abs().max(1.0) || best.is_nan() {
            return Err(
                subject.broken(format!("{best} at the mode"), format!("at least {log_prob}"))
            );
        }
    }
    Ok(())
}

fn check_derivatives(case: &Case<'_>) -> Outcome {
    let subject = case.about("gradients are those of central differences");
    let few = case.few();
    let value = Variable::new("value", few.clone()).map_err(|error| subject.failed(error))?;
    let mut variables = case.d.trainable_variables();
    if matches!(case.d.support(), Support::Continuous | Support::Circle) {
        variables.push(value.clone());
    }
    // A point mass has no density that could have a slope in its place.
    if case.d.support() != Support::Points {
        check_gradients(subject, &variables, || weighed(&case.d.log_prob(&value.tensor())?))?;
    }
    let subject = case.about("samples have the gradients that reparameterization claims");
    match case.d.reparameterization() {
        Reparameterization::Fully => check_by_noise(subject, case, FEW),
        Reparameterization::Implicitly => check_implicit(subject, case, FEW),
        Reparameterization::Not
            if subject.get(case.d.sample(&[FEW], &mut case.laws.key().stream()))?.is_tracked() =>
        {
            Err(subject.broken("a tracked sample", "a constant"))
        }
        Reparameterization::Not => Ok(()),
    }
}

fn check_elements(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let few = case.few();
    let whole = subject.entries(case.d.log_prob(&few))?;
    let near = rounding(case.dtype) * 10.0;
    if let Some(terms) = case.d.elementwise_log_prob(&few) {
        let sum = sum_last(&subject.get(terms)?, case.event.len());
        subject.equal(&subject.entries(Ok(sum))?, &whole, near)?;
    }
    if let Some((loc, scale)) = case.d.elementwise_normal() {
        let sum = sum_last(&Tensor::normal_log_prob(&few, &loc, &scale), case.event.len());
        subject.equal(&subject.entries(Ok(sum))?, &whole, near)?;
    }
    if let Some(normal) = case.d.linear_normal() {
        let all = subject.get(normal.and_then(|normal| normal.log_prob(&few)))?;
        subject.equal(&subject.entries(Ok(all))?, &whole, near)?;
    }
    Ok(())
}

fn check_copy(subject: Subject<'_>, distribution: &dyn Distribution) -> Outcome {
    let copy = distribution
        .copy_arc(&mut Copies::default())
        .ok_or_else(|| subject.broken("no copy", "one"))?;
    let (own, copied) = (distribution.variables(), copy.variables());
    if own.len() != copied.len() || own.iter().any(|variable| copied.contains(variable)) {
        return Err(subject.broken("variables shared with the copy", "fresh ones"));
    }
    Ok(())
}
