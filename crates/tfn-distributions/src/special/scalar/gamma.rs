//! The gamma function's logarithm, its derivatives, and differences of them that do not cancel.

use std::f64::consts::PI;

use super::log1p_gap;

/// ln sqrt(2π)
pub(crate) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;
/// From here on Stirling's series has all digits.
const LARGE: f64 = 10.0;
/// From here on the next number is more than 1 away, and no recurrence moves it.
const UNMOVED: f64 = 1e15;
/// B₂ₖ/(2k(2k − 1)): `lnΓ` beyond Stirling's formula is their sum over `x^(2k−1)`.
pub(crate) const STIRLING: [f64; 9] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
    43_867.0 / 244_188.0,
];

pub(crate) fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The logarithmic derivative of the gamma function.
pub(crate) fn digamma(x: f64) -> f64 {
    if x == f64::INFINITY { x } else { spec_math::cephes64::psi(x) }
}

/// The derivative of [`digamma`].
pub(crate) fn trigamma(x: f64) -> f64 {
    if x <= 0.0 {
        let sine = (PI * x).sin();
        return (PI / sine).powi(2) - trigamma(1.0 - x);
    }
    let (mut sum, mut x) = (0.0, x);
    while x < LARGE {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = STIRLING.iter().enumerate().rev().fold(0.0, |rest, (k, c)| {
        let power = (2 * k + 1) as f64;
        rest * square + c * power * (power + 1.0)
    });
    sum + 1.0 / x + square * (0.5 + series / x)
}

/// `lnΓ(x) − [(x − ½) ln x − x + ln sqrt(2π)]` for `x ≥ 10`.
pub(crate) fn stirling_rest(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |rest, c| rest * square + c) / x
}

/// `lnΓ(1 + x)` for `x > −1`, exact where `1 + x` is rounded.
pub(crate) fn ln_gamma_1p(x: f64) -> f64 {
    let sum = 1.0 + x;
    if x > 1.0 { ln_gamma(sum) } else { ln_gamma(sum) + (x - (sum - 1.0)) * digamma(sum) }
}

/// `lnΓ(a + b) − lnΓ(a)` for positive arguments of any size.
pub(crate) fn ln_gamma_rise(a: f64, b: f64) -> f64 {
    let (mut sum, mut a) = (0.0, a);
    if a < LARGE && b > LARGE {
        return ln_gamma(a + b) - ln_gamma(a);
    }
    while a < LARGE {
        sum -= (b / a).ln_1p();
        a += 1.0;
    }
    let t = b / a;
    // b ln a + (a + b − ½) ln(1 + t) − b, with a (ln(1 + t) − t) = −a·gap.
    let leading = b * a.ln() - a * log1p_gap(t) + (b - 0.5) * t.ln_1p();
    sum + leading + stirling_rest_rise(a, b)
}

/// `stirling_rest(a + b) − stirling_rest(a)`.
fn stirling_rest_rise(a: f64, b: f64) -> f64 {
    let end = a + b;
    if b > a {
        return stirling_rest(end) - stirling_rest(a);
    }
    // d(x^−m) = −(b/(a·end)) Σ a^−i end^−(m−1−i)
    let (p, q) = (1.0 / end, 1.0 / a);
    let mut sum = 0.0;
    for (k, c) in STIRLING.iter().enumerate() {
        let m = 2 * k as i32;
        sum += c * (0..=m).map(|i| p.powi(i) * q.powi(m - i)).sum::<f64>();
    }
    -b * p * q * sum
}

/// `ψ(a + b) − ψ(a)` for positive `a` and `a + b`.
pub(crate) fn digamma_rise(a: f64, b: f64) -> f64 {
    let (mut sum, mut a) = (0.0, a);
    if b.abs() > a.max(LARGE) || (a > UNMOVED && a + b < LARGE) {
        return digamma(a + b) - digamma(a);
    }
    while a < LARGE || a + b < LARGE {
        sum += b / (a * (a + b));
        a += 1.0;
    }
    let end = a + b;
    let (p, q) = (1.0 / (end * end), 1.0 / (a * a));
    // p^m − q^m over p − q, for m = 1, 2, …
    let (mut series, mut quotient, mut power) = (0.0, 1.0, 1.0);
    for (k, c) in STIRLING.iter().enumerate() {
        series += c * (2 * k + 1) as f64 * quotient;
        power *= p;
        quotient = quotient * q + power;
    }
    let falling = b / (a * end);
    sum + (b / a).ln_1p() + 0.5 * falling + falling * (1.0 / a + 1.0 / end) * series
}

/// `lnΓ(p) − lnΓ(q) − (p − q) ψ(q)`, which is never negative, for positive arguments; `p = q` up to any digit.
pub(crate) fn ln_gamma_bregman(p: f64, q: f64) -> f64 {
    let d = p - q;
    if d.abs() > q.max(LARGE) || (q > UNMOVED && p < LARGE) {
        return ln_gamma(p) - ln_gamma(q) - d * digamma(q);
    }
    let (mut sum, mut q) = (0.0, q);
    while q < LARGE || q + d < LARGE {
        sum += log1p_gap(d / q);
        q += 1.0;
    }
    let t = d / q;
    // (1 + t) ln(1 + t) − t = t² − (1 + t)·gap
    let gap = log1p_gap(t);
    let entropy = q * (t * t - (1.0 + t) * gap);
    sum + entropy + 0.5 * gap + stirling_rest_bregman(q, t)
}

/// The part of [`ln_gamma_bregman`] that comes from Stirling's series, at `q` and `p = q(1 + t)`.
fn stirling_rest_bregman(q: f64, t: f64) -> f64 {
    let s = 1.0 / (1.0 + t);
    let w = t * s;
    let mut total = 0.0;
    for (k, c) in STIRLING.iter().enumerate() {
        // s^m − 1 + m t = Σᵢ (t w + w² Σⱼ s^j), j < i < m
        let (mut bend, mut inner, mut power) = (0.0, 0.0, 1.0);
        for _ in 0..=2 * k {
            bend += t * w + w * w * inner;
            inner += power;
            power *= s;
        }
        total += c * bend * q.powi(-(2 * k as i32 + 1));
    }
    total
}

/// The logarithm of the beta function, exact for arguments of any size.
pub(crate) fn log_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small >= LARGE {
        let sum = small + large;
        let rests = stirling_rest(small) + (stirling_rest(large) - stirling_rest(sum));
        let ratio = small / large;
        return LN_SQRT_2PI - 0.5 * large.ln() + rests
            - (small - 0.5) * (1.0 / ratio).ln_1p()
            - large * ratio.ln_1p();
    }
    if small < 1.0 {
        // Γ(a) = Γ(1 + a)/a
        return ln_gamma_1p(small) - small.ln() - ln_gamma_rise(large, small);
    }
    ln_gamma(small) - ln_gamma_rise(large, small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_arguments_beside_small_ones_come_to_an_end() {
        // ψ(4) − ln(1e16), and lnΓ(1) − lnΓ(q) − (1 − q) ψ(q) ≈ q.
        let rise = digamma_rise(1e16, 4.0 - 1e16);
        assert!((rise / -35.585_243_819_472_93 - 1.0).abs() < 1e-14, "{rise}");
        assert!((ln_gamma_bregman(1.0, 1e17) / 1e17 - 1.0).abs() < 1e-12);
    }
}
