//! Sums over axes.

use pulp::{Simd, WithSimd};

use super::Accumulate;
use super::arch::arch;
use super::map::add_assign;
use super::parallel::{BLOCK, in_chunks, in_parallel};
use super::reduce::{sum_in_f64, sum_row};
use crate::dtype::Element;

/// Columns from which on a large matrix is summed in blocks of columns rather than of rows, and
/// the columns of such a block.
const WIDE: usize = 1024;
/// Adds the first rows of `x`, which begin `stride` entries apart, to `totals`.
#[inline(always)]
fn add_rows<E: Element>(totals: &mut [f64], x: &[E], rows: usize, stride: usize) {
    for row in 0..rows {
        for (total, &x) in totals.iter_mut().zip(&x[row * stride..]) {
            *total += Element::to_f64(x);
        }
    }
}

/// Sums over the middle of `[outer, n, inner]`.
#[inline(always)]
pub(super) fn totals<E: Element>(out: &mut [f64], x: &[E], n: usize, inner: usize) {
    if inner > 1 {
        out.fill(0.0);
        for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(n * inner)) {
            add_rows(out, x, n, inner);
        }
        return;
    }
    for (out, row) in out.iter_mut().zip(x.chunks_exact(n)) {
        *out = sum_row(row);
    }
}

/// [`totals`] as a loop of its own.
struct Totals<'a, E> {
    out: &'a mut [f64],
    x: &'a [E],
    size: (usize, usize),
}

impl<E: Element> WithSimd for Totals<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        totals(self.out, self.x, self.size.0, self.size.1);
    }
}

/// [`add_rows`] as a loop of its own.
struct Rows<'a, E> {
    totals: &'a mut [f64],
    x: &'a [E],
    size: (usize, usize),
}

impl<E: Element> WithSimd for Rows<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        add_rows(self.totals, self.x, self.size.0, self.size.1);
    }
}

fn store<E: Element>(out: &mut [E], accumulate: Accumulate, values: &[f64]) {
    for (out, &value) in out.iter_mut().zip(values) {
        let value = E::from_f64(value);
        *out = if accumulate == Accumulate::Add { *out + value } else { value };
    }
}

/// Sums of the columns of one large matrix with rows of `inner` entries.
fn sum_columns<E: Element>(out: &mut [E], accumulate: Accumulate, x: &[E], inner: usize) {
    let (arch, parallel) = (arch(), in_parallel(x.len()));
    if inner >= WIDE {
        return in_chunks(out, WIDE, parallel, &|block, out| {
            let mut totals = vec![0.0; out.len()];
            let (x, size) = (&x[block * WIDE..], (x.len() / inner, inner));
            arch.dispatch(Rows { totals: &mut totals, x, size });
            store(out, accumulate, &totals);
        });
    }
    let block = BLOCK / inner;
    let mut partials = vec![0.0; (x.len() / inner).div_ceil(block) * inner];
    in_chunks(&mut partials, inner, parallel, &|index, totals| {
        let x = &x[index * block * inner..];
        let rows = block.min(x.len() / inner);
        arch.dispatch(Rows { totals, x, size: (rows, inner) });
    });
    let mut totals = vec![0.0; inner];
    for partial in partials.chunks_exact(inner) {
        for (total, partial) in totals.iter_mut().zip(partial) {
            *total += partial;
        }
    }
    store(out, accumulate, &totals);
}

/// `out[outer, inner]` ← or += sums over the middle of `[outer, n, inner]`.
fn sum_middle<E: Element>(out: &mut [E], accumulate: Accumulate, x: &[E], n: usize, inner: usize) {
    let one = n * inner;
    if one == 0 {
        return store(out, accumulate, &vec![0.0; out.len()]);
    }
    if one > BLOCK {
        for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(one)) {
            match inner {
                1 => store(out, accumulate, &[sum_in_f64([x], &|[x]| x)]),
                _ => sum_columns(out, accumulate, x, inner),
            }
        }
        return;
    }
    let arch = arch();
    let outer = BLOCK / one;
    in_chunks(out, outer * inner, in_parallel(x.len()), &|group, out| {
        let mut totals = vec![0.0; out.len()];
        let x = &x[group * outer * one..][..out.len() * n];
        arch.dispatch(Totals { out: &mut totals, x, size: (n, inner) });
        store(out, accumulate, &totals);
    });
}

/// `out` ← or += Σ x over the axes that `reduce` marks; `out` has size 1 along them.
pub(crate) fn sum_axes<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    shape: &[usize],
    reduce: &[bool],
) {
    if x.is_empty() {
        if accumulate == Accumulate::Set {
            out.fill(E::zero());
        }
        return;
    }
    // Runs of neighbouring axes that are all summed or all kept.
    let mut runs: Vec<(usize, bool)> = Vec::new();
    for (&size, &reduced) in shape.iter().zip(reduce) {
        match runs.last_mut() {
            _ if size == 1 => {}
            Some((run, kind)) if *kind == reduced => *run *= size,
            _ => runs.push((size, reduced)),
        }
    }
    sum_runs(out, accumulate, x, &mut runs);
}

