//! The geometry of a convolution as it is written: filter shape, strides, padding, dilations.

use std::panic::Location;

use tfn_module::describe::{self, Data, Field, Loader, Saver};
use tfn_module::describe_fields;
use tfn_tensor::{Result as TensorResult, TensorError, Window, WindowAxis};

use crate::error::{Result, UtilError};

/// A number for each axis, or one number for all of them.
///
/// # Examples
/// ```
/// use tfn_util::{TupleArgument, prepare_tuple_argument};
///
/// assert_eq!(prepare_tuple_argument(5, 2, "filter_shape")?, [5, 5]);
/// assert_eq!(prepare_tuple_argument([5, 3], 2, "filter_shape")?, [5, 3]);
/// assert!(prepare_tuple_argument([1, 2, 3], 2, "strides").is_err());
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TupleArgument(Vec<usize>);

impl TupleArgument {
    /// The numbers, as they were given.
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

impl From<usize> for TupleArgument {
    fn from(number: usize) -> Self {
        Self(vec![number])
    }
}

impl<const N: usize> From<[usize; N]> for TupleArgument {
    fn from(numbers: [usize; N]) -> Self {
        Self(numbers.to_vec())
    }
}

impl From<&[usize]> for TupleArgument {
    fn from(numbers: &[usize]) -> Self {
        Self(numbers.to_vec())
    }
}

impl From<Vec<usize>> for TupleArgument {
    fn from(numbers: Vec<usize>) -> Self {
        Self(numbers)
    }
}

/// What lies around an image when a window is slid over it.
///
/// Counterpart: the argument `padding` of TFP's and Keras' convolutions.
///
/// # Examples
/// ```
/// use tfn_util::{Padding, prepare_conv_args};
///
/// let positions = |padding| -> Result<_, tfn_util::UtilError> {
///     let args = prepare_conv_args(5, 1, 2, padding, 1)?;
///     Ok(args.window(&[9])?.positions(&[9]))
/// };
/// assert_eq!(positions(Padding::Valid)?, Some(vec![3]));
/// assert_eq!(positions(Padding::Same)?, Some(vec![5]));
/// assert_eq!(positions(Padding::Causal)?, Some(vec![5]));
/// assert_eq!(positions(Padding::Explicit(vec![(0, 2)]))?, Some(vec![4]));
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: the window stays inside.
    #[default]
    Valid,
    /// As many zeros that there are `⌈len / stride⌉` positions along each axis; the odd one goes behind.
    Same,
    /// Zeros before the axis alone, so that no position sees what comes after it. For one axis.
    Causal,
    /// So many zeros before and after each axis.
    Explicit(Vec<(usize, usize)>),
}

/// By its name, or as a list of pairs.
impl Field for Padding {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        let name = match self {
            Self::Valid => "valid",
            Self::Same => "same",
            Self::Causal => "causal",
            Self::Explicit(pairs) => {
                let pairs: Vec<Vec<usize>> = pairs.iter().map(|&(a, b)| vec![a, b]).collect();
                return pairs.write(saver);
            }
        };
        name.to_owned().write(saver)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        let wrong = |loader: &mut Loader<'_>| {
            loader.wrong(&data, "\"valid\", \"same\", \"causal\" or a list of pairs")
        };
        match String::read(data.clone(), loader).as_deref() {
            Ok("valid") => return Ok(Self::Valid),
            Ok("same") => return Ok(Self::Same),
            Ok("causal") => return Ok(Self::Causal),
            Ok(_) => return Err(wrong(loader)),
            Err(_) => {}
        }
        let pairs = Vec::<Vec<usize>>::read(data.clone(), loader).map_err(|_| wrong(loader))?;
        let pair = |pair: &Vec<usize>| match *pair.as_slice() {
            [before, after] => Some((before, after)),
            _ => None,
        };
        let pairs: Option<Vec<_>> = pairs.iter().map(pair).collect();
        pairs.map(Self::Explicit).ok_or_else(|| wrong(loader))
    }
}

/// The checked geometry of a convolution: see [`prepare_conv_args`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvArgs {
    filter_shape: Vec<usize>,
    strides: Vec<usize>,
    padding: Padding,
    dilations: Vec<usize>,
}

