//! Slopes where functions end, outside, at infinity and far out: a number wherever the function has one.

use std::sync::Arc;

use tfn_distributions::bijectors::{
    Chain, Exp, IntoBijector, Invert, NormalCDF, Power, Reciprocal, Sigmoid, Softplus, Square, Tanh,
};
use tfn_distributions::tensor::{DType, Stream, Tensor, Variable};
use tfn_distributions::{Distribution, Gamma, Normal, Result, Support, TransformedDistribution};

use super::draws::{Draws, Family};
use super::edges::{EDGES, EXTREMES};
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

/// A normal or a gamma distribution seen through bijectors that take some of their numbers next to 0.
const NEXT_TO_ZERO: &[Family] = &[
    ("normal through Exp", |d| through(normal(d)?, Exp::new())),
    ("normal through Softplus", |d| through(normal(d)?, Softplus::new())),
    ("normal through Sigmoid", |d| through(normal(d)?, Sigmoid::new())),
    ("normal through NormalCDF", |d| through(normal(d)?, NormalCDF::new())),
    ("normal through Tanh", |d| through(normal(d)?, Tanh::new())),
    ("normal through Exp, Square", |d| {
        let chain = Chain::new([Square::new().into_bijector(), Exp::new().into_bijector()]);
        through(normal(d)?, chain)
    }),
    ("gamma through Reciprocal", |d| through(gamma(d)?, Reciprocal::new())),
    ("gamma through Square", |d| through(gamma(d)?, Square::new())),
    ("gamma through Power", |d| through(gamma(d)?, Power::new(3.0)?)),
    ("gamma through the inverse of Softplus", |d| through(gamma(d)?, Invert::new(Softplus::new()))),
];

fn normal(d: &mut Draws<'_>) -> Result<Arc<dyn Distribution>> {
    Ok(Normal::new(d.variable(&[1], |_| 0.3), d.variable(&[1], |_| 2.0))?.into())
}

fn gamma(d: &mut Draws<'_>) -> Result<Arc<dyn Distribution>> {
    Ok(Gamma::new(d.variable(&[1], |_| 2.5), d.variable(&[1], |_| 0.7))?.into())
}

fn through(
    base: Arc<dyn Distribution>,
    bijector: impl IntoBijector,
) -> Result<Arc<dyn Distribution>> {
    Ok(TransformedDistribution::new(base, bijector)?.into())
}

/// Of two terms of a density next to 0 each may move faster than any number, and in opposite directions.
#[test]
fn densities_next_to_zero_have_slopes() {
    let mut faults: Vec<String> = Vec::new();
    let numbers: Vec<f64> = (0..24).map(|i| f64::from((i * 7) % 24) / 6.0 - 1.9).collect();
    let families = FAMILIES.iter().copied().flatten().chain(EDGES);
    for (name, make) in families.chain(NEXT_TO_ZERO) {
        for (dtype, least) in [(DType::F64, 5e-324), (DType::F32, 1.4e-45)] {
            let made: Arc<dyn Distribution> = make(&mut Draws::new(&numbers, dtype)).unwrap();
            if made.parts().is_some() || made.joint().is_some() {
                continue;
            }
            let powers = [0, 5, 20, 40, 50, 51, 52, 53, 54, 55, 60, 80];
            let sizes = powers.map(|power| least * 2.0_f64.powi(power));
            let values: Vec<f64> = sizes.iter().flat_map(|size| [-size, *size]).collect();
            for x in values_of(made.as_ref(), dtype, &values) {
                let of = Variable::new("x", x.clone()).unwrap();
                let Ok(log_prob) = made.log_prob(&of.tensor()) else { continue };
                let slopes = log_prob.sum().gradients().unwrap().of(&of).to_f64_vec().unwrap();
                let given = entries(Ok(log_prob));
                let is_number = given.iter().all(|given| !given.is_nan());
                if is_number && slopes.iter().any(|slope| slope.is_nan()) {
                    let at = x.to_f64_vec().unwrap()[0];
                    faults.push(format!("{name} {dtype}: {given:?} at {at} has {slopes:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn samples_have_slopes_at_extreme_parameters() {
    let mut faults: Vec<String> = Vec::new();
    let numbers: Vec<f64> = (0..24).map(|i| f64::from((i * 7) % 24) / 6.0 - 1.9).collect();
    for (name, make) in EDGES.iter().chain(EXTREMES) {
        for dtype in [DType::F64, DType::F32] {
            let made: Arc<dyn Distribution> = make(&mut Draws::new(&numbers, dtype)).unwrap();
            let draws = made.sample(&[500], &mut Stream::from_seed(1)).unwrap();
            if !draws.is_tracked() {
                continue;
            }
            let values = entries(Ok(draws.clone()));
            if values.iter().any(|value| value.is_nan()) {
                faults.push(format!("{name} {dtype}: draws {values:?}"));
            }
            // What overflows stays behind the selection, and what moves faster than any number is let be.
            let bound = Tensor::scalar_of(1e-3 / tiny(dtype), dtype);
            let seen = draws.detach().abs().lt(&bound);
            let zero = Tensor::scalar_of(0.0, dtype);
            let total = Tensor::select(&seen, &draws, &zero).mean();
            let slopes = total.gradients().unwrap();
            for variable in made.trainable_variables() {
                let slope = slopes.of(&variable).to_f64_vec().unwrap();
                if slope.iter().any(|slope| slope.is_nan()) {
                    faults.push(format!("{name} {dtype} in {}: {slope:?}", variable.name()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
