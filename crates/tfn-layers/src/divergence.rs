//! Divergences of a posterior from a prior: functions of the two and of a draw that is made when it is looked at.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use tfn_distributions::{Distribution, DistributionError, KlMethod, estimate_kl, kl_divergence};
use tfn_module::describe::{self, Data, Field, FunctionId, Loader, Saver};
use tfn_tensor::Tensor;

use crate::error::{LayerError, Result};

/// The function of a [`Divergence`].
type Function = dyn Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>
    + Send
    + Sync;

/// A divergence of posterior `q` from prior `r`, given a draw `w` from `q`: a scalar.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::Normal;
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{Divergence, losses};
///
/// let exact = Divergence::new(losses::kl_divergence_exact);
/// let (q, r) = (Normal::new(0.5, 1.0)?, Normal::new(0.0, 1.0)?);
/// assert_eq!(exact.of(&q, &r, &vec![Tensor::scalar(0.1)].into())?.item()?, 0.125);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
#[derive(Clone)]
pub struct Divergence {
    function: Arc<Function>,
    id: FunctionId,
}

impl Divergence {
    /// The divergence by `function`.
    pub fn new(
        function: impl Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let id = FunctionId::of(&function);
        Self { function: Arc::new(function), id }
    }

    /// The identity of the function, which tells functions apart by their types.
    pub fn id(&self) -> FunctionId {
        self.id
    }

    /// The function's value.
    ///
    /// # Errors
    /// What the function reports.
    pub fn of(
        &self,
        q: &dyn Distribution,
        r: &dyn Distribution,
        w: &PosteriorValue<'_>,
    ) -> Result<Tensor> {
        (self.function)(q, r, w)
    }
}

impl fmt::Debug for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Divergence").finish_non_exhaustive()
    }
}

/// How a divergence is given a name.
const HOW: &str = "pass a function or a closure without captures, and name it by \
                   `tfn_layers::describe::add_divergence` in the registry with which the file is saved and loaded";

/// By its name in the registry.
impl Field for Divergence {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        saver.function::<Self>(self.id, HOW)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        loader.function::<Self>(&data, HOW).cloned()
    }
}

/// A draw of the weights that is made only when it is read.
///
/// A Monte Carlo divergence reads it. An exact one does not, and then nothing is drawn.
pub struct PosteriorValue<'a> {
    draw: Box<dyn Fn() -> Result<Vec<Tensor>> + 'a>,
    drawn: OnceCell<Vec<Tensor>>,
}

impl<'a> PosteriorValue<'a> {
    /// A value that `draw` makes when it is first looked at.
    pub fn new(draw: impl Fn() -> Result<Vec<Tensor>> + 'a) -> Self {
        Self { draw: Box::new(draw), drawn: OnceCell::new() }
    }

    /// The parts of the weights, in the order of the posterior's parts.
    ///
    /// # Errors
    /// What drawing reports.
    pub fn parts(&self) -> Result<&[Tensor]> {
        if let Some(parts) = self.drawn.get() {
            return Ok(parts);
        }
        let parts = (self.draw)()?;
        Ok(self.drawn.get_or_init(|| parts))
    }
}

impl From<Vec<Tensor>> for PosteriorValue<'static> {
    fn from(parts: Vec<Tensor>) -> Self {
        Self { draw: Box::new(|| Ok(Vec::new())), drawn: OnceCell::from(parts) }
    }
}

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
    let values = w.parts()?.iter();
    let pairs = parts(q, r)?.into_iter().zip(values);
    sum_of(pairs.map(|((q, r), value)| monte_carlo_of(q, r, value)), "kl_divergence_monte_carlo")
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

/// The divergence in closed form, summed over all weights: a scalar. It does not read `w`.
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
    let terms = parts(q, r)?.into_iter().map(|(q, r)| Ok(kl_divergence(q, r)?.sum()));
    sum_of(terms, "kl_divergence_exact")
}

/// The divergence without noise, summed over all weights: a scalar. It is in closed form where there is one, and by
/// quadrature ([`KlMethod::Quadrature`]) otherwise. It does not read `w`.
///
/// It is for a mean-field normal posterior, and any prior under which the weights are independent and have densities;
/// the default prior is one. Of other posteriors of independent numbers it takes those with quantiles, up to 4096 weights.
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
    let terms = parts(q, r)?.into_iter().map(|(q, r)| match kl_divergence(q, r) {
        Err(DistributionError::NoKlRule { .. }) => {
            Ok(estimate_kl(q, r, KlMethod::quadrature())?.value.sum())
        }
        closed_form => Ok(closed_form?.sum()),
    });
    sum_of(terms, "kl_divergence_quadrature")
}

/// The sum of the terms of all parts, of which there is at least one.
fn sum_of(terms: impl Iterator<Item = Result<Tensor>>, divergence: &str) -> Result<Tensor> {
    let mut sum: Option<Tensor> = None;
    for term in terms {
        let term = term?;
        sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
    }
    let layer = || divergence.to_owned();
    let nothing = || LayerError::Structure { layer: layer(), posterior: 0, prior: 0 };
    Ok(sum.ok_or_else(nothing)?.check()?)
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
            Err(LayerError::Structure { layer: "kl_divergence".to_owned(), posterior, prior })
        }
    }
}
