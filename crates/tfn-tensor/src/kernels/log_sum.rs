//! Sums of terms `a ± ln b`, with one logarithm for many entries: the sum of logarithms is the logarithm of
//! the product, whose exponent and mantissa are kept apart.

use pulp::{Simd, WithSimd};

use super::Accumulate;
use super::arch::arch;
use super::map::Block;
use super::parallel::split_off;
use crate::dtype::Element;
use crate::math::Math;

/// Partial results that are kept side by side.
const LANES: usize = 16;
/// Entries that are computed before they are added; a product of so many mantissas in a lane does not overflow.
const TILE: usize = 256;

/// A sum that has been begun.
pub(crate) struct LogSum<E> {
    plain: [f64; LANES],
    exponent: [f64; LANES],
    product: [f64; LANES],
    /// A tile's `a` and `b`.
    tile: ([E; TILE], [E; TILE]),
}

impl<E: Element> LogSum<E> {
    pub(crate) fn new() -> Self {
        let (zero, tile) = ([0.0; LANES], ([E::zero(); TILE], [E::one(); TILE]));
        Self { plain: zero, exponent: zero, product: [1.0; LANES], tile }
    }

    /// Adds `a + sign · ln b` for each entry of `inputs`, where `split` gives `a`, `b` and the entries of
    /// `outputs`. What `b` has no normal logarithm for is added as `whole` gives it.
    pub(crate) fn add<const N: usize, const M: usize>(
        &mut self,
        inputs: [&[E]; N],
        outputs: [&mut [E]; M],
        split: impl Fn([E; N]) -> (E, E, [E; M]) + Copy,
        whole: &Block<'_, E, N>,
    ) {
        let len = inputs.first().map_or(0, |input| input.len());
        let mut rest = outputs;
        let mut start = 0;
        while start < len {
            let count = TILE.min(len - start);
            let tile = inputs.map(|x| &x[start..start + count]);
            let outputs = rest.each_mut().map(|rest| split_off(rest, count));
            let (plain, factors) = (&mut self.tile.0[..count], &mut self.tile.1[..count]);
            arch().dispatch(Split { plain, factors, inputs: tile, outputs, split: &split });
            if !arch().dispatch(Multiply { sum: self, count }) {
                whole(&mut self.tile.0[..count], Accumulate::Set, tile);
            }
            arch().dispatch(AddPlain { sum: self });
            start += count;
        }
    }

    /// The sum, with the logarithms taken `sign` times.
    pub(crate) fn total(self, sign: f64) -> f64 {
        let ln = |(product, exponent): (f64, f64)| product.ln() + exponent * std::f64::consts::LN_2;
        let logs: f64 = self.product.into_iter().zip(self.exponent).map(ln).sum();
        self.plain.iter().sum::<f64>() + sign * logs
    }
}

/// A tile's `a`, `b` and outputs.
struct Split<'a, E, const N: usize, const M: usize, F> {
    plain: &'a mut [E],
    factors: &'a mut [E],
    inputs: [&'a [E]; N],
    outputs: [&'a mut [E]; M],
    split: &'a F,
}

impl<E: Element, const N: usize, const M: usize, F> WithSimd for Split<'_, E, N, M, F>
where
    F: Fn([E; N]) -> (E, E, [E; M]) + Copy,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { plain, factors, mut inputs, outputs, split } = self;
        // A copy of its own, so that what it captures stays in registers.
        let split = *split;
        let len = plain.len();
        let factors = &mut factors[..len];
        let outputs = outputs.map(|x| &mut x[..len]);
        for input in &mut inputs {
            *input = &input[..len];
        }
        for i in 0..len {
            let mut entries = [E::zero(); N];
            for j in 0..N {
                entries[j] = inputs[j][i];
            }
            let (a, b, made) = split(entries);
            plain[i] = a;
            factors[i] = b;
            for j in 0..M {
                outputs[j][i] = made[j];
            }
        }
    }
}

/// Takes up a tile of so many factors, unless one of them is not a normal positive number.
struct Multiply<'a, E> {
    sum: &'a mut LogSum<E>,
    count: usize,
}