fn sum_runs<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    runs: &mut Vec<(usize, bool)>,
) {
    let Some(last) = runs.iter().rposition(|&(_, reduced)| reduced) else {
        match accumulate {
            Accumulate::Set => out.copy_from_slice(x),
            Accumulate::Add => add_assign(out, x),
        }
        return;
    };
    let inner = runs[last + 1..].iter().map(|&(size, _)| size).product();
    let (reduced, _) = runs.remove(last);
    if runs.iter().all(|&(_, reduced)| !reduced) {
        return sum_middle(out, accumulate, x, reduced, inner);
    }
    // Summed runs with a kept one between them: the last goes first, and leaves less to do.
    let mut sums = vec![E::zero(); runs.iter().map(|&(size, _)| size).product()];
    sum_middle(&mut sums, Accumulate::Set, x, reduced, inner);
    sum_runs(out, accumulate, &sums, runs);
}

/// `out` ← or += x summed over the axes along which `to_shape` was broadcast to `x_shape`.
pub(crate) fn unbroadcast<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    x_shape: &[usize],
    to_shape: &[usize],
) {
    let missing = x_shape.len() - to_shape.len();
    let reduce: Vec<bool> = (0..x_shape.len())
        .map(|axis| axis < missing || to_shape[axis - missing] != x_shape[axis])
        .collect();
    sum_axes(out, accumulate, x, x_shape, &reduce);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, so that every order of summation gives the same.
    fn check(shape: &[usize], reduce: &[bool]) {
        let len: usize = shape.iter().product();
        let x: Vec<f32> = (0..len).map(|i| (i % 19) as f32 - 7.0).collect();
        let kept: Vec<usize> =
            shape.iter().zip(reduce).map(|(&n, &reduced)| if reduced { 1 } else { n }).collect();
        let mut exact = vec![0.0_f32; kept.iter().product()];
        for (index, x) in x.iter().enumerate() {
            let (mut index, mut place, mut count) = (index, 0, 1);
            for (size, kept) in shape.iter().zip(&kept).rev() {
                place += index % size * count * usize::from(kept == size && *kept > 1);
                index /= size;
                count *= kept;
            }
            exact[place] += x;
        }
        let mut out = vec![f32::NAN; exact.len()];
        sum_axes(&mut out, Accumulate::Set, &x, shape, reduce);
        assert_eq!(out, exact, "{shape:?} {reduce:?}");
        unbroadcast(&mut out, Accumulate::Add, &x, shape, &kept);
        let twice: Vec<f32> = exact.iter().map(|x| x + x).collect();
        assert_eq!(out, twice, "{shape:?} to {kept:?}, added");
    }

    #[test]
    fn agrees_with_the_definition_for_all_sets_of_axes() {
        for shape in [&[2, 3, 5, 7][..], &[1, 4, 1, 6], &[70, 5], &[3, 90], &[4, 0, 3], &[6], &[]] {
            for mask in 0..1_u32 << shape.len() {
                let reduce: Vec<bool> =
                    (0..shape.len()).map(|axis| mask >> axis & 1 == 1).collect();
                check(shape, &reduce);
            }
        }
    }

    #[test]
    fn large_sums_are_split_without_a_seam() {
        for shape in [[2, 20_000, 3], [1, 40, 2000], [3, 9, 2500], [9000, 3, 2], [2, 300, 300]] {
            check(&shape, &[false, true, false]);
            check(&shape, &[true, false, true]);
            check(&shape, &[true, true, false]);
            check(&shape, &[false, false, true]);
        }
        check(&[3, 50_000], &[false, true]);
    }

    #[test]
    fn missing_leading_axes_are_summed() {
        let x: Vec<f64> = (0..24).map(f64::from).collect();
        let mut out = [f64::NAN; 4];
        unbroadcast(&mut out, Accumulate::Set, &x, &[2, 3, 4], &[4]);
        assert_eq!(out, [60.0, 66.0, 72.0, 78.0]);
        let mut out = [f64::NAN];
        unbroadcast(&mut out, Accumulate::Set, &x, &[2, 3, 4], &[]);
        assert_eq!(out, [276.0]);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let x: Vec<f32> = (0..300_000).map(|i| (i as f32 * 0.37).sin()).collect();
        for (n, inner) in [(300, 1000), (30_000, 10), (30, 10_000), (300_000, 1), (30, 1)] {
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut out = vec![0.0; x.len() / n];
                pool.install(|| sum_middle(&mut out, Accumulate::Set, &x, n, inner));
                out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let one = on(1);
            assert_eq!(one, on(2));
            assert_eq!(one, on(3));
        }
    }
}
