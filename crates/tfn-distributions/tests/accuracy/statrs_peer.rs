//! statrs at the same points.

// Some wait for their family.
#![allow(dead_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use statrs::distribution::{Continuous, ContinuousCDF, Discrete, DiscreteCDF};

use crate::points::Columns;

/// What statrs has for one family, by the names of the quantities, at given parameters.
pub(crate) type Peer = fn(&[&[f64]], &str, f64) -> Option<f64>;

macro_rules! continuous {
    ($make:expr) => {
        |at, quantity, x| {
            let make: fn(&[&[f64]]) -> _ = $make;
            let made = make(at);
            Some(match quantity {
                "log_prob" => made.ok()?.ln_pdf(x),
                "cdf" => made.ok()?.cdf(x),
                "survival" => made.ok()?.sf(x),
                "quantile" => made.ok()?.inverse_cdf(x),
                _ => return None,
            })
        }
    };
}

macro_rules! discrete {
    ($make:expr) => {
        |at, quantity, x| {
            let make: fn(&[&[f64]]) -> _ = $make;
            let made = make(at);
            Some(match quantity {
                "log_prob" => made.ok()?.ln_pmf(x as u64),
                "cdf" => made.ok()?.cdf(x as u64),
                "survival" => made.ok()?.sf(x as u64),
                _ => return None,
            })
        }
    };
}

pub(crate) const NORMAL: Peer =
    continuous!(|at| statrs::distribution::Normal::new(at[0][0], at[1][0]));
pub(crate) const LOG_NORMAL: Peer =
    continuous!(|at| statrs::distribution::LogNormal::new(at[0][0], at[1][0]));
pub(crate) const LAPLACE: Peer =
    continuous!(|at| statrs::distribution::Laplace::new(at[0][0], at[1][0]));
pub(crate) const UNIFORM: Peer =
    continuous!(|at| statrs::distribution::Uniform::new(at[0][0], at[1][0]));
pub(crate) const STUDENT_T: Peer =
    continuous!(|at| statrs::distribution::StudentsT::new(at[1][0], at[2][0], at[0][0]));
pub(crate) const CAUCHY: Peer =
    continuous!(|at| statrs::distribution::Cauchy::new(at[0][0], at[1][0]));
pub(crate) const GUMBEL: Peer =
    continuous!(|at| statrs::distribution::Gumbel::new(at[0][0], at[1][0]));
pub(crate) const EXPONENTIAL: Peer = continuous!(|at| statrs::distribution::Exp::new(at[0][0]));
pub(crate) const GAMMA: Peer =
    continuous!(|at| statrs::distribution::Gamma::new(at[0][0], at[1][0]));
pub(crate) const INVERSE_GAMMA: Peer =
    continuous!(|at| statrs::distribution::InverseGamma::new(at[0][0], at[1][0]));
pub(crate) const CHI2: Peer = continuous!(|at| statrs::distribution::ChiSquared::new(at[0][0]));
pub(crate) const WEIBULL: Peer =
    continuous!(|at| statrs::distribution::Weibull::new(at[0][0], at[1][0]));
pub(crate) const BETA: Peer = continuous!(|at| statrs::distribution::Beta::new(at[0][0], at[1][0]));
pub(crate) const BERNOULLI: Peer =
    discrete!(|at| statrs::distribution::Bernoulli::new(1.0 / (1.0 + (-at[0][0]).exp())));
pub(crate) const BINOMIAL: Peer =
    discrete!(|at| statrs::distribution::Binomial::new(at[1][0], at[0][0] as u64));
pub(crate) const POISSON: Peer = discrete!(|at| statrs::distribution::Poisson::new(at[0][0]));
pub(crate) const NEGATIVE_BINOMIAL: Peer =
    discrete!(|at| statrs::distribution::NegativeBinomial::new(at[0][0], 1.0 - at[1][0]));

/// Its results of one quantity, NaN where it panics; `None` where it has no such method.
pub(crate) fn results(peer: Peer, columns: &Columns, quantity: &str) -> Option<Vec<Vec<f64>>> {
    let asked = columns.get(if quantity == "quantile" { "p" } else { "value" })?;
    let rows = (0..asked.len()).map(|row| {
        let inputs = columns.inputs(row);
        match asked[row][..] {
            [x] => catch_unwind(AssertUnwindSafe(|| peer(&inputs, quantity, x)))
                .unwrap_or(Some(f64::NAN))
                .map(|result| vec![result]),
            _ => Some(Vec::new()),
        }
    });
    rows.collect()
}
