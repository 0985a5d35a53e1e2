//! Slopes where functions end, outside, at infinity and far out: a number wherever the function has one.

use std::sync::Arc;

use tfn_distributions::tensor::{DType, Stream, Tensor, Variable};
use tfn_distributions::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Chi2, Distribution, Exponential, Gamma,
    Geometric, Gumbel, InverseGamma, Kumaraswamy, Laplace, LogNormal, Logistic, Mixture,
    MixtureSameFamily, NegativeBinomial, Normal, Parameter, Poisson, Result, StudentT, Support,
    TruncatedNormal, Weibull,
};

use super::draws::{Draws, Family};
use super::{FAMILIES, entries};

type Method = fn(&dyn Distribution, &Tensor) -> Result<Tensor>;

/// What is asked at values, and whether the answers are logarithms.
const OF_VALUES: &[(&str, Method)] = &[
    ("log_prob", |d, x| d.log_prob(x)),
    ("prob", |d, x| d.prob(x)),
    ("cdf", |d, x| d.cdf(x)),
    ("log_cdf", |d, x| d.log_cdf(x)),
    ("survival_function", |d, x| d.survival_function(x)),
    ("log_survival_function", |d, x| d.log_survival_function(x)),
];
const OF_LEVELS: &[(&str, Method)] = &[
    ("quantile", |d, p| d.quantile(p)),
    ("inverse_survival_function", |d, p| d.inverse_survival_function(p)),
];

/// Values on both sides of 0: ends of many supports, the smallest numbers, large ones, infinity.
fn values(tiny: f64) -> Vec<f64> {
    let sizes = [
        0.0,
        tiny,
        1e-30,
        1e-20,
        1e-5,
        0.25,
        1.0,
        2.5,
        30.0,
        700.0,
        1e4,
        1e8,
        1e15,
        1e19,
        1e30,
        1e160,
        1e300,
        f64::INFINITY,
    ];
    sizes.iter().flat_map(|size| [-size, *size]).collect()
}

fn levels(tiny: f64) -> Vec<f64> {
    vec![0.0, tiny, 1e-30, 1e-12, 0.1, 0.5, 0.9, 1.0 - 1e-7, 1.0 - f64::EPSILON, 1.0, -0.1, 1.1]
}

/// A number of which the reciprocal is one too.
fn tiny(dtype: DType) -> f64 {
    if dtype == DType::F32 { 1e-37 } else { 1e-300 }
}

/// What is wrong with the slopes of `method` at `value`.
fn fault(d: &dyn Distribution, method: Method, value: &Tensor, is_level: bool) -> Option<String> {
    let x = Variable::new("x", value.clone()).unwrap();
    let answer = method(d, &x.tensor()).ok()?;
    let given = entries(Ok(answer.clone()));
    // Beside the largest numbers products overflow on the way.
    let least = tiny(value.dtype().unwrap());
    let is_huge = |given: &f64| given.is_finite() && given.abs() > 1e-2 / least;
    if given.iter().any(|given| given.is_nan() || is_huge(given)) || !answer.is_tracked() {
        return None;
    }
    let slopes = answer.sum().gradients().unwrap();
    // Next to 0, at the levels 0 and 1 and beside the largest numbers a slope may be larger than any.
    let at = value.to_f64_vec().unwrap();
    let is_edge = |x: &f64| x.abs() <= least.powf(0.78) || *x == 1.0;
    let is_moderate = |given: &f64| given.abs() < least.sqrt().recip();
    // So may one at an outcome that is rounded to an end.
    let is_end = is_level && given.iter().any(|given| *given == 0.0 || *given == 1.0);
    let is_finite = given.iter().all(is_moderate) && !at.iter().any(is_edge) && !is_end;
    for variable in d.trainable_variables().iter().chain([&x]) {
        let slope = slopes.of(variable).to_f64_vec().unwrap();
        let is_good = |slope: &f64| if is_finite { slope.is_finite() } else { !slope.is_nan() };
        if !slope.iter().all(is_good) {
            return Some(format!(
                "in {}: {slope:?} at {:?}, where it is {given:?}",
                variable.name(),
                at.first()
            ));
        }
    }
    None
}

fn values_of(made: &dyn Distribution, dtype: DType, values: &[f64]) -> Vec<Tensor> {
    let shape = [made.batch_shape().unwrap(), made.event_shape().unwrap()].concat();
    values.iter().map(|&value| Tensor::full(&shape, value, dtype)).collect()
}

/// One variable for each value.
fn at<const N: usize>(d: &mut Draws<'_>, values: [f64; N]) -> [Parameter; N] {
    values.map(|value| d.variable(&[1], |_| value))
}

/// Parameters at which a family ends or becomes another one.
const EDGES: &[Family] = &[
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
        let zero = Tensor::from_f64(&[0.0], &[], d.dtype());
        Ok(MixtureSameFamily::new(Categorical::from_probs(weights)?, Normal::new(zero, scale)?)?
            .into())
    }),
];

/// A number of trials, which has no slope.
fn count(d: &Draws<'_>, count: f64) -> Tensor {
    Tensor::from_f64(&[count], &[1], d.dtype())
}

#[test]
fn slopes_are_numbers_wherever_the_function_has_one() {
    let mut faults: Vec<String> = Vec::new();
    let numbers: Vec<f64> = (0..24).map(|i| f64::from((i * 7) % 24) / 6.0 - 1.9).collect();
    for (name, make) in FAMILIES.iter().copied().flatten().chain(EDGES) {
        for dtype in [DType::F64, DType::F32] {
            let made: Arc<dyn Distribution> = make(&mut Draws::new(&numbers, dtype)).unwrap();
            let made = made.as_ref();
            if made.parts().is_some() || made.joint().is_some() {
                continue;
            }
            let mut at = values_of(made, dtype, &values(tiny(dtype)));
            let draw = made.sample(&[], &mut Stream::from_seed(1)).unwrap().detach();
            at.push(draw.clone());
            if made.event_shape().unwrap().is_empty() && made.support() != Support::Circle {
                // Where the variables themselves are: ends of the support.
                let variables = made.variables();
                let ends = variables.iter().map(|end| end.value() + &draw * 0.0);
                at.extend(ends.filter(|end| end.shape() == draw.shape()).collect::<Vec<_>>());
            }
            let by_value = OF_VALUES.iter().map(|method| (method, &at[..], false));
            let levels = values_of(made, dtype, &levels(tiny(dtype)));
            let by_level = OF_LEVELS.iter().map(|method| (method, &levels[..], true));
            for (&(method, f), at, is_level) in by_value.chain(by_level) {
                for x in at {
                    if let Some(fault) = fault(made, f, x, is_level) {
                        faults.push(format!("{name} {dtype} {method} {fault}"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
