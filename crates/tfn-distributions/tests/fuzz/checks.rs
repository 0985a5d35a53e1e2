//! What is asked of each row.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tfn_distributions::tensor::{DType, Key, Tensor};
use tfn_distributions::{Distribution, DistributionError, Parameter, Result, Support};

use crate::families::{Family, Make};
use crate::numbers::{Argument, Numbers};
use crate::{slopes, walks};

/// Rows of arguments, each argument's numbers one after the other, and of events.
pub(crate) struct Rows {
    pub(crate) dtype: DType,
    pub(crate) arguments: Vec<Vec<f64>>,
    pub(crate) values: Vec<f64>,
}

/// A row that got a wrong answer.
pub(crate) struct Finding {
    pub(crate) family: String,
    pub(crate) method: &'static str,
    dtype: DType,
    arguments: Vec<Vec<f64>>,
    value: Vec<f64>,
    given: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |numbers: &[f64]| {
            let each: Vec<String> = numbers.iter().map(|x| format!("{x:?}")).collect();
            format!("&[{}]", each.join(", "))
                .replace("inf", "f64::INFINITY")
                .replace("NaN", "f64::NAN")
        };
        let arguments: Vec<String> = self.arguments.iter().map(|a| numbers(a)).collect();
        let (family, value) = (&self.family, numbers(&self.value));
        let dtype = format!("{:?}", self.dtype);
        write!(f, "    (\"{family}\", {dtype}, &[{}], {value}),", arguments.join(", "))?;
        write!(f, " // {}: {}", self.method, self.given)
    }
}

impl Rows {
    pub(crate) fn new(dtype: DType, arguments: usize) -> Self {
        Self { dtype, arguments: vec![Vec::new(); arguments], values: Vec::new() }
    }

    fn count(&self, arguments: &[Argument]) -> usize {
        let first = arguments.iter().zip(&self.arguments).next();
        first.map_or(self.values.len(), |(argument, column)| column.len() / argument.width())
    }

    pub(crate) fn row(&self, index: usize, count: usize) -> Self {
        let cut = |column: &[f64]| {
            let width = column.len() / count;
            column[index * width..(index + 1) * width].to_vec()
        };
        let arguments = self.arguments.iter().map(|column| cut(column)).collect();
        Self { dtype: self.dtype, arguments, values: cut(&self.values) }
    }

    pub(crate) fn finding(
        &self,
        family: &Family<'_>,
        method: &'static str,
        given: String,
    ) -> Finding {
        let (arguments, value) = (self.arguments.clone(), self.values.clone());
        let family = family.name.clone();
        Finding { family, method, dtype: self.dtype, arguments, value, given }
    }
}

pub(crate) fn parameters(
    arguments: &[Argument],
    columns: &[Vec<f64>],
    count: usize,
    dtype: DType,
) -> Vec<Tensor> {
    let tensor = |(argument, column): (&Argument, &Vec<f64>)| {
        Tensor::from_f64(column, &[&[count], argument.shape()].concat(), dtype)
    };
    arguments.iter().zip(columns).map(tensor).collect()
}

pub(crate) fn build(
    make: &Make<'_>,
    arguments: &[Argument],
    columns: &[Vec<f64>],
    count: usize,
    dtype: DType,
) -> Result<Arc<dyn Distribution>> {
    let tensors = parameters(arguments, columns, count, dtype);
    make(&tensors.into_iter().map(Parameter::from).collect::<Vec<_>>(), dtype)
}

/// Arbitrary arguments are taken, or refused by a typed error that names one of them.
pub(crate) fn construction(
    family: &Family<'_>,
    dtype: DType,
    numbers: &mut Numbers,
    found: &mut Vec<Finding>,
) {
    let (arguments, make) = (family.arguments, family.make);
    for _ in 0..4 {
        let draw = |argument: &Argument| (0..argument.width()).map(|_| numbers.any()).collect();
        let rows = Rows { dtype, arguments: arguments.iter().map(draw).collect(), values: vec![] };
        let outcome =
            catch_unwind(AssertUnwindSafe(|| build(make, arguments, &rows.arguments, 1, dtype)));
        let wrong = match outcome {
            Err(_) => Some("panic".to_owned()),
            Ok(Err(DistributionError::Argument { .. })) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(made)) => made.check_values().err().map(|error| error.to_string()),
        };
        found.extend(wrong.map(|given| rows.finding(family, "new", given)));
    }
}

/// Asks every method about every row; where that panics, row by row.
pub(crate) fn rows(family: &Family<'_>, rows: &Rows, key: &Key, found: &mut Vec<Finding>) {
    let count = rows.count(family.arguments);
    match catch_unwind(AssertUnwindSafe(|| ask(family, rows, count, key))) {
        Ok(more) => found.extend(more),
        Err(_) if count == 1 => found.push(rows.finding(family, "panic", String::new())),
        Err(_) => {
            let each = (0..count).map(|i| rows.row(i, count));
            each.for_each(|row| self::rows(family, &row, key, found));
        }
    }
}