describe_fields!(ConvArgs as "tfn.util.ConvArgs" {
    filter_shape, strides, padding, dilations
} |args| {
    let rank = args.filter_shape.len();
    prepare_conv_args(args.filter_shape, rank, args.strides, args.padding, args.dilations)
});

/// Checks the arguments of a convolution, and gives each as many numbers as the convolution has axes.
///
/// Counterpart: `tfp.experimental.nn.util.prepare_conv_args`; dilations together with strides are no error here.
///
/// # Errors
/// [`UtilError::Numbers`] for a rank that is not 1, 2 or 3, a number of numbers that is neither 1 nor the rank, a zero,
/// sizes that no image in memory could have, and causal padding of more than one axis.
///
/// # Examples
/// ```
/// use tfn_util::{Padding, prepare_conv_args};
///
/// let args = prepare_conv_args([5, 3], 2, 2, Padding::Same, 1)?;
/// assert_eq!((args.filter_shape(), args.strides()), (&[5, 3][..], &[2, 2][..]));
/// let error = prepare_conv_args(3, 2, 1, Padding::Causal, 1).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "prepare_conv_args: argument `padding` is causal for rank [2], expected rank 1 for causal padding"
/// );
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn prepare_conv_args(
    filter_shape: impl Into<TupleArgument>,
    rank: usize,
    strides: impl Into<TupleArgument>,
    padding: Padding,
    dilations: impl Into<TupleArgument>,
) -> Result<ConvArgs> {
    if !(1..=3).contains(&rank) {
        return Err(wrong("rank", "", &[rank], "1, 2 or 3"));
    }
    let filter_shape = prepare_tuple_argument(filter_shape, rank, "filter_shape")?;
    let strides = prepare_tuple_argument(strides, rank, "strides")?;
    let dilations = prepare_tuple_argument(dilations, rank, "dilations")?;
    for (argument, numbers) in
        [("filter_shape", &filter_shape), ("strides", &strides), ("dilations", &dilations)]
    {
        if numbers.contains(&0) {
            return Err(wrong(argument, "", numbers, "numbers of at least 1"));
        }
    }
    match &padding {
        Padding::Causal if rank != 1 => {
            return Err(wrong("padding", "causal for rank ", &[rank], "rank 1 for causal padding"));
        }
        Padding::Explicit(pairs) if pairs.len() != rank => {
            let expected = format!("as many as the rank, {rank}");
            return Err(wrong("padding", "pairs of the number ", &[pairs.len()], &expected));
        }
        _ => {}
    }
    let args = ConvArgs { filter_shape, strides, padding, dilations };
    // The largest that any of its windows is.
    if args.window(&vec![1; rank]).is_err() {
        let all = [("strides", &args.strides), ("dilations", &args.dilations)];
        let large = all.into_iter().find(|(_, numbers)| numbers.iter().any(|n| *n >= 1 << 40));
        let (argument, numbers) = large.unwrap_or(("filter_shape", &args.filter_shape));
        return Err(wrong(argument, "", numbers, "sizes that an image in memory could have"));
    }
    Ok(args)
}

/// As many numbers as a convolution has axes, `n`, from so many or from one.
///
/// Counterpart: `tfp.experimental.nn.util.prepare_tuple_argument`.
///
/// # Errors
/// [`UtilError::Numbers`] for another number of numbers.
///
/// # Examples
/// ```
/// assert_eq!(tfn_util::prepare_tuple_argument(2, 3, "strides")?, [2, 2, 2]);
/// # Ok::<(), tfn_util::UtilError>(())
/// ```
pub fn prepare_tuple_argument(
    arg: impl Into<TupleArgument>,
    n: usize,
    arg_name: &'static str,
) -> Result<Vec<usize>> {
    let TupleArgument(numbers) = arg.into();
    match numbers.as_slice() {
        &[one] => Ok(vec![one; n]),
        many if many.len() == n => Ok(numbers),
        many => Err(UtilError::Numbers {
            function: "prepare_tuple_argument",
            argument: arg_name,
            what: "",
            given: many.to_vec(),
            expected: format!("one number, or one for each of {n} axes"),
        }),
    }
}

fn wrong(argument: &'static str, what: &'static str, given: &[usize], expected: &str) -> UtilError {
    let (given, expected) = (given.to_vec(), expected.to_owned());
    UtilError::Numbers { function: "prepare_conv_args", argument, what, given, expected }
}

