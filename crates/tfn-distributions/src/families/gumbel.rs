//! The Gumbel distribution.

use std::f64::consts::PI;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{Element, Entrywise, Tensor, entrywise};

use super::location_scale::Standard;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::exponential_integral::EULER_GAMMA;
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{expm1_gap, lgamma};
use crate::stable::not_below_zero;
use crate::stable::log1m_exp_exp;

/// The Gumbel distribution of largest values, with its mode at `loc`.
///
/// Counterpart: `tfp.distributions.Gumbel`.
///
/// ```text
/// log p(x) = −z − exp(−z) − ln scale,   z = (x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Gumbel};
/// use tfn_tensor::Tensor;
///
/// let gumbel = Gumbel::new(1.0, 2.0)?;
/// assert_eq!(gumbel.log_cdf(&Tensor::scalar(1.0))?.item()?, -1.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Gumbel {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(Gumbel);
on_the_line!(Gumbel);

/// The Gumbel distribution of location 0 and scale 1.
pub(super) struct StandardGumbel;

/// The log-density of the standard one.
#[derive(Clone, Copy)]
struct LogDensity;

impl Entrywise<1> for LogDensity {
    const NAME: &'static str = "gumbel_log_density";

    #[inline(always)]
    fn value<E: Element>(self, [z]: [E; 1]) -> E {
        // At minus infinity the sum would be NaN.
        let y = -(z + (-z).m_exp());
        if z < E::from_f64(-1e30) { E::neg_infinity() } else { y }
    }

    /// The difference of both slopes, with its digits near the mode.
    #[inline(always)]
    fn partials<E: Element>(self, [z]: [E; 1]) -> [E; 1] {
        [(-z).m_expm1()]
    }
}

impl Standard for StandardGumbel {
    fn log_prob(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        entrywise(LogDensity, [&(x / scale)]) - scale.ln()
    }

    fn cdf(&self, z: &Tensor) -> Tensor {
        self.log_cdf(z).exp()
    }

    fn log_cdf(&self, z: &Tensor) -> Tensor {
        -(-z).exp()
    }

    fn survival(&self, z: &Tensor) -> Tensor {
        -self.log_cdf(z).expm1()
    }

    fn log_survival(&self, z: &Tensor) -> Tensor {
        log1m_exp_exp(&-z)
    }

    fn quantile(&self, p: &Tensor) -> Tensor {
        -(-p.ln()).ln()
    }

    fn survival_quantile(&self, p: &Tensor) -> Tensor {
        -(-(-p).log1p()).ln()
    }
}

impl Gumbel {
    fn standard(&self) -> StandardGumbel {
        StandardGumbel
    }
}

impl Distribution for Gumbel {
    methods_by_standard!();

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.loc.value() + self.scale.value() * EULER_GAMMA))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().square() * (PI * PI / 6.0)))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * (PI / 6.0_f64.sqrt())))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + (1.0 + EULER_GAMMA)))
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Gumbel, Gumbel>()] }
    }
}

impl KlDivergence<Self> for Gumbel {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let [loc_q, scale_q] = [&self.loc, &self.scale].map(|value| value.widened().value());
        let [loc_p, scale_p] = [&p.loc, &p.scale].map(|value| value.widened().value());
        let (ratio, shift) = (scale_q / &scale_p, (loc_q - loc_p) / scale_p);
        Ok(extreme_value_kl(&ratio, &shift).cast(self.dtype()?))
    }
}

/// The divergence of two Gumbel distributions from the ratio `r = scale_q/scale_p` and the distance
/// `d = (loc_q − loc_p)/scale_p`, in `f64`.
///
/// ```text
/// exp(w) − 1 − w + ln Γ(r) + γ(r − 1),   w = ln Γ(1 + r) − d
/// ```
/// C. Bauckhage, Computing the Kullback–Leibler divergence between two generalized gamma distributions,
/// arXiv:1401.6853 (2014), of which this is a limit, with its terms in two sums that are each 0 at equality.
pub(super) fn extreme_value_kl(ratio: &Tensor, distance: &Tensor) -> Tensor {
    let w = lgamma(&(ratio + 1.0)) - distance;
    let scales = lgamma(ratio) + (ratio - 1.0) * EULER_GAMMA;
    not_below_zero(&(expm1_gap(&w) + scales))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_the_integral() {
        // Integrals by mpmath with 40 digits.
        for ([m, b, n, c], expected) in [
            ([0.3, 1.2, -0.5, 0.8], 0.372_179_723_472_571_1),
            ([-1.0, 0.5, 0.25, 2.0], 1.021_765_376_009_188_7),
        ] {
            let (q, p) = (Gumbel::new(m, b).unwrap(), Gumbel::new(n, c).unwrap());
            let given = crate::kl_divergence(&q, &p).unwrap().item().unwrap();
            assert!((given / expected - 1.0_f64).abs() < 1e-14, "{given} {expected}");
            assert!(crate::kl_divergence(&q, &q).unwrap().item().unwrap().abs() < 1e-15);
        }
    }

    #[test]
    fn both_tails_have_logarithms() {
        let gumbel = Gumbel::new(0.0, 1.0).unwrap();
        let x = Tensor::from_vec(vec![-6.0, 50.0, 800.0], &[3]);
        let log_cdf = gumbel.log_cdf(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(log_cdf[0], -6.0_f64.exp());
        assert!((log_cdf[1] / -(-50.0_f64).exp() - 1.0).abs() < 1e-15);
        let log_survival = gumbel.log_survival_function(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((log_survival[0] / -(-6.0_f64.exp()).exp() - 1.0).abs() < 1e-14);
        assert_eq!(log_survival[1..], [-50.0, -800.0]);
    }

    #[test]
    fn the_density_vanishes_at_both_ends() {
        let x = Tensor::from_vec(vec![f64::NEG_INFINITY, -1e300, f64::INFINITY, f64::NAN], &[4]);
        let given = Gumbel::new(0.0, 1.0).unwrap().log_prob(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(given[..3], [f64::NEG_INFINITY; 3]);
        assert!(given[3].is_nan());
    }
}
