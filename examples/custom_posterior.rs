//! A posterior family of one's own under the local reparameterization layer.
//!
//! `ScalePerOutput` has one location for each weight but only one scale for each output: an independent
//! normal with far fewer numbers. The family and its divergence from a normal prior stand between the two
//! lines below; nothing of tfn is touched. The layer asks only whether the entries are independent normals,
//! and gradients reach the family's own parameters through the layer's fused node.

use std::sync::Arc;

use tfn::distributions::{
    Distribution, DistributionError, JointDistributionSequential, KlDivergence, KlRule, Normal,
    Parameter, ParameterSpec, TransformedVariable,
};
use tfn::train::{Adam, Elbo, Optimizer};
use tfn::{
    AffineVariationalReparameterizationLocal as BayesAffine, DType, KernelBiasSpec, Key, Layer,
    Module, Stream, Tensor, Variable, VariationalLayer, bijectors, losses,
};

type Result<T> = std::result::Result<T, DistributionError>;

// ---- the family ------------------------------------------------------------------------------------

#[derive(Debug, Module)]
struct ScalePerOutput {
    loc: Parameter,
    output_scale: Parameter,
}
impl Distribution for ScalePerOutput {
    fn family(&self) -> &'static str {
        "ScalePerOutput"
    }
    fn parameters(&self) -> Vec<ParameterSpec<'_>> {
        let scale = ParameterSpec::positive("output_scale", &self.output_scale);
        vec![ParameterSpec::real("loc", &self.loc), scale]
    }
    fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(Tensor::normal_log_prob(x, &self.loc.value(), &self.output_scale.value()))
    }
    fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
        Ok(self.loc.value() + self.output_scale.value() * stream.normal(shape, self.dtype()?))
    }
    fn elementwise_normal(&self) -> Option<(Tensor, Tensor)> {
        Some((self.loc.value(), self.spread(&self.output_scale.value()).ok()?))
    }
    fn kl_rules(&self) -> &'static [KlRule] {
        const { &[KlRule::of::<ScalePerOutput, Normal>()] }
    }
}
impl KlDivergence<Normal> for ScalePerOutput {
    fn kl_divergence_to(&self, p: &Normal) -> Result<Tensor> {
        let (s, sigma) = (self.output_scale.value() / p.scale().value(), p.scale().value());
        let z = (self.loc.value() - p.loc().value()) / sigma;
        Ok((z.square() + s.square() - 1.0) * 0.5 - s.ln())
    }
}

// ---- its use ---------------------------------------------------------------------------------------

fn part(name: &str, loc: &Tensor) -> Result<Arc<dyn Distribution>> {
    let outputs = loc.shape()?.last().copied().unwrap_or(1);
    let start = Tensor::full(&[outputs], 0.05, DType::F32);
    let scale =
        TransformedVariable::new(&start, bijectors::Softplus::new(), format!("{name}_scale"))?;
    let loc = Variable::new(format!("{name}_loc"), loc)?;
    Ok(Arc::new(ScalePerOutput { loc: loc.into(), output_scale: scale.into() }.checked()?))
}

fn posterior(
    spec: &KernelBiasSpec,
) -> tfn::Result<JointDistributionSequential, tfn::util::UtilError> {
    let key = spec.key.child("kernel");
    let kernel = spec.kernel_initializer.make(&spec.kernel_shape, 0, spec.dtype, &key)?;
    let bias = Tensor::zeros(&spec.bias_shape, spec.dtype);
    Ok(JointDistributionSequential::new([part("kernel", &kernel)?, part("bias", &bias)?])?)
}

fn prior(spec: &KernelBiasSpec) -> Result<JointDistributionSequential> {
    let part = |shape: &[usize]| -> Result<Arc<dyn Distribution>> {
        Ok(Normal::new(Tensor::zeros(shape, spec.dtype), 1.0)?.into())
    };
    JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let layer = BayesAffine::builder(4, 2)
        .make_posterior_fn(posterior)
        .make_prior_fn(prior)
        .divergence(losses::kl_divergence_exact)
        .seed(1)
        .build()?;
    println!("{}", layer.summary());

    // A linear map, seen through noise of 0.1.
    let key = Key::from_seed(2);
    let mut draws = key.child("data").stream();
    let (x, truth) = (draws.normal(&[256, 4], DType::F32), draws.normal(&[4, 2], DType::F32));
    let y = x.matmul(&truth) + draws.normal(&[256, 2], DType::F32) * 0.1;

    let (elbo, mut adam) = (Elbo::new(256)?, Adam::new(0.02)?);
    for step in 0..=600_u64 {
        let key = key.index(step);
        let nll =
            -Normal::new(layer.call_at(&x, &key)?, 0.1_f32)?.log_prob(&y)?.sum_axes(&[-1], false);
        let loss = elbo.loss(&nll, &layer.losses_at(&key)?, 1.0)?;
        if step % 200 == 0 {
            println!("step {step:>3}: nll {:>8.3}, kl {:>7.2}", loss.nll.item()?, loss.kl.item()?);
        }
        adam.minimize(&loss.loss, &layer.trainable_variables())?;
    }
    let (loc, scale) =
        layer.kernel_posterior().elementwise_normal().ok_or("independent normals")?;
    println!("truth          {:.3?}", truth.to_f64_vec()?);
    println!("posterior mean {:.3?}", loc.to_f64_vec()?);
    println!("scale an output {:.4?}", &scale.to_f64_vec()?[..2]);
    Ok(())
}
