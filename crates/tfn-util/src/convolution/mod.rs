//! Arguments of convolutions, and convolutions as functions of an input and a kernel.

mod args;
mod functions;
mod im2row;

pub use args::{ConvArgs, Padding, TupleArgument, prepare_conv_args, prepare_tuple_argument};
pub use functions::{
    make_convolution_fn, make_convolution_transpose_fn_with_dilation,
    make_convolution_transpose_fn_with_subkernels,
    make_convolution_transpose_fn_with_subkernels_matrix,
};
pub use im2row::{im2row, im2row_index};
