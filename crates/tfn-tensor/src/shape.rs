//! Shapes: broadcasting, axes, strides.

use std::panic::Location;

use crate::error::TensorError;

/// The shape that two shapes broadcast to by NumPy's rule, if they do.
///
/// Shapes are aligned at the right; sizes must be equal, or one of them 1.
///
/// ```
/// use tfn_tensor::broadcast_shapes;
/// assert_eq!(broadcast_shapes(&[4, 1, 3], &[2, 1]), Some(vec![4, 2, 3]));
/// assert_eq!(broadcast_shapes(&[2], &[3]), None);
/// ```
pub fn broadcast_shapes(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let ndims = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| {
        let missing = ndims - shape.len();
        if axis < missing { 1 } else { shape[axis - missing] }
    };
    (0..ndims)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (m, n) if m == n => Some(m),
            (1, n) => Some(n),
            (m, 1) => Some(m),
            _ => None,
        })
        .collect()
}

/// Number of entries of a shape that a tensor has.
pub(crate) fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The axis that a possibly negative number names, counted from the end if it is.
pub(crate) fn axis_of(
    op: &'static str,
    axis: isize,
    ndims: usize,
    place: &'static Location<'static>,
) -> Result<usize, TensorError> {
    let resolved = if axis < 0 { axis.saturating_add_unsigned(ndims) } else { axis };
    if (0..ndims as isize).contains(&resolved) {
        return Ok(resolved as usize);
    }
    Err(TensorError::OutOfRange {
        op,
        argument: "axis",
        given: axis.to_string(),
        expected: format!("an axis of a tensor of {ndims} dimensions"),
        place,
    })
}

/// A shape seen from one of its axes: entries before, along and after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) outer: usize,
    pub(crate) len: usize,
    pub(crate) inner: usize,
}

impl Split {
    pub(crate) fn new(shape: &[usize], axis: usize) -> Self {
        Self { outer: count(&shape[..axis]), len: shape[axis], inner: count(&shape[axis + 1..]) }
    }
}

/// The shape without an axis, or with that axis kept as 1.
pub(crate) fn reduced(shape: &[usize], axes: &[bool], keep_dims: bool) -> Vec<usize> {
    shape
        .iter()
        .zip(axes)
        .filter_map(|(&size, &gone)| match (gone, keep_dims) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        assert_eq!(broadcast_shapes(&[], &[2, 3]), Some(vec![2, 3]));
        assert_eq!(broadcast_shapes(&[0, 3], &[1, 3]), Some(vec![0, 3]));
        assert_eq!(broadcast_shapes(&[5, 1], &[4]), Some(vec![5, 4]));
        assert_eq!(broadcast_shapes(&[0], &[2]), None);
    }

    #[test]
    fn axes_count_from_either_end() {
        let place = Location::caller();
        assert_eq!(axis_of("t", -1, 3, place), Ok(2));
        assert_eq!(axis_of("t", 0, 3, place), Ok(0));
        assert!(axis_of("t", 3, 3, place).is_err());
        assert!(axis_of("t", 0, 0, place).is_err());
        assert_eq!(Split::new(&[2, 3, 4], 1), Split { outer: 2, len: 3, inner: 4 });
        assert_eq!(reduced(&[2, 3], &[true, false], true), vec![1, 3]);
        assert_eq!(reduced(&[2, 3], &[true, false], false), vec![3]);
    }
}
