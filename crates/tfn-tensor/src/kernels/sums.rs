//! Several functions of the same entries, written out or summed, in one pass.

use pulp::{Simd, WithSimd};

use super::arch::arch;
use super::reduce::{LANES, add_lanes, add_to_lanes};
use crate::dtype::Element;

/// Entries that are computed before they are copied or summed.
const TILE: usize = 128;

/// Sums that have been begun.
pub(crate) struct Sums<const M: usize> {
    lanes: [[f64; LANES]; M],
}

impl<const M: usize> Sums<M> {
    pub(crate) fn new() -> Self {
        Self { lanes: [[0.0; LANES]; M] }
    }

    /// Adds what `f` makes of the entries and the gradient there; what an output that is not empty is for is written
    /// into that instead.
    pub(crate) fn add<E: Element, const N: usize>(
        &mut self,
        inputs: [&[E]; N],
        gradient: &[E],
        outputs: [&mut [E]; M],
        f: impl Fn([E; N], E) -> [E; M] + Copy,
    ) {
        arch().dispatch(Add { sums: self, inputs, gradient, outputs, f: &f });
    }

    pub(crate) fn total(self) -> [f64; M] {
        self.lanes.map(add_lanes)
    }
}

struct Add<'a, E, const N: usize, const M: usize, F> {
    sums: &'a mut Sums<M>,
    inputs: [&'a [E]; N],
    gradient: &'a [E],
    outputs: [&'a mut [E]; M],
    f: &'a F,
}

impl<E: Element, const N: usize, const M: usize, F> WithSimd for Add<'_, E, N, M, F>
where
    F: Fn([E; N], E) -> [E; M] + Copy,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sums, inputs, gradient, mut outputs, f } = self;
        // A copy of its own, so that what it captures stays in registers.
        let f = *f;
        let mut made = [[E::zero(); TILE]; M];
        for (tile, gradient) in gradient.chunks(TILE).enumerate() {
            let (start, count) = (tile * TILE, gradient.len());
            let mut inputs = inputs;
            for input in &mut inputs {
                *input = &input[start..start + count];
            }
            for i in 0..count {
                let mut entries = [E::zero(); N];
                for j in 0..N {
                    entries[j] = inputs[j][i];
                }
                let values = f(entries, gradient[i]);
                for j in 0..M {
                    made[j][i] = values[j];
                }
            }
            for ((made, output), lanes) in made.iter().zip(&mut outputs).zip(&mut sums.lanes) {
                if output.is_empty() {
                    add_to_lanes(lanes, &made[..count]);
                } else {
                    output[start..start + count].copy_from_slice(&made[..count]);
                }
            }
        }
    }
}
