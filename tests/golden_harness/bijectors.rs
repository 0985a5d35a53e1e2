//! `bijectors.json`: functions, inverses, log-determinants and their gradients.

use std::sync::Arc;

use tfn::bijectors::{
    Bijector, Chain, Exp, Scale, Shift, Sigmoid, SoftmaxCentered, Softplus, Tanh,
};
use tfn::tensor::{DType, Tensor, Variable};

use crate::compare::Tolerance;
use crate::json::{Gold, Node, Outcome};
use crate::report::Report;

pub(crate) fn check(root: Node<'_>, report: &mut Report) -> Outcome {
    root.key("meta")?.informational("versions and seed of the recording");
    for node in root.key("records")?.items()? {
        let (name, kind) = (node.key("name")?.text()?, node.key("bijector")?.text()?);
        report.record(&node, name, |report| record(&node, kind, report));
    }
    Ok(())
}

/// A bijector by its name; `None` for one that does not exist here.
fn build(kind: &str, node: &Node<'_>, dtype: DType) -> Outcome<Option<Arc<dyn Bijector>>> {
    let number = |key: &str| -> Outcome<Tensor> {
        Ok(Tensor::scalar_of(node.key("params")?.key(key)?.number()?, dtype))
    };
    Ok(Some(match kind {
        "Softplus" => Arc::new(Softplus::new()),
        "Exp" => Arc::new(Exp::new()),
        "Sigmoid" => Arc::new(Sigmoid::new()),
        "SoftmaxCentered" => Arc::new(SoftmaxCentered::new()),
        "Tanh" => Arc::new(Tanh::new()),
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
    let event_ndims = bijector.forward_min_event_ndims();
    report.same("event_ndims", event_ndims, node.key("event_ndims")?.size()?);
    node.key("fldj_native_shape")?.informational("ours have the shape of the input");
    let tolerance = Tolerance::entry(if x.dtype() == DType::F64 { 1e-12 } else { 2e-6 });
    let events = x.shape[..x.shape.len() - event_ndims].iter().product();
    let all = Function { report, node, kind, tolerance, events };
    all.compare(
        &x,
        [
            ("forward", "grad_forward", &|x| bijector.forward(x)),
            ("forward_log_det_jacobian", "grad_fldj", &|x| bijector.forward_log_det_jacobian(x)),
        ],
        |_| false,
    )?;
    let events = y.shape[..y.shape.len() - event_ndims].iter().product();
    let all = Function { report, node, kind, tolerance, events };
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
    match kind {
        "Chain_Shift1e-5_Softplus" => y > 1e-5 && y < 1.2e-5,
        "Sigmoid" => y > 1.0 - 1e-11 && y < 1.0,
        "Tanh" => y.abs() > 1.0 - 1e-11 && y.abs() < 1.0,
        _ => false,
    }
}

type Quantity<'q> = (&'q str, &'q str, &'q dyn Fn(&Tensor) -> Tensor);

struct Function<'r, 'd> {
    report: &'r mut Report,
    node: &'r Node<'d>,
    kind: &'r str,
    tolerance: Tolerance,
    events: usize,
}

impl Function<'_, '_> {
    /// Each quantity at `at`, and the gradient of its sum: with weights, if they are recorded.
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
            let weights = self.node.optional(&format!("{gradient}_weights"));
            let weighed = match weights {
                Some(weights) => &got * weights.tensor()?.to_tensor(),
                None => got.clone(),
            };
            let slope = weighed.sum().gradients()?.of(&variable);
            let want = self.node.key(name)?.tensor()?;
            // Where the function has no value it has no gradient; no gradient recorded is one of zero.
            let flat = || Gold::zeros(&at.shape, at.kind);
            let want_slope = self.node.key(gradient)?.tensor_or_null()?.unwrap_or_else(flat);
            let of_event = |gold: &Gold, i: usize| i * self.events / gold.data.len();
            let any = |gold: &Gold, event: usize, holds: &dyn Fn(f64) -> bool| {
                let mut entries = gold.data.iter().enumerate();
                entries.any(|(i, &entry)| of_event(gold, i) == event && holds(entry))
            };
            for (name, got, gold, is_slope) in
                [(name, got, &want, false), (gradient, slope, &want_slope, true)]
            {
                let entries = got.to_f64_vec()?;
                let is_ill = |i: usize| any(at, of_event(gold, i), &ill);
                let exists = |i: usize| !is_slope || !any(&want, of_event(gold, i), &f64::is_nan);
                let finite =
                    |i: usize| wide || (entries[i].is_finite() && gold.data[i].is_finite());
                let counts = |i: usize| exists(i) && (!is_ill(i) || finite(i));
                let extra = |i: usize| if is_ill(i) { loose * gold.data[i].abs() } else { 0.0 };
                self.report.compare_where(name, &got, gold, self.tolerance, counts, extra);
            }
        }
        Ok(())
    }
}
