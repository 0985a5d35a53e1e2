//! `posterior.json`: the default posterior, its variables, first values, density and gradients.

use std::sync::Arc;

use tfn::distributions::{Distribution, Independent, Normal};
use tfn::tensor::{Tensor, Variable};
use tfn::util::{KernelBiasSpec, make_kernel_bias_posterior_mvn_diag};
use tfn::{DType, Key};

use crate::compare::Tolerance;
use crate::json::{Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        report.record(&node, node.key("name")?.text()?, |report| record(&node, report));
    }
    Ok(())
}

fn record(node: &Node<'_>, report: &mut Report) -> Outcome {
    let (dtype, builder, number) = match node.key("dtype")?.text()? {
        "f64" => (DType::F64, "default rebuilt in f64", 1e-12),
        "f32" => (DType::F32, "tfp default", 1e-5),
        other => return Err(format!("unknown dtype `{other}`").into()),
    };
    report.same("builder", builder, node.key("builder")?.text()?);
    let events =
        node.key("event_shapes")?.items()?.iter().map(Node::sizes).collect::<Outcome<Vec<_>>>()?;
    let [kernel, bias] = &events[..] else {
        return Err("not two event shapes".into());
    };
    let mut spec = KernelBiasSpec::new(kernel, bias);
    (spec.dtype, spec.key) = (dtype, Key::from_seed(7));
    let posterior = make_kernel_bias_posterior_mvn_diag(&spec)?;
    let parts = posterior.parts().ok_or("the posterior has no parts")?;
    let families: Vec<_> = parts.iter().map(|part| part.family()).collect();
    report.same("component_types", families, node.key("component_types")?.texts()?);
    for (part, event) in parts.iter().zip(&events) {
        report.same("event_shapes", &part.event_shape()?, event);
    }
    let variables = variables(&posterior, node, report)?;
    initial(parts, &variables, node, report)?;
    for eval in node.key("evals")?.items()? {
        evaluate(&posterior, &variables, &eval, number, report)?;
    }
    Ok(())
}

/// Names, shapes and order of the variables; ours have no `:0` behind the name.
fn variables(
    posterior: &Arc<dyn Distribution>,
    node: &Node<'_>,
    report: &mut Report,
) -> Outcome<Vec<Variable>> {
    let variables = posterior.trainable_variables();
    let recorded = node.key("trainable_variables")?.items()?;
    report.same("number of variables", variables.len(), recorded.len());
    for (variable, node) in variables.iter().zip(&recorded) {
        let name = node.key("name")?.text()?;
        report.same("name", variable.name(), name.strip_suffix(":0").unwrap_or(name));
        report.same("shape", variable.shape().to_vec(), node.key("shape")?.sizes()?);
        report.same("trainable", variable.is_trainable(), node.key("trainable")?.flag()?);
    }
    Ok(variables)
}

fn initial(
    parts: &[Arc<dyn Distribution>],
    variables: &[Variable],
    node: &Node<'_>,
    report: &mut Report,
) -> Outcome {
    let [kernel_loc, kernel_scale, bias_loc, _] = variables else {
        return Err("not four variables".into());
    };
    let near = Tolerance::entry(1e-6).relative();
    // Cut to the first column, as recorded.
    let scale = parts[0].stddev()?;
    report.compare(
        "initial_scale",
        &scale.narrow(-1, 0, 1),
        &node.key("initial_scale")?.tensor()?,
        near,
    );
    let unconstrained = kernel_scale.value().narrow(-1, 0, 1);
    report.compare(
        "initial_unconstrained",
        &unconstrained,
        &node.key("initial_unconstrained")?.tensor()?,
        near,
    );
    let scales = [scale.to_f64_vec()?, parts[1].stddev()?.to_f64_vec()?].concat();
    let constant = scales.iter().all(|scale| *scale == scales[0]);
    report.same("initial_scale_constant", constant, node.key("initial_scale_constant")?.flag()?);
    let zeros = node.key("initial_bias_loc")?.tensor()?;
    report.compare("initial_bias_loc", &bias_loc.value(), &zeros, Tolerance::entry(0.0));
    // Two draws of one initializer: both within its limit.
    let limit = node.key("glorot_uniform_limit")?.number()?;
    let theirs = node.key("initial_kernel_loc_max_abs")?.number()?;
    let ours = kernel_loc.value().abs().to_f64_vec()?.into_iter().fold(0.0, f64::max);
    for (who, largest) in [("TFP's", theirs), ("our", ours)] {
        report.holds(largest > 0.0 && largest <= limit, || {
            format!("{who} kernel reaches {largest}, limit {limit}")
        });
    }
    Ok(())
}

/// Log-density of one point and its gradients, in a fixed order.
struct Evaluation {
    log_prob: Tensor,
    /// Of kernel and bias, then of each variable of the posterior.
    gradients: Vec<Tensor>,
}

impl Evaluation {
    fn new(posterior: &dyn Distribution, weights: [Tensor; 2]) -> Outcome<Self> {
        let [kernel, bias] = [("kernel", &weights[0]), ("bias", &weights[1])]
            .map(|(name, value)| Variable::new(name, value));
        let (kernel, bias) = (kernel?, bias?);
        let log_prob = posterior.log_prob_parts(&[kernel.tensor(), bias.tensor()])?;
        let gradients = log_prob.gradients()?;
        let of = [kernel, bias].into_iter().chain(posterior.trainable_variables());
        Ok(Self { gradients: of.map(|variable| gradients.of(&variable)).collect(), log_prob })
    }
}

