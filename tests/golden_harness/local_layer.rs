//! `local_layer.json`: forward passes of the local layer, their gradients and divergences.

use std::collections::BTreeMap;

use tfn::distributions::{Distribution, DistributionError, Independent, Laplace};
use tfn::tensor::{Tensor, Variable};
use tfn::{
    AffineVariationalReparameterizationLocal as Local, DType, Key, Layer, LayerError, Module,
    VariationalLayer,
};

use crate::bayesian::{self, Bias, Method, Noise, Prior, Recipe};
use crate::compare::Tolerance;
use crate::json::{Gold, Node, Outcome};
use crate::local_layer_facts;
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let name = node.key("name")?.text()?;
        report.record(&node, name, |report| Record::read(&node, name)?.check(report));
    }
    local_layer_facts::check(&root, report)
}

/// Names of the families of records; another one is a case that this test does not know.
const CASES: [&str; 17] = [
    "basic/",
    "rank3/",
    "bias_deterministic/",
    "bias_laplace/",
    "bias_kernel_only/",
    "bias_unpack_none/",
    "zero_row/",
    "zero_row_relu/",
    "zero_row_kernel_only/",
    "some_zeros/",
    "huge_",
    "overflow_",
    "underflow_",
    "extreme_scale/",
    "nan_inf_input/",
    "empty_batch/",
    "initial_state/",
];

struct Record<'d> {
    node: Node<'d>,
    name: &'d str,
    recipe: Recipe,
    x: Gold,
    c: Gold,
    eps: Gold,
    /// The same computed in f64 throughout, beside records of f32.
    reference: Option<Node<'d>>,
}

impl<'d> Record<'d> {
    fn read(node: &Node<'d>, name: &'d str) -> Outcome<Self> {
        if !CASES.iter().any(|case| name.starts_with(case)) {
            return Err("unknown case".into());
        }
        let size = |key: &str| node.key(key)?.size();
        let variables = node.key("variables")?.tensors()?;
        let recipe = Recipe::new(
            [size("input_size")?, size("output_size")?],
            bayesian::dtype(node.key("dtype")?.text()?)?,
            bayesian::activation(node.key("activation")?.text()?)?,
            Bias::of(node.key("bias_kind")?.text()?)?,
            &variables,
        )?;
        let tensor = |key: &str| node.key(key)?.tensor();
        let (x, c, eps) = (tensor("x")?, tensor("c")?, tensor("eps")?);
        let reference = node.optional("reference_f64");
        Ok(Self { node: node.clone(), name, recipe, x, c, eps, reference })
    }

    fn check(&self, report: &mut Report) -> Outcome {
        if let Some(note) = self.node.optional("note") {
            note.informational("said by the record's name as well");
        }
        let layer: Local = self.recipe.build(Prior::SpikeAndSlab, Method::MonteCarlo)?;
        let key = self.key()?;
        self.variables(&layer, report)?;
        self.scales(report)?;
        self.pre_activation(&layer, report)?;
        self.posterior_value(&layer, &key, report)?;
        self.output(&layer, &key, report)?;
        for (name, prior, method) in [
            ("kl_mc_spike_slab", Prior::SpikeAndSlab, Method::MonteCarlo),
            ("kl_exact_std_normal", Prior::StandardNormal, Method::Exact),
            ("kl_mc_std_normal", Prior::StandardNormal, Method::MonteCarlo),
        ] {
            self.divergence(name, prior, method, &key, report)?;
        }
        Ok(())
    }

    /// A key that replays the recorded draws.
    fn key(&self) -> Outcome<Key> {
        let mut noise = Noise::default();
        noise.push("output", self.eps.to_tensor());
        let eps = self.node.key("posterior_eps")?;
        noise.push("posterior/0", eps.key("kernel")?.tensor()?.to_tensor());
        if let Some(bias) = eps.key("bias")?.tensor_or_null()? {
            match self.recipe.bias {
                Bias::Laplace => noise.push_laplace("posterior/1", &bias)?,
                _ => noise.push("posterior/1", bias.to_tensor()),
            }
        }
        Ok(noise.key())
    }

