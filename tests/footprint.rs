//! Once it is warm, training asks the allocator for no large block.

// An allocator that counts cannot be written without `unsafe`; this one hands every request on as it is.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use tfn::distributions::OneHotCategorical;
use tfn::train::data::Dataset;
use tfn::train::{Adam, Event, Fit};
use tfn::{AffineVariationalReparameterizationLocal as Local, DType, Key, Sequential, Tensor};

/// Size in bytes from which a block counts as large.
const LARGE: usize = 64 << 10;

/// The system's allocator, and how often it was asked for a large block.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Sizes of the first large blocks, for the message of a failure.
static SIZES: [AtomicUsize; 1024] = [const { AtomicUsize::new(0) }; 1024];

fn note(size: usize) {
    if size >= LARGE {
        let index = COUNT.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = SIZES.get(index) {
            place.store(size, Ordering::Relaxed);
        }
    }
}

// SAFETY: every method is the system allocator's own, called with the arguments that came in.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_large_block_is_allocated_after_the_second_step() {
    const UNITS: [usize; 4] = [784, 300, 100, 10];
    const ROWS: usize = 128 * 6;
    let layer = |i: usize| {
        let [inputs, outputs] = [UNITS[i], UNITS[i + 1]];
        Local::builder(inputs, outputs).seed(1).name(format!("layer{i}"))
    };
    let model = Sequential::of(layer(0).activation_fn(Tensor::relu).build().unwrap())
        .then(layer(1).activation_fn(Tensor::relu).build().unwrap())
        .then(layer(2).build().unwrap())
        .with_head(|logits| OneHotCategorical::from_logits(logits));
    let x = Key::from_seed(2).stream().uniform(&[ROWS, UNITS[0]], DType::F32);
    let labels = (0..ROWS).map(|row| (row % 10) as f32).collect();
    let labels = Tensor::from_vec::<f32>(labels, &[ROWS]).one_hot(10);
    let data = Dataset::new(x, labels).unwrap();

    let mut counts = Vec::with_capacity(16);
    let fit = Fit::new(ROWS, 128, 1).unwrap();
    let observe = |event: Event| {
        if let Event::Step { .. } = event {
            counts.push(COUNT.load(Ordering::Relaxed));
        }
        ControlFlow::Continue(())
    };
    fit.run_model(&model, &data, &mut Adam::new(1e-3).unwrap(), observe).unwrap();

    assert_eq!(counts.len(), 6);
    assert!(counts[0] > 0, "the counter does not count");
    let (second, last) = (counts[1], counts[5]);
    let sizes = SIZES.iter().map(|size| size.load(Ordering::Relaxed));
    let sizes: Vec<usize> = sizes.take(last).skip(second).collect();
    assert!(
        second == last,
        "{} large blocks in four steps, of {sizes:?} bytes; after each step {counts:?}",
        last - second
    );
}
