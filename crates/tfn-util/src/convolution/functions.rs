//! Convolutions as functions of an input and a kernel that is a matrix, or a batch of matrices.

use std::panic::Location;

use tfn_tensor::{Result as TensorResult, Tensor, TensorError, broadcast_shapes};

use super::args::{ConvArgs, Padding, TupleArgument, prepare_conv_args};
use crate::error::Result;

/// The function that convolves a batch of inputs with a kernel, or with a batch of kernels.
///
/// Counterpart: `tfp.experimental.nn.util.make_convolution_fn`, which takes rank 2 only.
///
/// # Shapes
/// The function's input `[.., ..image, channels]` and kernel `[.., window entries · channels, columns]`, whose leading
/// axes broadcast; its result `[.., ..positions, columns]`. It carries an error if they do not fit.
///
/// # Errors
/// [`UtilError::Numbers`](crate::UtilError::Numbers) as for [`prepare_conv_args`].
///
/// # Examples
/// ```
/// use tfn_util::tensor::{DType, Tensor};
/// use tfn_util::{Padding, make_convolution_fn};
///
/// let convolve = make_convolution_fn(3, 2, 1, Padding::Same, 1)?;
/// let x = Tensor::ones(&[5, 1, 8, 8, 2], DType::F32);
/// let kernels = Tensor::ones(&[4, 3 * 3 * 2, 6], DType::F32);
/// assert_eq!(convolve(&x, &kernels).shape()?, [5, 4, 8, 8, 6]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_convolution_fn(
    filter_shape: impl Into<TupleArgument>,
    rank: usize,
    strides: impl Into<TupleArgument>,
    padding: Padding,
    dilations: impl Into<TupleArgument>,
) -> Result<impl Fn(&Tensor, &Tensor) -> Tensor + Clone + Send + Sync> {
    let args = prepare_conv_args(filter_shape, rank, strides, padding, dilations)?;
    Ok(move |x: &Tensor, kernel: &Tensor| args.convolve(x, kernel))
}

/// The function that applies the transposed convolution of a kernel, or of a batch of kernels, to a batch of inputs.
///
/// TFP has three of them, which give the same: one puts zeros between the entries of the input, two cut the kernel into
/// parts, one for each position between two strides. All three names are this function here, which multiplies no zeros.
///
/// Counterpart: `tfp.experimental.nn.util.make_convolution_transpose_fn_with_dilation`, which takes rank 2 only, and
/// dilations or strides but not both.
///
/// # Shapes
/// The function's input `[.., ..positions, channels]` and kernel `[.., window entries · channels, columns]`, whose leading
/// axes broadcast; its result `[.., ..image, columns]`, with the image of [`ConvArgs::transposed_image`]. It carries an
/// error if they do not fit.
///
/// # Errors
/// [`UtilError::Numbers`](crate::UtilError::Numbers) as for [`prepare_conv_args`].
///
/// # Examples
/// ```
/// use tfn_util::tensor::{DType, Tensor};
/// use tfn_util::{Padding, make_convolution_transpose_fn_with_dilation as make};
///
/// let convolve = make(4, 2, Padding::Same, 2, 1)?;
/// let (x, kernel) = (Tensor::ones(&[5, 7, 7, 3], DType::F32), Tensor::ones(&[4 * 4 * 3, 6], DType::F32));
/// assert_eq!(convolve(&x, &kernel).shape()?, [5, 14, 14, 6]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn make_convolution_transpose_fn_with_dilation(
    filter_shape: impl Into<TupleArgument>,
    strides: impl Into<TupleArgument>,
    padding: Padding,
    rank: usize,
    dilations: impl Into<TupleArgument>,
) -> Result<impl Fn(&Tensor, &Tensor) -> Tensor + Clone + Send + Sync> {
    let args = prepare_conv_args(filter_shape, rank, strides, padding, dilations)?;
    Ok(move |x: &Tensor, kernel: &Tensor| args.convolve_transpose(x, kernel, None))
}

pub use make_convolution_transpose_fn_with_dilation as make_convolution_transpose_fn_with_subkernels;
pub use make_convolution_transpose_fn_with_dilation as make_convolution_transpose_fn_with_subkernels_matrix;

/// Sizes of inputs and kernels whose leading axes broadcast.
struct Sizes {
    /// Leading axes of the result.
    batch: Vec<usize>,
    /// How many of their last ones have kernels of their own.
    of_kernels: usize,
    space: Vec<usize>,
    channels: usize,
    columns: usize,
}

