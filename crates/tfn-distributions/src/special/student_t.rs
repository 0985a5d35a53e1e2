//! Student's t distribution around 0 on tensors: at distances of at least 0 where a side is meant.

use tfn_tensor::{Element, Entrywise, Pointwise, Tensor, entrywise, pointwise};

use super::scalar::student_t as law;
use crate::standardizing::standard;

/// The log-density at `x` of the distribution around `loc`, spread by `scale`.
pub(crate) fn log_prob(df: &Tensor, loc: &Tensor, scale: &Tensor, x: &Tensor) -> Tensor {
    // The slope in the scale is that of the whole: its terms cancel.
    let top = log_peak(df) - scale.detach().ln();
    entrywise(LogProb, [x, loc, scale, df, &df.detach().sqrt(), &top])
}

/// `top − (df + 1)/2 · ln(1 + z²/df)` of value, location, scale, `df`, its root and `top`, in one pass.
#[derive(Clone, Copy)]
struct LogProb;

/// `ln(1 + z²/df)`, from `|z|/sqrt(df)`.
#[inline(always)]
fn log_growth<E: Element>(u: E) -> E {
    // Beyond, the 1 is lost in either type, and the square may overflow.
    let is_far = u > E::from_f64(1e18);
    let log = (if is_far { u } else { u * u }).m_log1p();
    if is_far { log + log } else { log }
}

/// `−s − ln(1 − s)` for `s` from 0 to 1, of which `growth` is the second term.
#[inline(always)]
fn log_gap<E: Element>(s: E, growth: E) -> E {
    // 2 artanh(h) − 2h of h = s/(2 − s), by the polynomial of fdlibm's logarithm, and s²/(2 − s).
    let h = s / (E::from_f64(2.0) - s);
    let square = h * h;
    let c = |value: f64| E::from_f64(value);
    let series = c(0.181_835_721_616_180_5)
        + square * (c(0.153_138_376_992_093_73) + square * c(0.147_981_986_051_165_86));
    let series =
        c(0.285_714_287_436_623_9) + square * (c(0.222_221_984_321_497_84) + square * series);
    let series =
        c(0.666_666_666_666_673_5) + square * (c(0.399_999_999_994_094_2) + square * series);
    let near = s * h + h * square * series;
    if s < c(0.29) { near } else { growth - s }
}

impl Entrywise<6> for LogProb {
    const NAME: &'static str = "student_t_log_prob";

    #[inline(always)]
    fn value<E: Element>(self, [x, loc, scale, df, root, top]: [E; 6]) -> E {
        let size = standard(x, loc, scale).m_abs();
        top - E::from_f64(0.5) * (df + E::one()) * log_growth(size / root)
    }

    #[inline(always)]
    fn partials<E: Element>(self, [x, loc, scale, df, root, _]: [E; 6]) -> [E; 6] {
        let (zero, one) = (E::zero(), E::one());
        let z = standard(x, loc, scale);
        let size = z.m_abs();
        // z²/(df + z²) with both divided by z where its square could overflow.
        let is_far = size > one;
        let above = if is_far { z } else { z * z };
        let below = if is_far { z + df / z } else { df + z * z };
        let share = if size == E::infinity() { one } else { above / below };
        let slope = (df + one) * (if is_far { one } else { z }) / below / scale;
        let growth = log_growth(size / root);
        let in_df = E::from_f64(0.5) * (share / df - log_gap(share, growth));
        let in_df = if size == E::infinity() { zero } else { in_df };
        // −1 + (df + 1) z²/(df + z²), as (z² − 1) df/(df + z²).
        let near = if is_far { one - one / z } else { z - one };
        let in_scale = if size == E::infinity() { df } else { near * (z + one) * (df / below) };
        [-slope, slope, in_scale / scale, in_df, zero, one]
    }
}

/// The log-density at 0.
pub(crate) fn log_peak(df: &Tensor) -> Tensor {
    const PEAK: Pointwise<1> = Pointwise {
        name: "student_t_log_peak",
        value: |[df]| law::log_peak(df),
        partials: [|[df], _| law::log_peak_slope(df)],
    };
    pointwise(PEAK, [df])
}

