//! `other_layers.json`: the layers with one draw of the weights a call and with flipped signs, the plain layer, and
//! statistics that tell the estimators apart.

use std::collections::BTreeMap;

use tfn::tensor::{Tensor, Variable};
use tfn::{Affine, DType, Estimator, Key, Layer, Module, VariationalLayer};
use tfn_layers::{Flipout, Local, Reparameterization as Shared};

use crate::bayesian::{self, Bias, Method, Noise, Prior, Recipe};
use crate::compare::Tolerance;
use crate::json::{Gold, Node, Outcome};
use crate::report::Report;

const SHARED: &str = "AffineVariationalReparameterization";
const LOCAL: &str = "AffineVariationalReparameterizationLocal";
const FLIPOUT: &str = "AffineVariationalFlipout";

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let (name, layer) = (node.key("name")?.text()?, node.key("layer")?.text()?);
        report.record(&node, name, |report| match layer {
            SHARED => variational::<Shared>(&node, report),
            FLIPOUT => variational::<Flipout>(&node, report),
            _ => Err(format!("unknown layer {layer}").into()),
        });
    }
    for node in root.key("statistics")?.items()? {
        let layer = node.key("layer")?.text()?;
        report.record(&node, &format!("statistics of {layer}"), |report| match layer {
            SHARED => statistics::<Shared>(&node, report),
            LOCAL => statistics::<Local>(&node, report),
            FLIPOUT => statistics::<Flipout>(&node, report),
            _ => Err(format!("unknown layer {layer}").into()),
        });
    }
    for node in root.key("affine")?.items()? {
        report.record(&node, node.key("name")?.text()?, |report| affine(&node, report));
    }
    Ok(())
}

/// What all records of a layer say.
struct Call {
    dtype: DType,
    sizes: [usize; 2],
    activation: fn(&Tensor) -> Tensor,
    x: Variable,
    c: Tensor,
}

impl Call {
    fn read(node: &Node<'_>) -> Outcome<Self> {
        let size = |key: &str| node.key(key)?.size();
        Ok(Self {
            dtype: bayesian::dtype(node.key("dtype")?.text()?)?,
            sizes: [size("input_size")?, size("output_size")?],
            activation: bayesian::activation(node.key("activation")?.text()?)?,
            x: node.key("x")?.tensor()?.to_variable("x")?,
            c: node.key("c")?.tensor()?.to_tensor(),
        })
    }

    fn tolerance(&self, in_f64: f64) -> Tolerance {
        Tolerance::tensor(if self.dtype == DType::F64 { in_f64 } else { 1e-5 })
    }

    /// The output, `sum(y·c)`, and its gradients.
    fn compare(
        &self,
        y: &Tensor,
        variables: &[Variable],
        node: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let names: Vec<&str> = variables.iter().map(Variable::name).collect();
        report.same("variable_names", names, node.key("variable_names")?.texts()?);
        report.compare("y", y, &node.key("y")?.tensor()?, self.tolerance(1e-12));
        let loss = (y * &self.c).sum();
        report.compare("loss", &loss, &node.key("loss")?.tensor()?, self.tolerance(1e-12));
        let variables = [std::slice::from_ref(&self.x), variables].concat();
        self.gradients("grad_loss", &loss, &variables, &node.key("grad_loss")?, report)
    }

    fn gradients(
        &self,
        what: &str,
        of: &Tensor,
        variables: &[Variable],
        node: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let gradients = of.gradients()?;
        report.same(what, node.entries()?.len(), variables.len());
        for variable in variables {
            let want = node.key(variable.name())?.tensor_or_null()?;
            let kind = if self.dtype == DType::F64 {
                crate::json::Kind::F64
            } else {
                crate::json::Kind::F32
            };
            let want = want.unwrap_or_else(|| Gold::zeros(variable.shape(), kind));
            let name = format!("{what}/{}", variable.name());
            report.compare(&name, &gradients.of(variable), &want, self.tolerance(1e-11));
        }
        Ok(())
    }
}