    fn wide(&self) -> bool {
        self.recipe.dtype == DType::F64
    }

    /// Of values and products, and of anything in f32: relative to the largest entry. Where inputs are
    /// far from 1 there is no absolute part, but results below the type's normal numbers count as zero.
    fn tolerance(&self, in_f64: f64, deviation: Option<&str>) -> Outcome<Tolerance> {
        let number = if self.wide() { in_f64 } else { self.deviation(deviation)?.max(1e-5) };
        let tolerance = Tolerance::tensor(number);
        let far =
            ["huge_", "overflow_", "underflow_"].iter().any(|case| self.name.starts_with(case));
        let least = if self.wide() { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
        Ok(if far { tolerance.with_atol(least) } else { tolerance })
    }

    /// Twice the distance of TFP's own f32 results from those in f64.
    fn deviation(&self, which: Option<&str>) -> Outcome<f64> {
        let (Some(reference), Some(which)) = (&self.reference, which) else { return Ok(0.0) };
        let node = reference.key("tfp_f32_relative_deviation")?.key(which)?;
        if node.is_null() { Ok(0.0) } else { Ok(2.0 * node.number()?) }
    }

    /// What ours is compared with: in f32 the reference in f64, where there is one.
    ///
    /// Where squares overflow in f32 but not in f64, TFP's f32 results are the measure.
    fn source(&self, key: &str) -> Outcome<Node<'d>> {
        let reference = self.reference.as_ref().and_then(|node| node.optional(key));
        match reference {
            Some(reference) if self.name.starts_with("overflow_") => {
                reference.informational("nothing overflows in f64");
                self.node.key(key)
            }
            Some(reference) => {
                self.node.key(key)?.informational("the reference in f64 is compared");
                Ok(reference)
            }
            None => self.node.key(key),
        }
    }

    /// Compares, where TFP's non-finite entries need only be non-finite if NaN or infinity went in or a
    /// square overflowed.
    fn compare(
        &self,
        what: &str,
        got: &Tensor,
        want: &Gold,
        tolerance: Tolerance,
        report: &mut Report,
    ) -> Outcome {
        let want = Gold { kind: if self.wide() { want.kind } else { self.x.kind }, ..want.clone() };
        if !["overflow_", "nan_inf_input/"].iter().any(|case| self.name.starts_with(case)) {
            report.compare(what, got, &want, tolerance);
            return Ok(());
        }
        report.compare_where(what, got, &want, tolerance, |i| want.data[i].is_finite(), |_| 0.0);
        for (got, want) in
            got.to_f64_vec()?.iter().zip(&want.data).filter(|(_, want)| !want.is_finite())
        {
            report.holds(!got.is_finite(), || format!("{what}: {got} is finite, TFP's is {want}"));
        }
        Ok(())
    }

    fn variables(&self, layer: &Local, report: &mut Report) -> Outcome {
        let variables = layer.trainable_variables();
        let names: Vec<&str> = variables.iter().map(Variable::name).collect();
        report.same("variable_names", names, self.node.key("variable_names")?.texts()?);
        Ok(())
    }

    /// The constrained scales of the posterior.
    fn scales(&self, report: &mut Report) -> Outcome {
        let parts = self.recipe.posterior.parts().ok_or("the posterior has no parts")?;
        let scale = |part: &dyn Distribution| part.elementwise_normal().map(|(_, scale)| scale);
        let kernel = scale(parts[0].as_ref()).ok_or("the kernel is not normal")?;
        let number = if self.wide() { 1e-12 } else { 1e-5 };
        let tolerance = Tolerance::entry(number).relative();
        report.compare(
            "kernel_scale",
            &kernel,
            &self.node.key("kernel_scale")?.tensor()?,
            tolerance,
        );
        if let Some(want) = self.node.key("bias_scale")?.tensor_or_null()? {
            let part = parts.get(1).ok_or("a bias scale, but no bias")?;
            let laplace = part
                .downcast_ref::<Independent>()
                .and_then(|part| part.distribution().downcast_ref::<Laplace>());
            let got = match laplace {
                Some(laplace) => laplace.scale().value(),
                None => scale(part.as_ref()).ok_or("the bias is not normal")?,
            };
            report.compare("bias_scale", &got, &want, tolerance);
        }
        Ok(())
    }

