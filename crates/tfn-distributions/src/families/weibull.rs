//! The Weibull distribution.

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::Gamma;
use super::gamma::kl_to_gamma;
use super::gumbel::extreme_value_kl;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::exponential_integral::EULER_GAMMA;
use crate::masking::{at_probability, branch, constant};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{lgamma, lgamma_divergence, weibull_log_density};
use crate::stable::log1m_exp_exp;

/// The Weibull distribution: that of `scale·E^(1/concentration)` for an exponential `E` of rate 1.
///
/// Counterpart: `tfp.distributions.Weibull`. At and below 0 the log-density is minus infinity with zero gradient.
///
/// ```text
/// log p(x) = w − ln x + ln k − exp(w),   w = k ln(x/scale),   k = concentration
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Weibull};
/// use tfn_tensor::Tensor;
///
/// let weibull = Weibull::new(2.0, 3.0)?;
/// let median = 3.0 * 2.0_f64.ln().sqrt();
/// assert!((weibull.cdf(&Tensor::scalar(median))?.item()? - 0.5).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Weibull {
    concentration: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(Weibull);

impl Weibull {
    /// The same in `f64`: terms of a divergence nearly cancel where two distributions nearly agree.
    pub(super) fn widened(&self) -> Self {
        Self {
            concentration: self.concentration.widened(),
            scale: self.scale.widened(),
            validate_args: self.validate_args,
        }
    }

    /// Weibull distributions of the shapes `concentration` and the extents `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed parameter is not positive, if their shapes do not
    /// broadcast, or if their types differ.
    pub fn new(concentration: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [concentration, scale] = Parameter::unify([concentration.into(), scale.into()]);
        Self { concentration, scale, validate_args: false }.checked()
    }

    /// The exponent of the hazard's growth, plus 1.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// The outcome that 1/e of the mass exceeds.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    /// `w` of a positive `x`: the logarithm of the exponential outcome behind it.
    fn log_exponential(&self, x: &Tensor) -> Tensor {
        pointwise(LN_RATIO, [x, &self.scale.value()]) * self.concentration.value()
    }

    /// `f(x)` above 0, the `ends` with zero gradient up to there and at infinity.
    fn at(&self, x: &Tensor, [below, above]: [f64; 2], f: &dyn Fn(&Tensor) -> Tensor) -> Tensor {
        let is_below = x.le(&constant(0.0, x));
        let is_outside = &is_below + x.eq(&constant(f64::INFINITY, x));
        let inside = Tensor::select(&is_outside, &self.scale.value(), x);
        let ends = Tensor::select(&is_below, &constant(below, x), &constant(above, x));
        Tensor::select(&is_outside, &ends, &f(&inside))
    }

    /// The outcome of an exponential one.
    fn of_exponential(&self, outcome: &Tensor) -> Tensor {
        self.scale.value() * (outcome.ln() / self.concentration.value()).exp()
    }

    /// `ln Γ(1 + order/concentration)`, the logarithm of a moment at scale 1.
    fn log_moment(&self, order: f64) -> Tensor {
        lgamma(&(order / self.concentration.value() + 1.0))
    }
}

/// `ln(x/scale)`, also of a ratio that overflows.
const LN_RATIO: Pointwise<2> = Pointwise {
    name: "weibull_ln_ratio",
    value: |[x, scale]| {
        let ratio = x / scale;
        if ratio.is_normal() { ratio.ln() } else { x.ln() - scale.ln() }
    },
    partials: [|[x, _], _| 1.0 / x, |[_, scale], _| -1.0 / scale],
};

