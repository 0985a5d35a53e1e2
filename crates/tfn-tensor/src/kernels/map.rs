//! A function of each entry, in one pass over memory.

use std::array;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Accumulate;
use crate::Element;

/// Entries that one thread works on at a time.
pub(super) const BLOCK: usize = 16 * 1024;
/// Entries below which waking other threads takes longer than the work.
pub(super) const PARALLEL: usize = 2 * BLOCK;

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
    let (f, arch) = (&f, Arch::new());
    let inputs = inputs.map(|x| &x[..out.len()]);
    in_blocks(out, BLOCK, &|block, out| {
        let start = block * BLOCK;
        let inputs = inputs.map(|x| &x[start..start + out.len()]);
        arch.dispatch(Map { out, accumulate, inputs, f });
    });
}

/// Does `work` to each block of `size` entries, given its number; on several threads if that pays.
///
/// Not generic over `work`: the plumbing of threads is compiled once and not for every function.
pub(super) fn in_blocks<E: Element>(
    out: &mut [E],
    size: usize,
    work: &(dyn Fn(usize, &mut [E]) + Sync),
) {
    if in_parallel(out.len()) {
        let blocks = out.par_chunks_mut(size).enumerate();
        blocks.for_each(|(block, out)| work(block, out));
    } else {
        let blocks = out.chunks_mut(size).enumerate();
        blocks.for_each(|(block, out)| work(block, out));
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

/// One block of [`update`].
struct Update<'a, E, const M: usize, const N: usize, F> {
    state: [&'a mut [E]; M],
    inputs: [&'a [E]; N],
    f: &'a F,
}

impl<E: Element, const M: usize, const N: usize, F> WithSimd for Update<'_, E, M, N, F>
where
    F: Fn([E; M], [E; N]) -> [E; M] + Copy,
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { state, inputs, f } = self;
        // A copy of its own, so that what it captures stays in registers.
        let f = *f;
        let len = inputs[0].len();
        let mut state = state.map(|x| &mut x[..len]);
        let inputs = inputs.map(|x| &x[..len]);
        for i in 0..len {
            let new = f(array::from_fn(|j| state[j][i]), array::from_fn(|j| inputs[j][i]));
            for (x, new) in state.iter_mut().zip(new) {
                x[i] = new;
            }
        }
    }
}

/// Splits [`update`] in halves at a multiple of [`BLOCK`] until a part is one block.
fn update_blocks<E: Element, const M: usize, const N: usize>(
    state: [&mut [E]; M],
    inputs: [&[E]; N],
    f: &(impl Fn([E; M], [E; N]) -> [E; M] + Sync + Copy),
) {
    let len = inputs[0].len();
    if len <= BLOCK {
        return Arch::new().dispatch(Update { state, inputs, f });
    }
    let half = len.div_ceil(2 * BLOCK) * BLOCK;
    let mut left: [&mut [E]; M] = array::from_fn(|_| <&mut [E]>::default());
    let mut right: [&mut [E]; M] = array::from_fn(|_| <&mut [E]>::default());
    for (x, (left, right)) in state.into_iter().zip(left.iter_mut().zip(&mut right)) {
        (*left, *right) = x.split_at_mut(half);
    }
    rayon::join(
        || update_blocks(left, inputs.map(|x| &x[..half]), f),
        || update_blocks(right, inputs.map(|x| &x[half..]), f),
    );
}

/// state ← f(state, inputs), entry by entry, for `M` arrays changed in place.
fn update<E: Element, const M: usize, const N: usize>(
    state: [&mut [E]; M],
    inputs: [&[E]; N],
    f: impl Fn([E; M], [E; N]) -> [E; M] + Sync + Copy,
) {
    let lengths = state.iter().map(|x| x.len()).chain(inputs.iter().map(|x| x.len()));
    let len = lengths.min().unwrap_or(0);
    let (state, inputs) = (state.map(|x| &mut x[..len]), inputs.map(|x| &x[..len]));
    if in_parallel(len) {
        update_blocks(state, inputs, &f);
    } else {
        Arch::new().dispatch(Update { state, inputs, f: &f });
    }
}

/// a ← f(a, g), entry by entry over the shorter of the two.
pub fn update1<E: Element>(a: &mut [E], g: &[E], f: impl Fn(E, E) -> E + Sync + Copy) {
    update(
        [a],
        [g],
        #[inline(always)]
        move |[a], [g]| [f(a, g)],
    );
}

/// (a, b) ← f(a, b, g), entry by entry over the shortest: an optimizer with one moment.
pub fn update2<E: Element>(
    a: &mut [E],
    b: &mut [E],
    g: &[E],
    f: impl Fn(E, E, E) -> (E, E) + Sync + Copy,
) {
    update(
        [a, b],
        [g],
        #[inline(always)]
        move |[a, b], [g]| f(a, b, g).into(),
    );
}

/// (a, b, c) ← f(a, b, c, g), entry by entry over the shortest: an optimizer with two moments.
pub fn update3<E: Element>(
    a: &mut [E],
    b: &mut [E],
    c: &mut [E],
    g: &[E],
    f: impl Fn(E, E, E, E) -> (E, E, E) + Sync + Copy,
) {
    update(
        [a, b, c],
        [g],
        #[inline(always)]
        move |[a, b, c], [g]| f(a, b, c, g).into(),
    );
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
            update1(&mut a, &g, |a, g| a + g);
            update2(&mut a, &mut b, &g, |a, b, g| (a - g * b, b + 1.0));
            update3(&mut a, &mut b, &mut c, &g, |a, b, c, g| (a + g, b + c, c * b));
            let exact: Vec<f32> = g.iter().map(|g| g + g - g + g).collect();
            assert_eq!(a, exact);
            assert!(b.iter().all(|&b| b == 4.0) && c.iter().all(|&c| c == 4.0));
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
