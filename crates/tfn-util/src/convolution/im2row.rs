//! Patches of images as rows.

use tfn_tensor::{DType, Tensor, TensorError, Window, checked_len};

use super::args::{Padding, TupleArgument, prepare_conv_args};
use crate::error::{Result, UtilError};

/// The patches that a window reads of images, one a row: a convolution is their product with the kernel as a matrix.
///
/// Counterpart: `tfp.experimental.nn.util.im2row`; `Padding::Same` is an error there.
///
/// # Shapes
/// `x` `[.., height, width, channels]`; the result `[.., rows, columns, block height · block width · channels]`, the last
/// axis in the order of a kernel `[block height, block width, channels, ..]`.
///
/// # Errors
/// [`UtilError::Numbers`] for arguments that do not fit each other; [`UtilError::Tensor`] for an image into which the block
/// does not fit.
///
/// # Examples
/// ```
/// use tfn_util::tensor::Tensor;
/// use tfn_util::{Padding, im2row};
///
/// let x = Tensor::from_vec((0..6).map(f64::from).collect(), &[2, 3, 1]);
/// let rows = im2row(&x, 2, 1, Padding::Valid)?;
/// assert_eq!(rows.shape()?, [1, 2, 4]);
/// assert_eq!(rows.to_vec::<f64>()?, [0.0, 1.0, 3.0, 4.0, 1.0, 2.0, 4.0, 5.0]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
#[track_caller]
pub fn im2row(
    x: &Tensor,
    block_shape: impl Into<TupleArgument>,
    slice_step: impl Into<TupleArgument>,
    padding: Padding,
) -> Result<Tensor> {
    let args = prepare_conv_args(block_shape, 2, slice_step, padding, 1)?;
    let shape = x.shape()?;
    let Some((lead, &[height, width, channels])) =
        shape.len().checked_sub(3).map(|lead| shape.split_at(lead)).and_then(|(lead, image)| {
            <&[usize; 3]>::try_from(image).ok().map(|image| (lead, image))
        })
    else {
        return Err(no_image(shape).into());
    };
    let window = args.window(&[height, width])?;
    let mut border = vec![(0, 0); lead.len()];
    border.extend(window.axes().iter().map(|axis| axis.padding));
    border.push((0, 0));
    let padded = x.pad(&border, 0.0);
    let of_padded = padded.shape()?.to_vec();
    let image = [of_padded[lead.len()], of_padded[lead.len() + 1], channels];
    let (index, made) = im2row_index(&image, args.filter_shape(), 2, args.strides(), 1, false)?;
    let flat = padded.reshape(&[lead, &[image.iter().product()]].concat());
    Ok(flat.gather(-1, &index).reshape(&[lead, &made].concat()).check()?)
}