impl Distribution for Weibull {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.concentration.positive("concentration"),
            self.scale.positive("scale"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(weibull_log_density(x, &self.concentration.value(), &self.scale.value()))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let outcome = -stream.uniform_open(shape, self.dtype()?).ln();
        Ok(self.of_exponential(&outcome))
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * self.log_moment(1.0).exp()))
    }

    fn variance(&self) -> Result<Tensor> {
        Ok(self.stddev()?.square())
    }

    fn stddev(&self) -> Result<Tensor> {
        let excess = (self.log_moment(2.0) - self.log_moment(1.0) * 2.0).expm1();
        Ok(self.mean()? * excess.relu().sqrt())
    }

    fn mode(&self) -> Result<Tensor> {
        let rate = 1.0 / self.concentration.value();
        let log = |rate: &Tensor| (-rate).log1p() * rate;
        let has_peak = rate.lt(&constant(1.0, &rate));
        let factor = branch(&has_peak, &rate, (0.5, |r| log(r).exp()), (1.0, |r| constant(0.0, r)));
        self.spread(&(self.scale.value() * factor))
    }

    fn entropy(&self) -> Result<Tensor> {
        let (concentration, scale) = (self.concentration.value(), self.scale.value());
        let spread = (scale / &concentration).ln();
        self.spread(&(spread + (1.0 - 1.0 / concentration) * EULER_GAMMA + 1.0))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.at(value, [0.0, 1.0], &|x| -(-self.log_exponential(x).exp()).expm1()))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        let inside = |x: &Tensor| log1m_exp_exp(&self.log_exponential(x));
        Ok(self.at(value, [f64::NEG_INFINITY, 0.0], &inside))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.log_survival_function(value)?.exp())
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.at(value, [0.0, f64::NEG_INFINITY], &|x| -self.log_exponential(x).exp()))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        let p = at_probability(p, p);
        let is_whole = p.ge(&constant(1.0, &p));
        let inside = |p: &Tensor| self.of_exponential(&-(-p).log1p());
        Ok(branch(&is_whole, &p, (1.0, |p| constant(f64::INFINITY, p)), (0.5, inside)))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        let p = at_probability(p, p);
        let is_none = p.le(&constant(0.0, &p));
        let inside = |p: &Tensor| self.of_exponential(&-p.ln());
        Ok(branch(&is_none, &p, (0.0, |p| constant(f64::INFINITY, p)), (0.5, inside)))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Weibull, Weibull>(), KlRule::of::<Weibull, Gamma>()] }
    }
}

/// That of the Gumbel distributions of `−ln x`: the logarithm, which both share, changes nothing.
///
/// C. Bauckhage, Computing the Kullback–Leibler divergence between two Weibull distributions, arXiv:1310.3713
/// (2013), equation 12.
impl KlDivergence<Self> for Weibull {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (q, p) = (self.widened(), p.widened());
        let ratio = p.concentration.value() / q.concentration.value();
        let shift = (q.scale.value() / p.scale.value()).ln() * p.concentration.value();
        Ok(extreme_value_kl(&ratio, &-shift).cast(self.dtype()?))
    }
}

