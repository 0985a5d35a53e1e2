//! A function of each entry, in one pass over memory.

use pulp::{Simd, WithSimd};

use super::Accumulate;
use super::arch::arch;
use super::parallel::{BLOCK, in_blocks};
use crate::dtype::Element;

/// What writes a function of the entries of inputs into an output of the same length, or adds it, on the calling
/// thread: [`write_block`] of the function, for those who walk over memory.
///
/// A function is then compiled once for each instruction set, and the walks once for all functions.
pub(crate) type Block<'a, E, const N: usize> = dyn Fn(&mut [E], Accumulate, [&[E]; N]) + Sync + 'a;

/// Entries that are computed before they are added to what is there.
const TILE: usize = 256;

/// `out` ← f of the entries of `inputs`.
struct Map<'a, E, const N: usize, F> {
    out: &'a mut [E],
    inputs: [&'a [E]; N],
    f: &'a F,
}

impl<E: Element, const N: usize, F: Fn([E; N]) -> E + Copy> WithSimd for Map<'_, E, N, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        evaluate(self.out, self.inputs, *self.f);
    }
}

/// The loop itself: one call of `f` in the code, so that it is inlined.
#[inline(always)]
pub(super) fn evaluate<E: Element, const N: usize>(
    out: &mut [E],
    mut inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E,
) {
    let len = out.len();
    for input in &mut inputs {
        *input = &input[..len];
    }
    for i in 0..len {
        // A plain loop: `array::from_fn` is a dozen functions to compile for each `f`.
        let mut entries = [E::zero(); N];
        for j in 0..N {
            entries[j] = inputs[j][i];
        }
        out[i] = f(entries);
    }
}

/// `out` ← f of the entries of `inputs`, on this thread.
#[inline(never)]
fn set_block<E: Element, const N: usize>(
    out: &mut [E],
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E + Copy,
) {
    arch().dispatch(Map { out, inputs, f: &f });
}

/// `out` ← or += f of the entries of `inputs`, as many of them as `out` has, on this thread.
pub(crate) fn write_block<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E + Copy,
) {
    match accumulate {
        Accumulate::Set => set_block(out, inputs, f),
        Accumulate::Add => add_made(out, inputs, &|out, inputs| set_block(out, inputs, f)),
    }
}

/// [`write_block`] of `f`, as a [`Block`].
pub(crate) fn block<E: Element, const N: usize>(
    f: impl Fn([E; N]) -> E + Copy,
) -> impl Fn(&mut [E], Accumulate, [&[E]; N]) {
    move |out: &mut [E], accumulate: Accumulate, inputs: [&[E]; N]| {
        write_block(out, accumulate, inputs, f);
    }
}

/// What writes a function of the entries of inputs into an output.
type Set<'a, E, const N: usize> = dyn Fn(&mut [E], [&[E]; N]) + 'a;

/// `out` += what `set` makes of `inputs`, tile by tile.
#[inline(never)]
pub(crate) fn add_made<E: Element, const N: usize>(
    out: &mut [E],
    inputs: [&[E]; N],
    set: &Set<'_, E, N>,
) {
    let mut made = [E::zero(); TILE];
    for (tile, out) in out.chunks_mut(TILE).enumerate() {
        let made = &mut made[..out.len()];
        set(made, inputs.map(|x| &x[tile * TILE..]));
        add_block(out, made);
    }
}

/// `out` += x, on this thread.
pub(crate) fn add_block<E: Element>(out: &mut [E], x: &[E]) {
    arch().dispatch(Add { out, x });
}

struct Add<'a, E> {
    out: &'a mut [E],
    x: &'a [E],
}

impl<E: Element> WithSimd for Add<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            *out += x;
        }
    }
}

/// `out` ← or += f of the entries of `inputs`, each as long as `out`.
pub(crate) fn map<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) {
    map_by(out, accumulate, inputs, &block(f));
}

/// [`map`] of a function in its compiled form.
pub(crate) fn map_by<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    write: &Block<'_, E, N>,
) {
    in_blocks(out, BLOCK, &|start, out| {
        write(out, accumulate, inputs.map(|x| &x[start..start + out.len()]));
    });
}

/// `out` ← or += f(x).
pub(crate) fn map1<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    f: impl Fn(E) -> E + Sync + Copy,
) {
    map(
        out,
        accumulate,
        [x],
        #[inline(always)]
        move |[x]| f(x),
    );
}

/// `out` ← or += f(x, y).
pub(crate) fn map2<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    y: &[E],
    f: impl Fn(E, E) -> E + Sync + Copy,
) {
    map(
        out,
        accumulate,
        [x, y],
        #[inline(always)]
        move |[x, y]| f(x, y),
    );
}

/// `out` ← or += f(x, y, z).
pub(crate) fn map3<E: Element>(
    out: &mut [E],
    accumulate: Accumulate,
    x: &[E],
    y: &[E],
    z: &[E],
    f: impl Fn(E, E, E) -> E + Sync + Copy,
) {
    map(
        out,
        accumulate,
        [x, y, z],
        #[inline(always)]
        move |[x, y, z]| f(x, y, z),
    );
}

