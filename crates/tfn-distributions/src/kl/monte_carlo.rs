//! Divergences as means over samples.

use tfn_tensor::Tensor;
use tfn_tensor::random::Key;

use super::dispatch::check_events;
use crate::{Distribution, DistributionError, Reparameterization, Result};

/// The mean of `log q(x) − log p(x)` over samples and its standard error, with gradients by reparameterization, or
/// else by the score function.
pub(super) fn by_samples(
    q: &dyn Distribution,
    p: &dyn Distribution,
    samples: usize,
    key: &Key,
) -> Result<[Tensor; 2]> {
    if samples < 2 {
        return Err(DistributionError::Argument {
            family: "estimate_kl",
            argument: "samples",
            given: samples.to_string(),
            expected: "at least 2".into(),
        });
    }
    check_events(q, p)?;
    let x = q.sample(&[samples], &mut key.stream())?;
    let log_q = q.log_prob(&x)?;
    let mut terms = &log_q - p.log_prob(&x)?;
    if q.reparameterization() == Reparameterization::Not {
        // Adds 0, whose gradient is the score times the term: samples that are constants still count.
        terms = &terms + terms.detach() * (&log_q - log_q.detach());
    }
    let value = terms.mean_axes(&[0], false).check()?;
    let spread = (&terms - value.expand_dims(0)).detach().square().sum_axes(&[0], false);
    let error = (spread / (samples * (samples - 1)) as f64).sqrt().check()?;
    Ok([value, error])
}
