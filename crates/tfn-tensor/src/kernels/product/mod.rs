//! Matrix products.
//!
//! The classical scheme: the right factor is packed into panels as wide as a register tile, the left one is
//! read where it lies or packed too, and a tile of the output stays in registers while a block of the inner
//! dimension goes by. Blocks of the inner dimension depend on its size alone, so an entry has the same bits
//! however the output is cut among threads.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | how products are cut into tasks |
//! | [`factor`] | factors and products |
//! | [`output`] | the output, shared by tasks, and its rectangles |
//! | [`part`] | one rectangle: blocks of the factors, tile by tile |
//! | [`kernel`] | the steps that are compiled for each instruction set |
//! | [`pack`] | the factors as tiles read them |
//! | [`tile`] | one register tile |
//! | [`rows`] | products of very few rows, which memory bounds |
//!
//! Reference: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".

mod factor;
mod kernel;
mod output;
mod pack;
mod part;
mod rows;
mod tile;

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

pub(crate) use factor::{Factor, Product};

use super::Accumulate;
use crate::dtype::Element;
use output::{Output, Part};

/// Multiplications that are worth a task of their own.
const TASK: usize = 3 << 19;
/// Multiplications below which waking other threads takes longer than the work.
const PARALLEL: usize = 1 << 16;
/// Tasks of a product at most.
const TASKS: usize = 8;
/// A task's columns are a multiple of this, the widest tile of any instruction set.
const COLUMNS: usize = 32;
/// Rows of a task at least, where rows are what is cut: each task packs the whole right factor.
const ROWS: usize = 192;
/// Columns of a task of few rows at least.
const PIECE: usize = 320;
/// Rows up to which a product is one of few rows.
const FEW: usize = 3;

thread_local! {
    static PRODUCTS: Cell<u64> = const { Cell::new(0) };
}

/// Counts a product that is made block by block.
pub(crate) fn count_product() {
    PRODUCTS.set(PRODUCTS.get() + 1);
}

/// How many products this thread has asked for.
#[cfg(test)]
pub(crate) fn product_count() -> u64 {
    PRODUCTS.get()
}

/// An output cut into rectangles of one size, but for the last ones.
struct Parts {
    rows: usize,
    columns: usize,
    height: usize,
    width: usize,
    count: usize,
}

impl Parts {
    fn get(&self, index: usize) -> Part {
        let across = self.columns.div_ceil(self.width);
        let (row, column) = (index / across * self.height, index % across * self.width);
        Part {
            rows: row..self.rows.min(row + self.height),
            columns: column..self.columns.min(column + self.width),
        }
    }
}

/// Runs the tasks from 0 to `count`, of so many multiplications together; on several threads if that pays.
fn in_tasks(count: usize, work: usize, run: &(dyn Fn(usize) + Sync)) {
    if count <= 1 || work < PARALLEL || rayon::current_num_threads() == 1 {
        (0..count).for_each(run);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(run);
    }
}

