//! Student's t distribution around 0 on tensors: at distances of at least 0 where a side is meant.

use tfn_tensor::{Pointwise, Tensor, pointwise};

use super::scalar::student_t as law;

/// The log-density at 0.
pub(crate) fn log_peak(df: &Tensor) -> Tensor {
    const PEAK: Pointwise<1> = Pointwise {
        name: "student_t_log_peak",
        value: |[df]| law::log_peak(df),
        partials: [|[df], _| law::log_peak_slope(df)],
    };
    pointwise(PEAK, [df])
}

/// How much lower than at 0 the log-density is at `z`.
pub(crate) fn log_fall(df: &Tensor, z: &Tensor) -> Tensor {
    const FALL: Pointwise<2> = Pointwise {
        name: "student_t_log_fall",
        value: law::log_fall,
        partials: [|at, _| law::log_fall_in_df(at), |at, _| law::log_fall_in_z(at)],
    };
    pointwise(FALL, [df, z])
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
        partials: [|at, _| -0.5 * law::inner_in_df(at, 0.0), |at, _| -law::density(at, 0.0)],
    };
    pointwise(TAIL, [df, z])
}

/// Its logarithm.
pub(crate) fn log_tail(df: &Tensor, z: &Tensor) -> Tensor {
    const LOG_TAIL: Pointwise<2> = Pointwise {
        name: "student_t_log_tail",
        value: law::log_tail_of,
        partials: [|at, log| -0.5 * law::inner_in_df(at, log), |at, log| -law::density(at, log)],
    };
    pointwise(LOG_TAIL, [df, z])
}

/// The probability of a distance from 0 of at most `z`.
pub(crate) fn inner(df: &Tensor, z: &Tensor) -> Tensor {
    const INNER: Pointwise<2> = Pointwise {
        name: "student_t_inner",
        value: law::inner,
        partials: [|at, _| law::inner_in_df(at, 0.0), |at, _| 2.0 * law::density(at, 0.0)],
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
            |[df, _], z| -1.0 / law::density([df, z], 0.0),
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
            |[df, _], z| 0.5 / law::density([df, z], 0.0),
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
