//! The normal density between two ends, seen from its highest point there.
//!
//! With `u` the distance from the highest point, `m` that point's distance from the mean and `l`, `r` the distances
//! of the ends to either side, all in standard deviations, the density is `exp(−u²/2 − mu)` on `[−l, r]`, up to its
//! integral `K`. Either `m` is 0, or it is positive and `l` is 0, or negative and `r` is 0.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::gamma::LN_SQRT_2PI;
use super::normal::{erfcx, log_ndtr, ndtri};
use super::panels::integral;

/// `m`, `l` and `r`.
pub(crate) type Shape = [f64; 3];

/// Where so little is left of a density that it does not count.
const NOTHING: f64 = 45.0;
const ROOT_HALF_PI: f64 = 1.253_314_137_315_500_3;

/// `u²/2 + cu`.
fn exponent(c: f64, u: f64) -> f64 {
    if u.is_infinite() { f64::INFINITY } else { u * (c + 0.5 * u) }
}

/// How far `u` goes until the exponent is [`NOTHING`], and in how many pieces, but at most to `length`.
fn cut(c: f64, length: f64) -> (f64, u32) {
    let length = length.min(2.0 * NOTHING / (c + (c * c + 2.0 * NOTHING).sqrt()));
    (length, (exponent(c, length) / 7.5).ceil().clamp(1.0, 7.0) as u32)
}

/// `ln ∫ exp(−u²/2 − cu) du` over `[0, length]` for `c ≥ 0`.
fn log_falling(c: f64, length: f64) -> f64 {
    let last = exponent(c, length);
    if last < 3.0 {
        return integral(length, 1, &|u| (-exponent(c, u)).exp()).ln();
    }
    let start = erfcx(c * FRAC_1_SQRT_2);
    // Written so that the difference keeps its digits where the end is far down.
    let rest = if last > 100.0 {
        0.0
    } else {
        (-last).exp() * erfcx((c + length) * FRAC_1_SQRT_2) / start
    };
    (ROOT_HALF_PI * start).ln() + (-rest).ln_1p()
}

/// `ln ∫ exp(−u²/2 − mu) du` over `[a, b]`, wherever the mean lies.
fn log_mass(m: f64, a: f64, b: f64) -> f64 {
    if a >= b {
        return if a.is_nan() || b.is_nan() { f64::NAN } else { f64::NEG_INFINITY };
    }
    let (left, right) = (m + a, m + b);
    if left >= 0.0 {
        log_falling(left, b - a) - exponent(m, a)
    } else if right <= 0.0 {
        log_falling(-right, b - a) - exponent(m, b)
    } else {
        let half = |z: f64| libm::erf(z * FRAC_1_SQRT_2);
        0.5 * m * m + (ROOT_HALF_PI * (half(-left) + half(right))).ln()
    }
}

/// `ln K`.
pub(crate) fn log_total([m, l, r]: Shape) -> f64 {
    log_mass(m, -l, r)
}

/// The density at `u`.
fn density([m, l, r]: Shape, u: f64) -> f64 {
    (-exponent(m, u) - log_total([m, l, r])).exp()
}

/// Where the density is highest on `[a, b]`, and its integrals from there to both sides: of `f(u)`, over that of 1.
fn expectation(m: f64, a: f64, b: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let top = (-m).max(a).min(b);
    // Left of the top the density falls like that of the mirrored one.
    let c = m + top;
    let side = |c: f64, length: f64, sign: f64| {
        let (length, pieces) = cut(c, length);
        let weigh = |u: f64| (-exponent(c, u)).exp();
        if length <= 0.0 {
            return [0.0; 2];
        }
        let sum = integral(length, pieces, &|u| weigh(u) * f(top + sign * u));
        [sum, integral(length, pieces, &weigh)]
    };
    let left = side((-c).max(0.0), top - a, -1.0);
    let right = side(c.max(0.0), b - top, 1.0);
    (left[0] + right[0]) / (left[1] + right[1])
}

/// The mean of `u`.
pub(crate) fn mean([m, l, r]: Shape) -> f64 {
    expectation(m, -l, r, &|u| u)
}

