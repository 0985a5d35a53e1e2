//! The laws that connect a density with the statistics that are its integrals.

use tfn_tensor::{DType, Tensor};

use super::case::{Case, Outcome};
use super::integration::integrate;
use super::{LawError, Subject};
use crate::distribution::Support;
use crate::error::Result as Answer;

/// Intervals of equal probability on which densities are integrated.
const INTERVALS: usize = 64;

/// What integrals are held to: quadrature is good to 1e-9, the densities to their rounding.
pub(super) fn tolerance(case: &Case<'_>) -> f64 {
    match case.dtype {
        DType::F32 => 1e-3,
        DType::F64 => 1e-6,
    }
}

pub(super) fn check_integrals(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let claimed = Claimed::of(subject, case)?;
    for entry in 0..case.width() {
        let mut sorted = case.column(entry);
        sorted.sort_by(f64::total_cmp);
        let step = (sorted.len() / INTERVALS).max(1);
        let last = sorted.last().copied();
        let mut points: Vec<f64> = sorted.iter().step_by(step).copied().chain(last).collect();
        points.dedup();
        let centre = sorted[sorted.len() / 2];
        let moments = |values: &[f64]| -> Answer<[Vec<f64>; 4]> {
            let log_probs = case.log_probs(values, entry)?;
            let each = |f: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
                let terms = values.iter().zip(&log_probs);
                // Far out a density of 0 wins over any power.
                terms
                    .map(|(&x, &l)| if l.exp() == 0.0 { 0.0 } else { f(x - centre, l, l.exp()) })
                    .collect()
            };
            Ok([
                each(&|_, _, p| p),
                each(&|x, _, p| x * p),
                each(&|x, _, p| x * x * p),
                each(&|_, l, p| -l * p),
            ])
        };
        let spread = (sorted[sorted.len() * 3 / 4] - sorted[sorted.len() / 4]).abs().max(1e-300);
        let sums = subject.get(integrate(&points, 1e-7, moments))?;
        claimed.compare(subject, entry, centre, spread, sums, tolerance(case))?;
        check_cdf_by_integral(subject, case, entry, &points)?;
    }
    Ok(())
}

/// The mass of each of a few intervals against the difference of the cdf.
fn check_cdf_by_integral(
    subject: Subject<'_>,
    case: &Case<'_>,
    entry: usize,
    points: &[f64],
) -> Outcome {
    let Some(cdf) = subject.optional_entries(case.d.cdf(&case.values(points)))? else {
        return Ok(());
    };
    let cdf: Vec<f64> = cdf.into_iter().skip(entry).step_by(case.width()).collect();
    let stride = (points.len() / 4).max(1);
    for i in (stride..points.len()).step_by(stride) {
        let (low, high) = (points[i - stride], points[i]);
        let inside = |values: &[f64]| -> Answer<[Vec<f64>; 1]> {
            let log_probs = case.log_probs(values, entry)?;
            let density = |(&x, l): (&f64, &f64)| if x < low || x > high { 0.0 } else { l.exp() };
            Ok([values.iter().zip(&log_probs).map(density).collect()])
        };
        let [mass] = subject.get(integrate(&points[i - stride..=i], 1e-7, inside))?;
        subject.equal(&[cdf[i] - cdf[i - stride]], &[mass], tolerance(case))?;
    }
    Ok(())
}

/// What a family says of itself, entry by entry.
struct Claimed {
    mean: Option<Vec<f64>>,
    variance: Option<Vec<f64>>,
    entropy: Option<Vec<f64>>,
}

impl Claimed {
    fn of(subject: Subject<'_>, case: &Case<'_>) -> Result<Self, LawError> {
        Ok(Self {
            mean: subject.optional_entries(case.d.mean())?,
            variance: subject.optional_entries(case.d.variance())?,
            entropy: subject.optional_entries(case.d.entropy())?,
        })
    }

    /// `sums` are the integrals of `p`, `(x − centre)p`, `(x − centre)²p` and `−p ln p`.
    fn compare(
        &self,
        subject: Subject<'_>,
        entry: usize,
        centre: f64,
        spread: f64,
        [mass, first, second, entropy]: [f64; 4],
        tolerance: f64,
    ) -> Outcome {
        subject.equal(&[mass], &[1.0], tolerance)?;
        let entry_of = |list: &Option<Vec<f64>>| {
            list.as_ref().and_then(|list| list.get(entry).copied()).filter(|x| x.is_finite())
        };
        if let Some(mean) = entry_of(&self.mean) {
            subject.equal(&[(mean - centre) / spread], &[first / spread], tolerance)?;
        }
        if let Some(variance) = entry_of(&self.variance) {
            let given = (second - first * first) / (spread * spread);
            subject.equal(&[variance / (spread * spread)], &[given], tolerance)?;
        }
        if let Some(claimed) = entry_of(&self.entropy) {
            subject.equal(&[claimed], &[entropy], tolerance)?;
        }
        Ok(())
    }
}

