//! Student's t distribution around 0, for degrees of freedom of any size: at a `z` of at least 0 where a side is meant.

use std::f64::consts::{LN_2, PI};

use super::beta_front::Point;
use super::gamma::{LN_SQRT_2PI, STIRLING, ln_gamma_1p, ln_gamma_rise};
use super::incomplete_beta::{by_parameters, front_over_tail, log_tail, quantile};
use super::incomplete_gamma::LogTail;
use super::log1p_gap;
use super::panels::integral;

/// From here on the series of [`half_step`] have all digits.
const LARGE: f64 = 10.0;
/// From this `z/sqrt(df)` on the tail is a power to all digits.
const FAR: f64 = 1e100;
/// From here on the distribution is the normal one, to all digits of its probabilities.
const NORMAL: f64 = 1e30;
/// Below this, halves of `df` are no more exact, and the tail is all there is.
const FEWEST: f64 = 1e-300;
/// From here on derivatives of the incomplete beta function cancel.
const MANY: f64 = 10.0;

/// `h(a) = lnΓ(a + ½) − lnΓ(a) − ½ ln a` and its first two derivatives, which tend to 0 as `a` grows.
///
/// Each step of `h(a) − h(a + 1) = ½ ln[a (a + 1)/(a + ½)²]`, and each term of the series that is left, has the sign of
/// the whole: nothing cancels.
fn half_step(a: f64) -> [f64; 3] {
    let (mut sum, mut a) = ([0.0; 3], a);
    while a < LARGE {
        let middle = a + 0.5;
        let step = if a < 0.5 {
            (a * (a + 1.0) / (middle * middle)).ln()
        } else {
            (-0.25 / (middle * middle)).ln_1p()
        };
        let slope = 0.25 / (a * (a + 1.0) * middle);
        sum[0] += 0.5 * step;
        sum[1] += slope;
        sum[2] -= slope * (1.0 / a + 1.0 / (a + 1.0) + 1.0 / middle);
        a += 1.0;
    }
    let square = 1.0 / (a * a);
    // lnΓ at a half has Stirling's series times 2^(1 − 2k) − 1.
    let series = |weight: fn(f64) -> f64| {
        STIRLING.iter().enumerate().rev().fold(0.0, |rest, (k, c)| {
            let power = (2 * k + 1) as f64;
            rest * square + c * (0.5_f64.powf(power) - 2.0) * weight(power)
        })
    };
    [
        sum[0] + series(|_| 1.0) / a,
        sum[1] - series(|power| power) * square,
        sum[2] + series(|power| power * (power + 1.0)) * square / a,
    ]
}

/// The log-density at 0.
pub(crate) fn log_peak(df: f64) -> f64 {
    half_step(0.5 * df)[0] - LN_SQRT_2PI
}

/// Its derivative.
pub(crate) fn log_peak_slope(df: f64) -> f64 {
    0.5 * half_step(0.5 * df)[1]
}

/// `ln(1 + z²/df)`.
fn log_growth(df: f64, z: f64) -> f64 {
    let u = z.abs() / df.sqrt();
    if u < 1e8 { (u * u).ln_1p() } else { 2.0 * u.ln() }
}

/// How much lower than at 0 the log-density is at `z`.
pub(crate) fn log_fall([df, z]: [f64; 2]) -> f64 {
    if z.is_infinite() { f64::NEG_INFINITY } else { -0.5 * (df + 1.0) * log_growth(df, z) }
}

/// Its derivative in `df`: with that of the peak, terms of the order of `1/df²`.
pub(crate) fn log_fall_in_df([df, z]: [f64; 2]) -> f64 {
    if z.is_infinite() {
        return 0.0;
    }
    let square = z * z;
    let s = if square < f64::INFINITY { square / (df + square) } else { 1.0 };
    let gap = if s < 0.5 { log1p_gap(-s) } else { log_growth(df, z) - s };
    0.5 * (s / df - gap)
}

