//! Divergences where there may be no closed form.

use tfn_tensor::Tensor;
use tfn_tensor::random::Key;

use super::dispatch::{Factorization, by_levels, factorization, kl_divergence};
use super::integral::by_integral;
use super::monte_carlo::by_samples;
use super::quadrature::by_quadrature;
use crate::distribution::Distribution;
use crate::error::{DistributionError, Result};

/// Tolerance of [`KlMethod::best`].
const TOLERANCE: f64 = 1e-7;
/// Samples of [`KlMethod::best`].
const SAMPLES: usize = 1000;
/// Relative error up to which [`KlMethod::Best`] is content with quadrature.
const GOOD_ENOUGH: f64 = 1e-5;

/// How a divergence is to be computed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum KlMethod {
    /// [`kl_divergence`], and its error if there is no rule.
    ClosedForm,
    /// Quadrature, entry by entry.
    ///
    /// For a `q` that is elementwise normal and a `p` with an elementwise log-density: if `p` is the same for all weights, the expectation of its log-density is a function of `loc` and `scale`: it is
    /// tabulated where the weights lie, piece by piece as polynomials. Pieces are halved until the kinks, bends and
    /// singularities of the log-density lie between them. Otherwise Gauss–Hermite rules of up to 128 nodes are doubled
    /// until two agree. For any other `q` over numbers that has quantiles, and independent copies of such: the integral of
    /// `log q − log p` over the levels of `q`, on panels that are halved until halving changes nothing. It is infinite where `q`
    /// has a density and `p` has none, as far as a level of 1e-300 (1e-37 in `f32`) reaches.
    Quadrature {
        /// The error of each weight, in nats, that is aimed at. A number below the rounding error counts as the
        /// rounding error.
        tolerance: f64,
    },
    /// The mean of `log q(x) − log p(x)` over samples of `q`.
    MonteCarlo {
        /// Number of samples, at least 2.
        samples: usize,
        /// Where they are drawn.
        key: Key,
    },
    /// The first of the three that gives an answer. After a quadrature that is not good to five digits, Monte Carlo is
    /// tried as well, and the one with the smaller error is taken.
    Best {
        /// Tolerance of the quadrature.
        tolerance: f64,
        /// Number of samples, at least 2.
        samples: usize,
        /// Where they are drawn.
        key: Key,
    },
}

impl KlMethod {
    /// [`KlMethod::Quadrature`] with a tolerance of 1e-7 nat.
    pub const fn quadrature() -> Self {
        Self::Quadrature { tolerance: TOLERANCE }
    }

    /// [`KlMethod::Best`] with a tolerance of 1e-7 nat and 1000 samples.
    pub const fn best(key: Key) -> Self {
        Self::Best { tolerance: TOLERANCE, samples: SAMPLES, key }
    }
}

/// A divergence, how it was computed, and how far off it may be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KlEstimate {
    /// The divergence, of the shape of the batch; its gradients reach the parameters of both.
    pub value: Tensor,
    /// The method used. Of a joint distribution it is the least exact that a part needed.
    pub method: KlMethod,
    /// Its error, entry by entry: 0 for a closed form; for quadrature the sum over the weights of what their
    /// polynomials leave out, judged by how their coefficients fall, and of rounding (for Gauss–Hermite rules four
    /// times the difference of the last two, for integrals over levels that of the last halving); for Monte Carlo the standard error.
    pub error: Tensor,
}

/// The divergence `KL(q || p)` by a method that need not be a closed form.
///
/// # Errors
/// [`DistributionError::NoKlRule`] if the method asked for does not fit the pair, errors of shapes and parts as for
/// [`kl_divergence`], and [`DistributionError::Argument`] for too few nodes or samples.
///
/// # Examples
/// ```
/// use tfn_distributions::{KlMethod, Laplace, Normal, estimate_kl};
/// use tfn_tensor::Key;
///
/// let (q, p) = (Normal::new(0.0, 1.0)?, Laplace::new(3.0, 1.0)?);
/// let estimate = estimate_kl(&q, &p, KlMethod::best(Key::from_seed(1)))?;
/// // E|x − 3| = 3 erf(3/√2) + sqrt(2/π) exp(−9/2).
/// let exact = 3.000764 + 2.0_f64.ln() - 1.4189385;
/// assert!((estimate.value.item()? - exact).abs() < 1e-3);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
pub fn estimate_kl(
    q: &dyn Distribution,
    p: &dyn Distribution,
    method: KlMethod,
) -> Result<KlEstimate> {
    let dependent = match factorization(q, p)? {
        Factorization::Parts(pairs) => return by_parts((q, p), pairs, &method),
        Factorization::Whole => false,
        Factorization::Dependent => true,
    };
    match method {
        KlMethod::Quadrature { .. } if dependent => Err(not_factorised(q, p)),
        KlMethod::Best { samples, key, .. } if dependent => monte_carlo(q, p, samples, key),
        KlMethod::ClosedForm => closed_form(q, p),
        KlMethod::Quadrature { tolerance } => {
            quadrature(q, p, tolerance)?.ok_or_else(|| not_factorised(q, p))
        }
        KlMethod::MonteCarlo { samples, key } => monte_carlo(q, p, samples, key),
        KlMethod::Best { tolerance, samples, key } => best(q, p, tolerance, samples, key),
    }
}

