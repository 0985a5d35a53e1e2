//! Divergences of posterior from prior, and the negative log-likelihood.
//!
//! Counterpart: `tfp.experimental.nn.losses`, with TFP's signatures: a divergence takes the posterior `q`,
//! the prior `r` and a draw `w` from `q`.

use tfn_distributions::Distribution;
use tfn_tensor::Tensor;

use crate::contract::{Layer, sum_of_losses, targets_for};
use crate::divergence::PosteriorValue;
pub use crate::divergence::{
    kl_divergence_exact, kl_divergence_monte_carlo, kl_divergence_quadrature,
};
use crate::error::Result;
pub use crate::variational_dropout::kl_divergence_variational_dropout;

/// The negative log-likelihood of targets, averaged over one axis: `−mean(log_prob(y), axis)`.
///
/// # Shapes
/// `log_prob` of the model at `x` has the axis `axis`, which the result has not.
///
/// `y` has the shape of batch and event of the model at `x`, where `[n]` and `[n, 1]` are the same, or of several of them.
///
/// # Errors
/// [`LayerError::Targets`](crate::LayerError::Targets) for a `y` of another shape: nothing is broadcast. What the model
/// and the density report.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::Normal;
/// use tfn_layers::losses::negloglik;
/// use tfn_layers::tensor::Tensor;
///
/// let (x, y) = (Tensor::from_vec(vec![0.0, 1.0], &[2]), Tensor::from_vec(vec![0.0, 1.0], &[2]));
/// let nll = negloglik(&x, &y, |x| Ok(Normal::new(x, 1.0)?), -1)?;
/// assert!((nll.item()? - 0.9189385332046727).abs() < 1e-15);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub fn negloglik<D: tfn_distributions::IntoDistribution>(
    x: &Tensor,
    y: &Tensor,
    model_fn: impl FnOnce(&Tensor) -> Result<D>,
    axis: isize,
) -> Result<Tensor> {
    let distribution = model_fn(x)?.into_distribution();
    let log_prob = distribution.log_prob(&targets_for(distribution.as_ref(), y)?)?;
    Ok((-log_prob.mean_axes(&[axis], false)).check()?)
}

/// The sum of `loss_fn(posterior, prior, value)` over all weights in `layer`, nested ones too, for the last call.
///
/// TFP's function hands its own default to nested layers instead of `loss_fn`; this one hands on what it
/// was given.
///
/// # Errors
/// [`LayerError::NotCalled`](crate::LayerError::NotCalled) before the first call; what `loss_fn` reports, under the layer's name.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, Sequential, losses};
///
/// let net = Sequential::of(Sequential::of(Bayesian::new(3, 2)?)).then(Bayesian::new(2, 1)?);
/// net.call(&Tensor::ones(&[4, 3], DType::F32))?;
/// let kl = losses::compute_extra_loss(&net, losses::kl_divergence_monte_carlo)?;
/// assert_eq!(kl.item()?, net.losses()?.item()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub fn compute_extra_loss(
    layer: &dyn Layer,
    loss_fn: impl Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>,
) -> Result<Tensor> {
    sum_of_losses(layer, &|_, weights| {
        let key = weights.last_key("compute_extra_loss")?;
        let value = PosteriorValue::new(|| weights.value_at(&key));
        loss_fn(weights.posterior().as_ref(), weights.prior().as_ref(), &value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AffineVariationalReparameterizationLocal as Bayesian;
    use tfn_module::Module;
    use tfn_tensor::DType;

    #[test]
    fn a_layer_trains_with_the_default_prior_without_noise() {
        let layer = Bayesian::builder(20, 10).divergence(kl_divergence_quadrature).build().unwrap();
        let loss = || {
            layer.call(&Tensor::ones(&[4, 20], DType::F32)).unwrap();
            layer.losses().unwrap()
        };
        let before = loss();
        assert_eq!(before.item().unwrap(), loss().item().unwrap());
        let mut last = before.item().unwrap();
        for _ in 0..5 {
            let gradients = loss().gradients().unwrap();
            for variable in layer.trainable_variables() {
                let step = gradients.of(&variable) * 0.1;
                variable.assign(&(variable.value() - step)).unwrap();
            }
            let now = loss().item().unwrap();
            assert!(now < last, "{now} {last}");
            last = now;
        }
    }

    #[test]
    fn targets_are_not_broadcast_against_rows() {
        use tfn_distributions::Normal;

        let column = Tensor::from_vec(vec![0.5, -1.0, 2.0], &[3, 1]);
        let row = column.reshape(&[3]);
        let model = |x: &Tensor| Ok(Normal::new(x, 1.0)?);
        let right = negloglik(&row, &row, model, -1).unwrap().item().unwrap();
        assert_eq!(right, 0.5 * (2.0 * std::f64::consts::PI).ln());
        // `[3]` and `[3, 1]` are the same, whichever the net and the targets are.
        let of_column = negloglik(&column, &row, model, 0).unwrap();
        assert_eq!((of_column.shape().unwrap(), of_column.item().unwrap()), (&[1][..], right));
        assert_eq!(negloglik(&row, &column, model, -1).unwrap().item().unwrap(), right);
        for (x, y) in
            [(&column, row.narrow(0, 0, 2)), (&column, Tensor::zeros(&[3, 2], DType::F64))]
        {
            let error = negloglik(x, &y, model, -1).unwrap_err().to_string();
            assert!(error.contains(&format!("{:?}", y.shape().unwrap())), "{error}");
            assert!(error.contains("[3, 1]"), "{error}");
        }
    }
}
