//! The system's allocator, counted.

// An allocator that counts cannot be written without `unsafe`; this one hands every request on as it is.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Size in bytes from which a block counts as large.
pub(crate) const LARGE: usize = 64 << 10;

/// Bytes that are in use, and the most that there were at a time.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);
static LARGE_BLOCKS: AtomicUsize = AtomicUsize::new(0);
/// Sizes of the first large blocks.
static SIZES: [AtomicUsize; 1024] = [const { AtomicUsize::new(0) }; 1024];

/// What has been counted so far.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "not every program reads all of it")]
pub(crate) struct Counts {
    /// Bytes in use.
    pub(crate) live: usize,
    /// The most bytes that were in use since [`reset_peak`].
    pub(crate) peak: usize,
    /// Blocks that were asked for.
    pub(crate) blocks: usize,
    /// Those of at least [`LARGE`] bytes.
    pub(crate) large_blocks: usize,
}

#[must_use]
pub(crate) fn counts() -> Counts {
    let [live, peak, blocks, large_blocks] =
        [&LIVE, &PEAK, &BLOCKS, &LARGE_BLOCKS].map(|count| count.load(Relaxed));
    Counts { live, peak, blocks, large_blocks }
}

/// The peak is what is in use now.
#[allow(dead_code, reason = "not every program asks for the peak")]
pub(crate) fn reset_peak() {
    PEAK.store(LIVE.load(Relaxed), Relaxed);
}

/// The sizes of the large blocks from the first up to `last`, as far as they are kept.
#[allow(dead_code, reason = "not every program asks for sizes")]
pub(crate) fn large_sizes(last: usize) -> impl Iterator<Item = usize> {
    SIZES.iter().map(|size| size.load(Relaxed)).take(last)
}

fn took(size: usize) {
    PEAK.fetch_max(LIVE.fetch_add(size, Relaxed) + size, Relaxed);
    BLOCKS.fetch_add(1, Relaxed);
    if size >= LARGE {
        let index = LARGE_BLOCKS.fetch_add(1, Relaxed);
        if let Some(place) = SIZES.get(index) {
            place.store(size, Relaxed);
        }
    }
}

/// To be named the program's `#[global_allocator]`.
pub(crate) struct Counting;

// SAFETY: every method is the system allocator's own, called with the arguments that came in.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        took(size);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(block, layout) }
    }
}
