//! The log-uniform distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Normal;
use crate::distribution::{Distribution, KlDivergence, KlRule};
use crate::error::{DistributionError, Result};
use crate::gaussian::STANDARD_ENTROPY;
use crate::kl::{entrywise, expected_log};
use crate::parameter::ParameterSpec;

/// `E ln|z|` of a standard normal `z`, `−(γ + ln 2)/2`.
const LOG_OF_NOISE: f64 = -0.635_181_422_730_739_1;

/// The improper distribution under which the logarithm of `|x|` is uniform: the prior of variational dropout.
///
/// ```text
/// log p(x) = −ln|x|
/// ```
///
/// No constant makes this a density, so none is added, and nothing can be drawn from it. Divergences from it are
/// those up to a constant, and may be negative: for a normal `q` they fall to [`LEAST_KL`](Self::LEAST_KL) as the
/// noise drowns the mean.
///
/// # References
/// Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), section 4.2; Molchanov,
/// Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.2.
///
/// # Examples
/// ```
/// use tfn_distributions::{LogUniform, Normal, kl_divergence};
/// use tfn_tensor::DType;
///
/// let prior = LogUniform::new(DType::F64);
/// let noise = kl_divergence(&Normal::new(0.0, 0.1)?, &prior)?.item()?;
/// assert!((noise - LogUniform::LEAST_KL).abs() < 1e-15);
/// assert!(kl_divergence(&Normal::new(1.0, 0.1)?, &prior)?.item()? > noise + 2.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct LogUniform {
    #[module(skip)]
    dtype: DType,
    validate_args: bool,
}

family!(LogUniform);

impl LogUniform {
    /// The divergence of `N(0, scale²)` from it, the least of any normal: `−(γ + ln 2)/2 − ln sqrt(2πe)`.
    pub const LEAST_KL: f64 = LOG_OF_NOISE - STANDARD_ENTROPY;

    /// The log-uniform distribution over numbers of a type.
    pub fn new(dtype: DType) -> Self {
        Self { dtype, validate_args: false }
    }

    /// The published approximation of the divergence of a normal with `alpha = (scale/loc)²`, above
    /// [`LEAST_KL`](Self::LEAST_KL): 0 for `alpha → ∞`.
    ///
    /// ```text
    /// k₁ sigmoid(−k₂ − k₃ ln alpha) + ½ ln(1 + 1/alpha)
    /// ```
    ///
    /// It is off by up to 0.0094 nat; [`kl_divergence`](crate::kl_divergence) is exact.
    ///
    /// # References
    /// Molchanov, Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), equation 14.
    ///
    /// # Examples
    /// ```
    /// use tfn_distributions::{LogUniform, Normal, kl_divergence};
    /// use tfn_tensor::{DType, Tensor};
    ///
    /// let q = Normal::new(2.0, 1.0)?;
    /// let exact = kl_divergence(&q, &LogUniform::new(DType::F64))?.item()? - LogUniform::LEAST_KL;
    /// let published = LogUniform::kl_molchanov(&Tensor::scalar(0.25_f64.ln())).item()?;
    /// assert!((exact - published).abs() < 0.0094);
    /// # Ok::<(), tfn_distributions::DistributionError>(())
    /// ```
    #[must_use]
    pub fn kl_molchanov(log_alpha: &Tensor) -> Tensor {
        let falling = (log_alpha * -1.486_95 - 1.873_20).sigmoid();
        falling * 0.635_76 + (-log_alpha).softplus() * 0.5
    }

    /// The published polynomial for the divergence of a normal with `alpha = (scale/loc)²` of at most 1, above
    /// [`LEAST_KL`](Self::LEAST_KL).
    ///
    /// ```text
    /// (γ + ln 2)/2 − ½ ln alpha − c₁ alpha − c₂ alpha² − c₃ alpha³
    /// ```
    ///
    /// The paper leaves the constant open; with this one the value is exact for `alpha → 0`, and off by up to
    /// 0.041 nat, most at `alpha = 0.12`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if an `alpha` is above 1, where the polynomial is none of the divergence.
    ///
    /// # References
    /// Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), equation 14.
    pub fn kl_kingma(log_alpha: &Tensor) -> Result<Tensor> {
        let given = log_alpha.to_f64_vec()?;
        if let Some(above) = given.iter().find(|log_alpha| **log_alpha > 0.0) {
            return Err(DistributionError::Argument {
                family: "LogUniform",
                argument: "log_alpha",
                given: above.to_string(),
                expected: "at most 0".into(),
            });
        }
        let alpha = log_alpha.exp();
        let cubic = &alpha * (1.161_451_24 + &alpha * (&alpha * 0.586_299_21 - 1.502_041_18));
        Ok(log_alpha * -0.5 - cubic - LOG_OF_NOISE)
    }
}