fn best(
    q: &dyn Distribution,
    p: &dyn Distribution,
    tolerance: f64,
    samples: usize,
    key: Key,
) -> Result<KlEstimate> {
    match closed_form(q, p) {
        Err(DistributionError::NoKlRule { .. }) => {}
        answer => return answer,
    }
    let Some(quadrature) = quadrature(q, p, tolerance)? else {
        return monte_carlo(q, p, samples, key);
    };
    if largest(&quadrature.error)? <= GOOD_ENOUGH * largest(&quadrature.value)?.max(1.0) {
        return Ok(quadrature);
    }
    let sampled = monte_carlo(q, p, samples, key)?;
    let better = largest(&sampled.error)? < largest(&quadrature.error)?;
    Ok(if better { sampled } else { quadrature })
}

fn closed_form(q: &dyn Distribution, p: &dyn Distribution) -> Result<KlEstimate> {
    let value = kl_divergence(q, p)?;
    let error = Tensor::zeros(value.shape()?, value.dtype()?);
    Ok(KlEstimate { value, method: KlMethod::ClosedForm, error })
}

fn quadrature(
    q: &dyn Distribution,
    p: &dyn Distribution,
    tolerance: f64,
) -> Result<Option<KlEstimate>> {
    if tolerance.is_nan() || tolerance <= 0.0 {
        return Err(DistributionError::Argument {
            family: "estimate_kl",
            argument: "tolerance",
            given: tolerance.to_string(),
            expected: "a positive number".into(),
        });
    }
    let method = KlMethod::Quadrature { tolerance };
    let estimate = match by_quadrature(q, p, tolerance)? {
        None => integral(q, p, tolerance)?,
        found => found,
    };
    Ok(estimate.map(|[value, error]| KlEstimate { value, method, error }))
}

/// The integral over the levels of `q`, or over those of what is inside its wrappers, and its error.
fn integral(
    q: &dyn Distribution,
    p: &dyn Distribution,
    tolerance: f64,
) -> Result<Option<[Tensor; 2]>> {
    let known = |q: &dyn Distribution, p: &dyn Distribution| by_integral(q, p, tolerance);
    match known(q, p)? {
        None => by_levels(q, p, &known, &mut Vec::new()),
        found => Ok(found),
    }
}

fn monte_carlo(
    q: &dyn Distribution,
    p: &dyn Distribution,
    samples: usize,
    key: Key,
) -> Result<KlEstimate> {
    let [value, error] = by_samples(q, p, samples, &key)?;
    Ok(KlEstimate { value, method: KlMethod::MonteCarlo { samples, key }, error })
}

/// The largest absolute entry.
fn largest(tensor: &Tensor) -> Result<f64> {
    let entries = tensor.to_f64_vec()?;
    Ok(entries
        .iter()
        .map(|entry| entry.abs())
        .fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a }))
}

fn by_parts(
    (q, p): (&dyn Distribution, &dyn Distribution),
    pairs: Vec<[&dyn Distribution; 2]>,
    method: &KlMethod,
) -> Result<KlEstimate> {
    let mut sum: Option<KlEstimate> = None;
    for (i, [q, p]) in pairs.into_iter().enumerate() {
        let part = estimate_kl(q, p, at_part(method, i as u64))?;
        sum = Some(match sum {
            None => part,
            Some(sum) => KlEstimate {
                value: sum.value + part.value,
                error: sum.error + part.error,
                method: if exactness(&part.method) > exactness(&sum.method) {
                    part.method
                } else {
                    sum.method
                },
            },
        });
    }
    sum.ok_or_else(|| not_factorised(q, p))
}

