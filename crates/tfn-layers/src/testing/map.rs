//! The laws of a linear map.

use tfn_tensor::{DType, Key, Tensor, Variable};

use super::LayerLawError;
use crate::error::Result;
use crate::linear::LinearMap;

/// Checks a linear map at `x`, of type `f64`: outputs have the shape that it says; it is linear in the input (unless that is
/// [ids](LinearMap::ids)) and in the kernel; its moments are those of independent normal weights.
///
/// The mean is the map's own output at the kernel's mean. The variance of an entry is `Σ (∂y/∂k)²·s²` over all entries
/// of the kernel, with the derivatives of the backward pass, and that of the bias. The tolerance is 1e-10 of the
/// largest entry (or of 1).
///
/// # Shapes
/// `x` `[batch, ..input]`.
///
/// # Errors
/// The first law that is broken; what the map reports.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key};
/// use tfn_layers::{Dense, testing::check_linear_map};
///
/// let x = Key::from_seed(1).stream().normal(&[4, 3], DType::F64);
/// check_linear_map(&Dense::new(3, 2)?, &x)?;
/// # Ok::<(), tfn_layers::testing::LayerLawError>(())
/// ```
pub fn check_linear_map(map: &dyn LinearMap, x: &Tensor) -> Result<(), LayerLawError> {
    let key = Key::from_seed(13);
    let normal = |label: &str, shape: &[usize]| key.child(label).stream().normal(shape, DType::F64);
    let (kernel_shape, bias_shape) = (map.kernel_shape(), map.bias_shape());
    let [a, b] = ["a", "b"].map(|label| normal(label, &kernel_shape));
    let y = map.apply(x, &a);
    crate::estimator::check_input(map, x)?;

    let batch = x.shape()?[0];
    let example = &x.shape()?[x.ndims()? - map.input_ndims()..];
    let output = map.output_shape(example).unwrap_or_default();
    let shape = |shape: &[usize]| {
        Tensor::from_vec(shape.iter().map(|&n| n as f64).collect(), &[shape.len()])
    };
    same(
        map,
        "shape of the output",
        &shape(y.shape()?),
        &shape(&[&[batch], &output[..]].concat()),
    )?;

    let sum = map.apply(x, &(&a * 2.0 - &b));
    same(map, "the output at 2a − b", &sum, &(&y * 2.0 - map.apply(x, &b)))?;
    if map.ids().is_none() {
        let other = normal("x", x.shape()?);
        let sum = map.apply(&(x * 2.0 - &other), &a);
        same(map, "the output at 2x − z", &sum, &(&y * 2.0 - map.apply(&other, &a)))?;
    }

    let scale = b.abs();
    let [loc_of_bias, scale_of_bias] = ["m", "s"].map(|label| normal(label, &bias_shape).abs());
    let kernel = Variable::new("kernel", &a)?;
    let output = map.apply(x, &kernel.tensor());
    let len = output.len()?;
    let mut variance = vec![0.0; len];
    for (entry, variance) in variance.iter_mut().enumerate() {
        let gradients = output.reshape(&[len]).narrow(0, entry, 1).sum().gradients()?;
        *variance = (gradients.of(&kernel).square() * scale.square()).sum().item()?;
    }
    let variance = Tensor::from_vec(variance, y.shape()?);
    for bias in [None, Some((&loc_of_bias, &scale_of_bias))] {
        let (loc, deviation) = map.moments(x, &a, &scale, bias);
        let (mut mean, mut expected) = (y.clone(), variance.clone());
        if let Some((loc, scale)) = bias {
            (mean, expected) = (mean + loc, expected + scale.square());
        }
        same(map, "mean of the output", &loc, &mean)?;
        same(map, "variance of the output", &deviation.square(), &expected)?;
    }
    Ok(())
}

fn same(
    map: &dyn LinearMap,
    what: &'static str,
    given: &Tensor,
    expected: &Tensor,
) -> Result<(), LayerLawError> {
    let (given, expected) = (given.to_f64_vec()?, expected.to_f64_vec()?);
    let largest = expected.iter().fold(1.0_f64, |largest, entry| largest.max(entry.abs()));
    let map = map.class();
    let broken = |entry, given, expected| LayerLawError::Map { map, what, entry, given, expected };
    if given.len() != expected.len() {
        return Err(broken(0, given.len() as f64, expected.len() as f64));
    }
    for (entry, (given, expected)) in given.into_iter().zip(expected).enumerate() {
        let apart = (given - expected).abs();
        if apart.is_nan() || apart > 1e-10 * largest {
            return Err(broken(entry, given, expected));
        }
    }
    Ok(())
}