impl ConvArgs {
    /// The convolution of inputs with kernels: what [`make_convolution_fn`] gives.
    ///
    /// # Shapes
    /// `x` `[.., ..image, channels]`, `kernel` `[.., window entries · channels, columns]`, the result
    /// `[.., ..positions, columns]`.
    #[track_caller]
    #[must_use]
    pub fn convolve(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        let place = Location::caller();
        let made = || -> TensorResult<Tensor> {
            let sizes = self.sizes("convolution", x, kernel, place)?;
            let window = self.window(&sizes.space)?;
            // Which group a column is of comes before its number in the group.
            let kernels = self.kernels(&sizes, kernel, [1, 0, 2])?;
            let groups = sizes.groups();
            sizes.unpack(&sizes.pack(x)?.convolution(&kernels, &window, groups), sizes.columns)
        };
        made().unwrap_or_else(Tensor::from_error)
    }

    /// The transposed convolution of inputs with kernels: what [`make_convolution_transpose_fn_with_dilation`] gives.
    ///
    /// # Shapes
    /// `x` `[.., ..positions, channels]`, `kernel` `[.., window entries · channels, columns]`, the result
    /// `[.., ..image, columns]`, with the image of [`transposed_image`](Self::transposed_image).
    #[track_caller]
    #[must_use]
    pub fn convolve_transpose(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        output_padding: Option<&[usize]>,
    ) -> Tensor {
        let place = Location::caller();
        let made = || -> TensorResult<Tensor> {
            let sizes = self.sizes("convolution_transpose", x, kernel, place)?;
            let image = self.transposed_image(&sizes.space, output_padding)?;
            let window = self.window(&image)?;
            let kernels = self.kernels(&sizes, kernel, [2, 0, 1])?;
            let y = sizes.pack(x)?.convolution_transpose(&kernels, &window, sizes.groups(), &image);
            sizes.unpack(&y, sizes.columns)
        };
        made().unwrap_or_else(Tensor::from_error)
    }

    fn sizes(
        &self,
        op: &'static str,
        x: &Tensor,
        kernel: &Tensor,
        place: &'static Location<'static>,
    ) -> TensorResult<Sizes> {
        let (of_x, of_kernel) = (x.shape()?, kernel.shape()?);
        let fail = |argument, given: &[usize], expected: String| {
            let given = given.to_vec();
            Err(TensorError::Shape { op, argument, given, expected, place })
        };
        let rank = self.rank();
        let Some(lead) = of_x.len().checked_sub(rank + 1) else {
            return fail("x", of_x, format!("[..] + {rank} axes + [channels]"));
        };
        let (batch, example) = of_x.split_at(lead);
        let (space, channels) = (example[..rank].to_vec(), example[rank]);
        let taps = self.filter_shape().iter().try_fold(1_usize, |all, size| all.checked_mul(*size));
        let [kernels @ .., depth, columns] = of_kernel else {
            return fail(
                "kernel",
                of_kernel,
                "[.., window entries · channels, columns]".to_owned(),
            );
        };
        if Some(*depth) != taps.and_then(|taps| taps.checked_mul(channels)) {
            let window = self.filter_shape();
            let expected = format!(
                "entries of a window {window:?} · {channels} channels before the last axis"
            );
            return fail("kernel", of_kernel, expected);
        }
        let batch = broadcast_shapes(batch, kernels).ok_or_else(|| TensorError::Shapes {
            op,
            lhs: of_x.to_vec(),
            rhs: of_kernel.to_vec(),
            expected: "leading axes that broadcast",
            place,
        })?;
        let of_kernels = if kernels.iter().product::<usize>() == 1 { 0 } else { kernels.len() };
        Ok(Sizes { batch, of_kernels, space, channels, columns: *columns })
    }

    /// The kernels `[.., window · channels, columns]` side by side in one for groups: `[..window, a, b, c]` with the axes
    /// kernel (0), channels (1) and columns (2) in that order, the last two made one.
    fn kernels(&self, sizes: &Sizes, kernel: &Tensor, order: [isize; 3]) -> TensorResult<Tensor> {
        let (groups, taps) = (sizes.groups(), self.filter_shape().iter().product::<usize>());
        let all = [sizes.own(), &[taps * sizes.channels, sizes.columns]].concat();
        let kernel = if sizes.of_kernels == 0 { kernel.clone() } else { kernel.broadcast_to(&all) };
        let apart = kernel.reshape(&[groups, taps, sizes.channels, sizes.columns]);
        // Kernel, channels and columns are axes 0, 2 and 3 now.
        let [a, b, c] = order.map(|axis| if axis == 0 { 0 } else { axis + 1 });
        let apart = apart.permute(&[1, a, b, c]);
        let shape = apart.shape()?.to_vec();
        let shape = [self.filter_shape(), &[shape[1], shape[2] * shape[3]]].concat();
        apart.reshape(&shape).check()
    }
}

impl Sizes {
    /// The axes that have kernels of their own.
    fn own(&self) -> &[usize] {
        &self.batch[self.batch.len() - self.of_kernels..]
    }

    fn groups(&self) -> usize {
        self.own().iter().product()
    }

