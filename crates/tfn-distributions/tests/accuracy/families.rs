//! The families, and what is to be said of their rows.

use std::sync::Arc;

use tfn_distributions::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Chi2, Dirichlet, Distribution, Exponential,
    Gamma, Geometric, Gumbel, HalfCauchy, HalfNormal, HalfStudentT, Horseshoe, InverseGamma,
    Kumaraswamy, Laplace, LogNormal, Logistic, LogitNormal, MultivariateNormalTriL,
    NegativeBinomial, Normal, Parameter, Poisson, Result, StudentT, TruncatedNormal, Uniform,
    VonMises, Weibull,
};

use crate::statrs_peer::{self as statrs, Peer};

/// A family of the table.
pub(crate) struct Subject {
    /// The name of the family and of its file.
    pub(crate) name: &'static str,
    /// A distribution from the parameters in the file's order.
    pub(crate) make: fn(&[Parameter]) -> Result<Arc<dyn Distribution>>,
    /// The same in statrs.
    pub(crate) statrs: Option<Peer>,
    /// Remarks on quantities.
    pub(crate) notes: &'static [(&'static str, &'static str)],
}

macro_rules! subjects {
    ($($name:literal, |$at:ident| $make:expr, $statrs:expr, $notes:expr;)*) => {
        &[$(Subject { name: $name, make: |$at| Ok($make?.into()), statrs: $statrs, notes: &$notes }),*]
    };
}

/// Of the gradient of a softmax.
const DOMINANT: &str =
    "as TFP: that of a label with nearly all the mass is 1 less its rounded probability";

/// Of a slope below the normal numbers.
const SUBNORMAL: &str =
    "at a slope of less than 1e-308: a product of which one factor has few digits";

pub(crate) const SUBJECTS: &[Subject] = subjects! {
    "Normal", |at| Normal::new(&at[0], &at[1]), Some(statrs::NORMAL), [];
    "HalfNormal", |at| HalfNormal::new(&at[0]), None, [];
    "TruncatedNormal", |at| TruncatedNormal::new(&at[0], &at[1], &at[2], &at[3]), None, [("d_log_survival/scale", SUBNORMAL)];
    "LogNormal", |at| LogNormal::new(&at[0], &at[1]), Some(statrs::LOG_NORMAL), [];
    "LogitNormal", |at| LogitNormal::new(&at[0], &at[1]), None, [];
    "Laplace", |at| Laplace::new(&at[0], &at[1]), Some(statrs::LAPLACE), [];
    "Logistic", |at| Logistic::new(&at[0], &at[1]), None, [];
    "Gumbel", |at| Gumbel::new(&at[0], &at[1]), Some(statrs::GUMBEL), [];
    "Cauchy", |at| Cauchy::new(&at[0], &at[1]), Some(statrs::CAUCHY), [];
    "HalfCauchy", |at| HalfCauchy::new(&at[0], &at[1]), None, [];
    "StudentT", |at| StudentT::new(&at[0], &at[1], &at[2]), Some(statrs::STUDENT_T), [];
    "HalfStudentT", |at| HalfStudentT::new(&at[0], &at[1], &at[2]), None, [];
    "Horseshoe", |at| Horseshoe::new(&at[0]), None, [];
    "VonMises", |at| VonMises::new(&at[0], &at[1]), None, [];
    "Uniform", |at| Uniform::new(&at[0], &at[1]), Some(statrs::UNIFORM), [];
    "Exponential", |at| Exponential::new(&at[0]), Some(statrs::EXPONENTIAL), [];
    "Gamma", |at| Gamma::new(&at[0], &at[1]), Some(statrs::GAMMA), [("d_log_cdf/value", SUBNORMAL)];
    "InverseGamma", |at| InverseGamma::new(&at[0], &at[1]), Some(statrs::INVERSE_GAMMA), [];
    "Chi2", |at| Chi2::new(&at[0]), Some(statrs::CHI2), [];
    "Weibull", |at| Weibull::new(&at[0], &at[1]), Some(statrs::WEIBULL), [];
    "Beta", |at| Beta::new(&at[0], &at[1]), Some(statrs::BETA), [("d_log_survival/concentration1", SUBNORMAL)];
    "Kumaraswamy", |at| Kumaraswamy::new(&at[0], &at[1]), None, [];
    "Dirichlet", |at| Dirichlet::new(&at[0]), None, [];
    "MultivariateNormalTriL", |at| MultivariateNormalTriL::new(&at[0], &at[1]), None, [];
    "Bernoulli", |at| Bernoulli::from_logits(&at[0]), Some(statrs::BERNOULLI), [];
    "Binomial", |at| Binomial::from_probs(&at[0], &at[1]), Some(statrs::BINOMIAL), [];
    "Poisson", |at| Poisson::new(&at[0]), Some(statrs::POISSON), [];
    "Geometric", |at| Geometric::from_probs(&at[0]), None, [];
    "NegativeBinomial", |at| NegativeBinomial::from_probs(&at[0], &at[1]), Some(statrs::NEGATIVE_BINOMIAL), [];
    "Categorical", |at| Categorical::from_logits(&at[0]), None, [("d_logits", DOMINANT)];
};
