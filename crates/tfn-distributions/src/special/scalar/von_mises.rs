//! The von Mises distribution around 0.
//!
//! `a` is an angle from 0 to π, and `tail` the probability beyond it on one side. It is an integral of the density over
//! that at `a`, from `a` to as far as it counts, so that no term cancels however far out `a` is; near 0, where the tail
//! is ½ less little, that little is one.

use std::f64::consts::{PI, TAU};

use super::bessel::{i0e, ratio_rest};
use super::normal::ndtri_rough;
use super::numbers::Numbers;
use super::panels::integral;

/// What rounding took from π.
const PI_REST: f64 = 1.224_646_799_147_353_2e-16;
/// Where so little is left of a density that it does not count.
const NOTHING: f64 = 45.0;
/// Up to this fall of the log-density, and to this angle, one seeks from the centre.
const CENTRAL: (f64, f64) = (0.25, 1.6);

/// The angle in [−π, π].
pub(crate) fn wrapped(x: f64) -> f64 {
    if x.abs() <= PI { x } else { x.sin().atan2(x.cos()) }
}

/// The angle from `loc` to `x` in [−π, π].
pub(crate) fn angle(x: f64, loc: f64) -> f64 {
    let distance = x - loc;
    if distance.abs() <= PI { distance } else { wrapped(wrapped(x) - wrapped(loc)) }
}

/// `1 − cos z`.
pub(crate) fn versine(z: f64) -> f64 {
    let sine = (0.5 * z).sin();
    2.0 * sine * sine
}

/// How far the log-density has fallen at `a`.
fn depth(k: f64, a: f64) -> f64 {
    k * versine(a)
}

/// And between `a` and `a + u`.
fn fall(k: f64, a: f64, u: f64) -> f64 {
    2.0 * (k * (0.5 * u).sin() * (a + 0.5 * u).sin())
}

/// The integral of the density over that at 0.
fn total(k: f64) -> f64 {
    if k < 0.0 { f64::NAN } else { TAU * i0e(k) }
}

/// The log-density at the angle `z`.
pub(crate) fn log_density(k: f64, z: f64) -> f64 {
    -depth(k, z) - total(k).ln()
}

/// Its derivative in `k`.
pub(crate) fn log_density_in_k(k: f64, z: f64) -> f64 {
    ratio_rest(k) - versine(z)
}

/// `ln 2πI₀(k) − k I₁(k)/I₀(k)`.
pub(crate) fn entropy(k: f64) -> f64 {
    total(k).ln() + if k == 0.0 { 0.0 } else { k * ratio_rest(k) }
}

fn is_central(k: f64, a: f64) -> bool {
    depth(k, a) < CENTRAL.0 && a < CENTRAL.1
}

/// `∫ f(u)·density(a + u)/density(a) du` from 0 to the end of the half circle.
fn beyond(k: f64, a: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let whole = PI - a + PI_REST;
    // The squares of the sines of half the angles differ by this much where the fall is NOTHING.
    let rise = 0.5 * NOTHING / k;
    let (sine, cosine) = (0.5 * a).sin_cos();
    let square = cosine * cosine;
    let length = if rise < square {
        let end = (sine * sine + rise).sqrt() * cosine + (square - rise).sqrt() * sine;
        whole.min(2.0 * (rise / end).asin())
    } else {
        whole
    };
    let pieces = (fall(k, a, length) / 7.5).ceil().clamp(1.0, 7.0) as u32;
    integral(length, pieces, &|u| f(u) * (-fall(k, a, u)).exp())
}

/// `∫ f(t)·density(t)/density(0) dt` from 0 to `a`, where the log-density falls little.
fn before(k: f64, a: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    integral(a, 1, &|t| f(t) * (-depth(k, t)).exp())
}

/// The tail beyond `a`.
pub(crate) fn tail(k: f64, a: f64) -> f64 {
    if is_central(k, a) {
        0.5 - before(k, a, &|_| 1.0) / total(k)
    } else {
        (-depth(k, a)).exp() * beyond(k, a, &|_| 1.0) / total(k)
    }
}

/// Its logarithm.
pub(crate) fn log_tail(k: f64, a: f64) -> f64 {
    if is_central(k, a) {
        tail(k, a).ln()
    } else {
        (beyond(k, a, &|_| 1.0) / total(k)).ln() - depth(k, a)
    }
}

/// The density at `a` over the tail beyond.
pub(crate) fn hazard(k: f64, a: f64) -> f64 {
    if is_central(k, a) { density(k, a) / tail(k, a) } else { 1.0 / beyond(k, a, &|_| 1.0) }
}

pub(crate) fn density(k: f64, z: f64) -> f64 {
    (-depth(k, z)).exp() / total(k)
}

/// The derivative of the tail in `k` over the density at `a`: by how much the quantile at the level of `a` moves.
pub(crate) fn quantile_in_k(k: f64, a: f64) -> f64 {
    let rest = ratio_rest(k);
    if versine(a) < rest {
        // That up to a, for the whole of it does not change; all of one sign.
        return -before(k, a, &|t| rest - versine(t)) * depth(k, a).exp();
    }
    beyond(k, a, &|u| rest - versine(a + u))
}

/// The angle beyond which the tail is `q`, up to ½.
pub(crate) fn tail_quantile(k: f64, q: f64) -> f64 {
    match q {
        0.0 => PI,
        0.5 => 0.0,
        _ if q > 0.25 => central_quantile(k, (0.5 - q) * total(k)),
        _ => outer_quantile(k, q),
    }
}

