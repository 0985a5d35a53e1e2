//! Gradients of samples.

use tfn_tensor::{DType, Tensor, Variable};

use super::Subject;
use super::case::{Case, Outcome};
use super::differences::{check_gradients, weighed};
use crate::distribution::{Distribution, Structure, Support};
use crate::error::{DistributionError, Result};

/// Groups of samples whose average gradients are compared, and samples in each.
const GROUPS: usize = 32;
const EACH: usize = 32;
/// Standard errors by which an average may be off.
const TOLERANCE: f64 = 7.0;

/// Checks the gradients of `few` samples: those of central differences at the same noise.
pub(super) fn check_by_noise(subject: Subject<'_>, case: &Case<'_>, few: usize) -> Outcome {
    let draw = || case.d.sample(&[few], &mut case.key("gradients").stream());
    check_gradients(subject, &case.d.trainable_variables(), || weighed(&draw()?))
}

/// Checks the gradients of `few` samples: the implicit ones, which do without the noise. Of vectors whose entries depend on
/// each other there are many such: there the averages are checked.
pub(super) fn check_implicit(subject: Subject<'_>, case: &Case<'_>, few: usize) -> Outcome {
    let sample = subject.get(case.d.sample(&[few], &mut case.key("gradients").stream()))?;
    match subject.get(implicit(case.d, &sample.detach()))? {
        Some(implicit) => check_equal(subject, case, &sample, &implicit),
        None => check_averages(subject, case),
    }
}

/// What moves with the parameters as samples at fixed levels of the cdf: `−∂F/∂θ` over the density, Figurnov, Mohamed
/// and Mnih (2018), equation 8. `None` where there is no cdf of single entries.
fn implicit(d: &dyn Distribution, x: &Tensor) -> Result<Option<Tensor>> {
    match d.structure() {
        Structure::Independent { base, .. } => return implicit(&*base, x),
        Structure::Sample { base, .. } if base.batch_shape()?.is_empty() => {
            return implicit(&*base, x);
        }
        _ => {}
    }
    let has_density = matches!(d.support(), Support::Continuous | Support::Circle);
    if !has_density || !d.event_shape()?.is_empty() {
        return Ok(None);
    }
    match d.cdf(x) {
        Err(DistributionError::Unsupported { .. }) => Ok(None),
        cdf => Ok(Some(-cdf? / d.prob(x)?.detach())),
    }
}

fn check_equal(
    subject: Subject<'_>,
    case: &Case<'_>,
    sample: &Tensor,
    implicit: &Tensor,
) -> Outcome {
    let variables = case.d.trainable_variables();
    let given = subject.get(slopes(sample, &variables))?;
    let expected = subject.get(slopes(implicit, &variables))?;
    let largest = expected.iter().fold(1.0_f64, |largest, slope| largest.max(slope.abs()));
    for (i, (given, expected)) in given.iter().zip(&expected).enumerate() {
        let off = (given - expected).abs();
        if off.is_nan() || off >= 2e-9 * largest {
            let given = format!("gradient {given} at entry {i} of the variables");
            return Err(subject.broken(given, format!("{expected}, the implicit one")));
        }
    }
    Ok(())
}

/// On average a sample has the gradient of the mean, and its square that of the mean square.
fn check_averages(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let Some(mean) = subject.optional(case.d.mean())? else {
        return Err(subject.broken("neither a cdf nor a mean", "one to compare gradients with"));
    };
    check_average(subject, case, &mean, |sample| sample.clone())?;
    match subject.optional(case.d.variance())? {
        Some(variance) => check_average(subject, case, &(variance + mean.square()), Tensor::square),
        None => Ok(()),
    }
}

