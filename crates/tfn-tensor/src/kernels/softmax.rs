//! Maxima and sums in the exponential scale along an axis.
//!
//! The input is seen as `[outer, n, inner]`, and the axis is the middle one. An output along the axis
//! has that shape too, one over it has `[outer, inner]`.
//!
//! Every sum is taken of exp(x − m), where m is the maximum, or 0 if that is infinite; so nothing
//! overflows, −∞ has weight zero, and a column of nothing but −∞ sums to zero. A NaN anywhere in a
//! column makes the whole column NaN.

use pulp::{Simd, WithSimd};

use super::arch::arch;
use super::axes::totals;
use super::parallel::{in_chunks, in_parallel};
use super::reduce::{fold_row, larger};
use crate::dtype::Element;

/// Entries that one thread works on at a time, unless a column alone has more.
const GROUP: usize = 4096;
/// The largest entries of `[groups, n, inner]`.
#[inline(always)]
fn maxima<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    out.fill(E::neg_infinity());
    if inner == 1 {
        for (out, row) in out.iter_mut().zip(x.chunks_exact(n)) {
            *out = fold_row(row, E::neg_infinity(), larger);
        }
        return;
    }
    for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(n * inner)) {
        for row in x.chunks_exact(inner) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out = larger(*out, x);
            }
        }
    }
}

/// Changes the entries of every column of `[groups, n, inner]` by the two numbers of the column.
#[inline(always)]
fn by_column<E: Element>(
    entries: &mut [E],
    (a, b): (&[E], &[E]),
    (n, inner): (usize, usize),
    f: impl Fn(E, E, E) -> E,
) {
    if inner == 1 {
        for (row, (&a, &b)) in entries.chunks_exact_mut(n).zip(a.iter().zip(b)) {
            for x in row {
                *x = f(*x, a, b);
            }
        }
        return;
    }
    let columns = a.chunks_exact(inner).zip(b.chunks_exact(inner));
    for (block, (a, b)) in entries.chunks_exact_mut(n * inner).zip(columns) {
        for row in block.chunks_exact_mut(inner) {
            for (x, (&a, &b)) in row.iter_mut().zip(a.iter().zip(b)) {
                *x = f(*x, a, b);
            }
        }
    }
}

/// Some whole columns: exp(x − m) in `out`, and m and the sum of every column.
struct Exponentials<'a, E> {
    out: &'a mut [E],
    x: &'a [E],
    size: (usize, usize),
    shifts: &'a mut [E],
    sums: &'a mut [f64],
}

impl<E: Element> WithSimd for Exponentials<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { out, x, size: (n, inner), shifts, sums } = self;
        maxima(shifts, x, n, inner);
        for shift in &mut *shifts {
            *shift = if shift.is_infinite() { E::zero() } else { *shift };
        }
        out.copy_from_slice(x);
        by_column(
            out,
            (shifts, shifts),
            (n, inner),
            #[inline(always)]
            |x, shift, _| x - shift,
        );
        for out in &mut *out {
            *out = out.m_exp();
        }
        totals(sums, out, n, inner);
    }
}

/// How softmax and its logarithm end.
struct Finish<'a, E, F> {
    out: &'a mut [E],
    size: (usize, usize),
    columns: (&'a [E], &'a [E]),
    f: F,
}

impl<E: Element, F: Fn(E, E, E) -> E> WithSimd for Finish<'_, E, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        by_column(self.out, self.columns, self.size, self.f);
    }
}

/// The maxima alone.
struct Maxima<'a, E> {
    out: &'a mut [E],
    x: &'a [E],
    size: (usize, usize),
}

impl<E: Element> WithSimd for Maxima<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        maxima(self.out, self.x, self.size.0, self.size.1);
    }
}

/// `run` over groups of whole columns: `out` has `width` entries for `n · inner` ones of `x`.
fn by_groups<E: Element>(
    out: &mut [E],
    x: &[E],
    (n, inner): (usize, usize),
    width: usize,
    run: &(dyn Fn(&mut [E], &[E]) + Sync),
) {
    if x.is_empty() || out.is_empty() {
        return out.fill(E::neg_infinity());
    }
    let outer = (GROUP / (n * inner)).max(1);
    let x_len = outer * n * inner;
    in_chunks(out, outer * width, in_parallel(x.len()), &|group, out| {
        run(out, &x[group * x_len..][..out.len() / width * n * inner]);
    });
}

/// The largest entries along the axis.
pub(crate) fn max_axis<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    let arch = arch();
    by_groups(out, x, (n, inner), inner, &|out, x| {
        arch.dispatch(Maxima { out, x, size: (n, inner) });
    });
}

/// The places of the largest entries along the axis, as numbers: the first of equal ones, or of NaN.
pub(crate) fn argmax_axis<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    places(out, x, (n, inner), |x, best| x > best);
}

