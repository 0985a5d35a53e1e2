//! `tfp_npz/expected.json`: files that TFP saved, read into the same layers, and what these compute.

use std::path::Path;
use std::sync::Arc;

use tfn::layers::{Conv, ConvMap, ConvTranspose, ConvV2, KernelBiasLayer};
use tfn::tensor::{Tensor, Variable};
use tfn::util::Padding;
use tfn::{Affine, AffineVariationalReparameterizationLocal as Local, Layer, Module, Sequential};

use crate::bayesian;
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
        report.record(&node, &file, |report| match model.starts_with("Convolution") {
            true => convolution(model, &archive, &node, report),
            false => net(model, &archive, &node, report),
        });
    }
    Ok(())
}

/// A convolution without uncertainty: `Convolution(2, 3, filter_shape=3, padding='same')`.
fn convolution(model: &str, archive: &Path, node: &Node<'_>, report: &mut Report) -> Outcome {
    let wrong = || format!("unknown layer {model}");
    let (class, rest) = model.split_once('(').ok_or_else(wrong)?;
    let rest = rest.trim_end_matches(')');
    let layer: Arc<dyn Layer> = match class {
        "Convolution" => plain::<Conv>(rest)?,
        "ConvolutionV2" => plain::<ConvV2>(rest)?,
        "ConvolutionTranspose" => plain::<ConvTranspose>(rest)?,
        _ => return Err(wrong().into()),
    };
    load(layer.as_ref(), archive, node, report)?;
    let y = layer.call(&node.key("x")?.tensor()?.to_tensor())?;
    compare("y", &y, node, report)
}

/// The layer with the arguments of a call in Python: two sizes, then names with a number or a word each.
fn plain<M: ConvMap + Clone>(arguments: &str) -> Outcome<Arc<dyn Layer>> {
    let wrong = || format!("unknown arguments {arguments}");
    let all: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let [input_size, output_size, named @ ..] = all.as_slice() else {
        return Err(wrong().into());
    };
    let named: Vec<(&str, &str)> = named
        .iter()
        .map(|pair| pair.split_once('=').ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let filter = named.iter().find(|(name, _)| *name == "filter_shape").ok_or_else(wrong)?.1;
    let (input_size, output_size) = (input_size.parse()?, output_size.parse()?);
    let mut builder =
        KernelBiasLayer::<M>::builder(input_size, output_size, filter.parse::<usize>()?);
    for (name, value) in named {
        builder = match (name, value.trim_matches(|c| c == '\'' || c == '"')) {
            ("filter_shape", _) => builder,
            ("rank", number) => builder.rank(number.parse()?),
            ("strides", number) => builder.strides(number.parse::<usize>()?),
            ("dilations", number) => builder.dilations(number.parse::<usize>()?),
            ("padding", word) if word.eq_ignore_ascii_case("same") => {
                builder.padding(Padding::Same)
            }
            ("padding", word) if word.eq_ignore_ascii_case("valid") => {
                builder.padding(Padding::Valid)
            }
            _ => return Err(wrong().into()),
        };
    }
    Ok(Arc::new(builder.build()?))
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

/// One layer of a recorded net, `Local(6,5,relu)`.
enum Part {
    Local(Arc<Local>, fn(&Tensor) -> Tensor),
    Affine(Arc<Affine>),
}

impl Part {
    fn read(text: &str) -> Outcome<Self> {
        let wrong = || format!("unknown layer {text}");
        let (class, rest) = text.trim().split_once('(').ok_or_else(wrong)?;
        let arguments: Vec<&str> = rest.trim_end_matches(')').split(',').map(str::trim).collect();
        let [inputs, outputs, activation @ ..] = arguments.as_slice() else {
            return Err(wrong().into());
        };
        let activation = bayesian::activation(activation.first().copied().unwrap_or("none"))?;
        let (inputs, outputs) = (inputs.parse()?, outputs.parse()?);
        Ok(match class {
            "Local" | "AffineVariationalReparameterizationLocal" => {
                let layer = Local::builder(inputs, outputs).activation_fn(activation).build()?;
                Self::Local(Arc::new(layer), activation)
            }
            "Affine" => {
                let layer = Affine::builder(inputs, outputs).activation_fn(activation).build()?;
                Self::Affine(Arc::new(layer))
            }
            _ => return Err(wrong().into()),
        })
    }

    fn layer(&self) -> Arc<dyn Layer> {
        match self {
            Self::Local(layer, _) => layer.clone(),
            Self::Affine(layer) => layer.clone(),
        }
    }
}

/// A layer, or a sequence of layers: what each computes of the mean of the one before it.
fn net(model: &str, archive: &Path, node: &Node<'_>, report: &mut Report) -> Outcome {
    let list = model.strip_prefix("Sequential([").and_then(|list| list.strip_suffix("])"));
    let texts: Vec<String> = match list {
        Some(list) => {
            list.split("),").map(|text| format!("{})", text.trim_end_matches(')'))).collect()
        }
        None => vec![model.to_owned()],
    };
    let parts = texts.iter().map(|text| Part::read(text)).collect::<Outcome<Vec<_>>>()?;
    match (list, parts.as_slice()) {
        (None, [one]) => load(one.layer().as_ref(), archive, node, report)?,
        _ => {
            let net = Sequential::from_layers(parts.iter().map(Part::layer))?;
            load(&net, archive, node, report)?;
        }
    }
    let mut x = node.key("x")?.tensor()?.to_tensor();
    for (i, part) in parts.iter().enumerate() {
        let key = |what: &str| -> Outcome<String> {
            let start =
                if list.is_some() { format!("{what}_of_layer_{i}") } else { what.to_owned() };
            let start = if what == "affine" { "affine_of_".to_owned() } else { start };
            let entries = node.entries()?;
            let mut keys = entries.iter().map(|(key, _)| key.as_str());
            let found = keys.find(|key| key.starts_with(&start));
            Ok(found.ok_or_else(|| format!("nothing recorded under {start}"))?.to_owned())
        };
        x = match part {
            Part::Local(layer, activation) => {
                let (loc, scale) = layer.pre_activation(&x)?;
                compare(&key("loc")?, &loc, node, report)?;
                compare(&key("scale")?, &scale, node, report)?;
                activation(&loc)
            }
            Part::Affine(layer) => {
                let y = layer.call(&x)?;
                compare(&key("affine")?, &y, node, report)?;
                y
            }
        };
    }
    Ok(())
}
