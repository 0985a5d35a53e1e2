//! `local_layer.json`: what the local layer refuses, and how it behaves.

use std::sync::Arc;

use tfn::distributions::{
    Distribution, DistributionError, Independent, JointDistributionSequential, Laplace,
    MultivariateNormalDiag, Normal,
};
use tfn::tensor::{Tensor, TensorError};
use tfn::util::{
    KernelBias, KernelBiasSpec, UtilError, make_kernel_bias_posterior_mvn_diag,
    unpack_kernel_and_bias,
};
use tfn::{
    AffineVariationalReparameterizationLocal as Local, DType, Layer, LayerError, Module,
    Sequential, VariationalLayer, losses,
};

use crate::json::{Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: &Node<'_>, report: &mut Report) -> Outcome {
    for node in root.key("errors")?.items()? {
        let what = node.key("what")?.text()?;
        report.record(&node, what, |report| error(&node, what, report));
    }
    let node = root.key("facts")?;
    report.record(&node, "facts", |report| facts(&node, report));
    Ok(())
}

/// What ours does where TFP's behaviour was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Works,
    Refuses,
}

fn error(node: &Node<'_>, what: &str, report: &mut Report) -> Outcome {
    let refused_by_tfp = node.key("error")?.text_or_null()?.is_some();
    node.key("message")?.informational("the message of TFP's exception");
    let (ours, holds) = attempt(what)?;
    report.holds(holds, || format!("ours was expected to be one that {ours:?}"));
    report.holds(refused_by_tfp || ours == Ours::Works, || "TFP works, ours refuses".into());
    Ok(())
}

/// Whether ours works or refuses as it says, by the recorded name of what was tried.
fn attempt(what: &str) -> Outcome<(Ours, bool)> {
    let x = |shape: &[usize], dtype| Tensor::ones(shape, dtype);
    let narrow = || Local::new(3, 2);
    let wide = || Local::builder(3, 2).dtype(DType::F64).build();
    let refuses = |holds| Ok((Ours::Refuses, holds));
    let works = |holds| Ok((Ours::Works, holds));
    match what {
        // TFP's factories make f32 constants; ours follow `dtype`.
        "float64 with the default posterior" => {
            works(wide()?.call(&x(&[4, 3], DType::F64))?.all_finite()?)
        }
        "float64 default prior log_prob" => {
            let layer = wide()?;
            layer.call(&x(&[4, 3], DType::F64))?;
            works(layer.losses()?.all_finite()?)
        }
        "rank-1 input" => refuses(is_shape(&narrow()?.call(&x(&[3], DType::F32)))),
        "wrong inner size" => refuses(is_shape(&narrow()?.call(&x(&[2, 4], DType::F32)))),
        "float64 tensor into float32 layer" => {
            let error = narrow()?.call(&x(&[2, 3], DType::F64)).err();
            let root = error.as_ref().map(LayerError::root);
            refuses(matches!(root, Some(LayerError::Tensor(TensorError::DTypes { .. }))))
        }
        // Plain numbers take the type that is asked for; whole numbers too, as no tensor holds such.
        "float64 numpy array into float32 layer" => {
            let input = Tensor::from_f64(&[0.5; 6], &[2, 3], DType::F32);
            works(narrow()?.call(&input)?.all_finite()?)
        }
        "int tensor into float32 layer" => {
            let numbers = [1_i32; 6].map(f64::from);
            works(narrow()?.call(&Tensor::from_f64(&numbers, &[2, 3], DType::F32))?.all_finite()?)
        }
        // Elementwise normal, by whatever name: ours takes it.
        "MultivariateNormalDiag kernel" => {
            works(runs(&with_posterior(|| Ok((diagonal(&[3, 2])?, normal(&[2], 1)?)))?)?)
        }
        "MultivariateNormalDiag bias" => {
            works(runs(&with_posterior(|| Ok((normal(&[3, 2], 2)?, diagonal(&[2])?)))?)?)
        }
        "Laplace kernel" => {
            let made = with_posterior(|| {
                let base = Laplace::new(Tensor::zeros(&[3, 2], DType::F32), 1.0_f32)?;
                Ok((Arc::new(Independent::new(base, 2)?), normal(&[2], 1)?))
            });
            refuses(matches!(made, Err(LayerError::Kernel { .. })))
        }
        "kernel-only posterior, two-part prior (constructor)" => {
            let made = Local::builder(3, 2)
                .make_posterior_fn(|_: &KernelBiasSpec| parts(&[normal(&[3, 2], 2)?]))
                .build();
            refuses(matches!(made, Err(LayerError::Structure { .. })))
        }
        // A single part is a kernel without a bias.
        "kernel-only, default unpack" => works(runs(&kernel_only().build()?)?),
        "kernel-only, unpack (w[0], None)" => {
            let unpack =
                |_: &[Option<&str>]| Ok::<_, UtilError>(KernelBias { kernel: 0, bias: None });
            works(runs(&kernel_only().unpack_weights_fn(unpack).build()?)?)
        }
        "three-part posterior, default unpack" => {
            let three = || parts(&[normal(&[3, 2], 2)?, normal(&[2], 1)?, normal(&[2], 1)?]);
            let layer = Local::builder(3, 2).make_posterior_fn(move |_: &KernelBiasSpec| three());
            let made = layer.make_prior_fn(move |_: &KernelBiasSpec| three()).build();
            refuses(matches!(made, Err(LayerError::Util(UtilError::Parts { .. }))))
        }
        "exact KL against the default prior" => {
            let layer = Local::builder(3, 2).divergence(losses::kl_divergence_exact).build()?;
            layer.call(&x(&[4, 3], DType::F32))?;
            let error = layer.losses().err();
            let root = error.as_ref().map(LayerError::root);
            refuses(matches!(
                root,
                Some(LayerError::Distribution(DistributionError::NoKlRule { .. }))
            ))
        }
        "MC KL before the first call (posterior_value None)" => {
            refuses(narrow()?.losses().is_err_and(|error| is_not_called(&error)))
        }
        "unpack_kernel_and_bias of an empty tuple" => {
            refuses(matches!(unpack_kernel_and_bias(&[]), Err(UtilError::Parts { .. })))
        }
        "Sequential([])" => {
            refuses(matches!(Sequential::from_layers([]), Err(LayerError::NoLayers)))
        }
        // TFP's documentation speaks of it and its code lacks it; ours is `losses`.
        "layer.extra_loss" => {
            let layer = narrow()?;
            layer.call(&x(&[4, 3], DType::F32))?;
            works(layer.losses()?.all_finite()?)
        }
        _ => Err("not among the attempts of this test".into()),
    }
}

