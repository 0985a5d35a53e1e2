//! The contract of a likelihood: how a net's output becomes a distribution over targets.

use std::fmt::Debug;
use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::{Module, open_trait};
use tfn_tensor::Tensor;

use super::marginal::Marginal;
use super::moments::Moments;
use super::pass::Pass;
use crate::error::{LayerError, Result};

/// A head: how a distribution over targets is made of a net's output.
///
/// Counterpart: the last `tfp.layers.DistributionLambda` of a model. Unlike it a likelihood is a module: the noise
/// that it learns is among the model's variables, is copied, saved and frozen with them.
///
/// An author writes [`distribution`](Self::distribution); [`likelihoods`](crate::likelihoods) has the usual ones.
///
/// # Examples
/// Counts of events that happen at a net's rate over an exposure that is learned:
/// ```
/// use std::sync::Arc;
/// use tfn_layers::distributions::{Distribution, Poisson};
/// use tfn_layers::module::{Module, Variable};
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Likelihood, Pass, Result, Sequential};
///
/// #[derive(Debug, Module)]
/// struct Exposure { log_exposure: Variable }
///
/// impl Likelihood for Exposure {
///     fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
///         Ok(Poisson::from_log_rate(output + self.log_exposure.tensor())?.into())
///     }
/// }
///
/// let exposure = Exposure { log_exposure: Variable::new("log_exposure", Tensor::scalar(0.0_f32))? };
/// let model = Sequential::of(Bayesian::new(3, 1)?).with_likelihood(exposure);
/// assert_eq!(model.trainable_variables().len(), 5);
/// let counts = model.call(&Tensor::ones(&[4, 3], DType::F32))?;
/// // Targets may be written `[4]`: they are taken as the `[4, 1]` that the net's output is.
/// let log_prob = model.log_prob(counts.as_ref(), &Tensor::ones(&[4], DType::F32))?;
/// assert_eq!(log_prob.shape()?, [4]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub trait Likelihood: Module + Debug + LikelihoodCopy {
    /// The distribution over targets for a net's output.
    ///
    /// # Shapes
    /// `output`: `[n, outputs]`. Batch and event of the result together have the shape of the targets, `[n, ..]`.
    ///
    /// # Errors
    /// What is wrong with the output.
    fn distribution(&self, output: &Tensor, pass: &Pass) -> Result<Arc<dyn Distribution>>;

    /// Whether [`distribution`](Self::distribution) takes several draws of the output at once, along an additional
    /// first axis which it keeps in the batch of its result. This is faster. By default it is `false`, and the
    /// likelihood is called once for each draw.
    fn draws_together(&self) -> bool {
        false
    }

    /// Number of outputs that the net has for so many targets (for so many classes, if targets are classes).
    fn outputs(&self, targets: usize) -> usize {
        targets
    }

    /// The distribution over targets for an output whose entries are independent normals, in closed form: the mean over
    /// outputs of what [`distribution`](Self::distribution) gives. `None` if there is no closed form.
    ///
    /// # Shapes
    /// `output`: `[n, outputs]`. Batch and event of the result together have the shape of the targets, `[n, ..]`.
    ///
    /// # Errors
    /// What is wrong with the output.
    fn marginal(&self, output: &Moments) -> Result<Option<Marginal>> {
        let _ = output;
        Ok(None)
    }

    /// The log-likelihood of each row: that of its targets together, which are independent given the net's output.
    ///
    /// # Shapes
    /// `targets`: batch and event of the distribution, `[n, ..]` (of several [draws together](Self::draws_together)
    /// those of each). `[n]` and `[n, 1]` are the same. The result: `[n]`, of several draws `[draws, n]`.
    ///
    /// # Errors
    /// [`LayerError::Targets`] for targets of another shape, which would be broadcast; what the distribution reports.
    fn log_prob(&self, distribution: &dyn Distribution, targets: &Tensor) -> Result<Tensor> {
        let targets = &targets_for(distribution, targets)?;
        let own_axes = targets.shape()?.len().saturating_sub(distribution.event_shape()?.len() + 1);
        row_sums(&distribution.log_prob(targets)?, own_axes)
    }

    /// Checks targets before training. The first one that the likelihood can never draw is an error that names its row.
    ///
    /// # Errors
    /// [`LayerError::Target`] for a NaN or an infinite number, or what else the likelihood does not take.
    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        check_each(targets, "a finite number", f64::is_finite)
    }
}
open_trait!(Likelihood, LikelihoodCopy);

/// Checks that all targets are what `is_allowed` says.
///
/// # Errors
/// [`LayerError::Target`] that names the first other one and its row.
pub(crate) fn check_each(
    targets: &Tensor,
    expected: &'static str,
    is_allowed: impl Fn(f64) -> bool,
) -> Result<()> {
    let values = targets.to_f64_vec()?;
    let rows = targets.shape()?.first().copied().unwrap_or(1).max(1);
    let width = (values.len() / rows).max(1);
    match values.iter().position(|&value| !is_allowed(value)) {
        None => Ok(()),
        Some(index) => {
            Err(LayerError::Target { row: index / width, given: values[index], expected })
        }
    }
}

/// Targets in the shape that batch and event of a distribution have together, `[n, ..]`. Either of `[n]` and `[n, 1]`
/// is taken for the other.
///
/// # Errors
/// [`LayerError::Targets`] for any other difference: nothing is broadcast.
pub fn align_targets(targets: &Tensor, expected: &[usize]) -> Result<Tensor> {
    let given = targets.shape()?;
    let columns = |shape: &[usize]| match *shape {
        [rows] | [rows, 1] => Some(rows),
        _ => None,
    };
    if given == expected {
        return Ok(targets.clone());
    }
    if columns(given).is_some() && columns(given) == columns(expected) {
        return Ok(targets.reshape(expected).check()?);
    }
    Err(LayerError::Targets { given: given.to_vec(), expected: expected.to_vec() })
}

/// Targets as a distribution takes them: those of batch and event, or of several more draws of them or by them; else
/// [aligned](align_targets), so that nothing is broadcast against rows.
///
/// # Errors
/// [`LayerError::Targets`] if that cannot be.
pub(crate) fn targets_for(distribution: &dyn Distribution, targets: &Tensor) -> Result<Tensor> {
    let shape = [distribution.batch_shape()?, distribution.event_shape()?].concat();
    let given = targets.shape()?;
    if shape.ends_with(given) || given.ends_with(&shape) {
        return Ok(targets.clone());
    }
    align_targets(targets, &shape)
}

/// The sums over so many last axes.
pub(crate) fn row_sums(log_prob: &Tensor, axes: usize) -> Result<Tensor> {
    let axes: Vec<isize> = (1..=axes as isize).map(|axis| -axis).collect();
    Ok(if axes.is_empty() { log_prob.clone() } else { log_prob.sum_axes(&axes, false) }.check()?)
}