impl<E: Element> Product<'_, E> {
    fn check(&self) {
        assert_eq!(self.a.columns, self.b.rows, "inner sizes of a product");
        if let Some(weight) = self.weight {
            assert_eq!(weight.len(), self.a.rows * self.b.columns, "entries of a product's weight");
        }
    }

    /// `out` ← or += the product, on several threads.
    pub(crate) fn write(&self, out: &mut [E], accumulate: Accumulate) {
        Self::write_each([(*self, out, accumulate)]);
    }

    /// Each product into an output of its own, all at once.
    pub(crate) fn write_each<const N: usize>(jobs: [(Self, &mut [E], Accumulate); N]) {
        let jobs = jobs.map(|(product, out, accumulate)| {
            let parts = product.parts(out.len());
            (product, Output::new(out, product.b.columns), parts, accumulate)
        });
        let total = jobs.iter().map(|(_, _, parts, _)| parts.count).sum();
        let work = jobs.iter().map(|(product, ..)| product.work()).sum();
        in_tasks(total, work, &|mut index| {
            for (product, out, parts, accumulate) in &jobs {
                if index < parts.count {
                    return product.run(*out, parts.get(index), *accumulate);
                }
                index -= parts.count;
            }
        });
    }

    /// The sum of products of one shape into one output.
    pub(crate) fn write_sum<const N: usize>(
        products: [Self; N],
        out: &mut [E],
        accumulate: Accumulate,
    ) {
        let all = products.each_ref().map(|product| product.parts(out.len()));
        let Some(parts) = all.first() else { return };
        let target = Output::new(out, parts.columns);
        in_tasks(parts.count, N * products[0].work(), &|index| {
            let mut accumulate = accumulate;
            for product in &products {
                product.run(target, parts.get(index), accumulate);
                accumulate = Accumulate::Add;
            }
        });
    }

    /// How the output, of `len` entries, is cut.
    fn parts(&self, len: usize) -> Parts {
        count_product();
        self.check();
        let (m, n) = (self.a.rows, self.b.columns);
        assert_eq!(len, m * n, "entries of a product of {m} x {n}");
        let [height, width] = if len == 0 { [1, 1] } else { <[usize; 2]>::from(self.task()) };
        let count = if len == 0 { 0 } else { m.div_ceil(height) * n.div_ceil(width) };
        Parts { rows: m, columns: n, height, width, count }
    }

    /// `out` ← or += some rows of the product, on this thread, with the bits that [`write`](Self::write) gives.
    pub(crate) fn write_rows(&self, rows: Range<usize>, out: &mut [E], accumulate: Accumulate) {
        self.check();
        let (m, n) = (self.a.rows, self.b.columns);
        assert!(rows.start <= rows.end && rows.end <= m, "rows of a product of {m} x {n}");
        assert_eq!(out.len(), rows.len() * n, "entries of {} rows of {n}", rows.len());
        if !out.is_empty() {
            let target = Output::of_rows(out, n, rows.start);
            self.run(target, Part { rows, columns: 0..n }, accumulate);
        }
    }

    /// Some columns of `out`, of rows of `width`, ← or += the product, on this thread.
    pub(crate) fn write_columns(
        &self,
        out: &mut [E],
        columns: Range<usize>,
        width: usize,
        accumulate: Accumulate,
    ) {
        self.check();
        let (m, n) = (self.a.rows, self.b.columns);
        assert_eq!(columns.len(), n, "columns of a product of {m} x {n}");
        assert_eq!(out.len(), m * width, "entries of {m} rows of {width}");
        if m * n > 0 {
            let target = Output::of_columns(out, width, columns);
            self.run(target, Part { rows: 0..m, columns: 0..n }, accumulate);
        }
    }

    /// Computes one part on this thread. Parts that run at the same time do not overlap.
    fn run(&self, out: Output<'_, E>, part: Part, accumulate: Accumulate) {
        if self.a.columns == 0 {
            if accumulate == Accumulate::Set {
                part.rows.for_each(|row| out.row(row, part.columns.clone()).fill(E::zero()));
            }
        } else if self.a.rows <= FEW && self.b.column_stride == 1 && self.weight.is_none() {
            rows::run(self, out, &part, accumulate);
        } else {
            part::run(self, out, &part, accumulate);
        }
    }

    /// Its multiplications, four times as many where memory bounds it, as each of them then takes longer.
    fn work(&self) -> usize {
        let multiplications = self.a.rows * self.a.columns * self.b.columns;
        if self.a.rows <= FEW { 4 * multiplications } else { multiplications }
    }

    /// Rows and columns of a task: a function of the sizes alone.
    fn task(&self) -> (usize, usize) {
        let (m, n, k) = (self.a.rows, self.b.columns, self.a.columns);
        let tasks = (m * n * k / TASK).clamp(1, TASKS);
        if m <= FEW {
            // Long pieces of rows: shorter ones are fetched as slowly as if they lay apart.
            let tasks = (m * n * k / (1 << 16)).clamp(1, n.div_ceil(PIECE).min(4));
            (m, n.div_ceil(tasks).next_multiple_of(COLUMNS))
        } else if tasks == 1 {
            (m, n)
        } else if self.is_flipped() && m >= 8 * COLUMNS {
            (m.div_ceil(tasks).next_multiple_of(COLUMNS), n)
        } else if n >= m || m < 2 * ROWS {
            (m, n.div_ceil(tasks).next_multiple_of(COLUMNS))
        } else {
            (m.div_ceil(tasks).max(ROWS), n)
        }
    }
}

#[cfg(test)]
mod tests;
