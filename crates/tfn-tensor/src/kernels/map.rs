//! A function of each entry, in one pass over memory.

use std::array;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Accumulate;
use super::arch::arch;
use crate::Element;

/// Entries that one thread works on at a time.
pub(crate) const BLOCK: usize = 8 * 1024;
/// Entries below which waking other threads takes longer than the work.
pub(super) const PARALLEL: usize = BLOCK / 2;

/// Whether a pass over `len` entries is given to several threads. The result never depends on it.
pub(super) fn in_parallel(len: usize) -> bool {
    len >= PARALLEL && rayon::current_num_threads() > 1
}

/// One block of [`map`].
struct Map<'a, E, const N: usize, F> {
    out: &'a mut [E],
    accumulate: Accumulate,
    inputs: [&'a [E]; N],
    f: &'a F,
}

impl<E: Element, const N: usize, F: Fn([E; N]) -> E + Copy> WithSimd for Map<'_, E, N, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        evaluate(self.out, self.accumulate, self.inputs, *self.f);
    }
}

/// The loop itself: one call of `f` in the code, so that it is inlined.
#[inline(always)]
pub(super) fn evaluate<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E,
) {
    let inputs = inputs.map(|x| &x[..out.len()]);
    let add = accumulate == Accumulate::Add;
    for (i, o) in out.iter_mut().enumerate() {
        // −0 is the number that changes nothing when it is added to.
        let old = if add { *o } else { -E::zero() };
        *o = old + f(array::from_fn(|j| inputs[j][i]));
    }
}

/// `out` ← or += f of the entries of `inputs`, each as long as `out`.
pub(crate) fn map<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E + Sync + Copy,
) {
    let (f, arch) = (&f, arch());
    let inputs = inputs.map(|x| &x[..out.len()]);
    in_blocks(out, BLOCK, &|start, out| {
        let inputs = inputs.map(|x| &x[start..start + out.len()]);
        arch.dispatch(Map { out, accumulate, inputs, f });
    });
}

/// [`map`] on this thread alone.
pub(crate) fn map_block<E: Element, const N: usize>(
    out: &mut [E],
    accumulate: Accumulate,
    inputs: [&[E]; N],
    f: impl Fn([E; N]) -> E + Copy,
) {
    arch().dispatch(Map { out, accumulate, inputs, f: &f });
}

/// Does `work` to each block of `size` entries, given where it begins; on several threads if that pays.
///
/// Not generic over `work`: the plumbing of threads is compiled once and not for every function.
pub(crate) fn in_blocks<E: Element>(
    out: &mut [E],
    size: usize,
    work: &(dyn Fn(usize, &mut [E]) + Sync),
) {
    if in_parallel(out.len()) {
        let blocks = out.par_chunks_mut(size).enumerate();
        blocks.for_each(|(block, out)| work(block * size, out));
    } else {
        let blocks = out.chunks_mut(size).enumerate();
        blocks.for_each(|(block, out)| work(block * size, out));
    }
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
    map(
        out,
        Accumulate::Add,
        [x],
        #[inline(always)]
        move |[x]| x,
    );
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
        let mut state = state.map(|x| &mut x[..len]);
        let gradient = &gradient[..len];
        macro_rules! walk {
            ($old:expr) => {
                for i in 0..len {
                    let (value, new) = f($old[i], array::from_fn(|j| state[j][i]), gradient[i]);
                    values[i] = value;
                    for (x, new) in state.iter_mut().zip(new) {
                        x[i] = new;
                    }
                }
            };
        }
        match old.map(|old| &old[..len]) {
            Some(old) => walk!(old),
            None => walk!(values),
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

/// The first `len` entries of `rest`, which keeps the others.
pub(crate) fn split_off<'a, E>(rest: &mut &'a mut [E], len: usize) -> &'a mut [E] {
    let (first, others) = std::mem::take(rest).split_at_mut(len);
    *rest = others;
    first
}

/// Does all `tasks`, over `len` entries together; on several threads if that pays.
pub(crate) fn in_tasks<T: Send>(len: usize, tasks: Vec<T>, work: &(dyn Fn(T) + Sync)) {
    if in_parallel(len) {
        tasks.into_par_iter().with_max_len(1).for_each(work);
    } else {
        tasks.into_iter().for_each(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::math::Math;

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
