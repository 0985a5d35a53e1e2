//! `bijectors.json`: functions, inverses, log-determinants and their gradients.

use std::sync::Arc;

use tfn::bijectors::{Bijector, Chain, Exp, Scale, Shift, Softplus};
use tfn::tensor::{DType, Tensor, Variable};

use crate::compare::Tolerance;
use crate::json::{Gold, Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let (name, kind) = (node.key("name")?.text()?, node.key("bijector")?.text()?);
        if build(kind, &node, DType::F64)?.is_none() && report.passes_over(&node, kind) {
            continue;
        }
        report.record(&node, name, |report| record(&node, kind, report));
    }
    Ok(())
}

/// A bijector by its name; `None` for one that does not exist here.
fn build(kind: &str, node: &Node<'_>, dtype: DType) -> Outcome<Option<Arc<dyn Bijector>>> {
    let number = |key: &str| -> Outcome<Tensor> {
        Ok(Tensor::full(&[], node.key("params")?.key(key)?.number()?, dtype))
    };
    Ok(Some(match kind {
        "Softplus" => Arc::new(Softplus::new()),
        "Exp" => Arc::new(Exp::new()),
        "Shift" => Arc::new(Shift::new(number("shift")?)?),
        "Scale" | "Scale_negative" => Arc::new(Scale::new(number("scale")?)?),
        "Chain_Shift1e-5_Softplus" => {
            Arc::new(Chain::new([Shift::new(number("shift")?)?.into(), Softplus::new().into()]))
        }
        _ => return Ok(None),
    }))
}

fn record(node: &Node<'_>, kind: &str, report: &mut Report) -> Outcome {
    let (x, y) = (node.key("x")?.tensor()?, node.key("y")?.tensor()?);
    let bijector =
        build(kind, node, x.dtype())?.ok_or_else(|| format!("unknown bijector {kind}"))?;
    node.key("params")?.entries()?;
    report.same("event_ndims", 0, node.key("event_ndims")?.size()?);
    node.key("fldj_native_shape")?.informational("ours have the shape of the input");
    let tolerance = Tolerance::entry(if x.dtype() == DType::F64 { 1e-12 } else { 2e-6 });
    let all = Function { report, node, kind, tolerance };
    all.compare(
        &x,
        [
            ("forward", "grad_forward", &|x| bijector.forward(x)),
            ("forward_log_det_jacobian", "grad_fldj", &|x| bijector.forward_log_det_jacobian(x)),
        ],
        |_| false,
    )?;
    let all = Function { report, node, kind, tolerance };
    all.compare(
        &y,
        [
            ("inverse", "grad_inverse", &|y| bijector.inverse(y)),
            ("inverse_log_det_jacobian", "grad_ildj", &|y| bijector.inverse_log_det_jacobian(y)),
        ],
        |y| near_edge(kind, y),
    )
}

/// Where the inverse is ill conditioned.
fn near_edge(kind: &str, y: f64) -> bool {
    kind == "Chain_Shift1e-5_Softplus" && y > 1e-5 && y < 1.2e-5
}

type Quantity<'q> = (&'q str, &'q str, &'q dyn Fn(&Tensor) -> Tensor);

struct Function<'r, 'd> {
    report: &'r mut Report,
    node: &'r Node<'d>,
    kind: &'r str,
    tolerance: Tolerance,
}

impl Function<'_, '_> {
    /// Each quantity at `at`, and the gradient of its sum.
    fn compare(
        self,
        at: &Gold,
        quantities: [Quantity<'_>; 2],
        ill: impl Fn(f64) -> bool,
    ) -> Outcome {
        let wide = at.dtype() == DType::F64;
        // Of ill-conditioned entries, and in f32 only if both are finite.
        let loose = if wide { 1e-6 } else { 1e-2 };
        for (name, gradient, function) in quantities {
            let variable: Variable = at.to_variable(self.kind)?;
            let got = function(&variable.tensor());
            let slope = got.sum().gradients()?.of(&variable);
            let want = self.node.key(name)?.tensor()?;
            // Where the function has no value it has no gradient; no gradient recorded is one of zero.
            let defined: Vec<bool> = want.data.iter().map(|value| !value.is_nan()).collect();
            let flat = || Gold::zeros(&at.shape, at.kind);
            let want_slope = self.node.key(gradient)?.tensor_or_null()?.unwrap_or_else(flat);
            for (name, got, want, exists) in [
                (name, got, &want, &vec![true; defined.len()]),
                (gradient, slope, &want_slope, &defined),
            ] {
                let entries = got.to_f64_vec()?;
                let finite =
                    |i: usize| wide || (entries[i].is_finite() && want.data[i].is_finite());
                let counts = |i: usize| exists[i] && (!ill(at.data[i]) || finite(i));
                let extra = |i: usize| {
                    if ill(at.data[i]) { loose * want.data[i].abs() } else { 0.0 }
                };
                self.report.compare_where(name, &got, want, self.tolerance, counts, extra);
            }
        }
        Ok(())
    }
}
