//! A given number of training steps or predictions of one net, for counting instructions.
//!
//! ```text
//! cargo run --release --example counted -- train|predict TIMES
//! ```
//!
//! 784-300-100-10, `f32`, 32 images, TFP's default prior, Adam; a prediction has 8 draws. `.ci/instructions` runs it
//! on one thread with one code path and compares two numbers of times, so that what happens once cancels.

use tfn::distributions::OneHotCategorical;
use tfn::train::data::Dataset;
use tfn::train::{Adam, Fit, MonteCarlo};
use tfn::{AffineVariationalReparameterizationLocal as Bayesian, DType, Key, Sequential, Tensor};

const ROWS: usize = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, times] = arguments.as_slice() else {
        return Err("expected two arguments: train or predict, and how often".into());
    };
    let times: u64 = times.parse()?;
    let model =
        Sequential::of(Bayesian::builder(784, 300).activation_fn(Tensor::relu).seed(1).build()?)
            .then(Bayesian::builder(300, 100).activation_fn(Tensor::relu).seed(2).build()?)
            .then(Bayesian::builder(100, 10).seed(3).build()?)
            .with_head(|logits| OneHotCategorical::from_logits(logits));
    let key = Key::from_seed(1);
    let x = key.child("x").stream().uniform(&[ROWS, 784], DType::F32);
    match kind.as_str() {
        "train" => {
            let labels: Vec<f32> = (0..ROWS).map(|row| (row % 10) as f32).collect();
            let data = Dataset::new(x, Tensor::from_vec(labels, &[ROWS]).one_hot(10))?;
            let fit = Fit::new(&data)?.batch_size(ROWS)?.epochs(times);
            fit.run_model(&model, &mut Adam::new(1e-3)?, ())?;
        }
        "predict" => {
            let monte_carlo = MonteCarlo::new(8)?.batch_size(ROWS)?;
            for time in 0..times {
                monte_carlo.classify(&model, &x, &key.index(time))?;
            }
        }
        other => return Err(format!("expected train or predict, not {other}").into()),
    }
    Ok(())
}
