//! Special functions of single numbers, in `f64`.

pub(crate) mod bessel;
pub(crate) mod beta_front;
pub(crate) mod beta_law;
pub(crate) mod count_draws;
pub(crate) mod count_entropy;
pub(crate) mod count_quantile;
pub(crate) mod gamma;
pub(crate) mod gamma_draws;
pub(crate) mod gamma_law;
pub(crate) mod incomplete_beta;
pub(crate) mod incomplete_gamma;
pub(crate) mod kumaraswamy_density;
pub(crate) mod kumaraswamy_law;
pub(crate) mod normal;
pub(crate) mod numbers;
mod panels;
pub(crate) mod poisson_law;
pub(crate) mod student_t;
pub(crate) mod trials_divergence;
pub(crate) mod trials_law;
pub(crate) mod truncated_normal;
mod uniform_beta;
mod uniform_gamma;
pub(crate) mod von_mises;
pub(crate) mod weibull_law;

/// `t − ln(1 + t)`, exact where both nearly cancel.
pub(crate) fn log1p_gap(t: f64) -> f64 {
    if !(-0.6..1.2).contains(&t) {
        return t - t.ln_1p();
    }
    // ln(1 + t) = 2 artanh r, and t − 2r = r t.
    let r = t / (2.0 + t);
    let (square, mut power, mut sum, mut odd) = (r * r, 1.0, 0.0, 3.0);
    loop {
        let term = power / odd;
        sum += term;
        if term <= 1e-17 * sum {
            return r * (t - 2.0 * square * sum);
        }
        power *= square;
        odd += 2.0;
    }
}

/// `exp(t) − 1 − t`, exact where both nearly cancel.
pub(crate) fn expm1_gap(t: f64) -> f64 {
    if t.abs() > 0.5 {
        return t.exp_m1() - t;
    }
    let (mut term, mut sum, mut n) = (0.5 * t * t, 0.0, 2.0);
    while term.abs() > 1e-17 * sum {
        sum += term;
        n += 1.0;
        term *= t / n;
    }
    sum
}

/// `r − 1 − ln r` of the ratio `r = a/b` of positive numbers, exact where they are nearly equal.
pub(crate) fn ratio_gap(a: f64, b: f64) -> f64 {
    let t = (a - b) / b;
    if t.abs() < 0.5 { log1p_gap(t) } else { a / b - 1.0 - (a.ln() - b.ln()) }
}
