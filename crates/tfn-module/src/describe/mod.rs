//! Files that describe the objects in them, so that these come back without the code that made them.
//!
//! A [`Registry`] knows types by name; a type says by [`Describe`] which fields it has; a [`FileWriter`] writes objects
//! with all that is in them into a safetensors file, and a [`FileReader`] makes them anew: the same values to the last
//! bit, variables and `Arc`s that stand in several places still shared.
//!
//! # The file
//! One tensor a variable or constant tensor. The metadata entry `tfn` of a [checkpoint](crate::checkpoint) has
//! `description` beside `names` and `user`:
//!
//! | entry | what |
//! |---|---|
//! | `version`, `crate` | of the description, and of the crate that wrote it |
//! | `objects` | each with its `class`, the `path` where it was met, the `name` of a module (these two for people), and its `fields`; a field that is an object names one *before* it, `{"object": 3}`: there is no ring, and reading needs no recursion |
//! | `variables` | each with its `name`, `tensor` and whether it is `trainable`; fields name them `{"variable": 0}` |
//! | `modules` | the objects that were added, by name |
//!
//! Numbers are JSON's to the last bit; a constant tensor is `{"tensor": "name"}`, and each is named once.

mod contract;
mod extent;
mod fields;
mod file;
mod loading;
mod macros;
mod registry;
mod saving;
mod tensors;

pub use crate::error::DescribeError;
pub use contract::{
    Added, AnyError, Data, Describe, Description, Field, FunctionId, Loader, Reader, Registry,
    Result, Saver, SharedField,
};
pub use file::{FileReader, FileWriter};

use crate::error::ModuleError;

/// The error of an object, with its path and class, unless it says where it is itself.
fn refused(path: &str, class: &str, source: AnyError) -> DescribeError {
    let source = match source.downcast::<DescribeError>() {
        Ok(ours) => return *ours,
        Err(source) => source,
    };
    match source.downcast::<ModuleError>().map(|error| *error) {
        Ok(ModuleError::Describe(ours)) => *ours,
        Ok(other) => {
            DescribeError::Refused { path: path.into(), class: class.into(), source: other.into() }
        }
        Err(source) => DescribeError::Refused { path: path.into(), class: class.into(), source },
    }
}
