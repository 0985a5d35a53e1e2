//! A log-density of one variable, cut where it bends.

use tfn_tensor::{DType, Tensor};

use super::chebyshev::Chebyshev;
use crate::distribution::Distribution;
use crate::error::Result;

/// Values that decide on a panel.
const NODES: usize = 12;
/// Panels after which what is left stays as it is.
const MOST: usize = 4096;
/// `1/sqrt(2π)`, the standard normal's highest density.
const PEAK: f64 = 0.398_942_280_401_432_7;

/// Breaks between which a log-density is a polynomial of degree 11, as well as `error` says.
pub(super) struct Panels {
    breaks: Vec<f64>,
    /// Largest error of an expectation over the panels, in nats.
    pub(super) error: f64,
    /// Largest absolute value seen.
    pub(super) largest: f64,
}

/// The log-density of `prior` at `points`, `None` if it has none by entries or an infinite one.
pub(super) fn log_density(
    prior: &dyn Distribution,
    points: &[f64],
    dtype: DType,
) -> Result<Option<Vec<f64>>> {
    let points = Tensor::from_f64(points, &[points.len()], dtype);
    let Some(values) = prior.elementwise_log_prob(&points) else { return Ok(None) };
    let values = values?.to_f64_vec()?;
    Ok(values.iter().all(|value| value.is_finite()).then_some(values))
}

impl Panels {
    /// The panels over `low … high` for expectations under normals with scales of at least `scale`.
    pub(super) fn new(
        prior: &dyn Distribution,
        [low, high]: [f64; 2],
        scale: f64,
        tolerance: f64,
        dtype: DType,
    ) -> Result<Option<Self>> {
        let (centres, probes) = probes(prior, [low, high], scale * tolerance);
        let Some(at_probes) = log_density(prior, &probes, dtype)? else { return Ok(None) };
        let largest = at_probes.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
        let mut made = Self { breaks: vec![low], error: 0.0, largest };
        let ends: Vec<f64> = [low].into_iter().chain(centres).chain([high]).collect();
        let mut pending: Vec<[f64; 2]> =
            ends.windows(2).map(|w| [w[0], w[1]]).filter(|[a, b]| a < b).collect();
        while !pending.is_empty() {
            let points: Vec<f64> = pending.iter().flat_map(nodes_of).collect();
            let Some(values) = log_density(prior, &points, dtype)? else { return Ok(None) };
            let mut halves = Vec::new();
            for (panel, values) in pending.iter().zip(values.as_chunks::<NODES>().0) {
                let left_out = left_out(panel, values, (&probes, &at_probes));
                let spread = spread(values) * 4.0;
                // A panel so narrow that no normal puts much of its mass there may be anything.
                let error = left_out.min(spread * (panel[1] - panel[0]) * PEAK / scale);
                let middle = 0.5 * (panel[0] + panel[1]);
                let splits = panel[0] < middle && middle < panel[1];
                if error <= tolerance.max(made.noise(dtype)) || !splits || made.breaks.len() > MOST
                {
                    made.breaks.push(panel[1]);
                    made.error = made.error.max(error);
                } else {
                    halves.extend([[panel[0], middle], [middle, panel[1]]]);
                }
            }
            pending = halves;
        }
        made.breaks.sort_by(f64::total_cmp);
        Ok(Some(made))
    }

    /// What rounding makes of values as large as these.
    pub(super) fn noise(&self, dtype: DType) -> f64 {
        8.0 * epsilon(dtype) * self.largest
    }

    /// The breaks strictly between two points.
    pub(super) fn between(&self, low: f64, high: f64) -> &[f64] {
        let start = self.breaks.partition_point(|b| *b <= low);
        let end = self.breaks.partition_point(|b| *b < high);
        self.breaks.get(start..end).unwrap_or_default()
    }
}

/// Distance of 1 from the next number.
pub(super) fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::EPSILON),
        DType::F64 => f64::EPSILON,
    }
}

fn nodes_of(&[low, high]: &[f64; 2]) -> [f64; NODES] {
    Chebyshev::<NODES>::nodes().map(|t| 0.5 * (low + high) + 0.5 * (high - low) * t)
}

fn spread(values: &[f64]) -> f64 {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    high - low
}

/// What the polynomial through the nodes leaves out, by its last terms and at the probes inside.
fn left_out(
    &[low, high]: &[f64; 2],
    values: &[f64; NODES],
    (probes, at_probes): (&[f64], &[f64]),
) -> f64 {
    let polynomial = Chebyshev::fit(values);
    let (start, end) =
        (probes.partition_point(|x| *x <= low), probes.partition_point(|x| *x < high));
    let off = |i: usize| {
        let t = (2.0 * probes[i] - low - high) / (high - low);
        (polynomial.at(t) - at_probes[i]).abs()
    };
    (start..end).map(off).fold(polynomial.left_out(), f64::max)
}

/// Where a prior is most likely to bend (0 and its mode), and points in all distances from there, `nearest`
/// on, and all over.
fn probes(prior: &dyn Distribution, [low, high]: [f64; 2], nearest: f64) -> (Vec<f64>, Vec<f64>) {
    let mode = prior.mode().and_then(|mode| Ok(mode.sum().to_f64_vec()?)).unwrap_or_default();
    let mut centres: Vec<f64> =
        mode.into_iter().chain([0.0]).filter(|x| low < *x && *x < high).collect();
    centres.sort_by(f64::total_cmp);
    let mut points: Vec<f64> =
        (1..64).map(|i| low + (high - low) * f64::from(i) / 64.0).filter(|x| *x != 0.0).collect();
    for centre in &centres {
        let mut distance = nearest;
        while distance < high - low {
            points.extend([centre - distance, centre + distance]);
            distance *= 2.0;
        }
    }
    points.retain(|x| low < *x && *x < high && !centres.contains(x));
    points.sort_by(f64::total_cmp);
    (centres, points)
}