pub(super) fn check_sums(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let claimed = Claimed::of(subject, case)?;
    for entry in 0..case.width() {
        let column = case.column(entry);
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Further out than any sample by twice as much lies less mass than the tolerance, squares included.
        let margin = 2.0 * (high - low) + 20.0;
        let count = (high - low + 2.0 * margin) as usize;
        let labels: Vec<f64> = (0..=count).map(|i| low - margin + i as f64).collect();
        let log_probs = subject.get(case.log_probs(&labels, entry))?;
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let terms = labels.iter().zip(&log_probs).filter(|(_, l)| l.exp() > 0.0);
            terms.map(|(&x, &l)| f(x, l) * l.exp()).sum()
        };
        let sums = [sum(&|_, _| 1.0), sum(&|x, _| x), sum(&|x, _| x * x), sum(&|_, l| -l)];
        claimed.compare(subject, entry, 0.0, 1.0, sums, tolerance(case))?;
        if let Some(cdf) = subject.optional_entries(case.d.cdf(&case.values(&labels)))? {
            let mut total = 0.0;
            let expected: Vec<f64> = log_probs
                .iter()
                .map(|l| {
                    total += l.exp();
                    total
                })
                .collect();
            let given: Vec<f64> = cdf.into_iter().skip(entry).step_by(case.width()).collect();
            subject.equal(&given, &expected, tolerance(case))?;
        }
    }
    Ok(())
}

pub(super) fn check_one_hot(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let classes = case.event[0];
    let labels: Vec<f64> = (0..classes).map(|label| label as f64).collect();
    let rows = case.values(&labels).one_hot(classes);
    let masses = subject.entries(case.d.prob(&rows))?;
    let batch: usize = case.batch.iter().product();
    let totals: Vec<f64> = (0..batch).map(|b| masses.iter().skip(b).step_by(batch).sum()).collect();
    subject.equal(&totals, &vec![1.0; batch], tolerance(case))?;
    if let Some(mean) = subject.optional_entries(case.d.mean())? {
        let expected: Vec<f64> =
            (0..batch * classes).map(|i| masses[(i % classes) * batch + i / classes]).collect();
        subject.equal(&mean, &expected, tolerance(case))?;
    }
    let nothing = subject.entries(case.d.prob(&(rows * 0.0)))?;
    subject.equal(&nothing, &vec![0.0; nothing.len()], 0.0)
}

/// Rows of two or three entries: the density of all but the last integrates to 1, their means are those claimed.
pub(super) fn check_simplex(subject: Subject<'_>, case: &Case<'_>) -> Outcome {
    let classes = case.event[0];
    let nodes = double_exponential();
    let one = [(1.0, 0.0, 1.0)];
    let mut rows = Vec::new();
    let mut weights = Vec::new();
    for &(u, rest, weight) in &nodes {
        // A row of three is (u, rest·v, rest·(1 − v)), with the area rest·du·dv.
        for &(v, last, inner) in if classes == 3 { &nodes[..] } else { &one[..] } {
            let row = [u, rest * v, rest * last];
            rows.extend_from_slice(&row[..classes]);
            weights.push(weight * inner * if classes == 3 { rest } else { 1.0 });
        }
    }
    let shape = [&[weights.len()][..], &vec![1; case.batch.len()], &[classes]].concat();
    let mut values = Tensor::from_f64(&rows, &shape, case.dtype);
    if case.d.support() == Support::LogSimplex {
        values = values.ln();
        for (weight, row) in weights.iter_mut().zip(rows.chunks_exact(classes)) {
            *weight /= row.iter().product::<f64>();
        }
    }
    let density = subject.entries(case.d.prob(&values))?;
    let batch: usize = case.batch.iter().product();
    let integral = |entry: usize, f: &dyn Fn(usize) -> f64| -> f64 {
        (0..weights.len()).map(|i| weights[i] * density[i * batch + entry] * f(i)).sum()
    };
    let masses: Vec<f64> = (0..batch).map(|entry| integral(entry, &|_| 1.0)).collect();
    subject.equal(&masses, &vec![1.0; batch], tolerance(case))?;
    if let Some(mean) = subject.optional_entries(case.d.mean())? {
        let first = |entry| integral(entry, &|i| rows[i * classes]);
        let expected: Vec<f64> = (0..batch).map(first).collect();
        let given: Vec<f64> = mean.iter().step_by(classes).copied().collect();
        subject.equal(&given, &expected, tolerance(case))?;
    }
    let outside = subject.entries(case.d.prob(&(values + 0.1)))?;
    subject.equal(&outside, &vec![0.0; outside.len()], 0.0)
}

/// `u`, `1 − u` and weights for integrals over (0, 1), whose ends may be poles: the substitution
/// `u = 1/(1 + exp(−π sinh t))` of Takahasi and Mori (1974).
fn double_exponential() -> Vec<(f64, f64, f64)> {
    const STEP: f64 = 0.08;
    let node = |i: i32| {
        let t = STEP * f64::from(i);
        let tail = (-std::f64::consts::PI * t.sinh()).exp();
        let u = 1.0 / (1.0 + tail);
        (u, tail * u, STEP * std::f64::consts::PI * t.cosh() * u * tail * u)
    };
    (-40..=40).map(node).collect()
}

pub(super) fn check_outside(subject: Subject<'_>, case: &Case<'_>, value: f64) -> Outcome {
    let given = subject.entries(case.d.log_prob(&case.values(&[value])))?;
    match given.iter().find(|log_prob| **log_prob != f64::NEG_INFINITY) {
        None => Ok(()),
        Some(log_prob) => Err(subject.broken(format!("log_prob({value}) = {log_prob}"), "-inf")),
    }
}
