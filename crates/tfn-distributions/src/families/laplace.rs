//! The Laplace distribution.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, SQRT_2};

use spec_math::cephes64::erfc;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Tensor, broadcast_shapes};

use super::Normal;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::kl::entrywise;
use crate::masking::{branch, constant};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{expm1_gap, ratio_gap};
use crate::standardizing::{placed, standardized};

/// `ln sqrt(2πe)`, the entropy of the standard normal.
const NORMAL_ENTROPY: f64 = 1.418_938_533_204_672_7;

/// The Laplace distribution around `loc` with mean distance `scale` from it.
///
/// Counterpart: `tfp.distributions.Laplace`.
///
/// ```text
/// log p(x) = −|z| − ln(2 scale),   z = (x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Laplace};
///
/// let laplace = Laplace::new(1.0, 2.0)?;
/// assert_eq!((laplace.mean()?.item()?, laplace.variance()?.item()?), (1.0, 8.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Laplace {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(Laplace);
on_the_line!(Laplace);

impl Laplace {
    /// Laplace distributions around `loc` with the mean distances `scale`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `scale` not
    /// positive, if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale] = Parameter::unify([loc.into(), scale.into()]);
        Self { loc, scale, validate_args: false }.checked()
    }

    /// The centre.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The mean distance from the centre.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    fn placed(&self, z: &Tensor) -> Tensor {
        placed(&self.loc.value(), &self.scale.value(), z)
    }
}

/// A standard draw: noise around 0 with mean distance 1, by the inverse of the distribution function.
fn standard_laplace(shape: &[usize], dtype: DType, stream: &mut Stream) -> Tensor {
    standard_quantile(&stream.uniform_open(shape, dtype))
}

/// `ln(2p)` below the centre, and its mirror image above.
fn standard_quantile(p: &Tensor) -> Tensor {
    let below = p.lt(&constant(0.5, p));
    let tail = (Tensor::select(&below, p, &(1.0 - p)) * 2.0).ln();
    Tensor::select(&below, &tail, &-&tail)
}

/// Probability of a standard draw of at most `z`, exact in both tails.
fn standard_cdf(z: &Tensor) -> Tensor {
    let is_left = z.lt(&constant(0.0, z));
    branch(&is_left, z, (-1.0, |z| z.exp() * 0.5), (1.0, |z| (-z).exp() * -0.5 + 1.0))
}

/// Its logarithm.
fn standard_log_cdf(z: &Tensor) -> Tensor {
    let is_left = z.lt(&constant(0.0, z));
    branch(&is_left, z, (-1.0, |z| z - LN_2), (1.0, |z| ((-z).exp() * -0.5).log1p()))
}

impl Distribution for Laplace {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let scale = self.scale.value();
        Ok(-standardized(x, &self.loc.value(), &scale).abs() - (scale.ln() + LN_2))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = standard_laplace(shape, self.dtype()?, stream);
        Ok(self.loc.value() + self.scale.value() * noise)
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().square() * 2.0))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * SQRT_2))
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + (1.0 + LN_2)))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.place().standardized(value, [0.0, 1.0], &standard_cdf))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.place().standardized(value, [f64::NEG_INFINITY, 0.0], &standard_log_cdf))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.place().standardized(value, [1.0, 0.0], &|z| standard_cdf(&-z)))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.place().standardized(value, [0.0, f64::NEG_INFINITY], &|z| standard_log_cdf(&-z)))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.placed(&standard_quantile(p)))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.placed(&-standard_quantile(p)))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Laplace, Laplace>(), KlRule::of::<Normal, Laplace>()] }
    }
}

/// ```text
/// r exp(−d/scale_q) + d/scale_p − ln r − 1,   r = scale_q/scale_p,   d = |loc_q − loc_p|
/// ```
impl KlDivergence<Self> for Laplace {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let (scale_q, scale_p) = (self.scale.value(), p.scale.value());
        let distance = (self.loc.value() - p.loc.value()).abs();
        let scales = ratio_gap(&scale_q, &scale_p);
        // ratio (exp(−d) − 1 + d), d = distance/scale_q; far apart without that d, which can overflow.
        let ratio = &scale_q / &scale_p;
        let far = &distance / scale_p;
        let d = distance / scale_q;
        let is_near = d.lt(&constant(1.0, &d));
        let near = &ratio * expm1_gap(&-Tensor::select(&is_near, &d, &constant(0.0, &d)));
        let far = &ratio * (-&d).expm1() + far;
        Ok(Tensor::select(&is_near, &near, &far) + scales)
    }
}

/// Exact, by the mean of a folded normal (Leone, Nelson & Nottingham 1961, Technometrics 3): with
/// `d = (loc_q − loc_p)/scale_p` and `r = scale_q/scale_p`
///
/// ```text
/// E|d + r z| + ln 2 − ln r − ln sqrt(2πe),   E|d + r z| = |d| + 2r (φ(d/r) − |d/r| Φ(−|d/r|))
/// ```
impl KlDivergence<Laplace> for Normal {
    fn kl_divergence_to(&self, p: &Laplace) -> Result<Tensor> {
        let scale_p = p.scale.value();
        let distance = (self.loc().value() - p.loc.value()) / &scale_p;
        let ratio = self.scale().value() / scale_p;
        let shape = broadcast_shapes(distance.shape()?, ratio.shape()?).unwrap_or_default();
        let (distance, ratio) = (distance.broadcast_to(&shape), ratio.broadcast_to(&shape));
        Ok(entrywise("normal_laplace_kl", &distance, &ratio, normal_kl))
    }
}

