//! Functions of pre-activations that are no methods of a tensor.
//!
//! Counterpart: `tf_keras.activations`. They are known by name in files, as the elementwise methods of
//! [`Tensor`] are; [`Lambda::activation`](crate::Lambda::activation) makes a layer of a name.
//!
//! # Examples
//! ```
//! use tfn_layers::tensor::Tensor;
//! use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Lambda, Layer, activations};
//!
//! let hidden = Bayesian::builder(3, 8).activation_fn(activations::gelu).build()?;
//! let relu = Lambda::activation("relu")?;
//! assert_eq!(relu.call(&Tensor::scalar(-1.0))?.item()?, 0.0);
//! # let _ = hidden;
//! # Ok::<(), tfn_layers::LayerError>(())
//! ```

use tfn_tensor::Tensor;

/// `x·Φ(x)` with the standard normal distribution function Φ.
///
/// # References
/// Hendrycks & Gimpel 2016, [arXiv 1606.08415](https://arxiv.org/abs/1606.08415).
pub fn gelu(x: &Tensor) -> Tensor {
    x * x.ndtr()
}

/// `x·sigmoid(x)`, also called swish.
///
/// # References
/// Elfwing, Uchibe & Doya 2017, [arXiv 1702.03118](https://arxiv.org/abs/1702.03118).
pub fn silu(x: &Tensor) -> Tensor {
    x * x.sigmoid()
}

/// `max(x, x / 5)`, with the slope of `tf.nn.leaky_relu`.
pub fn leaky_relu(x: &Tensor) -> Tensor {
    x * 0.2 + x.relu() * 0.8
}

/// Probabilities along the last axis.
pub fn softmax(x: &Tensor) -> Tensor {
    x.softmax(-1)
}

/// Logarithms of probabilities along the last axis.
pub fn log_softmax(x: &Tensor) -> Tensor {
    x.log_softmax(-1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::testing::check_gradients;

    /// Values to twenty digits.
    #[test]
    fn values_and_slopes_are_theirs() {
        let x = Tensor::from_vec(vec![-2.0, -0.5, 0.7], &[3]);
        let near = |given: Tensor, expected: [f64; 3]| {
            let given = given.to_vec::<f64>().unwrap();
            let apart = given.iter().zip(&expected).map(|(g, e)| (g - e).abs());
            assert!(apart.fold(0.0, f64::max) < 2e-16, "{given:?}");
        };
        near(
            gelu(&x),
            [-0.045_500_263_896_358_42, -0.154_268_769_362_993_48, 0.530_625_443_443_848_9],
        );
        near(
            silu(&x),
            [-0.238_405_844_044_235_11, -0.188_770_334_399_072_7, 0.467_731_440_517_716_3],
        );
        near(leaky_relu(&x), [-0.4, -0.1, 0.7]);
        for function in [gelu, silu, leaky_relu, softmax, log_softmax] {
            check_gradients(std::slice::from_ref(&x), |v| function(&v[0]).sin()).unwrap();
        }
    }
}
