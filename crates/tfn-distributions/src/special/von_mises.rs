//! The von Mises distribution on tensors.

use tfn_tensor::random::Stream;
use tfn_tensor::{DType, Pointwise, Tensor, pointwise};

use super::draws::{in_type_of, words};
use super::scalar::bessel::ratio_slope;
use super::scalar::numbers::Numbers;
use super::scalar::von_mises as law;
use super::scalar::von_mises::{angle, density, hazard, quantile_in_k, tail, versine};

/// The log-density, minus infinity at infinity.
pub(crate) fn log_density(x: &Tensor, loc: &Tensor, k: &Tensor) -> Tensor {
    const LOG_DENSITY: Pointwise<3> = Pointwise {
        name: "von_mises_log_density",
        value: |[x, loc, k]| {
            if x.is_infinite() { f64::NEG_INFINITY } else { law::log_density(k, angle(x, loc)) }
        },
        partials: [
            |at, _| log_density_in_x(at),
            |at, _| -log_density_in_x(at),
            |[x, loc, k], _| {
                if x.is_infinite() { 0.0 } else { law::log_density_in_k(k, angle(x, loc)) }
            },
        ],
    };
    pointwise(LOG_DENSITY, [x, loc, k])
}

fn log_density_in_x([x, loc, k]: [f64; 3]) -> f64 {
    if x.is_infinite() { 0.0 } else { -k * angle(x, loc).sin() }
}

/// The entropy.
pub(crate) fn entropy(k: &Tensor) -> Tensor {
    const ENTROPY: Pointwise<1> = Pointwise {
        name: "von_mises_entropy",
        value: |[k]| law::entropy(k),
        partials: [|[k], _| -k * ratio_slope(k)],
    };
    pointwise(ENTROPY, [k])
}

/// `1 − cos(x − y)`.
pub(crate) fn versine_between(x: &Tensor, y: &Tensor) -> Tensor {
    const VERSINE: Pointwise<2> = Pointwise {
        name: "versine",
        value: |[x, y]| versine(angle(x, y)),
        partials: [|[x, y], _| angle(x, y).sin(), |[x, y], _| -angle(x, y).sin()],
    };
    pointwise(VERSINE, [x, y])
}

/// The angle, and how many times one has gone around before.
fn place(x: f64, loc: f64) -> (f64, f64) {
    let z = angle(x, loc);
    (z, ((x - loc - z) / std::f64::consts::TAU).round())
}

/// The probability of angles from `loc − π` to `x`, and 1 more for each time around.
pub(crate) fn cdf(x: &Tensor, loc: &Tensor, k: &Tensor) -> Tensor {
    const CDF: Pointwise<3> = Pointwise {
        name: "von_mises_cdf",
        value: |at| cdf_at(at),
        partials: [
            |at, _| density_at(at),
            |at, _| -density_at(at),
            |[x, loc, k], _| density_at([x, loc, k]) * moved(k, angle(x, loc)),
        ],
    };
    pointwise(CDF, [x, loc, k])
}

fn cdf_at([x, loc, k]: [f64; 3]) -> f64 {
    if x.is_infinite() {
        return x;
    }
    let (z, turns) = place(x, loc);
    turns + if z < 0.0 { tail(k, -z) } else { 1.0 - tail(k, z) }
}

fn density_at([x, loc, k]: [f64; 3]) -> f64 {
    if x.is_infinite() { 0.0 } else { density(k, angle(x, loc)) }
}

/// `∂F/∂k` over the density at the angle `z`: where a level of the cdf moves, it moves the other way.
fn moved(k: f64, z: f64) -> f64 {
    if z.is_nan() { 0.0 } else { quantile_in_k(k, z.abs()) * -z.signum() }
}

/// Logarithm of [`cdf`], minus infinity where that is not positive.
pub(crate) fn log_cdf(x: &Tensor, loc: &Tensor, k: &Tensor) -> Tensor {
    const LOG_CDF: Pointwise<3> = Pointwise {
        name: "von_mises_log_cdf",
        value: |at| log_cdf_at(at),
        partials: [
            |at, _| log_slope(at),
            |at, _| -log_slope(at),
            |[x, loc, k], _| log_slope([x, loc, k]) * moved(k, angle(x, loc)),
        ],
    };
    pointwise(LOG_CDF, [x, loc, k])
}

fn log_cdf_at([x, loc, k]: [f64; 3]) -> f64 {
    match place(x, loc) {
        (z, 0.0) if z < 0.0 => law::log_tail(k, -z),
        (z, 0.0) => (-tail(k, z)).ln_1p(),
        _ => {
            let cdf = cdf_at([x, loc, k]);
            if cdf <= 0.0 { f64::NEG_INFINITY } else { cdf.ln() }
        }
    }
}

/// The density over the cdf.
fn log_slope([x, loc, k]: [f64; 3]) -> f64 {
    match place(x, loc) {
        (z, 0.0) if z < 0.0 => hazard(k, -z),
        _ => {
            let cdf = cdf_at([x, loc, k]);
            if cdf <= 0.0 { 0.0 } else { density_at([x, loc, k]) / cdf }
        }
    }
}

/// The quantile of the distribution around 0, from −π to π.
pub(crate) fn quantile(p: &Tensor, k: &Tensor) -> Tensor {
    const QUANTILE: Pointwise<2> = Pointwise {
        name: "von_mises_quantile",
        value: |[p, k]| match p {
            _ if !(0.0..=1.0).contains(&p) => f64::NAN,
            _ if p <= 0.5 => -law::tail_quantile(k, p),
            _ => law::tail_quantile(k, 1.0 - p),
        },
        partials: [|[_, k], z| 1.0 / density(k, z), |[_, k], z| -moved(k, z)],
    };
    pointwise(QUANTILE, [p, k])
}

/// Variables in [−π, π], with implicit gradients.
pub(crate) fn sample(loc: &Tensor, k: &Tensor, shape: &[usize], stream: &mut Stream) -> Tensor {
    const DRAW: Pointwise<2> = Pointwise {
        name: "von_mises_sample",
        value: |[k, word]| law::draw(k, &mut Numbers::new(word)),
        partials: [|[k, _], z| -moved(k, z), |_, _| 0.0],
    };
    const WRAPPED: Pointwise<2> = Pointwise {
        name: "wrapped_angle",
        value: |[loc, z]| law::wrapped(law::wrapped(loc) + z),
        partials: [|_, _| 1.0, |_, _| 1.0],
    };
    let [loc64, k64] = [loc, k].map(|tensor| tensor.cast(DType::F64));
    let z = pointwise(DRAW, [&k64, &words(shape, stream)]);
    in_type_of(loc, pointwise(WRAPPED, [&loc64, &z]))
}