    fn pre_activation(&self, layer: &Local, report: &mut Report) -> Outcome {
        let (loc, scale) = layer.pre_activation(&self.x.to_tensor())?;
        // A bias that is not normal is added as one sample: TFP's loc has it, ours gets it afterwards.
        let value = self.node.key("posterior_value")?;
        let loc = match self.recipe.bias {
            Bias::Deterministic | Bias::Laplace => loc + value.key("bias")?.tensor()?.to_tensor(),
            _ => loc,
        };
        let kernel =
            Recipe { bias: Bias::Dropped, posterior: self.recipe.posterior.clone(), ..self.recipe };
        let kernel: Local = kernel.build(Prior::SpikeAndSlab, Method::MonteCarlo)?;
        let (_, kernel_part) = kernel.pre_activation(&self.x.to_tensor())?;
        let tolerance = self.tolerance(1e-12, None)?;
        for (what, got) in [("loc", loc), ("scale", scale), ("kernel_part_scale", kernel_part)] {
            self.compare(what, &got, &self.node.key(what)?.tensor()?, tolerance, report)?;
        }
        Ok(())
    }

    fn posterior_value(&self, layer: &Local, key: &Key, report: &mut Report) -> Outcome {
        let value = layer.posterior_value_at(key)?;
        let recorded = self.node.key("posterior_value")?;
        for (index, part) in ["kernel", "bias"].into_iter().enumerate() {
            match (value.get(index), recorded.key(part)?.tensor_or_null()?) {
                (Some(got), Some(want)) => {
                    report.compare(part, got, &want, self.tolerance(1e-12, None)?)
                }
                (got, want) => report.same("posterior_value", got.is_some(), want.is_some()),
            }
        }
        Ok(())
    }

    fn output(&self, layer: &Local, key: &Key, report: &mut Report) -> Outcome {
        let x = self.x.to_variable("x")?;
        let y = layer.call_at(&x.tensor(), key)?;
        let loss = (&y * self.c.to_tensor()).sum();
        let tolerance = self.tolerance(1e-12, Some("loss"))?;
        self.compare("y", &y, &self.source("y")?.tensor()?, tolerance, report)?;
        self.compare("loss", &loss, &self.source("loss")?.tensor()?, tolerance, report)?;
        let finite = self.node.key("all_finite")?.flag()?;
        report.holds(!finite || y.all_finite()?, || "y is not finite".into());
        let mut want = gradients(&self.source("grad_loss")?)?;
        if self.name.starts_with("zero_row_kernel_only/") {
            self.mend(&mut want, layer, report)?;
        }
        let gradients = loss.gradients()?;
        let tolerance = self.tolerance(1e-11, Some("grad_loss"))?;
        for variable in [x].iter().chain(&layer.trainable_variables()) {
            let what = format!("grad_loss/{}", variable.name());
            let want = want.remove(variable.name()).ok_or_else(|| format!("no {what} recorded"))?;
            let want = want.unwrap_or_else(|| Gold::zeros(variable.shape(), self.x.kind));
            self.compare(&what, &gradients.of(variable), &want, tolerance, report)?;
        }
        report.same("gradients left over", want.len(), 0);
        Ok(())
    }

