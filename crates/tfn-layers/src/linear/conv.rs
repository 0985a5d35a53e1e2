//! Convolutions as linear maps.

use std::ops::Range;

use tfn_module::describe_fields;
use tfn_tensor::{DType, Tensor, Window, checked_len};
use tfn_util::{ConvArgs, Padding, UtilError};

use super::conv_arguments::{ConvArguments, ConvMap};
use super::{LinearMap, independent_moments};
use crate::error::{LayerError, Result};

/// The convolution of a `VERSION` of TFP's layers; they differ where there is a batch of kernels.
///
/// The kernel is `batch_shape + filter_shape + [input_size / groups, output_size]`. Version 1 has the batch of kernels
/// before the channels, version 2 (`ConvV2`) before the image:
///
/// | | input of one example | output of one example | bias |
/// |---|---|---|---|
/// | 1 | `image + batch_shape + [input_size]` | `positions + batch_shape + [output_size]` | `batch_shape + [output_size]` |
/// | 2 | `batch_shape + image + [input_size]` | `batch_shape + positions + [output_size]` | `batch_shape + [1, ..] + [output_size]` |
///
/// An axis of the batch in a version 2 input may be 1: all kernels then see the same images.
///
/// Under the [`Local`](crate::Local) estimator each position of the output is drawn by itself, as if it had weights of its
/// own; under all others one draw of the kernel serves all positions of an example.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{Conv, ConvArguments, IntoMap, LinearMap};
///
/// let conv: Conv = ConvArguments::new(3, 8, 5).strides(2).padding(Padding::Same).into_map()?;
/// assert_eq!(conv.kernel_shape(), [5, 5, 3, 8]);
/// assert_eq!(conv.output_shape(&[32, 28, 3]), Ok(vec![16, 14, 8]));
///
/// let depthwise: Conv = ConvArguments::new(4, 4, 3).groups(4).into_map()?;
/// assert_eq!(depthwise.kernel_shape(), [3, 3, 1, 4]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv<const VERSION: usize = 1> {
    input_size: usize,
    output_size: usize,
    args: ConvArgs,
    groups: usize,
    batch_shape: Vec<usize>,
    /// Whether the bias has an axis of 1 for each axis of the positions.
    wide_bias: bool,
}

/// The convolution of TFP's `V2` layers: see [`Conv`].
pub type ConvV2 = Conv<2>;

macro_rules! described {
    ($version:literal as $class:literal) => {
        describe_fields!(Conv<$version> as $class {
            input_size, output_size, args, groups, batch_shape, wide_bias
        } |conv| {
            conv.checked()
        });
    };
}
described!(1 as "tfn.maps.Conv");
described!(2 as "tfn.maps.ConvV2");

impl<const VERSION: usize> ConvMap for Conv<VERSION> {
    fn from_arguments(arguments: &ConvArguments<Self>) -> Result<Self> {
        if let Some(given) = arguments.given_output_padding() {
            return Err(LayerError::Util(UtilError::Numbers {
                function: "Convolution",
                argument: "output_padding",
                what: "",
                given: given.to_vec(),
                expected: "none: it is an argument of transposed convolutions".to_owned(),
            }));
        }
        Self {
            input_size: arguments.input_size,
            output_size: arguments.output_size,
            args: arguments.geometry()?,
            groups: arguments.groups,
            batch_shape: arguments.batch_shape.clone(),
            wide_bias: VERSION == 2 && (arguments.wide_bias || !arguments.batch_shape.is_empty()),
        }
        .checked()
    }
}

