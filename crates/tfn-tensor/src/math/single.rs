//! Elementary functions of `f32`.
//!
//! The hot ones are straight-line code: bits are taken apart, a polynomial is evaluated, and
//! special cases are chosen by comparison at the end, so that a loop over them vectorises. The
//! polynomials interpolate at Chebyshev nodes and were fitted to 40 digits.

use super::double;

/// ln 2 in two parts, the first with so few digits that its multiples are exact.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// 1.5 · 2²³: a number below 2²² that is added to it is rounded to a whole one in the lowest bits.
const ROUND: f32 = 12_582_912.0;
/// 2⁻⁶⁴.
const LOWER_64: f32 = f32::from_bits((127 - 64) << 23);
/// The bits of √½, where the mantissa of [`split`] begins.
const SQRT_HALF_BITS: u32 = 0x3f35_04f3;

/// x as n ln 2 + r with |r| ≤ ½ ln 2. The whole number comes as a float and as an integer.
#[inline(always)]
fn reduce(x: f32) -> (f32, i32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let whole = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    ((x - n * LN_2_HIGH) - n * LN_2_LOW, whole)
}

/// exp(r) − 1 for |r| ≤ ½ ln 2.
#[inline(always)]
fn expm1_reduced(r: f32) -> f32 {
    // By pairs, so that few operations wait for each other.
    let square = r * r;
    let low = 0.166_665_78 * r + 0.5;
    let high = 0.008_363_173 * r + 0.041_666_556;
    let q = (0.001_392_617_6 * square + high) * square + low;
    r + square * q
}

/// 2ⁿ for n from −126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    // A NaN passes both comparisons.
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // The bounds lie where the result is 0 or infinite already. In two factors neither leaves the
    // range of exponents before the result does.
    let (r, n) = reduce(clamp(x, -105.0, 89.0));
    let half = n >> 1;
    (1.0 + expm1_reduced(r)) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// exp(−|x|), for less than [`exp`] takes.
#[inline(always)]
fn exp_of_minus(x: f32) -> f32 {
    let x = x.abs();
    let x = if x > 105.0 { 105.0 } else { x };
    let (r, n) = reduce(-x);
    // 2ⁿ is raised by 64 at first, so that it is a number and tiny results are rounded once.
    (1.0 + expm1_reduced(r)) * power_of_two(n.wrapping_add(64)) * LOWER_64
}

#[inline(always)]
pub(super) fn expm1(x: f32) -> f32 {
    let (r, n) = reduce(clamp(x, -20.0, 89.0));
    // Half of the result, so that 2ⁿ⁻¹ is a number where 2ⁿ is not.
    let half = power_of_two(n.wrapping_sub(1));
    let y = 2.0 * (half * expm1_reduced(r) + (half - 0.5));
    if x.abs() < 1e-10 { x } else { y }
}

/// A normal positive number as 2ᵏ m with m from √½ to √2.
#[inline(always)]
fn split(x: f32) -> (i32, f32) {
    let bits = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let mantissa = (bits & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS);
    ((bits as i32) >> 23, f32::from_bits(mantissa))
}

/// k ln 2 + ln(1 + f) for f from √½ − 1 to √2 − 1.
#[inline(always)]
fn log_reduced(k: i32, f: f32) -> f32 {
    let k = k as f32;
    let square = f * f;
    let fourth = square * square;
    let q0 = 0.333_333_3 - 0.250_003_07 * f;
    let q2 = 0.200_010_45 - 0.166_412_82 * f;
    let q4 = 0.142_144_96 - 0.129_981_83 * f;
    let q6 = 0.126_223_19 - 0.079_027_44 * f;
    let q = (q6 * square + q4) * fourth + (q2 * square + q0);
    let y = f * square * q + k * LN_2_LOW;
    (y - 0.5 * square) + f + k * LN_2_HIGH
}

/// ln(x) for a normal number from 0 to 1.
#[inline(always)]
pub(crate) fn ln_of_unit(x: f32) -> f32 {
    let (k, m) = split(x);
    log_reduced(k, m - 1.0)
}

#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let small = x < f32::MIN_POSITIVE;
    let (k, m) = split(if small { x * 8_388_608.0 } else { x });
    let y = log_reduced(if small { k.wrapping_sub(23) } else { k }, m - 1.0);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x < 0.0 { f32::NAN } else { y }
}

#[inline(always)]
pub(super) fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let (k, m) = split(u);
    // x 2⁻ᵏ + (2⁻ᵏ − 1) keeps what 1 + x has rounded away; for large x nothing was.
    let scale = power_of_two(0_i32.wrapping_sub(k));
    let f = x * scale + (scale - 1.0);
    let f = if x > 1e7 { m - 1.0 } else { f };
    let y = log_reduced(k, f);
    let y = if x.abs() < 1e-10 { x } else { y };
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x == -1.0 { f32::NEG_INFINITY } else { y };
    if x < -1.0 { f32::NAN } else { y }
}

/// ln(1 + x) for x from 0 to 1.
#[inline(always)]
fn log1p_unit(x: f32) -> f32 {
    let large = x > 0.414;
    let f = if large { 0.5 * x - 0.5 } else { x };
    log_reduced(i32::from(large), f)
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let e = expm1(-2.0 * x.abs());
    (-e / (e + 2.0)).copysign(x)
}

