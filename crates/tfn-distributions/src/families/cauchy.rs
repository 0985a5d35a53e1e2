//! The Cauchy distribution.

use std::f64::consts::{FRAC_PI_2, LN_2, PI};

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::location_scale::{Standard, Symmetric};
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::masking::{branch, constant};
use crate::parameter::{Parameter, ParameterSpec};

/// `ln π`.
pub(super) const LN_PI: f64 = 1.144_729_885_849_400_2;

/// The Cauchy distribution around `loc`, half of it within `scale` of it.
///
/// Counterpart: `tfp.distributions.Cauchy`. It has no mean and no variance: they are NaN.
///
/// ```text
/// log p(x) = −ln(1 + z²) − ln(π scale),   z = (x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Cauchy, Distribution};
/// use tfn_tensor::Tensor;
///
/// let cauchy = Cauchy::new(1.0, 2.0)?;
/// assert_eq!(cauchy.cdf(&Tensor::scalar(3.0))?.item()?, 0.75);
/// assert!(cauchy.mean()?.item()?.is_nan());
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Cauchy {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(Cauchy);
on_the_line!(Cauchy);

/// The Cauchy distribution of location 0 and scale 1.
pub(super) struct StandardCauchy;

impl Symmetric for StandardCauchy {
    fn log_density(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        -(x / scale).log1p_square() - LN_PI - scale.ln()
    }

    fn tail(&self, z: &Tensor) -> Tensor {
        let is_far = z.gt(&constant(1.0, z));
        let near = |z: &Tensor| 0.5 - z.atan() / PI;
        branch(&is_far, z, (1.0, |z| z.reciprocal().atan() / PI), (0.0, near))
    }

    fn tail_quantile(&self, p: &Tensor) -> Tensor {
        (p * PI).tan().reciprocal()
    }

    fn inner(&self, z: &Tensor) -> Tensor {
        z.atan() / FRAC_PI_2
    }

    fn inner_quantile(&self, p: &Tensor) -> Tensor {
        (p * FRAC_PI_2).tan()
    }
}

impl Cauchy {
    fn standard(&self) -> StandardCauchy {
        StandardCauchy
    }
}

impl Distribution for Cauchy {
    methods_by_standard!();

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&constant(f64::NAN, &self.loc.value()))
    }

    fn variance(&self) -> Result<Tensor> {
        self.mean()
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + (LN_PI + 2.0 * LN_2)))
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Cauchy, Cauchy>()] }
    }
}

/// ```text
/// ln(1 + ((scale_q − scale_p)² + (loc_q − loc_p)²)/(4 scale_q scale_p))
/// ```
/// F. Chyzak and F. Nielsen, A closed-form formula for the Kullback–Leibler divergence between Cauchy
/// distributions, arXiv:1905.10965 (2019), theorem 1, with the square of the sum written as that of the difference.
impl KlDivergence<Self> for Cauchy {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (scale_q, scale_p) = (self.scale.value(), p.scale.value());
        let apart = (self.loc.value() - p.loc.value()).square() / &scale_q / &scale_p;
        let unlike = (&scale_q - &scale_p).square() / scale_q / scale_p;
        Ok(((apart + unlike) * 0.25).log1p())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kl_divergence;

    fn entries(tensor: Result<Tensor>) -> Vec<f64> {
        tensor.unwrap().to_vec().unwrap()
    }

    #[test]
    fn both_tails_are_exact() {
        let cauchy = Cauchy::new(0.0, 1.0).unwrap();
        let far = Tensor::from_vec(vec![-1e9, 1e9, -1e300], &[3]);
        // Of 1/(πz) no further term of the series counts.
        let (tail, last) = (1e-9 / PI, 1e-300 / PI);
        let below = entries(cauchy.cdf(&far));
        assert!((below[0] / tail - 1.0).abs() < 1e-15 && (below[2] / last - 1.0).abs() < 1e-15);
        assert!((entries(cauchy.log_survival_function(&far))[1] - tail.ln()).abs() < 1e-14);
        let back = entries(cauchy.quantile(&cauchy.cdf(&far).unwrap()));
        assert!((back[0] / -1e9 - 1.0).abs() < 1e-14 && (back[2] / -1e300 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn quantiles_keep_their_digits_near_the_median() {
        let p = Tensor::from_vec(vec![0.5 + 2.0_f64.powi(-40), 0.5, 0.0, 1.0, 1.5], &[5]);
        let z = entries(Cauchy::new(0.0, 1.0).unwrap().quantile(&p));
        assert!((z[0] / (PI * 2.0_f64.powi(-40)) - 1.0).abs() < 1e-15);
        assert_eq!(z[1..4], [0.0, f64::NEG_INFINITY, f64::INFINITY]);
        assert!(z[4].is_nan());
    }

    #[test]
    fn divergences_of_near_neighbours_keep_their_digits() {
        let q = Cauchy::new(0.0, 1.0).unwrap();
        assert_eq!(kl_divergence(&q, &q).unwrap().item().unwrap(), 0.0);
        let p = Cauchy::new(0.0, 1.0 + 2.0_f64.powi(-30)).unwrap();
        let expected = 2.0_f64.powi(-62) / (1.0 + 2.0_f64.powi(-30));
        let given = kl_divergence(&q, &p).unwrap().item().unwrap();
        assert!((given / expected - 1.0).abs() < 1e-15, "{given} {expected}");
    }
}
