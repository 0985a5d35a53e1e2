//! The gamma distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::{HalfNormal, Weibull};
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::masking::{above_zero, constant};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{
    digamma, gamma_entropy, gamma_log_density, gamma_sample, gammainc, gammaincc, gammaincinv, gammainccinv,
    lgamma_divergence, log_gammainc, log_gammaincc, ratio_gap,
};
use crate::stable::not_below_zero;

/// `ln sqrt(π/2)`.
const LN_SQRT_HALF_PI: f64 = 0.225_791_352_644_727_43;

/// The gamma distribution of a `concentration` (shape) and a `rate`.
///
/// Counterpart: `tfp.distributions.Gamma`.
///
/// ```text
/// log p(x) = (concentration − 1) ln y − y − ln Γ(concentration) + ln rate,   y = rate·x,   x ≥ 0
/// ```
///
/// Samples are drawn by rejection (Marsaglia and Tsang 2000, "A simple method for generating gamma variables"), and
/// differentiable in both parameters by the implicit gradient of Figurnov, Mohamed and Mnih (2018), "Implicit
/// Reparameterization Gradients".
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Gamma};
///
/// let gamma = Gamma::new(3.0, 2.0)?;
/// assert_eq!((gamma.mean()?.item()?, gamma.variance()?.item()?), (1.5, 0.75));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Gamma {
    concentration: Parameter,
    rate: Parameter,
    validate_args: bool,
}

family!(Gamma);

impl Gamma {
    /// The same in `f64`: terms of a divergence nearly cancel where two distributions nearly agree.
    pub(super) fn widened(&self) -> Self {
        Self {
            concentration: self.concentration.widened(),
            rate: self.rate.widened(),
            validate_args: self.validate_args,
        }
    }

    /// Gamma distributions of these concentrations and rates.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed parameter is not positive, if their shapes do not
    /// broadcast, or if their types differ.
    pub fn new(concentration: impl Into<Parameter>, rate: impl Into<Parameter>) -> Result<Self> {
        let [concentration, rate] = Parameter::unify([concentration.into(), rate.into()]);
        Self { concentration, rate, validate_args: false }.checked()
    }

    /// What is checked elsewhere, under another name.
    pub(crate) fn of(concentration: Tensor, rate: Tensor) -> Self {
        Self { concentration: concentration.into(), rate: rate.into(), validate_args: false }
    }

    /// The shape of the density.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// The reciprocal of the scale.
    pub fn rate(&self) -> &Parameter {
        &self.rate
    }

    /// `f` of the concentration and of `rate·x`, `end` with zero gradient up to 0.
    fn scaled(&self, x: &Tensor, end: f64, f: fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
        above_zero(x, end, &|x| f(&self.concentration.value(), &(x * self.rate.value())))
    }
}

impl Distribution for Gamma {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.concentration.positive("concentration"),
            self.rate.positive("rate"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(gamma_log_density(&self.concentration.value(), &self.rate.value(), x))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(gamma_sample(&self.concentration.value(), shape, stream) / self.rate.value())
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.concentration.value() / self.rate.value()))
    }

    fn variance(&self) -> Result<Tensor> {
        let rate = self.rate.value();
        self.spread(&(self.concentration.value() / &rate / rate))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.concentration.value().sqrt() / self.rate.value()))
    }

    /// NaN for concentrations up to 1, where the density falls from 0 on: as in the original.
    fn mode(&self) -> Result<Tensor> {
        let below = self.concentration.value() - 1.0;
        let defined = below.gt(&constant(0.0, &below));
        let mode = Tensor::select(&defined, &below, &constant(f64::NAN, &below));
        self.spread(&(mode / self.rate.value()))
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(gamma_entropy(&self.concentration.value()) - self.rate.value().ln()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.scaled(value, 0.0, gammainc))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.scaled(value, f64::NEG_INFINITY, log_gammainc))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.scaled(value, 1.0, gammaincc))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.scaled(value, 0.0, log_gammaincc))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(gammaincinv(&self.concentration.value(), p) / self.rate.value())
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(gammainccinv(&self.concentration.value(), p) / self.rate.value())
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const {
            &[
                KlRule::of::<Gamma, Gamma>(),
                KlRule::of::<Gamma, HalfNormal>(),
                KlRule::of::<Gamma, Weibull>(),
            ]
        }
    }
}

/// ```text
/// D(a_p, a_q) + a_p (t − ln(1 + t)) + (a_q − a_p) t,   t = rate_p/rate_q − 1
/// ```
///
/// with `D` of [`lgamma_divergence`]: the usual form, as in W. Penny, "KL-Divergences of Normal, Gamma, Dirichlet and
/// Wishart densities" (2001), without the terms that cancel.
impl KlDivergence<Self> for Gamma {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (q, p) = (self.widened(), p.widened());
        let (a_q, a_p) = (q.concentration.value(), p.concentration.value());
        let (rate_q, rate_p) = (q.rate.value(), p.rate.value());
        let t = (&rate_p - &rate_q) / &rate_q;
        let rates = &a_p * ratio_gap(&rate_p, &rate_q);
        let value = lgamma_divergence(&a_p, &a_q) + rates + (a_q - a_p) * t;
        Ok(not_below_zero(&value).cast(self.dtype()?))
    }
}