/// What TFP loses in f32 by `x/scale − loc/scale`: as much as if the weights were off by a rounding of
/// the larger of the two. Ours is compared with what the same weights give in f64.
struct Lost {
    log_prob: f64,
    gradients: Vec<Vec<f64>>,
}

impl Lost {
    /// By how much results in f64 move when all weights move by one rounding, up or down.
    fn new(variables: &[Tensor], weights: &[Tensor; 2], events: &[Vec<usize>]) -> Outcome<Self> {
        let mut spec = KernelBiasSpec::new(&events[0], &events[1]);
        spec.dtype = DType::F64;
        let wide = make_kernel_bias_posterior_mvn_diag(&spec)?;
        for (variable, value) in wide.trainable_variables().iter().zip(variables) {
            variable.assign(&value.cast(DType::F64))?;
        }
        let locs = [&variables[0], &variables[2]];
        let moved = |roundings: f64| {
            let moved = |(x, loc): (&Tensor, &&Tensor)| {
                let (x, loc) = (x.cast(DType::F64), loc.cast(DType::F64));
                &x + (x.abs() + loc.abs()) * (roundings * f64::from(f32::EPSILON))
            };
            let [kernel, bias] = [0, 1].map(|part| moved((&weights[part], &locs[part])));
            Evaluation::new(wide.as_ref(), [kernel, bias])
        };
        let (middle, up, down) = (moved(0.0)?, moved(1.0)?, moved(-1.0)?);
        let distance = |a: &Tensor, b: &Tensor| (a - b).abs().to_f64_vec();
        let mut gradients = Vec::new();
        for ((middle, up), down) in middle.gradients.iter().zip(&up.gradients).zip(&down.gradients)
        {
            let both = distance(middle, up)?.into_iter().zip(distance(middle, down)?);
            gradients.push(both.map(|(up, down)| f64::max(up, down)).collect());
        }
        // The sum's terms move against one another: their slopes in the weights are added by size.
        let mut log_prob = 0.0;
        for ((slope, x), loc) in middle.gradients.iter().zip(weights).zip(locs) {
            let step = (x.abs() + loc.abs()).cast(DType::F64) * f64::from(f32::EPSILON);
            log_prob += (slope.abs() * step).sum().item()?;
        }
        Ok(Self { log_prob, gradients })
    }
}

fn evaluate(
    posterior: &Arc<dyn Distribution>,
    variables: &[Variable],
    node: &Node<'_>,
    number: f64,
    report: &mut Report,
) -> Outcome {
    let values = node.key("variables")?.items()?;
    let values =
        values.iter().map(|value| Ok(value.tensor()?.to_tensor())).collect::<Outcome<Vec<_>>>()?;
    report.same("variables", values.len(), variables.len());
    for (variable, value) in variables.iter().zip(&values) {
        variable.assign(value)?;
    }
    let scales = node.key("scales")?.items()?;
    let parts = posterior.parts().ok_or("the posterior has no parts")?;
    report.same("scales", scales.len(), parts.len());
    for (part, want) in parts.iter().zip(&scales) {
        let part = part.downcast_ref::<Independent>().ok_or("a part that is not Independent")?;
        let normal =
            part.distribution().downcast_ref::<Normal>().ok_or("a part that is no normal")?;
        report.compare(
            "scales",
            &normal.scale().value(),
            &want.tensor()?,
            Tolerance::entry(number).relative(),
        );
    }
    let weights =
        [node.key("kernel")?.tensor()?.to_tensor(), node.key("bias")?.tensor()?.to_tensor()];
    let ours = Evaluation::new(posterior.as_ref(), weights.clone())?;
    let events = parts.iter().map(|part| part.event_shape()).collect::<Result<Vec<_>, _>>()?;
    let narrow = values[0].dtype()? == DType::F32;
    let lost = if narrow { Some(Lost::new(&values, &weights, &events)?) } else { None };
    let extra = |_| lost.as_ref().map_or(0.0, |lost| lost.log_prob);
    let tolerance = Tolerance::entry(number);
    report.compare_where(
        "log_prob",
        &ours.log_prob,
        &node.key("log_prob")?.tensor()?,
        tolerance,
        |_| true,
        extra,
    );
    let of_variables = node.key("grad_variables")?.items()?;
    report.same("grad_variables", of_variables.len(), variables.len());
    let recorded =
        [node.key("grad_kernel")?, node.key("grad_bias")?].into_iter().chain(of_variables);
    for (index, (got, want)) in ours.gradients.iter().zip(recorded).enumerate() {
        let extra = |entry: usize| lost.as_ref().map_or(0.0, |lost| lost.gradients[index][entry]);
        let name =
            want.path().rsplit_once("evals/").map_or("gradient", |(_, place)| place).to_owned();
        report.compare_where(
            &name,
            got,
            &want.tensor()?,
            Tolerance::tensor(number),
            |_| true,
            extra,
        );
    }
    Ok(())
}