/// `out` += x.
pub(crate) fn add_assign<E: Element>(out: &mut [E], x: &[E]) {
    in_blocks(out, BLOCK, &|start, out| add_block(out, &x[start..start + out.len()]));
}

/// One block of an update.
struct Update<'a, E, const M: usize, F> {
    values: &'a mut [E],
    old: Option<&'a [E]>,
    state: [&'a mut [E]; M],
    gradient: &'a [E],
    f: &'a F,
}

impl<E: Element, const M: usize, F> WithSimd for Update<'_, E, M, F>
where
    F: Fn(E, [E; M], E) -> (E, [E; M]) + Copy,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { values, old, state, gradient, f } = self;
        // A copy of its own, so that what it captures stays in registers.
        let f = *f;
        let len = values.len();
        let state = state.map(|x| &mut x[..len]);
        let gradient = &gradient[..len];
        for start in (0..len).step_by(TILE) {
            let end = len.min(start + TILE);
            if let Some(old) = old {
                values[start..end].copy_from_slice(&old[start..end]);
            }
            for i in start..end {
                let mut before = [E::zero(); M];
                for j in 0..M {
                    before[j] = state[j][i];
                }
                let (value, after) = f(values[i], before, gradient[i]);
                values[i] = value;
                for j in 0..M {
                    state[j][i] = after[j];
                }
            }
        }
    }
}

/// (values, state) ← f(values, state, gradient), entry by entry, on this thread. The values before are `old` if
/// that is given.
pub(crate) fn update_block<E: Element, const M: usize>(
    values: &mut [E],
    old: Option<&[E]>,
    state: [&mut [E]; M],
    gradient: &[E],
    f: impl Fn(E, [E; M], E) -> (E, [E; M]) + Copy,
) {
    arch().dispatch(Update { values, old, state, gradient, f: &f });
}

#[cfg(test)]
mod tests {
    use super::super::parallel::{PARALLEL, in_tasks, split_off};
    use super::*;
    use crate::math::Math;

    fn numbers(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i % 1013) as f32 * 0.01 - 5.0).collect()
    }

    #[test]
    fn sets_and_adds() {
        for len in [0, 1, 7, 100, PARALLEL + 3] {
            let (x, y) = (numbers(len), vec![2.0; len]);
            let mut out = vec![f32::NAN; len];
            map1(&mut out, Accumulate::Set, &x, |x| 2.0 * x);
            map2(&mut out, Accumulate::Add, &x, &y, |x, y| x * y);
            map3(&mut out, Accumulate::Add, &x, &y, &x, |x, y, z| x * y + z);
            add_assign(&mut out, &x);
            for (out, x) in out.iter().zip(&x) {
                assert!((out - 8.0 * x).abs() < 1e-4, "{out} {x}");
            }
        }
    }

    #[test]
    fn setting_keeps_the_sign_of_zero() {
        let mut out = [f64::NAN; 2];
        map1(&mut out, Accumulate::Set, &[-0.0, 0.0], |x| x);
        assert!(out[0].is_sign_negative() && out[1].is_sign_positive());
    }

    #[test]
    fn updates_change_every_entry_once() {
        for len in [0, 5, BLOCK, PARALLEL, 3 * PARALLEL + 17] {
            let g = numbers(len);
            let (mut a, mut b, mut c) = (g.clone(), vec![1.0; len], vec![2.0; len]);
            let mut rest = (&mut a[..], [&mut b[..], &mut c[..]]);
            let blocks = g.chunks(1000).map(|g| {
                let state = rest.1.each_mut().map(|x| split_off(x, g.len()));
                (split_off(&mut rest.0, g.len()), state, g)
            });
            in_tasks(len, blocks.collect(), &|(a, state, g)| {
                update_block(a, None, state, g, |a, [b, c], g| (a + g, [b + c, c * b]));
            });
            assert!(a.iter().zip(&g).all(|(a, g)| *a == g + g));
            assert!(b.iter().all(|&b| b == 3.0) && c.iter().all(|&c| c == 2.0));
        }
    }

    #[test]
    fn vector_code_gives_the_bits_of_scalar_code_on_any_number_of_threads() {
        let x = numbers(PARALLEL + 101);
        let f = |x: f32| {
            x.m_softplus() + x.m_tanh() * x.m_exp() - x.m_sigmoid() + (x * x).m_ln() - x.m_expm1()
        };
        // Numbers one by one are not computed as vectors.
        let alone: Vec<u32> = x.iter().map(|&x| f(std::hint::black_box(x)).to_bits()).collect();
        for threads in 1..4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = vec![0.0; x.len()];
            pool.install(|| map1(&mut out, Accumulate::Set, &x, f));
            assert!(out.iter().map(|x| x.to_bits()).eq(alone.iter().copied()));
        }
    }
}
