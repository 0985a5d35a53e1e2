//! The logistic distribution.

use std::f64::consts::PI;

use tfn_module::Module;
use tfn_tensor::random::Stream;
use tfn_tensor::{Element, Entrywise, Tensor, entrywise};

use super::location_scale::Standard;
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::masking::at_probability;
use crate::parameter::{Parameter, ParameterSpec};
use crate::stable::logit;

/// The logistic distribution around `loc`.
///
/// Counterpart: `tfp.distributions.Logistic`.
///
/// ```text
/// log p(x) = −z − 2 ln(1 + exp(−z)) − ln scale,   z = (x − loc)/scale
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Logistic};
/// use tfn_tensor::Tensor;
///
/// let logistic = Logistic::new(1.0, 0.5)?;
/// assert_eq!(logistic.cdf(&Tensor::scalar(1.0))?.item()?, 0.5);
/// assert_eq!(logistic.log_cdf(&Tensor::scalar(-999.0))?.item()?, -2000.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Logistic {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(Logistic);
on_the_line!(Logistic);

struct StandardLogistic;

/// The log-density of the standard one.
#[derive(Clone, Copy)]
struct LogDensity;

impl Entrywise<1> for LogDensity {
    const NAME: &'static str = "logistic_log_density";

    #[inline(always)]
    fn value<E: Element>(self, [z]: [E; 1]) -> E {
        let size = z.m_abs();
        let log = (-size).m_exp().m_log1p();
        -size - (log + log)
    }

    /// The difference of both sides' probabilities, with its digits near the centre.
    #[inline(always)]
    fn partials<E: Element>(self, [z]: [E; 1]) -> [E; 1] {
        [-(E::from_f64(0.5) * z).m_tanh()]
    }
}

impl Standard for StandardLogistic {
    fn log_prob(&self, x: &Tensor, scale: &Tensor) -> Tensor {
        entrywise(LogDensity, [&(x / scale)]) - scale.ln()
    }

    fn cdf(&self, z: &Tensor) -> Tensor {
        z.sigmoid()
    }

    fn log_cdf(&self, z: &Tensor) -> Tensor {
        z.log_sigmoid()
    }

    fn survival(&self, z: &Tensor) -> Tensor {
        (-z).sigmoid()
    }

    fn log_survival(&self, z: &Tensor) -> Tensor {
        (-z).log_sigmoid()
    }

    fn quantile(&self, p: &Tensor) -> Tensor {
        logit(&at_probability(p, p))
    }

    fn survival_quantile(&self, p: &Tensor) -> Tensor {
        -self.quantile(p)
    }
}

impl Logistic {
    fn standard(&self) -> StandardLogistic {
        StandardLogistic
    }
}

impl Distribution for Logistic {
    methods_by_standard!();

    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc"), self.scale.positive("scale")]
    }

    fn mean(&self) -> Result<Tensor> {
        self.spread(&self.loc.value())
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().square() * (PI * PI / 3.0)))
    }

    fn stddev(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value() * (PI / 3.0_f64.sqrt())))
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.spread(&(self.scale.value().ln() + 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_their_digits_in_the_tail_and_near_the_median() {
        let logistic = Logistic::new(0.0, 1.0).unwrap();
        let p = Tensor::from_vec(vec![1e-300, 0.5 + 2.0_f64.powi(-45), 0.0, 1.0, -0.1], &[5]);
        let z = logistic.quantile(&p).unwrap().to_vec::<f64>().unwrap();
        assert!((z[0] / 1e-300_f64.ln() - 1.0).abs() < 1e-15);
        assert!((z[1] / 2.0_f64.powi(-43) - 1.0).abs() < 1e-15);
        assert_eq!(z[2..4], [f64::NEG_INFINITY, f64::INFINITY]);
        assert!(z[4].is_nan());
    }

    #[test]
    fn the_log_density_is_linear_far_out() {
        let far = Tensor::from_vec(vec![-900.0, 900.0], &[2]);
        let log_prob = Logistic::new(0.0, 1.0).unwrap().log_prob(&far).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [-900.0; 2]);
    }
}
