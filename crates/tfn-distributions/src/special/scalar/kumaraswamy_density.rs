//! The log-density of the Kumaraswamy distribution of exponents `a` and `b`, ends included.

/// Where the density is neither 0 nor infinite: inside, and at an end at which its power is 0.
fn has_slope(at: [f64; 3]) -> bool {
    log_density(at).is_finite()
}

/// `ln(1 − xᵃ)` for `x` inside.
fn log_rest(x: f64, a: f64) -> f64 {
    let log = x.ln() * a;
    if log > -std::f64::consts::LN_2 { (-log.exp_m1()).ln() } else { (-log.exp()).ln_1p() }
}

/// `xᵃ/(1 − xᵃ)` for `x` inside.
fn odds(x: f64, a: f64) -> f64 {
    (-(x.ln() * a)).exp_m1().recip()
}

/// `power·log`, and 0 where the power is.
fn weighed(power: f64, log: f64) -> f64 {
    if power == 0.0 { 0.0 } else { power * log }
}

/// Minus infinity outside the support.
pub(crate) fn log_density([x, a, b]: [f64; 3]) -> f64 {
    if x.is_nan() || a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    let peak = a.ln() + b.ln();
    let at_end = |power: f64| weighed(power - 1.0, f64::NEG_INFINITY) + peak;
    match x {
        0.0 => at_end(a),
        1.0 => at_end(b),
        x if x > 0.0 && x < 1.0 => {
            weighed(a - 1.0, x.ln()) + weighed(b - 1.0, log_rest(x, a)) + peak
        }
        _ => f64::NEG_INFINITY,
    }
}

/// The derivative in `x`; 0 where there is no density.
pub(crate) fn log_density_in_x([x, a, b]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, a, b]) => 0.0,
        0.0 => 1.0 - b,
        1.0 => a - 1.0,
        _ => ((a - 1.0) - (b - 1.0) * a * odds(x, a)) / x,
    }
}

/// That in `a`. At an end the density jumps with its own exponent: what is left is the part that does not depend on the
/// value.
pub(crate) fn log_density_in_a([x, a, b]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, a, b]) => 0.0,
        0.0 | 1.0 => a.recip(),
        _ => a.recip() + x.ln() * (1.0 - (b - 1.0) * odds(x, a)),
    }
}

/// That in `b`.
pub(crate) fn log_density_in_b([x, a, b]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, a, b]) => 0.0,
        0.0 | 1.0 => b.recip(),
        _ => b.recip() + log_rest(x, a),
    }
}
