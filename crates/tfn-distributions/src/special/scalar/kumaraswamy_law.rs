//! The mean of `−ln(1 − x)` under the Kumaraswamy distribution, with its slopes.
//!
//! With `x = exp(−h/a)` and `h = exp(τ)` it is an integral over all `τ`,
//!
//! ```text
//! −E ln(1 − x) = b ∫ vᵇ · h/(exp(h) − 1) · −ln(1 − exp(−h/a)) dτ,   v = 1 − exp(−h)
//! ```
//!
//! whose integrand is analytic up to a distance from the real axis that only `ln b` makes small: there the
//! trapezoidal rule has all digits after some fifty terms (L. Trefethen and J. Weideman, The exponentially convergent
//! trapezoidal rule, SIAM Review 56, 2014). All terms are positive. Below the range of `a`, where the integrand falls
//! as `exp(bτ)`, the steps grow by `τ = t − exp(t₀ − t)`.

/// A point of the rule.
struct Node {
    /// `−ln v`.
    log_above: f64,
    /// `vᵇ`.
    power: f64,
    /// `h/(exp(h) − 1)`.
    share: f64,
    /// `ln(h/a)`.
    log_ratio: f64,
}

/// `ln(1 − exp(−exp(w)))`.
fn log1m_exp_exp(w: f64) -> f64 {
    let t = w.exp();
    match w {
        // There exp(−t) is 1 − t to the last digit.
        _ if w < -40.0 => w,
        _ if t < std::f64::consts::LN_2 => (-(-t).exp_m1()).ln(),
        _ => (-(-t).exp()).ln_1p(),
    }
}

/// `t/(exp(t) − 1)`.
fn bernoulli_share(t: f64) -> f64 {
    match t {
        _ if t < 1e-17 => 1.0,
        _ if t < 700.0 => t / t.exp_m1(),
        _ => 0.0,
    }
}

/// The integral of a positive `term`.
fn integral([a, b]: [f64; 2], term: &dyn Fn(&Node) -> f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite()) {
        return f64::NAN;
    }
    let log_b = b.ln().max(1.0);
    let (step, first, turn) = (0.22 / log_b, (log_b + 40.0).ln(), a.ln().min(0.0) - 1.0);
    let mut sum = 0.0;
    for i in 0.. {
        let t = first - step * f64::from(i);
        let stretch = (turn - t).exp();
        let place = t - stretch;
        let log_above = -log1m_exp_exp(place);
        let power = (-b * log_above).exp();
        if power == 0.0 {
            break;
        }
        let share = bernoulli_share(place.exp());
        let value = term(&Node { log_above, power, share, log_ratio: place - a.ln() });
        let value = value * (1.0 + stretch);
        sum += value;
        if value <= 1e-18 * sum && sum > 0.0 {
            break;
        }
    }
    sum * step
}

/// `−E ln(1 − x)` for the concentrations `a` at 1 and `b` at 0.
pub(crate) fn mean_log_rest([a, b]: [f64; 2]) -> f64 {
    b * integral([a, b], &|at| at.power * at.share * -log1m_exp_exp(at.log_ratio))
}

/// Its derivative in `a`.
pub(crate) fn mean_log_rest_in_a([a, b]: [f64; 2]) -> f64 {
    integral([a, b], &|at| at.power * at.share * bernoulli_share(at.log_ratio.exp())) * b / a
}

/// Its derivative in `b`.
pub(crate) fn mean_log_rest_in_b([a, b]: [f64; 2]) -> f64 {
    -integral([a, b], &|at| at.power * at.log_above * bernoulli_share(at.log_ratio.exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_slopes_have_their_digits() {
        // Integrals over ln h and their differences by mpmath, 40 digits.
        for (a, b, expected) in [
            (1.0, 1.0, [1.0, 0.644_934_066_848_226_4, -1.0]),
            (2.5, 0.3, [4.149_086_274_343_553, 0.370_874_382_381_655_05, -11.383_063_592_272_74]),
            (
                0.1,
                5.0,
                [3.437_370_041_925_332e-4, 0.013_433_887_518_240_05, -3.616_181_492_040_534e-4],
            ),
            (
                50.0,
                50.0,
                [2.489_686_995_965_837, 0.019_114_734_633_026_87, -4.524_128_492_702_256e-3],
            ),
            (1e-3, 0.3, [0.444_219_207_283_476_95, 133.234_221_562_131_97, -4.391_331_170_990_147]),
            (1e3, 10.0, [5.919_345_272_698_24, 9.985_363_599_246_42e-4, -0.037_693_878_477_827_31]),
            (1.0, 1e3, [1e-3, 6.491_962_823_373_719e-3, -1e-6]),
        ] {
            let at = [a, b];
            let given = [mean_log_rest(at), mean_log_rest_in_a(at), mean_log_rest_in_b(at)];
            for (given, expected) in given.iter().zip(expected) {
                assert!((given / expected - 1.0).abs() < 2e-14, "{at:?}: {given} {expected}");
            }
        }
    }

    #[test]
    fn one_exponent_of_one_has_a_closed_form() {
        for size in [1e-12, 1e-6, 0.3, 7.0, 1e4, 1e8] {
            // −ln(1 − x) is exponential, of rate b.
            assert!((mean_log_rest([1.0, size]) * size - 1.0).abs() < 1e-13, "{size}");
            let harmonic =
                super::super::gamma::digamma(size + 1.0) + crate::exponential_integral::EULER_GAMMA;
            let given = mean_log_rest([size, 1.0]);
            assert!(
                (given - harmonic).abs() < 1e-13 * given.max(0.01),
                "{size}: {given} {harmonic}"
            );
        }
    }

    #[test]
    fn the_ends_of_the_range_end() {
        for at in [[1e-300, 1e-300], [1e-300, 1e300], [1e300, 1e-300], [1e300, 1e300]] {
            for value in [mean_log_rest(at), mean_log_rest_in_a(at), mean_log_rest_in_b(at)] {
                assert!(!value.is_nan(), "{at:?}");
            }
        }
        assert!(mean_log_rest([-1.0, 1.0]).is_nan() && mean_log_rest([f64::NAN, 1.0]).is_nan());
    }
}
