//! A posterior, a prior and a bijector outside tfn, which docs/extending.md walks through.

mod ridge;
mod sech;
mod squareplus;

use tfn::distributions::describe::{add_bijector, add_distribution};
use tfn::distributions::{Distribution, Independent, JointDistributionSequential, Sample};
use tfn::module::describe::Registry;
use tfn::{KernelBiasSpec, util::Result};

pub use {ridge::Ridge, sech::Sech, squareplus::Squareplus};

/// Hyperbolic secants, as `make_posterior_fn` takes them. Fails as the initializer and the variables do.
pub fn posterior(spec: &KernelBiasSpec) -> Result<JointDistributionSequential> {
    spec.joint("posterior_", |weight| {
        let loc = weight.variable("loc", weight.initial()?)?.into();
        let scale = weight.transformed("scale", weight.full(0.05), Squareplus)?.into();
        Ok(Independent::new(Sech { loc, scale }.checked()?, weight.shape.len())?)
    })
}

/// Ridge priors of learned precision, as `make_prior_fn` takes them. Fails as the variables do.
pub fn prior(spec: &KernelBiasSpec) -> Result<JointDistributionSequential> {
    spec.joint("prior_", |weight| {
        let precision = weight.transformed("precision", 1.0, Squareplus)?.into();
        Ok(Sample::new(Ridge { precision }.checked()?, weight.shape)?)
    })
}

/// Adds all three to the types that model files can hold.
pub fn register(registry: &mut Registry) {
    add_distribution::<Sech>(registry);
    add_distribution::<Ridge>(registry);
    add_bijector::<Squareplus>(registry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn::distributions::Normal;
    use tfn::module::describe::{FileReader, FileWriter};
    use tfn::testing::distributions::{Laws, check_bijector, check_distribution, check_kl};
    use tfn::train::{Adam, Fit, data::Dataset};
    use tfn::{AffineVariationalReparameterization, DType, Key, Layer, Sequential, Tensor, losses};

    #[test]
    fn all_keep_the_laws() -> Result<(), Box<dyn std::error::Error>> {
        let mut spec = KernelBiasSpec::new(&[2, 3], &[3]);
        spec.dtype = DType::F64;
        let (posterior, prior, laws) = (posterior(&spec)?, prior(&spec)?, Laws::default());
        check_distribution(&posterior, &laws)?;
        check_distribution(&prior, &laws)?;
        check_kl(&posterior, &prior, &laws)?;
        Ok(check_bijector(&Squareplus, &[-20.0, -3.0, 0.0, 5.0])?)
    }

    #[test]
    fn a_layer_learns_with_them() -> tfn::Result<()> {
        let layer = AffineVariationalReparameterization::builder(4, 2).seed(1);
        let layer = layer.make_posterior_fn(posterior).make_prior_fn(prior);
        let layer = layer.divergence(losses::kl_divergence_exact).build()?;
        let net = Sequential::of(layer);
        let model = net.with_head(|y| Independent::new(Normal::new(y, 0.1_f32)?, 1));
        let mut draws = Key::from_seed(2).stream();
        let (x, map) = (draws.normal(&[256, 4], DType::F32), draws.normal(&[4, 2], DType::F32));
        let data = Dataset::new(x.clone(), x.matmul(&map))?;
        let fit = Fit::new(&data)?.batch_size(64)?.epochs(75);
        let report = fit.run_model(&model, &mut Adam::new(0.02)?, ())?;
        assert!(report.epochs[74].nll < 0.1 * report.epochs[0].nll, "{report:?}");
        Ok(())
    }

    #[test]
    fn a_model_of_them_comes_back_from_its_file() -> tfn::Result<()> {
        let mut registry = tfn::registry();
        register(&mut registry);
        let layer = AffineVariationalReparameterization::builder(4, 2).seed(1);
        let layer = layer.make_posterior_fn(posterior).make_prior_fn(prior);
        let net = Sequential::of(layer.divergence(losses::kl_divergence_exact).build()?);
        let bytes = FileWriter::new(&registry).add("net", &net)?.to_bytes()?;
        let same: Sequential = FileReader::from_bytes(&bytes, &registry)?.take("net")?;
        let (x, key) = (Tensor::ones(&[3, 4], DType::F32), Key::from_seed(1));
        assert_eq!(same.call_at(&x, &key)?.to_f64_vec()?, net.call_at(&x, &key)?.to_f64_vec()?);
        assert_eq!(same.losses_at(&key)?.item()?, net.losses_at(&key)?.item()?);
        // A program that does not know them says so.
        let error = FileReader::from_bytes(&bytes, &tfn::registry()).err();
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            error.contains("`extension.Squareplus`, which the registry does not know"),
            "{error}"
        );
        Ok(())
    }
}
