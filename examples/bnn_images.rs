//! The Bayesian network of the original's documentation, on real images, on one screen.

use std::ops::ControlFlow;

use tfn::distributions::OneHotCategorical;
use tfn::train::data::{Dataset, idx};
use tfn::train::{Adam, Fit};
use tfn::{
    AffineVariationalReparameterizationLocal as BayesAffine, DType, Module, Sequential, Tensor,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1  Prepare the data set.
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist");
    let train = Dataset::from_images(&idx::load_pair(mnist, idx::Split::Train, 10)?, DType::F32)?;

    // 2  Specify the model.
    let bnn =
        Sequential::of(BayesAffine::builder(28 * 28, 64).activation_fn(Tensor::relu).build()?)
            .then(BayesAffine::new(64, 10)?)
            .named("bayesian_neural_network")?
            .with_head(|logits| OneHotCategorical::from_logits(logits));
    println!("{}", bnn.summary());

    // 3  Train.
    let fit = Fit::new(train.len(), 32, 1)?;
    let loss = |batch: &Dataset, step: &tfn::train::Step| {
        let nll =
            -bnn.call_at(batch.features(), &step.key)?.log_prob(&batch.targets().one_hot(10))?;
        Ok(step.loss(&nll, &bnn.losses_at(&step.key)?)?.into())
    };
    let report =
        fit.run(&train, &bnn.trainable_variables(), &mut Adam::new(1e-3)?, loss, |_| {
            ControlFlow::Continue(())
        })?;
    for (epoch, mean) in report.epochs.iter().enumerate() {
        println!(
            "epoch {}: nll {:.3}, kl {:.0}, loss {:.3}",
            epoch + 1,
            mean.nll,
            mean.kl,
            mean.loss
        );
    }
    Ok(())
}
