//! The arguments of convolutions, before they are checked together.

use std::marker::PhantomData;

use tfn_util::{ConvArgs, Padding, TupleArgument, prepare_conv_args, prepare_tuple_argument};

use super::LinearMap;
use crate::error::Result;

/// What a linear map is made of when a layer is built: the map itself, or its arguments.
///
/// # Examples
/// ```
/// use tfn_layers::{Conv, ConvArguments, Dense, IntoMap, LinearMap};
///
/// assert_eq!(Dense::new(3, 2)?.into_map()?.kernel_shape(), [3, 2]);
/// assert_eq!(ConvArguments::<Conv>::new(3, 2, [5, 1]).into_map()?.kernel_shape(), [5, 1, 3, 2]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait IntoMap {
    /// The map.
    type Map: LinearMap;

    /// The map, if the arguments fit each other.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    fn into_map(self) -> Result<Self::Map>;
}

impl<M: LinearMap> IntoMap for M {
    type Map = Self;

    fn into_map(self) -> Result<Self> {
        Ok(self)
    }
}

/// A map that is made of the arguments of a convolution.
pub trait ConvMap: LinearMap + Sized {
    /// The map, if the arguments fit each other.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero; [`LayerError::Util`](crate::LayerError::Util) for
    /// arguments that do not fit the rank, zeros among them, and groups that do not divide the sizes.
    fn from_arguments(arguments: &ConvArguments<Self>) -> Result<Self>;
}

/// The arguments of a convolution `M`, with TFP's names and defaults; checked when the map is made, in whatever order they
/// were set.
///
/// | argument | default |
/// |---|---|
/// | `rank` | as many as `filter_shape` has numbers, if those are several; else 2 |
/// | `strides`, `dilations` | 1 |
/// | `padding` | [`Padding::Valid`] |
/// | `batch_shape` | none |
/// | `output_padding` (transposed) | inferred |
/// | `groups` (not among TFP's) | 1 |
#[derive(Clone, Debug)]
pub struct ConvArguments<M> {
    pub(super) input_size: usize,
    pub(super) output_size: usize,
    filter_shape: TupleArgument,
    rank: Option<usize>,
    strides: TupleArgument,
    padding: Padding,
    dilations: TupleArgument,
    output_padding: Option<TupleArgument>,
    pub(super) groups: usize,
    pub(super) batch_shape: Vec<usize>,
    pub(super) wide_bias: bool,
    map: PhantomData<fn() -> M>,
}

impl<M> ConvArguments<M> {
    /// All defaults, for images of `input_size` channels to such of `output_size`.
    pub fn new(
        input_size: usize,
        output_size: usize,
        filter_shape: impl Into<TupleArgument>,
    ) -> Self {
        Self {
            input_size,
            output_size,
            filter_shape: filter_shape.into(),
            rank: None,
            strides: 1.into(),
            padding: Padding::Valid,
            dilations: 1.into(),
            output_padding: None,
            groups: 1,
            batch_shape: Vec::new(),
            wide_bias: false,
            map: PhantomData,
        }
    }

    /// Number of axes that the window slides over: 1, 2 or 3.
    #[must_use]
    pub fn rank(self, rank: usize) -> Self {
        Self { rank: Some(rank), ..self }
    }

    /// Distance from one position of the window to the next.
    #[must_use]
    pub fn strides(self, strides: impl Into<TupleArgument>) -> Self {
        Self { strides: strides.into(), ..self }
    }

    /// What lies around the image.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Distance between two neighbours that the window reads.
    #[must_use]
    pub fn dilations(self, dilations: impl Into<TupleArgument>) -> Self {
        Self { dilations: dilations.into(), ..self }
    }

    /// Parts into which the channels are cut, each with its part of the output; not among TFP's arguments.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Shape of a batch of kernels.
    #[must_use]
    pub fn batch_shape(self, batch_shape: &[usize]) -> Self {
        Self { batch_shape: batch_shape.to_vec(), ..self }
    }

    /// Entries that a transposed convolution's image is longer than the shortest that it could be.
    #[must_use]
    pub fn output_padding(self, output_padding: impl Into<TupleArgument>) -> Self {
        Self { output_padding: Some(output_padding.into()), ..self }
    }

    pub(crate) fn with_wide_bias(self) -> Self {
        Self { wide_bias: true, ..self }
    }

    pub(super) fn geometry(&self) -> Result<ConvArgs> {
        let of_filter = self.filter_shape.numbers().len();
        let rank = self.rank.unwrap_or(if of_filter > 1 { of_filter } else { 2 });
        let (filter_shape, strides) = (self.filter_shape.clone(), self.strides.clone());
        let (padding, dilations) = (self.padding.clone(), self.dilations.clone());
        Ok(prepare_conv_args(filter_shape, rank, strides, padding, dilations)?)
    }

    pub(super) fn given_output_padding(&self) -> Option<&[usize]> {
        self.output_padding.as_ref().map(TupleArgument::numbers)
    }

    pub(super) fn prepared_output_padding(&self, rank: usize) -> Result<Option<Vec<usize>>> {
        let prepare =
            |numbers: TupleArgument| prepare_tuple_argument(numbers, rank, "output_padding");
        Ok(self.output_padding.clone().map(prepare).transpose()?)
    }
}

impl<M: ConvMap> IntoMap for ConvArguments<M> {
    type Map = M;

    fn into_map(self) -> Result<M> {
        M::from_arguments(&self)
    }
}

/// The setters of a convolution's arguments, for a builder with a field `source`.
macro_rules! conv_setters {
    ($($builder:tt)*) => {
        $($builder)* {
            /// Number of axes that the window slides over: 1, 2 or 3. By default as many as the filter shape has numbers, or
            /// 2 if it is one number.
            pub fn rank(mut self, rank: usize) -> Self {
                self.source = self.source.map(|arguments| arguments.rank(rank));
                self
            }

            /// Distance from one position of the window to the next; 1 by default.
            pub fn strides(mut self, strides: impl Into<tfn_util::TupleArgument>) -> Self {
                self.source = self.source.map(|arguments| arguments.strides(strides));
                self
            }

            /// What lies around the image; nothing by default.
            pub fn padding(mut self, padding: tfn_util::Padding) -> Self {
                self.source = self.source.map(|arguments| arguments.padding(padding));
                self
            }

            /// Distance between two neighbours that the window reads; 1 by default.
            pub fn dilations(mut self, dilations: impl Into<tfn_util::TupleArgument>) -> Self {
                self.source = self.source.map(|arguments| arguments.dilations(dilations));
                self
            }

            /// Parts into which the channels are cut, each with its part of the output; 1 by default. Not among TFP's
            /// arguments.
            pub fn groups(mut self, groups: usize) -> Self {
                self.source = self.source.map(|arguments| arguments.groups(groups));
                self
            }

            /// Entries that a transposed convolution's image is longer than the shortest that it could be; by default the
            /// image is inferred from strides and padding.
            pub fn output_padding(mut self, output_padding: impl Into<tfn_util::TupleArgument>) -> Self {
                self.source = self.source.map(|arguments| arguments.output_padding(output_padding));
                self
            }
        }
    };
}
pub(crate) use conv_setters;
