#![doc = include_str!("../README.md")]

// The derive names this crate by its own name, in here too.
extern crate self as tfn_module;

pub mod checkpoint;
mod copy;
mod copy_impls;
pub mod describe;
mod error;
mod freeze;
mod module;
mod name;
mod open_trait;
mod scope;
mod summary;
mod swappable;

pub use checkpoint::{load, load_npz, read_metadata, save, save_npz, save_with};
pub use copy::{Copies, CopyArc, DeepCopy, deep_copy};
pub use error::{ModuleError, Result};
pub use freeze::{freeze, unfreeze};
pub use module::{Module, Properties, Property, find, named_submodules, named_variables};
pub use name::{layer_name, module_name, snake_case};
pub use scope::NameScope;
pub use swappable::Swappable;
pub use tfn_module_derive::Module;
pub use tfn_tensor::{DType, Tensor, TensorError, Variable, VariableId};