/// Its derivative in `z`.
pub(crate) fn log_fall_in_z([df, z]: [f64; 2]) -> f64 {
    if z.abs() > 1.0 { -(df + 1.0) / (z + df / z) } else { -(df + 1.0) * z / (df + z * z) }
}

/// The derivative of the log-density in the logarithm of the scale: `−1 − z ∂/∂z`, which cancels.
pub(crate) fn log_density_in_scale([df, z]: [f64; 2]) -> f64 {
    if z.abs() <= 1.0 {
        return (z - 1.0) * (z + 1.0) * (df / (df + z * z));
    }
    let t = z.recip();
    (1.0 - t) * (1.0 + t) * (df / (1.0 + df * t * t))
}

/// The entropy.
pub(crate) fn entropy(df: f64) -> f64 {
    let [h, slope, _] = half_step(0.5 * df);
    0.5 + 0.5 / df + 0.5 * (df + 1.0) * slope - h + LN_SQRT_2PI
}

/// Its derivative.
pub(crate) fn entropy_slope(df: f64) -> f64 {
    0.25 * (df + 1.0) * half_step(0.5 * df)[2] - 0.5 / (df * df)
}

/// The mean of the absolute value, for `df` above 1.
pub(crate) fn mean_size(df: f64) -> f64 {
    (2.0 / PI).sqrt() * half_step(0.5 * df)[0].exp() * (df / (df - 1.0))
}

/// Its derivative.
pub(crate) fn mean_size_slope(df: f64) -> f64 {
    mean_size(df) * (0.5 * half_step(0.5 * df)[1] - 1.0 / (df * (df - 1.0)))
}

/// `z²/(df + z²)`, with its complement.
fn point(df: f64, z: f64) -> Point {
    let u = z / df.sqrt();
    Point::of_odds(u * u)
}

/// `−ln[a B(a, ½)]`: what the tail is to a power of `df/(df + z²)` far out.
fn log_tail_scale(a: f64) -> f64 {
    ln_gamma_rise(0.5, a) - ln_gamma_1p(a)
}

/// The probability of a distance from 0 of at most `z`, by whichever side of it has the digits.
fn sides(df: f64, z: f64) -> LogTail {
    let df = df.clamp(FEWEST, NORMAL);
    let u = z / df.sqrt();
    if u > FAR {
        return LogTail::Upper(log_tail_scale(half(df)) - df * u.ln());
    }
    if flat_to(df, z) {
        return LogTail::Lower((2.0 * z).ln() + log_peak(df));
    }
    log_tail(0.5, half(df), point(df, z))
}

/// Whether the density is that at 0 from there to `z`, to all digits.
fn flat_to(df: f64, z: f64) -> bool {
    z * z * (1.0 + 1.0 / df) < 1e-17
}

/// The probability of a distance from 0 of at most `z`.
pub(crate) fn inner([df, z]: [f64; 2]) -> f64 {
    sides(df, z).lower()
}

/// The probability of more than `z`.
pub(crate) fn tail([df, z]: [f64; 2]) -> f64 {
    0.5 * sides(df, z).swapped().lower()
}

/// Its logarithm.
pub(crate) fn log_tail_of([df, z]: [f64; 2]) -> f64 {
    sides(df, z).swapped().log_lower() - LN_2
}

/// The density at `z`.
pub(crate) fn density([df, z]: [f64; 2]) -> f64 {
    (log_peak(df) + log_fall([df, z])).exp()
}

/// The density at `z` over the [`tail`] there, of which `log_tail` is the logarithm.
pub(crate) fn density_over_tail([df, z]: [f64; 2], log_tail: f64) -> f64 {
    let (a, at) = (half(df.clamp(FEWEST, NORMAL)), point(df, z));
    if at.is_inside() {
        // Without logarithms, which are large far out and cancel.
        front_over_tail(0.5, a, at, true) * (2.0 / z)
    } else {
        (log_peak(df) + log_fall([df, z]) - log_tail).exp()
    }
}

/// The derivative of [`inner`] in `df`.
pub(crate) fn inner_in_df(at: [f64; 2]) -> f64 {
    let density = density(at);
    if density == 0.0 { 0.0 } else { at[1] * density * inner_in_df_over_front(at) }
}

