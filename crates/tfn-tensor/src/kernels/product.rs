//! Matrix products.

// The product of the crate `gemm` takes pointers and strides. Here they are made from slices whose
// lengths have been compared with the sizes, and every task writes to a part of the output that no
// other has.
#![allow(unsafe_code)]

use std::cell::Cell;

use gemm::Parallelism;
use rayon::prelude::*;

use super::Accumulate;
use crate::Element;

/// Multiplications that are worth a task of their own.
const TASK: usize = 3 << 19;
/// Tasks of a product at most.
const TASKS: usize = 16;
/// Columns and rows of a task: at least the first number, and a multiple of the second.
const COLUMNS: (usize, usize) = (48, 24);
const ROWS: (usize, usize) = (96, 16);

thread_local! {
    static PRODUCTS: Cell<u64> = const { Cell::new(0) };
}

/// How many products this thread has asked for.
#[cfg(test)]
pub(crate) fn product_count() -> u64 {
    PRODUCTS.get()
}

/// A factor as it lies in memory.
#[derive(Clone, Copy)]
struct Factor<'a, E> {
    data: &'a [E],
    row_stride: usize,
    column_stride: usize,
}

impl<'a, E> Factor<'a, E> {
    /// A row-major factor of `rows` and `columns`, or one whose transpose lies row-major.
    fn new(data: &'a [E], rows: usize, columns: usize, transposed: bool) -> Self {
        assert_eq!(data.len(), rows * columns, "entries of a factor of {rows} x {columns}");
        let (row_stride, column_stride) = if transposed { (1, rows) } else { (columns, 1) };
        Self { data, row_stride, column_stride }
    }
}

/// The start of the output, shared by tasks that write to different parts of it.
#[derive(Clone, Copy)]
struct Output<E>(*mut E);

// SAFETY: a task is given a rectangle of the output, and no two rectangles overlap.
unsafe impl<E: Send> Send for Output<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Output<E> {}

/// A product `[m, n] = [m, k] · [k, n]`.
#[derive(Clone, Copy)]
struct Product<'a, E> {
    m: usize,
    n: usize,
    k: usize,
    a: Factor<'a, E>,
    b: Factor<'a, E>,
    accumulate: Accumulate,
}

/// A rectangle of the output: its first row and column, and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
}

