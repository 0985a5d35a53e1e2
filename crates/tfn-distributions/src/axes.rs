//! Axes of tensors, counted from the last.

use tfn_tensor::Tensor;

use crate::error::Result;

/// The sum over the last `ndims` axes.
pub(crate) fn sum_last(tensor: &Tensor, ndims: usize) -> Tensor {
    if ndims == 0 {
        return tensor.clone();
    }
    let axes: Vec<isize> = (1..=ndims).map(|axis| -(axis as isize)).collect();
    tensor.sum_axes(&axes, false)
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
