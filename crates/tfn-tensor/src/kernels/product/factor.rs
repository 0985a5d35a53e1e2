//! What a product is of: factors as they lie in memory.

use std::ops::Range;

/// A factor as it lies in memory.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a, E> {
    pub(super) data: &'a [E],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
    pub(super) squared: bool,
}

impl<'a, E> Factor<'a, E> {
    /// A row-major factor of `rows` and `columns`.
    pub(crate) fn new(data: &'a [E], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "entries of a factor of {rows} x {columns}");
        Self { data, rows, columns, row_stride: columns, column_stride: 1, squared: false }
    }

    /// The transpose, read from the same memory.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Some of the columns.
    pub(crate) fn columns(self, columns: Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= self.columns, "columns of a factor");
        let first = (columns.start * self.column_stride).min(self.data.len());
        Self { data: &self.data[first..], columns: columns.len(), ..self }
    }

    /// The square of each entry, taken on the way.
    pub(crate) fn squared(self) -> Self {
        Self { squared: true, ..self }
    }
}

/// A product `[m, n] = [m, k] · [k, n]`; with a weight `w` of `[m, n]` it is `2w∘(a·b)`, the form of the
/// gradients of a variance.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a, E> {
    pub(crate) a: Factor<'a, E>,
    pub(crate) b: Factor<'a, E>,
    pub(crate) weight: Option<&'a [E]>,
}

impl<E> Product<'_, E> {
    /// Whether the transpose is computed: where that spares packing a large right factor entry by entry.
    pub(super) fn is_flipped(&self) -> bool {
        self.b.column_stride != 1 && self.a.column_stride == 1
    }
}
