//! Blocks and tasks on several threads.
//!
//! What is done to a block comes as `dyn Fn`, so that the plumbing of threads is compiled once for each element type
//! and not once for each function.

use std::ops::Range;

use rayon::prelude::*;

use crate::dtype::Element;

/// Entries that one thread works on at a time.
pub(crate) const BLOCK: usize = 8 * 1024;
/// Entries below which waking other threads takes longer than the work.
pub(super) const PARALLEL: usize = BLOCK / 2;

/// Whether a pass over `len` entries is given to several threads. The result never depends on it.
pub(super) fn in_parallel(len: usize) -> bool {
    len >= PARALLEL && rayon::current_num_threads() > 1
}

/// Does `work` to each block of `size` entries, given where it begins; on several threads if that pays.
pub(crate) fn in_blocks<E: Element>(
    out: &mut [E],
    size: usize,
    work: &(dyn Fn(usize, &mut [E]) + Sync),
) {
    let parallel = in_parallel(out.len());
    in_chunks(out, size, parallel, &|block, out| work(block * size, out));
}

/// Does `work` to each chunk of `size` entries, given its number; on several threads if so told.
pub(crate) fn in_chunks<E: Send>(
    out: &mut [E],
    size: usize,
    parallel: bool,
    work: &(dyn Fn(usize, &mut [E]) + Sync),
) {
    if parallel {
        out.par_chunks_mut(size).enumerate().for_each(|(chunk, out)| work(chunk, out));
    } else {
        out.chunks_mut(size).enumerate().for_each(|(chunk, out)| work(chunk, out));
    }
}

/// Does all `tasks`, over `len` entries together; on several threads if that pays.
pub(crate) fn in_tasks<T: Send>(len: usize, tasks: Vec<T>, work: &(dyn Fn(T) + Sync)) {
    if in_parallel(len) {
        tasks.into_par_iter().with_max_len(1).for_each(work);
    } else {
        tasks.into_iter().for_each(work);
    }
}

/// `run` over the blocks of `size` entries from 0 to `len`, in order.
pub(crate) fn by_blocks(
    len: usize,
    size: usize,
    run: &(dyn Fn(Range<usize>) -> f64 + Sync),
) -> Vec<f64> {
    let mut results = vec![0.0; len.div_ceil(size)];
    in_chunks(&mut results, 1, in_parallel(len), &|block, result| {
        result.fill(run(block * size..len.min((block + 1) * size)));
    });
    results
}

/// A block of several outputs: the entries, and the part of each output.
type Parts<'a, E> = (Range<usize>, Vec<&'a mut [E]>);

/// What is done to a block and its part of each output.
type RunInto<'a, E, const S: usize> = dyn Fn(Range<usize>, Vec<&mut [E]>) -> [f64; S] + Sync + 'a;

/// [`by_blocks`] with a part of each output for each block; those that are empty stay so.
pub(crate) fn by_blocks_into<E: Element, const S: usize>(
    len: usize,
    size: usize,
    mut outputs: Vec<&mut [E]>,
    run: &RunInto<'_, E, S>,
) -> Vec<[f64; S]> {
    let mut results = vec![[0.0; S]; len.div_ceil(size)];
    let blocks = (0..len).step_by(size).zip(&mut results).map(|(start, result)| {
        let range = start..len.min(start + size);
        let parts = outputs.iter_mut().map(|rest| split_off(rest, range.len())).collect();
        ((range, parts), result)
    });
    let blocks: Vec<(Parts<'_, E>, &mut [f64; S])> = blocks.collect();
    in_tasks(len, blocks, &|((range, parts), result)| *result = run(range, parts));
    results
}

/// The first `len` entries of `rest`, or all that it has; it keeps the others.
pub(crate) fn split_off<'a, E>(rest: &mut &'a mut [E], len: usize) -> &'a mut [E] {
    let len = len.min(rest.len());
    let (first, others) = std::mem::take(rest).split_at_mut(len);
    *rest = others;
    first
}