/// The derivative of the logarithm of [`tail`] in `df`, from that in `z`.
pub(crate) fn log_tail_in_df(at: [f64; 2], in_z: f64) -> f64 {
    if in_z == 0.0 { 0.0 } else { 0.5 * at[1] * in_z * inner_in_df_over_front(at) }
}

/// The derivative of [`inner`] in `df`, over `z` times the density there, which is the beta function's front.
fn inner_in_df_over_front([df, z]: [f64; 2]) -> f64 {
    if df > NORMAL || z == 0.0 {
        // The tails are those of the normal distribution; nothing lies within 0.
        return 0.0;
    }
    if df > MANY {
        return inner_by_score([df, z]);
    }
    let (at, a) = (point(df, z), 0.5 * df);
    if !at.is_inside() {
        return 0.0;
    }
    0.5 * by_parameters(0.5, a, at)[1] - 1.0 / df
}

/// The same as the integral of the density's slope, from 0 or, as the whole is 0, from infinity: of one sign, where the
/// difference of two derivatives of the beta function is not.
fn inner_by_score([df, z]: [f64; 2]) -> f64 {
    let peak_slope = log_peak_slope(df);
    let score = |z: f64| peak_slope + log_fall_in_df([df, z]);
    let first = -log_fall([df, z]);
    if z < 1.5 {
        let term = |t: f64| log_fall([df, t]).exp() * score(t);
        return 2.0 * first.exp() / z * integral(z, 1, &term);
    }
    // By the root of the exponent of the density, which is 45 further where nothing is left.
    if first == f64::INFINITY {
        return 0.0;
    }
    let root = first.sqrt();
    let length = 45.0 / ((first + 45.0).sqrt() + root);
    let term = |h: f64| {
        let fall = h * (2.0 * root + h);
        let growth = 2.0 * (first + fall) / (df + 1.0);
        // Over z, as far out it may overflow itself, and its square before.
        let ratio = if growth > 40.0 {
            (0.5 * growth - (z / df.sqrt()).ln()).exp()
        } else {
            df.sqrt() * growth.exp_m1().sqrt() / z
        };
        let t = (ratio * z).min(f64::MAX);
        2.0 * (root + h) * (-fall).exp() * score(t) * (ratio + df / t / z) / (df + 1.0)
    };
    -2.0 * integral(length, 6, &term)
}

/// The `z` of which `p`, at most ½, is the [`tail`].
pub(crate) fn tail_quantile([df, p]: [f64; 2]) -> f64 {
    let df = df.clamp(FEWEST, NORMAL);
    let a = half(df);
    // The logarithm of df/(df + z²) where the tail is a power of it.
    let log = ((2.0 * p).ln() - log_tail_scale(a)) / a;
    if p > 0.0 && log < -300.0 {
        return df.sqrt() * (-0.5 * log).exp();
    }
    (df * quantile(0.5, a, 2.0 * p, true).odds()).sqrt()
}

/// Half of the smallest number is none.
fn half(df: f64) -> f64 {
    (0.5 * df).max(f64::from_bits(1))
}

/// The `z` of which `p` is the [`inner`] probability.
pub(crate) fn inner_quantile([df, p]: [f64; 2]) -> f64 {
    let df = df.clamp(FEWEST, NORMAL);
    let near = 0.5 * p / log_peak(df).exp();
    if flat_to(df, near) {
        return near;
    }
    let a = half(df);
    // As in `tail_quantile`, of the complement.
    let log = ((-p).ln_1p() - log_tail_scale(a)) / a;
    if log < -300.0 {
        return df.sqrt() * (-0.5 * log).exp();
    }
    (df * quantile(0.5, a, p, false).odds()).sqrt()
}

/// The derivative in `df` of either quantile at the distance `z`, where the probability stays.
pub(crate) fn quantile_in_df(df: f64, z: f64) -> f64 {
    if z == 0.0 || z.is_infinite() {
        return 0.0;
    }
    -0.5 * z * inner_in_df_over_front([df, z])
}

