//! Divergences of posterior from prior, and the negative log-likelihood.
//!
//! Counterpart: `tfp.experimental.nn.losses`, with TFP's signatures: a divergence takes the posterior `q`,
//! the prior `r` and a draw `w` from `q`.

use tfn_distributions::{Distribution, DistributionError, KlMethod, estimate_kl, kl_divergence};
use tfn_tensor::Tensor;

use crate::error::{LayerError, Result};
use crate::layer::Layer;
use crate::weights::PosteriorValue;

/// The Monte Carlo estimate `log q(w) − log r(w)`, summed over all weights: a scalar.
///
/// Unbiased for any pair. If samples of `q` carry no gradient, the gradient is the score function's.
///
/// # Errors
/// What drawing and the densities report; [`LayerError::Structure`] if `q` and `r` differ in the number of
/// parts.
///
/// # References
/// Blundell et al. 2015, [arXiv 1505.05424](https://arxiv.org/abs/1505.05424), equation 2. Score function:
/// Foerster et al. 2018, [arXiv 1802.05098](https://arxiv.org/abs/1802.05098), equation 5.
pub fn kl_divergence_monte_carlo(
    q: &dyn Distribution,
    r: &dyn Distribution,
    w: &PosteriorValue<'_>,
) -> Result<Tensor> {
    let values = w.parts()?;
    let mut sum: Option<Tensor> = None;
    for ((q, r), value) in parts(q, r)?.into_iter().zip(values) {
        let term = monte_carlo_of(q, r, value)?;
        sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
    }
    sum.ok_or(LayerError::Structure { layer: "kl_divergence_monte_carlo", posterior: 0, prior: 0 })
}

fn monte_carlo_of(q: &dyn Distribution, r: &dyn Distribution, w: &Tensor) -> Result<Tensor> {
    if q.reparameterization().is_differentiable() {
        return Ok((q.log_prob(w)?.sum() - r.log_prob(w)?.sum()).check()?);
    }
    let w = w.detach();
    let log_q = q.log_prob(&w)?.sum();
    let value = &log_q - r.log_prob(&w)?.sum();
    // One in value, the score in gradient.
    let score = (&log_q - log_q.detach()).exp();
    Ok((value * score).check()?)
}

/// The divergence in closed form, summed over all weights: a scalar. It does not look at `w`.
///
/// # Errors
/// [`NoKlRule`](tfn_distributions::DistributionError::NoKlRule) for a pair that has
/// none, and what the rule reports.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::{Normal, Sample};
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::KernelBiasSpec;
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, losses};
///
/// let standard_normal = |spec: &KernelBiasSpec| {
///     spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0_f32, 1.0_f32)?, weight.shape)?))
/// };
/// let layer = Bayesian::builder(3, 2)
///     .make_prior_fn(standard_normal)
///     .divergence(losses::kl_divergence_exact)
///     .build()?;
/// layer.call(&Tensor::ones(&[4, 3], DType::F32))?;
/// assert!(layer.losses()?.item()? > 0.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub fn kl_divergence_exact(
    q: &dyn Distribution,
    r: &dyn Distribution,
    w: &PosteriorValue<'_>,
) -> Result<Tensor> {
    let _ = w;
    let mut sum: Option<Tensor> = None;
    for (q, r) in parts(q, r)? {
        let term = kl_divergence(q, r)?.sum();
        sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
    }
    let nothing = LayerError::Structure { layer: "kl_divergence_exact", posterior: 0, prior: 0 };
    Ok(sum.ok_or(nothing)?.check()?)
}

/// The divergence without noise, summed over all weights: a scalar. It is in closed form where there is one, and by
/// quadrature ([`KlMethod::Quadrature`]) otherwise, and does not look at `w`.
///
/// For a mean-field normal posterior and any prior with a density of each weight by itself, the default prior
/// included.
///
/// # Errors
/// [`DistributionError::NoKlRule`] for a pair that has neither, and what the densities report.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Layer, losses};
///
/// let layer =
///     Bayesian::builder(3, 2).divergence(losses::kl_divergence_quadrature).build()?;
/// layer.call(&Tensor::ones(&[4, 3], DType::F32))?;
/// assert!(layer.losses()?.item()? > 0.0);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub fn kl_divergence_quadrature(
    q: &dyn Distribution,
    r: &dyn Distribution,
    w: &PosteriorValue<'_>,
) -> Result<Tensor> {
    let _ = w;
    let mut sum: Option<Tensor> = None;
    for (q, r) in parts(q, r)? {
        let term = match kl_divergence(q, r) {
            Err(DistributionError::NoKlRule { .. }) => {
                estimate_kl(q, r, KlMethod::quadrature())?.value
            }
            closed_form => closed_form?,
        };
        sum = Some(sum.map_or_else(|| term.sum(), |sum| sum + term.sum()));
    }
    let nothing =
        LayerError::Structure { layer: "kl_divergence_quadrature", posterior: 0, prior: 0 };
    Ok(sum.ok_or(nothing)?.check()?)
}

/// The parts of both, pair by pair: each is summed over its own batch, which may differ from part to part.
fn parts<'a>(
    q: &'a dyn Distribution,
    r: &'a dyn Distribution,
) -> Result<Vec<(&'a dyn Distribution, &'a dyn Distribution)>> {
    match (q.parts(), r.parts()) {
        (None, None) => Ok(vec![(q, r)]),
        (Some(left), Some(right)) if left.len() == right.len() => {
            Ok(left.iter().zip(right).map(|(q, r)| (q.as_ref(), r.as_ref())).collect())
        }
        (left, right) => {
            let count = |parts: Option<&[_]>| parts.map_or(1, <[_]>::len);
            let (posterior, prior) = (count(left), count(right));
            Err(LayerError::Structure { layer: "kl_divergence", posterior, prior })
        }
    }
}

/// The negative log-likelihood of targets, averaged over one axis: `−mean(log_prob(y), axis)`.
///
/// # Shapes
/// `log_prob` of the model at `x` has the axis `axis`, which the result has not.
///
/// # Errors
/// What the model and the density report.
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
    let log_prob = model_fn(x)?.into_distribution().log_prob(y)?;
    Ok((-log_prob.mean_axes(&[axis], false)).check()?)
}

/// The sum of `loss_fn(posterior, prior, value)` over all variational layers of `layer`, nested ones too,
/// for its last call.
///
/// TFP's function hands its own default to nested layers instead of `loss_fn`; this one hands on what it
/// was given.
///
/// # Errors
/// [`LayerError::NotCalled`] before the first call; what `loss_fn` reports, under the layer's name.
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
    let key = match layer.calls() {
        None => tfn_tensor::Key::from_seed(0),
        Some(calls) => calls.last_key().ok_or_else(|| LayerError::NotCalled {
            layer: layer.name(),
            method: "compute_extra_loss",
        })?,
    };
    layer.sum_of_losses(&key, &|weights, key| {
        let value = PosteriorValue::new(|| weights.value_at(key));
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
}
