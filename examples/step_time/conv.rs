//! Nets of convolutions.

use std::sync::Arc;
use tfn::layers::{Flatten, MaxPooling};
use tfn::{
    Affine, AffineVariationalReparameterizationLocal as Local, Convolution,
    ConvolutionVariationalReparameterizationLocal as LocalConv, Layer, Model, Padding, Sequential,
    Tensor, likelihoods, losses,
};

use crate::{Failure, Kind, standard_normal};

/// `lenet5` on images of 28 by 28, and `cnn`, two times two convolutions of 3 by 3 with 32 and 64 channels and a layer of
/// 256 units, on such of 32 by 32 with three channels.
pub(crate) const NETS: [(&str, [usize; 3]); 2] = [("lenet5", [28, 28, 1]), ("cnn", [32, 32, 3])];

pub(crate) fn model(net: &str, kind: Kind) -> Result<Model, Failure> {
    let valid = || Padding::Valid;
    let mut parts = Parts { layers: Vec::new(), kind };
    if net == "lenet5" {
        parts.conv([1, 6, 5], Padding::Same)?.pool()?;
        parts.conv([6, 16, 5], valid())?.pool()?.conv([16, 120, 5], valid())?;
        parts.flatten().dense([120, 84], true)?.dense([84, 10], false)?;
    } else {
        parts.conv([3, 32, 3], Padding::Same)?.conv([32, 32, 3], valid())?.pool()?;
        parts.conv([32, 64, 3], Padding::Same)?.conv([64, 64, 3], valid())?.pool()?;
        parts.flatten().dense([6 * 6 * 64, 256], true)?.dense([256, 10], false)?;
    }
    let net = Sequential::from_layers(parts.layers)?;
    Ok(net.with_likelihood(likelihoods::OneHotCategorical::new()))
}

/// Multiplications and additions of one example's products in a training step.
pub(crate) fn flops(net: &str, kind: Kind) -> f64 {
    // Positions, entries of a patch and columns of each layer; the first wants no gradient of its input.
    let layers: &[[usize; 3]] = match net {
        "lenet5" => &[[784, 25, 6], [100, 150, 16], [1, 400, 120], [1, 120, 84], [1, 84, 10]],
        _ => &[
            [1024, 27, 32],
            [900, 288, 32],
            [225, 288, 64],
            [169, 576, 64],
            [1, 2304, 256],
            [1, 256, 10],
        ],
    };
    let times = |i: usize| if i == 0 { 2.0 } else { 3.0 };
    let each =
        layers.iter().enumerate().map(|(i, l)| l.iter().product::<usize>() as f64 * times(i));
    each.sum::<f64>() * if kind == Kind::Deterministic { 2.0 } else { 4.0 }
}

struct Parts {
    layers: Vec<Arc<dyn Layer>>,
    kind: Kind,
}

impl Parts {
    fn conv(
        &mut self,
        [inputs, outputs, size]: [usize; 3],
        padding: Padding,
    ) -> Result<&mut Self, Failure> {
        let seed = self.layers.len() as u64;
        self.layers.push(if self.kind == Kind::Deterministic {
            let layer = Convolution::builder(inputs, outputs, size).padding(padding);
            Arc::new(layer.activation_fn(Tensor::relu).seed(seed).build()?)
        } else {
            let layer = LocalConv::builder(inputs, outputs, size).padding(padding);
            let layer =
                layer.make_prior_fn(standard_normal).divergence(losses::kl_divergence_exact);
            Arc::new(layer.activation_fn(Tensor::relu).seed(seed).build()?)
        });
        Ok(self)
    }

    fn dense(&mut self, [inputs, outputs]: [usize; 2], relu: bool) -> Result<&mut Self, Failure> {
        let seed = self.layers.len() as u64;
        self.layers.push(match (self.kind == Kind::Deterministic, relu) {
            (true, true) => Arc::new(
                Affine::builder(inputs, outputs).activation_fn(Tensor::relu).seed(seed).build()?,
            ),
            (true, false) => Arc::new(Affine::builder(inputs, outputs).seed(seed).build()?),
            (false, _) => {
                let layer = Local::builder(inputs, outputs).make_prior_fn(standard_normal);
                let layer = layer.divergence(losses::kl_divergence_exact).seed(seed);
                match relu {
                    true => Arc::new(layer.activation_fn(Tensor::relu).build()?),
                    false => Arc::new(layer.build()?),
                }
            }
        });
        Ok(self)
    }

    fn pool(&mut self) -> Result<&mut Self, Failure> {
        self.layers.push(Arc::new(MaxPooling::new(2)?));
        Ok(self)
    }

    fn flatten(&mut self) -> &mut Self {
        self.layers.push(Arc::new(Flatten::new(3)));
        self
    }
}
