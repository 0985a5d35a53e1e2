//! The tensor, how it remembers its making, and the walk back.
//!
//! A tracked tensor holds an [`Edge`]: a node and which of its outputs the tensor is. A node holds the
//! edges of its inputs (not their entries) and the vector-Jacobian product of its operation, which
//! keeps only what it reads. There is no tape, no lock and no global state: a graph lives as long as a
//! tensor that leads to it.
//!
//! Tensor, node and backward pass name each other, so all types are declared in one file, and what each of them does is
//! written in files above it.
//!
//! | file | what it holds |
//! |---|---|
//! | [`types`] | the types |
//! | [`array`] | entries (there or lazy) and errors, as this crate sees them |
//! | [`values`] | how values go in and come out |
//! | [`nodes`] | what is known of a node by itself |
//! | [`mod@apply`] | how operations are written into the graph |
//! | [`slots`] | the queue of a walk back |
//! | [`context`] | what a backward pass can ask for |
//! | [`mod@backward`] | the walk itself |
//! | [`weak`] | places of numbers that do not keep them |

mod apply;
mod array;
mod backward;
mod context;
mod nodes;
mod slots;
mod types;
mod values;
mod weak;

pub use apply::apply;
pub(crate) use apply::apply_one;
pub(crate) use backward::{Found, backward};
pub(crate) use types::{Array, Edge, Input, Node};
pub use types::{Tensor, Vjp, VjpContext};
pub use weak::WeakTensor;
