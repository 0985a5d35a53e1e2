//! A net whose output is drawn from its moments.

use std::sync::Arc;

use tfn_module::{Module, describe_fields};
use tfn_tensor::{Key, Tensor};

use crate::contract::{IntoLayer, Layer, Moments, Pass};
use crate::error::Result;

/// A net that propagates the mean and variance of each entry in place of draws. Its output is drawn from normals with
/// the mean and variance that come out at its end.
///
/// One pass takes as long as two draws, and every further draw costs no more than its noise. This is of use for
/// prediction with many draws, and for training, where the gradient has no noise but that of the output. Losses are
/// those of the net.
///
/// # Where it is exact
/// Each entry is treated as normal, and as independent of the others. For posteriors of independent normals mean and
/// variance of the output are exact as far as the second layer of weights (the units of the first are independent given
/// its input), and so is the distribution of the first one's pre-activations. Beyond, correlations between units are
/// left out, and a pre-activation is a sum of many terms, taken for normal by the central limit theorem.
/// docs/estimators.md has measured how far off that is.
///
/// # Errors
/// A call fails with [`LayerError::NoMoments`](crate::LayerError::NoMoments) for a layer whose moments are not known: an activation that
/// [`Moments::through`] does not take, a posterior of other than independent normals, a layer of one's own without
/// [`Layer::forward_moments`] whose input is not known exactly.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Key, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, MomentMatching, Sequential};
///
/// let net = Sequential::of(Bayesian::builder(3, 20).activation_fn(Tensor::relu).seed(1).build()?)
///     .then(Bayesian::builder(20, 1).seed(2).build()?);
/// let net = MomentMatching::new(net);
/// let x = Tensor::ones(&[4, 3], DType::F32);
/// let moments = net.moments(&x)?;
/// assert_eq!(moments.mean.shape()?, [4, 1]);
/// // A thousand draws for the price of one.
/// let keys: Vec<Key> = (0..1000).map(|i| Key::from_seed(3).index(i)).collect();
/// assert_eq!(net.prepare(&x)(&keys)?.shape()?, [1000, 4, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Hernández-Lobato & Adams, *Probabilistic backpropagation*, ICML 2015; Wu et al., *Deterministic variational inference for robust Bayesian neural
/// networks*, ICLR 2019, sections 3.1 and 3.2 (with diagonal covariances).
#[derive(Debug, Module)]
#[module(crate = tfn_module)]
pub struct MomentMatching {
    net: Arc<dyn Layer>,
}

describe_fields!(MomentMatching as "tfn.layers.MomentMatching" { net });

impl MomentMatching {
    /// Wraps `net`, so that it is computed by its moments.
    pub fn new(net: impl IntoLayer) -> Self {
        Self { net: net.into_layer() }
    }

    /// The net itself.
    pub fn net(&self) -> &Arc<dyn Layer> {
        &self.net
    }

    /// Mean and variance of the net's output at `x`.
    ///
    /// # Errors
    /// As a call.
    pub fn moments(&self, x: &Tensor) -> Result<Moments> {
        let pass = Pass::new(self, &Key::from_seed(0));
        self.moments_in(x, &pass).map_err(|error| error.within(&self.name()))
    }

    fn moments_in(&self, x: &Tensor, pass: &Pass) -> Result<Moments> {
        self.propagated(&Moments::known(x.clone()), pass)
    }

    fn propagated(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        let net = pass.child("net", pass.input());
        self.net
            .forward_moments(x, &net)
            .map_err(|error| error.within(&self.net.name()).within("net"))
    }
}

