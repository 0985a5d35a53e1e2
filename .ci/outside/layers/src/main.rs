//! A user of `tfn-layers` alone: a Bayesian net with a layer of one's own, and an own training loop.

use tfn_layers::distributions::OneHotCategorical;
use tfn_layers::module::{Module, Variable};
use tfn_layers::tensor::{DType, Key, Tensor};
use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Pass, Result, Sequential};

/// One factor for all inputs.
#[derive(Debug, Module)]
struct Gain {
    gain: Variable,
}

impl Layer for Gain {
    fn forward(&self, x: &Tensor, _pass: &Pass) -> Result<Tensor> {
        Ok((x * self.gain.tensor()).check()?)
    }
}

fn main() -> Result<()> {
    let gain = Gain { gain: Variable::new("gain", Tensor::scalar(1.0_f32))? };
    let net = Sequential::of(gain).then(Bayesian::builder(4, 3).seed(1).build()?);
    let model = net.with_head(|logits| OneHotCategorical::from_logits(logits));
    let x = Key::from_seed(2).stream().normal(&[64, 4], DType::F32);
    let y = x.narrow(1, 0, 3).argmax(-1).one_hot(3);

    let mut losses = Vec::new();
    for step in 0..200 {
        let key = Key::from_seed(3).index(step);
        let nll = -model.call_at(&x, &key)?.log_prob(&y)?.mean();
        let loss = nll + model.losses_at(&key)? / 64_000.0;
        let gradients = loss.gradients()?;
        for variable in model.trainable_variables() {
            variable.assign(&(variable.value() - gradients.of(&variable) * 0.5))?;
        }
        losses.push(loss.item()?);
    }
    assert!(losses[199] < 0.5 * losses[0], "{} to {}", losses[0], losses[199]);
    println!("layers: loss from {:.3} to {:.3}", losses[0], losses[199]);
    Ok(())
}
