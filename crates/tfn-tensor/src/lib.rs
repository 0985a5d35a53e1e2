#![doc = include_str!("../README.md")]

mod buffer;
mod dtype;
mod error;
mod gradients;
mod graph;
mod interop;
mod kernels;
mod ops;
pub mod passes {
    //! Passes over slices in place, for optimizers: vectorised for the machine at hand, on several threads,
    //! with the same bits for any number of them.
    //!
    //! A function of more than a few operations is written as a closure with `#[inline(always)]`, or the
    //! compiler may leave it out of the vectorised loop.

    pub use crate::kernels::{update1, update2, update3};
}
pub mod random;
mod shape;
mod tensor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod variable;

pub use dtype::{DType, Element};
pub use error::{Result, TensorError};
pub use gradients::Gradients;
pub use graph::{Vjp, VjpContext, apply};
pub use kernels::Accumulate;
pub use random::{Key, Stream};
pub use shape::broadcast_shapes;
pub use tensor::Tensor;
pub use variable::{Variable, VariableId};