/// The mean of `(u − mean)^power`.
fn central([m, l, r]: Shape, power: i32) -> f64 {
    let mean = mean([m, l, r]);
    expectation(m, -l, r, &|u| (u - mean).powi(power))
}

/// The variance of `u`.
pub(crate) fn variance(shape: Shape) -> f64 {
    central(shape, 2)
}

/// `f` of an end, times the density there, and 0 where that is 0.
fn at_end(shape: Shape, u: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let density = density(shape, u);
    if density == 0.0 { 0.0 } else { density * f(u) }
}

/// The derivatives of the mean of `f` in `m`, `l` and `r`, if `f` does not depend on them: from its covariance with `u`
/// and its mean.
fn slope_of_mean(
    shape: Shape,
    which: usize,
    covariance: f64,
    mean: f64,
    f: &dyn Fn(f64) -> f64,
) -> f64 {
    let [_, l, r] = shape;
    match which {
        0 => -covariance,
        1 => at_end(shape, -l, &|u| f(u) - mean),
        _ => at_end(shape, r, &|u| f(u) - mean),
    }
}

/// The derivative of [`log_total`].
pub(crate) fn log_total_in(shape: Shape, which: usize) -> f64 {
    let [_, l, r] = shape;
    match which {
        0 => -mean(shape),
        1 => density(shape, -l),
        _ => density(shape, r),
    }
}

/// That in the logarithm of the scale, where distances stay and so `m`, `l` and `r` fall as it grows, of the integral in
/// the units of the distances: twice the mean exponent, where the slopes at both ends would cancel.
pub(crate) fn log_total_in_log_scale([m, l, r]: Shape) -> f64 {
    2.0 * expectation(m, -l, r, &|u| exponent(m, u))
}

/// The derivative of [`mean`].
pub(crate) fn mean_in(shape: Shape, which: usize) -> f64 {
    let mean = mean(shape);
    let covariance = if which == 0 { variance(shape) } else { 0.0 };
    slope_of_mean(shape, which, covariance, mean, &|u| u)
}

/// The derivative of [`variance`].
pub(crate) fn variance_in(shape: Shape, which: usize) -> f64 {
    let (mean, variance) = (mean(shape), variance(shape));
    let third = if which == 0 { central(shape, 3) } else { 0.0 };
    slope_of_mean(shape, which, third, variance, &|u| (u - mean).powi(2))
}

/// The entropy of `u`.
pub(crate) fn entropy([m, l, r]: Shape) -> f64 {
    log_total([m, l, r]) + expectation(m, -l, r, &|u| exponent(m, u))
}

/// Its derivative: that of the mean of `−ln p` without the parts that cancel.
pub(crate) fn entropy_in(shape: Shape, which: usize) -> f64 {
    let [m, l, r] = shape;
    let (mean, energy) = (mean(shape), expectation(m, -l, r, &|u| exponent(m, u)));
    if which == 0 {
        return -expectation(m, -l, r, &|u| (u - mean) * exponent(m, u));
    }
    let end = if which == 1 { -l } else { r };
    at_end(shape, end, &|u| 1.0 + exponent(m, u) - energy)
}

/// `ln P(u ≤ t)` and `ln P(u > t)`, each with its own digits.
fn log_sides([t, m, l, r]: [f64; 4]) -> [f64; 2] {
    if t.is_nan() {
        return [f64::NAN; 2];
    }
    let t = t.max(-l).min(r);
    let total = log_total([m, l, r]);
    if total == f64::NEG_INFINITY {
        // An interval too short for its units: everything is where it is.
        return [0.0, f64::NEG_INFINITY];
    }
    let [below, above] = [log_mass(m, -l, t) - total, log_mass(m, t, r) - total];
    if below < above { [below, (-below.exp()).ln_1p()] } else { [(-above.exp()).ln_1p(), above] }
}

/// `P(u ≤ t)`.
pub(crate) fn cdf(at: [f64; 4]) -> f64 {
    log_sides(at)[0].exp()
}

/// Its logarithm.
pub(crate) fn log_cdf(at: [f64; 4]) -> f64 {
    log_sides(at)[0]
}

