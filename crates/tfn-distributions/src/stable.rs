//! Differences that would cancel if they were formed as they are written.

use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use crate::masking::{branch, constant, only_where};

/// `ln(1 − exp(−exp(w)))`, in both tails.
pub(crate) fn log1m_exp_exp(w: &Tensor) -> Tensor {
    // Below, exp(−exp(w)) is 1 − exp(w) to the last digit.
    let is_left = w.lt(&constant(-40.0, w));
    branch(&is_left, w, (-40.0, Tensor::clone), (0.0, |w| log1m_exp(&w.exp())))
}

/// `ln(1 − exp(−t))` for `t` of at least 0.
pub(crate) fn log1m_exp(t: &Tensor) -> Tensor {
    let is_small = t.lt(&constant(std::f64::consts::LN_2, t));
    let small = |t: &Tensor| (-(-t).expm1()).ln();
    branch(&is_small, t, (0.5, small), (1.0, |t| (-(-t).exp()).log1p()))
}

/// `ln(p/(1 − p))`, with all digits near ½.
pub(crate) fn logit(p: &Tensor) -> Tensor {
    const LOGIT: Pointwise<1> = Pointwise {
        name: "logit",
        value: |[p]| {
            if (p - 0.5).abs() < 0.25 {
                ((2.0 * p - 1.0) / (1.0 - p)).ln_1p()
            } else {
                p.ln() - (-p).ln_1p()
            }
        },
        partials: [|[p], _| 1.0 / (p * (1.0 - p))],
    };
    pointwise(LOGIT, [p])
}

/// `f` of numbers of one type, computed in `f64`.
pub(crate) fn in_double<const N: usize>(
    inputs: [Tensor; N],
    f: impl FnOnce([Tensor; N]) -> Tensor,
) -> Tensor {
    let dtype = inputs.first().and_then(|input| input.dtype().ok()).unwrap_or(DType::F64);
    f(inputs.map(|input| input.cast(DType::F64))).cast(dtype)
}

/// `value`, but 0 with zero gradient where rounding took it below.
pub(crate) fn not_below_zero(value: &Tensor) -> Tensor {
    let zero = constant(0.0, value);
    Tensor::select(&value.lt(&zero), &zero, value)
}

/// `ln(1 − exp(log))` of the logarithm of a probability, minus infinity with zero gradient at 0.
pub(crate) fn log_of_complement(log: &Tensor) -> Tensor {
    let is_one = log.ge(&constant(0.0, log));
    let below = Tensor::select(&is_one, &constant(-1.0, log), log);
    only_where(&(1.0 - is_one), &log1m_exp(&-below))
}
