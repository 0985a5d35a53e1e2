//! The half-normal distribution.

use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, SQRT_2};

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor};

use super::Gamma;
use super::gamma::kl_to_gamma;
use super::location_scale::{Folded, Standard, Symmetric, Place};
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::exponential_integral::EULER_GAMMA;
use crate::gaussian::normal_kl;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::ndtri;
use crate::special::scalar::gamma::LN_SQRT_2PI;

/// `ln sqrt(πe/2)`, the entropy of the standard half-normal.
const STANDARD_ENTROPY: f64 = 0.725_791_352_644_727_4;
/// `(ln π + 1 + γ)/2`, the entropy of its logarithm.
const LOG_ENTROPY: f64 = 0.5 * (1.144_729_885_849_400_2 + 1.0 + EULER_GAMMA);
/// `(γ + ln(4/π))/2`, by which the mean of its logarithm lies below the logarithm of its mean.
const LOG_GAP: f64 = 0.5 * (EULER_GAMMA + 0.241_564_475_270_490_44);

/// The half-normal distribution: that of `|x|` for a normal `x` with mean 0 and standard deviation `scale`.
///
/// Counterpart: `tfp.distributions.HalfNormal`. Below 0 the log-density is minus infinity with zero gradient.
///
/// ```text
/// log p(x) = ln sqrt(2/π) − z²/2 − ln scale,   z = x/scale,   x ≥ 0
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, HalfNormal};
/// use tfn_tensor::Tensor;
///
/// let prior = HalfNormal::new(2.0)?;
/// assert!((prior.mean()?.item()? - 2.0 * 0.7978845608028654).abs() < 1e-15);
/// assert_eq!(prior.prob(&Tensor::scalar(-1.0))?.item()?, 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct HalfNormal {
    scale: Parameter,
    validate_args: bool,
}

family!(HalfNormal);

impl HalfNormal {
    /// Half-normal distributions of absolute values of normals with the standard deviations `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `scale` is not finite and positive.
    pub fn new(scale: impl Into<Parameter>) -> Result<Self> {
        Self { scale: scale.into(), validate_args: false }.checked()
    }

    /// The standard deviation of the normal.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    fn standard(&self) -> Folded<StandardNormal> {
        Folded(StandardNormal)
    }

    fn place(&self) -> Place {
        let scale = self.scale.value();
        Place { loc: constant(0.0, &scale), scale, is_half: true }
    }

    fn placed(&self, z: &Tensor) -> Tensor {
        self.scale.value() * z
    }
}

struct StandardNormal;

impl Symmetric for StandardNormal {
    fn log_density(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        (x / scale).square() * -0.5 - LN_SQRT_2PI - scale.ln()
    }

    fn tail(&self, z: &Tensor) -> Tensor {
        (-z).ndtr()
    }

    fn log_tail(&self, z: &Tensor) -> Tensor {
        (-z).log_ndtr()
    }

    fn tail_quantile(&self, p: &Tensor) -> Tensor {
        -ndtri(p)
    }

    fn inner(&self, z: &Tensor) -> Tensor {
        (z / SQRT_2).erf()
    }

    /// One step of Newton's method gives the relative digits that the quantile near ½ does not have.
    fn inner_quantile(&self, p: &Tensor) -> Tensor {
        let start = ndtri(&(p * 0.5 + 0.5)).detach();
        let slope = self.log_density(&start, &constant(1.0, &start)).exp() * 2.0;
        &start + (p - self.inner(&start)) / slope
    }

    fn noise(&self, shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
        stream.normal(shape, dtype)
    }
}

impl Distribution for HalfNormal {
    methods_by_standard!();

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.scale.positive("scale")]
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * FRAC_2_PI.sqrt()))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().square() * (1.0 - 2.0 * FRAC_1_PI)))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * (1.0 - 2.0 * FRAC_1_PI).sqrt()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&constant(0.0, &self.scale.value()))
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + STANDARD_ENTROPY))
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<HalfNormal, HalfNormal>(), KlRule::of::<HalfNormal, Gamma>()] }
    }
}

/// That of the normals of mean 0, whose densities have the same ratio.
impl KlDivergence<Self> for HalfNormal {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let [q, p] = [self, p].map(|half| half.scale.value());
        let zero = constant(0.0, &q);
        Ok(normal_kl(&(zero.clone(), q), &(zero, p)))
    }
}

/// ```text
/// a g + ln Γ(a) + m − a ln m − h,   m = rate·scale·sqrt(2/π)
/// ```
///
/// with the gap `g` and the entropy `h` of the logarithm of the standard half-normal: C. Bauckhage, Computing the
/// Kullback–Leibler divergence between two generalized gamma distributions, arXiv:1401.6853 (2014),
/// ordered by the mean.
impl KlDivergence<Gamma> for HalfNormal {
    fn kl_divergence_to(&self, p: &Gamma) -> Result<Tensor> {
        let scale = self.scale.value();
        let [gap, log_entropy] = [LOG_GAP, LOG_ENTROPY].map(|value| constant(value, &scale));
        Ok(kl_to_gamma(p, &(scale * FRAC_2_PI.sqrt()), &gap, &log_entropy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kl_divergence;

    #[test]
    fn the_divergence_from_a_gamma_distribution_is_the_integral() {
        // Integrals by mpmath with 40 digits.
        for (scale, a, rate, expected) in
            [(1.4, 2.5, 1.2, 0.555_125_230_535_195_4), (0.3, 0.6, 3.0, 0.199_682_350_449_486_45)]
        {
            let (q, p) = (HalfNormal::new(scale).unwrap(), Gamma::new(a, rate).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-14, "{given} {expected}");
        }
    }

    #[test]
    fn small_quantiles_keep_their_digits() {
        let half = HalfNormal::new(1.0).unwrap();
        let p = Tensor::from_vec(vec![0.0, 1e-300, 1e-9, 0.3, 0.8, 1.0], &[6]);
        let z = half.quantile(&p).unwrap();
        let back = half.cdf(&z).unwrap().to_vec::<f64>().unwrap();
        for (back, p) in back.iter().zip(p.to_vec::<f64>().unwrap()) {
            assert!((back - p).abs() <= 1e-15 * p, "{back} {p}");
        }
        assert_eq!(z.to_vec::<f64>().unwrap()[5], f64::INFINITY);
    }

    #[test]
    fn the_far_tail_has_a_logarithm() {
        let half = HalfNormal::new(1.0).unwrap();
        let given = half.log_survival_function(&Tensor::scalar(40.0)).unwrap().item().unwrap();
        // mpmath, 50 digits: log(erfc(40/sqrt(2))).
        assert!((given / -803.915_294_833_192_8 - 1.0).abs() < 1e-14, "{given}");
    }
}