fn is_shape<T>(result: &Result<T, LayerError>) -> bool {
    result.as_ref().is_err_and(|error| matches!(error.root(), LayerError::Input { .. }))
}

fn is_not_called(error: &LayerError) -> bool {
    matches!(error.root(), LayerError::NotCalled { .. })
}

type Part = Arc<dyn Distribution>;
type Made<T> = Result<T, DistributionError>;

fn parts(parts: &[Part]) -> Made<JointDistributionSequential> {
    JointDistributionSequential::new(parts.iter().cloned())
}

fn normal(shape: &[usize], ndims: usize) -> Made<Part> {
    Ok(Arc::new(Independent::new(Normal::new(Tensor::zeros(shape, DType::F32), 0.5_f32)?, ndims)?))
}

fn diagonal(shape: &[usize]) -> Made<Part> {
    let (zeros, ones) = (Tensor::zeros(shape, DType::F32), Tensor::ones(shape, DType::F32));
    Ok(Arc::new(MultivariateNormalDiag::new(zeros, ones)?))
}

fn with_posterior(make: fn() -> Made<(Part, Part)>) -> Result<Local, LayerError> {
    let posterior = move |_: &KernelBiasSpec| {
        let (kernel, bias) = make()?;
        parts(&[kernel, bias])
    };
    Local::builder(3, 2).make_posterior_fn(posterior).build()
}

fn kernel_only() -> tfn_layers::Builder<tfn_layers::Dense, tfn_layers::Local> {
    let one = |_: &KernelBiasSpec| parts(&[normal(&[3, 2], 2)?]);
    Local::builder(3, 2).make_posterior_fn(one).make_prior_fn(one)
}

fn runs(layer: &Local) -> Outcome<bool> {
    Ok(layer.call(&Tensor::ones(&[4, 3], DType::F32))?.shape()? == [4, 2])
}

fn facts(node: &Node<'_>, report: &mut Report) -> Outcome {
    let x = Tensor::ones(&[2, 3], DType::F32);
    let build = || {
        Local::builder(3, 2).make_posterior_fn(make_kernel_bias_posterior_mvn_diag).seed(5).build()
    };
    let (layer, twin) = (build()?, build()?);
    let mut calls = Vec::new();
    for layer in [&layer, &layer, &twin, &twin] {
        calls.push(layer.call(&x)?.to_vec::<f32>()?);
    }
    let unpacked = |names: &[Option<&str>]| -> Outcome<Vec<&str>> {
        let KernelBias { kernel, bias } = unpack_kernel_and_bias(names)?;
        let letter = |index: usize| if names[index] == Some("kernel") { "K" } else { "B" };
        Ok(vec![letter(kernel), bias.map_or("None", letter)])
    };
    for (name, node) in node.entries()? {
        match name.as_str() {
            "successive_calls_differ" => report.same(&name, calls[0] != calls[1], node.flag()?),
            "same_seed_same_global_seed_repeat" => {
                report.same(&name, calls[..2] == calls[2..], node.flag()?)
            }
            "rows_with_equal_input_get_different_noise" => {
                report.same(&name, calls[0][..2] != calls[0][2..], node.flag()?);
            }
            "posterior_value_before_call" => {
                let nothing = build()?.posterior_value().is_err_and(|error| is_not_called(&error));
                report.same(&name, nothing, node.is_null());
            }
            "default_name" => report.same(&name, layer.name().as_str(), node.text()?),
            "unpack_mapping" => {
                report.same(&name, unpacked(&[Some("bias"), Some("kernel")])?, node.texts()?);
            }
            "unpack_mapping_missing_bias" => {
                report.same(&name, unpacked(&[Some("kernel")])?, node.texts()?)
            }
            // Not so with us: a list of one element is a kernel without a bias.
            "unpack_one_element_list_returns_the_list" => {
                let ours = unpack_kernel_and_bias(&[None])?;
                report.same(&name, ours == KernelBias { kernel: 0, bias: None }, node.flag()?);
            }
            _ => return Err("unknown fact".into()),
        }
    }
    Ok(())
}
