//! Special functions of tensors, each with its gradient in every argument.
//!
//! They are computed in `f64`, whatever the type of the tensors, entry by entry and under broadcasting. Nearly all are calls of
//! [`pointwise`](tfn_tensor::pointwise); [`log_multigamma`] is a sum of several [`lgamma`]s. An argument that carries an error
//! gives a result that carries it too. Outside their domain they are NaN. Relative errors are
//! stated against 50-digit values, for parameters from 1e-6 to 1e6; where an error grows with the logarithm of the
//! result, the logarithmic form has all digits.
//!
//! | functions | relative error |
//! |---|---|
//! | [`lgamma`], [`digamma`], [`log_beta`], [`lgamma_divergence`], [`log1p_gap`] | 2e-15 |
//! | [`gammainc`], [`gammaincc`], [`betainc`], [`betaincc`] | 2e-14, and 2e-16 more for each unit of the logarithm |
//! | their logarithms | 1e-14 |
//! | [`log_gammaincinv`], [`gammaincinv`], [`gammainccinv`], [`betaincinv`], [`betainccinv`] | 1e-14, and what a change of the probability by 1e-16 does |
//! | [`erfcx`], [`log_erfcx`], [`ndtri`], [`bessel_i0e`], [`bessel_i1e`], [`log_bessel_i0e`], [`bessel_ratio`] | 1e-15 |

mod bessel;
mod counts;
mod draws;
mod gamma;
mod geometric;
mod incomplete_beta;
mod incomplete_gamma;
mod normal;
mod powers;
pub(crate) mod scalar;
pub(crate) mod student_t;
mod trials;
pub(crate) mod truncated_normal;
pub(crate) mod von_mises;

pub use bessel::{bessel_i0e, bessel_i1e, bessel_ratio, log_bessel_i0e};
pub(crate) use bessel::{bessel_ratio_rest, log_bessel_i0_divergence};
pub(crate) use counts::{
    multinomial_log_terms, poisson_divergence, poisson_entropy, poisson_entropy_of_log,
    poisson_log_mass, poisson_log_mass_of_log, poisson_quantile, poisson_sample,
};
pub(crate) use draws::{beta_sample, gamma_sample, log_gamma_sample};
pub use gamma::{digamma, lgamma, lgamma_divergence, log_beta, log_multigamma, log1p_gap};
pub(crate) use gamma::{
    expm1_gap, gamma_entropy, gamma_log_density, inverse_gamma_log_density, ratio_gap,
};
pub(crate) use geometric::{geometric_quantile, geometric_tail};
pub(crate) use incomplete_beta::beta_log_density;
pub use incomplete_beta::{betainc, betaincc, betainccinv, betaincinv, log_betainc, log_betaincc};
pub use incomplete_gamma::{
    gammainc, gammaincc, gammainccinv, gammaincinv, log_gammainc, log_gammaincc, log_gammaincinv,
};
pub use normal::{erfcx, log_erfcx, ndtri};
pub(crate) use powers::{kumaraswamy_log_density, weibull_log_density};
pub(crate) use trials::{
    Counted, SuccessProb, binomial_entropy, binomial_log_mass, binomial_quantile,
    negative_binomial_log_mass, negative_binomial_quantile, trials_divergence, trials_sample,
    trials_tail,
};

#[cfg(test)]
mod tests;