/// Checks sizes, and that groups divide both.
pub(super) fn check_sizes(
    class: &str,
    sizes: [(&'static str, usize); 2],
    groups: usize,
) -> Result<()> {
    if let Some(&(argument, given)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(LayerError::Size { layer: class.to_owned(), argument, given });
    }
    if groups == 0 || sizes.iter().any(|(_, size)| size % groups != 0) {
        let [input, output] = sizes.map(|(_, size)| size);
        return Err(LayerError::Util(UtilError::Numbers {
            function: "Convolution",
            argument: "groups",
            what: "",
            given: vec![groups],
            expected: format!("a divisor of input_size {input} and of output_size {output}"),
        }));
    }
    Ok(())
}

impl<const VERSION: usize> Conv<VERSION> {
    fn checked(self) -> Result<Self> {
        let sizes = [("input_size", self.input_size), ("output_size", self.output_size)];
        check_sizes(self.class(), sizes, self.groups)?;
        if self.batch_shape.contains(&0) {
            let (layer, argument) = (self.class().to_owned(), "batch_shape");
            return Err(LayerError::Size { layer, argument, given: 0 });
        }
        if self.wide_bias && VERSION != 2
            || (!self.wide_bias && VERSION == 2 && !self.batch_shape.is_empty())
        {
            return Err(LayerError::Argument {
                layer: self.class().to_owned(),
                argument: "wide_bias",
                given: self.wide_bias.to_string(),
                expected: "true for version 2 with a batch of kernels, false for version 1"
                    .to_owned(),
            });
        }
        let sizes = [self.input_size, self.output_size];
        let shape = [&self.batch_shape, self.args.filter_shape(), &sizes[..]].concat();
        checked_len(&shape, DType::F64)?;
        Ok(self)
    }

    fn window(&self, image: &[usize]) -> Option<Window> {
        self.args.window(image).ok()
    }

    fn rank(&self) -> usize {
        self.args.rank()
    }

    /// Number of kernels.
    fn kernels(&self) -> usize {
        self.batch_shape.iter().product()
    }

    /// Where batch and image lie among the axes of an example.
    fn axes(&self) -> (Range<usize>, Range<usize>) {
        let (batch, rank) = (self.batch_shape.len(), self.rank());
        match VERSION {
            2 => (0..batch, batch..batch + rank),
            _ => (rank..rank + batch, 0..rank),
        }
    }

    /// An example's axes of which the image, or the positions, are `space`.
    fn example(&self, space: &[usize], last: usize) -> Vec<usize> {
        match VERSION {
            2 => [&self.batch_shape, space, &[last]].concat(),
            _ => [space, &self.batch_shape, &[last]].concat(),
        }
    }

    /// The kernels side by side, each for its group of the channels.
    fn side_by_side(&self, kernel: &Tensor) -> Tensor {
        if self.batch_shape.is_empty() {
            return kernel.clone();
        }
        let (batch, rank) = (self.kernels(), self.rank() as isize);
        let own = self.input_size / self.groups;
        let apart = kernel
            .reshape(&[&[batch], self.args.filter_shape(), &[own, self.output_size]].concat());
        let order: Vec<isize> = (1..=rank + 1).chain([0, rank + 2]).collect();
        apart
            .permute(&order)
            .reshape(&[self.args.filter_shape(), &[own, batch * self.output_size]].concat())
    }

    /// Images with the batch of kernels before the channels, and those made one axis.
    fn packed(&self, x: &Tensor) -> Result<Tensor> {
        if self.batch_shape.is_empty() {
            return Ok(x.clone());
        }
        let shape = x.shape()?;
        let (batch, image) = self.axes();
        let (rows, image) = (shape[0], &shape[1..][image]);
        let channels = self.kernels() * self.input_size;
        let packed = [&[rows], image, &[channels]].concat();
        if VERSION != 2 {
            return Ok(x.reshape(&packed));
        }
        let whole = [&[rows], &self.batch_shape[..], image, &[self.input_size]].concat();
        let (batch, rank) = (batch.len() as isize, image.len() as isize);
        let order: Vec<isize> =
            [0].into_iter().chain(1 + batch..1 + batch + rank).chain(1..=batch).collect();
        let order: Vec<isize> = order.into_iter().chain([1 + batch + rank]).collect();
        Ok(x.broadcast_to(&whole).permute(&order).reshape(&packed))
    }

    /// The last axis of a result taken apart.
    fn unpacked(&self, y: &Tensor) -> Result<Tensor> {
        if self.batch_shape.is_empty() {
            return Ok(y.clone());
        }
        let shape = y.shape()?;
        let (rows, space) = (shape[0], &shape[1..shape.len() - 1]);
        let apart = y.reshape(&[&[rows], space, &self.batch_shape, &[self.output_size]].concat());
        if VERSION != 2 {
            return Ok(apart);
        }
        let (batch, rank) = (self.batch_shape.len() as isize, space.len() as isize);
        let order: Vec<isize> = [0]
            .into_iter()
            .chain(1 + rank..1 + rank + batch)
            .chain(1..=rank)
            .chain([1 + rank + batch])
            .collect();
        Ok(apart.permute(&order))
    }

    /// The window over the images of `x`.
    fn window_over(&self, x: &Tensor) -> Result<Window> {
        let shape = x.shape()?;
        let (_, image) = self.axes();
        Ok(self.args.window(shape.get(1..).and_then(|s| s.get(image)).unwrap_or_default())?)
    }
}

impl<const VERSION: usize> LinearMap for Conv<VERSION> {
    fn class(&self) -> &'static str {
        "Convolution"
    }

    fn class_suffix(&self) -> &'static str {
        if VERSION == 2 { "V2" } else { "" }
    }

    fn kernel_shape(&self) -> Vec<usize> {
        let sizes = [self.input_size / self.groups, self.output_size];
        [&self.batch_shape, self.args.filter_shape(), &sizes[..]].concat()
    }

    fn bias_shape(&self) -> Vec<usize> {
        let ones = if self.wide_bias { vec![1; self.rank()] } else { Vec::new() };
        [&self.batch_shape, &ones, &[self.output_size][..]].concat()
    }

    fn batch_ndims(&self) -> usize {
        self.batch_shape.len()
    }

    fn input_ndims(&self) -> usize {
        self.batch_shape.len() + self.rank() + 1
    }

    fn positions(&self) -> Range<usize> {
        self.axes().1
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        let expected = || {
            let window = self.window(&vec![1; self.rank()]);
            let least = |(axis, (before, after)): (usize, (usize, usize))| {
                let extent = (self.args.filter_shape()[axis] - 1) * self.args.dilations()[axis] + 1;
                let same = *self.args.padding() == Padding::Same;
                let least = if same { 1 } else { extent.saturating_sub(before + after).max(1) };
                format!("at least {least}")
            };
            let paddings = window.iter().flat_map(|window| window.axes()).map(|axis| axis.padding);
            let image: Vec<String> = paddings.enumerate().map(least).collect();
            let batch = self.batch_shape.iter().map(usize::to_string).collect();
            let parts = if VERSION == 2 { [batch, image] } else { [image, batch] };
            format!("[{}, {}]", parts.concat().join(", "), self.input_size)
        };
        let (batch, image) = self.axes();
        let [.., channels] = *input else { return Err(expected()) };
        if input.len() != self.input_ndims() || channels != self.input_size {
            return Err(expected());
        }
        let mut kernels = input[batch].iter().zip(&self.batch_shape);
        if !kernels.all(|(&given, &own)| given == own || (VERSION == 2 && given == 1)) {
            return Err(expected());
        }
        let image = &input[image];
        let positions = self.window(image).and_then(|window| window.positions(image));
        Ok(self.example(&positions.ok_or_else(expected)?, self.output_size))
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        let made = || -> Result<Tensor> {
            let window = self.window_over(x)?;
            let groups = self.kernels() * self.groups;
            let kernel = self.side_by_side(kernel);
            self.unpacked(&self.packed(x)?.convolution(&kernel, &window, groups))
        };
        made().unwrap_or_else(|error| Tensor::from_error(error.into_tensor("convolution")))
    }

    /// Both as one node, with two products forward.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        match self.window_over(x) {
            Ok(window) if self.batch_shape.is_empty() && !self.wide_bias => {
                Tensor::convolution_local(x, loc, scale, bias, &window, self.groups)
            }
            _ => independent_moments(self, x, loc, scale, bias),
        }
    }
}
