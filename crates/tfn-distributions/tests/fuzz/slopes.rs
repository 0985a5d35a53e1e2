//! Slopes of every method, in the value and in every parameter.

use tfn_distributions::tensor::{DType, Key, Tensor, Variable};
use tfn_distributions::{Distribution, Parameter, Result};

use crate::checks::{Finding, METHODS, Method, Rows, parameters};
use crate::families::Family;
use crate::walks::{back, bound, forth, has_square, is_plain};

const OF_LEVELS: &[(&str, Method)] = &[
    ("slope of quantile", |d, p| d.quantile(p)),
    ("slope of inverse_survival_function", |d, p| d.inverse_survival_function(p)),
];

/// Parameters at which no slope of the density at an event of moderate size overflows.
fn is_moderate(parameter: f64) -> bool {
    parameter == 0.0 || (1e-4..=1e4).contains(&parameter.abs())
}

/// The rows with variables for arguments and values.
struct Tracked<'a> {
    family: &'a Family<'a>,
    rows: &'a Rows,
    count: usize,
    made: std::sync::Arc<dyn Distribution>,
    variables: Vec<Variable>,
}

/// No slope is NaN where the answer is a number; outside the support nothing moves the density.
pub(crate) fn slopes(
    family: &Family<'_>,
    rows: &Rows,
    count: usize,
    key: &Key,
    found: &mut Vec<Finding>,
) {
    let variable = |tensor: &Tensor| Variable::new("variable", tensor).unwrap();
    let tensors = parameters(family.arguments, &rows.arguments, count, rows.dtype);
    let variables: Vec<Variable> = tensors.iter().map(variable).collect();
    let given: Vec<Parameter> = variables.iter().map(Parameter::from).collect();
    let made = (family.make)(&given, rows.dtype).unwrap();
    let event = made.event_shape().unwrap();
    let x = Tensor::from_f64(&rows.values, &[&[count][..], &event].concat(), rows.dtype);
    let tracked = Tracked { family, rows, count, made, variables };
    let (made, x) = (tracked.made.as_ref(), variable(&x));
    let passes = back(family, made, &x.value(), count);
    for &(method, call, _) in METHODS {
        tracked.ask(method, call(made, &x.tensor()), Some(&x), &passes, found);
    }
    if event.is_empty() {
        let p = variable(&Tensor::from_f64(&rows.values, &[count], rows.dtype));
        let passes = forth(family, made, count, &|base| {
            OF_LEVELS.iter().filter_map(|(_, call)| call(base, &p.value()).ok()).collect()
        });
        for (method, call) in OF_LEVELS {
            tracked.ask(method, call(made, &p.tensor()), Some(&p), &passes, found);
        }
    }
    let sample = |of: &dyn Distribution| of.sample(&[], &mut key.child("sample").stream());
    let passes = forth(family, made, count, &|base| sample(base).into_iter().collect());
    tracked.ask("slope of sample", sample(made), None, &passes, found);
}

impl Tracked<'_> {
    /// The sum of draws, without those that overflow.
    fn within(&self, draws: &Tensor, bound: f64) -> Tensor {
        let number = |x| Tensor::scalar_of(x, self.rows.dtype);
        let seen = draws.detach().abs().lt(&number(bound));
        Tensor::select(&seen, draws, &number(0.0)).sum()
    }

    fn ask(
        &self,
        method: &'static str,
        answer: Result<Tensor>,
        x: Option<&Variable>,
        passes: &[bool],
        found: &mut Vec<Finding>,
    ) {
        let Some(answer) = answer.ok().filter(Tensor::is_tracked) else { return };
        let (bound, answers) = (bound(self.rows.dtype), answer.to_f64_vec().unwrap());
        let (per, width) = (answers.len() / self.count, self.rows.values.len() / self.count);
        let is_of_value = METHODS.iter().any(|line| line.0 == method);
        let is_of_log_tail = ["log_cdf", "log_survival_function"].contains(&method);
        let thinnest = if self.rows.dtype == DType::F32 { -104.0 } else { -746.0 };
        // Where an outcome overflows its slope is any; and of chains nothing is said where one of its parts overflows.
        let of_infinity = !self.family.is_chain && is_of_value;
        // Infinite slopes of both signs meet in a row of several.
        let most = if width == 1 { bound } else { bound.sqrt() };
        let is_number = |a: &f64| a.abs() < most || (a.is_infinite() && width == 1 && of_infinity);
        // A tail may be smaller than all numbers with a reciprocal, and its logarithm be taken all the same.
        let is_thin = |a: &f64| is_of_log_tail && (thinnest..-bound.ln()).contains(a);
        let is_asked = |row: &Rows, answers: &[f64]| {
            let mut arguments = row.arguments.iter().flatten();
            arguments.all(|p| has_square(*p, bound))
                && (x.is_none()
                    || row.values.iter().all(|x| is_plain(*x, bound))
                        && answers.iter().all(|a| is_number(a) && !is_thin(a)))
        };
        let total = if x.is_some() { answer.sum() } else { self.within(&answer, bound) };
        let gradients = total.gradients().unwrap();
        for variable in self.variables.iter().chain(x) {
            let slopes = gradients.of(variable).to_f64_vec().unwrap();
            let width = slopes.len() / self.count;
            for (i, slopes) in slopes.chunks(width).enumerate() {
                let row = self.rows.row(i, self.count);
                let answers = &answers[i * per..(i + 1) * per];
                if !passes[i] || !is_asked(&row, answers) {
                    continue;
                }
                let is_nan = slopes.iter().any(|slope| slope.is_nan());
                let inside = (self.family.inside)(&row.values, &row.arguments.concat());
                let is_outside = method == "log_prob"
                    && !inside
                    && row.arguments.concat().into_iter().all(is_moderate);
                if is_nan || (is_outside && slopes.iter().any(|&slope| slope != 0.0)) {
                    let place = if x == Some(variable) {
                        "the value".into()
                    } else {
                        format!("{:?}", self.variables.iter().position(|v| v == variable))
                    };
                    let given = format!("{answers:?} has slopes {slopes:?} in {place}");
                    found.push(row.finding(self.family, slope_of(method), given));
                }
            }
        }
    }
}

fn slope_of(method: &'static str) -> &'static str {
    match method {
        "log_prob" => "slope of log_prob",
        "cdf" => "slope of cdf",
        "log_cdf" => "slope of log_cdf",
        "survival_function" => "slope of survival_function",
        "log_survival_function" => "slope of log_survival_function",
        _ => method,
    }
}