/// Indices into a flattened image for [`im2row`], row by row, and the shape of an image's rows.
///
/// With `transpose` the entries of each block come in reversed order along both axes of the image, as a transposed
/// convolution reads them.
///
/// Counterpart: `tfp.experimental.nn.util.im2row_index`.
///
/// # Shapes
/// `input_shape` `[.., height, width, channels]`; `rows · columns · block entries` indices, and the shape `[.., rows,
/// columns, block entries]`.
///
/// # Errors
/// [`UtilError::Numbers`] for a rank other than 2 and arguments that do not fit it; [`UtilError::Tensor`] for an image into
/// which the block does not fit.
///
/// # Examples
/// ```
/// use tfn_util::im2row_index;
///
/// let (index, shape) = im2row_index(&[2, 3, 1], 2, 2, 1, 1, false)?;
/// assert_eq!((index, shape), (vec![0, 1, 3, 4, 1, 2, 4, 5], vec![1, 2, 4]));
/// assert_eq!(im2row_index(&[2, 3, 1], 2, 2, 1, 1, true)?.0, [4, 3, 1, 0, 5, 4, 2, 1]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
#[track_caller]
pub fn im2row_index(
    input_shape: &[usize],
    block_shape: impl Into<TupleArgument>,
    rank: usize,
    slice_step: impl Into<TupleArgument>,
    dilations: impl Into<TupleArgument>,
    transpose: bool,
) -> Result<(Vec<usize>, Vec<usize>)> {
    if rank != 2 {
        return Err(UtilError::Numbers {
            function: "im2row_index",
            argument: "rank",
            what: "",
            given: vec![rank],
            expected: "2".to_owned(),
        });
    }
    let args = prepare_conv_args(block_shape, rank, slice_step, Padding::Valid, dilations)?;
    // Then all indices are numbers.
    checked_len(input_shape, DType::F64)?;
    let [batch @ .., height, width, channels] = input_shape else {
        return Err(no_image(input_shape).into());
    };
    let window = args.window(&[*height, *width])?;
    let [rows, columns] = positions(&window, input_shape, [*height, *width])?;
    let [down, across] = [window.axes()[0], window.axes()[1]];
    let block = (down.size.saturating_mul(across.size)).saturating_mul(*channels);
    checked_len(&[rows, columns, block], DType::F64)?;
    let taps = |size: usize| -> Vec<usize> {
        if transpose { (0..size).rev().collect() } else { (0..size).collect() }
    };
    let mut index = Vec::new();
    if block == 0 {
        return Ok((index, [batch, &[rows, columns, block]].concat()));
    }
    for row in 0..rows {
        for column in 0..columns {
            for k in taps(down.size) {
                for l in taps(across.size) {
                    let y = row * down.stride + k * down.dilation;
                    let x = column * across.stride + l * across.dilation;
                    index
                        .extend((0..*channels).map(|channel| (y * width + x) * channels + channel));
                }
            }
        }
    }
    Ok((index, [batch, &[rows, columns, block]].concat()))
}

#[track_caller]
fn positions(window: &Window, given: &[usize], image: [usize; 2]) -> Result<[usize; 2]> {
    let positions = window.positions(&image).and_then(|positions| positions.try_into().ok());
    let extents: Vec<usize> = window.axes().iter().map(|axis| axis.extent()).collect();
    let too_small = || TensorError::Shape {
        op: "im2row",
        argument: "x",
        given: given.to_vec(),
        expected: format!("an image of at least {extents:?}"),
        place: std::panic::Location::caller(),
    };
    Ok(positions.ok_or_else(too_small)?)
}

#[track_caller]
fn no_image(given: &[usize]) -> TensorError {
    TensorError::Shape {
        op: "im2row",
        argument: "x",
        given: given.to_vec(),
        expected: "[.., height, width, channels]".to_owned(),
        place: std::panic::Location::caller(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::Key;

    #[test]
    fn the_product_with_a_kernel_is_a_convolution() {
        let key = Key::from_seed(4);
        let normal =
            |label: &str, shape: &[usize]| key.child(label).stream().normal(shape, DType::F64);
        let (x, kernel) = (normal("x", &[2, 7, 6, 3]), normal("kernel", &[3, 2, 3, 4]));
        for (step, padding) in [(1, Padding::Valid), (2, Padding::Same)] {
            let rows = im2row(&x, [3, 2], step, padding.clone()).unwrap();
            let product = rows.matmul(&kernel.reshape(&[18, 4]));
            let window = prepare_conv_args([3, 2], 2, step, padding, 1).unwrap().window(&[7, 6]);
            let direct = x.convolution(&kernel, &window.unwrap(), 1);
            assert_eq!(product.shape().unwrap(), direct.shape().unwrap());
            let apart = (product - direct).abs().to_f64_vec().unwrap();
            assert!(apart.iter().all(|apart| *apart < 1e-13), "{apart:?}");
        }
    }

    #[test]
    fn wrong_images_and_ranks_are_errors() {
        let x = Tensor::zeros(&[2, 3, 1], DType::F32);
        assert!(im2row(&x, 3, 1, Padding::Valid).is_err());
        assert!(im2row(&x.squeeze(-1), 2, 1, Padding::Valid).is_err());
        assert!(im2row_index(&[2, 3, 1], 2, 3, 1, 1, false).is_err());
        assert!(im2row_index(&[3, 1], 2, 2, 1, 1, false).is_err());
        assert!(im2row_index(&[2, 3, 1], 2, 2, 0, 1, false).is_err());
    }
}