/// The log-density at `x`, spread by `scale`, less [`log_peak`].
pub(crate) fn log_fall(df: &Tensor, x: &Tensor, scale: &Tensor) -> Tensor {
    const FALL: Pointwise<3> = Pointwise {
        name: "student_t_log_fall",
        value: |[df, x, scale]| law::log_fall([df, x / scale]) - scale.ln(),
        partials: [
            |[df, x, scale], _| law::log_fall_in_df([df, x / scale]),
            |[df, x, scale], _| law::log_fall_in_z([df, x / scale]) / scale,
            |[df, x, scale], _| law::log_density_in_scale([df, x / scale]) / scale,
        ],
    };
    pointwise(FALL, [df, x, scale])
}

/// The entropy.
pub(crate) fn entropy(df: &Tensor) -> Tensor {
    const ENTROPY: Pointwise<1> = Pointwise {
        name: "student_t_entropy",
        value: |[df]| law::entropy(df),
        partials: [|[df], _| law::entropy_slope(df)],
    };
    pointwise(ENTROPY, [df])
}

/// The mean of the distance from 0, for `df` above 1.
pub(crate) fn mean_size(df: &Tensor) -> Tensor {
    const SIZE: Pointwise<1> = Pointwise {
        name: "student_t_mean_size",
        value: |[df]| law::mean_size(df),
        partials: [|[df], _| law::mean_size_slope(df)],
    };
    pointwise(SIZE, [df])
}

/// The probability of more than `z`.
pub(crate) fn tail(df: &Tensor, z: &Tensor) -> Tensor {
    const TAIL: Pointwise<2> = Pointwise {
        name: "student_t_tail",
        value: law::tail,
        partials: [|at, _| -0.5 * law::inner_in_df(at), |at, _| -law::density(at)],
    };
    pointwise(TAIL, [df, z])
}

/// Its logarithm.
pub(crate) fn log_tail(df: &Tensor, z: &Tensor) -> Tensor {
    const LOG_TAIL: Pointwise<2> = Pointwise {
        name: "student_t_log_tail",
        value: law::log_tail_of,
        partials: [|at, log| law::log_tail_in_df(at, log_tail_in_z(at, log)), log_tail_in_z],
    };
    pointwise(LOG_TAIL, [df, z])
}

/// The derivative of [`log_tail`], whose value is `log`, in `z`.
fn log_tail_in_z(at: [f64; 2], log: f64) -> f64 {
    // What has overflowed stays so.
    if log.is_infinite() { 0.0 } else { -law::density_over_tail(at, log) }
}

/// The probability of a distance from 0 of at most `z`.
pub(crate) fn inner(df: &Tensor, z: &Tensor) -> Tensor {
    const INNER: Pointwise<2> = Pointwise {
        name: "student_t_inner",
        value: law::inner,
        partials: [|at, _| law::inner_in_df(at), |at, _| 2.0 * law::density(at)],
    };
    pointwise(INNER, [df, z])
}

/// The `z` of which `p`, at most ½, is the [`tail`].
pub(crate) fn tail_quantile(df: &Tensor, p: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<2> = Pointwise {
        name: "student_t_tail_quantile",
        value: law::tail_quantile,
        partials: [
            |[df, _], z| law::quantile_in_df(df, z),
            |[df, _], z| -1.0 / law::density([df, z]),
        ],
    };
    pointwise(QUANTILE, [df, p])
}

/// The `z` of which `p` is the [`inner`] probability.
pub(crate) fn inner_quantile(df: &Tensor, p: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<2> = Pointwise {
        name: "student_t_inner_quantile",
        value: law::inner_quantile,
        partials: [
            |[df, _], z| law::quantile_in_df(df, z),
            |[df, _], z| 0.5 / law::density([df, z]),
        ],
    };
    pointwise(QUANTILE, [df, p])
}

/// Draws from two uniforms in (0, 1) each.
pub(crate) fn polar(df: &Tensor, radius: &Tensor, angle: &Tensor) -> Tensor {
    const POLAR: Pointwise<3> = Pointwise {
        name: "student_t_polar",
        value: law::polar,
        // Uniforms are constants: nobody asks for these.
        partials: [law::polar_in_df, |_, _| 0.0, |_, _| 0.0],
    };
    pointwise(POLAR, [df, radius, angle])
}