/// From the side where exp cannot overflow.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp_of_minus(x);
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// max(x, 0) + ln(1 + exp(−|x|)).
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + log1p_unit(exp_of_minus(x))
}

#[inline(always)]
pub(super) fn log_sigmoid(x: f32) -> f32 {
    -softplus(-x)
}

#[inline(always)]
pub(super) fn floor(x: f32) -> f32 {
    x.floor()
}

/// The rest is not hot: it is computed in `f64` and rounded.
macro_rules! by_f64 {
    ($($name:ident),+) => {$(
        pub(super) fn $name(x: f32) -> f32 {
            double::$name(f64::from(x)) as f32
        }
    )+};
}

by_f64!(softplus_inverse, erf, erfc, ndtr, log_ndtr, log_ndtr_slope, sin, cos);

pub(super) fn powf(x: f32, exponent: f32) -> f32 {
    f64::from(x).powf(f64::from(exponent)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error in units of the last place over all of `f32` from `low` to `high`, by a
    /// step that is prime to the structure of the bits.
    fn worst(
        f: impl Fn(f32) -> f32,
        exact: impl Fn(f64) -> f64,
        low: f32,
        high: f32,
    ) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        for bits in (0..u32::MAX).step_by(1009) {
            let x = f32::from_bits(bits);
            if !(low <= x && x <= high) {
                continue;
            }
            let (y, exact) = (f(x), exact(f64::from(x)));
            let rounded = exact as f32;
            if y == rounded {
                continue;
            }
            let next = f32::from_bits(rounded.abs().to_bits() + 1);
            let place = f64::from(next) - f64::from(rounded.abs());
            let error = if y.is_finite() && rounded.is_finite() {
                (f64::from(y) - exact).abs() / place
            } else {
                f64::INFINITY
            };
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    #[test]
    fn errors_stay_within_a_few_units_of_the_last_place() {
        type Case = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f32, f32, f64);
        let all = f32::INFINITY;
        let cases: [Case; 8] = [
            ("exp", exp, f64::exp, -all, all, 2.0),
            ("expm1", expm1, f64::exp_m1, -all, all, 2.0),
            ("ln", ln, f64::ln, 0.0, all, 2.0),
            ("log1p", log1p, f64::ln_1p, -1.0, all, 2.0),
            ("tanh", tanh, f64::tanh, -all, all, 3.0),
            ("sigmoid", sigmoid, double::sigmoid, -all, all, 3.0),
            ("softplus", softplus, double::softplus, -all, all, 3.0),
            ("log_sigmoid", log_sigmoid, double::log_sigmoid, -all, all, 3.0),
        ];
        for (name, f, exact, low, high, bound) in cases {
            let (error, at) = worst(f, exact, low, high);
            println!("{name}: {error:.3} at {at:e}");
            assert!(error <= bound, "{name}: {error} at {at:e}");
        }
    }

    #[test]
    fn edges_are_what_they_should_be() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        type Case = (fn(f32) -> f32, [f32; 3]);
        // At −∞, 0 and ∞.
        let cases: [Case; 8] = [
            (exp, [0.0, 1.0, inf]),
            (expm1, [-1.0, 0.0, inf]),
            (ln, [nan, -inf, inf]),
            (log1p, [nan, 0.0, inf]),
            (tanh, [-1.0, 0.0, 1.0]),
            (sigmoid, [0.0, 0.5, 1.0]),
            (softplus, [0.0, std::f32::consts::LN_2, inf]),
            (log_sigmoid, [-inf, -std::f32::consts::LN_2, 0.0]),
        ];
        for (index, (f, values)) in cases.into_iter().enumerate() {
            for (x, value) in [-inf, 0.0, inf].into_iter().zip(values) {
                let y = f(x);
                assert!(y == value || y.is_nan() && value.is_nan(), "{index}: {y} at {x}");
            }
            assert!(f(nan).is_nan(), "{index}");
            for x in [f32::MAX, f32::MIN, f32::from_bits(1), -f32::from_bits(1)] {
                let logarithm = index == 2 || index == 3;
                assert!(logarithm && x < 0.0 || !f(x).is_nan(), "{index} at {x}");
            }
        }
        assert_eq!(log1p(-1.0), -inf);
        for f in [expm1, log1p, tanh] {
            assert!(f(-0.0).is_sign_negative() && f(-0.0) == 0.0);
            assert_eq!(f(-f32::from_bits(3)), -f32::from_bits(3));
        }
        assert_eq!(ln(1.0).to_bits(), 0);
        assert_eq!(exp(-103.0), f32::from_bits(1));
    }

    #[test]
    fn what_goes_through_f64_is_rounded_once() {
        let cases: [(f32, f64); 6] = [
            (softplus_inverse(std::f32::consts::LN_2), 3.809_308_596_29e-9),
            (erfc(9.0), 4.137_031_746_51e-37),
            (log_ndtr(-1e4), -50_000_010.129_3),
            (sin(1e6), -0.349_993_502_171),
            (cos(-1e6), 0.936_752_127_533),
            (powf(3.0, 1.5), 5.196_152_422_71),
        ];
        for (y, exact) in cases {
            assert_eq!(y, exact as f32);
        }
    }
}
