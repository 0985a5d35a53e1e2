//! Where ours is knowingly better than what was recorded.

use crate::compare::Miss;

/// Entries of an edge case, or of a record with a note, where TFP's result is not a good one.
pub(crate) struct Betterment {
    pub(crate) file: &'static str,
    pub(crate) record: &'static str,
    /// Name of the quantity.
    pub(crate) what: &'static str,
    /// What ours gives in place of TFP's entries, by flat index, to 1e-11.
    pub(crate) values: &'static [(usize, f64)],
    #[expect(dead_code, reason = "it is there to be read in this file")]
    pub(crate) reason: &'static str,
}

impl Betterment {
    pub(crate) fn covers(&self, what: &str, miss: &Miss) -> bool {
        let ours = self.values.iter().find(|(index, _)| *index == miss.index);
        self.what == what
            && ours
                .is_some_and(|(_, value)| *value == miss.got || (value - miss.got).abs() <= 1e-11)
    }
}

const OUTSIDE: &str = "outside the support";
const HIGHEST_AT_ZERO: &str = "the density is highest at 0 (TFP: NaN)";
const FAR_OUT: &str = "TFP loses digits far out in a tail; the values are exact (50 digits)";
const ZEROS: &[(usize, f64)] = &[(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (5, 0.0)];

/// The list is as long as it has to be: an entry that matches nothing fails the test.
pub(crate) const BETTERMENTS: &[Betterment] = &[
    better(
        ("bijectors.json", "Sigmoid/f64", "grad_forward"),
        &[(26, 0.0), (27, 0.0)],
        "the curve is flat there",
    ),
    better(
        ("bijectors.json", "Sigmoid/f32", "grad_forward"),
        &[(24, 0.0), (25, 0.0), (26, 0.0), (27, 0.0)],
        "the curve is flat there",
    ),
    better(
        ("bijectors.json", "Tanh/f64", "inverse_log_det_jacobian"),
        &[(9, f64::INFINITY)],
        "the limit, as at the other end",
    ),
    better(
        ("bijectors.json", "Tanh/f32", "inverse_log_det_jacobian"),
        &[(0, f64::INFINITY), (9, f64::INFINITY)],
        "the limit, as at the other end",
    ),
    better(
        ("distributions.json", "Cauchy/edge", "log_prob"),
        &[(2, -922.178_767_083_467_7)],
        "the square overflows there, the density does not underflow in its logarithm",
    ),
    better(
        ("distributions.json", "HalfNormal/edge", "cdf"),
        &[(3, 1.0)],
        "everything lies below infinity",
    ),
    better(
        ("distributions.json", "LogNormal/edge", "log_prob"),
        &[(1, f64::NEG_INFINITY)],
        "outside the support",
    ),
    better(("distributions.json", "LogNormal/edge", "cdf"), &[(1, 0.0)], "outside the support"),
    better(
        ("distributions.json", "Horseshoe/edge", "log_prob"),
        &[(1, f64::NEG_INFINITY)],
        "no density at infinity",
    ),
    better(
        ("kl.json", "Deterministic||Horseshoe", "kl"),
        &[(0, 0.831_358_342_050_107), (1, 2.532_922_616_104_267_6), (2, 2.523_080_710_360_154)],
        "TFP's density is an approximation; the values are exact (50 digits)",
    ),
    better(
        ("kl.json", "Deterministic||Horseshoe", "grad_q/loc"),
        &[(0, 2.749_857_150_853_559_2), (1, 0.615_040_200_094_725_9), (2, 0.603_773_922_499_577_7)],
        "the same",
    ),
    better(
        ("kl.json", "Deterministic||Horseshoe", "grad_p/scale"),
        &[
            (0, 0.452_431_188_092_184_7),
            (1, 0.029_792_380_817_936_634),
            (2, 0.040_406_536_333_217_25),
        ],
        "the same",
    ),
    better(
        ("distributions.json", "Beta/edge", "log_prob"),
        &[(5, f64::NEG_INFINITY), (6, f64::NEG_INFINITY)],
        OUTSIDE,
    ),
    better(
        ("distributions.json", "Dirichlet/edge", "gradient of concentration"),
        &[(1, 0.583_709_268_125_844_9), (2, 0.989_174_376_234_009_2)],
        "at a concentration of 1 the derivative is ln x − ψ(1) + ψ(3) as elsewhere (TFP leaves ln x out)",
    ),
    better(("distributions.json", "Gamma/edge", "log_prob"), &[(3, f64::NEG_INFINITY)], OUTSIDE),
    better(
        ("distributions.json", "InverseGamma/edge", "log_prob"),
        &[(0, f64::NEG_INFINITY), (1, f64::NEG_INFINITY)],
        OUTSIDE,
    ),
    better(("distributions.json", "InverseGamma/edge", "cdf"), &[(1, 0.0)], OUTSIDE),
    better(
        ("distributions.json", "Exponential/edge", "log_prob"),
        &[(1, f64::NEG_INFINITY)],
        OUTSIDE,
    ),
    better(
        ("distributions.json", "Exponential/edge", "gradient of grad_value"),
        &[(1, 0.0)],
        OUTSIDE,
    ),
    better(("distributions.json", "Exponential/edge", "gradient of rate"), &[(1, 0.0)], OUTSIDE),
    better(("distributions.json", "Exponential/scalar", "mode"), ZEROS, HIGHEST_AT_ZERO),
    better(("distributions.json", "Exponential/batch", "mode"), ZEROS, HIGHEST_AT_ZERO),
    better(("distributions.json", "Exponential/matrix", "mode"), ZEROS, HIGHEST_AT_ZERO),
    better(("distributions.json", "Exponential/tail", "mode"), ZEROS, HIGHEST_AT_ZERO),
    better(("distributions.json", "Exponential/edge", "mode"), ZEROS, HIGHEST_AT_ZERO),
    better(
        ("distributions.json", "Poisson/edge", "log_prob"),
        &[(1, f64::NEG_INFINITY), (3, f64::NEG_INFINITY)],
        OUTSIDE,
    ),
    better(
        ("distributions.json", "Poisson/edge", "cdf"),
        &[(1, 0.735_758_882_342_884_6)],
        "the cdf is constant between counts: 2/e (TFP interpolates)",
    ),
    better(
        ("distributions.json", "Poisson/tail", "cdf"),
        &[(1, 0.500_265_961_486_283_7)],
        "TFP's incomplete gamma function is off by 0.02 at a rate of 1e6; the value is exact (50 digits)",
    ),
    better(
        ("distributions.json", "Poisson/edge", "gradient of grad_value"),
        &[(1, 0.0), (2, -736.250_025_226_072_4)],
        "outside the support; ln(rate) + γ at a count of 0",
    ),
    better(
        ("distributions.json", "Poisson/edge", "gradient of rate"),
        &[(1, 0.0), (2, -1.0)],
        "outside the support; −1 at a count of 0, whatever the rate",
    ),
    better(
        ("distributions.json", "TruncatedNormal/tail", "mean"),
        &[(2, 20.049_753_067_339_75)],
        FAR_OUT,
    ),
    better(
        ("distributions.json", "TruncatedNormal/tail", "variance"),
        &[(2, 0.002_463_260_430_010_829_6), (4, 0.001_103_771_511_890_091)],
        FAR_OUT,
    ),
    better(
        ("distributions.json", "TruncatedNormal/tail", "stddev"),
        &[(2, 0.049_631_244_493_875_32), (4, 0.033_223_056_931_746_826)],
        FAR_OUT,
    ),
    better(
        ("distributions.json", "TruncatedNormal/tail", "entropy"),
        &[(2, -2.000_686_178_218_605), (4, -2.403_410_411_633_368_8)],
        FAR_OUT,
    ),
    better(
        ("distributions.json", "StudentT/tail", "entropy"),
        &[(3, 1.418_938_533_304_672_7)],
        "no digits are lost for many degrees of freedom; the value is that of the normal plus 1/df (50 digits)",
    ),
    better(
        ("distributions.json", "OneHotCategorical/edge", "log_prob"),
        &[(0, -0.313_261_687_518_222_86)],
        "a class of probability 0 that is not the one seen counts as 0 (TFP: 0 · −inf); the value is Categorical/edge's",
    ),
    better(
        ("kl.json", "OneHotCategorical||OneHotCategorical/zero_prob_q", "kl"),
        &[(0, 0.565_951_455_067_027)],
        "0 · log 0 counts as 0; the value is Categorical's",
    ),
    better(
        ("kl.json", "OneHotCategorical||OneHotCategorical/zero_prob_q", "grad_q/logits"),
        &[(0, -0.235_934_319_897_778_2), (1, 0.235_934_319_897_778_3), (2, 0.0)],
        "0 · log 0 counts as 0; the values are Categorical's",
    ),
];

const fn better(
    (file, record, what): (&'static str, &'static str, &'static str),
    values: &'static [(usize, f64)],
    reason: &'static str,
) -> Betterment {
    Betterment { file, record, what, values, reason }
}
