//! The mean logarithm of the distance of a normal variable from 0.

use std::sync::LazyLock;

use super::chebyshev::Chebyshev;

/// Beyond this ratio the asymptotic series has all digits.
const FAR: f64 = 12.0;

/// `E ln|z| = −(γ + ln 2)/2` of a standard normal `z`.
const AT_ZERO: f64 = -0.635_181_422_730_739_1;

/// `E ln|ratio + z|` of a standard normal `z`, and its derivative `√2 D(ratio/√2)` with Dawson's integral `D`.
///
/// ```text
/// E ln|r + z| = −(γ + ln 2)/2 + ∫₀ʳ √2 D(t/√2) dt = ln r − Σ (2k−1)!!/(2k r²ᵏ)   for large r
/// ```
///
/// # References
/// Dawson's integral: NIST Handbook of Mathematical Functions, 7.2.5 and 7.12. The same mean by Kummer's function:
/// Molchanov, Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.2.
pub(crate) fn expected_log(ratio: f64) -> [f64; 2] {
    static TABLE: LazyLock<Vec<[Chebyshev<16>; 2]>> = LazyLock::new(table);
    let r = ratio.abs();
    if r >= FAR || r.is_nan() {
        return far(r).map_sign(ratio);
    }
    let [value, quotient] = &TABLE[r as usize];
    let t = 2.0 * (r - r.floor()) - 1.0;
    [value.at(t), r * quotient.at(t)].map_sign(ratio)
}

trait MapSign {
    fn map_sign(self, ratio: f64) -> Self;
}

impl MapSign for [f64; 2] {
    /// The value of an even function and its odd slope.
    fn map_sign(self, ratio: f64) -> Self {
        [self[0], if ratio < 0.0 { -self[1] } else { self[1] }]
    }
}

fn far(r: f64) -> [f64; 2] {
    let inverse = (r * r).recip();
    let (mut sum, mut slope, mut term) = (0.0, 1.0, 1.0);
    for k in 1..=24 {
        let k = f64::from(k);
        term *= (2.0 * k - 1.0) * inverse;
        sum += term / (2.0 * k);
        slope += term;
    }
    [r.ln() - sum, slope / r]
}

/// `√2 D(x)/r = exp(−x²) Σ x²ᵏ/(k!(2k+1))`, `x = r/√2`: all terms are positive.
fn slope_by_ratio(r: f64) -> f64 {
    let square = 0.5 * r * r;
    let (mut sum, mut power) = (0.0, 1.0);
    for k in 0..400 {
        let k = f64::from(k);
        let term = power / (2.0 * k + 1.0);
        sum += term;
        if term < 1e-18 * sum {
            break;
        }
        power *= square / (k + 1.0);
    }
    sum * (-square).exp()
}

/// Value, and slope by ratio, over each unit below [`FAR`].
fn table() -> Vec<[Chebyshev<16>; 2]> {
    let mut start = AT_ZERO;
    let unit = |unit: usize| {
        let at = |t: f64| unit as f64 + 0.5 * (t + 1.0);
        let nodes = Chebyshev::<16>::nodes().map(at);
        let quotient = nodes.map(slope_by_ratio);
        let slope = std::array::from_fn(|i| nodes[i] * quotient[i]);
        let value = Chebyshev::fit(&slope).integral(0.5, start);
        start = value.at(1.0);
        [value, Chebyshev::fit(&quotient)]
    };
    (0..FAR as usize).map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By mpmath with 50 digits: `−(γ + ln 2)/2 + r²/2 · 2F2(1, 1; 3/2, 2; −r²/2)` and `√2 D(r/√2)`.
    const EXACT: &[[f64; 3]] = &[
        [1e-8, -0.635_181_422_730_739_1, 1e-8],
        [1e-3, -0.635_180_922_730_822_4, 0.000_999_999_666_666_733_4],
        [0.1, -0.630_189_744_964_855_5, 0.099_667_332_382_009_63],
        [0.5, -0.515_220_693_836_032_2, 0.46034428261948487],
        [1.0, -0.20849581843469428, 0.724_778_459_007_076_4],
        [1.5, 0.16919366535831046, 0.752_136_210_019_980_3],
        [2.25, 0.671_498_541_830_469_2, 0.569_170_988_366_545_3],
        [3.0, 1.0274165927261368, 0.3931668791668701],
        [4.7, 1.5230684787672315, 0.22418367651124457],
        [6.5, 1.8595095217985934, 0.15778321008739677],
        [8.99, 2.1898063730219876, 0.11266558828820259],
        [11.5, 2.438_522_309_301_476, 0.087_629_549_245_670_39],
        [11.999, 2.4813134611020124, 0.083_931_628_723_988],
        [12.0, 2.4813973891831313, 0.083_924_533_715_193_2],
        [15.0, 2.705_812_939_294_359, 0.066_967_004_217_956_77],
        [40.0, 3.688566660532823, 0.025015654388830546],
        [1000.0, 6.907754778981387, 0.001000001000003],
        [1e9, 20.723_265_836_946_41, 1.0e-9],
    ];

    #[test]
    fn all_digits_are_there() {
        for &[r, value, slope] in EXACT {
            for sign in [1.0, -1.0] {
                let [v, d] = expected_log(sign * r);
                assert!((v - value).abs() <= 2e-15 * value.abs().max(1.0), "{r}: {v} {value}");
                assert!((sign * d - slope).abs() <= 5e-15 * slope.abs(), "{r}: {d} {slope}");
            }
        }
    }
}