/// The places of the smallest entries along the axis, as [`argmax_axis`].
pub(crate) fn argmin_axis<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    places(out, x, (n, inner), |x, best| x < best);
}

/// The places of the entries that none is before by `better`; a NaN is before all others.
fn places<E: Element>(
    out: &mut [E],
    x: &[E],
    (n, inner): (usize, usize),
    better: impl Fn(E, E) -> bool + Sync,
) {
    by_groups(out, x, (n, inner), inner, &|out, x| {
        for (out, x) in out.chunks_exact_mut(inner).zip(x.chunks_exact(n * inner)) {
            for (column, out) in out.iter_mut().enumerate() {
                let (mut best, mut place) = (x[column], 0);
                for (at, &x) in x[column..].iter().step_by(inner).enumerate().skip(1) {
                    if better(x, best) || (x.is_nan() && !best.is_nan()) {
                        (best, place) = (x, at);
                    }
                }
                *out = E::from_f64(place as f64);
            }
        }
    });
}

/// What is made of exp(x − m), m and the sums of the columns.
type Use<'a, E> = dyn FnMut(&mut [E], &mut [E], Vec<f64>) + 'a;

/// exp(x − m) into `out`, then `f` with m and the sum of every column.
fn exponentials<E: Element>(
    out: &mut [E],
    x: &[E],
    (n, inner): (usize, usize),
    f: &mut Use<'_, E>,
) {
    let mut shifts = vec![E::zero(); x.len() / n];
    let mut sums = vec![0.0; shifts.len()];
    let (size, shifts_mut) = ((n, inner), &mut shifts[..]);
    arch().dispatch(Exponentials { out, x, size, shifts: shifts_mut, sums: &mut sums });
    f(out, &mut shifts, sums);
}

/// ln Σ exp(x) along the axis.
pub(crate) fn logsumexp<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    by_groups(out, x, (n, inner), inner, &|out, x| {
        let mut scratch = vec![E::zero(); x.len()];
        exponentials(&mut scratch, x, (n, inner), &mut |_, shifts, sums| {
            for (out, (&shift, sum)) in out.iter_mut().zip(shifts.iter().zip(sums)) {
                *out = E::from_f64(Element::to_f64(shift) + sum.ln());
            }
        });
    });
}

/// exp(x) / Σ exp(x) along the axis.
pub(crate) fn softmax<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    by_groups(out, x, (n, inner), n * inner, &|out, x| {
        exponentials(out, x, (n, inner), &mut |out, shifts, sums| {
            // The shifts are done with; their place takes the factors.
            for (factor, sum) in shifts.iter_mut().zip(sums) {
                *factor = E::from_f64(sum.recip());
            }
            let f = |x, factor, _| x * factor;
            arch().dispatch(Finish { out, size: (n, inner), columns: (shifts, shifts), f });
        });
    });
}

/// ln Σ exp(x − m) of a column, whose exponentials are given beside their sum.
///
/// Near 1 it is the others that count, of which the sum has lost digits.
fn log_of_sum<E: Element>(
    exponentials: &[E],
    (n, inner): (usize, usize),
    column: usize,
    sum: f64,
) -> f64 {
    if !(1.0..1.5).contains(&sum) {
        return sum.ln();
    }
    let start = column / inner * n * inner + column % inner;
    let entries = exponentials[start..].iter().step_by(inner).take(n);
    // Of the largest entry there is only one.
    entries.map(|&x| Element::to_f64(x)).filter(|&x| x < 1.0).sum::<f64>().ln_1p()
}

