//! The normal density between two ends on tensors, as [`scalar::truncated_normal`](super::scalar::truncated_normal)
//! has it: `m`, `l`, `r`.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::truncated_normal as law;

/// A function of `m`, `l` and `r`.
macro_rules! of_shape {
    ($($(#[$doc:meta])* $function:ident: $name:literal, $slope:ident;)*) => { $(
        $(#[$doc])*
        pub(crate) fn $function([m, l, r]: [&Tensor; 3]) -> Tensor {
            const FUNCTION: Pointwise<3> = Pointwise {
                name: $name,
                value: law::$function,
                partials: [
                    |at, _| law::$slope(at, 0),
                    |at, _| law::$slope(at, 1),
                    |at, _| law::$slope(at, 2),
                ],
            };
            pointwise(FUNCTION, [m, l, r])
        }
    )* };
}

of_shape! {
    /// The mean distance from the highest point.
    mean: "truncated_normal_mean", mean_in;
    /// The variance.
    variance: "truncated_normal_variance", variance_in;
    /// The entropy.
    entropy: "truncated_normal_entropy", entropy_in;
}

/// From here on the square of an `m` overflows.
const FARTHEST: f64 = 1e150;

/// `t`, `m`, `l` and `r` in units of the scale, an `m` that is too far out brought to where it is not.
fn in_units([t, m, l, r, scale]: [f64; 5]) -> [f64; 4] {
    [t / scale, (m / scale).clamp(-FARTHEST, FARTHEST), l / scale, r / scale]
}

/// Whether it was: from there on it does not move.
fn is_bounded([_, m, _, _, scale]: [f64; 5]) -> bool {
    (m / scale).abs() > FARTHEST
}

/// The logarithm of the integral, of distances and the scale that they are measured in, which counts in its units.
pub(crate) fn log_total([m, l, r]: [&Tensor; 3], scale: &Tensor) -> Tensor {
    const LOG_TOTAL: Pointwise<4> = Pointwise {
        name: "truncated_normal_log_total",
        value: |at| law::log_total(shape_of(at)) + at[3].ln(),
        partials: [
            |at, _| {
                if is_bounded(at_top(at)) {
                    0.0
                } else {
                    law::log_total_in(shape_of(at), 0) / at[3]
                }
            },
            |at, _| law::log_total_in(shape_of(at), 1) / at[3],
            |at, _| law::log_total_in(shape_of(at), 2) / at[3],
            |at, _| law::log_total_in_log_scale(shape_of(at)) / at[3],
        ],
    };
    pointwise(LOG_TOTAL, [m, l, r, scale])
}

/// Distances and scale, seen from the highest point.
fn at_top([m, l, r, scale]: [f64; 4]) -> [f64; 5] {
    [0.0, m, l, r, scale]
}

fn shape_of(at: [f64; 4]) -> [f64; 3] {
    let [_, m, l, r] = in_units(at_top(at));
    [m, l, r]
}

/// A function of the distances `t`, `m`, `l` and `r` and of the scale that they are measured in.
macro_rules! of_distances {
    ($($(#[$doc:meta])* $function:ident: $name:literal, $slope:ident, $in_log_scale:ident;)*) => { $(
        $(#[$doc])*
        pub(crate) fn $function(t: &Tensor, [m, l, r]: [&Tensor; 3], scale: &Tensor) -> Tensor {
            const FUNCTION: Pointwise<5> = Pointwise {
                name: $name,
                value: |at| law::$function(in_units(at)),
                partials: [
                    |at, _| law::$slope(in_units(at), 0) / at[4],
                    |at, _| if is_bounded(at) { 0.0 } else { law::$slope(in_units(at), 1) / at[4] },
                    |at, _| law::$slope(in_units(at), 2) / at[4],
                    |at, _| law::$slope(in_units(at), 3) / at[4],
                    |at, _| law::$in_log_scale(in_units(at)) / at[4],
                ],
            };
            pointwise(FUNCTION, [t, m, l, r, scale])
        }
    )* };
}

of_distances! {
    /// The probability of at most `t`.
    cdf: "truncated_normal_cdf", cdf_in, cdf_in_log_scale;
    /// Its logarithm.
    log_cdf: "truncated_normal_log_cdf", log_cdf_in, log_cdf_in_log_scale;
}

/// 1 where [`quantile`] counts from the end on the side of `p`.
pub(crate) fn is_from_end(p: &Tensor, [m, l, r]: [&Tensor; 3], scale: &Tensor) -> Tensor {
    const IS_FROM_END: Pointwise<5> = Pointwise {
        name: "truncated_normal_is_from_end",
        value: |at| f64::from(u8::from(law::is_from_end(at_level(at)))),
        partials: [|_, _| 0.0; 5],
    };
    pointwise(IS_FROM_END, [p, m, l, r, scale]).detach()
}

/// A level, and the distances in units of the scale.
fn at_level([p, m, l, r, scale]: [f64; 5]) -> [f64; 4] {
    let [_, m, l, r] = in_units([0.0, m, l, r, scale]);
    [p, m, l, r]
}

/// The quantile, counted from the lower end for `p` up to ½ and from the upper one above, or from the highest point: a distance,
/// of distances and the scale.
pub(crate) fn quantile(p: &Tensor, [m, l, r]: [&Tensor; 3], scale: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<5> = Pointwise {
        name: "truncated_normal_quantile",
        value: |at| at[4] * law::quantile(at_level(at)),
        partials: [
            |at, x| at[4] * law::quantile_in(at_level(at), 0, x / at[4]),
            |at, x| {
                if is_bounded(at) { 0.0 } else { law::quantile_in(at_level(at), 1, x / at[4]) }
            },
            |at, x| law::quantile_in(at_level(at), 2, x / at[4]),
            |at, x| law::quantile_in(at_level(at), 3, x / at[4]),
            |at, x| law::quantile_in_log_scale(at_level(at), x / at[4]),
        ],
    };
    pointwise(QUANTILE, [p, m, l, r, scale])
}
