//! Products of very few rows: memory bounds them, so the right factor is read once, where it lies.

use pulp::{Simd, WithSimd};

use super::factor::Product;
use super::output::{Output, Part};
use crate::dtype::Element;
use crate::kernels::Accumulate;
use crate::kernels::arch::arch;

/// Columns that are summed at a time: so many that memory is read in long pieces.
const TILE: usize = 1024;
/// Rows of the right factor that are added at a time.
const GROUP: usize = 4;

pub(super) fn run<E: Element>(
    product: &Product<'_, E>,
    out: Output<'_, E>,
    part: &Part,
    accumulate: Accumulate,
) {
    arch().dispatch(Run { product, out, part, accumulate });
}

struct Run<'a, 'b, E> {
    product: &'a Product<'b, E>,
    out: Output<'a, E>,
    part: &'a Part,
    accumulate: Accumulate,
}

impl<E: Element> WithSimd for Run<'_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if self.product.b.squared { self.rows::<true>() } else { self.rows::<false>() }
    }
}

impl<E: Element> Run<'_, '_, E> {
    #[inline(always)]
    fn rows<const SQUARED: bool>(self) {
        let Self { product, out, part, accumulate } = self;
        let (a, b) = (product.a, product.b);
        for row in part.rows.clone() {
            let left = |l: usize| {
                let x = a.data[row * a.row_stride + l * a.column_stride];
                if a.squared { x * x } else { x }
            };
            for first in part.columns.clone().step_by(TILE) {
                let columns = first..part.columns.end.min(first + TILE);
                let mut sums = [E::zero(); TILE];
                let sums = &mut sums[..columns.len()];
                let right = |l: usize| &b.data[l * b.row_stride + first..][..columns.len()];
                let mut l = 0;
                while l + GROUP <= a.columns {
                    let x: [E; GROUP] = std::array::from_fn(|i| left(l + i));
                    let y: [&[E]; GROUP] = std::array::from_fn(|i| right(l + i));
                    for j in 0..sums.len() {
                        let mut sum = E::zero();
                        for i in 0..GROUP {
                            sum += x[i] * entry::<E, SQUARED>(y[i][j]);
                        }
                        sums[j] += sum;
                    }
                    l += GROUP;
                }
                while l < a.columns {
                    let x = left(l);
                    for (sum, &y) in sums.iter_mut().zip(right(l)) {
                        *sum += x * entry::<E, SQUARED>(y);
                    }
                    l += 1;
                }
                let out = out.row(row, columns.clone());
                match accumulate {
                    Accumulate::Set => out.copy_from_slice(sums),
                    Accumulate::Add => out.iter_mut().zip(sums).for_each(|(o, s)| *o += *s),
                }
            }
        }
    }
}

#[inline(always)]
fn entry<E: Element, const SQUARED: bool>(y: E) -> E {
    if SQUARED { y * y } else { y }
}