/// The method with the key of a part.
fn at_part(method: &KlMethod, part: u64) -> KlMethod {
    match method.clone() {
        KlMethod::MonteCarlo { samples, key } => {
            KlMethod::MonteCarlo { samples, key: key.index(part) }
        }
        KlMethod::Best { tolerance, samples, key } => {
            KlMethod::Best { tolerance, samples, key: key.index(part) }
        }
        method => method,
    }
}

/// 0 for the most exact method.
fn exactness(method: &KlMethod) -> u8 {
    match method {
        KlMethod::ClosedForm => 0,
        KlMethod::Quadrature { .. } => 1,
        KlMethod::MonteCarlo { .. } | KlMethod::Best { .. } => 2,
    }
}

fn not_factorised(q: &dyn Distribution, p: &dyn Distribution) -> DistributionError {
    let tried = vec![
        "quadrature (needs a q of independent numbers with quantiles and such a p with a density)"
            .into(),
    ];
    DistributionError::NoKlRule { q: q.family().into(), p: p.family().into(), tried }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Categorical, Gumbel, HalfNormal, Horseshoe, Independent, JointDistributionSequential,
        Laplace, MixtureSameFamily, Normal, Sample, Uniform,
    };

    use tfn_tensor::{DType, Variable};

    fn spike_and_slab() -> MixtureSameFamily {
        let weights = Categorical::from_logits(Tensor::zeros(&[2], DType::F64)).unwrap();
        let scales = Tensor::from_vec(vec![1.0, 2000.0], &[2]);
        MixtureSameFamily::new(weights, Normal::new(0.0, scales).unwrap()).unwrap()
    }

    fn posterior() -> Independent {
        let loc = Tensor::from_vec(vec![0.1, -0.5, 2.0], &[3]);
        let scale = Tensor::from_vec(vec![0.3, 1e-3, 1.5], &[3]);
        Independent::new(Normal::new(loc, scale).unwrap(), 1).unwrap()
    }

    #[test]
    fn a_prior_without_density_where_the_posterior_has_some_is_infinitely_far() {
        let row = |values: &[f64]| Tensor::from_slice(values, &[values.len()]);
        let q = Normal::new(row(&[20.0, 5.0]), row(&[1.0, 0.1])).unwrap();
        let priors: [Box<dyn Distribution>; 4] = [
            Box::new(HalfNormal::new(10.0).unwrap()),
            Box::new(HalfNormal::new(row(&[10.0, 3.0])).unwrap()),
            Box::new(Uniform::new(0.0, 50.0).unwrap()),
            Box::new(Uniform::new(row(&[-10.0, 3.0]), row(&[50.0, 8.0])).unwrap()),
        ];
        for p in priors {
            let estimate = estimate_kl(&q, &*p, KlMethod::quadrature()).unwrap();
            assert_eq!(estimate.value.to_f64_vec().unwrap(), [f64::INFINITY; 2], "{p:?}");
        }
        // A density that is only smaller than all numbers: 1 + E exp(−x) − ln sqrt(2πe).
        for (dtype, scale) in [(DType::F32, 1.0), (DType::F64, 1.5)] {
            let number = |value: f64| Tensor::from_f64(&[value], &[], dtype);
            let q = Normal::new(number(0.0), number(scale)).unwrap();
            let p = Gumbel::new(number(0.0), number(1.0)).unwrap();
            let value = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap().value.item().unwrap();
            let expected = (0.5 * scale * scale).exp() - 1.418_938_533_204_672_7 - scale.ln();
            assert!((value / expected - 1.0).abs() < 1e-4, "{value} {expected}");
        }
    }

    #[test]
    fn quadrature_and_samples_agree_on_a_mixture() {
        let (q, p) = (posterior(), Sample::new(spike_and_slab(), &[3]).unwrap());
        let best = estimate_kl(&q, &p, KlMethod::best(Key::from_seed(3))).unwrap();
        assert_eq!(best.method, KlMethod::quadrature());
        let (value, error) = (best.value.item().unwrap(), best.error.item().unwrap());
        assert!(error < 1e-6, "{error}");
        let key = Key::from_seed(4);
        let sampled = estimate_kl(&q, &p, KlMethod::MonteCarlo { samples: 20_000, key }).unwrap();
        let off = (sampled.value.item().unwrap() - value).abs();
        assert!(off < 5.0 * sampled.error.item().unwrap() + error, "{off} {sampled:?}");
    }

    #[test]
    fn quadrature_of_two_normals_is_the_closed_form() {
        let (q, p) = (posterior(), Sample::new(Normal::new(0.3, 0.7).unwrap(), &[3]).unwrap());
        let exact = estimate_kl(&q, &p, KlMethod::best(Key::from_seed(1))).unwrap();
        assert_eq!(exact.method, KlMethod::ClosedForm);
        assert_eq!(exact.error.item().unwrap(), 0.0);
        let quadrature = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap();
        let off = quadrature.value.item().unwrap() - exact.value.item().unwrap();
        assert!(off.abs() < 1e-12, "{off}");
    }

    #[test]
    fn quadrature_finds_a_kink() {
        let (q, p) = (Normal::new(0.1, 1.0).unwrap(), Laplace::new(0.0, 0.5).unwrap());
        let exact = kl_divergence(&q, &p).unwrap().item().unwrap();
        let quadrature = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap();
        let off = (quadrature.value.item().unwrap() - exact).abs();
        let error = quadrature.error.item().unwrap();
        assert!(off < error && error < 1e-6, "{off} {error}");
    }

    #[test]
    fn samples_without_reparameterization_have_the_gradient_of_the_divergence() {
        let logits = Variable::new("logits", Tensor::from_vec(vec![0.3, -0.4, 0.1], &[3])).unwrap();
        let q = Categorical::from_logits(&logits).unwrap();
        let p = Categorical::from_logits(Tensor::from_vec(vec![1.0, 0.0, -1.0], &[3])).unwrap();
        let exact = kl_divergence(&q, &p).unwrap().gradients().unwrap().of(&logits);
        let method = KlMethod::MonteCarlo { samples: 100_000, key: Key::from_seed(7) };
        let sampled = estimate_kl(&q, &p, method).unwrap().value.gradients().unwrap().of(&logits);
        let (exact, sampled) = (exact.to_vec::<f64>().unwrap(), sampled.to_vec::<f64>().unwrap());
        // A term has a standard deviation below 1: five standard errors are 0.016.
        assert!(
            exact.iter().zip(&sampled).all(|(a, b)| (a - b).abs() < 0.016),
            "{exact:?} {sampled:?}"
        );
    }

    #[test]
    fn joints_add_up_and_name_the_least_exact_part() {
        let closed =
            Independent::new(Normal::new(Tensor::zeros(&[2], DType::F64), 1.0).unwrap(), 1);
        let q =
            JointDistributionSequential::new([posterior().into(), closed.unwrap().into()]).unwrap();
        let p = JointDistributionSequential::new([
            Sample::new(spike_and_slab(), &[3]).unwrap().into(),
            Sample::new(Normal::new(0.0, 2.0).unwrap(), &[2]).unwrap().into(),
        ])
        .unwrap();
        let sum = estimate_kl(&q, &p, KlMethod::best(Key::from_seed(1))).unwrap();
        assert_eq!(sum.method, KlMethod::quadrature());
        assert!(estimate_kl(&q, &p, KlMethod::ClosedForm).is_err());
    }

    #[test]
    fn a_support_too_small_is_an_infinite_divergence() {
        let (q, p) = (Normal::new(0.0, 1.0).unwrap(), Uniform::new(-1.0, 1.0).unwrap());
        let estimate = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap();
        assert_eq!(estimate.value.item().unwrap(), f64::INFINITY);
        assert_eq!(estimate.error.item().unwrap(), 0.0);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (q, p) = (Horseshoe::new(1.0).unwrap(), Uniform::new(-1.0, 1.0).unwrap());
        let error = estimate_kl(&q, &p, KlMethod::quadrature()).unwrap_err();
        assert!(matches!(error, DistributionError::NoKlRule { .. }));
        let none = KlMethod::Quadrature { tolerance: 0.0 };
        let error = estimate_kl(&Normal::new(0.0, 1.0).unwrap(), &p, none).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "tolerance", .. }));
        let few = KlMethod::MonteCarlo { samples: 1, key: Key::from_seed(0) };
        let error = estimate_kl(&q, &p, few).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "samples", .. }));
        assert!(estimate_kl(&q, &posterior(), KlMethod::best(Key::from_seed(0))).is_err());
    }
}
