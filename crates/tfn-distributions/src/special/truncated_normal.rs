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
    /// The logarithm of the integral.
    log_total: "truncated_normal_log_total", log_total_in;
    /// The mean distance from the highest point.
    mean: "truncated_normal_mean", mean_in;
    /// The variance.
    variance: "truncated_normal_variance", variance_in;
    /// The entropy.
    entropy: "truncated_normal_entropy", entropy_in;
}

/// The probability of at most `t`.
pub(crate) fn cdf(t: &Tensor, [m, l, r]: [&Tensor; 3]) -> Tensor {
    const CDF: Pointwise<4> = Pointwise {
        name: "truncated_normal_cdf",
        value: law::cdf,
        partials: [
            |at, _| law::cdf_in(at, 0),
            |at, _| law::cdf_in(at, 1),
            |at, _| law::cdf_in(at, 2),
            |at, _| law::cdf_in(at, 3),
        ],
    };
    pointwise(CDF, [t, m, l, r])
}

/// Its logarithm.
pub(crate) fn log_cdf(t: &Tensor, [m, l, r]: [&Tensor; 3]) -> Tensor {
    const LOG_CDF: Pointwise<4> = Pointwise {
        name: "truncated_normal_log_cdf",
        value: law::log_cdf,
        partials: [
            |at, _| law::log_cdf_in(at, 0),
            |at, _| law::log_cdf_in(at, 1),
            |at, _| law::log_cdf_in(at, 2),
            |at, _| law::log_cdf_in(at, 3),
        ],
    };
    pointwise(LOG_CDF, [t, m, l, r])
}

/// 1 where [`quantile`] counts from the end on the side of `p`.
pub(crate) fn is_from_end(p: &Tensor, [m, l, r]: [&Tensor; 3]) -> Tensor {
    const IS_FROM_END: Pointwise<4> = Pointwise {
        name: "truncated_normal_is_from_end",
        value: |at| f64::from(u8::from(law::is_from_end(at))),
        partials: [|_, _| 0.0; 4],
    };
    pointwise(IS_FROM_END, [p, m, l, r]).detach()
}

/// The quantile, counted from the lower end for `p` up to ½ and from the upper one above, or from the highest point.
pub(crate) fn quantile(p: &Tensor, [m, l, r]: [&Tensor; 3]) -> Tensor {
    const QUANTILE: Pointwise<4> = Pointwise {
        name: "truncated_normal_quantile",
        value: law::quantile,
        partials: [
            |at, u| law::quantile_in(at, 0, u),
            |at, u| law::quantile_in(at, 1, u),
            |at, u| law::quantile_in(at, 2, u),
            |at, u| law::quantile_in(at, 3, u),
        ],
    };
    pointwise(QUANTILE, [p, m, l, r])
}
