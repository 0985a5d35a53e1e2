//! The Bayesian network of the original's documentation, on real images, on one screen.

use tfn::distributions::OneHotCategorical;
use tfn::train::data::{Dataset, idx};
use tfn::train::observe::Progress;
use tfn::train::{Adam, Fit};
use tfn::{
    AffineVariationalReparameterizationLocal as BayesAffine, DType, Module, Sequential, Tensor,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1  Prepare the data set.
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist");
    let train = idx::load_pair(mnist, idx::Split::Train, 10)?;
    let train = Dataset::from_images(&train, DType::F32)?.one_hot(10)?;

    // 2  Specify the model.
    let bnn =
        Sequential::of(BayesAffine::builder(28 * 28, 64).activation_fn(Tensor::relu).build()?)
            .then(BayesAffine::new(64, 10)?)
            .named("bayesian_neural_network")?
            .with_head(|logits| OneHotCategorical::from_logits(logits));
    println!("{}", bnn.summary());

    // 3  Train by the ELBO.
    let fit = Fit::new(&train)?.epochs(2);
    fit.run_model(&bnn, &mut Adam::new(1e-3)?, Progress::new("bnn"))?;
    Ok(())
}
