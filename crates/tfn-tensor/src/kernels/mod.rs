//! The loops over entries: all code that computes with slices of numbers.
//!
//! A kernel is a free function of the form (out, set or add, inputs): it writes into a slice that
//! its caller owns, knows nothing of tensors, graphs or errors, and allocates nothing but small
//! scratch. Lengths and shapes have been checked by then; a wrong one is a bug of this crate.
//!
//! Three rules hold in all of them:
//!
//! * **The same bits for any number of threads.** Work is split into blocks whose size depends on
//!   the shapes alone, and partial sums are added in the order of the blocks.
//! * **The best instructions of the machine, chosen at run time.** A loop is a struct whose body is
//!   inlined into one copy for each instruction set ([`pulp`]), where plain code over slices
//!   becomes vector code. No copy fuses a multiplication with an addition, so all give the same bits.
//!   A closure is passed as `#[inline(always)] move |x| ..` if it does more than a few operations or
//!   captures anything: one that is called instead of inlined, or that reads what it captured through
//!   a pointer, makes its loop ten times slower.
//! * **Sums are kept in `f64`**, so that an `f32` result is as good as its rounding.
//!
//! | file | what it computes |
//! |---|---|
//! | [`arch`] | which instructions are used |
//! | [`mod@map`] | a function of each entry, in one pass |
//! | [`parallel`] | blocks and tasks on several threads |
//! | [`broadcast`] | the same over inputs of different shapes |
//! | [`reduce`] | sums and extremes of all entries |
//! | [`log_sum`] | sums of terms with logarithms |
//! | [`sums`] | several functions of the same entries, written or summed |
//! | [`axes`] | sums over axes |
//! | [`mod@permute`] | axes in another order |
//! | [`mod@softmax`] | sums and maxima in the exponential scale along an axis |
//! | [`product`] | matrix products |
//! | [`convolution`] | products with patches of images |
//! | [`pool`] | the largest entry and the mean of what a window reads |
//! | [`normal`] | standard normals from random words |

pub(crate) mod arch;
pub(crate) mod axes;
pub(crate) mod broadcast;
pub(crate) mod convolution;
pub(crate) mod log_sum;
pub(crate) mod map;
pub(crate) mod normal;
pub(crate) mod parallel;
pub(crate) mod permute;
mod pool;
pub(crate) mod product;
pub(crate) mod reduce;
pub(crate) mod softmax;
mod sums;

pub(crate) use axes::{sum_axes, unbroadcast};
pub(crate) use broadcast::{broadcast, broadcast_map_by, broadcast_map2};
pub(crate) use log_sum::LogSum;
pub(crate) use map::{
    Block, add_assign, add_block, add_made, block, map_by, map1, map2, map3, update_block,
    write_block,
};
pub(crate) use parallel::{BLOCK, by_blocks_into, in_blocks, in_chunks, in_tasks, split_off};
pub(crate) use permute::permute;
pub(crate) use pool::Pool;
#[cfg(test)]
pub(crate) use product::product_count;
pub(crate) use product::{Factor, Product};
pub(crate) use reduce::{all_finite, sum, sum_of_blocks};
pub(crate) use softmax::{argmax_axis, argmin_axis, log_softmax, logsumexp, max_axis, softmax};
pub(crate) use sums::Sums;

/// What a kernel does with the numbers that are already in its output.
///
/// The first contribution to a gradient is set, the others are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accumulate {
    /// Overwrites them, whatever they are.
    Set,
    /// Adds to them.
    Add,
}
