//! `tfp_npz/expected.json`: files that TFP saved, read into the same layers, and what these compute.

use std::path::Path;

use tfn::tensor::{Tensor, Variable};
use tfn::{
    Affine, AffineVariationalReparameterizationLocal as Local, DType, Layer, Module, Sequential,
};

use crate::compare::Tolerance;
use crate::files::folder;
use crate::json::{Node, Outcome};
use crate::module::bare_name;
use crate::report::Report;

/// Relative to the largest entry.
const TOLERANCE: f64 = 1e-5;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("how the files were saved");
    for (file, node) in root.key("files")?.entries()? {
        let archive = folder().join("tfp_npz").join(&file);
        let model = node.key("model")?.text()?;
        if model.starts_with("Convolution") && report.passes_over(&node, "Convolution") {
            report.record(&node, &file, |report| {
                load(&Variables::named_in(&node)?, &archive, &node, report)
            });
            continue;
        }
        report.record(&node, &file, |report| match model {
            "AffineVariationalReparameterizationLocal(5, 4)" => local(&archive, &node, report),
            "Sequential([Local(6,5,relu), Affine(5,4,tanh), Local(4,3)])" => {
                sequential(&archive, &node, report)
            }
            _ => Err(format!("unknown model {model}").into()),
        });
    }
    Ok(())
}

/// Variables of the recorded names and shapes, without the layer that has them.
#[derive(Module)]
struct Variables {
    list: Vec<Variable>,
}

impl Variables {
    fn named_in(node: &Node<'_>) -> Outcome<Self> {
        let mut list = Vec::new();
        for pair in node.key("variables")?.items()? {
            let [name, value] = &pair.items()?[..] else {
                return Err("no pair of name and value".into());
            };
            let value = value.tensor()?.to_tensor();
            let zeros = Tensor::zeros(value.shape()?, value.dtype()?);
            list.push(Variable::new(bare_name(name)?, zeros)?);
        }
        Ok(Self { list })
    }
}

/// Reads TFP's file, writes it and reads that: each time the variables have the recorded values.
fn load(module: &dyn Module, archive: &Path, node: &Node<'_>, report: &mut Report) -> Outcome {
    tfn::load_npz(module, archive)?;
    recorded(&module.variables(), node, report)?;
    let folder = tempfile::tempdir()?;
    let written = folder.path().join("written.npz");
    tfn::save_npz(module, &written)?;
    for variable in module.variables() {
        variable.assign(&Tensor::zeros(variable.shape(), variable.dtype()))?;
    }
    tfn::load_npz(module, &written)?;
    recorded(&module.variables(), node, report)
}

/// The variables have the recorded names and, to the last bit, the recorded values.
fn recorded(variables: &[Variable], node: &Node<'_>, report: &mut Report) -> Outcome {
    let recorded = node.key("variables")?.items()?;
    report.same("variables", variables.len(), recorded.len());
    for (variable, pair) in variables.iter().zip(&recorded) {
        let [name, value] = &pair.items()?[..] else {
            return Err("no pair of name and value".into());
        };
        let name = bare_name(name)?;
        report.same("name", variable.name(), name);
        report.compare(name, &variable.value(), &value.tensor()?, Tolerance::entry(0.0));
    }
    Ok(())
}

fn compare(what: &str, got: &Tensor, node: &Node<'_>, report: &mut Report) -> Outcome {
    report.compare(what, got, &node.key(what)?.tensor()?, Tolerance::tensor(TOLERANCE).relative());
    Ok(())
}

fn local(archive: &Path, node: &Node<'_>, report: &mut Report) -> Outcome {
    let layer = Local::builder(5, 4).dtype(DType::F32).build()?;
    load(&layer, archive, node, report)?;
    let (loc, scale) = layer.pre_activation(&node.key("x")?.tensor()?.to_tensor())?;
    compare("loc", &loc, node, report)?;
    compare("scale", &scale, node, report)
}

fn sequential(archive: &Path, node: &Node<'_>, report: &mut Report) -> Outcome {
    use std::sync::Arc;
    let first = Arc::new(Local::builder(6, 5).activation_fn(Tensor::relu).build()?);
    let middle = Arc::new(Affine::builder(5, 4).activation_fn(Tensor::tanh).build()?);
    let last = Arc::new(Local::builder(4, 3).build()?);
    let net = Sequential::of(first.clone()).then(middle.clone()).then(last.clone());
    load(&net, archive, node, report)?;
    let (loc, scale) = first.pre_activation(&node.key("x")?.tensor()?.to_tensor())?;
    compare("loc_of_layer_0", &loc, node, report)?;
    compare("scale_of_layer_0", &scale, node, report)?;
    let hidden = middle.call(&loc.relu())?;
    compare("affine_of_relu_of_loc_0", &hidden, node, report)?;
    let (loc, scale) = last.pre_activation(&hidden)?;
    compare("loc_of_layer_2_on_that", &loc, node, report)?;
    compare("scale_of_layer_2_on_that", &scale, node, report)
}