impl ConvArgs {
    /// Size of the window along each axis.
    pub fn filter_shape(&self) -> &[usize] {
        &self.filter_shape
    }

    /// Distance from one position to the next along each axis.
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// What lies around the image.
    pub fn padding(&self) -> &Padding {
        &self.padding
    }

    /// Distance between neighbours of the window along each axis.
    pub fn dilations(&self) -> &[usize] {
        &self.dilations
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.filter_shape.len()
    }

    /// The window over an image of that shape, whose size decides how much [`Padding::Same`] is.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] for sizes that no image in memory could have.
    ///
    /// # Examples
    /// ```
    /// use tfn_util::{Padding, prepare_conv_args};
    ///
    /// let args = prepare_conv_args(3, 2, 2, Padding::Same, 1)?;
    /// let window = args.window(&[7, 6])?;
    /// assert_eq!(window.axes().iter().map(|axis| axis.padding).collect::<Vec<_>>(), [(1, 1), (0, 1)]);
    /// assert_eq!(window.positions(&[7, 6]), Some(vec![4, 3]));
    /// # Ok::<(), tfn_util::UtilError>(())
    /// ```
    pub fn window(&self, image: &[usize]) -> TensorResult<Window> {
        let axis = |(index, &size): (usize, &usize)| {
            let (stride, dilation) = (self.strides[index], self.dilations[index]);
            let mut axis = WindowAxis { size, stride, dilation, padding: (0, 0) };
            let extent = axis.extent();
            axis.padding = match &self.padding {
                Padding::Valid => (0, 0),
                Padding::Same => {
                    let len = image.get(index).copied().unwrap_or(1);
                    let last = len.saturating_sub(1) % stride + 1;
                    let all = extent.saturating_sub(last);
                    (all / 2, all - all / 2)
                }
                Padding::Causal => (extent - 1, 0),
                Padding::Explicit(pairs) => pairs[index],
            };
            axis
        };
        Window::new(&self.filter_shape.iter().enumerate().map(axis).collect::<Vec<_>>())
    }