    /// The channels of all kernels' inputs in the last axis.
    fn pack(&self, x: &Tensor) -> TensorResult<Tensor> {
        if self.of_kernels == 0 {
            return Ok(x.clone());
        }
        let lead: usize = self.batch[..self.batch.len() - self.of_kernels].iter().product();
        let groups = self.groups();
        let whole = x.broadcast_to(&[&self.batch[..], &self.space, &[self.channels]].concat());
        let apart = whole.reshape(&[&[lead, groups], &self.space[..], &[self.channels]].concat());
        let rank = self.space.len() as isize;
        let order: Vec<isize> = [0].into_iter().chain(2..2 + rank).chain([1, 2 + rank]).collect();
        let packed = [&[lead], &self.space[..], &[groups * self.channels]].concat();
        apart.permute(&order).reshape(&packed).check()
    }

    /// The last axis of a result taken apart again.
    fn unpack(&self, y: &Tensor, columns: usize) -> TensorResult<Tensor> {
        let shape = y.shape()?;
        let rank = self.space.len();
        let space = &shape[shape.len() - 1 - rank..shape.len() - 1];
        let whole = [&self.batch[..], space, &[columns]].concat();
        if self.of_kernels == 0 {
            return y.reshape(&whole).check();
        }
        let apart = y.reshape(&[&shape[..=rank], &[self.groups(), columns]].concat());
        let last = rank as isize;
        let order: Vec<isize> =
            [0, last + 1].into_iter().chain(1..=last).chain([last + 2]).collect();
        apart.permute(&order).reshape(&whole).check()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::{DType, Key};

    fn normal(label: &str, shape: &[usize]) -> Tensor {
        Key::from_seed(8).child(label).stream().normal(shape, DType::F64)
    }

    #[track_caller]
    fn assert_same(a: &Tensor, b: &Tensor) {
        assert_eq!(a.shape().unwrap(), b.shape().unwrap());
        let apart = (a - b).abs().to_f64_vec().unwrap();
        assert!(apart.iter().all(|apart| *apart < 1e-12), "{apart:?}");
    }

    /// A batch of kernels gives what each kernel gives by itself.
    #[test]
    fn batches_of_kernels_are_kernels_one_by_one() {
        for transposed in [false, true] {
            let args = prepare_conv_args([3, 2], 2, 2, Padding::Same, 1).unwrap();
            let apply = |x: &Tensor, kernel: &Tensor| match transposed {
                false => args.convolve(x, kernel),
                true => args.convolve_transpose(x, kernel, None),
            };
            let kernels = normal("kernel", &[2, 3, 3 * 2 * 4, 5]);
            for lead in [&[7, 2, 3][..], &[7, 1, 3], &[2, 1], &[1, 1, 1], &[3], &[]] {
                let x = normal("x", &[lead, &[5, 6, 4]].concat());
                let y = apply(&x, &kernels);
                let batch = broadcast_shapes(lead, &[2, 3]).unwrap();
                let all = x.broadcast_to(&[&batch[..], &[5, 6, 4]].concat());
                for (i, j) in [(0, 0), (1, 2)] {
                    let of = |t: &Tensor| t.narrow(-5, i, 1).narrow(-4, j, 1);
                    let kernel = kernels.narrow(0, i, 1).narrow(1, j, 1).reshape(&[24, 5]);
                    assert_same(&of(&y), &apply(&of(&all), &kernel));
                }
            }
        }
    }

    /// `⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩`, with the kernel's last axes the other way about.
    #[test]
    fn transposed_functions_are_adjoint_to_convolutions() {
        for (size, stride, dilation) in [(3, 1, 1), (4, 2, 1), (2, 3, 1), (3, 1, 2), (3, 2, 2)] {
            for padding in [Padding::Same, Padding::Valid] {
                let args = prepare_conv_args(size, 2, stride, padding, dilation).unwrap();
                let y = normal("y", &[2, 4, 3, 5]);
                let kernel = normal("kernel", &[size, size, 5, 6]);
                let back =
                    args.convolve_transpose(&y, &kernel.reshape(&[size * size * 5, 6]), None);
                let x = normal("x", back.shape().unwrap());
                let turned = kernel.permute(&[0, 1, 3, 2]).reshape(&[size * size * 6, 5]);
                let forth = args.convolve(&x, &turned);
                let (a, b) = ((forth * y).sum().item().unwrap(), (back * x).sum().item().unwrap());
                assert!((a - b).abs() < 1e-10, "{args:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let convolve = make_convolution_fn(3, 2, 1, Padding::Valid, 1).unwrap();
        let x = normal("x", &[2, 5, 5, 2]);
        for (x, kernel) in [
            (&x, &[3, 18, 4][..]),
            (&x, &[17, 4]),
            (&x, &[4]),
            (&x.narrow(1, 0, 2), &[18, 4]),
            (&x.narrow(0, 0, 1).reshape(&[50]), &[18, 4]),
        ] {
            assert!(convolve(x, &normal("kernel", kernel)).shape().is_err(), "{kernel:?}");
        }
    }
}
