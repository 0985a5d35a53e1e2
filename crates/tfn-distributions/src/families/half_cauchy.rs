//! The half-Cauchy distribution.

use std::f64::consts::LN_2;

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::cauchy::{LN_PI, StandardCauchy};
use super::location_scale::{Folded, Standard};
use crate::distribution::{Distribution, Reparameterization};
use crate::error::Result;
use crate::masking::constant;
use crate::parameter::{Parameter, ParameterSpec};

/// The half-Cauchy distribution from `loc` upward: a Cauchy distribution around `loc`, folded there.
///
/// Counterpart: `tfp.distributions.HalfCauchy`. Mean and variance are infinite; as in the original they are NaN. Below
/// `loc` the log-density is minus infinity with zero gradient.
///
/// ```text
/// log p(x) = ln(2/π) − ln(1 + z²) − ln scale,   z = (x − loc)/scale,   x ≥ loc
/// ```
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, HalfCauchy};
/// use tfn_tensor::Tensor;
///
/// let prior = HalfCauchy::new(0.0, 2.0)?;
/// assert_eq!(prior.cdf(&Tensor::from_vec(vec![-1.0, 2.0], &[2]))?.to_vec::<f64>()?, [0.0, 0.5]);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct HalfCauchy {
    loc: Parameter,
    scale: Parameter,
    validate_args: bool,
}

location_scale!(HalfCauchy);
on_the_half_line!(HalfCauchy);

impl HalfCauchy {
    fn standard(&self) -> Folded<StandardCauchy> {
        Folded(StandardCauchy)
    }
}

impl Distribution for HalfCauchy {
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
        self.spread(&(self.scale.value().ln() + (LN_PI + LN_2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::Variable;

    #[test]
    fn below_loc_there_is_nothing() {
        let scale = Variable::new("scale", Tensor::scalar(2.0)).unwrap();
        let half = HalfCauchy::new(1.0, &scale).unwrap();
        let x = Tensor::from_vec(vec![0.5, f64::NEG_INFINITY], &[2]);
        let log_prob = half.log_prob(&x).unwrap();
        assert_eq!(log_prob.to_vec::<f64>().unwrap(), [f64::NEG_INFINITY; 2]);
        assert_eq!(log_prob.sum().gradients().unwrap().of(&scale).item().unwrap(), 0.0);
        assert_eq!(half.log_survival_function(&x).unwrap().to_vec::<f64>().unwrap(), [0.0; 2]);
        assert!(half.log_prob(&Tensor::scalar(f64::NAN)).unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn probabilities_near_loc_and_far_out_keep_their_digits() {
        let half = HalfCauchy::new(0.0, 1.0).unwrap();
        let x = Tensor::from_vec(vec![1e-20, 1e20], &[2]);
        let tail = std::f64::consts::FRAC_2_PI * 1e-20;
        let cdf = half.cdf(&x).unwrap().to_vec::<f64>().unwrap();
        let survival = half.survival_function(&x).unwrap().to_vec::<f64>().unwrap();
        assert!((cdf[0] / tail - 1.0).abs() < 1e-15 && (survival[1] / tail - 1.0).abs() < 1e-15);
        let (log_cdf, log_survival) =
            (half.log_cdf(&x).unwrap(), half.log_survival_function(&x).unwrap());
        assert!((log_cdf.to_vec::<f64>().unwrap()[1] / -tail - 1.0).abs() < 1e-15);
        assert!((log_survival.to_vec::<f64>().unwrap()[0] / -tail - 1.0).abs() < 1e-15);
    }
}
