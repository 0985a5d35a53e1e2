//! Modified Bessel functions of the first kind, scaled by `exp(−|x|)`.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::panels::integral;

/// Coefficients of `u²·uⁿ`, u = 1/x, in the asymptotic series of [`ratio_slope`], from `r′ = 1 − r/x − r²`.
const FALL: [f64; 18] = [
    0.5,
    0.25,
    0.375,
    0.78125,
    2.03125,
    6.287109375,
    22.53125,
    91.731689453125,
    418.306640625,
    2112.7614974975586,
    11711.46044921875,
    70704.5485754013,
    461875.40673828125,
    3246384.9033884406,
    24431241.798706055,
    196017082.1258584,
    1670297290.8629532,
    15065216096.039572,
];
/// From here on the terms of that series fall below all digits.
const FAR: f64 = 40.0;

/// `exp(−|x|) I₀(x)`.
pub(crate) fn i0e(x: f64) -> f64 {
    spec_math::cephes64::i0e(x)
}

/// `exp(−|x|) I₁(x)`.
pub(crate) fn i1e(x: f64) -> f64 {
    spec_math::cephes64::i1e(x)
}

/// `I₁(x)/I₀(x)`.
pub(crate) fn ratio(x: f64) -> f64 {
    i1e(x) / i0e(x)
}

/// `1 − I₁(x)/I₀(x)` for `x ≥ 0`, with all digits where the ratio is near 1.
pub(crate) fn ratio_rest(x: f64) -> f64 {
    if x < 0.5 {
        return 1.0 - ratio(x);
    }
    if x < FAR {
        return moments(x)[0];
    }
    let u = 1.0 / x;
    let terms = FALL.iter().enumerate().rev();
    u * terms.fold(0.0, |rest, (n, c)| rest * u + c / (n + 1) as f64)
}

/// The derivative of [`ratio`]: `1 − r/x − r²`.
pub(crate) fn ratio_slope(x: f64) -> f64 {
    let x = x.abs();
    if x < FAR {
        return moments(x)[1];
    }
    let u = 1.0 / x;
    u * u * FALL.iter().rev().fold(0.0, |rest, c| rest * u + c)
}

/// `1 − cos t` at the points of the trapezoidal rule on half a circle.
static VERSINES: LazyLock<[f64; 33]> =
    LazyLock::new(|| std::array::from_fn(|j| 2.0 * (PI / 64.0 * j as f64).sin().powi(2)));

/// Mean and variance of `1 − cos t` under the density proportional to `exp(x cos t)` on the circle: one minus the ratio,
/// and its slope, of terms of one sign.
///
/// With 64 points the trapezoidal rule is exact up to `I₆₄(x)/I₀(x)`: below 1e-22 for `x` up to 40. L. N. Trefethen and
/// J. A. C. Weideman, The exponentially convergent trapezoidal rule, SIAM Review 56 (2014), theorem 2.1.
fn moments(x: f64) -> [f64; 2] {
    let versines = &*VERSINES;
    let mut weights = versines.map(|versine| (-x * versine).exp());
    weights[0] *= 0.5;
    weights[32] *= 0.5;
    let total: f64 = weights.iter().sum();
    let expect = |f: &dyn Fn(f64) -> f64| {
        weights.iter().zip(versines).map(|(weight, &versine)| weight * f(versine)).sum::<f64>()
            / total
    };
    let mean = expect(&|versine| versine);
    [mean, expect(&|versine| (versine - mean).powi(2))]
}

/// `ln I₀(x)` for `x` from 0 to about 1, with all digits where it is small.
fn log_i0_near_0(x: f64) -> f64 {
    let quarter = 0.25 * x * x;
    let (mut term, mut sum) = (quarter, 0.0);
    for k in 2..20 {
        sum += term;
        term *= quarter / f64::from(k * k);
    }
    sum.ln_1p()
}

/// Up to which `ln(p/q)` differences of `p` and `q` are integrals.
const LOG_RATIO: f64 = 2.8;

/// `ln I₀(p) − ln I₀(q) − (p − q) I₁(q)/I₀(q)` for `p`, `q ≥ 0`: the divergence that `ln I₀` generates, never negative.
pub(crate) fn log_i0_bregman(p: f64, q: f64) -> f64 {
    if p == q {
        return 0.0;
    }
    let log = log_ratio(p, q);
    if log.abs() < LOG_RATIO {
        // ∫ (p − s) r′(s) ds from q to p, in the logarithm of s.
        return between(q, log, &|s, left| left * s * ratio_slope(s));
    }
    if p < 1.0 && q < 1.0 {
        return log_i0_near_0(p) - log_i0_near_0(q) - (p - q) * ratio(q);
    }
    i0e(p).ln() - i0e(q).ln() + (p - q) * ratio_rest(q)
}