/// `ln ∫ exp(−u²/2 − mu) du` over `[a, b]` less `−end²/2 − m end` for one of both ends, whose size cancels where the
/// interval is far out.
fn log_mass_over_end(m: f64, a: f64, b: f64, end: f64) -> f64 {
    if end.is_infinite() {
        return f64::INFINITY;
    }
    let (left, right) = (m + a, m + b);
    let apart = (b - a) * (0.5 * (left + right));
    if left >= 0.0 && b < f64::INFINITY {
        log_falling(left, b - a) + if end == a { 0.0 } else { apart }
    } else if right <= 0.0 && a > f64::NEG_INFINITY {
        log_falling(-right, b - a) - if end == b { 0.0 } else { apart }
    } else if left >= 0.0 {
        log_falling(left, b - a)
    } else if right <= 0.0 {
        log_falling(-right, b - a)
    } else {
        log_mass(m, a, b) + exponent(m, end)
    }
}

/// The derivative of [`log_cdf`] in its argument number `which`; 0 outside, and where there is nothing below.
pub(crate) fn log_cdf_in(at: [f64; 4], which: usize) -> f64 {
    let [t, m, l, r] = at;
    let [below, above] = log_sides(at);
    if !(-l < t && t < r && below > f64::NEG_INFINITY) {
        return 0.0;
    }
    match which {
        0 => (-log_mass_over_end(m, -l, t, t)).exp(),
        1 => slope(at, 1, below),
        2 => (above - log_mass_over_end(m, -l, t, -l)).exp(),
        _ => -(-log_mass_over_end(m, -l, r, r)).exp(),
    }
}

/// The derivative of [`cdf`] in its argument number `which`; 0 outside.
pub(crate) fn cdf_in(at: [f64; 4], which: usize) -> f64 {
    let [t, _, l, r] = at;
    if -l < t && t < r { slope(at, which, 0.0) } else { 0.0 }
}

/// The derivative of [`log_cdf`] in the logarithm of the scale, as [`log_total_in_log_scale`]; 0 outside.
pub(crate) fn log_cdf_in_log_scale(at: [f64; 4]) -> f64 {
    in_log_scale(at, 0.0)
}

/// That of [`cdf`].
pub(crate) fn cdf_in_log_scale(at: [f64; 4]) -> f64 {
    in_log_scale(at, log_cdf(at))
}

fn in_log_scale(at: [f64; 4], log_weight: f64) -> f64 {
    let [t, m, l, r] = at;
    let [below, above] = log_sides(at);
    let weight = (above + log_weight).exp();
    if !(-l < t && t < r && below > f64::NEG_INFINITY && weight > 0.0) {
        return 0.0;
    }
    // How much larger the exponent is at u than at t.
    let rise = |u: f64| (u - t) * (m + 0.5 * (u + t));
    2.0 * weight * (expectation(m, -l, t, &rise) - expectation(m, t, r, &rise))
}

/// The same up to the ends.
fn slope(at: [f64; 4], which: usize, log_scale: f64) -> f64 {
    let [t, m, l, r] = at;
    let [below, above] = log_sides(at);
    let end = |u: f64, log_weight: f64| {
        (log_weight - exponent(m, u) - log_total([m, l, r]) - log_scale).exp()
    };
    match which {
        0 => end(t, 0.0),
        1 => {
            let weight = (below + above - log_scale).exp();
            let apart = || expectation(m, t, r, &|u| u - t) + expectation(m, -l, t, &|u| t - u);
            if weight == 0.0 { 0.0 } else { weight * apart() }
        }
        2 => end(-l, above),
        _ => -end(r, below),
    }
}

/// Whether [`quantile`] counts from the end on the side of `p`: else, where there is none or it is too far down for its
/// units, from the highest point.
pub(crate) fn is_from_end([p, m, l, r]: [f64; 4]) -> bool {
    let fall = if p <= 0.5 { exponent(m, -l) } else { exponent(m, r) };
    fall < 30.0
}

