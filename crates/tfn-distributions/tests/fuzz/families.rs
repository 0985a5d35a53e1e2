//! The table of families. A new family is one line.

use std::sync::Arc;

use tfn_distributions::bijectors::{Exp, Sigmoid, Softplus, Square, Tanh};
use tfn_distributions::tensor::{DType, Tensor};
use tfn_distributions::{
    BatchBroadcast, BatchReshape, Bernoulli, Beta, Binomial, Categorical, Cauchy, Chi2,
    Deterministic, Dirichlet, Distribution, ExpRelaxedOneHotCategorical, Exponential, Gamma,
    Geometric, Gumbel, HalfCauchy, HalfNormal, HalfStudentT, Horseshoe, Independent, InverseGamma,
    Kumaraswamy, Laplace, LogNormal, LogUniform, Logistic, LogitNormal, Masked, MatrixNormal,
    Mixture, MixtureSameFamily, Multinomial, MultivariateNormalDiag,
    MultivariateNormalDiagPlusLowRank, MultivariateNormalFullCovariance, MultivariateNormalTriL,
    NegativeBinomial, Normal, OneHotCategorical, Parameter, Poisson, RelaxedOneHotCategorical,
    Result, Sample, StudentT, TransformedDistribution, TruncatedNormal, Uniform, VonMises, Weibull,
};

use crate::numbers::{Argument, ROW};
use Argument::{Above, Count, Low, Moderate, Positive, Probability, Real, Row, Simplex, Triangle};

pub(crate) type Make<'a> = dyn Fn(&[Parameter], DType) -> Result<Arc<dyn Distribution>> + 'a;
type Inside = fn(&[f64], &[f64]) -> bool;
/// The fields of a [`Family`].
type Line = (
    &'static str,
    Inside,
    &'static [Argument],
    fn(&[Parameter], DType) -> Result<Arc<dyn Distribution>>,
);

/// A family that is asked.
pub(crate) struct Family<'a> {
    pub(crate) name: String,
    /// Whether an event may come, given the row's arguments one after the other.
    pub(crate) inside: Inside,
    /// What the arguments take.
    pub(crate) arguments: &'a [Argument],
    /// Whether it is made by bijectors.
    pub(crate) is_chain: bool,
    /// How it is made of them.
    pub(crate) make: &'a Make<'a>,
}

impl From<&'static Line> for Family<'static> {
    fn from((name, inside, arguments, make): &'static Line) -> Self {
        Self { name: (*name).into(), inside: *inside, arguments, is_chain: false, make }
    }
}

pub(crate) const LINE: Inside = |_, _| true;
const AT_LEAST_0: Inside = |x, _| x[0] >= 0.0;
const UNIT: Inside = |x, _| (0.0..=1.0).contains(&x[0]);
const BITS: Inside = |x, _| x[0] == 0.0 || x[0] == 1.0;
const COUNTS: Inside = |x, _| x[0] >= 0.0 && x[0] == x[0].floor() && x[0].is_finite();
const CLASSES: Inside = |x, _| x[0] >= 0.0 && x[0] == x[0].floor() && x[0] < ROW as f64;
const ABOVE_LOC: Inside = |x, p| x[0] >= p[0];
const ONE_HOT: Inside =
    |x, _| x.iter().all(|&x| x == 0.0 || x == 1.0) && x.iter().filter(|&&x| x == 1.0).count() == 1;
/// As wide as the rounding of the rows of either type asks for.
const ROWS: Inside =
    |x, _| x.iter().all(|&x| x >= 0.0) && (x.iter().sum::<f64>() - 1.0).abs() < 1e-3;
const LOG_ROWS: Inside = |x, p| ROWS(&x.iter().map(|x| x.exp()).collect::<Vec<_>>(), p);
/// Counts that sum to the total, up to the rounding of the sum.
const SHARES: Inside = |x, p| {
    let excess = x.iter().map(|x| x / p[0].max(1.0)).sum::<f64>() - p[0].min(1.0);
    x.iter().all(|&x| COUNTS(&[x], p)) && excess.abs() <= 1e-6
};