/// `I₁(p)/I₀(p) − I₁(q)/I₀(q)` for `p`, `q ≥ 0`.
pub(crate) fn ratio_rise(q: f64, p: f64) -> f64 {
    if p == q {
        return 0.0;
    }
    let log = log_ratio(p, q);
    if log.abs() < LOG_RATIO {
        between(q, log, &|s, _| s * ratio_slope(s))
    } else if p < 1.0 && q < 1.0 {
        ratio(p) - ratio(q)
    } else {
        ratio_rest(q) - ratio_rest(p)
    }
}

/// `ln(p/q)`, exact where the ratio is near 1.
fn log_ratio(p: f64, q: f64) -> f64 {
    let rise = (p - q) / q;
    if rise.abs() < 0.5 { rise.ln_1p() } else { (p / q).ln() }
}

/// The integral of `f(s, p − s)` over the logarithm of `s` from that of `q` on, of this signed length.
fn between(q: f64, log: f64, f: &dyn Fn(f64, f64) -> f64) -> f64 {
    let pieces = if log.abs() < 0.5 * LOG_RATIO { 1 } else { 2 };
    let at = |t: f64| {
        let s = q * (t * log.signum()).exp();
        f(s, s * (log - t * log.signum()).exp_m1())
    };
    integral(log.abs(), pieces, &at) * log.signum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within this much relative to what is expected.
    fn near(given: f64, expected: f64, tolerance: f64) {
        assert!((given - expected).abs() <= tolerance * expected.abs(), "{given} {expected}");
    }

    #[test]
    fn the_rest_of_the_ratio_and_its_slope_keep_all_digits() {
        // mpmath, 60 digits: x, 1 − r, 1 − r/x − r² with r = besseli(1, x)/besseli(0, x)
        for (x, rest, slope) in [
            (1e-6, 0.999_999_5, 0.499_999_999_999_812_5),
            (0.003, 0.998_500_001_687_497_4, 0.499_998_312_504_218_7),
            (0.7, 0.669_822_710_467_329, 0.419_301_115_287_328_6),
            (5.5, 0.096_182_566_242_564_65, 0.018_783_603_934_772_086),
            (24.9, 0.020_290_583_264_439_52, 0.000_823_699_051_412_442_2),
            (39.99, 0.012_583_325_069_551_428, 0.000_316_720_298_592_966_5),
            (40.01, 0.012_576_993_851_112_63, 0.000_316_401_625_497_748_2),
            (137.0, 0.003_656_344_129_997_053, 2.673_797_788_909_056_3e-5),
            (1e4, 5.000_125_012_501_954e-5, 5.000_250_037_507_814_6e-9),
            (1e6, 5.000_001_250_001_25e-7, 5.000_002_500_003_75e-13),
            (1e12, 5.000_000_000_001_25e-13, 5.000_000_000_002_5e-25),
        ] {
            near(ratio_rest(x), rest, 1e-15);
            near(ratio_slope(x), slope, 1e-15);
        }
    }

    #[test]
    fn the_divergence_keeps_all_digits_however_near_or_far() {
        // mpmath, 80 digits: p, q, log(i0(p)) - log(i0(q)) - (p - q)*r(q), r(p) - r(q)
        for (p, q, divergence, rise) in [
            (1e-6, 2e-6, 2.499_999_999_997_343_3e-13, -4.999_999_999_995_625e-7),
            (1e-6, 1e-3, 2.495_002_031_875_087e-7, -0.000_499_499_937_500_010_5),
            (0.5, 1e-3, 0.061_299_969_216_684_42, 0.241_999_612_643_301_94),
            (1e-3, 0.9, 0.175_359_495_431_095_58, -0.409_337_203_522_710_75),
            (3.0, 3.000_000_1, 3.696_436_085_979_315e-16, -7.392_872_274_735_816_5e-9),
            (2.0, 30.0, 0.968_599_658_540_431_1, -0.285_414_897_401_328_14),
            (30.0, 2.0, 7.023_017_468_696_756, 0.285_414_897_401_328_14),
            (1e6, 1_000_000.000_931_322_6, 2.168_405_426_482_160_5e-19, -4.656_615_197_050_51e-16),
            (1e6, 1e3, 496.170_997_493_467_9, 0.000_499_625_125_070_719_7),
            (5.0, 100.0, 1.048_749_521_370_982_5, -0.101_604_235_961_083_55),
            (1e-6, 1e6, 7.326_692_562_187_373, -0.999_998_999_999_875),
            (1e6, 1e-6, 999_991.673_306_312_8, 0.999_998_999_999_875),
            (1e6, 9e4, 3.851_595_530_698_992, 5.055_570_862_825_666_4e-6),
            (0.0, 3.0, 0.844_648_260_056_092_6, -0.809_985_293_956_504_5),
            (3.0, 0.0, 1.585_307_621_813_421, 0.809_985_293_956_504_5),
        ] {
            near(log_i0_bregman(p, q), divergence, 3e-15);
            near(ratio_rise(q, p), rise, 3e-15);
        }
        assert_eq!((log_i0_bregman(7.0, 7.0), ratio_rise(7.0, 7.0)), (0.0, 0.0));
    }
}
