//! Sums and extremes of all entries.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::arch::arch;
use super::map::evaluate;
use super::parallel::{BLOCK, by_blocks};
use crate::dtype::Element;

/// Partial sums that are kept side by side.
pub(super) const LANES: usize = 16;
/// Values that are computed before they are summed. A multiple of [`LANES`].
const TILE: usize = 256;
/// Entries from which on a row is worth [`LANES`] partial results.
const LONG: usize = 4 * LANES;

/// Adds entry i of `x` to lane i mod [`LANES`].
#[inline(always)]
pub(super) fn add_to_lanes<E: Element>(lanes: &mut [f64; LANES], x: &[E]) {
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += Element::to_f64(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += Element::to_f64(x);
    }
}

/// The sum of the lanes, by halves.
#[inline(always)]
pub(super) fn add_lanes(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
    }
    lanes[0]
}

/// The sum of a row.
#[inline(always)]
pub(super) fn sum_row<E: Element>(row: &[E]) -> f64 {
    if row.len() < LONG {
        return row.iter().fold(
            0.0,
            #[inline(always)]
            |sum, &x| sum + Element::to_f64(x),
        );
    }
    let mut lanes = [0.0; LANES];
    add_to_lanes(&mut lanes, row);
    add_lanes(lanes)
}

/// The sum of one block.
struct Sum<'a, E, const N: usize, F> {
    inputs: [&'a [E]; N],
    f: &'a F,
}

impl<E: Element, const N: usize, F: Fn([E; N]) -> E> WithSimd for Sum<'_, E, N, F> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Self { inputs, f } = self;
        let mut lanes = [0.0; LANES];
        let mut values = [E::zero(); TILE];
        let len = inputs[0].len();
        let mut start = 0;
        while start < len {
            let values = &mut values[..TILE.min(len - start)];
            evaluate(values, inputs.map(|x| &x[start..]), f);
            add_to_lanes(&mut lanes, values);
            start += TILE;
        }
        add_lanes(lanes)
    }
}

pub(super) fn sum_in_f64<E: Element, const N: usize>(
    inputs: [&[E]; N],
    f: &(impl Fn([E; N]) -> E + Sync),
) -> f64 {
    let (len, arch) = (inputs[0].len(), arch());
    let sum =
        |range: Range<usize>| arch.dispatch(Sum { inputs: inputs.map(|x| &x[range.clone()]), f });
    if len <= BLOCK { sum(0..len) } else { by_blocks(len, BLOCK, &sum).iter().sum() }
}

/// Σ f over the entries of inputs of one length.
fn sum_map<E: Element, const N: usize>(inputs: [&[E]; N], f: impl Fn([E; N]) -> E + Sync) -> E {
    E::from_f64(sum_in_f64(inputs, &f))
}

/// Σ x.
pub(crate) fn sum<E: Element>(x: &[E]) -> E {
    sum_map([x], itself)
}

#[inline(always)]
fn itself<E>([x]: [E; 1]) -> E {
    x
}

/// What shows a block to a function of its numbers, and gives what that makes of them.
type Look<'a, E> = dyn Fn(Range<usize>, &dyn Fn(&[E]) -> f64) -> f64 + Sync + 'a;

/// The sum of `len` numbers, of which `look` shows any block of `size` to the function that sums them.
pub(crate) fn sum_of_blocks<E: Element>(len: usize, size: usize, look: &Look<'_, E>) -> E {
    let sum = |x: &[E]| sum_in_f64([x], &itself);
    E::from_f64(by_blocks(len, size, &|range| look(range, &sum)).iter().sum())
}

/// The larger number, or NaN if either is.
#[inline(always)]
pub(super) fn larger<E: Element>(a: E, b: E) -> E {
    if a >= b || a.is_nan() { a } else { b }
}

/// `x` folded by an operation whose order does not matter.
#[inline(always)]
pub(super) fn fold_row<E: Element>(x: &[E], start: E, f: impl Fn(E, E) -> E) -> E {
    if x.len() < LONG {
        return x.iter().fold(
            start,
            #[inline(always)]
            |a, &b| f(a, b),
        );
    }
    let mut lanes = [start; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, x);
    }
    lanes.into_iter().fold(start, f)
}

/// Whether no entry is infinite or NaN.
pub(crate) fn all_finite<E: Element>(x: &[E]) -> bool {
    let arch = arch();
    let zero = |x: &[E]| arch.dispatch(Zero(x));
    if x.len() <= BLOCK {
        return zero(x) == 0.0;
    }
    by_blocks(x.len(), BLOCK, &|range: Range<usize>| zero(&x[range]))
        .iter()
        .all(|&zero| zero == 0.0)
}

/// The sum of 0 · x: 0 of finite numbers, NaN if there is any other.
struct Zero<'a, E>(&'a [E]);

impl<E: Element> WithSimd for Zero<'_, E> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        // So many sums that none waits for the one before it: what is left is to read the numbers.
        const SUMS: usize = 4 * LANES;
        let zero = E::zero();
        let mut sums = [zero; SUMS];
        let chunks = self.0.chunks_exact(SUMS);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (sum, &x) in sums.iter_mut().zip(chunk) {
                *sum += zero * x;
            }
        }
        for (sum, &x) in sums.iter_mut().zip(rest) {
            *sum += zero * x;
        }
        Element::to_f64(sums.into_iter().fold(
            zero,
            #[inline(always)]
            |all, sum| all + sum,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.37).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    #[test]
    fn one_entry_that_is_not_finite_is_found_wherever_it_is() {
        for len in [1, 63, 64, 65, 300, BLOCK + 1, 2 * BLOCK + 13] {
            let x = numbers(len);
            assert!(all_finite(&x) && all_finite::<f32>(&[]));
            for place in [0, len / 2, len - 1] {
                for given in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut x = x.clone();
                    x[place] = given;
                    assert!(!all_finite(&x), "{len} {place} {given}");
                }
            }
        }
        assert!(all_finite(&[f64::MAX; 100]) && all_finite(&[f64::MIN; 100]));
    }

    #[test]
    fn sums_are_as_good_as_their_rounding() {
        for len in [0, 1, 15, 16, 17, 255, 257, BLOCK, BLOCK + 1, 5 * BLOCK + 13] {
            let x = numbers(len);
            let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
            assert!((f64::from(sum(&x)) - exact).abs() <= 1e-7 * exact.abs() + 1e-9, "{len}");
            let exact: f64 = x.iter().map(|&x| f64::from(x * x)).sum();
            let near = |y: f32| assert!((f64::from(y) - exact).abs() <= 1e-7 * exact, "{len}");
            near(sum_map([&x], |[x]| x * x));
            near(sum_map([&x, &x], |[x, y]| x * y));
        }
        // 2²⁴ + 1 is no f32, so a sum in f32 would stand still there.
        assert_eq!(sum(&vec![1.0_f32; (1 << 24) + 4096]), 16_781_312.0);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let x: Vec<f64> = numbers(7 * BLOCK + 5).into_iter().map(f64::from).collect();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (sum(&x).to_bits(), sum_map([&x, &x], |[x, y]| x * y - x).to_bits()))
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(3));
    }
}
