//! Families at parameters at which they end, become others, or have draws that are no numbers any more.

use tfn_distributions::bijectors::Exp;
use tfn_distributions::tensor::Tensor;
use tfn_distributions::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Chi2, Dirichlet, Exponential, Gamma, Geometric,
    Gumbel, HalfStudentT, Horseshoe, InverseGamma, Kumaraswamy, Laplace, LogNormal, Logistic,
    LogitNormal, Mixture, MixtureSameFamily, NegativeBinomial, Normal, Parameter, Poisson,
    RelaxedOneHotCategorical, StudentT, TransformedDistribution, TruncatedNormal, VonMises,
    Weibull,
};

use super::draws::{Draws, Family};

/// One variable for each value.
fn at<const N: usize>(d: &mut Draws<'_>, values: [f64; N]) -> [Parameter; N] {
    values.map(|value| d.variable(&[1], |_| value))
}

/// Parameters at which a family ends or becomes another one.
pub(crate) const EDGES: &[Family] = &[
    ("Poisson(0)", |d| {
        let [rate] = at(d, [0.0]);
        Ok(Poisson::new(rate)?.into())
    }),
    ("Binomial(5, 0)", |d| {
        let [p] = at(d, [0.0]);
        Ok(Binomial::from_probs(count(d, 5.0), p)?.into())
    }),
    ("Binomial(5, 1)", |d| {
        let [p] = at(d, [1.0]);
        Ok(Binomial::from_probs(count(d, 5.0), p)?.into())
    }),
    ("NegativeBinomial(5, 0)", |d| {
        let [n, p] = at(d, [5.0, 0.0]);
        Ok(NegativeBinomial::from_probs(n, p)?.into())
    }),
    ("Geometric(1)", |d| {
        let [p] = at(d, [1.0]);
        Ok(Geometric::from_probs(p)?.into())
    }),
    ("Bernoulli(0)", |d| {
        let [p] = at(d, [0.0]);
        Ok(Bernoulli::from_probs(p)?.into())
    }),
    ("Bernoulli(1)", |d| {
        let [p] = at(d, [1.0]);
        Ok(Bernoulli::from_probs(p)?.into())
    }),
    ("Gamma(1, 1)", |d| {
        let [a, b] = at(d, [1.0, 1.0]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Gamma(2, 1)", |d| {
        let [a, b] = at(d, [2.0, 1.0]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Gamma(0.5, 1)", |d| {
        let [a, b] = at(d, [0.5, 1.0]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Gamma(1e-3, 1)", |d| {
        let [a, b] = at(d, [1e-3, 1.0]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Gamma(1e6, 1e-3)", |d| {
        let [a, b] = at(d, [1e6, 1e-3]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("InverseGamma(1, 1)", |d| {
        let [a, b] = at(d, [1.0, 1.0]);
        Ok(InverseGamma::new(a, b)?.into())
    }),
    ("InverseGamma(1e-2, 1)", |d| {
        let [a, b] = at(d, [1e-2, 1.0]);
        Ok(InverseGamma::new(a, b)?.into())
    }),
    ("Chi2(1)", |d| {
        let [df] = at(d, [1.0]);
        Ok(Chi2::new(df)?.into())
    }),
    ("Chi2(2)", |d| {
        let [df] = at(d, [2.0]);
        Ok(Chi2::new(df)?.into())
    }),
    ("Exponential(1)", |d| {
        let [rate] = at(d, [1.0]);
        Ok(Exponential::new(rate)?.into())
    }),
    ("Beta(1, 1)", |d| {
        let [a, b] = at(d, [1.0, 1.0]);
        Ok(Beta::new(a, b)?.into())
    }),
    ("Beta(0.5, 2)", |d| {
        let [a, b] = at(d, [0.5, 2.0]);
        Ok(Beta::new(a, b)?.into())
    }),
    ("Beta(2, 0.5)", |d| {
        let [a, b] = at(d, [2.0, 0.5]);
        Ok(Beta::new(a, b)?.into())
    }),
    ("Kumaraswamy(1, 1)", |d| {
        let [a, b] = at(d, [1.0, 1.0]);
        Ok(Kumaraswamy::new(a, b)?.into())
    }),
    ("Kumaraswamy(0.5, 2)", |d| {
        let [a, b] = at(d, [0.5, 2.0]);
        Ok(Kumaraswamy::new(a, b)?.into())
    }),
    ("Kumaraswamy(2, 0.5)", |d| {
        let [a, b] = at(d, [2.0, 0.5]);
        Ok(Kumaraswamy::new(a, b)?.into())
    }),
    ("Weibull(1, 1)", |d| {
        let [k, s] = at(d, [1.0, 1.0]);
        Ok(Weibull::new(k, s)?.into())
    }),
    ("Weibull(0.5, 1)", |d| {
        let [k, s] = at(d, [0.5, 1.0]);
        Ok(Weibull::new(k, s)?.into())
    }),
    ("StudentT(0.5, 0, 1)", |d| {
        let [df, m, s] = at(d, [0.5, 0.0, 1.0]);
        Ok(StudentT::new(df, m, s)?.into())
    }),
    ("StudentT(1e6, 0, 1)", |d| {
        let [df, m, s] = at(d, [1e6, 0.0, 1.0]);
        Ok(StudentT::new(df, m, s)?.into())
    }),
    ("Normal(0, 1e-10)", |d| {
        let [m, s] = at(d, [0.0, 1e-10]);
        Ok(Normal::new(m, s)?.into())
    }),
    ("LogNormal(0, 10)", |d| {
        let [m, s] = at(d, [0.0, 10.0]);
        Ok(LogNormal::new(m, s)?.into())
    }),
    ("Cauchy(0, 1e-10)", |d| {
        let [m, s] = at(d, [0.0, 1e-10]);
        Ok(Cauchy::new(m, s)?.into())
    }),
    ("Logistic(0, 1e-10)", |d| {
        let [m, s] = at(d, [0.0, 1e-10]);
        Ok(Logistic::new(m, s)?.into())
    }),
    ("Gumbel(0, 1e-10)", |d| {
        let [m, s] = at(d, [0.0, 1e-10]);
        Ok(Gumbel::new(m, s)?.into())
    }),
    ("Laplace(0, 1e-10)", |d| {
        let [m, s] = at(d, [0.0, 1e-10]);
        Ok(Laplace::new(m, s)?.into())
    }),
    ("TruncatedNormal(0, 1, 0, ∞)", |d| {
        let [m, s, low] = at(d, [0.0, 1.0, 0.0]);
        Ok(TruncatedNormal::new(m, s, low, f64::INFINITY)?.into())
    }),
    ("Mixture of Gamma and Exponential", |d| {
        let [a, b, rate, logit] = at(d, [2.0, 1.0, 1.0, 0.3]);
        let weights =
            Categorical::from_logits(Tensor::stack(&[&logit.value(), &-logit.value()], -1))?;
        let parts = [Gamma::new(a, b)?.into(), Exponential::new(rate)?.into()];
        Ok(Mixture::new(weights, parts)?.into())
    }),
    ("MixtureSameFamily of weights 0, 0, 1", |d| {
        let weights = Tensor::from_f64(&[0.0, 0.0, 1.0], &[3], d.dtype());
        let scale = d.variable(&[3], |x| x.abs() + 1.0);
        let zero = Tensor::scalar_of(0.0, d.dtype());
        Ok(MixtureSameFamily::new(Categorical::from_probs(weights)?, Normal::new(zero, scale)?)?
            .into())
    }),
];

/// A number of trials, which has no slope.
fn count(d: &Draws<'_>, count: f64) -> Tensor {
    Tensor::from_f64(&[count], &[1], d.dtype())
}

/// Parameters so extreme that draws overflow, underflow or sit at an end.
pub(crate) const EXTREMES: &[Family] = &[
    ("Gamma(1e-3, 1)", |d| {
        let [a, b] = at(d, [1e-3, 1.0]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Gamma(1e-30, 1e30)", |d| {
        let [a, b] = at(d, [1e-30, 1e30]);
        Ok(Gamma::new(a, b)?.into())
    }),
    ("Chi2(0.01)", |d| {
        let [df] = at(d, [0.01]);
        Ok(Chi2::new(df)?.into())
    }),
    ("InverseGamma(1e-3, 1)", |d| {
        let [a, b] = at(d, [1e-3, 1.0]);
        Ok(InverseGamma::new(a, b)?.into())
    }),
    ("StudentT(1e-3, 0, 1)", |d| {
        let [df, m, s] = at(d, [1e-3, 0.0, 1.0]);
        Ok(StudentT::new(df, m, s)?.into())
    }),
    ("HalfStudentT(1e-3, 0, 1)", |d| {
        let [df, m, s] = at(d, [1e-3, 0.0, 1.0]);
        Ok(HalfStudentT::new(df, m, s)?.into())
    }),
    ("Weibull(1e-3, 1)", |d| {
        let [k, s] = at(d, [1e-3, 1.0]);
        Ok(Weibull::new(k, s)?.into())
    }),
    ("LogNormal(0, 1e3)", |d| {
        let [m, s] = at(d, [0.0, 1e3]);
        Ok(LogNormal::new(m, s)?.into())
    }),
    ("LogitNormal(0, 1e3)", |d| {
        let [m, s] = at(d, [0.0, 1e3]);
        Ok(LogitNormal::new(m, s)?.into())
    }),
    ("LogitNormal(40, 1e-3)", |d| {
        let [m, s] = at(d, [40.0, 1e-3]);
        Ok(LogitNormal::new(m, s)?.into())
    }),
    ("Kumaraswamy(1e-3, 1e-3)", |d| {
        let [a, b] = at(d, [1e-3, 1e-3]);
        Ok(Kumaraswamy::new(a, b)?.into())
    }),
    ("Kumaraswamy(1e-3, 1e3)", |d| {
        let [a, b] = at(d, [1e-3, 1e3]);
        Ok(Kumaraswamy::new(a, b)?.into())
    }),
    ("Beta(1e-3, 1e-3)", |d| {
        let [a, b] = at(d, [1e-3, 1e-3]);
        Ok(Beta::new(a, b)?.into())
    }),
    ("Dirichlet(1e-3)", |d| Ok(Dirichlet::new(d.variable(&[3], |_| 1e-3))?.into())),
    ("TruncatedNormal(0, 1e-3, 1e6, ∞)", |d| {
        let [m, s, low] = at(d, [0.0, 1e-3, 1e6]);
        Ok(TruncatedNormal::new(m, s, low, f64::INFINITY)?.into())
    }),
    ("Cauchy(0, 1e30)", |d| {
        let [m, s] = at(d, [0.0, 1e30]);
        Ok(Cauchy::new(m, s)?.into())
    }),
    ("Horseshoe(1e-30)", |d| {
        let [s] = at(d, [1e-30]);
        Ok(Horseshoe::new(s)?.into())
    }),
    ("VonMises(0, 1e-30)", |d| {
        let [m, k] = at(d, [0.0, 1e-30]);
        Ok(VonMises::new(m, k)?.into())
    }),
    ("VonMises(0, 1e30)", |d| {
        let [m, k] = at(d, [0.0, 1e30]);
        Ok(VonMises::new(m, k)?.into())
    }),
    ("RelaxedOneHotCategorical(1e-3)", |d| {
        let logits = d.real(&[3]);
        let temperature = d.variable(&[1], |_| 1e-3);
        Ok(RelaxedOneHotCategorical::from_logits(temperature, logits)?.into())
    }),
    ("exp of a normal", |d| {
        let [m, s] = at(d, [0.0, 1e3]);
        Ok(TransformedDistribution::new(Normal::new(m, s)?, Exp::new())?.into())
    }),
];
