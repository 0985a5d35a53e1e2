//! The output of a product, which tasks write to at the same time.

// Tasks write to rectangles of one output, whose rows lie apart in memory: no safe slice holds one.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

/// A rectangle of the output.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// The output, shared by tasks that write to different rectangles of it.
#[derive(Clone, Copy)]
pub(super) struct Output<'a, E> {
    start: *mut E,
    /// The rows that are there, the entries of each that may be written, and the distance of one row to the next.
    first: usize,
    rows: usize,
    columns: usize,
    stride: usize,
    borrow: PhantomData<&'a mut [E]>,
}

// SAFETY: it hands out rows of rectangles, and no two tasks are given overlapping ones.
unsafe impl<E: Send> Send for Output<'_, E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Output<'_, E> {}

impl<'a, E> Output<'a, E> {
    pub(super) fn new(out: &'a mut [E], columns: usize) -> Self {
        Self::of_rows(out, columns, 0)
    }

    /// The rows from `first` on of an output.
    pub(super) fn of_rows(out: &'a mut [E], columns: usize, first: usize) -> Self {
        let (start, rows) = (out.as_mut_ptr(), out.len() / columns.max(1));
        Self { start, first, rows, columns, stride: columns, borrow: PhantomData }
    }

    /// Some columns of an output whose rows have `width`.
    pub(super) fn of_columns(out: &'a mut [E], width: usize, columns: Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= width);
        let rows = out.len() / width.max(1);
        let first = columns.start.min(out.len());
        let start = out[first..].as_mut_ptr();
        Self { start, first: 0, rows, columns: columns.len(), stride: width, borrow: PhantomData }
    }

    /// Length of a row.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Some columns of a row, of a rectangle that the caller's task alone writes to.
    #[inline(always)]
    pub(super) fn row(&self, row: usize, columns: Range<usize>) -> &'a mut [E] {
        let row = row - self.first;
        assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.columns);
        // SAFETY: the entries lie inside of the output by the assertion; rectangles of tasks that run at the
        // same time do not overlap (`Product::write`), and a task uses one row at a time.
        unsafe {
            let start = self.start.add(row * self.stride + columns.start);
            std::slice::from_raw_parts_mut(start, columns.len())
        }
    }
}