impl<E: Element> Product<'_, E> {
    /// Computes one part, on this thread.
    ///
    /// # Safety
    ///
    /// `out` points to `m · n` entries, the part lies inside of `[m, n]`, is not empty, and nobody
    /// else reads or writes it meanwhile.
    unsafe fn run(&self, out: Output<E>, part: Part) {
        let Self { n, k, a, b, accumulate, .. } = *self;
        let a_start = &a.data[part.row * a.row_stride..];
        let b_start = &b.data[part.column * b.column_stride..];
        // SAFETY: the factors have `m · k` and `k · n` entries (checked in `Factor::new`), so every
        // entry of the rows and columns of the part lies in them; the output is the caller's word.
        unsafe {
            gemm::gemm(
                part.rows,
                part.columns,
                k,
                out.0.add(part.row * n + part.column),
                1,
                n as isize,
                accumulate == Accumulate::Add,
                a_start.as_ptr(),
                a.column_stride as isize,
                a.row_stride as isize,
                b_start.as_ptr(),
                b.column_stride as isize,
                b.row_stride as isize,
                E::one(),
                E::one(),
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }

    /// Rows and columns of a task: a function of the sizes alone, so that the bits do not depend on
    /// the threads.
    fn task(&self) -> (usize, usize) {
        let tasks = (self.m * self.n * self.k / TASK).clamp(1, TASKS);
        let share = |size: usize, (least, unit): (usize, usize)| {
            size.div_ceil(tasks).max(least).next_multiple_of(unit)
        };
        if tasks == 1 {
            (self.m, self.n)
        } else if self.n >= self.m {
            (self.m, share(self.n, COLUMNS))
        } else {
            (share(self.m, ROWS), self.n)
        }
    }
}

/// `out[m, n]` ← or += op(a)[m, k] · op(b)[k, n], all row-major. A transposed factor is stored as
/// `[k, m]` or `[n, k]` and read along its columns.
#[allow(clippy::too_many_arguments)]
pub(crate) fn gemm<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    m: usize,
    n: usize,
    k: usize,
    a: &[E],
    a_transposed: bool,
    b: &[E],
    b_transposed: bool,
) {
    PRODUCTS.set(PRODUCTS.get() + 1);
    assert_eq!(out.len(), m * n, "entries of a product of {m} x {n}");
    let a = Factor::new(a, m, k, a_transposed);
    let b = Factor::new(b, k, n, b_transposed);
    if m * n == 0 {
        return;
    }
    if k == 0 {
        return if accumulate == Accumulate::Set {
            out.fill(E::zero())
        };
    }
    let product = Product { m, n, k, a, b, accumulate };
    let (rows, columns) = product.task();
    let across = n.div_ceil(columns);
    let part = |index: usize| {
        let (row, column) = (index / across * rows, index % across * columns);
        Part { row, column, rows: rows.min(m - row), columns: columns.min(n - column) }
    };
    let parts = m.div_ceil(rows) * across;
    let target = Output(out.as_mut_ptr());
    // SAFETY: the parts tile the output, which this function holds alone.
    let run = |index: usize| unsafe { product.run(target, part(index)) };
    if parts == 1 || rayon::current_num_threads() == 1 {
        (0..parts).for_each(run);
    } else {
        (0..parts).into_par_iter().with_max_len(1).for_each(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, so that every order of summation gives the same.
    fn factor<E: Element>(len: usize, modulus: usize) -> Vec<E> {
        (0..len).map(|i| E::from_f64(((i * 7 + i / 5) % modulus) as f64 - 3.0)).collect()
    }

    fn naive<E: Element>(product: &Product<'_, E>) -> Vec<E> {
        let Product { m, n, k, a, b, .. } = *product;
        let entry = |i: usize, j: usize| {
            let term = |l: usize| {
                a.data[i * a.row_stride + l * a.column_stride]
                    * b.data[l * b.row_stride + j * b.column_stride]
            };
            (0..k).map(term).fold(E::zero(), |sum, term| sum + term)
        };
        (0..m * n).map(|index| entry(index / n, index % n)).collect()
    }

    fn check<E: Element>(m: usize, n: usize, k: usize) {
        let (a, b) = (factor::<E>(m * k, 11), factor::<E>(k * n, 13));
        for (a_transposed, b_transposed) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let product = Product {
                m,
                n,
                k,
                a: Factor::new(&a, m, k, a_transposed),
                b: Factor::new(&b, k, n, b_transposed),
                accumulate: Accumulate::Set,
            };
            let exact = naive(&product);
            let mut out = vec![E::nan(); m * n];
            let set = Accumulate::Set;
            gemm(&mut out, set, m, n, k, &a, a_transposed, &b, b_transposed);
            assert_eq!(out, exact, "{m} {n} {k} {a_transposed} {b_transposed}");
            let add = Accumulate::Add;
            gemm(&mut out, add, m, n, k, &a, a_transposed, &b, b_transposed);
            let twice: Vec<E> = exact.iter().map(|&x| x + x).collect();
            assert_eq!(out, twice, "{m} {n} {k} {a_transposed} {b_transposed}, added");
        }
    }

    #[test]
    fn agrees_with_the_definition_for_all_transpositions_and_odd_sizes() {
        let sizes = [(1, 1, 1), (1, 7, 5), (3, 1, 9), (5, 4, 1), (17, 33, 29), (1, 301, 784)];
        for (m, n, k) in sizes.into_iter().chain([(64, 64, 64), (250, 131, 101), (131, 307, 99)]) {
            check::<f32>(m, n, k);
            check::<f64>(m, n, k);
        }
    }

    #[test]
    fn empty_sizes_give_zeros_or_nothing() {
        let mut out = [f64::NAN; 6];
        gemm(&mut out, Accumulate::Set, 2, 3, 0, &[], false, &[], false);
        assert_eq!(out, [0.0; 6]);
        out = [4.0; 6];
        gemm(&mut out, Accumulate::Add, 2, 3, 0, &[], false, &[], true);
        assert_eq!(out, [4.0; 6]);
        gemm::<f32>(&mut [], Accumulate::Set, 0, 3, 2, &[], false, &[0.0; 6], false);
        gemm::<f32>(&mut [], Accumulate::Set, 3, 0, 2, &[0.0; 6], false, &[], false);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        for (m, n, k) in [(128, 300, 784), (784, 300, 40), (33, 1200, 257)] {
            let a: Vec<f32> = (0..m * k).map(|i| (i as f32).sin()).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.7).cos()).collect();
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![0.0; m * n];
                let set = Accumulate::Set;
                pool.install(|| gemm(&mut out, set, m, n, k, &a, false, &b, false));
                out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let one = on(1);
            assert_eq!(one, on(2));
            assert_eq!(one, on(3));
        }
    }

    #[test]
    fn products_are_counted_for_the_thread_that_asks() {
        let before = product_count();
        let mut out = vec![0.0_f32; 512 * 512];
        let factor = vec![1.0; 512 * 16];
        gemm(&mut out, Accumulate::Set, 512, 512, 16, &factor, false, &factor, true);
        assert_eq!(product_count(), before + 1);
        let elsewhere = std::thread::spawn(product_count).join().unwrap();
        assert_eq!(elsewhere, 0);
    }
}
