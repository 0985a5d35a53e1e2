//! Targets when the net's output is normal.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_tensor::Tensor;

/// What a likelihood says of the targets when all that is known of the net's output is that its entries are independent
/// normals: the output is integrated out.
///
/// [`Likelihood::marginal`](crate::Likelihood::marginal) gives it where it has a closed form.
///
/// # Examples
/// ```
/// use tfn_layers::likelihoods::{Noise, Normal};
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Likelihood, Moments};
///
/// let output = Moments { mean: Tensor::zeros(&[1, 1], DType::F64), variance: Some(Tensor::full(&[1, 1], 9.0, DType::F64)) };
/// let marginal = Normal::with_noise(Noise::given(4.0)).marginal(&output)?.ok_or("no closed form")?;
/// assert_eq!(marginal.distribution.stddev()?.to_f64_vec()?, [5.0]);
/// assert_eq!((marginal.epistemic.to_f64_vec()?, marginal.aleatoric.to_f64_vec()?), (vec![9.0], vec![16.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Marginal {
    /// The distribution of the targets: batch and event together `[n, ..]`.
    pub distribution: Arc<dyn Distribution>,
    /// The mean over outputs of the targets' variance given the output, `[n, ..]`.
    pub aleatoric: Tensor,
    /// The variance over outputs of the targets' mean given the output, `[n, ..]`.
    pub epistemic: Tensor,
}