fn variational<E: Estimator + Default>(node: &Node<'_>, report: &mut Report) -> Outcome {
    let call = Call::read(node)?;
    let variables = node.key("variables")?.tensors()?;
    let recipe = Recipe::new(call.sizes, call.dtype, call.activation, Bias::Normal, &variables)?;
    let layer = recipe.build::<E>(Prior::SpikeAndSlab, Method::MonteCarlo)?;
    let (eps, recorded) = (node.key("posterior_eps")?, node.key("posterior_value")?);
    let mut noise = Noise::default();
    for (index, part) in ["kernel", "bias"].into_iter().enumerate() {
        noise.push(format!("posterior/{index}"), eps.key(part)?.tensor()?.to_tensor());
    }
    for (label, key) in
        [("perturbation", "perturb_eps"), ("sign_in", "sign_in"), ("sign_out", "sign_out")]
    {
        if let Some(draw) = node.optional(key) {
            noise.push(label, draw.tensor()?.to_tensor());
        }
    }
    let key = noise.key();
    let value = layer.posterior_value_at(&key)?;
    report.same("posterior_value", value.len(), 2);
    for (got, part) in value.iter().zip(["kernel", "bias"]) {
        report.compare(part, got, &recorded.key(part)?.tensor()?, call.tolerance(1e-12));
    }
    let y = layer.call_at(&call.x.tensor(), &key)?;
    call.compare(&y, &layer.trainable_variables(), node, report)?;
    let (divergence, want) = (layer.losses_at(&key)?, node.key("kl_mc_spike_slab")?);
    report.compare(
        "kl_mc_spike_slab",
        &divergence,
        &want.key("value")?.tensor()?,
        call.tolerance(1e-12),
    );
    call.gradients(
        "kl_mc_spike_slab",
        &divergence,
        &layer.trainable_variables(),
        &want.key("grad")?,
        report,
    )
}

fn affine(node: &Node<'_>, report: &mut Report) -> Outcome {
    let call = Call::read(node)?;
    let layer = Affine::builder(call.sizes[0], call.sizes[1])
        .batch_shape(&node.key("batch_shape")?.sizes()?)
        .dtype(call.dtype)
        .activation_fn(call.activation)
        .build()?;
    let recorded = ["kernel", "bias"].map(|name| Ok((name.to_owned(), node.key(name)?.tensor()?)));
    let recorded = recorded.into_iter().collect::<Outcome<BTreeMap<_, _>>>()?;
    bayesian::assign(&layer.variables(), &recorded)?;
    let y = layer.call(&call.x.tensor())?;
    call.compare(&y, &layer.variables(), node, report)
}

/// Means, variances and the covariance of two rows over many calls, at |z| < 5.
fn statistics<E: Estimator + Default>(node: &Node<'_>, report: &mut Report) -> Outcome {
    let x = node.key("x")?.tensor()?.to_tensor();
    let variables = node.key("variables")?.tensors()?;
    let kernel = &variables.get("posterior_kernel_loc").ok_or("no kernel")?.shape;
    let recipe =
        Recipe::new([kernel[0], kernel[1]], DType::F64, Tensor::clone, Bias::Normal, &variables)?;
    let layer = recipe.build::<E>(Prior::SpikeAndSlab, Method::MonteCarlo)?;
    let passes = node.key("samples")?.size()?;
    let key = Key::from_seed(3);
    let mut draws = Vec::with_capacity(passes);
    for pass in 0..passes as u64 {
        draws.push(layer.call_at(&x, &key.index(pass))?.to_vec::<f64>()?);
    }
    let entries = kernel[1] * x.shape()?[0];
    let mean =
        |of: &dyn Fn(&[f64]) -> f64| draws.iter().map(|draw| of(draw)).sum::<f64>() / passes as f64;
    let means: Vec<f64> = (0..entries).map(|i| mean(&|draw| draw[i])).collect();
    let covariance = |i: usize, j: usize| mean(&|draw| (draw[i] - means[i]) * (draw[j] - means[j]));
    let variances: Vec<f64> = (0..entries).map(|i| covariance(i, i)).collect();
    let mut z = |what: &str, got: f64, analytic: f64, error: f64| {
        report.compared += 1;
        report.holds((got - analytic).abs() < 5.0 * error, || {
            format!("{what}: {got}, not {analytic} ± {error}")
        });
    };
    for (what, ours) in [("mean", &means), ("var", &variances)] {
        let tensor = |key: String| node.key(&key)?.tensor();
        let (analytic, theirs) =
            (tensor(format!("analytic_{what}"))?, tensor(format!("sample_{what}"))?);
        let errors = tensor(format!("sample_{what}_se"))?;
        for (i, ours) in ours.iter().enumerate() {
            let (analytic, error) = (analytic.data[i], errors.data[i]);
            z(&format!("our {what} {i}"), *ours, analytic, error);
            z(&format!("TFP's {what} {i}"), theirs.data[i], analytic, error);
        }
    }
    let number =
        |suffix: &str| node.key(&format!("row0_row1_output0_covariance{suffix}"))?.number();
    let (analytic, error) = (number("_analytic")?, number("_se")?);
    z("our covariance", covariance(0, kernel[1]), analytic, error);
    z("TFP's covariance", number("")?, analytic, error);
    Ok(())
}
