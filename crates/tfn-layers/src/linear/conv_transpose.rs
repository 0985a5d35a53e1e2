//! Transposed convolutions as linear maps.

use std::ops::Range;

use tfn_module::describe_fields;
use tfn_tensor::{DType, Tensor, Window, checked_len};
use tfn_util::{ConvArgs, Padding, UtilError};

use super::LinearMap;
use super::conv::check_sizes;
use super::conv_arguments::{ConvArguments, ConvMap};
use crate::error::{LayerError, Result};

/// The transposed convolution: the adjoint of a [`Conv`](super::Conv) from images of `output_size` channels to such of
/// `input_size`.
///
/// The kernel is a matrix, as TFP has it: `[filter entries · input_size, output_size / groups]`; the bias `[output_size]`.
/// The image that it makes is that of [`ConvArgs::transposed_image`].
///
/// # Examples
/// ```
/// use tfn_layers::util::Padding;
/// use tfn_layers::{ConvArguments, ConvTranspose, IntoMap, LinearMap};
///
/// let map: ConvTranspose = ConvArguments::new(8, 3, 4).strides(2).padding(Padding::Same).into_map()?;
/// assert_eq!(map.kernel_shape(), [4 * 4 * 8, 3]);
/// assert_eq!(map.output_shape(&[7, 7, 8]), Ok(vec![14, 14, 3]));
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvTranspose {
    input_size: usize,
    output_size: usize,
    args: ConvArgs,
    output_padding: Option<Vec<usize>>,
    groups: usize,
}

describe_fields!(ConvTranspose as "tfn.maps.ConvTranspose" {
    input_size, output_size, args, output_padding, groups
} |map| { map.checked() });

impl ConvMap for ConvTranspose {
    fn from_arguments(arguments: &ConvArguments<Self>) -> Result<Self> {
        if !arguments.batch_shape.is_empty() {
            return Err(LayerError::Util(UtilError::Numbers {
                function: "ConvolutionTranspose",
                argument: "batch_shape",
                what: "",
                given: arguments.batch_shape.clone(),
                expected: "none: a transposed convolution has one kernel".to_owned(),
            }));
        }
        let args = arguments.geometry()?;
        Self {
            input_size: arguments.input_size,
            output_size: arguments.output_size,
            output_padding: arguments.prepared_output_padding(args.rank())?,
            args,
            groups: arguments.groups,
        }
        .checked()
    }
}

impl ConvTranspose {
    fn checked(self) -> Result<Self> {
        let sizes = [("input_size", self.input_size), ("output_size", self.output_size)];
        check_sizes(self.class(), sizes, self.groups)?;
        let sizes = [self.input_size, self.output_size];
        checked_len(&[self.args.filter_shape(), &sizes].concat(), DType::F64)?;
        // An output padding that is too large, and causal padding, show for any image.
        if *self.args.padding() == Padding::Causal || self.output_padding.is_some() {
            self.image(&self.any_positions())?;
        }
        Ok(self)
    }

    /// Positions of so large an image that no padding takes all of it away.
    fn any_positions(&self) -> Vec<usize> {
        let padding = match self.args.padding() {
            Padding::Explicit(pairs) => pairs.clone(),
            _ => vec![(0, 0); self.args.rank()],
        };
        let most =
            |(before, after): &(usize, usize)| before.saturating_add(*after).saturating_add(2);
        padding.iter().map(most).collect()
    }

    /// The image made of so many positions, and the window over it.
    fn image(&self, positions: &[usize]) -> Result<(Vec<usize>, Window)> {
        let args = &self.args;
        let image = args.transposed_image(positions, self.output_padding.as_deref())?;
        let window = args.window(&image)?;
        Ok((image, window))
    }

    fn image_of(&self, x: &Tensor) -> Result<(Vec<usize>, Window)> {
        let shape = x.shape()?;
        self.image(shape.get(1..shape.len().saturating_sub(1)).unwrap_or_default())
    }

    /// The kernel of the convolution whose adjoint this is.
    fn turned(&self, kernel: &Tensor) -> Tensor {
        let sizes = [self.input_size, self.output_size / self.groups];
        let rank = self.args.rank() as isize;
        let order: Vec<isize> = (0..rank).chain([rank + 1, rank]).collect();
        kernel.reshape(&[self.args.filter_shape(), &sizes].concat()).permute(&order)
    }
}

impl LinearMap for ConvTranspose {
    fn class(&self) -> &'static str {
        "ConvolutionTranspose"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        let entries: usize = self.args.filter_shape().iter().product();
        vec![entries * self.input_size, self.output_size / self.groups]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.output_size]
    }

    fn input_ndims(&self) -> usize {
        self.args.rank() + 1
    }

    fn positions(&self) -> Range<usize> {
        0..self.args.rank()
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        let expected = || {
            let axes = vec!["at least 1"; self.args.rank()].join(", ");
            format!("[{axes}, {}]", self.input_size)
        };
        match input {
            [positions @ .., channels] if *channels == self.input_size => {
                let (mut image, _) = self.image(positions).map_err(|_| expected())?;
                image.push(self.output_size);
                Ok(image)
            }
            _ => Err(expected()),
        }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        match self.image_of(x) {
            Ok((image, window)) => {
                x.convolution_transpose(&self.turned(kernel), &window, self.groups, &image)
            }
            Err(error) => Tensor::from_error(error.into_tensor("convolution_transpose")),
        }
    }

    /// Both as one node, with two products forward.
    fn moments(
        &self,
        x: &Tensor,
        loc: &Tensor,
        scale: &Tensor,
        bias: Option<(&Tensor, &Tensor)>,
    ) -> (Tensor, Tensor) {
        match self.image_of(x) {
            Ok((image, window)) => {
                let [loc, scale] = [loc, scale].map(|kernel| self.turned(kernel));
                let groups = self.groups;
                Tensor::convolution_transpose_local(x, &loc, &scale, bias, &window, groups, &image)
            }
            Err(error) => {
                let error = Tensor::from_error(error.into_tensor("convolution_transpose"));
                (error.clone(), error)
            }
        }
    }
}
