//! The types of numbers, which name each other: rows hold numbers, and lazy data may know its rows.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock, Weak};

use crate::buffer::Buffer;
use crate::dtype::Element;
use crate::kernels::Accumulate;

/// A result that is not computed yet: how to compute any block of it.
pub(crate) struct LazyData<E: Element> {
    /// A block begins at a multiple of this many entries and holds a multiple of it: a row for what is
    /// computed by rows, 1 for what is computed entry by entry.
    pub(crate) unit: usize,
    pub(crate) write: WriteBlock<E>,
    /// The sum of all entries, where that takes less than to write and add them.
    pub(crate) total: Option<Total<E>>,
    /// The number that all entries are, if they are one.
    pub(crate) same: Option<E>,
    /// The rows besides which all entries are zero, if they are known.
    pub(crate) rows: Option<Arc<Rows<E>>>,
}

/// Adds all entries, on several threads, with bits that do not depend on their number.
pub(crate) type Total<E> = Box<dyn Fn() -> E + Send + Sync>;

/// Writes the entries from a first one on into a slice, over what is there or added to it; on the calling
/// thread, with bits that do not depend on how the result is cut.
pub(super) type WriteBlock<E> = Box<dyn Fn(usize, &mut [E], Accumulate) + Send + Sync>;

/// Numbers of one type.
pub(crate) struct Data<E: Element> {
    pub(super) len: usize,
    pub(super) ready: OnceLock<Buffer<E>>,
    pub(super) lazy: Option<LazyData<E>>,
}

/// Their place, which does not keep them.
#[derive(Clone)]
pub(crate) enum WeakStorage {
    F32(Weak<Data<f32>>),
    F64(Weak<Data<f64>>),
}

/// Shared numbers of either element type.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    F32(Arc<Data<f32>>),
    F64(Arc<Data<f64>>),
}

/// Some rows of a table all of whose others are zero, as they came: the gradient of what was looked up.
///
/// They are sorted, and those of one index added, when they are first wanted; the table itself is never made.
pub(crate) struct Rows<E: Element> {
    /// Entries of a row; at least one.
    pub(super) width: usize,
    /// Indices, and a row for each of them.
    pub(super) parts: Vec<(Arc<[usize]>, Storage)>,
    pub(super) sums: OnceLock<(Vec<usize>, Storage)>,
    pub(super) entries: PhantomData<E>,
}
