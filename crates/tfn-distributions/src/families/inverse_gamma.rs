//! The inverse gamma distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::Gamma;
use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization};
use crate::error::Result;
use crate::masking::{constant, only_where, nonzero, without_infinity};
use crate::parameter::{Parameter, ParameterSpec};
use crate::special::{
    digamma, gamma_entropy, gamma_sample, gammainc, gammaincc, gammainccinv, gammaincinv, inverse_gamma_log_density,
    log_gammainc, log_gammaincc,
};

/// The distribution of `scale/g`, with `g` from a gamma distribution of the same `concentration` and rate 1.
///
/// Counterpart: `tfp.distributions.InverseGamma`.
///
/// ```text
/// log p(x) = concentration ln y − y − ln Γ(concentration) − ln x,   y = scale/x,   x > 0
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, InverseGamma};
///
/// let inverse = InverseGamma::new(3.0, 4.0)?;
/// assert_eq!((inverse.mean()?.item()?, inverse.variance()?.item()?), (2.0, 4.0));
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct InverseGamma {
    concentration: Parameter,
    scale: Parameter,
    validate_args: bool,
}

family!(InverseGamma);

impl InverseGamma {
    /// Inverse gamma distributions of these concentrations and scales.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed parameter is not positive, if their shapes do not
    /// broadcast, or if their types differ.
    pub fn new(concentration: impl Into<Parameter>, scale: impl Into<Parameter>) -> Result<Self> {
        let [concentration, scale] = Parameter::unify([concentration.into(), scale.into()]);
        Self { concentration, scale, validate_args: false }.checked()
    }

    /// The shape of the density.
    pub fn concentration(&self) -> &Parameter {
        &self.concentration
    }

    /// The unit in which values are measured.
    pub fn scale(&self) -> &Parameter {
        &self.scale
    }

    /// 1 within the support (or at NaN), and there `x`; elsewhere 1.
    fn safe(x: &Tensor) -> (Tensor, Tensor) {
        let inside = 1.0 - x.le(&constant(0.0, x));
        let safe = Tensor::select(&inside, x, &constant(1.0, x));
        (inside, safe)
    }

    /// A function of `scale/x` within the support, and its limit outside.
    fn of_reciprocal(
        &self,
        x: &Tensor,
        [below, above]: [f64; 2],
        f: fn(&Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let (inside, safe) = Self::safe(&without_infinity(x));
        let ratio = self.scale.value() / safe;
        // What is rounded to 0 lies above all outcomes, as infinity does.
        let inside = inside * nonzero(&ratio).detach();
        let ratio = Tensor::select(&inside, &ratio, &constant(1.0, x));
        let value = f(&self.concentration.value(), &ratio);
        let [below, above] = [below, above].map(|end| constant(end, x));
        let ends = Tensor::select(&x.gt(&constant(0.0, x)), &above, &below);
        Tensor::select(&inside, &value, &ends)
    }

    /// `numerator` over a product of concentrations above `order`, NaN for those up to it.
    fn moment(&self, order: f64, numerator: &Tensor, denominator: &Tensor) -> Result<Tensor> {
        let a = self.concentration.value();
        let moment = numerator / denominator;
        let defined = a.gt(&constant(order, &a));
        self.spread(&Tensor::select(&defined, &moment, &constant(f64::NAN, &moment)))
    }
}

impl Distribution for InverseGamma {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.concentration.positive("concentration"),
            self.scale.positive("scale"),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let (inside, safe) = Self::safe(&without_infinity(x));
        let [a, scale] = [self.concentration.value(), self.scale.value()];
        Ok(only_where(&inside, &inverse_gamma_log_density(&a, &scale, &safe)))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(self.scale.value() / gamma_sample(&self.concentration.value(), shape, stream))
    }

    /// NaN for concentrations up to 1, where it is infinite: as in the original.
    fn mean(&self) -> Result<Tensor> {
        let a = self.concentration.value();
        self.moment(1.0, &self.scale.value(), &(a - 1.0))
    }

