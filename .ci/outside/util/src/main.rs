//! A user of `tfn-util` alone: a posterior and a prior of one's own layer.

use tfn_util::module::Module;
use tfn_util::tensor::{DType, Key, Variable};
use tfn_util::{KernelBiasSpec, initializers, make_kernel_bias};
use tfn_util::{make_kernel_bias_posterior_mvn_diag, make_kernel_bias_prior_spike_and_slab};

#[derive(Module)]
struct Weights {
    kernel: Variable,
    bias: Option<Variable>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut spec = KernelBiasSpec::new(&[20, 5], &[5]);
    spec.kernel_initializer = initializers::he_uniform();
    spec.key = Key::from_seed(3);
    let plain = make_kernel_bias(&spec)?;
    let weights = Weights { kernel: plain.kernel, bias: plain.bias };
    assert_eq!(weights.trainable_variables().len(), 2);
    let largest = weights.kernel.value().abs().to_f64_vec()?.into_iter().fold(0.0, f64::max);
    assert!(largest <= (6.0_f64 / 20.0).sqrt() && weights.kernel.dtype() == DType::F32);

    let posterior = make_kernel_bias_posterior_mvn_diag(&spec)?;
    let prior = make_kernel_bias_prior_spike_and_slab(&spec)?;
    let draw = posterior.sample_parts(&[], &Key::from_seed(4))?;
    let kl = posterior.log_prob_parts(&draw)? - prior.log_prob_parts(&draw)?;
    assert_eq!(kl.gradients()?.len(), 4);
    println!("util: largest of 100 weights {largest:.3}, divergence at one draw {:.1}", kl.item()?);
    Ok(())
}
