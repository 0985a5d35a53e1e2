//! The numbers of a tensor: there already, or made block by block when they are wanted.
//!
//! Some results are read once, by a loop that walks over them in blocks: the terms of a sum, a gradient on
//! its way into an optimizer. Such a result is kept as a [`LazyData`], and its reader lets it write the block
//! at hand into a small buffer. Whoever asks for the numbers themselves gets them all computed, once.

mod data;
mod rows;
mod shared;
mod types;

pub(crate) use data::LAZY;
pub(crate) use types::{Data, LazyData, Rows, Storage, Total, WeakStorage};
