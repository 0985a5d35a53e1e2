//! The multivariate normal distribution with independent entries.

use tfn_module::Module;
use tfn_tensor::Tensor;
use tfn_tensor::random::Stream;

use super::{MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL, Normal};
use crate::axes::sum_last;
use crate::distribution::{Distribution, KlRule, Reparameterization, Structure};
use crate::error::Result;
use crate::gaussian::LinearNormal;
use crate::parameter::{Parameter, ParameterSpec};

/// The normal distribution of a vector with mean `loc` and the diagonal covariance `scale_diag²`.
///
/// Counterpart: `tfp.distributions.MultivariateNormalDiag`. It is an [`Independent`](crate::Independent) of a [`Normal`] over the
/// last axis, and has its divergences.
///
/// # Shapes
/// `loc` and `scale_diag` are `[batch…, k]`; the event shape is `[k]`.
///
/// # Examples
/// ```
/// use tfn_distributions::{Distribution, Independent, MultivariateNormalDiag, Normal, kl_divergence};
/// use tfn_tensor::{DType, Tensor};
///
/// let (zeros, ones) = (Tensor::zeros(&[4], DType::F64), Tensor::ones(&[4], DType::F64));
/// let q = MultivariateNormalDiag::new(&zeros, &ones)?;
/// let p = Independent::new(Normal::new(zeros, ones)?, 1)?;
/// assert_eq!(kl_divergence(&q, &p)?.item()?, 0.0);
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultivariateNormalDiag {
    loc: Parameter,
    scale_diag: Parameter,
    validate_args: bool,
}

family!(MultivariateNormalDiag);

impl MultivariateNormalDiag {
    /// Normal vectors with means `loc` and standard deviations `scale_diag`.
    ///
    /// # Errors
    /// [`DistributionError`](crate::DistributionError) if a fixed `loc` is not finite or a fixed `scale_diag` not
    /// positive, if they have no axis, if their shapes do not broadcast, or if their types differ.
    pub fn new(loc: impl Into<Parameter>, scale_diag: impl Into<Parameter>) -> Result<Self> {
        let [loc, scale_diag] = Parameter::unify([loc.into(), scale_diag.into()]);
        Self { loc, scale_diag, validate_args: false }.checked()
    }

    /// The mean.
    pub fn loc(&self) -> &Parameter {
        &self.loc
    }

    /// The standard deviations.
    pub fn scale_diag(&self) -> &Parameter {
        &self.scale_diag
    }

    /// The entries as a batch of normals.
    fn entries(&self) -> Normal {
        Normal::unchecked(&self.loc, &self.scale_diag)
    }

    pub(super) fn linear(&self) -> Result<LinearNormal> {
        LinearNormal::diag(&self.loc.value(), &self.scale_diag.value())
    }
}

impl Distribution for MultivariateNormalDiag {
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        vec![
            self.loc.real("loc").event_ndims(1),
            self.scale_diag.positive("scale_diag").event_ndims(1),
        ]
    }

    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        self.entries().log_prob_of(x)
    }

    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        self.entries().sample_of(shape, stream)
    }

    fn mean(&self) -> Result<Tensor> {
        self.entries().mean()
    }

    fn variance(&self) -> Result<Tensor> {
        self.entries().variance()
    }

    fn stddev(&self) -> Result<Tensor> {
        self.entries().stddev()
    }

    fn covariance(&self) -> Result<Tensor> {
        self.linear()?.covariance()
    }

    fn mode(&self) -> Result<Tensor> {
        self.entries().mode()
    }

    fn entropy(&self) -> Result<Tensor> {
        Ok(sum_last(&self.entries().entropy()?, 1))
    }

    fn reparameterization(&self) -> Reparameterization {
        Reparameterization::Fully
    }

    fn validate_args(&self) -> bool {
        self.validate_args
    }

    /// Those to its own kind follow from its entries.
    fn kl_rules(&self) -> &'static [KlRule] {
        const {
            &[
                KlRule::of::<Self, MultivariateNormalTriL>(),
                KlRule::of::<Self, MultivariateNormalDiagPlusLowRank>(),
            ]
        }
    }

    fn structure(&self) -> Structure {
        Structure::Independent { base: self.entries().into(), reinterpreted_batch_ndims: 1 }
    }

    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        self.entries().elementwise_normal()
    }

    fn elementwise_log_prob(&self, x: &Tensor) -> Option<Result<Tensor>> {
        self.entries().elementwise_log_prob(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DistributionError;
    use tfn_tensor::DType;

    #[test]
    fn bad_arguments_are_named() {
        let error = MultivariateNormalDiag::new(0.0, 1.0).unwrap_err();
        assert!(matches!(error, DistributionError::Shape { argument: "loc", .. }), "{error}");
        let zeros = Tensor::zeros(&[2], DType::F64);
        let error = MultivariateNormalDiag::new(&zeros, &zeros).unwrap_err();
        assert!(matches!(error, DistributionError::Argument { argument: "scale_diag", .. }));
        let error = MultivariateNormalDiag::new(zeros, Tensor::ones(&[3], DType::F64)).unwrap_err();
        assert!(matches!(error, DistributionError::Shapes { argument: "scale_diag", .. }));
    }
}