/// On average `f` of a sample has the gradient of its mean.
fn check_average(
    subject: Subject<'_>,
    case: &Case<'_>,
    mean: &Tensor,
    f: impl Fn(&Tensor) -> Tensor,
) -> Outcome {
    let variables = case.d.trainable_variables();
    let expected = subject.get(slopes(mean, &variables))?;
    let mut groups = Vec::with_capacity(GROUPS);
    for group in 0..GROUPS {
        let key = case.key("average gradients").index(group as u64);
        let sample = subject.get(case.d.sample(&[EACH], &mut key.stream()))?;
        groups.push(subject.get(slopes(&f(&sample).mean_axes(&[0], false), &variables))?);
    }
    for (i, expected) in expected.iter().enumerate() {
        let column = groups.iter().map(|slopes| slopes[i]);
        let average = column.clone().sum::<f64>() / GROUPS as f64;
        let squares = column.map(|slope| (slope - average).powi(2)).sum::<f64>();
        let error = (squares / (GROUPS * (GROUPS - 1)) as f64).sqrt();
        let off = (average - expected).abs();
        if off.is_nan() || off > TOLERANCE * error + 1e-9 {
            let given = format!("gradient {average} ± {error} on average");
            return Err(subject.broken(given, format!("{expected}, that of the moment")));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tfn_module::Module;
    use tfn_tensor::Stream;

    use super::*;
    use crate::testing::{Laws, check_distribution};
    use crate::{Gamma, Independent, Normal, Parameter, ParameterSpec, Reparameterization};

    /// What `distribution` is, with a claim and gradients of its own.
    #[derive(Debug, Module)]
    struct Claiming {
        distribution: Arc<dyn Distribution>,
        by_noise: bool,
        stretch: f64,
    }

    impl Distribution for Claiming {
        fn parameters(&self) -> Vec<ParameterSpec<'_>> {
            Vec::new()
        }

        fn dtype(&self) -> Result<DType> {
            self.distribution.dtype()
        }

        fn batch_shape(&self) -> Result<Vec<usize>> {
            self.distribution.batch_shape()
        }

        fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
            self.distribution.log_prob(x)
        }

        fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
            let sample = self.distribution.sample_of(shape, stream)?;
            Ok(sample.detach() + (&sample - sample.detach()) * self.stretch)
        }

        fn cdf(&self, value: &Tensor) -> Result<Tensor> {
            self.distribution.cdf(value)
        }

        fn reparameterization(&self) -> Reparameterization {
            if self.by_noise { Reparameterization::Fully } else { Reparameterization::Implicitly }
        }
    }

    fn check(distribution: impl Into<Arc<dyn Distribution>>, by_noise: bool, stretch: f64) -> bool {
        let claiming = Claiming { distribution: distribution.into(), by_noise, stretch };
        match check_distribution(&claiming, &Laws::default().with_samples(2000)) {
            Ok(()) => true,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("samples have the gradients"), "{text}");
                false
            }
        }
    }

    #[test]
    fn each_claim_is_held_to_its_own_law() {
        let [a, b] = [3.0, 0.7].map(|x| Variable::new("v", Tensor::scalar(x)).unwrap());
        let gamma = || Gamma::new(&a, &b).unwrap();
        let normal = || Normal::new(&a, &b).unwrap();
        // Of numbers the implicit gradient is the only one that can be had by noise.
        assert!(check(normal(), true, 1.0) && check(normal(), false, 1.0));
        assert!(!check(normal(), true, 1.001) && !check(normal(), false, 1.001));
        // Small steps reject no other draws, but move those that are accepted without the change of the level.
        assert!(check(gamma(), false, 1.0));
        assert!(!check(gamma(), true, 1.0));
        assert!(!check(gamma(), false, 1.001));
    }

    #[test]
    fn independent_entries_are_looked_at_one_by_one() {
        let a: Parameter = Tensor::from_vec(vec![0.5, 3.0], &[2]).into();
        let rows = Independent::new(Gamma::new(&a, 1.0).unwrap(), 1).unwrap();
        let x = Tensor::from_vec(vec![0.2, 2.0], &[2]);
        assert!(implicit(&rows, &x).unwrap().is_some());
    }
}