    /// Shape of the image that a transposed convolution makes of so many positions.
    ///
    /// Without `output_padding`, `len·stride` under [`Padding::Same`] and `len·stride + max(extent − stride, 0)` under
    /// [`Padding::Valid`], as TFP has it; else, and for explicit padding, `(len − 1)·stride + extent` less the padding and
    /// with `output_padding` entries more.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] for causal padding and an output padding that is not less than the stride;
    /// [`TensorError::Shape`] for an image that the convolution would not make so many positions of.
    ///
    /// # Examples
    /// ```
    /// use tfn_util::{Padding, prepare_conv_args};
    ///
    /// let args = prepare_conv_args(5, 2, 2, Padding::Same, 1)?;
    /// assert_eq!(args.transposed_image(&[7, 7], None)?, [14, 14]);
    /// assert_eq!(args.transposed_image(&[7, 7], Some(&[0, 1]))?, [13, 14]);
    /// # Ok::<(), tfn_util::UtilError>(())
    /// ```
    #[track_caller]
    pub fn transposed_image(
        &self,
        positions: &[usize],
        output_padding: Option<&[usize]>,
    ) -> TensorResult<Vec<usize>> {
        let (op, place) = ("convolution_transpose", Location::caller());
        let fail = |given: &[usize], expected: String| TensorError::Shape {
            op,
            argument: "positions",
            given: given.to_vec(),
            expected,
            place,
        };
        let refused = |argument, given: String, expected: String| TensorError::OutOfRange {
            op,
            argument,
            given,
            expected,
            place,
        };
        if self.padding == Padding::Causal {
            let expected = "valid, same or explicit padding".to_owned();
            return Err(refused("padding", "causal".to_owned(), expected));
        }
        if positions.len() != self.rank() {
            return Err(fail(positions, format!("{} axes", self.rank())));
        }
        if let Some(more) = output_padding {
            let less = more.iter().zip(&self.strides).all(|(more, stride)| more < stride);
            if more.len() != self.rank() || !less {
                let expected = format!("numbers less than the strides {:?}", self.strides);
                return Err(refused("output_padding", format!("{more:?}"), expected));
            }
        }
        let mut image = Vec::with_capacity(positions.len());
        for (index, &len) in positions.iter().enumerate() {
            let stride = self.strides[index];
            let extent = WindowAxis {
                dilation: self.dilations[index],
                ..WindowAxis::of(self.filter_shape[index])
            }
            .extent();
            let span = len.saturating_sub(1).saturating_mul(stride).saturating_add(extent);
            let more = output_padding.map(|more| more[index]);
            let of = match (&self.padding, more) {
                (Padding::Same, None) => len.saturating_mul(stride),
                (Padding::Valid | Padding::Causal, None) => {
                    len.saturating_mul(stride).saturating_add(extent.saturating_sub(stride))
                }
                (Padding::Same, Some(more)) => {
                    span.saturating_add(more).saturating_sub(extent / 2 * 2)
                }
                (Padding::Valid | Padding::Causal, Some(more)) => span.saturating_add(more),
                (Padding::Explicit(pairs), more) => {
                    let (before, after) = pairs[index];
                    span.saturating_add(more.unwrap_or(0)).saturating_sub(before + after)
                }
            };
            image.push(of);
        }
        let made = self.window(&image).ok().and_then(|window| window.positions(&image));
        if made.as_deref() != Some(positions) {
            let expected = format!(
                "sizes that this convolution gives for an image of {image:?}, {}",
                made.map_or_else(|| "which is too small".to_owned(), |made| format!("{made:?}"))
            );
            return Err(fail(positions, expected));
        }
        Ok(image)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn same_gives_a_position_for_each_stride() {
        for (len, size, stride, dilation) in
            (0..7_usize.pow(4)).map(|i| (i % 7 + 1, i / 7 % 7 + 1, i / 49 % 7 + 1, i / 343 % 7 + 1))
        {
            let args = prepare_conv_args(size, 1, stride, Padding::Same, dilation).unwrap();
            let positions = args.window(&[len]).unwrap().positions(&[len]);
            assert_eq!(positions, Some(vec![len.div_ceil(stride)]), "{args:?} {len}");
        }
    }

    #[test]
    fn a_transposed_convolution_makes_an_image_of_its_positions() {
        for (len, size, stride, dilation) in
            (0..5_usize.pow(4)).map(|i| (i % 5 + 1, i / 5 % 5 + 1, i / 25 % 5 + 1, i / 125 % 5 + 1))
        {
            for padding in [Padding::Same, Padding::Valid] {
                let args = prepare_conv_args(size, 1, stride, padding, dilation).unwrap();
                let image = args.transposed_image(&[len], None).unwrap();
                let window = args.window(&image).unwrap();
                assert_eq!(window.positions(&image), Some(vec![len]), "{args:?} {len}");
            }
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        let named = |made: Result<ConvArgs>, name: &str| match made.unwrap_err() {
            UtilError::Numbers { argument, .. } => assert_eq!(argument, name),
            other => assert_eq!(other.to_string(), name),
        };
        named(prepare_conv_args(3, 0, 1, Padding::Same, 1), "rank");
        named(prepare_conv_args(3, 4, 1, Padding::Same, 1), "rank");
        named(prepare_conv_args([3, 3, 3], 2, 1, Padding::Same, 1), "filter_shape");
        named(prepare_conv_args(Vec::new(), 2, 1, Padding::Same, 1), "filter_shape");
        named(prepare_conv_args(0, 2, 1, Padding::Same, 1), "filter_shape");
        named(prepare_conv_args(3, 2, [1, 0], Padding::Same, 1), "strides");
        named(prepare_conv_args(3, 2, 1, Padding::Same, 0), "dilations");
        named(prepare_conv_args(3, 2, 1, Padding::Explicit(vec![(1, 1)]), 1), "padding");
        assert!(prepare_conv_args(usize::MAX, 2, 1, Padding::Same, usize::MAX).is_err());
        let causal = prepare_conv_args(3, 1, 1, Padding::Causal, 1).unwrap();
        assert!(causal.transposed_image(&[3], None).is_err());
        let args = prepare_conv_args(3, 1, 2, Padding::Valid, 1).unwrap();
        assert!(args.transposed_image(&[3], Some(&[2])).is_err());
        assert!(args.transposed_image(&[0], None).is_err());
        assert!(args.transposed_image(&[usize::MAX], None).is_err());
    }
}
