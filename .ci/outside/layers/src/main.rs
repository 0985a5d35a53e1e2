//! A user of `tfn-layers` alone: a Bayesian net with a layer and a linear map of one's own, and an own training loop.

use tfn_layers::distributions::OneHotCategorical;
use tfn_layers::module::{Module, Variable};
use tfn_layers::tensor::{DType, Key, Tensor};
use tfn_layers::testing::{check_layer, check_linear_map};
use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Pass, Result};
use tfn_layers::{Estimator, Flipout, LinearMap, Local, PerExample, Reparameterization};
use tfn_layers::{Sequential, Variational, set_estimator};

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

/// One kernel of as many entries as there are inputs, turned by one place from output to output.
#[derive(Clone, Debug)]
struct Circulant(usize);

impl LinearMap for Circulant {
    fn class(&self) -> &'static str {
        "Circulant"
    }

    fn kernel_shape(&self) -> Vec<usize> {
        vec![self.0]
    }

    fn bias_shape(&self) -> Vec<usize> {
        vec![self.0]
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        if *input == [self.0] { Ok(input.to_vec()) } else { Err(format!("[{}]", self.0)) }
    }

    fn apply(&self, x: &Tensor, kernel: &Tensor) -> Tensor {
        let n = self.0;
        let turned: Vec<usize> = (0..n * n).map(|i| (i / n + n - i % n) % n).collect();
        x.matmul(&kernel.gather(0, &turned).reshape(&[n, n]))
    }
}

/// The map keeps the laws, and a layer over it does under each estimator.
fn all_estimators() -> std::result::Result<(), tfn_layers::testing::LayerLawError> {
    let x = Key::from_seed(4).stream().normal(&[5, 4], DType::F64);
    check_linear_map(&Circulant(4), &x)?;
    let layer = Variational::<Circulant, Local>::over(Circulant(4)).dtype(DType::F64).seed(1);
    let layer = layer.activation_fn(Tensor::tanh).build()?;
    check_under(&layer, Local, &x)?;
    check_under(&layer, Flipout, &x)?;
    check_under(&layer, PerExample, &x)?;
    check_under(&layer, Reparameterization, &x)
}

fn check_under(
    layer: &dyn Layer,
    estimator: impl Estimator,
    x: &Tensor,
) -> std::result::Result<(), tfn_layers::testing::LayerLawError> {
    set_estimator(layer, estimator)?;
    check_layer(layer, x)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    all_estimators()?;
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