pub(crate) type Method = fn(&dyn Distribution, &Tensor) -> Result<Tensor>;
pub(crate) type Allowed = fn(f64) -> bool;

/// Methods of a value, and what their answers may be.
pub(crate) const METHODS: &[(&str, Method, Allowed)] = &[
    ("log_prob", |d, x| d.log_prob(x), |l| !l.is_nan()),
    ("cdf", |d, x| d.cdf(x), is_probability),
    ("log_cdf", |d, x| d.log_cdf(x), |l| l <= 0.0),
    ("survival_function", |d, x| d.survival_function(x), is_probability),
    ("log_survival_function", |d, x| d.log_survival_function(x), |l| l <= 0.0),
];

type Statistic = fn(&dyn Distribution) -> Result<Tensor>;

/// Methods without a value: no panic, whatever they answer.
const STATISTICS: &[Statistic] =
    &[|d| d.mean(), |d| d.variance(), |d| d.stddev(), |d| d.mode(), |d| d.entropy()];

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

fn ask(family: &Family<'_>, rows: &Rows, count: usize, key: &Key) -> Vec<Finding> {
    let (arguments, make) = (family.arguments, family.make);
    let made = match build(make, arguments, &rows.arguments, count, rows.dtype) {
        Ok(made) => made,
        Err(error) => return vec![rows.row(0, count).finding(family, "new", error.to_string())],
    };
    let event = made.event_shape().unwrap();
    let x = Tensor::from_f64(&rows.values, &[&[count][..], &event].concat(), rows.dtype);
    let mut found = Vec::new();
    let is_circle = made.support() == Support::Circle;
    for &(method, call, allows) in METHODS {
        // Around a circle a cdf goes on below 0 and above 1.
        let allows: Allowed = if is_circle { |answer| !answer.is_nan() } else { allows };
        let Some(answers) =
            answers(family, rows, count, method, call(made.as_ref(), &x), &mut found)
        else {
            continue;
        };
        let passes = walks::back(family, made.as_ref(), &x, count);
        for (i, answer) in answers.into_iter().enumerate() {
            let row = rows.row(i, count);
            let has_nan = row.values.iter().any(|x| x.is_nan());
            let is_right = if has_nan { answer.is_nan() } else { !passes[i] || allows(answer) };
            let outside = !has_nan && !(family.inside)(&row.values, &row.arguments.concat());
            if !is_right || (outside && method == "log_prob" && answer != f64::NEG_INFINITY) {
                found.push(row.finding(family, method, answer.to_string()));
            }
        }
    }
    samples(family, rows, count, made.as_ref(), key, &mut found);
    quantiles(family, rows, count, made.as_ref(), &mut found);
    slopes::slopes(family, rows, count, key, &mut found);
    for statistic in STATISTICS {
        answers(family, rows, count, "statistic", statistic(made.as_ref()), &mut found);
    }
    found
}

/// The entries of an answer; `None` if the family has none.
fn answers(
    family: &Family<'_>,
    rows: &Rows,
    count: usize,
    method: &'static str,
    answer: Result<Tensor>,
    found: &mut Vec<Finding>,
) -> Option<Vec<f64>> {
    match answer.and_then(|answer| Ok(answer.to_f64_vec()?)) {
        Ok(answers) => Some(answers),
        Err(DistributionError::Unsupported { .. }) => None,
        Err(error) => {
            found.push(rows.row(0, count).finding(family, method, error.to_string()));
            None
        }
    }
}

/// Samples may come, or overflow.
fn samples(
    family: &Family<'_>,
    rows: &Rows,
    count: usize,
    made: &dyn Distribution,
    key: &Key,
    found: &mut Vec<Finding>,
) {
    let sample = made.sample(&[], &mut key.child("sample").stream());
    let Some(sample) = answers(family, rows, count, "sample", sample, found) else {
        return;
    };
    for (i, event) in sample.chunks(sample.len() / count).enumerate() {
        let row = rows.row(i, count);
        let overflows = event.iter().any(|x| x.is_infinite());
        let has_nan = event.iter().any(|x| x.is_nan());
        if has_nan || !(overflows || (family.inside)(event, &row.arguments.concat())) {
            found.push(row.finding(family, "sample", format!("{event:?}")));
        }
    }
}

/// Quantiles of probabilities are numbers, those of others are none.
fn quantiles(
    family: &Family<'_>,
    rows: &Rows,
    count: usize,
    made: &dyn Distribution,
    found: &mut Vec<Finding>,
) {
    let levels: Vec<f64> = rows.values.chunks(rows.values.len() / count).map(|v| v[0]).collect();
    let p = Tensor::from_f64(&levels, &[count], rows.dtype);
    let Some(answers) = answers(family, rows, count, "quantile", made.quantile(&p), found) else {
        return;
    };
    for (i, (answer, p)) in answers.into_iter().zip(levels).enumerate() {
        if answer.is_nan() == is_probability(p) {
            found.push(rows.row(i, count).finding(family, "quantile", answer.to_string()));
        }
    }
}