/// The `u` below which the probability is `p`, counted upward from the lower end for `p` up to ½ and from the upper end
/// above that, or from the highest point: see [`is_from_end`].
pub(crate) fn quantile(at: [f64; 4]) -> f64 {
    let [p, m, l, r] = at;
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    // The upper tail is the lower one of the mirrored density.
    let (tail, sign, c, l) = if p <= 0.5 { (p, 1.0, m, l) } else { (1.0 - p, -1.0, -m, r) };
    let log = tail.ln() + log_total([m, at[2], at[3]]);
    if is_from_end(at) {
        return sign * rise(c - l, log + exponent(-c, l));
    }
    // Counted from infinity there is also what lies beyond the end.
    let beyond = if l < f64::INFINITY { log_mass(-c, l, f64::INFINITY) } else { f64::NEG_INFINITY };
    let (large, small) = if log > beyond { (log, beyond) } else { (beyond, log) };
    let log = if small > f64::NEG_INFINITY { large + (small - large).exp().ln_1p() } else { large };
    -sign * fall(-c, log).min(l)
}

/// How far the quantile that is `offset` lies from the highest point.
fn from_top(at: [f64; 4], offset: f64) -> f64 {
    let [p, _, l, r] = at;
    match (is_from_end(at), p <= 0.5) {
        (true, true) => offset - l,
        (true, false) => offset + r,
        _ => offset,
    }
}

/// The derivative in the logarithm of the scale of the quantile in the units of the distances, as [`log_total_in_log_scale`],
/// in units of the scale: minus that of the cdf over the density.
pub(crate) fn quantile_in_log_scale(at: [f64; 4], offset: f64) -> f64 {
    let [p, m, l, r] = at;
    let t = from_top(at, offset);
    if t.is_infinite() || p == 0.0 || p == 1.0 {
        return 0.0;
    }
    let log_density = -exponent(m, t) - log_total([m, l, r]);
    let weight = (p.ln() + (-p).ln_1p() - log_density).exp();
    // How much larger the exponent is at u than at t; beside an end that is rounded to t it is not.
    let rise = |u: f64| (u - t) * (m + 0.5 * (u + t));
    let over = |a: f64, b: f64| if a < b { expectation(m, a, b, &rise) } else { 0.0 };
    2.0 * weight * (over(t, r) - over(-l, t))
}

/// The derivative of [`quantile`], whose value is `offset`, in its argument number `which`.
pub(crate) fn quantile_in(at: [f64; 4], which: usize, offset: f64) -> f64 {
    let [p, m, l, r] = at;
    let (from_end, t) = (is_from_end(at), from_top(at, offset));
    let of_end = if from_end && p <= 0.5 && which == 2 {
        1.0
    } else if from_end && p > 0.5 && which == 3 {
        -1.0
    } else {
        0.0
    };
    if t.is_infinite() {
        return 0.0;
    }
    if which > 0 && (p == 0.0 || p == 1.0) {
        // An end itself.
        let end = if p == 0.0 { (2, -1.0) } else { (3, 1.0) };
        return if !from_end && which == end.0 { end.1 } else { 0.0 };
    }
    let log_density = -exponent(m, t) - log_total([m, l, r]);
    if which == 0 { (-log_density).exp() } else { of_end - slope([t, m, l, r], which, log_density) }
}

/// The `h` for which `ln ∫ exp(−u²/2 − cu) du` over `[h, ∞)` is `log`, for `c ≥ 0`: Newton's method on a concave function
/// from its far side.
fn fall(c: f64, log: f64) -> f64 {
    let value = |h: f64| log_mass(c, h, f64::INFINITY);
    let depth = (value(0.0) - log).max(0.0);
    let mut h = 2.0 * depth / (c + (c * c + 2.0 * depth).sqrt());
    if !(h > 0.0 && h < f64::INFINITY) {
        return if depth == f64::INFINITY { depth } else { 0.0 };
    }
    for _ in 0..50 {
        let log_now = value(h);
        let step = (log_now - log) * (log_now + exponent(c, h)).exp();
        h = (h + step).max(0.0);
        if step.abs() <= 1e-9 * h {
            break;
        }
    }
    h
}

