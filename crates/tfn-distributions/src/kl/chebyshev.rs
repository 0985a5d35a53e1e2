//! Polynomials by their values at Chebyshev's nodes.

use std::array;
use std::f64::consts::PI;

/// A polynomial on −1 … 1 as a sum of `N` Chebyshev polynomials.
#[derive(Clone, Debug)]
pub(super) struct Chebyshev<const N: usize> {
    coefficients: [f64; N],
}

impl<const N: usize> Chebyshev<N> {
    /// Where the values are taken.
    pub(super) fn nodes() -> [f64; N] {
        array::from_fn(|i| (PI * (i as f64 + 0.5) / N as f64).cos())
    }

    /// The polynomial with these values at the nodes.
    pub(super) fn fit(values: &[f64; N]) -> Self {
        let transform = Self::transform();
        let sum = |row: &[f64; N]| row.iter().zip(values).map(|(a, b)| a * b).sum();
        Self { coefficients: transform.each_ref().map(sum) }
    }

    /// The matrix that makes coefficients of values.
    pub(super) fn transform() -> [[f64; N]; N] {
        array::from_fn(|k| {
            let scale = if k == 0 { 1.0 } else { 2.0 } / N as f64;
            array::from_fn(|i| scale * (PI * k as f64 * (i as f64 + 0.5) / N as f64).cos())
        })
    }

    /// The matrix that makes coefficients of powers of values.
    pub(super) fn to_powers() -> [[f64; N]; N] {
        // Row k: the powers in the Chebyshev polynomial of degree k.
        let mut rows = [[0.0; N]; N];
        for k in 0..N {
            for power in 0..=k {
                let before = |rows: &[[f64; N]; N], back: usize, p: usize| {
                    if k >= back { rows[k - back][p] } else { 0.0 }
                };
                let raised = if power > 0 { before(&rows, 1, power - 1) } else { 0.0 };
                rows[k][power] = match k {
                    0 => 1.0,
                    1 => raised,
                    _ => 2.0 * raised - before(&rows, 2, power),
                };
            }
        }
        let transform = Self::transform();
        array::from_fn(|power| {
            array::from_fn(|i| (0..N).map(|k| rows[k][power] * transform[k][i]).sum())
        })
    }

    /// The value at `t`, by Clenshaw's recurrence.
    pub(super) fn at(&self, t: f64) -> f64 {
        let (mut next, mut after) = (0.0, 0.0);
        for &c in self.coefficients.iter().skip(1).rev() {
            (next, after) = (2.0 * t * next - after + c, next);
        }
        t * next - after + self.coefficients[0]
    }

    /// The antiderivative, scaled by `scale`, that is `start` at −1. Its highest term is left out.
    pub(super) fn integral(&self, scale: f64, start: f64) -> Self {
        let c = |k: usize| self.coefficients.get(k).copied().unwrap_or(0.0);
        let mut coefficients: [f64; N] = array::from_fn(|k| match k {
            0 => 0.0,
            1 => scale * (c(0) - 0.5 * c(2)),
            _ => scale * (c(k - 1) - c(k + 1)) / (2.0 * k as f64),
        });
        let at_start = Self { coefficients }.at(-1.0);
        coefficients[0] = start - at_start;
        Self { coefficients }
    }

    /// An estimate of what the fit leaves out.
    pub(super) fn left_out(&self) -> f64 {
        left_out(&self.coefficients)
    }
}

/// What a series leaves out whose terms are these and go on to fall as they did between the last four of them.
pub(super) fn left_out(terms: &[f64]) -> f64 {
    let largest = |terms: &[f64]| terms.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let last = terms.len().saturating_sub(2);
    let (before, behind) = (largest(&terms[last.saturating_sub(2)..last]), largest(&terms[last..]));
    if behind < 0.5 * before { 4.0 * behind * behind / before } else { 4.0 * behind }
}
