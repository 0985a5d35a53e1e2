#![doc = include_str!("../README.md")]

mod buffer;
mod dtype;
mod error;
mod gradients;
mod gradients_of;
mod interop;
mod kernels;
mod lanes;
mod math;
mod memory;
mod ops;
mod pool;
pub mod random;
mod shape;
mod storage;
mod tensor;
pub mod testing;
mod variable;
mod variable_id;
mod window;

pub use dtype::{DType, Element};
pub use error::{Result, TensorError};
pub use gradients::Gradients;
pub use kernels::Accumulate;
pub use memory::checked_len;
pub use ops::entrywise::{Entrywise, entrywise};
pub use ops::pointwise::{Pointwise, pointwise};
pub use random::{Key, Stream};
pub use shape::broadcast_shapes;
pub use tensor::{Tensor, Vjp, VjpContext, WeakTensor, apply};
pub use variable::Variable;
pub use variable_id::VariableId;
pub use window::{Window, WindowAxis};