impl Distribution for LogUniform {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        Vec::new()
    }

    fn dtype(&self) -> Result<DType> {
        Ok(self.dtype)
    }

    fn batch_shape(&self) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn event_shape(&self) -> Result<Vec<usize>> {
        Ok(Vec::new())
    }

    fn check_values(&self) -> Result<()> {
        Ok(())
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(-x.abs().ln())
    }

    fn sample_of(&self, _: &[usize], _: &mut Stream) -> Result<Tensor> {
        Err(DistributionError::Unsupported { family: "LogUniform", method: "sample" })
    }

    fn mode(&self) -> Result<Tensor> {
        Ok(Tensor::zeros(&[], self.dtype))
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Normal, LogUniform>()] }
    }
}

/// Exact, a function of `r = loc/scale` alone, with Dawson's integral `D` in its slope:
///
/// ```text
/// −ln sqrt(2πe) + E ln|r + z|,   d/dr = √2 D(r/√2)
/// ```
impl KlDivergence<LogUniform> for Normal {
    fn kl_divergence_to(&self, _: &LogUniform) -> Result<Tensor> {
        let (loc, scale) = (self.loc().value(), self.scale().value());
        let shape = self.batch_shape()?;
        let (loc, scale) = (loc.broadcast_to(&shape), scale.broadcast_to(&shape));
        Ok(entrywise("normal_log_uniform_kl", &loc, &scale, |loc, scale| {
            let ratio = loc / scale;
            let [log, slope] = expected_log(ratio);
            [log - STANDARD_ENTROPY, slope / scale, -slope * ratio / scale]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, kl_divergence};
    use tfn_tensor::{Variable, testing::check_gradients};

    fn exact_above(log_alpha: f64) -> f64 {
        let [log, _] = expected_log((-0.5 * log_alpha).exp());
        log - LOG_OF_NOISE
    }

    #[test]
    fn the_published_approximations_are_as_good_as_they_say() {
        let worst = |low: f64, approximation: &dyn Fn(&Tensor) -> Tensor| {
            let grid: Vec<f64> = (0..=4000).map(|i| low - low * f64::from(i) / 4000.0).collect();
            let values = approximation(&Tensor::from_slice(&grid, &[grid.len()])).to_f64_vec().unwrap();
            grid.iter().zip(values).map(|(a, v)| (v - exact_above(*a)).abs()).fold(0.0, f64::max)
        };
        let (below, above) =
            (worst(-12.0, &LogUniform::kl_molchanov), worst(12.0, &LogUniform::kl_molchanov));
        let molchanov = below.max(above);
        assert!((0.0093..0.0095).contains(&molchanov), "{molchanov}");
        let kingma = worst(-12.0, &|a| LogUniform::kl_kingma(a).unwrap());
        assert!((0.040..0.041).contains(&kingma), "{kingma}");
    }

    #[test]
    fn the_polynomial_is_guarded() {
        let error = LogUniform::kl_kingma(&Tensor::scalar(0.1)).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "log_alpha", .. }));
    }

    #[test]
    fn scaling_a_normal_changes_nothing() {
        let prior = Sample::new(LogUniform::new(DType::F64), &[2]).unwrap();
        let kl = |s: f64| {
            let [loc, scale] = [[0.3, -4.0], [0.2, 0.1]].map(|v| Tensor::from_slice(&v, &[2]) * s);
            let q = crate::MultivariateNormalDiag::new(loc, scale).unwrap();
            kl_divergence(&q, &prior).unwrap().item().unwrap()
        };
        assert!([1e-6, 1e3].into_iter().all(|s| (kl(s) - kl(1.0)).abs() < 1e-12));
    }

    #[test]
    fn gradients_agree_with_central_differences() {
        let loc = Tensor::from_slice(&[0.3, -1.2, 2.2, 30.0], &[4]);
        let scale = Tensor::from_slice(&[0.7, 1.9, 0.4, 1.3], &[4]);
        check_gradients(&[loc, scale], |v| {
            let [loc, scale] = [0, 1].map(|i| v[i].clone());
            kl_divergence(&Normal::new(loc, scale).unwrap(), &LogUniform::new(DType::F64)).unwrap()
        })
        .unwrap();
    }

    #[test]
    fn nothing_can_be_drawn() {
        let prior = LogUniform::new(DType::F32);
        let error = prior.sample(&[1], &mut Stream::from_seed(1)).unwrap_err();
        assert!(matches!(error, DistributionError::Unsupported { method: "sample", .. }));
        let x = Variable::new("x", Tensor::scalar(-2.0_f32)).unwrap();
        let log_prob = prior.log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.gradients().unwrap().of(&x).item().unwrap(), 0.5);
    }
}
