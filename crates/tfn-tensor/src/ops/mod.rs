//! Operations: one file a family of them, each with its forward pass, checks and backward pass.

mod affine_local;
mod arithmetic;
mod binary;
mod cast;
mod compare;
mod convolution;
mod convolution_local;
mod cummax;
mod cumsum;
pub(crate) mod entrywise;
mod fused;
mod index;
mod local_moments;
mod matmul;
mod narrow;
mod normal;
mod normal_mixture;
mod pad;
mod permute;
pub(crate) mod pointwise;
mod pool;
mod reduce;
mod shape;
mod softmax;
mod triangular;
mod unary;
mod weight_gradient;
