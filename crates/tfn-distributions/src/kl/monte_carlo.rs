//! Divergences as means over samples.

use tfn_tensor::Tensor;
use tfn_tensor::random::Key;

use super::dispatch::{check_events, part_count, places};
use crate::distribution::Distribution;
use crate::error::{DistributionError, Result};

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
    let x = beside_batch(&q.sample_parts(&[samples], key)?, q, p)?;
    let log_q = q.log_prob_parts(&x)?;
    let mut terms = &log_q - p.log_prob_parts(&in_order_of(x, q, p)?)?;
    if !q.reparameterization().is_differentiable() {
        // Adds 0, whose gradient is the score times the term: samples that are constants still count.
        terms = &terms + terms.detach() * (&log_q - log_q.detach());
    }
    let value = terms.mean_axes(&[0], false).check()?;
    let spread = (&terms - value.expand_dims(0)).detach().square().sum_axes(&[0], false);
    let error = (spread / (samples * (samples - 1)) as f64).sqrt().check()?;
    Ok([value, error])
}

/// Samples `x` of `q` with axes of length 1 where only `p` has axes of the batch, so that those of the samples stay
/// the first.
fn beside_batch(x: &[Tensor], q: &dyn Distribution, p: &dyn Distribution) -> Result<Vec<Tensor>> {
    let lacking = p.batch_shape()?.len().saturating_sub(q.batch_shape()?.len());
    let beside = |x: &Tensor| (0..lacking).fold(x.clone(), |x, _| x.expand_dims(1));
    Ok(x.iter().map(beside).collect())
}

/// Values of the parts of `q` as values of the parts of `p`.
fn in_order_of(x: Vec<Tensor>, q: &dyn Distribution, p: &dyn Distribution) -> Result<Vec<Tensor>> {
    if part_count(q).is_none() {
        check_events(q, p)?;
        return Ok(x);
    }
    let places = places(p, q, x.len())?;
    Ok(places.into_iter().filter_map(|place| x.get(place).cloned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Independent, Laplace, Normal, kl_divergence};
    use tfn_tensor::DType;

    fn laplace(shape: &[usize], loc: f64) -> Laplace {
        Laplace::new(Tensor::full(shape, loc, DType::F64), 1.5).unwrap()
    }

    fn agrees(q: &dyn Distribution, p: &dyn Distribution) {
        let exact = kl_divergence(q, p).unwrap();
        let [value, error] = by_samples(q, p, 4000, &Key::from_seed(1)).unwrap();
        assert_eq!(value.shape().unwrap(), exact.shape().unwrap());
        let [exact, value, error] = [exact, value, error].map(|t| t.to_vec::<f64>().unwrap());
        for ((exact, value), error) in exact.iter().zip(value).zip(error) {
            assert!((exact - value).abs() < 5.0 * error, "{exact} {value} {error}");
        }
    }

    #[test]
    fn either_batch_may_be_the_wider() {
        let (row, column) = (laplace(&[3], 0.5), laplace(&[2, 1], 0.0));
        agrees(&row, &column);
        agrees(&column, &row);
        agrees(&laplace(&[], 0.3), &row);
        agrees(&row, &laplace(&[], 0.3));
        agrees(&row, &laplace(&[4, 1, 2, 3], 0.3));
    }

    #[test]
    fn events_stay_behind_the_batch() {
        let event = |shape: &[usize], loc: f64| {
            let scale = Tensor::full(&[2], 1.5, DType::F64);
            Independent::new(Normal::new(Tensor::full(shape, loc, DType::F64), scale).unwrap(), 1)
        };
        let p = event(&[3, 1, 2], 0.0).unwrap();
        agrees(&event(&[2], 1.0).unwrap(), &p);
        let q = Independent::new(laplace(&[4, 2], 0.5), 1).unwrap();
        agrees(&q, &Independent::new(laplace(&[3, 1, 2], 0.1), 1).unwrap());
    }
}
