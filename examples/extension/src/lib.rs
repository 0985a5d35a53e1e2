//! A posterior, a prior and a bijector outside tfn, which docs/extending.md walks through.

mod radial;
mod ridge;
mod squareplus;

use std::sync::Arc;

use tfn::bijectors::Reshape;
use tfn::distributions::{Distribution, IntoDistribution, JointDistributionSequential, Result};
use tfn::distributions::{TransformedDistribution, TransformedVariable};
use tfn::{KernelBiasSpec, Tensor, Variable, util::UtilError};

pub use {radial::Radial, ridge::Ridge, squareplus::Squareplus};

/// The vectors of `distribution` in the shape of the weights.
fn shaped(distribution: impl IntoDistribution, shape: &[usize]) -> Result<Arc<dyn Distribution>> {
    let reshape = Reshape::new(shape, &[shape.iter().product()])?;
    Ok(TransformedDistribution::new(distribution, reshape)?.into())
}

/// Radial posteriors, as `make_posterior_fn` takes them. Fails as the initializer and the variables do.
pub fn posterior(spec: &KernelBiasSpec) -> Result<JointDistributionSequential, UtilError> {
    let part = |start: Tensor, name: &str| -> Result<Arc<dyn Distribution>> {
        let loc = start.reshape(&[start.len()?]);
        let scale =
            TransformedVariable::new(&(&loc * 0.0 + 0.05), Squareplus, format!("{name}_scale"))?;
        let loc = Variable::new(format!("{name}_loc"), loc)?;
        shaped(Radial { loc: loc.into(), scale: scale.into() }.checked()?, start.shape()?)
    };
    let key = spec.key.child("kernel");
    let kernel = spec.kernel_initializer.make(&spec.kernel_shape, 0, spec.dtype, &key)?;
    let bias = Tensor::zeros(&spec.bias_shape, spec.dtype);
    Ok(JointDistributionSequential::new([part(kernel, "kernel")?, part(bias, "bias")?])?)
}

/// Ridge priors of learned precision, as `make_prior_fn` takes them. Fails as the variables do.
pub fn prior(spec: &KernelBiasSpec) -> Result<JointDistributionSequential> {
    let part = |shape: &[usize], name: &str| -> Result<Arc<dyn Distribution>> {
        let start = Tensor::ones(&[], spec.dtype);
        let precision = TransformedVariable::new(&start, Squareplus, format!("{name}_precision"))?;
        shaped(Ridge { precision: precision.into(), len: shape.iter().product() }.checked()?, shape)
    };
    JointDistributionSequential::new([
        part(&spec.kernel_shape, "kernel")?,
        part(&spec.bias_shape, "bias")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn::distributions::Normal;
    use tfn::testing::distributions::{Laws, check_bijector, check_distribution, check_kl};
    use tfn::train::{Adam, Optimizer};
    use tfn::{
        AffineVariationalReparameterization as BayesAffine, DType, Key, Layer, Module, losses,
    };

    #[test]
    fn all_keep_the_laws() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let variable = |name, values| Variable::new(name, Tensor::from_slice(values, &[3]));
        let (loc, scale) =
            (variable("loc", &[0.5, -1.0, 2.0])?, variable("scale", &[0.3, 2.0, 1.0])?);
        let radial = Radial { loc: loc.into(), scale: scale.into() }.checked()?;
        let precision = Variable::new("precision", Tensor::from_slice(&[0.5, 3.0], &[2]))?;
        let ridge = Ridge { precision: precision.into(), len: 3 }.checked()?;
        check_distribution(&radial, &Laws::default())?;
        check_distribution(&ridge, &Laws::default())?;
        check_bijector(&Squareplus, &[-20.0, -3.0, 0.0, 5.0])?;
        Ok(check_kl(&radial, &ridge, &Laws::default())?)
    }

    #[test]
    fn a_layer_learns_with_them() -> tfn::Result<()> {
        let layer = BayesAffine::builder(4, 2).make_posterior_fn(posterior).make_prior_fn(prior);
        let layer = layer.divergence(losses::kl_divergence_exact).seed(1).build()?;
        let mut draws = Key::from_seed(2).stream();
        let (x, truth) = (draws.normal(&[256, 4], DType::F32), draws.normal(&[4, 2], DType::F32));
        let (y, mut adam) = (x.matmul(&truth), Adam::new(0.02)?);
        let mut errors = Vec::new();
        for step in 0..300_u64 {
            let key = Key::from_seed(3).index(step);
            let nll = -Normal::new(layer.call_at(&x, &key)?, 0.1_f32)?.log_prob(&y)?.sum();
            adam.minimize(&(&nll + layer.losses_at(&key)?), &layer.trainable_variables())?;
            errors.push(nll.item()?);
        }
        assert!(errors[299] < 0.1 * errors[0], "{} {}", errors[0], errors[299]);
        Ok(())
    }
}