/// The `h` for which `ln ∫ exp(−u²/2 − cu) du` over `[0, h]` is `log`, at most half of what it can be.
fn rise(c: f64, log: f64) -> f64 {
    if log == f64::NEG_INFINITY {
        return 0.0;
    }
    let mut h = rise_start(c, log);
    for _ in 0..60 {
        let log_now = log_mass(c, 0.0, h);
        let step = (log - log_now) * (log_now + exponent(c, h)).exp();
        // The function is concave: from the left Newton's steps fall short, from the right they may reach beyond 0.
        h = (h + step).max(0.1 * h);
        if step.abs() <= 1e-9 * h || step.is_nan() {
            break;
        }
    }
    h
}

fn rise_start(c: f64, log: f64) -> f64 {
    let linear = log.exp();
    if c >= 0.0 || linear * (1.0 - c) < 0.1 {
        return linear.max(f64::MIN_POSITIVE);
    }
    // On the scale of the whole normal: the probability left of the point.
    let log_end = log_ndtr(c);
    let log_inside = log - 0.5 * c * c - LN_SQRT_2PI;
    let (large, small) =
        if log_inside > log_end { (log_inside, log_end) } else { (log_end, log_inside) };
    let log_probability = large + (small - large).exp().ln_1p();
    let z = if log_probability > -700.0 {
        ndtri(log_probability.exp().min(0.999))
    } else {
        let square = -2.0 * log_probability;
        -(square - (2.0 * PI * square).ln()).sqrt()
    };
    let h = z - c;
    if h > 0.0 { h } else { 0.1 / -c }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `m`, `l`, `r`; logarithm of the integral, mean, variance, entropy; `t` with `ln P(u ≤ t)` and `ln P(u > t)` (mpmath
    /// with 50 digits, by integrals).
    type Row = (Shape, [f64; 4], [[f64; 3]; 3]);
    #[rustfmt::skip]
    const VALUES: &[Row] = &[
        ([0.0, 1.0, 2.0], [0.7187722388802101, 0.22963717909132897, 0.5197625392115339, 1.0050201254964888], [[-0.97, -4.710443753556411, -0.009041534326352291], [0.5, -0.4294293382284009, -1.052340783191468], [1.7000000000000002, -0.02701127858723615, -3.624976013843936]]),
        ([0.0, 1e-05, 3e-05], [-10.126631103967004, 9.999999998666666e-06, 1.3333333332622222e-10, -10.126631103850338], [[-9.600000000000001e-06, -4.6051701859194525, -0.010050335854194762], [9.999999999999999e-06, -0.6931471804599454, -0.6931471806599453], [2.6000000000000002e-05, -0.1053605156271596, -2.302585093270046]]),
        ([0.0, 40.0, 1.0], [0.7461847541812229, -0.2875999709391784, 0.6296862857766053, 1.1023847687116337], [[-39.59, -788.1094483942672, 0.0], [-19.5, -193.84421199847404, 0.0], [-3.099999999999999, -6.767934679397775, -0.0011507292928330246]]),
        ([0.3, 0.0, 1e-06], [-13.815510707964437, 4.999999749999583e-07, 8.333333333333017e-14, -13.815510557964277], [[1e-08, -4.6051700374879285, -0.0100503373535032], [5e-07, -0.6931471055598232, -0.6931472555600732], [9e-07, -0.10536050065779534, -2.302585227994334]]),
        ([20.0, 0.0, 1.0], [-2.9982168390834865, 0.049753067339750955, 0.0024632604300108296, -2.000686178218605], [[0.01, -1.7053030747715177, -0.2005474078271013], [0.5, -3.909232082208985e-05, -10.149604054770407], [0.9, -8.531744371661923e-09, -18.57947200217932]]),
        ([1000.0, 0.0, 1.0], [-6.907756278979637, 0.00099999800001, 9.999940000499995e-07, -5.907757278974637], [[9.99000999000999e-06, -4.611159532992914, -0.0099900200299001], [0.0004995004995004995, -0.9335216321988288, -0.49950112375024974], [0.0008991008991008991, -0.5224510056058925, -0.8991022023908092]]),
        ([1000000.0, 0.0, 1000000.0], [-13.815510557965274, 9.99999999998e-07, 9.99999999994e-13, -12.815510557966274], [[9.999990000010001e-09, -4.6101670143317355, -0.00999999000002005], [4.999995000005e-07, -0.9327529003129853, -0.49999950000112503], [8.999991000009001e-07, -0.5218360595136545, -0.8999991000022051]]),
        ([-3.0, 2.0, 0.0], [-1.1890000613922203, -0.28269437994229846, 0.06979756607044493, -0.2660600823046221], [[-1.98, -10.672674648896663, -2.31697487337257e-05], [-1.0, -3.761254946924759, -0.02352919194133214], [-0.19999999999999996, -0.6754541627814843, -0.7111588882663219]]),
        ([0.0, 0.0, 0.5], [-0.7341249810508949, 0.24483626359552987, 0.02064435862939192, -0.693830403750489], [[0.005, -4.564196552156864, -0.010472896192872623], [0.25, -0.6625427303415826, -0.7247179135014751], [0.45, -0.09768004811286456, -2.3745004542943438]]),
    ];

    fn near(given: f64, expected: f64, tolerance: f64) -> bool {
        (given - expected).abs() <= tolerance * expected.abs().max(1e-84)
    }

    #[test]
    fn statistics_and_both_tails_are_those_of_50_digits() {
        for (shape @ [m, l, r], statistics, tails) in VALUES {
            let given = [log_total(*shape), mean(*shape), variance(*shape), entropy(*shape)];
            for (given, expected) in given.iter().zip(statistics) {
                assert!(near(*given, *expected, 3e-15), "{shape:?}: {given} {expected}");
            }
            for [t, below, above] in tails {
                let given = log_sides([*t, *m, *l, *r]);
                let far = |expected: f64| 5e-14_f64.max(4e-16 / expected.abs().max(1e-84));
                assert!(near(given[0], *below, far(*below)), "{shape:?} {t}: {given:?} {below}");
                assert!(near(given[1], *above, far(*above)), "{shape:?} {t}: {given:?} {above}");
            }
        }
    }

    #[test]
    fn quantiles_invert_the_cdf_in_both_tails() {
        let infinite = [
            [0.0, f64::INFINITY, f64::INFINITY],
            [0.0, f64::INFINITY, 0.5],
            [12.0, 0.0, f64::INFINITY],
        ];
        for [m, l, r] in VALUES.iter().map(|row| row.0).chain(infinite) {
            for p in [0.0, 1e-300, 1e-9, 0.1, 0.499, 0.5, 0.501, 0.9, 1.0 - 1e-9, 1.0] {
                let offset = quantile([p, m, l, r]);
                let tail = if p <= 0.5 { p } else { 1.0 - p };
                let (sign, end) = if p <= 0.5 { (1.0, l) } else { (-1.0, r) };
                let log = if is_from_end([p, m, l, r]) {
                    log_mass(sign * m - end, 0.0, sign * offset) - exponent(sign * m, -end)
                } else {
                    log_mass(sign * m, -end, sign * offset)
                } - log_total([m, l, r]);
                let wanted = tail.ln();
                let rounding = 1e-14;
                assert!(
                    log == wanted
                        || near(log, wanted, 1e-14)
                        || (log - wanted).abs() < 4e-15 + rounding,
                    "{m} {l} {r} {p}: {offset} {log} {wanted}"
                );
            }
        }
    }

    #[test]
    fn slopes_are_those_of_differences() {
        for (shape @ [m, l, r], ..) in VALUES {
            if *m > 100.0 || l + r < 0.1 || l + r > 10.0 {
                continue;
            }
            let step = 1e-5;
            type Case = (fn(Shape) -> f64, fn(Shape, usize) -> f64);
            let functions: [Case; 4] = [
                (log_total, log_total_in),
                (mean, mean_in),
                (variance, variance_in),
                (entropy, entropy_in),
            ];
            for which in 0..3 {
                let at = |h: f64| {
                    let mut moved = *shape;
                    moved[which] += h;
                    moved
                };
                for (i, (f, slope)) in functions.iter().enumerate() {
                    let expected = (f(at(step)) - f(at(-step))) / (2.0 * step);
                    let given = slope(*shape, which);
                    assert!(
                        (given - expected).abs() < 1e-8,
                        "{i} {which} {shape:?}: {given} {expected}"
                    );
                }
            }
        }
    }
}