/// Newton's method, which comes from below for the integral up to `a` bends down.
fn central_quantile(k: f64, target: f64) -> f64 {
    let mut a = target;
    for _ in 0..30 {
        let step = (target - before(k, a, &|_| 1.0)) * depth(k, a).exp();
        a += step;
        if step.abs() <= 1e-16 * a || step.is_nan() {
            break;
        }
    }
    a
}

/// Newton's method in the logarithm of the tail, and of the distance to π where that is the shorter one, in a bracket.
fn outer_quantile(k: f64, q: f64) -> f64 {
    let half_sine = -0.5 * ndtri_rough(q) / k.sqrt();
    let mut a = if half_sine < 0.95 { 2.0 * half_sine.asin() } else { PI * (1.0 - 2.0 * q) };
    let (mut low, mut high) = (0.0, PI);
    for _ in 0..80 {
        let off = log_tail(k, a) - q.ln();
        if off.is_nan() {
            return f64::NAN;
        }
        if off > 0.0 {
            low = a
        } else {
            high = a
        }
        let width = 1.0 / hazard(k, a);
        let rest = PI - a;
        let next =
            if a < 0.5 * PI { a + off * width } else { PI - rest * (-off * width / rest).exp() };
        let next = if next >= low && next <= high { next } else { 0.5 * (low + high) };
        if (next - a).abs() <= f64::EPSILON * next {
            return next;
        }
        a = next;
    }
    a
}

/// A variable: rejection from the wrapped Cauchy distribution.
///
/// D. J. Best and N. I. Fisher (1979), "Efficient simulation of the von Mises distribution"; the envelope by the tangent of
/// half the angle and without differences, so that no concentration is too large or too small for it.
pub(crate) fn draw(k: f64, numbers: &mut Numbers) -> f64 {
    if !(0.0..f64::INFINITY).contains(&k) {
        return f64::NAN;
    }
    // 2k(r − 1), and a quarter of 2k(r + 1), with the r of the paper.
    let half_root = 0.5_f64.hypot(k);
    let near = 1.0 + 0.5 / (half_root + k);
    let quarter = 0.25 + 0.5 * half_root + 0.5 * k;
    let width = 0.5 * (near / quarter).sqrt();
    loop {
        let tangent = width * (PI * (numbers.uniform() - 0.5)).tan();
        let z = 2.0 * tangent.atan();
        let c = 0.5 * near + depth(k, z);
        if numbers.uniform().ln() < c.ln() + 1.0 - c {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_their_quantiles_have_all_digits() {
        // mpmath, 50 digits, with D = 1 - besseli(1, k)/besseli(0, k):
        // k, a, log(quad(exp(k*cos(t)), [a, pi])/(2*pi*besseli(0, k))), quad((D - 1 + cos(t))*exp(k*(cos(t) - cos(a))), [a, pi])
        for (k, a, log, in_k) in [
            (1e-6, 1.0, -1.076_327_676_446_9, -0.841_470_757_483_440_5),
            (1e-6, 3.13, -6.295_261_759_107_991, -0.011_592_399_731_965_774),
            (0.8, 0.1, -0.755_712_253_377_544_4, -0.062_893_440_042_624_02),
            (0.8, 2.0, -2.486_422_501_185_536_5, -0.971_282_079_537_342_4),
            (30.0, 0.1, -1.228_209_673_950_310_8, -0.001_682_483_740_413_416_4),
            (30.0, 1.2, -21.694_949_762_695_995, -0.023_097_074_713_545_634),
            (30.0, 3.0, -61.073_155_781_217_77, -0.230_404_412_811_071_63),
            (1e6, 1e-4, -0.776_154_581_911_607_9, -5.000_001_254_167_921_3e-11),
            (1e6, 2e-3, -3.783_182_949_306_037_4, -1.000_000_583_334_05e-9),
            (1e6, 0.02, -203.910_422_083_667_73, -1.000_033_584_700_306_9e-8),
        ] {
            let given = log_tail(k, a);
            assert!((given / log - 1.0).abs() < 2e-15, "{k} {a}: {given} {log}");
            assert!((tail(k, a).ln() / log - 1.0).abs() < 2e-15);
            let given = quantile_in_k(k, a);
            assert!((given / in_k - 1.0).abs() < 4e-15, "{k} {a}: {given} {in_k}");
            assert!((hazard(k, a) * tail(k, a) / density(k, a) - 1.0).abs() < 1e-13);
            let back = tail_quantile(k, tail(k, a));
            // As far as the rounding of the probability lets one see.
            let seen = 1e-15 * (a + (1.0 + log.abs()) / hazard(k, a));
            assert!((back - a).abs() < seen, "{k} {a}: {back}");
        }
    }

    #[test]
    fn angles_of_any_size_are_brought_to_the_circle() {
        assert_eq!(angle(3.0, -0.1), 3.1);
        assert!((angle(3.0, -3.0) - (6.0 - TAU)).abs() < 1e-15);
        // 1e22 modulo 2π by mpmath.
        assert!((wrapped(1e22) - -1.020_177_392_559_087).abs() < 1e-15, "{}", wrapped(1e22));
        assert!(wrapped(-7.0) + wrapped(7.0) == 0.0);
    }
}
