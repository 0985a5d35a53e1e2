//! What the moments of all linear maps under normal weights share: biases, and the root of a variance.

use super::fused::pass;
use crate::dtype::Element;
use crate::error::Result;
use crate::kernels::{self, Accumulate};
use crate::tensor::{Tensor, VjpContext};

/// `loc += m_b`, row by row.
pub(super) fn add_rows<E: Element>(out: &mut [E], bias: &[E]) {
    let (size, columns) = ([out.len() / bias.len().max(1), bias.len()], [bias.len()]);
    kernels::broadcast(out, Accumulate::Add, bias, &columns, &size);
}

/// `scale = sqrt(var + s_b²)`, row by row.
pub(super) fn deviation<E: Element>(out: &mut [E], variance: &[E], bias: Option<&[E]>) {
    let Some(bias) = bias else {
        return kernels::map1(out, Accumulate::Set, variance, move |v| v.m_sqrt());
    };
    let (size, columns) = ([out.len() / bias.len().max(1), bias.len()], [bias.len()]);
    kernels::broadcast_map2(
        out,
        Accumulate::Set,
        variance,
        &size,
        bias,
        &columns,
        &size,
        |v, b| (v + b * b).m_sqrt(),
    );
}

/// Gradient of the variance from that of its root, `scale`; 0 where the root is 0, so that a row without
/// noise contributes nothing. Where the root is not finite there is none: NaN, so that a square
/// that overflowed, or a NaN, shows in the gradients of what was squared.
pub(super) fn variance_gradient<E: Element>(scale: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let half = <E as Element>::from_f64(0.5);
    pass::<E, 2>(
        [grad, scale],
        grad.shape()?,
        #[inline(always)]
        move |[g, s]| {
            if s == E::zero() {
                E::zero()
            } else if s.is_finite() {
                g * half / s
            } else {
                E::nan()
            }
        },
    )
}

/// Adds to the gradient of a bias's mean, which is input number `input`: `dm_b = Σ dloc`.
pub(super) fn bias_loc_gradient<E: Element>(
    ctx: &mut VjpContext<'_>,
    input: usize,
    grad: &Tensor,
    columns: usize,
) -> Result<()> {
    let g = grad.data::<E>()?;
    ctx.into::<E>(input, |out, acc| {
        let size = [g.len() / columns.max(1), columns];
        kernels::sum_axes(out, acc, g, &size, &[true, false]);
    })
}

/// Adds to the gradient of a bias's deviation, which is input number `input`: `ds_b = 2s_b Σ dvar`. `gradients` are
/// those of the root of the variance, and of the variance.
pub(super) fn bias_scale_gradient<E: Element>(
    ctx: &mut VjpContext<'_>,
    input: usize,
    bias_scale: &Tensor,
    scale: &Tensor,
    [grad_of_scale, grad]: [&Tensor; 2],
) -> Result<()> {
    if !ctx.needs(input) {
        return Ok(());
    }
    let (g, bias) = (grad.data::<E>()?, bias_scale.data::<E>()?);
    let size = [g.len() / bias.len().max(1), bias.len()];
    let mut outcome = Ok(());
    let total = Tensor::build::<E>(&[bias.len()], |out| {
        kernels::sum_axes(out, Accumulate::Set, g, &size, &[true, false]);
        if out.iter().any(|total| total.is_nan()) {
            outcome = total_for_bias(grad_of_scale, scale, out);
        }
    });
    outcome?;
    let total = total.data::<E>()?;
    ctx.into::<E>(input, |out, acc| {
        kernels::map2(out, acc, total, bias, move |t, b| (t + t) * b);
    })
}

/// `Σ dvar` over the rows for the bias alone: a variance that the squares of the input made
/// infinite does not move with the bias.
fn total_for_bias<E: Element>(grad: &Tensor, scale: &Tensor, total: &mut [E]) -> Result<()> {
    let (g, scale, columns) = (grad.data::<E>()?, scale.data::<E>()?, total.len());
    let half = <E as Element>::from_f64(0.5);
    total.fill(E::zero());
    for (index, (&g, &s)) in g.iter().zip(scale).enumerate().filter(|(_, (_, s))| !s.is_zero()) {
        total[index % columns] += g * half / s;
    }
    Ok(())
}
