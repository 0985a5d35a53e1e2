//! `tfp_npz/expected.json`: what layers compute that TFP saved, from the variables as recorded beside the files.

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
        let bytes =
            std::fs::read(&archive).map_err(|error| format!("{}: {error}", archive.display()))?;
        report.holds(bytes.starts_with(b"PK"), || format!("{file} is no archive"));
        report.waits("NumPy archives");
        let model = node.key("model")?.text()?;
        if model.starts_with("Convolution") && report.passes_over(&node, "Convolution") {
            continue;
        }
        report.record(&node, &file, |report| match model {
            "AffineVariationalReparameterizationLocal(5, 4)" => local(&node, report),
            "Sequential([Local(6,5,relu), Affine(5,4,tanh), Local(4,3)])" => {
                sequential(&node, report)
            }
            _ => Err(format!("unknown model {model}").into()),
        });
    }
    Ok(())
}

/// Gives the variables their recorded values, name by name in order.
fn load(variables: &[Variable], node: &Node<'_>, report: &mut Report) -> Outcome {
    let recorded = node.key("variables")?.items()?;
    report.same("variables", variables.len(), recorded.len());
    for (variable, pair) in variables.iter().zip(&recorded) {
        let [name, value] = &pair.items()?[..] else {
            return Err("no pair of name and value".into());
        };
        report.same("name", variable.name(), bare_name(name)?);
        variable.assign(&value.tensor()?.to_tensor())?;
    }
    Ok(())
}

fn compare(what: &str, got: &Tensor, node: &Node<'_>, report: &mut Report) -> Outcome {
    report.compare(what, got, &node.key(what)?.tensor()?, Tolerance::tensor(TOLERANCE).relative());
    Ok(())
}

fn local(node: &Node<'_>, report: &mut Report) -> Outcome {
    let layer = Local::builder(5, 4).dtype(DType::F32).build()?;
    load(&layer.variables(), node, report)?;
    let (loc, scale) = layer.pre_activation(&node.key("x")?.tensor()?.to_tensor())?;
    compare("loc", &loc, node, report)?;
    compare("scale", &scale, node, report)
}

fn sequential(node: &Node<'_>, report: &mut Report) -> Outcome {
    use std::sync::Arc;
    let first = Arc::new(Local::builder(6, 5).activation_fn(Tensor::relu).build()?);
    let middle = Arc::new(Affine::builder(5, 4).activation_fn(Tensor::tanh).build()?);
    let last = Arc::new(Local::builder(4, 3).build()?);
    let net = Sequential::of(first.clone()).then(middle.clone()).then(last.clone());
    load(&net.variables(), node, report)?;
    let (loc, scale) = first.pre_activation(&node.key("x")?.tensor()?.to_tensor())?;
    compare("loc_of_layer_0", &loc, node, report)?;
    compare("scale_of_layer_0", &scale, node, report)?;
    let hidden = middle.call(&loc.relu())?;
    compare("affine_of_relu_of_loc_0", &hidden, node, report)?;
    let (loc, scale) = last.pre_activation(&hidden)?;
    compare("loc_of_layer_2_on_that", &loc, node, report)?;
    compare("scale_of_layer_2_on_that", &scale, node, report)
}
