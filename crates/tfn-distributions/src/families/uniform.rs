//! The uniform distribution.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, validation};
use crate::error::{DistributionError, Result};
use crate::masking::{at_probability, constant, only_where, unless_nan};
use crate::parameter::{Parameter, ParameterSpec};

/// The uniform distribution on `[low, high]`.
///
/// Counterpart: `tfp.distributions.Uniform`. The density is `1/(high − low)` inside, both ends included;
/// outside the log-density is minus infinity with zero gradient.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Uniform};
/// use tfn_tensor::Tensor;
///
/// let uniform = Uniform::new(1.0, 3.0)?;
/// assert_eq!(uniform.prob(&Tensor::from_vec(vec![0.5, 2.0], &[2]))?.to_vec::<f64>()?, [0.0, 0.5]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Uniform {
    low: Parameter,
    high: Parameter,
    validate_args: bool,
}

family!(Uniform);

impl Uniform {
    /// Uniform distributions between `low` and `high`.
    ///
    /// # Errors
    /// [`DistributionError`] if fixed ends are not finite or not in order, if their distance is not finite, if their shapes do not broadcast,
    /// or if their types differ.
    pub fn new(low: impl Into<Parameter>, high: impl Into<Parameter>) -> Result<Self> {
        let [low, high] = Parameter::unify([low.into(), high.into()]);
        let made = Self { low, high, validate_args: false }.checked()?;
        if made.low.is_fixed() && made.high.is_fixed() {
            made.check_ends()?;
        }
        Ok(made)
    }

    /// The lower end.
    pub fn low(&self) -> &Parameter {
        &self.low
    }

    /// The upper end.
    pub fn high(&self) -> &Parameter {
        &self.high
    }

    fn length(&self) -> Tensor {
        self.high.value() - self.low.value()
    }

    /// Checks that the ends are in order and a finite distance apart.
    fn check_ends(&self) -> Result<()> {
        validation::order(self.family(), &self.low, &self.high)?;
        let lengths = self.length().to_f64_vec()?;
        match lengths.iter().position(|length| !length.is_finite()) {
            None => Ok(()),
            Some(index) => Err(DistributionError::Argument {
                family: "Uniform",
                argument: "high",
                given: format!("{} above `low` at entry {index}", lengths[index]),
                expected: "a finite distance above `low`".into(),
            }),
        }
    }
}

impl Distribution for Uniform {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.low.real("low"), self.high.real("high")]
    }

    fn check_values(&self) -> Result<()> {
        validation::all_values(&self)?;
        self.check_ends()
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        let inside = x.ge(&self.low.value()) * x.le(&self.high.value());
        Ok(unless_nan(x, &only_where(&inside, &-self.length().ln())))
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        let noise = stream.uniform(shape, self.dtype()?);
        Ok(self.low.value() + self.length() * noise)
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&(self.low.value() + self.length() * 0.5))
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.length().square() / 12.0))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.length() / 12.0_f64.sqrt()))
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&self.length().ln())
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(((value - self.low.value()) / self.length()).clamp(0.0, 1.0))
    }

    fn survival_function(&self, value: &Tensor) -> Result<Tensor> {
        Ok(((self.high.value() - value) / self.length()).clamp(0.0, 1.0))
    }

    fn quantile(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.low.value() + self.length() * at_probability(p, p))
    }

    fn inverse_survival_function(&self, p: &Tensor) -> Result<Tensor> {
        Ok(self.high.value() - self.length() * at_probability(p, p))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<Uniform, Uniform>()] }
    }
}

/// `ln(length_p/length_q)` if `q` lies inside `p`; infinite with zero gradient otherwise.
impl KlDivergence<Self> for Uniform {
    fn kl_divergence_to(&self, p: &Self) -> Result<Tensor> {
        let ([low_q, high_q], [low_p, high_p]) = (
            [self.low.value(), self.high.value()],
            [p.low.value(), p.high.value()],
        );
        let inside = low_p.le(&low_q) * high_q.le(&high_p);
        let longer = (high_p - high_q) + (low_q - low_p);
        let longer = Tensor::select(&inside, &longer, &constant(0.0, &longer));
        let value = (longer / self.length()).log1p();
        Ok(Tensor::select(&inside, &value, &constant(f64::INFINITY, &value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    #[test]
    fn ends_out_of_order_are_named() {
        let error = Uniform::new(2.0, 1.0).unwrap_err();
        let message =
            "Uniform: argument `high` is -1 above `low` at entry 0, expected numbers above `low`";
        assert_eq!(error.to_string(), message);
        assert!(Uniform::new(f64::NAN, 1.0).is_err());
        let high = Variable::new("high", Tensor::scalar(-1.0)).unwrap();
        let strict = Uniform::new(0.0, &high).unwrap().with_validate_args(true);
        assert!(strict.log_prob(&Tensor::scalar(0.0)).is_err());
    }

    #[test]
    fn outside_there_is_no_gradient() {
        let high = Variable::new("high", Tensor::scalar(1.0)).unwrap();
        let uniform = Uniform::new(0.0, &high).unwrap();
        let log_prob = uniform.log_prob(&Tensor::from_vec(vec![-1.0, 0.5, 2.0], &[3])).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY, 0.0, f64::NEG_INFINITY]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&high).item().unwrap(), -1.0);
    }
}