/// ```text
/// a D(1 + 1/k, 1) + ln Γ(a) + m − a ln m + ln k − γ − 1,   m = rate·scale·Γ(1 + 1/k)
/// ```
///
/// with `D` of [`lgamma_divergence`]: C. Bauckhage, arXiv:1401.6853 (2014), ordered by the mean.
impl KlDivergence<Gamma> for Weibull {
    fn kl_divergence_to(&self, p: &Gamma) -> Result<Tensor> {
        let (q, p) = (self.widened(), p.widened());
        let k = q.concentration.value();
        let mean = q.scale.value() * q.log_moment(1.0).exp();
        let gap = lgamma_divergence(&(1.0 / &k + 1.0), &constant(1.0, &k));
        let value = kl_to_gamma(&p, &mean, &gap, &(1.0 + EULER_GAMMA - k.ln()));
        Ok(value.cast(self.dtype()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kl_divergence;
    use statrs::distribution::{Continuous, Weibull as Reference};
    use statrs::statistics::Distribution as _;

    #[test]
    fn at_zero_the_density_is_its_limit() {
        let at = |k: f64, scale: f64, x: f64| {
            let own = Weibull::new(k, scale).unwrap();
            own.log_prob(&Tensor::scalar(x)).unwrap().item().unwrap()
        };
        assert_eq!([at(1.0, 1.0, 0.0), at(1.0, 4.0, 0.0)], [0.0, -4.0_f64.ln()]);
        assert_eq!([at(0.5, 1.0, 0.0), at(2.0, 1.0, 0.0)], [f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!([at(1.0, 1.0, -1.0), at(0.5, 1.0, f64::INFINITY)], [f64::NEG_INFINITY; 2]);
    }

    #[test]
    fn agrees_with_statrs() {
        for (concentration, scale) in [(0.7, 2.0), (1.0, 0.5), (3.5, 1.3)] {
            let weibull = Weibull::new(concentration, scale).unwrap();
            let reference = Reference::new(concentration, scale).unwrap();
            for x in [0.01, 0.4, 1.0, 3.0] {
                let given = weibull.log_prob(&Tensor::scalar(x)).unwrap().item().unwrap();
                assert!((given - reference.ln_pdf(x)).abs() < 1e-13 * given.abs().max(1.0));
            }
            let pairs = [
                (weibull.mean(), reference.mean()),
                (weibull.variance(), reference.variance()),
                (weibull.entropy(), reference.entropy()),
            ];
            for (given, expected) in pairs {
                let (given, expected) = (given.unwrap().item().unwrap(), expected.unwrap());
                assert!((given - expected).abs() < 1e-11 * expected.abs(), "{given} {expected}");
            }
        }
    }

    #[test]
    fn both_tails_are_exact() {
        let weibull = Weibull::new(2.0, 1.0).unwrap();
        let x = Tensor::from_vec(vec![1e-160, 30.0, f64::INFINITY, 0.0], &[4]);
        let log_cdf = weibull.log_cdf(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((log_cdf[0] - 2.0 * 1e-160_f64.ln()).abs() < 1e-12);
        assert!(log_cdf[1].abs() < 1e-300 && log_cdf[3] == f64::NEG_INFINITY);
        let above = weibull.log_survival_function(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((above[1] + 900.0).abs() < 1e-12 && above[2] == f64::NEG_INFINITY);
        let log_prob = weibull.log_prob(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(log_prob[2..], [f64::NEG_INFINITY; 2]);
    }

    #[test]
    fn the_divergence_is_the_integral() {
        // Integrals by mpmath with 40 digits.
        for ([k, s, l, t], expected) in [
            ([1.7, 0.3, 2.5, 0.4], 0.239_627_731_681_502_7),
            ([3.0, 2.0, 0.75, 1.0], 0.957_903_414_489_857_8),
        ] {
            let (q, p) = (Weibull::new(k, s).unwrap(), Weibull::new(l, t).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-14, "{given} {expected}");
        }
    }

    #[test]
    fn the_divergence_from_a_gamma_distribution_is_the_integral() {
        // Integrals by mpmath with 40 digits; the last one by the formula with 60.
        for (k, scale, a, rate, expected) in [
            (1.7, 0.9, 2.5, 1.2, 0.858_163_482_524_172),
            (0.8, 2.0, 0.6, 3.0, 4.753_749_286_908_887),
            (1200.0, 1000.0, 1e6, 1000.5, 0.095_159_242_961_290_52),
        ] {
            let (q, p) = (Weibull::new(k, scale).unwrap(), Gamma::new(a, rate).unwrap());
            let given = kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-11, "{given} {expected}");
        }
        let endless = Weibull::new(1e-6, 1.0).unwrap();
        let given = kl_divergence(&endless, &Gamma::new(1.0, 1.0).unwrap()).unwrap();
        assert_eq!(given.item().unwrap(), f64::INFINITY);
    }

    #[test]
    fn near_equality_the_divergence_is_a_square() {
        let q = Weibull::new(1.7, 0.3).unwrap();
        assert!(kl_divergence(&q, &q).unwrap().item().unwrap().abs() < 1e-15);
        let p = Weibull::new(1.7, 0.3 * (1.0 + 1e-6)).unwrap();
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        // (k h)²/2 for scales apart by h.
        assert!((given / (0.5 * 1.7e-6 * 1.7e-6) - 1.0).abs() < 1e-3, "{given}");
    }
}
