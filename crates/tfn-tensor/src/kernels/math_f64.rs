//! Elementary functions of `f64`.

use spec_math::cephes64;

const LN_2: f64 = std::f64::consts::LN_2;

#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    x.exp()
}

#[inline(always)]
pub(super) fn expm1(x: f64) -> f64 {
    x.exp_m1()
}

#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    x.ln()
}

#[inline(always)]
pub(super) fn log1p(x: f64) -> f64 {
    x.ln_1p()
}

#[inline(always)]
pub(super) fn tanh(x: f64) -> f64 {
    x.tanh()
}

#[inline(always)]
pub(super) fn sin(x: f64) -> f64 {
    x.sin()
}

#[inline(always)]
pub(super) fn cos(x: f64) -> f64 {
    x.cos()
}

#[inline(always)]
pub(super) fn floor(x: f64) -> f64 {
    x.floor()
}

#[inline(always)]
pub(super) fn powf(x: f64, exponent: f64) -> f64 {
    x.powf(exponent)
}

/// From the side where exp cannot overflow.
#[inline(always)]
pub(super) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// max(x, 0) + ln(1 + exp(−|x|)).
#[inline(always)]
pub(super) fn softplus(x: f64) -> f64 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + (-x.abs()).exp().ln_1p()
}

#[inline(always)]
pub(super) fn log_sigmoid(x: f64) -> f64 {
    -softplus(-x)
}

/// ln(exp(y) − 1).
///
/// Next to the root at ln 2 it is ln(1 + 2 (exp(y − ln 2) − 1)), where the difference to the root
/// is taken from more digits of ln 2 than an `f64` has; elsewhere nothing cancels.
pub(super) fn softplus_inverse(y: f64) -> f64 {
    /// What an `f64` of ln 2 lacks.
    const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;
    if y < 0.35 {
        y.exp_m1().ln()
    } else if y < 1.05 {
        (2.0 * ((y - LN_2) - LN_2_REST).exp_m1()).ln_1p()
    } else {
        y + (-(-y).exp()).ln_1p()
    }
}

pub(super) fn erf(x: f64) -> f64 {
    cephes64::erf(x)
}

/// What the square of x lost when it was rounded (Dekker), for squares that do not overflow.
fn lost_by_square(x: f64) -> f64 {
    const SPLIT: f64 = (1_u64 << 27) as f64 + 1.0;
    let high = SPLIT * x - (SPLIT * x - x);
    let low = x - high;
    ((high * high - x * x) + 2.0 * high * low) + low * low
}

/// The kept crate takes exp of a rounded −x²; the factor 1 − (what it lost) repairs that.
pub(super) fn erfc(x: f64) -> f64 {
    let y = cephes64::erfc(x);
    if (1.0..27.0).contains(&x) { y - y * lost_by_square(x) } else { y }
}

/// ½ erfc(−x/√2). In the left tail the exponent is corrected to −x²/2 of the x that was given, of
/// which x/√2 is a rounded part.
pub(super) fn ndtr(x: f64) -> f64 {
    let z = -x * std::f64::consts::FRAC_1_SQRT_2;
    let y = 0.5 * cephes64::erfc(z);
    if !(1.0..27.0).contains(&z) {
        return y;
    }
    y + y * ((z * z - 0.5 * (x * x)) - 0.5 * lost_by_square(x))
}

/// ln(ndtr(x)), by the asymptotic series where ndtr is about to underflow.
///
/// Reference: Abramowitz and Stegun (1964), 26.2.12.
pub(super) fn log_ndtr(x: f64) -> f64 {
    /// ½ ln(2π).
    const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;
    if x > 0.0 {
        (-ndtr(-x)).ln_1p()
    } else if x > -30.0 {
        ndtr(x).ln()
    } else {
        let s = 1.0 / (x * x);
        let series = -s * (1.0 - s * (3.0 - s * (15.0 - s * (105.0 - s * 945.0))));
        (series.ln_1p() - HALF_LN_TAU) - (-x).ln() - 0.5 * x * x
    }
}

#[cfg(test)]
#[allow(clippy::excessive_precision)]
mod tests {
    use super::*;

    /// Values of 60 digits, rounded to 17: places and what is there.
    fn check(name: &str, f: impl Fn(f64) -> f64, tolerance: f64, table: &[(f64, f64)]) {
        for &(x, exact) in table {
            let error = if exact == 0.0 { f(x).abs() } else { (f(x) / exact - 1.0).abs() };
            assert!(error <= tolerance, "{name}({x}) = {} is {error} off {exact}", f(x));
        }
    }