#[rustfmt::skip]
pub(crate) const FAMILIES: &[Line] = &[
    ("BatchBroadcast", LINE, &[Real, Positive], |p, _| Ok(BatchBroadcast::new(Normal::new(&p[0], &p[1])?, &[1])?.into())),
    ("BatchReshape", LINE, &[Real, Positive], |p, _| {
        let normal = Normal::new(&p[0], &p[1])?;
        let rows = normal.batch_shape()?;
        Ok(BatchReshape::new(normal, &rows)?.into())
    }),
    ("Bernoulli", BITS, &[Real], |p, _| Ok(Bernoulli::from_logits(&p[0])?.into())),
    ("Bernoulli, probs", BITS, &[Probability], |p, _| Ok(Bernoulli::from_probs(&p[0])?.into())),
    ("Beta", UNIT, &[Positive, Positive], |p, _| Ok(Beta::new(&p[0], &p[1])?.into())),
    ("Binomial", COUNTS, &[Count, Real], |p, _| Ok(Binomial::from_logits(&p[0], &p[1])?.into())),
    ("Binomial, probs", COUNTS, &[Count, Probability], |p, _| Ok(Binomial::from_probs(&p[0], &p[1])?.into())),
    ("Categorical", CLASSES, &[Row(&Real)], |p, _| Ok(Categorical::from_logits(&p[0])?.into())),
    ("Categorical, probs", CLASSES, &[Simplex], |p, _| Ok(Categorical::from_probs(&p[0])?.into())),
    ("Cauchy", LINE, &[Real, Positive], |p, _| Ok(Cauchy::new(&p[0], &p[1])?.into())),
    ("Chi2", AT_LEAST_0, &[Positive], |p, _| Ok(Chi2::new(&p[0])?.into())),
    ("Deterministic", |x, p| x[0] == p[0], &[Real], |p, _| Ok(Deterministic::new(&p[0])?.into())),
    ("Dirichlet", ROWS, &[Row(&Positive)], |p, _| Ok(Dirichlet::new(&p[0])?.into())),
    ("Exponential", AT_LEAST_0, &[Positive], |p, _| Ok(Exponential::new(&p[0])?.into())),
    ("Gamma", AT_LEAST_0, &[Positive, Positive], |p, _| Ok(Gamma::new(&p[0], &p[1])?.into())),
    ("Geometric", COUNTS, &[Real], |p, _| Ok(Geometric::from_logits(&p[0])?.into())),
    ("Geometric, probs", COUNTS, &[Probability], |p, _| Ok(Geometric::from_probs(&p[0])?.into())),
    ("Gumbel", LINE, &[Real, Positive], |p, _| Ok(Gumbel::new(&p[0], &p[1])?.into())),
    ("HalfCauchy", ABOVE_LOC, &[Real, Positive], |p, _| Ok(HalfCauchy::new(&p[0], &p[1])?.into())),
    ("HalfNormal", AT_LEAST_0, &[Positive], |p, _| Ok(HalfNormal::new(&p[0])?.into())),
    ("HalfStudentT", |x, p| x[0] >= p[1], &[Positive, Real, Positive], |p, _| Ok(HalfStudentT::new(&p[0], &p[1], &p[2])?.into())),
    ("Horseshoe", LINE, &[Positive], |p, _| Ok(Horseshoe::new(&p[0])?.into())),
    ("Independent", LINE, &[Row(&Real), Row(&Positive)], |p, _| Ok(Independent::new(Laplace::new(&p[0], &p[1])?, 1)?.into())),
    ("InverseGamma", AT_LEAST_0, &[Positive, Positive], |p, _| Ok(InverseGamma::new(&p[0], &p[1])?.into())),
    ("Kumaraswamy", UNIT, &[Positive, Positive], |p, _| Ok(Kumaraswamy::new(&p[0], &p[1])?.into())),
    ("Laplace", LINE, &[Real, Positive], |p, _| Ok(Laplace::new(&p[0], &p[1])?.into())),
    ("LogNormal", AT_LEAST_0, &[Real, Positive], |p, _| Ok(LogNormal::new(&p[0], &p[1])?.into())),
    ("LogUniform", LINE, &[], |_, dtype| Ok(LogUniform::new(dtype).into())),
    ("Logistic", LINE, &[Real, Positive], |p, _| Ok(Logistic::new(&p[0], &p[1])?.into())),
    ("LogitNormal", UNIT, &[Real, Positive], |p, _| Ok(LogitNormal::new(&p[0], &p[1])?.into())),
    ("MatrixNormal", LINE, &[Row(&Real), Moderate(&Triangle), Moderate(&Positive)], |p, _| {
        let scale_column = p[2].value().expand_dims(-1).expand_dims(-1);
        Ok(MatrixNormal::new(p[0].value().expand_dims(-1), &p[1], scale_column)?.into())
    }),
    ("Masked", LINE, &[Real, Positive], |p, dtype| Ok(Masked::new(Normal::new(&p[0], &p[1])?, Tensor::ones(&[], dtype))?.into())),
    ("Mixture", AT_LEAST_0, &[Row(&Real), Positive, Positive], |p, _| {
        let components: [Arc<dyn Distribution>; ROW] = [Exponential::new(&p[1])?.into(), Gamma::new(&p[1], &p[2])?.into(), LogNormal::new(&p[2], &p[1])?.into()];
        Ok(Mixture::new(Categorical::from_logits(&p[0])?, components)?.into())
    }),
    ("MixtureSameFamily", LINE, &[Row(&Real), Row(&Real), Row(&Positive)], |p, _| {
        Ok(MixtureSameFamily::new(Categorical::from_logits(&p[0])?, Normal::new(&p[1], &p[2])?)?.into())
    }),
    ("MixtureSameFamily, positive", AT_LEAST_0, &[Simplex, Row(&Positive)], |p, _| {
        Ok(MixtureSameFamily::new(Categorical::from_probs(&p[0])?, Exponential::new(&p[1])?)?.into())
    }),
    ("MultivariateNormalDiag", LINE, &[Row(&Real), Row(&Positive)], |p, _| Ok(MultivariateNormalDiag::new(&p[0], &p[1])?.into())),
    ("MultivariateNormalDiagPlusLowRank", LINE, &[Row(&Real), Moderate(&Row(&Positive)), Moderate(&Row(&Real))], |p, _| {
        Ok(MultivariateNormalDiagPlusLowRank::new(&p[0], &p[1], p[2].value().expand_dims(-1))?.into())
    }),
    ("MultivariateNormalFullCovariance", LINE, &[Row(&Real), Moderate(&Row(&Positive)), Probability], |p, dtype| {
        // Any scales, and one correlation of up to a half.
        let (scale, correlation) = (p[1].value(), (p[2].value() * 0.5).expand_dims(-1).expand_dims(-1));
        let product = scale.expand_dims(-1) * scale.expand_dims(-2);
        let eye = Tensor::ones(&[ROW], dtype).matrix_diag();
        let covariance = product * (&eye + (1.0 - &eye) * correlation);
        Ok(MultivariateNormalFullCovariance::new(&p[0], covariance)?.into())
    }),
    ("MultivariateNormalTriL", LINE, &[Row(&Real), Moderate(&Triangle)], |p, _| Ok(MultivariateNormalTriL::new(&p[0], &p[1])?.into())),
    ("Multinomial", SHARES, &[Count, Row(&Real)], |p, _| Ok(Multinomial::from_logits(&p[0], &p[1])?.into())),
    ("Multinomial, probs", SHARES, &[Count, Simplex], |p, _| Ok(Multinomial::from_probs(&p[0], &p[1])?.into())),
    ("NegativeBinomial", COUNTS, &[Positive, Real], |p, _| Ok(NegativeBinomial::from_logits(&p[0], &p[1])?.into())),
    ("Normal", LINE, &[Real, Positive], |p, _| Ok(Normal::new(&p[0], &p[1])?.into())),
    ("OneHotCategorical", ONE_HOT, &[Row(&Real)], |p, _| Ok(OneHotCategorical::from_logits(&p[0])?.into())),
    ("OneHotCategorical, probs", ONE_HOT, &[Simplex], |p, _| Ok(OneHotCategorical::from_probs(&p[0])?.into())),
    ("Poisson", COUNTS, &[Positive], |p, _| Ok(Poisson::new(&p[0])?.into())),
    ("Poisson, log_rate", COUNTS, &[Real], |p, _| Ok(Poisson::from_log_rate(&p[0])?.into())),
    ("RelaxedOneHotCategorical", ROWS, &[Moderate(&Positive), Row(&Real)], |p, _| Ok(RelaxedOneHotCategorical::from_logits(&p[0], &p[1])?.into())),
    ("ExpRelaxedOneHotCategorical", LOG_ROWS, &[Moderate(&Positive), Row(&Real)], |p, _| Ok(ExpRelaxedOneHotCategorical::from_logits(&p[0], &p[1])?.into())),
    ("Sample", LINE, &[Real, Positive], |p, _| Ok(Sample::new(Normal::new(&p[0], &p[1])?, &[ROW])?.into())),
    ("StudentT", LINE, &[Positive, Real, Positive], |p, _| Ok(StudentT::new(&p[0], &p[1], &p[2])?.into())),
    ("TransformedDistribution, exp", AT_LEAST_0, &[Real, Positive], |p, _| {
        Ok(TransformedDistribution::new(Laplace::new(&p[0], &p[1])?, Exp::new())?.into())
    }),
    ("TransformedDistribution, sigmoid", UNIT, &[Real, Positive], |p, _| {
        Ok(TransformedDistribution::new(Normal::new(&p[0], &p[1])?, Sigmoid::new())?.into())
    }),
    ("TransformedDistribution, softplus", AT_LEAST_0, &[Real, Positive], |p, _| {
        Ok(TransformedDistribution::new(Normal::new(&p[0], &p[1])?, Softplus::new())?.into())
    }),
    ("TransformedDistribution, square", AT_LEAST_0, &[Positive], |p, _| {
        Ok(TransformedDistribution::new(HalfNormal::new(&p[0])?, Square::new())?.into())
    }),
    ("TransformedDistribution, tanh", |x, _| x[0].abs() <= 1.0, &[Real, Positive], |p, _| {
        Ok(TransformedDistribution::new(Logistic::new(&p[0], &p[1])?, Tanh::new())?.into())
    }),
    ("TruncatedNormal", |x, p| p[2] <= x[0] && x[0] <= p[3], &[Real, Positive, Low, Above], |p, _| Ok(TruncatedNormal::new(&p[0], &p[1], &p[2], &p[3])?.into())),
    ("Uniform", |x, p| p[0] <= x[0] && x[0] <= p[1], &[Low, Above], |p, _| Ok(Uniform::new(&p[0], &p[1])?.into())),
    ("VonMises", |x, _| x[0].is_finite(), &[Real, Positive], |p, _| Ok(VonMises::new(&p[0], &p[1])?.into())),
    ("Weibull", AT_LEAST_0, &[Positive, Positive], |p, _| Ok(Weibull::new(&p[0], &p[1])?.into())),
];
