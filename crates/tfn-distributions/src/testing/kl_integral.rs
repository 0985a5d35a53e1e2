//! The law that a divergence between numbers is the integral, or the sum, that it is defined as.

use tfn_tensor::{DType, Tensor};

use super::case::Outcome;
use super::integration::integrate;
use super::{Laws, Subject};
use crate::distribution::{Distribution, Support};
use crate::error::Result as Answer;

/// Intervals of equal probability on which the integral is taken.
const INTERVALS: usize = 64;

/// Both distributions at many numbers, for each entry of their common batch.
struct Pair<'a> {
    q: &'a dyn Distribution,
    p: &'a dyn Distribution,
    batch: &'a [usize],
    entries: usize,
}

impl Pair<'_> {
    /// `q` and the terms `q (ln q − ln p)` of one entry of the batch at `values`; 0 where `q` is.
    fn terms(&self, values: &[f64], entry: usize) -> Answer<[Vec<f64>; 2]> {
        let shape = [&[values.len()][..], &vec![1; self.batch.len()]].concat();
        let x = Tensor::from_f64(values, &shape, self.q.dtype()?);
        let wide = [&[values.len()][..], self.batch].concat();
        let of = |d: &dyn Distribution| -> Answer<Vec<f64>> {
            let all = d.log_prob(&x)?.broadcast_to(&wide).to_f64_vec()?;
            Ok(all.into_iter().skip(entry).step_by(self.entries).collect())
        };
        let (log_q, log_p) = (of(self.q)?, of(self.p)?);
        // A pole of a density is one point, and no part of an integral.
        let is_pole = |q: f64, p: f64| q.exp() == f64::INFINITY || p == f64::INFINITY;
        let of = |term: fn(f64, f64) -> f64| -> Vec<f64> {
            let both = log_q.iter().zip(&log_p);
            both.map(|(&q, &p)| if q.exp() == 0.0 || is_pole(q, p) { 0.0 } else { term(q, p) })
                .collect()
        };
        Ok([of(|q, _| q.exp()), of(|q, p| q.exp() * (q - p))])
    }

    /// The mass of `q`, which is 1 but for the error of the integral, and the divergence.
    fn value(&self, sorted: &[f64], entry: usize) -> Answer<[f64; 2]> {
        let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
            return Ok([1.0, 0.0]);
        };
        if self.q.support() == Support::Integers {
            // Further out than any sample by twice as much lies less mass than the tolerance.
            let margin = 2.0 * (high - low) + 20.0;
            let count = (high - low + 2.0 * margin) as usize;
            let labels: Vec<f64> = (0..=count).map(|i| low - margin + i as f64).collect();
            return Ok(self.terms(&labels, entry)?.map(|terms| terms.iter().sum()));
        }
        let step = (sorted.len() / INTERVALS).max(1);
        let mut points: Vec<f64> = sorted.iter().step_by(step).copied().chain([*high]).collect();
        points.dedup();
        integrate(&points, 1e-7, |values| self.terms(values, entry))
    }
}

/// Checks divergences between numbers that have a density, or between whole numbers; `exact` has an entry for each of
/// the common batch.
pub(super) fn check_integral(
    subject: Subject<'_>,
    q: &dyn Distribution,
    p: &dyn Distribution,
    batch: &[usize],
    exact: &[f64],
    laws: &Laws,
) -> Outcome {
    let is_number = matches!(q.support(), Support::Continuous | Support::Integers)
        && q.support() == p.support()
        && q.parts().is_none()
        && subject.get(q.event_shape())?.is_empty();
    if !is_number {
        return Ok(());
    }
    let pair = Pair { q, p, batch, entries: exact.len().max(1) };
    let drawn = subject.get(q.sample(&[laws.samples], &mut laws.key().stream()))?.detach();
    // `q` may have fewer axes than the common batch.
    let own = subject.get(q.batch_shape())?;
    let missing = vec![1; batch.len() - own.len()];
    let all = drawn
        .reshape(&[&[laws.samples][..], &missing, &own].concat())
        .broadcast_to(&[&[laws.samples][..], batch].concat());
    let draws = subject.entries(all.check().map_err(Into::into))?;
    let tolerance = match subject.get(q.dtype())? {
        DType::F32 => 1e-3,
        DType::F64 => 1e-6,
    };
    for (entry, &exact) in exact.iter().enumerate().filter(|(_, exact)| exact.is_finite()) {
        let mut sorted: Vec<f64> =
            draws.iter().skip(entry).step_by(pair.entries).copied().collect();
        sorted.sort_by(f64::total_cmp);
        let [mass, value] = subject.get(pair.value(&sorted, entry))?;
        // Mass that is missed beside a pole of the density is multiplied by a large logarithm.
        let missed = 1000.0 * (mass - 1.0).abs();
        subject.equal(&[exact], &[value], tolerance + missed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gamma, Laplace, Normal, Poisson, kl_divergence};

    #[test]
    fn a_divergence_off_by_two_percent_or_by_a_little_is_refused() {
        let column = Tensor::from_vec(vec![0.3, 2.0], &[2, 1]);
        let row = Tensor::from_vec(vec![1.0, 1.1, 3.0], &[3]);
        let pairs: [[std::sync::Arc<dyn Distribution>; 2]; 4] = [
            [
                Laplace::new(column.clone(), 1.0).unwrap().into(),
                Laplace::new(0.5, row.clone()).unwrap().into(),
            ],
            [
                Normal::new(0.1, row.clone()).unwrap().into(),
                Normal::new(column.clone(), 1.2).unwrap().into(),
            ],
            [
                Gamma::new(column.clone(), 1.5).unwrap().into(),
                Gamma::new(row.clone(), 1.0).unwrap().into(),
            ],
            [
                Poisson::new(column.clone()).unwrap().into(),
                Poisson::new(row.clone()).unwrap().into(),
            ],
        ];
        for [q, p] in pairs {
            let subject = Subject { law: "the integral", family: q.family() };
            let divergence = kl_divergence(&*q, &*p).unwrap();
            let (exact, laws) = (divergence.to_f64_vec().unwrap(), Laws::default());
            let check = |factor: f64, more: f64| {
                let given: Vec<f64> = exact.iter().map(|x| x * factor + more).collect();
                check_integral(subject, &*q, &*p, &[2, 3], &given, &laws)
            };
            check(1.0, 0.0).unwrap();
            assert!(check(1.02, 0.0).is_err() && check(0.98, 0.0).is_err(), "{}", q.family());
            assert!(check(1.0, 1e-5).is_err(), "{}", q.family());
        }
    }
}
