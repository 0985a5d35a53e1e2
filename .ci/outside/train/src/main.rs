//! A user of `tfn-train` alone: trains a small Bayesian net, predicts, and judges the prediction.

use tfn_train::data::Dataset;
use tfn_train::distributions::OneHotCategorical;
use tfn_train::layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
use tfn_train::metrics::auroc;
use tfn_train::tensor::{DType, Key, Tensor};
use tfn_train::{Adam, Fit, KlWeight, MonteCarlo, Result, Schedule};

fn main() -> Result<()> {
    // Points in the plane, labelled by the sign of their product.
    let key = Key::from_seed(1);
    let points = |label: &str| key.child(label).stream().uniform(&[400, 2], DType::F32) * 2.0 - 1.0;
    let label = |x: &Tensor| {
        let product = x.narrow(1, 0, 1) * x.narrow(1, 1, 1);
        product.squeeze(1).gt(&Tensor::scalar(0.0_f32))
    };
    let (x, held_out) = (points("train"), points("test"));
    let data = Dataset::new(x.clone(), label(&x))?.one_hot(2)?;

    let hidden = Bayesian::builder(2, 32).activation_fn(Tensor::relu).seed(1).build()?;
    let model = Sequential::of(hidden)
        .then(Bayesian::builder(32, 2).seed(2).build()?)
        .with_head(|logits| OneHotCategorical::from_logits(logits));
    let fit = Fit::new(&data)?.batch_size(50)?.epochs(80).kl_weight(KlWeight::linear_warmup(20.0)?);
    let mut adam = Adam::new(Schedule::cosine_decay(0.02, fit.steps()))?;
    let report = fit.run_model(&model, &mut adam, ())?;

    let prediction = MonteCarlo::new(20)?.classify(&model, &held_out, &key.child("predict"))?;
    let scores = prediction.scores(&label(&held_out))?;
    let split = |right| {
        let rows = prediction.entropy.iter().zip(scores.correct());
        rows.filter(|(_, correct)| *correct == right).map(|(h, _)| *h).collect::<Vec<f64>>()
    };
    let doubt = auroc(&split(true), &split(false))?;
    println!(
        "train: loss {:.3}, held-out accuracy {:.3}, ECE {:.3}, AUROC of entropy for errors {doubt:.3}",
        report.epochs[79].loss,
        scores.accuracy(),
        scores.ece()
    );
    assert!(scores.accuracy() > 0.9 && scores.ece() < 0.2 && doubt > 0.6);
    Ok(())
}