/// A draw from two uniforms in (0, 1).
///
/// # References
/// R. W. Bailey, Polar generation of random variates with the t-distribution, Mathematics of Computation 62 (1994): the
/// method of Box and Muller, which it is for `df` → ∞.
pub(crate) fn polar([df, radius, angle]: [f64; 3]) -> f64 {
    // df (u^(−2/df) − 1) is the square.
    let growth = -2.0 * radius.ln() / df;
    let size = if growth < 600.0 { growth.exp_m1().sqrt() } else { (0.5 * growth).exp() };
    df.sqrt() * size * (2.0 * PI * angle).cos()
}

/// The derivative of [`polar`] in `df`, from its value `z`.
pub(crate) fn polar_in_df([df, radius, _]: [f64; 3], z: f64) -> f64 {
    let growth = -2.0 * radius.ln() / df;
    if z.is_infinite() {
        return 0.0;
    }
    // Of ln z = ½ ln df + ½ ln(exp g − 1) with g′ = −g/df: (1 − g/(1 − exp(−g)))/(2 df).
    let rest = if growth < 0.1 {
        let square = growth * growth;
        let odd =
            1.0 / 12.0 - square * (1.0 / 720.0 - square * (1.0 / 30_240.0 - square / 1_209_600.0));
        -growth * (0.5 + growth * odd)
    } else {
        1.0 - growth / -(-growth).exp_m1()
    };
    0.5 * z / df * rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `df` and `z`; log-density, its derivatives in both, logarithm of the tail and its derivative in `df` (mpmath with
    /// 60 digits; tails by the hypergeometric series or, from `df` of 30 on, integrals of the density).
    #[rustfmt::skip]
    const VALUES: &[([f64; 2], [f64; 5])] = &[
        ([1e-06, 0.5], [-13.815519465717141, 999991.5922495435, -1.999994000024, -0.693154088315813, -6.407756456513005]),
        ([1e-06, 1e+80], [-198.71565698575736, 999808.6922909234, -1.000001e-80, -0.6933389882694332, -191.3077090765996]),
        ([0.3, 1e-09], [-1.4726401290566635, 1.158655275216201, -4.333333333333334e-09, -0.6931471810185839, -5.314039242911192e-10]),
        ([0.3, 40.0], [-7.050887605792286, -0.9660438294484771, -0.03249390739236393, -2.157929379327086, -4.298988530137038]),
        ([1.0, 3.0], [-3.447314978843446, -0.05814536593707753, -0.6, -2.278708595290299, -0.9803951311769901]),
        ([2.5, 0.7], [-1.3298592406352199, 0.06268738476088843, -0.8193979933110368, -1.3030476658125059, -0.0393457398647823]),
        ([2.5, 1e+30], [-241.18456557705548, -67.88194443042273, -3.4999999999999996e-30, -173.02330351910825, -68.28194443042273]),
        ([7.0, 3.0], [-4.261248443309248, -0.08685877269895532, -1.5, -4.608068074213525, -0.16909278971363367]),
        ([30.0, 40.0], [-62.851907963527964, -1.490133868058528, -0.7607361963190185, -62.54623464729917, -1.5228549200815538]),
        ([300.0, 1.5], [-2.0443100982193165, 1.2616581320008024e-06, -1.4937965260545907, -2.6981045745972727, -2.6013208384379478e-05]),
        ([300.0, 40.0], [-278.7166887849936, -0.5004544271359421, -6.336842105263158, -280.5603614563472, -0.5032614583185073]),
        ([10000.0, 2.0], [-2.9187635998499712, -1.7486673076351862e-08, -1.9994002399040385, -3.7825911775789804, -5.930083655439578e-08]),
        ([1000000.0, 0.5], [-1.0439388925796598, 3.593749739582147e-13, -0.5000003749999062, -1.1759115833002605, -1.7829331467190455e-13]),
        ([1000000.0, 3.0], [-5.418923033305922, -1.549979750209598e-11, -2.999976000215998, -6.607701598412306, -2.462295617530241e-11]),
        ([1000000.0, 38.0], [-722.3988775423056, -5.195607735179082e-07, -37.945245066124514, -726.0357120681092, -5.210026927659182e-07]),
        ([1000000000000.0, 2.0], [-2.918938533202923, -1.7499999999866668e-24, -1.999999999994, -3.783184333676099, -5.933038832027538e-24]),
    ];

    fn off(given: f64, expected: f64) -> f64 {
        (given / expected - 1.0).abs()
    }

    #[test]
    fn values_and_slopes_are_those_of_50_digits() {
        for (at @ [df, _], [log_prob, by_df, by_z, log_tail, tail_by_df]) in VALUES {
            let given = log_peak(*df) + log_fall(*at);
            assert!(off(given, *log_prob) < 1e-15, "log-density at {at:?}: {given}");
            let given = log_peak_slope(*df) + log_fall_in_df(*at);
            assert!(off(given, *by_df) < 1e-13, "its slope in df at {at:?}: {given}");
            let given = log_fall_in_z(*at);
            assert!(off(given, *by_z) < 1e-15, "its slope in z at {at:?}: {given}");
            let log = log_tail_of(*at);
            assert!(off(log, *log_tail) < 1e-15, "log-tail at {at:?}: {log}");
            let in_z = -density_over_tail(*at, log);
            assert!(
                off(in_z, -(log_prob - log_tail).exp()) < 1e-15 * (4.0 + log.abs()),
                "{at:?}: {in_z}"
            );
            let given = log_tail_in_df(*at, in_z);
            assert!(off(given, *tail_by_df) < 3e-14, "its slope in df at {at:?}: {given}");
        }
    }

    #[test]
    fn quantiles_invert_both_sides() {
        for df in [0.01, 0.3, 1.0, 4.0, 1e3, 1e6, 1e12, 1e200] {
            for p in [1e-300, 1e-20, 1e-3, 0.2, 0.499_999] {
                let (z, w) = (tail_quantile([df, p]), inner_quantile([df, p]));
                let tail = log_tail_of([df, z]);
                // Up to what a change of z by its rounding does.
                let far = 4e-14 + 3e-15 * p.ln().abs();
                assert!(
                    z == f64::INFINITY || (tail - p.ln()).abs() < 4e-15 + far,
                    "{df} {p} {z} {}",
                    tail - p.ln()
                );
                assert!(
                    w == f64::INFINITY || off(inner([df, w]), p) < 2e-14 + far,
                    "{df} {p} {w} {}",
                    off(inner([df, w]), p)
                );
            }
        }
        assert_eq!([0.0, 0.5].map(|p| tail_quantile([3.0, p])), [f64::INFINITY, 0.0]);
        assert_eq!(inner_quantile([3.0, 0.0]), 0.0);
    }

    /// `df`; entropy, its slope, mean size (mpmath with 60 digits).
    #[test]
    fn statistics_do_not_cancel_for_large_df() {
        let values = [
            (1e-6, 1_000_007.907_756_101_5, -1_000_000_499_999.177_6, f64::NAN),
            (0.3, 5.145_558_653_504_391, -12.177_861_891_105_644, f64::NAN),
            (4.0, 1.681_760_016_878_666_4, -0.068_220_388_434_989_47, 1.0),
            (1e4, 1.419_038_535_704_506, -1.000_049_994_999_500_2e-8, 0.797_944_408_379_053_2),
            (1e6, 1.418_939_533_204_922_8, -1.000_000_499_999_5e-12, 0.797_885_159_216_909_3),
        ];
        for (df, expected, slope, size) in values {
            assert!(off(entropy(df), expected) < 1e-15, "{df}: {}", entropy(df));
            assert!(off(entropy_slope(df), slope) < 1e-14, "{df}: {}", entropy_slope(df));
            assert!(size.is_nan() || off(mean_size(df), size) < 1e-15, "{df}: {}", mean_size(df));
        }
    }
}