/// The divergence of `N(d, r²)` from the standard Laplace distribution, and its slopes in `d` and `r`.
fn normal_kl(d: f64, r: f64) -> [f64; 3] {
    let z = d.abs() / r;
    let density = (-0.5 * z * z).exp() * (0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
    let above = 0.5 * erfc(z * FRAC_1_SQRT_2);
    // Where the tail is 0, so is its product with an infinite z.
    let folded = d.abs() + if above > 0.0 { 2.0 * r * (density - z * above) } else { 0.0 };
    let slope = (1.0 - 2.0 * above).copysign(d);
    [folded + (LN_2 - NORMAL_ENTROPY) - r.ln(), slope, 2.0 * density - r.recip()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};

    #[test]
    fn bad_arguments_are_named() {
        let error = Laplace::new(0.0, 0.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "scale", .. }));
        assert!(Laplace::new(f64::INFINITY, 1.0).is_err());
    }

    #[test]
    fn both_tails_are_exact() {
        let laplace = Laplace::new(0.0, 1.0).unwrap();
        let far = Tensor::from_vec(vec![-40.0, 40.0], &[2]);
        let tail = 0.5 * (-40.0_f64).exp();
        let below = laplace.cdf(&far).unwrap().to_vec::<f64>().unwrap();
        let above = laplace.survival_function(&far).unwrap().to_vec::<f64>().unwrap();
        assert!((below[0] / tail - 1.0).abs() < 1e-14 && below[1] == 1.0);
        assert!((above[1] / tail - 1.0).abs() < 1e-14 && above[0] == 1.0);
        let log = laplace.log_cdf(&far).unwrap().to_vec::<f64>().unwrap();
        let probability = Tensor::scalar(1e-300);
        let quantile = laplace.quantile(&probability).unwrap().item().unwrap();
        assert!((quantile / 2e-300_f64.ln() - 1.0).abs() < 1e-15);
        assert!((log[0] + 40.0 + LN_2).abs() < 1e-13 && (log[1] / -tail - 1.0).abs() < 1e-14);
    }

    #[test]
    fn the_divergence_from_itself_is_exactly_zero() {
        let laplace = Laplace::new(0.3, 1.7e-3).unwrap();
        assert_eq!(kl_divergence(&laplace, &laplace).unwrap().item().unwrap(), 0.0);
    }

    #[test]
    fn the_divergence_of_a_normal_is_exact_at_any_scale() {
        // KL, d/dloc, d/dscale of N(loc, scale²) from Laplace(0.5, 0.25): by mpmath with 50 digits, of
        // E|x − m| = s√(2/π) exp(−ρ²/2) + (m − loc) erf(ρ/√2).
        let exact = [
            [0.1, 0.3, 0.793_635_366_660_925_5, -3.270_310_242_193_057, -2.0212527359253846],
            [0.5, 1e-06, 11.703428035737899, 0.0, -999_996.808_461_756_8],
            [0.5000001, 1e-06, 11.703428051682306, 0.318_622_698_049_081_2, -999_996.824_379_620_3],
            [-3.0, 1e-06, 25.703424844199656, -4.0, -1000000.0],
            [1000.0, 1e-06, 4009.7034248441997, 4.0, -1000000.0],
            [0.0, 1000.0, 3182.5188011609868, -0.0015957690551153531, 3.190537844269206],
            [1000.0, 1000.0, 4_656.138_786_735_522, 2.7297898436795526, 1.9357336789705564],
            [0.75, 0.01, 3.4930844722234733, 4.0, -99.999999999999998],
        ];
        for [loc, scale, value, by_loc, by_scale] in exact {
            let [m, s] = [("loc", loc), ("scale", scale)]
                .map(|(name, v)| tfn_tensor::Variable::new(name, Tensor::scalar(v)).unwrap());
            let p = Laplace::new(0.5, 0.25).unwrap();
            let kl = kl_divergence(&Normal::new(&m, &s).unwrap(), &p).unwrap();
            let slopes = kl.gradients().unwrap();
            let given = [kl.item(), slopes.of(&m).item(), slopes.of(&s).item()].map(Result::unwrap);
            for (a, b) in given.into_iter().zip([value, by_loc, by_scale]) {
                assert!((a - b).abs() <= 4e-15 * f64::max(b.abs(), 1.0), "{loc} {scale}: {a} {b}");
            }
        }
    }

    #[test]
    fn tails_have_their_slopes_at_the_centre() {
        let x = tfn_tensor::Variable::new("x", Tensor::scalar(1.5)).unwrap();
        let law = Laplace::new(1.5, 0.5).unwrap();
        let slope = |of: Result<Tensor>| {
            of.and_then(|y| Ok(y.gradients()?.of(&x).item()?)).unwrap()
        };
        let value = &x.tensor();
        // Those of exp(z)/2 at z = 0, over the scale.
        assert_eq!([slope(law.cdf(value)), slope(law.survival_function(value))], [1.0, -1.0]);
        assert_eq!([slope(law.log_cdf(value)), slope(law.log_survival_function(value))], [2.0, -2.0]);
    }
}