impl<E: Element> WithSimd for Multiply<'_, E> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        if self.count < TILE {
            self.sum.tile.0[self.count..].fill(E::zero());
            self.sum.tile.1[self.count..].fill(E::one());
        }
        self.sum.multiply()
    }
}

/// Adds a tile's `a`.
struct AddPlain<'a, E> {
    sum: &'a mut LogSum<E>,
}

impl<E: Element> WithSimd for AddPlain<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for chunk in self.sum.tile.0.chunks_exact(LANES) {
            for (lane, &x) in self.sum.plain.iter_mut().zip(chunk) {
                *lane += Element::to_f64(x);
            }
        }
    }
}

impl<E: Element> LogSum<E> {
    /// Takes a tile's factors up, unless one of them is not a normal positive number.
    #[inline(always)]
    fn multiply(&mut self) -> bool {
        let half = <E as Element>::from_f64(0.5);
        let mut mantissas = [E::one(); LANES];
        let (mut exponents, mut farthest) = ([E::zero(); LANES], [E::zero(); LANES]);
        for chunk in self.tile.1.chunks_exact(LANES) {
            for i in 0..LANES {
                let exponent = chunk[i].m_exponent();
                let far = (exponent - half).m_abs();
                mantissas[i] *= chunk[i].m_mantissa();
                exponents[i] += exponent;
                farthest[i] = if far > farthest[i] { far } else { farthest[i] };
            }
        }
        // The exponents of normal numbers lie evenly about ½, and a sign counts as a large exponent.
        if farthest.iter().any(|&far| far > E::LARGEST_EXPONENT) {
            return false;
        }
        for i in 0..LANES {
            let product = self.product[i] * Element::to_f64(mantissas[i]);
            self.exponent[i] += Element::to_f64(exponents[i]) + product.m_exponent();
            self.product[i] = product.m_mantissa();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::block;
    use super::*;

    fn sum<E: Element>(x: &[E], sign: f64) -> (f64, Vec<E>) {
        let mut sum = LogSum::new();
        let mut twice = vec![E::zero(); x.len()];
        let signed = <E as Element>::from_f64(sign);
        sum.add(
            [x],
            [&mut twice],
            move |[x]| (x, x, [x + x]),
            &block(move |[x]: [E; 1]| x + signed * x.m_ln()),
        );
        (sum.total(sign), twice)
    }

    fn check<E: Element>(tolerance: f64) {
        for len in [0, 1, 15, 256, 257, 5000] {
            let x: Vec<E> = (0..len)
                .map(|i| <E as Element>::from_f64(f64::exp((i as f64 * 0.7).sin() * 80.0)))
                .collect();
            for sign in [1.0, -1.0] {
                let exact = |x: &E| Element::to_f64(*x) + sign * Element::to_f64(*x).ln();
                let exact = x.iter().map(exact).sum::<f64>();
                let scale = x.iter().map(|x| Element::to_f64(*x) + 80.0).sum::<f64>();
                let (given, twice) = sum(&x, sign);
                assert!((given - exact).abs() <= tolerance * scale, "{given} {exact}");
                assert!(twice.iter().zip(&x).all(|(twice, &x)| *twice == x + x));
            }
        }
    }

    #[test]
    fn many_logarithms_are_one() {
        check::<f32>(1e-7);
        check::<f64>(1e-14);
    }

    #[test]
    fn what_has_no_normal_logarithm_is_added_as_it_is() {
        let tiny = f32::from_bits(3);
        let exact = f64::from(tiny).ln() + 0.0 + 2.0;
        let (given, _) = sum(&[1.0, tiny, 1.0], 1.0);
        assert!((given - exact).abs() < 1e-4, "{given} {exact}");
        assert_eq!(sum(&[1.0_f32, 0.0], 1.0).0, f64::NEG_INFINITY);
        assert_eq!(sum(&[1.0, f64::INFINITY], 1.0).0, f64::INFINITY);
        assert!(sum(&[1.0, f64::NAN], 1.0).0.is_nan() && sum(&[-1.0_f32], 1.0).0.is_nan());
    }
}