/// ```text
/// a (a + 1)/(2 m²) + ln m + ln sqrt(π/2) − H(a),   m = rate·scale
/// ```
///
/// with `H` the entropy at rate 1, from the second moment: as C. Bauckhage, arXiv:1401.6853 (2014), for the
/// generalized gamma distributions that both are.
impl KlDivergence<HalfNormal> for Gamma {
    fn kl_divergence_to(&self, p: &HalfNormal) -> Result<Tensor> {
        let (a, m) = (self.concentration.value(), self.rate.value() * p.scale().value());
        let squares = (&a / &m) * ((&a + 1.0) / &m) * 0.5;
        Ok(squares + m.ln() + LN_SQRT_HALF_PI - gamma_entropy(&a))
    }
}

/// ```text
/// exp(t) − 1 − t + D + ψ(a) + 1 − H(a) − ln k,   t = D + k (ψ(a) − ln(rate·scale)),   D = D(a + k, a)
/// ```
///
/// with `D` of [`lgamma_divergence`] and `H` the entropy at rate 1: C. Bauckhage, arXiv:1401.6853 (2014),
/// with the terms together that are small together.
impl KlDivergence<Weibull> for Gamma {
    fn kl_divergence_to(&self, p: &Weibull) -> Result<Tensor> {
        let (q, p) = (self.widened(), p.widened());
        let (a, k) = (q.concentration.value(), p.concentration().value());
        let (gap, mean_log) = (lgamma_divergence(&(&a + &k), &a), digamma(&a));
        let scale = (q.rate.value() * p.scale().value()).ln();
        let t = &gap + &k * (&mean_log - scale);
        let value = t.expm1() - t + gap + mean_log + 1.0 - gamma_entropy(&a) - k.ln();
        Ok(not_below_zero(&value).cast(self.dtype()?))
    }
}

/// The divergence from `p` of a positive variable, by its mean, the `gap` of the mean of its logarithm below the
/// logarithm of that, and the entropy of its logarithm. The gamma density at 1 has the large terms that cancel.
pub(super) fn kl_to_gamma(p: &Gamma, mean: &Tensor, gap: &Tensor, log_entropy: &Tensor) -> Tensor {
    let a = p.concentration.value();
    let density = gamma_log_density(&a, &(mean * p.rate.value()), &constant(1.0, &a));
    not_below_zero(&(gap * a - density - log_entropy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = Gamma::new(0.0, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "concentration", .. }));
        assert!(Gamma::new(1.0, f64::NAN).is_err());
    }

    #[test]
    fn the_gradient_at_concentration_one_is_there() {
        let a = Variable::new("a", Tensor::scalar(1.0)).unwrap();
        let log_prob = Gamma::new(&a, 1.0).unwrap().log_prob(&Tensor::scalar(0.5)).unwrap();
        let slope = log_prob.gradients().unwrap().of(&a).item().unwrap();
        // ln ½ + γ
        assert!((slope + 0.115_931_515_658_412_45).abs() < 1e-15, "{slope}");
    }

    #[test]
    fn outside_there_is_no_density_and_no_slope() {
        let x = Variable::new("x", Tensor::from_vec(vec![-1.0, f64::INFINITY, 0.0], &[3])).unwrap();
        let a = Variable::new("a", Tensor::scalar(2.0)).unwrap();
        let rate = Variable::new("rate", Tensor::scalar(3.0)).unwrap();
        let log_prob = Gamma::new(&a, &rate).unwrap().log_prob(&x.tensor()).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 3]);
        let gradients = log_prob.sum().gradients().unwrap();
        assert_eq!(gradients.of(&x).to_vec::<f64>().unwrap(), [0.0; 3]);
        assert_eq!(gradients.of(&a).item().unwrap(), 0.0);
        assert_eq!(gradients.of(&rate).item().unwrap(), 0.0);
    }

    #[test]
    fn divergences_from_its_neighbours_are_the_integrals() {
        // Integrals by mpmath with 40 digits; the last one by the formula.
        for (a, rate, k, scale, expected) in [
            (2.5, 1.2, 1.7, 0.9, 2.497_456_929_453_013_3),
            (0.6, 3.0, 0.8, 2.0, 1.108_536_833_728_284_5),
            (1e6, 1e3, 900.0, 1000.2, 0.118_483_884_228_153_29),
        ] {
            let (q, p) = (Gamma::new(a, rate).unwrap(), Weibull::new(k, scale).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-11, "{given} {expected}");
        }
        for (a, rate, scale, expected) in
            [(2.5, 1.2, 1.4, 0.564_736_442_904_047_2), (0.6, 3.0, 0.3, 0.331_037_257_067_535)]
        {
            let (q, p) = (Gamma::new(a, rate).unwrap(), HalfNormal::new(scale).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-14, "{given} {expected}");
        }
    }

    #[test]
    fn a_tiny_difference_has_a_divergence_with_all_digits() {
        let q = Gamma::new(1e4, 3.0).unwrap();
        assert_eq!(kl_divergence(&q, &q).unwrap().item().unwrap(), 0.0);
        let p = Gamma::new(1e4, 3.0 * (1.0 + 1e-9)).unwrap();
        let kl = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((kl / 0.5e-14 - 1.0).abs() < 1e-6, "{kl}");
    }
}