    /// NaN for concentrations up to 2, as in the original.
    fn variance(&self) -> Result<Tensor> {
        let a = self.concentration.value();
        let mean = self.scale.value() / (&a - 1.0);
        self.moment(2.0, &mean.square(), &(a - 2.0))
    }

    fn mode(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() / (self.concentration.value() + 1.0)))
    }

    fn entropy(&self) -> Result<Tensor> {
        let a = self.concentration.value();
        let standard = gamma_entropy(&a) - digamma(&a) * 2.0;
        self.spread(&(standard + self.scale.value().ln()))
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.of_reciprocal(value, [0.0, 1.0], gammaincc))
    }

    fn log_cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.of_reciprocal(value, [f64::NEG_INFINITY, 0.0], log_gammaincc))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.of_reciprocal(value, [1.0, 0.0], gammainc))
    }

    fn log_survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(self.of_reciprocal(value, [0.0, f64::NEG_INFINITY], log_gammainc))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.scale.value() / gammainccinv(&self.concentration.value(), p))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.scale.value() / gammaincinv(&self.concentration.value(), p))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Implicitly
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<InverseGamma, InverseGamma>()] }
    }
}

/// That of the gamma distributions of the reciprocals: a divergence does not change under a bijector.
impl KlDivergence<Self> for InverseGamma {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let reciprocal = |d: &Self| Gamma::of(d.concentration.value(), d.scale.value());
        reciprocal(self).kl_divergence_to(&reciprocal(p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DistributionError, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn bad_arguments_are_named() {
        let error = InverseGamma::new(1.0, -1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "scale", .. }));
    }

    #[test]
    fn nothing_lies_below_zero() {
        let inverse = InverseGamma::new(2.0, 1.0).unwrap();
        let x = Tensor::from_vec(vec![0.0, -1.0, f64::INFINITY], &[3]);
        let log_prob = inverse.log_prob(&x).unwrap().to_vec::<f64>().unwrap();
        assert_eq!(log_prob, [f64::NEG_INFINITY; 3]);
        assert_eq!(inverse.cdf(&x).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0, 1.0]);
    }

    /// By mpmath with 50 digits: values whose reciprocals overflow, too.
    #[test]
    fn values_next_to_zero_have_their_density_and_its_slope() {
        for (a, scale, y, value, in_y, in_a) in [
            (2.5, 1e-308, 1e-310, 625.0296214226512, f64::INFINITY, 3.902013545342851),
            (40.0, 2e-307, 5e-309, 710.81277372664, f64::NEG_INFINITY, 0.012552080079093177),
            (0.5, 7e-309, 5e-309, 708.0852269981119, -2.0000000000000042e+307, 2.2999822626426365),
            (2.5, 3.0, 1.5, -0.9572800271812203, -1.0, -0.010009460085297878),
        ] {
            let [a, y] = [a, y].map(|x| Variable::new("x", Tensor::scalar(x)).unwrap());
            let log_prob = InverseGamma::new(&a, scale).unwrap().log_prob(&y.tensor()).unwrap();
            let slopes = log_prob.gradients().unwrap();
            let given = [log_prob, slopes.of(&y), slopes.of(&a)].map(|x| x.item().unwrap());
            for (given, expected) in given.into_iter().zip([value, in_y, in_a]) {
                // What remains of 1.4 − 1.5 has lost a digit, and quotients of numbers so small are rounded.
                let is_near = (given - expected).abs() <= 1e-13 * f64::abs(expected);
                assert!(given == expected || is_near, "{scale}: {given} {expected}");
            }
        }
    }

    #[test]
    fn the_divergence_is_that_of_the_reciprocals() {
        let (q, p) = (InverseGamma::new(2.0, 3.0).unwrap(), InverseGamma::new(4.0, 1.5).unwrap());
        let (inverse_q, inverse_p) = (Gamma::new(2.0, 3.0).unwrap(), Gamma::new(4.0, 1.5).unwrap());
        assert_eq!(
            kl_divergence(&q, &p).unwrap().item().unwrap(),
            kl_divergence(&inverse_q, &inverse_p).unwrap().item().unwrap()
        );
    }
}