/// x − ln Σ exp(x) along the axis.
pub(crate) fn log_softmax<E: Element>(out: &mut [E], x: &[E], n: usize, inner: usize) {
    by_groups(out, x, (n, inner), n * inner, &|out, x| {
        exponentials(out, x, (n, inner), &mut |out, shifts, sums| {
            let columns = sums.into_iter().enumerate();
            let log = |(column, sum)| E::from_f64(log_of_sum(out, (n, inner), column, sum));
            let logs: Vec<E> = columns.map(log).collect();
            out.copy_from_slice(x);
            let f = |x: E, shift, log| x - shift - log;
            arch().dispatch(Finish { out, size: (n, inner), columns: (shifts, &logs), f });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of `[outer, n, inner]`, one after the other.
    fn columns<E: Element>(x: &[E], n: usize, inner: usize) -> Vec<Vec<f64>> {
        let column = |index: usize| {
            let start = index / inner * n * inner + index % inner;
            (0..n).map(|place| Element::to_f64(x[start + place * inner])).collect()
        };
        (0..x.len() / n).map(column).collect()
    }

    fn input<E: Element>(len: usize) -> Vec<E> {
        (0..len).map(|i| E::from_f64(((i * 37 % 101) as f64 - 50.0) * 0.31)).collect()
    }

    fn check<E: Element>(outer: usize, n: usize, inner: usize, tolerance: f64) {
        let x = input::<E>(outer * n * inner);
        let run_over = |f: fn(&mut [E], &[E], usize, usize)| {
            let mut out = vec![E::nan(); outer * inner];
            f(&mut out, &x, n, inner);
            out
        };
        let run_along = |f: fn(&mut [E], &[E], usize, usize)| {
            let mut out = vec![E::nan(); x.len()];
            f(&mut out, &x, n, inner);
            columns(&out, n, inner)
        };
        let near =
            |a: f64, b: f64| assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} {b}");
        let (max, argmax) = (run_over(max_axis), run_over(argmax_axis));
        let argmin = run_over(argmin_axis);
        let sums = run_over(logsumexp);
        let (weights, logs) = (run_along(softmax), run_along(log_softmax));
        for (index, column) in columns(&x, n, inner).iter().enumerate() {
            let exact_max = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum = column.iter().map(|x| (x - exact_max).exp()).sum::<f64>().ln() + exact_max;
            assert_eq!(Element::to_f64(max[index]), exact_max);
            let first = column.iter().position(|&x| x == exact_max).unwrap();
            assert_eq!(Element::to_f64(argmax[index]), first as f64);
            let exact_min = column.iter().copied().fold(f64::INFINITY, f64::min);
            let first = column.iter().position(|&x| x == exact_min).unwrap();
            assert_eq!(Element::to_f64(argmin[index]), first as f64);
            near(Element::to_f64(sums[index]), sum);
            for (place, x) in column.iter().enumerate() {
                near(weights[index][place], (x - sum).exp());
                near(logs[index][place], x - sum);
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        for (outer, n, inner) in
            [(1, 1, 1), (5, 10, 1), (3, 200, 1), (2, 7, 5), (1, 3, 300), (700, 10, 9), (1, 9000, 1)]
        {
            check::<f32>(outer, n, inner, 1e-6);
            check::<f64>(outer, n, inner, 1e-14);
        }
    }

    #[test]
    fn the_largest_entry_keeps_the_digits_of_the_others() {
        for inner in [1, 2] {
            let column = [-40.0, 1.0, -45.0];
            let x: Vec<f64> = column.iter().flat_map(|&x| vec![x; inner]).collect();
            let mut out = vec![0.0; x.len()];
            log_softmax(&mut out, &x, 3, inner);
            let rest = (-41.0_f64).exp() + (-46.0_f64).exp();
            assert!((out[inner] / -rest - 1.0).abs() < 1e-15, "{out:?}");
        }
    }

    #[test]
    fn infinities_and_nan_stay_in_their_column() {
        let (minus, inf, nan) = (f64::NEG_INFINITY, f64::INFINITY, f64::NAN);
        let x = [minus, 1.0, minus, minus, inf, 1.0, 1.0, nan, 2.0, 3.0];
        let mut sums = [0.0; 5];
        logsumexp(&mut sums, &x, 2, 1);
        assert_eq!(sums[..3], [1.0, minus, inf]);
        assert!(sums[3].is_nan() && (sums[4] - 3.313_261_687_518_223).abs() < 1e-15);
        max_axis(&mut sums, &x, 2, 1);
        assert_eq!(sums[..3], [1.0, minus, inf]);
        assert!(sums[3].is_nan());
        argmax_axis(&mut sums, &x, 2, 1);
        assert_eq!(sums, [1.0, 0.0, 0.0, 1.0, 1.0]);
        argmin_axis(&mut sums, &x, 2, 1);
        assert_eq!(sums, [0.0, 0.0, 1.0, 1.0, 0.0]);
        let mut weights = [0.0; 10];
        softmax(&mut weights, &x, 2, 1);
        assert_eq!(weights[..2], [0.0, 1.0]);
        assert!(weights[2..4].iter().chain(&weights[6..8]).all(|x| x.is_nan()));
    }

    #[test]
    fn small_weights_keep_their_digits() {
        // The logarithm of a sum next to 1 must not be taken of a rounded sum.
        let mut logs = [0.0_f32; 2];
        log_softmax(&mut logs, &[0.0, -20.0], 2, 1);
        assert!((logs[0] / -2.061_153_6e-9 - 1.0).abs() < 1e-6, "{logs:?}");
        let mut weights = [0.0_f32; 2];
        softmax(&mut weights, &[1000.0, 920.0], 2, 1);
        assert!((weights[1] / 1.804_851_4e-35 - 1.0).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn nothing_has_no_maximum() {
        let mut out = [0.0; 3];
        logsumexp(&mut out, &[], 0, 3);
        assert_eq!(out, [f64::NEG_INFINITY; 3]);
        max_axis::<f32>(&mut [], &[], 4, 1);
    }
}
