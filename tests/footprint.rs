//! Once it is warm, training asks the allocator for no large block.

mod counting_allocator;

use std::ops::ControlFlow;

use tfn::distributions::OneHotCategorical;
use tfn::train::data::Dataset;
use tfn::train::{Adam, Event, Fit};
use tfn::{AffineVariationalReparameterizationLocal as Local, DType, Key, Sequential, Tensor};

#[global_allocator]
static ALLOCATOR: counting_allocator::Counting = counting_allocator::Counting;

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
    let fit = Fit::new(&data).unwrap().batch_size(128).unwrap().epochs(1);
    let observe = |event: Event| {
        if let Event::Step { .. } = event {
            counts.push(counting_allocator::counts().large_blocks);
        }
        ControlFlow::Continue(())
    };
    fit.run_model(&model, &mut Adam::new(1e-3).unwrap(), observe).unwrap();

    assert_eq!(counts.len(), 6);
    assert!(counts[0] > 0, "the counter does not count");
    let (second, last) = (counts[1], counts[5]);
    let sizes: Vec<usize> = counting_allocator::large_sizes(last).skip(second).collect();
    assert!(
        second == last,
        "{} large blocks in four steps, of {sizes:?} bytes; after each step {counts:?}",
        last - second
    );
}
