//! The continuous ranked probability score of mixtures of normals.

use tfn_distributions::{Distribution, DistributionError, Normal};
use tfn_tensor::Tensor;

use super::draws::Batch;
use crate::error::Result;

impl Batch {
    /// The continuous ranked probability score for each entry.
    pub(super) fn crps(&self, targets: &[f64]) -> Result<Vec<f64>> {
        let (mut locs, mut scales): (Vec<Vec<f64>>, Vec<Vec<f64>>) = Default::default();
        for group in &self.groups {
            let (family, method) =
                (group.distribution().family(), "crps (its draws are not normal)");
            let unsupported = DistributionError::Unsupported { family, method };
            let (loc, scale) = group.distribution().elementwise_normal().ok_or(unsupported)?;
            let (loc, scale) = (loc.to_f64_vec()?, scale.to_f64_vec()?);
            locs.extend(group.each(&loc).map(<[f64]>::to_vec));
            scales.extend(group.each(&scale).map(<[f64]>::to_vec));
        }
        let draws = locs.len();
        let score = |(entry, target): (usize, &f64)| {
            let (mut distances, mut deviations) = (Vec::new(), Vec::new());
            for s in 0..draws {
                distances.push(target - locs[s][entry]);
                deviations.push(scales[s][entry]);
            }
            for s in 0..draws {
                for t in 0..=s {
                    distances.push(locs[s][entry] - locs[t][entry]);
                    deviations.push(scales[s][entry].hypot(scales[t][entry]));
                }
            }
            let each = expected_distances(distances, deviations)?;
            let (to_target, between) = each.split_at(draws);
            // All pairs but those of a draw with itself count twice.
            let mut pairs = between.iter();
            let mut sum = 0.0;
            for s in 0..draws {
                sum += 2.0 * pairs.by_ref().take(s).sum::<f64>() + pairs.next().unwrap_or(&0.0);
            }
            let count = draws as f64;
            Ok(to_target.iter().sum::<f64>() / count - 0.5 * sum / (count * count))
        };
        targets.iter().enumerate().map(score).collect()
    }
}

/// `E|X|` for normals around `distances`, with these deviations.
fn expected_distances(distances: Vec<f64>, deviations: Vec<f64>) -> Result<Vec<f64>> {
    let shape = [distances.len()];
    let (m, deviation) =
        (Tensor::from_vec(distances, &shape), Tensor::from_vec(deviations, &shape));
    let z = &m / &deviation;
    let density = (z.square() * -0.5).exp() * (1.0 / (2.0 * std::f64::consts::PI).sqrt());
    let below = Normal::new(0.0, 1.0)?.cdf(&z)?;
    Ok((deviation * density * 2.0 + m * (below * 2.0 - 1.0)).to_f64_vec()?)
}
