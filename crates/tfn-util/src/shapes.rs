//! Small functions of tensors and numbers that nets are written with.

use tfn_tensor::{Tensor, TensorError};

/// A function that makes one axis of the last `ndims` axes of a tensor, for use in a `Lambda`.
///
/// Counterpart: `tfp.experimental.nn.util.flatten_rightmost`.
///
/// # Shapes
/// `[.., a, b, c]` to `[.., a·b·c]` for `ndims` 3; a tensor of fewer axes carries an error.
///
/// # Examples
/// ```
/// use tfn_util::flatten_rightmost;
/// use tfn_util::tensor::{DType, Tensor};
///
/// let images = Tensor::zeros(&[5, 28, 28, 1], DType::F32);
/// assert_eq!(flatten_rightmost(3)(&images).shape()?, [5, 784]);
/// # Ok::<(), tfn_util::tensor::TensorError>(())
/// ```
pub fn flatten_rightmost(ndims: usize) -> impl Fn(&Tensor) -> Tensor + Clone + Send + Sync {
    move |x| match x.shape() {
        Err(_) => x.clone(),
        Ok(shape) if shape.len() < ndims => Tensor::from_error(TensorError::Shape {
            op: "flatten_rightmost",
            argument: "x",
            given: shape.to_vec(),
            expected: format!("at least {ndims} axes"),
            place: std::panic::Location::caller(),
        }),
        Ok(shape) => {
            let (kept, flat) = shape.split_at(shape.len() - ndims);
            x.reshape(&[kept, &[flat.iter().product()]].concat())
        }
    }
}

/// A number on its way from `initial` to `last`, of which half is left to go after each `half_life`:
/// `last + (initial − last)·2^(−step / half_life)`.
///
/// Counterpart: `tfp.experimental.nn.util.halflife_decay`.
///
/// # Examples
/// ```
/// use tfn_util::halflife_decay;
///
/// assert_eq!(halflife_decay(0.0, 100.0, 1.0, 0.2), 1.0);
/// assert!((halflife_decay(100.0, 100.0, 1.0, 0.2) - 0.6).abs() < 1e-15);
/// ```
pub fn halflife_decay(step: f64, half_life: f64, initial: f64, last: f64) -> f64 {
    last + (initial - last) * (-step / half_life).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfn_tensor::DType;

    #[test]
    fn rightmost_axes_become_one() -> Result<(), TensorError> {
        let x = Tensor::zeros(&[2, 0, 3], DType::F32);
        assert_eq!(flatten_rightmost(2)(&x).shape()?, [2, 0]);
        assert_eq!(flatten_rightmost(0)(&x).shape()?, [2, 0, 3, 1]);
        assert_eq!(flatten_rightmost(3)(&x).shape()?, [0]);
        let error = flatten_rightmost(4)(&x).check().map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.contains("at least 4 axes")));
        Ok(())
    }
}
