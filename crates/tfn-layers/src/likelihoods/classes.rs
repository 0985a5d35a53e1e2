//! Classes.

use std::sync::Arc;

use tfn_distributions::{self as distributions, Distribution};
use tfn_module::Module;
use tfn_tensor::Tensor;

use crate::contract::{Likelihood, Pass, check_each, targets_for};
use crate::error::{LayerError, Result};

/// One of several classes, by the net's logits; targets are labels from 0 on.
///
/// # Shapes
/// Outputs `[n, classes]`, targets `[n]`.
#[derive(Clone, Debug, Default, Module)]
#[module(crate = tfn_module)]
pub struct Categorical;

tfn_module::describe_fields!(Categorical as "tfn.likelihoods.Categorical" {});

impl Categorical {
    /// The likelihood.
    pub fn new() -> Self {
        Self
    }
}

impl Likelihood for Categorical {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        Ok(distributions::Categorical::from_logits(output)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn log_prob(&self, distribution: &dyn Distribution, targets: &Tensor) -> Result<Tensor> {
        let classes = match distribution.class_log_probs() {
            Some(log_probs) => log_probs?.shape()?.last().copied().unwrap_or(0) as f64,
            None => f64::INFINITY,
        };
        // The density of a label that there is none of would be an infinite loss.
        check_each(targets, "a label below the number of the net's outputs", |label| {
            label < classes
        })?;
        Ok(distribution.log_prob(&targets_for(distribution, targets)?)?)
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        let is_label = |target: f64| target >= 0.0 && target.fract() == 0.0;
        check_each(targets, "a label: a whole number of at least 0", is_label)
    }
}

/// One of several classes, by the net's logits; targets are rows with a single 1, or rows of shares.
///
/// Shares say how sure a label is (label smoothing), or of which classes a mixed example is made (mixup). Their
/// log-likelihood is the average over the classes:
///
/// ```text
/// log p(y | logits) = Σₖ yₖ · log softmax(logits)ₖ
/// ```
///
/// # Shapes
/// Outputs and targets `[n, classes]`.
///
/// # References
/// Szegedy et al., *Rethinking the Inception architecture for computer vision*, CVPR 2016, section 7; Zhang et al.,
/// *mixup: beyond empirical risk minimization*, ICLR 2018, equation 2.
#[derive(Clone, Debug, Default, Module)]
#[module(crate = tfn_module)]
pub struct OneHotCategorical;

tfn_module::describe_fields!(OneHotCategorical as "tfn.likelihoods.OneHotCategorical" {});

impl OneHotCategorical {
    /// The likelihood.
    pub fn new() -> Self {
        Self
    }
}

impl Likelihood for OneHotCategorical {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        Ok(distributions::OneHotCategorical::from_logits(output)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn log_prob(&self, distribution: &dyn Distribution, targets: &Tensor) -> Result<Tensor> {
        let targets = targets_for(distribution, targets)?;
        let Some(log_probs) = distribution.class_log_probs() else {
            return Ok(distribution.log_prob(&targets)?);
        };
        let (log_probs, targets) = (log_probs?, targets.detach());
        // A class without a share does not count, even if it is impossible.
        let none = targets.eq(&Tensor::zeros(&[], targets.dtype()?));
        let zero = Tensor::zeros(&[], log_probs.dtype()?);
        let counted = Tensor::select(&none, &zero, &log_probs);
        Ok((counted * targets).sum_axes(&[-1], false).check()?)
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        check_each(targets, "a share between 0 and 1", |share| (0.0..=1.0).contains(&share))?;
        let sums = targets.sum_axes(&[-1], false).to_f64_vec()?;
        match sums.iter().position(|sum| (sum - 1.0).abs() > 1e-4) {
            None => Ok(()),
            Some(row) => {
                let (given, expected) = (sums[row], "shares of classes that sum to 1");
                Err(LayerError::Target { row, given, expected })
            }
        }
    }
}

/// Zeros and ones, each by its logit: two classes, or several labels that may hold at once.
///
/// # Shapes
/// Outputs and targets `[n, labels]`, or targets `[n]` for a single one.
#[derive(Clone, Debug, Default, Module)]
#[module(crate = tfn_module)]
pub struct Bernoulli;

tfn_module::describe_fields!(Bernoulli as "tfn.likelihoods.Bernoulli" {});

impl Bernoulli {
    /// The likelihood.
    pub fn new() -> Self {
        Self
    }
}

impl Likelihood for Bernoulli {
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        Ok(distributions::Bernoulli::from_logits(output)?.into())
    }

    fn draws_together(&self) -> bool {
        true
    }

    fn check_targets(&self, targets: &Tensor) -> Result<()> {
        check_each(targets, "0 or 1", |target| target == 0.0 || target == 1.0)
    }
}
