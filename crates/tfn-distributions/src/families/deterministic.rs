//! The distribution of a constant.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use crate::distribution::{Distribution, KlDivergence, KlRule, Reparameterization, Support};
use crate::error::Result;
use crate::masking::{constant, only_where, unless_nan};
use crate::parameter::{Parameter, ParameterSpec};

/// The distribution of the constant `loc`.
///
/// Counterpart: `tfp.distributions.Deterministic`. `prob(x)` is a mass: 1 at `loc`, 0 elsewhere, both with
/// zero gradient. The divergence from it to any distribution is `−log p(loc)`, which is no proper divergence
/// if `p` has a density, but what turns an ELBO into a maximum a posteriori estimate.
///
/// # Examples
/// ```
/// use tfn_distributions::{Deterministic, Normal, kl_divergence};
///
/// let divergence = kl_divergence(&Deterministic::new(0.0)?, &Normal::new(0.0, 1.0)?)?;
/// assert!((divergence.item()? - 0.9189385332046727).abs() < 1e-15);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Deterministic {
    loc: Parameter,
    validate_args: bool,
}

family!(Deterministic);

impl Deterministic {
    /// The distribution of the constants `loc`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite.
    pub fn new(loc: impl Into<Parameter>) -> Result<Self> {
        Self { loc: loc.into(), validate_args: false }.checked()
    }

    /// The constant.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }
}

impl Distribution for Deterministic {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![self.loc.real("loc")]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(x, &only_where(&x.eq(&self.loc.value()), &constant(0.0, x))))
    }

    fn sample_of(&self, shape: &[usize], _: &mut Stream) -> Result<Tensor> {
        Ok(self.loc.value().broadcast_to(shape))
    }

    fn mean(&self) -> Result<Tensor> {
        Ok(self.loc.value())
    }

    fn variance(&self) -> Result<Tensor> {
        self.spread(&constant(0.0, &self.loc.value()))
    }

    fn mode(&self) -> Result<Tensor> {
        self.mean()
    }

    fn entropy(&self) -> Result<Tensor> {
        self.variance()
    }

    fn cdf(&self, value: &Tensor) -> Result<Tensor> {
        Ok(unless_nan(value, &value.ge(&self.loc.value())))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn support(&self) -> Support {
        Support::Points
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::to_any::<Deterministic>()] }
    }
}

impl KlDivergence<dyn Distribution> for Deterministic {
    fn kl_divergence_to(&self, p: &dyn Distribution) -> Result<Tensor> {
        Ok(-p.log_prob(&self.loc.value())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Laplace, kl_divergence};
    use tfn_tensor::Variable;

    #[test]
    fn the_divergence_to_any_distribution_pulls_at_loc() {
        let loc = Variable::new("loc", Tensor::scalar(2.0)).unwrap();
        let q = Deterministic::new(&loc).unwrap();
        let divergence = kl_divergence(&q, &Laplace::new(0.0, 4.0).unwrap()).unwrap();
        assert!((divergence.item().unwrap() - (0.5 + 8.0_f64.ln())).abs() < 1e-14);
        assert_eq!(divergence.gradients().unwrap().of(&loc).item().unwrap(), 0.25);
        assert!(Deterministic::new(f64::NAN).is_err());
    }

    #[test]
    fn a_sample_is_the_constant() {
        let q = Deterministic::new(Tensor::from_vec(vec![1.0, 2.0], &[2])).unwrap();
        let sample = q.sample(&[2], &mut Stream::from_seed(0)).unwrap();
        assert_eq!(sample.to_vec::<f64>().unwrap(), [1.0, 2.0, 1.0, 2.0]);
    }
}
