//! A module, what it hands over when it is asked for its attributes, and the walk over a tree of modules.
//!
//! The types name each other in a ring (a module fills [`Properties`], these hold [`Property`] objects, and a module is
//! one), so all of them are declared in one file, and the code of each is in a file above it.

mod contract;
mod properties;
mod property;
mod walk;

pub use contract::{Module, Properties, Property};
pub use walk::{find, named_submodules, named_variables};
