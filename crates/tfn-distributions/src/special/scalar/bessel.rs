//! Modified Bessel functions of the first kind, scaled by `exp(−|x|)`.

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

/// The derivative of [`ratio`]: `1 − r/x − r²`.
pub(crate) fn ratio_slope(x: f64) -> f64 {
    let x = x.abs();
    if x < 1e-4 {
        return 0.5 - 3.0 / 16.0 * x * x;
    }
    if x < 25.0 {
        let r = ratio(x);
        return (1.0 - r) * (1.0 + r) - r / x;
    }
    let u = 1.0 / x;
    u * u * FALL.iter().rev().fold(0.0, |rest, c| rest * u + c)
}