impl Layer for MomentMatching {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let [mean, variance] = pass.once(x, || {
            let Moments { mean, variance } = self.moments_in(x, pass)?;
            let dtype = mean.dtype()?;
            Ok([mean, variance.unwrap_or_else(|| Tensor::zeros(&[], dtype))])
        })?;
        if variance.ndims()? < mean.ndims()? {
            return Ok(mean);
        }
        let noise = pass.normal("output", &mean)?;
        Ok(Tensor::normal_sample(&mean, &variance.sqrt(), &noise).check()?)
    }

    fn draws_together(&self) -> bool {
        self.net.draws_together()
    }

    fn forward_moments(&self, x: &Moments, pass: &Pass) -> Result<Moments> {
        self.propagated(x, pass)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::check_layer;
    use crate::{
        Affine, AffineVariationalReparameterizationLocal as Bayesian, Lambda, LayerError,
        Sequential,
    };
    use tfn_tensor::DType;
    use tfn_util::make_kernel_bias_posterior_mvn_diag_with_scale;

    fn layer(
        inputs: usize,
        outputs: usize,
        seed: u64,
    ) -> crate::Builder<crate::Dense, crate::Local> {
        Bayesian::builder(inputs, outputs)
            .make_posterior_fn(|spec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.4))
            .dtype(DType::F64)
            .seed(seed)
    }

    fn inputs() -> Tensor {
        Key::from_seed(7).stream().normal(&[5, 3], DType::F64)
    }

    /// Mean and variance of draws of the net itself, `[rows, outputs]`, and the number of draws.
    fn drawn(net: &dyn Layer, x: &Tensor) -> ([Vec<f64>; 2], f64) {
        const DRAWS: u64 = 100_000;
        let keys: Vec<Key> = (0..DRAWS).map(|i| Key::from_seed(5).index(i)).collect();
        let prepared = net.prepare(x);
        let (mut sum, mut squares) = (Vec::new(), Vec::new());
        for keys in keys.chunks(1000) {
            let y = prepared(keys).unwrap();
            let add = |to: &mut Vec<f64>, part: Tensor| {
                let part = part.sum_axes(&[0], false).to_vec::<f64>().unwrap();
                to.resize(part.len(), 0.0);
                to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
            };
            add(&mut sum, y.clone());
            add(&mut squares, y.square());
        }
        let n = DRAWS as f64;
        let mean: Vec<f64> = sum.iter().map(|sum| sum / n).collect();
        let variance = squares.iter().zip(&mean).map(|(s, m)| s / n - m * m).collect();
        ([mean, variance], n)
    }

    #[test]
    fn two_layers_of_weights_are_exact() {
        for activation in [Tensor::relu as fn(&Tensor) -> Tensor, Tensor::tanh] {
            let hidden = match activation(&Tensor::scalar(2.0)).item().unwrap() {
                2.0 => layer(3, 8, 1).activation_fn(Tensor::relu),
                _ => layer(3, 8, 1).activation_fn(Tensor::tanh),
            };
            let net = Sequential::of(hidden.build().unwrap()).then(layer(8, 2, 2).build().unwrap());
            let ([mean, variance], n) = drawn(&net, &inputs());
            let moments = MomentMatching::new(net).moments(&inputs()).unwrap();
            let got_mean = moments.mean.to_vec::<f64>().unwrap();
            let got_variance = moments.variance.unwrap().to_vec::<f64>().unwrap();
            for i in 0..10 {
                let error = (got_variance[i] / n).sqrt();
                assert!((mean[i] - got_mean[i]).abs() < 4.5 * error, "{i}");
                // The fourth moment is somewhat larger than a normal's.
                let error = got_variance[i] * (4.0 / n).sqrt();
                assert!(
                    (variance[i] - got_variance[i]).abs() < 4.5 * error,
                    "{i}: {} {}",
                    variance[i],
                    got_variance[i]
                );
            }
        }
    }

    #[test]
    fn layers_without_weights_and_deterministic_ones_take_part() {
        let plain = |seed| Affine::builder(3, 3).dtype(DType::F64).seed(seed);
        let rectified = |seed| plain(seed).activation_fn(Tensor::relu).build().unwrap();
        let net = Sequential::of(Lambda::new("twice", |x| x * 2.0).unwrap())
            .then(rectified(1))
            .then(layer(3, 3, 2).activation_fn(Tensor::sigmoid).build().unwrap())
            .then(plain(3).build().unwrap());
        let ([mean, variance], n) = drawn(&net, &inputs());
        let moments = MomentMatching::new(net).moments(&inputs()).unwrap();
        let got = moments.variance.unwrap().to_vec::<f64>().unwrap();
        let got_mean = moments.mean.to_vec::<f64>().unwrap();
        for i in 0..15 {
            let error = (got[i] / n).sqrt();
            assert!((mean[i] - got_mean[i]).abs() < 4.5 * error, "{i}");
            let error = got[i] * (4.0 / n).sqrt();
            assert!((variance[i] - got[i]).abs() < 4.5 * error, "{i}: {} {}", variance[i], got[i]);
        }
        // Without any noise there is nothing to draw.
        let net = MomentMatching::new(Sequential::of(rectified(1)).then(rectified(4)));
        let x = inputs();
        let [a, b] = [1, 2]
            .map(|seed| net.call_at(&x, &Key::from_seed(seed)).unwrap().to_vec::<f64>().unwrap());
        assert_eq!(a, b);
        assert_eq!(a, net.net().call(&x).unwrap().to_vec::<f64>().unwrap());
    }

    #[test]
    fn it_is_a_layer_by_the_law() {
        let net = Sequential::of(layer(3, 4, 1).activation_fn(Tensor::relu).build().unwrap())
            .then(layer(4, 2, 2).build().unwrap());
        check_layer(&MomentMatching::new(net), &inputs()).unwrap();
    }

    #[test]
    fn what_has_no_moments_is_named() {
        let odd = Lambda::new("odd", |x| x.log_softmax(-1)).unwrap();
        let net = Sequential::of(layer(3, 3, 1).build().unwrap()).then(odd);
        let error = MomentMatching::new(net).call(&inputs()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("layers/1/odd: "), "{text}");
        assert!(text.contains("no moments"), "{text}");
        let sign = layer(3, 3, 1).activation_fn(Tensor::sign).name("sign").build().unwrap();
        let error = MomentMatching::new(Sequential::of(sign)).call(&inputs()).unwrap_err();
        assert!(error.to_string().contains("sign: "), "{error}");
        let mut inner = &error;
        while let LayerError::In { source, .. } = inner {
            inner = source;
        }
        assert!(matches!(inner, LayerError::NoMoments { .. }));
    }
}
