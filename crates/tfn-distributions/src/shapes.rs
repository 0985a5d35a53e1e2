//! Shapes of batches and events.

use tfn_tensor::{Tensor, broadcast_shapes};

use crate::given::Family;
use crate::masking::constant;
use crate::{DistributionError, Result};

/// The shape that the parameters' batch axes broadcast to.
pub(crate) fn batch_of(distribution: &dyn Family) -> Result<Vec<usize>> {
    broadcast_parameters(distribution, |shape, event_ndims| {
        &shape[..shape.len().saturating_sub(event_ndims)]
    })
}

/// The shape that the parameters' event axes broadcast to.
pub(crate) fn event_of(distribution: &dyn Family) -> Result<Vec<usize>> {
    broadcast_parameters(distribution, |shape, event_ndims| {
        &shape[shape.len().saturating_sub(event_ndims)..]
    })
}

fn broadcast_parameters(
    distribution: &dyn Family,
    part: fn(&[usize], usize) -> &[usize],
) -> Result<Vec<usize>> {
    let mut whole = Vec::new();
    for spec in distribution.parameters() {
        let shape = spec.parameter.shape()?;
        let own = part(&shape, spec.event_ndims);
        whole = broadcast_shapes(&whole, own).ok_or_else(|| DistributionError::Shapes {
            family: distribution.family(),
            argument: spec.name,
            lhs: whole.clone(),
            rhs: own.to_vec(),
        })?;
    }
    Ok(whole)
}

/// `terms` of a log-density in the shape that events of `full` have without their axes: summed over
/// these, if they are still there.
pub(crate) fn sum_event(
    distribution: &dyn Family,
    terms: Tensor,
    full: &[usize],
) -> Result<Tensor> {
    let event_ndims = distribution.event_shape()?.len();
    let outer = &full[..full.len() - event_ndims];
    if event_ndims == 0 || terms.ndims()? <= outer.len() {
        return Ok(terms.broadcast_to(outer).check()?);
    }
    Ok(sum_last(&terms.broadcast_to(full), event_ndims).check()?)
}

/// The sum over the last `ndims` axes.
pub(crate) fn sum_last(tensor: &Tensor, ndims: usize) -> Tensor {
    if ndims == 0 {
        return tensor.clone();
    }
    let axes: Vec<isize> = (1..=ndims).map(|axis| -(axis as isize)).collect();
    tensor.sum_axes(&axes, false)
}

/// 1 where all entries of a mask along its last `ndims` axes are 1.
pub(crate) fn all_last(mask: &Tensor, ndims: usize) -> Tensor {
    if ndims == 0 {
        return mask.clone();
    }
    let outside = sum_last(&(1.0 - mask), ndims);
    outside.eq(&constant(0.0, &outside))
}

/// `[outer, first, second, inner]` as `[outer, second, first, inner]`, for groups of axes whose shapes are
/// given but for the outer one.
pub(crate) fn swap_groups(
    tensor: &Tensor,
    first: &[usize],
    second: &[usize],
    inner: &[usize],
) -> Result<Tensor> {
    let shape = tensor.shape()?;
    let outer = &shape[..shape.len() - first.len() - second.len() - inner.len()];
    let swapped = [outer, second, first, inner].concat();
    let [m, n, k] = [first, second, inner].map(|group| group.iter().product::<usize>());
    if m == 1 || n == 1 {
        return Ok(tensor.reshape(&swapped).check()?);
    }
    let rows = outer.iter().product();
    let moved = if k == 1 {
        tensor.reshape(&[rows, m, n]).transpose()
    } else {
        let order: Vec<usize> = (0..m * n).map(|place| (place % m) * n + place / m).collect();
        tensor.reshape(&[rows, m * n, k]).gather(1, &order)
    };
    Ok(moved.reshape(&swapped).check()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::DType;

    #[test]
    fn groups_of_axes_change_places() {
        let entries: Vec<f64> = (0..24).map(f64::from).collect();
        let x = Tensor::from_vec(entries, &[2, 3, 2, 2]);
        let y = swap_groups(&x, &[3], &[2], &[2]).unwrap();
        assert_eq!(y.shape().unwrap(), [2, 2, 3, 2]);
        assert_eq!(y.to_vec::<f64>().unwrap()[..6], [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]);
        let back = swap_groups(&y, &[2], &[3], &[2]).unwrap();
        assert_eq!(back.to_vec::<f64>().unwrap(), x.to_vec::<f64>().unwrap());
        let z = swap_groups(&x, &[2, 3], &[2, 2], &[]).unwrap();
        assert_eq!(z.shape().unwrap(), [2, 2, 2, 3]);
        assert_eq!(z.to_vec::<f64>().unwrap()[..3], [0.0, 4.0, 8.0]);
    }

    #[test]
    fn the_sum_over_no_axes_is_the_tensor() {
        let x = Tensor::ones(&[2, 3], DType::F64);
        assert_eq!(sum_last(&x, 0).shape().unwrap(), [2, 3]);
        assert_eq!(sum_last(&x, 2).item().unwrap(), 6.0);
    }
}
