//! `elbo_trajectory.json`: twenty steps of Adam on the evidence lower bound of a net of two local layers.

use tfn::distributions::Categorical;
use tfn::tensor::{Tensor, Variable};
use tfn::train::{Adam, Elbo, Optimizer};
use tfn::{AffineVariationalReparameterizationLocal as Local, DType, Model, Module, Sequential};

use crate::bayesian::{Bias, Method, Noise, Prior, Recipe};
use crate::compare::Tolerance;
use crate::json::{Gold, Kind, Node, Outcome};
use crate::report::Report;

/// Of every number of the twenty steps.
const NUMBER: f64 = 1e-10;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    let meta = root.key("meta")?;
    for key in ["file", "format_version", "seed", "tensorflow", "tensorflow_probability"] {
        meta.key(key)?.informational("versions and seed of the recording");
    }
    let setting = Setting::read(&root, &meta, report)?;
    for node in root.key("runs")?.items()? {
        let mode = node.key("mode")?.text()?;
        report.record(&node, mode, |report| setting.run(mode, &node, report));
    }
    Ok(())
}

struct Setting {
    sizes: [usize; 3],
    steps: usize,
    adam: [f64; 4],
    x: Tensor,
    labels: Tensor,
    initial: Vec<Gold>,
    examples: usize,
}

impl Setting {
    fn read(root: &Node<'_>, meta: &Node<'_>, report: &mut Report) -> Outcome<Self> {
        let size = |key: &str| meta.key(key)?.size();
        let adam = meta.key("adam")?;
        let rate = |key: &str| adam.key(key)?.number();
        let order = meta.key("variable_order")?.texts()?;
        let parts = ["kernel0", "bias0", "kernel1", "bias1"];
        let names =
            parts.map(|part| [format!("{part}_loc"), format!("{part}_unconstrained_scale")]);
        report.same("variable_order", order, names.iter().flatten().map(String::as_str).collect());
        report.same("kl_weight", meta.key("kl_weight")?.text()?, "1/n");
        let labels = root.key("labels")?.numbers()?;
        let initial = root.key("initial_variables")?.items()?;
        Ok(Self {
            sizes: [size("d")?, size("hidden")?, size("classes")?],
            steps: size("steps")?,
            adam: [rate("learning_rate")?, rate("beta1")?, rate("beta2")?, rate("epsilon")?],
            x: root.key("x")?.tensor()?.to_tensor(),
            labels: Tensor::from_slice(&labels, &[labels.len()]),
            initial: initial.iter().map(Node::tensor).collect::<Outcome<_>>()?,
            examples: size("n")?,
        })
    }

    /// The net with the initial variables; the i-th layer's are named alike in both.
    fn model(&self, prior: Prior, method: Method) -> Outcome<Model> {
        let layer = |index: usize, activation| -> Outcome<Local> {
            let names = ["kernel_loc", "kernel_scale", "bias_loc", "bias_scale"];
            let values = self.initial[4 * index..][..4].iter().cloned();
            let recorded =
                names.map(|name| format!("posterior_{name}")).into_iter().zip(values).collect();
            let sizes = [self.sizes[index], self.sizes[index + 1]];
            Recipe::new(sizes, DType::F64, activation, Bias::Normal, &recorded)?
                .build(prior, method)
        };
        let net = Sequential::of(layer(0, Tensor::relu)?).then(layer(1, Tensor::clone)?);
        Ok(net.with_head(|logits| Categorical::from_logits(logits)))
    }

    fn run(&self, mode: &str, node: &Node<'_>, report: &mut Report) -> Outcome {
        let (prior, method) = match mode {
            "exact_std_normal" => (Prior::StandardNormal, Method::Exact),
            "mc_spike_slab" => (Prior::SpikeAndSlab, Method::MonteCarlo),
            _ => return Err("unknown mode".into()),
        };
        let model = self.model(prior, method)?;
        let variables = model.trainable_variables();
        let [rate, beta_1, beta_2, epsilon] = self.adam;
        let mut adam =
            Adam::builder(rate).beta_1(beta_1).beta_2(beta_2).epsilon(epsilon).build()?;
        let (steps, noise) = (node.key("steps")?.items()?, node.key("eps")?.items()?);
        report.same("steps", (steps.len(), noise.len()), (self.steps, self.steps));
        for (index, (step, noise)) in steps.iter().zip(&noise).enumerate() {
            report.same("step", step.key("step")?.size()?, index);
            self.step(&model, &variables, &mut adam, step, noise, report)?;
        }
        compare_all("final_variables", &values(&variables), &node.key("final_variables")?, report)?;
        node.key("keras_float32_rounding_effect")?
            .informational("of Keras, which rounds its rates to f32");
        Ok(())
    }

    fn step(
        &self,
        model: &Model,
        variables: &[Variable],
        adam: &mut Adam,
        step: &Node<'_>,
        recorded: &Node<'_>,
        report: &mut Report,
    ) -> Outcome {
        let mut noise = Noise::default();
        for (name, path) in [
            ("out0", "layers/0/output"),
            ("out1", "layers/1/output"),
            ("kernel0", "layers/0/posterior/0"),
            ("bias0", "layers/0/posterior/1"),
            ("kernel1", "layers/1/posterior/0"),
            ("bias1", "layers/1/posterior/1"),
        ] {
            noise.push(path, recorded.key(name)?.tensor()?.to_tensor());
        }
        let key = noise.key();
        if let Some(want) = step.optional("logits") {
            let logits = model.net().call_at(&self.x, &key)?;
            report.compare("logits", &logits, &want.tensor()?, Tolerance::tensor(NUMBER));
        }
        let nll = -model.call_at(&self.x, &key)?.log_prob(&self.labels)?;
        let parts = Elbo::new(self.examples)?.loss(&nll, &model.losses_at(&key)?, 1.0)?;
        for (name, got) in [("loss", &parts.loss), ("nll", &parts.nll), ("kl", &parts.kl)] {
            let want = Gold::scalar(step.key(name)?.number()?);
            report.compare(name, got, &want, Tolerance::entry(NUMBER));
        }
        let gradients = parts.loss.gradients()?;
        if let Some(want) = step.optional("grads") {
            let got: Vec<Tensor> =
                variables.iter().map(|variable| gradients.of(variable)).collect();
            compare_all("grads", &got, &want, report)?;
        }
        adam.apply_gradients(&gradients, variables)?;
        match step.optional("variables_after") {
            Some(want) => compare_all("variables_after", &values(variables), &want, report),
            None => Ok(()),
        }
    }
}

fn values(variables: &[Variable]) -> Vec<Tensor> {
    variables.iter().map(Variable::value).collect()
}

/// A list of tensors, in the order of the variables.
fn compare_all(what: &str, got: &[Tensor], recorded: &Node<'_>, report: &mut Report) -> Outcome {
    let recorded = recorded.items()?;
    report.same(what, got.len(), recorded.len());
    for (index, (got, want)) in got.iter().zip(&recorded).enumerate() {
        let want = want
            .tensor_or_null()?
            .unwrap_or_else(|| Gold::zeros(got.shape().unwrap_or_default(), Kind::F64));
        report.compare(&format!("{what}/{index}"), got, &want, Tolerance::tensor(NUMBER));
    }
    Ok(())
}