    #[test]
    fn error_functions_agree_with_computed_digits() {
        check(
            "erf",
            erf,
            4e-16,
            &[
                (1e-300, 1.1283791670955126e-300),
                (1e-9, 1.1283791670955126e-9),
                (0.3, 0.32862675945912742),
                (-0.9, -0.79690821242283214),
                (1.5, 0.96610514647531073),
                (3.0, 0.99997790950300141),
                (5.8, 0.99999999999999976),
            ],
        );
        check(
            "erfc",
            erfc,
            1e-15,
            &[
                (-3.0, 1.9999779095030014),
                (-0.4, 1.4283923550466685),
                (1e-20, 1.0),
                (0.5, 0.47950012218695346),
                (0.99, 0.1614919304446302),
                (1.7, 0.016209541409225439),
                (3.3, 3.0577097964381652e-6),
                (7.9, 5.5727180569525452e-29),
                (8.1, 2.216308572065754e-30),
                (15.3, 7.9765601254207e-104),
                (26.1, 3.0812174933145933e-298),
            ],
        );
    }

    #[test]
    fn the_normal_distribution_agrees_with_computed_digits() {
        check(
            "ndtr",
            ndtr,
            1e-15,
            &[
                (8.2, 0.99999999999999988),
                (1.3, 0.90319951541438967),
                (0.1, 0.53982783727702898),
                (-0.7, 0.24196365222307303),
                (-1.9, 0.028716559816001805),
                (-4.4, 5.412543907703851e-6),
                (-11.3, 6.5608999409041562e-30),
                (-20.7, 1.7318518790197379e-95),
                (-37.1, 1.4047119663106221e-301),
            ],
        );
        check(
            "log_ndtr",
            log_ndtr,
            1e-15,
            &[
                (9.5, -1.0494515075362607e-21),
                (3.1, -9.6807164340154974e-4),
                (0.3, -0.48141016158848121),
                (-0.2, -0.8657395226815953),
                (-2.6, -5.3684849226242658),
                (-7.7, -32.62136690998011),
                (-29.9, -451.32291245852863),
                (-30.1, -457.32956441638226),
                (-38.5, -745.69527029041108),
                (-1234.5, -7.6200316236049816e5),
                (-1e20, -5e39),
            ],
        );
        for f in [erf, erfc, ndtr, log_ndtr] {
            assert!(f(f64::NAN).is_nan());
        }
        let infinity = f64::INFINITY;
        assert_eq!((ndtr(infinity), ndtr(-infinity)), (1.0, 0.0));
        assert_eq!((log_ndtr(infinity), log_ndtr(-infinity)), (0.0, -infinity));
    }

    #[test]
    fn softplus_and_its_inverse_agree_with_computed_digits() {
        check(
            "softplus",
            softplus,
            1e-15,
            &[
                (-40.3, 3.1472582402307285e-18),
                (-3.2, 0.03995333316243035),
                (0.0, LN_2),
                (1e-9, 0.69314718105994531),
                (2.5, 2.5788897342925496),
                (36.1, 36.100000000000002),
                (900.0, 900.0),
            ],
        );
        check(
            "softplus_inverse",
            softplus_inverse,
            1e-15,
            &[
                (1e-300, -690.77552789821371),
                (1e-10, -23.025850929890457),
                (0.3, -1.0502256128148467),
                (0.349999, -0.86972654448135071),
                (0.35, -0.86972315822716222),
                (0.6, -0.19587036834631961),
                (0.692, -0.002295678654722843),
                (LN_2, -4.6380936276925993e-17),
                (0.7, 0.013658997191614802),
                (1.0, 0.54132485461291811),
                (1.05, 0.61931284992005738),
                (1.2, 0.841617582139566),
                (5.3, 5.2949959064755322),
                (30.5, 30.499999999999943),
                (800.0, 800.0),
            ],
        );
        assert_eq!(softplus_inverse(0.0), f64::NEG_INFINITY);
        assert!(softplus_inverse(-1.0).is_nan() && softplus_inverse(f64::NAN).is_nan());
        assert_eq!(softplus(f64::NEG_INFINITY), 0.0);
        assert_eq!(log_sigmoid(-1000.0), -1000.0);
    }

    #[test]
    fn sigmoid_keeps_its_digits_on_both_sides() {
        for x in [0.0_f64, 0.3, 2.0, 30.0, 700.0] {
            let exact = (-x).exp() / (1.0 + (-x).exp());
            assert!((sigmoid(-x) / exact - 1.0).abs() < 1e-15);
            assert!((sigmoid(x) - (1.0 - exact)).abs() < 1e-15);
        }
        assert_eq!((sigmoid(f64::INFINITY), sigmoid(f64::NEG_INFINITY)), (1.0, 0.0));
    }
}
