#![doc = include_str!("../README.md")]

mod convolution;
mod error;
pub mod initializers;
mod kernel_bias;
mod posterior;
mod prior;
mod shapes;
mod spec;
mod weight_spec;

pub use convolution::{
    ConvArgs, Padding, TupleArgument, im2row, im2row_index, make_convolution_fn,
    make_convolution_transpose_fn_with_dilation, make_convolution_transpose_fn_with_subkernels,
    make_convolution_transpose_fn_with_subkernels_matrix, prepare_conv_args,
    prepare_tuple_argument,
};
pub use error::{AnyError, Result, UtilError};
pub use initializers::Initializer;
pub use kernel_bias::{KernelBias, make_kernel_bias, unpack_kernel_and_bias};
pub use posterior::{
    make_kernel_bias_posterior_mvn_diag, make_kernel_bias_posterior_mvn_diag_with_scale,
};
pub use prior::{make_kernel_bias_prior_scale_mixture, make_kernel_bias_prior_spike_and_slab};
pub use shapes::{flatten_rightmost, halflife_decay};
pub use spec::{KernelBiasSpec, OtherWeight};
pub use weight_spec::WeightSpec;

pub use tfn_distributions as distributions;
pub use tfn_module as module;
pub use tfn_tensor as tensor;
