//! `spike_slab.json`: the default prior's density and gradients.

use tfn::distributions::{Distribution, MixtureSameFamily, Normal, Sample};
use tfn::util::{KernelBiasSpec, make_kernel_bias_prior_spike_and_slab};

use crate::compare::Tolerance;
use crate::json::{Gold, Kind, Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    let base_node = root.key("base")?;
    report.record(&base_node, "base", |report| base(&base_node, report));
    for node in root.key("records")?.items()? {
        report.record(&node, node.key("name")?.text()?, |report| record(&node, report));
    }
    Ok(())
}

/// The distribution of one weight.
fn base(node: &Node<'_>, report: &mut Report) -> Outcome {
    let mut spec = KernelBiasSpec::new(&[3, 2], &[2]);
    spec.dtype = tfn::DType::F64;
    let prior = make_kernel_bias_prior_spike_and_slab(&spec)?;
    let parts = prior.parts().ok_or("the prior has no parts")?;
    for part in parts {
        let sample = part.downcast_ref::<Sample>().ok_or("a part that is no Sample")?;
        let weight = sample
            .distribution()
            .downcast_ref::<MixtureSameFamily>()
            .ok_or("a weight that is no mixture")?;
        let components = weight
            .components_distribution()
            .downcast_ref::<Normal>()
            .ok_or("components other than normals")?;
        let (values, exact) = (Tolerance::entry(1e-12), Tolerance::entry(0.0));
        report.compare("mean", &weight.mean()?, &node.key("mean")?.tensor()?, values);
        report.compare("variance", &weight.variance()?, &node.key("variance")?.tensor()?, values);
        report.compare("stddev", &weight.stddev()?, &node.key("stddev")?.tensor()?, values);
        let vector = |data: Vec<f64>| Gold { shape: vec![data.len()], kind: Kind::F64, data };
        let probs = vector(node.key("logits_probs")?.numbers()?);
        report.compare("logits_probs", &weight.mixture_distribution().probs(), &probs, values);
        let scales = vector(node.key("component_scale")?.numbers()?);
        report.compare("component_scale", &components.scale().value(), &scales, exact);
        let loc = Gold::scalar(node.key("component_loc")?.number()?);
        report.compare("component_loc", &components.loc().value(), &loc, exact);
    }
    Ok(())
}

fn record(node: &Node<'_>, report: &mut Report) -> Outcome {
    let (kernel, bias) = (node.key("kernel")?.tensor()?, node.key("bias")?.tensor()?);
    let (dtype, number) = match node.key("dtype")?.text()? {
        "f64" => (tfn::DType::F64, 1e-12),
        "f32" => (tfn::DType::F32, 1e-5),
        other => return Err(format!("unknown dtype `{other}`").into()),
    };
    let mut spec = KernelBiasSpec::new(&kernel.shape, &bias.shape);
    spec.dtype = dtype;
    let prior = make_kernel_bias_prior_spike_and_slab(&spec)?;
    let (w, b) = (kernel.to_variable("kernel")?, bias.to_variable("bias")?);
    let values = [w.tensor(), b.tensor()];
    let log_prob = prior.log_prob_parts(&values)?;
    report.compare(
        "log_prob",
        &log_prob,
        &node.key("log_prob")?.tensor()?,
        Tolerance::entry(number),
    );
    let parts = prior.parts().ok_or("the prior has no parts")?;
    let recorded = node.key("log_prob_parts")?.items()?;
    report.same("log_prob_parts", parts.len(), recorded.len());
    for ((part, value), want) in parts.iter().zip(&values).zip(&recorded) {
        report.compare(
            "log_prob_parts",
            &part.log_prob(value)?,
            &want.tensor()?,
            Tolerance::entry(number),
        );
    }
    let gradients = log_prob.gradients()?;
    for (key, variable) in [("grad_kernel", &w), ("grad_bias", &b)] {
        report.compare(
            key,
            &gradients.of(variable),
            &node.key(key)?.tensor()?,
            Tolerance::tensor(number),
        );
    }
    Ok(())
}
