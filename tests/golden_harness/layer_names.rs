//! `module.json`: names, variables, slices and the summary of layers and of sequences of them.

use std::sync::Arc;

use tfn::module::{Module, Variable};
use tfn::tensor::Tensor;
use tfn::{
    AffineVariationalReparameterizationLocal as Local, DType, Lambda, Layer, LayerError, Sequential,
};

use crate::json::{Node, Outcome};
use crate::module::bare;
use crate::report::Report;

/// A variable that no layer holds.
#[derive(Module)]
struct Extra {
    extra: Variable,
}

fn names(variables: &[Variable]) -> Vec<&str> {
    variables.iter().map(Variable::name).collect()
}

pub(crate) fn check(node: &Node<'_>, report: &mut Report) -> Outcome {
    let local = Arc::new(Local::new(3, 4)?);
    let head = Arc::new(Local::builder(4, 2).name("head").build()?);
    let relu = Arc::new(Lambda::new("relu", Tensor::relu)?);
    let net = Sequential::of(local.clone()).then(relu.clone()).then(head.clone());
    let inner = Sequential::of(head.clone()).then(relu.clone()).named("inner")?;
    let nested = Sequential::of(local.clone()).then(inner);
    let shared = Sequential::from_layers([
        local.clone() as Arc<dyn Layer>,
        relu,
        head.clone(),
        local.clone(),
    ])?;
    let slice = net.slice(0..2)?;
    let extra = Variable::new("extra", Tensor::zeros(&[], DType::F32))?;
    let tracking = Sequential::of(local.clone()).also_track(Extra { extra });
    for (key, node) in node.entries()? {
        match key.as_str() {
            "local_default_name" => report.same(&key, local.name().as_str(), node.text()?),
            "local_scope" => report.same(&key, local.name_scope().name(), node.text()?),
            "local_repr" => report.same(&key, format!("{local:?}").as_str(), node.text()?),
            "sequential_name" => report.same(&key, net.name().as_str(), node.text()?),
            "sequential_variables" => report.same(&key, names(&net.variables()), bare(&node)?),
            "sequential_trainable" => {
                report.same(&key, net.trainable_variables().len(), node.size()?)
            }
            "sequential_shared_variables" => {
                report.same(&key, names(&shared.variables()), bare(&node)?)
            }
            "sequential_shared_is_deduplicated" => {
                report.same(
                    &key,
                    shared.variables() == [local.variables(), head.variables()].concat(),
                    node.flag()?,
                );
            }
            "nested_name" => report.same(&key, nested.name().as_str(), node.text()?),
            "nested_variables" => report.same(&key, names(&nested.variables()), bare(&node)?),
            "slice_name" => report.same(&key, slice.name().as_str(), node.text()?),
            "slice_variables" => report.same(&key, names(&slice.variables()), bare(&node)?),
            "slice_shares_variables" => {
                report.same(&key, slice.variables() == local.variables(), node.flag()?)
            }
            "also_track_variables" => report.same(&key, names(&tracking.variables()), bare(&node)?),
            "empty_sequential_error" => {
                let refused = matches!(Sequential::from_layers([]), Err(LayerError::NoLayers));
                report.same(&key, refused, node.text_or_null()?.is_some());
            }
            "summary" => summary(&local, &node, report)?,
            "submodule_types" => {
                node.informational("TFP's inner classes; the order is that of the records")
            }
            _ => return Err(format!("unknown key {}", node.path()).into()),
        }
    }
    Ok(())
}

/// The table, in whose last column TensorFlow's names have a `:0` and two spaces less.
fn summary(local: &Local, node: &Node<'_>, report: &mut Report) -> Outcome {
    let ours = local.summary();
    let theirs: Vec<String> = node
        .texts()?
        .into_iter()
        .map(|line| {
            let bare = line.replacen(":0", "", 1);
            if bare == line { bare } else { bare + "  " }
        })
        .collect();
    report.same("summary", ours.lines().map(str::to_owned).collect(), theirs);
    Ok(())
}
