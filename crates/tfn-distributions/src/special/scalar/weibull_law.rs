//! The log-density of the Weibull distribution of concentration `k` and scale `s`, ends included.

/// Where the density is neither 0 nor infinite: inside, and at 0 if it begins there.
fn has_slope([x, k, s]: [f64; 3]) -> bool {
    log_density([x, k, s]).is_finite()
}

/// `ln(x/s)`, also where the quotient is no number above 0.
fn log_ratio(x: f64, s: f64) -> f64 {
    let ratio = x / s;
    if (f64::MIN_POSITIVE..f64::INFINITY).contains(&ratio) { ratio.ln() } else { x.ln() - s.ln() }
}

/// Minus infinity outside the support.
pub(crate) fn log_density([x, k, s]: [f64; 3]) -> f64 {
    if x.is_nan() || k.is_nan() || s.is_nan() {
        return f64::NAN;
    }
    if x < 0.0 || x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    let peak = k.ln() - s.ln();
    if x == 0.0 {
        return match k {
            1.0 => peak,
            k if k < 1.0 => f64::INFINITY,
            _ => f64::NEG_INFINITY,
        };
    }
    let log = log_ratio(x, s);
    let fall = (k * log).exp();
    // Both terms may be infinite.
    if fall == f64::INFINITY { -fall } else { (k - 1.0) * log - fall + peak }
}

/// The derivative in `x`; 0 where there is no density.
pub(crate) fn log_density_in_x([x, k, s]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, k, s]) => 0.0,
        0.0 => -s.recip(),
        _ => ((k - 1.0) - k * (k * log_ratio(x, s)).exp()) / x,
    }
}

/// That in `k`. Where the density begins at 0 it jumps: what is left is the part that does not depend on the value.
pub(crate) fn log_density_in_k([x, k, s]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, k, s]) => 0.0,
        0.0 => k.recip(),
        _ => k.recip() - (k * log_ratio(x, s)).exp_m1() * log_ratio(x, s),
    }
}

/// That in `s`.
pub(crate) fn log_density_in_s([x, k, s]: [f64; 3]) -> f64 {
    match x {
        _ if !has_slope([x, k, s]) => 0.0,
        0.0 => -k / s,
        _ => k * (k * log_ratio(x, s)).exp_m1() / s,
    }
}