    /// At a scale of exactly zero TFP's gradients are NaN in the row of x and in the whole kernel scale. Ours
    /// are those without the noise of that row: of loc alone in x, of the other rows in the kernel scale.
    fn mend(
        &self,
        want: &mut BTreeMap<String, Option<Gold>>,
        layer: &Local,
        report: &mut Report,
    ) -> Outcome {
        let x = self.x.to_variable("x")?;
        let (loc, _) = layer.pre_activation(&x.tensor())?;
        let of_loc = (loc * self.c.to_tensor()).sum().gradients()?.of(&x).to_f64_vec()?;
        let width = self.recipe.sizes[0];
        let is_zero =
            |row: &usize| self.x.data[row * width..][..width].iter().all(|&entry| entry == 0.0);
        let rows: Vec<usize> = (0..self.x.shape[0]).filter(|row| !is_zero(row)).collect();
        report.same("rows of zeros", rows.len() + 1, self.x.shape[0]);
        let kept = |of: &Gold| of.to_tensor().gather(0, &rows);
        let mut noise = Noise::default();
        noise.push("output", kept(&self.eps));
        let y = layer.call_at(&kept(&self.x), &noise.key())?;
        let gradients = (y * kept(&self.c)).sum().gradients()?;
        for (name, want) in want.iter_mut().filter_map(|(name, want)| Some((name, want.as_mut()?)))
        {
            let ours =
                match layer.trainable_variables().iter().find(|variable| variable.name() == name) {
                    Some(variable) => gradients.of(variable).to_f64_vec()?,
                    None => of_loc.clone(),
                };
            let missing = want.data.iter().filter(|entry| entry.is_nan()).count();
            let expected = match name.as_str() {
                "x" => width,
                "posterior_kernel_scale" => want.data.len(),
                _ => 0,
            };
            report.same("entries that are NaN with TFP", missing, expected);
            want.data
                .iter_mut()
                .zip(ours)
                .filter(|(entry, _)| entry.is_nan())
                .for_each(|(entry, ours)| *entry = ours);
        }
        Ok(())
    }

    fn divergence(
        &self,
        name: &str,
        prior: Prior,
        method: Method,
        key: &Key,
        report: &mut Report,
    ) -> Outcome {
        let layer: Local = self.recipe.build(prior, method)?;
        let got = layer.losses_at(key);
        let error = self.node.key(name)?.key("error")?.text_or_null()?.is_some();
        let source = self.source(name)?;
        let Some(want) = source.key("value")?.tensor_or_null()? else {
            report.holds(error, || format!("{name}: neither value nor error recorded"));
            source.key("grad")?.informational("of a divergence that TFP has not");
            report.holds(has_no_rule(&got), || format!("{name}: {got:?}"));
            return Ok(());
        };
        let (value, slope) = if method == Method::Exact {
            ("kl_exact", "grad_kl_exact")
        } else {
            ("kl_mc", "grad_kl_mc")
        };
        let got = got?;
        self.compare(name, &got, &want, self.tolerance(1e-12, Some(value))?, report)?;
        let ours = got.gradients()?;
        let mut recorded = gradients(&source.key("grad")?)?;
        for variable in layer.trainable_variables() {
            let what = format!("{name}/grad/{}", variable.name());
            let want =
                recorded.remove(variable.name()).ok_or_else(|| format!("no {what} recorded"))?;
            let want = want.unwrap_or_else(|| Gold::zeros(variable.shape(), self.x.kind));
            self.compare(
                &what,
                &ours.of(&variable),
                &want,
                self.tolerance(1e-11, Some(slope))?,
                report,
            )?;
        }
        report.same("gradients left over", recorded.len(), 0);
        Ok(())
    }
}

fn gradients(node: &Node<'_>) -> Outcome<BTreeMap<String, Option<Gold>>> {
    node.entries()?.into_iter().map(|(name, node)| Ok((name, node.tensor_or_null()?))).collect()
}

fn has_no_rule(got: &tfn_layers::Result<Tensor>) -> bool {
    let root = got.as_ref().err().map(LayerError::root);
    matches!(root, Some(LayerError::Distribution(DistributionError::NoKlRule { .. })))
}
