//! One step of a run: what it knows, and what it returns.

use tfn_tensor::{Key, Tensor};

use crate::elbo::{Elbo, ElboLoss};
use crate::error::Result;

/// What a step knows of its place in the run.
#[derive(Clone, Debug)]
pub struct Step {
    /// Number of the step, counted from 0 over all epochs.
    pub index: u64,
    /// Number of the epoch, counted from 0.
    pub epoch: u64,
    /// Key of this step: whatever it draws comes from here.
    pub key: Key,
    /// Number of draws of the weights that the loss is to be averaged over.
    pub draws: usize,
    /// How much each row of the minibatch counts; `None` if all count as one.
    pub weights: Option<Vec<f64>>,
    /// Weight of the KL term at this step.
    pub kl_weight: f64,
    /// The loss, with the number of examples of the whole training set.
    pub elbo: Elbo,
}

impl Step {
    /// The loss of this step's minibatch: [`Elbo::loss`] with this step's weight, or [`Elbo::weighted_loss`] if the
    /// rows have [weights](Self::weights).
    ///
    /// # Errors
    /// As [`Elbo::loss`].
    pub fn loss(&self, nll: &Tensor, kl: &Tensor) -> Result<ElboLoss> {
        match &self.weights {
            None => self.elbo.loss(nll, kl, self.kl_weight),
            Some(weights) => self.elbo.weighted_loss(nll, weights, kl, self.kl_weight),
        }
    }
}

/// What a step returns: its loss, and the accuracy to be reported, if there is one.
#[derive(Clone, Debug)]
pub struct StepLoss {
    /// The loss to minimise, and its parts.
    pub elbo: ElboLoss,
    /// Share of right answers in the minibatch, if the step counts them.
    pub accuracy: Option<f64>,
}

impl StepLoss {
    /// Adds the share of right answers.
    #[must_use]
    pub fn with_accuracy(self, accuracy: f64) -> Self {
        Self { accuracy: Some(accuracy), ..self }
    }
}

impl From<ElboLoss> for StepLoss {
    fn from(elbo: ElboLoss) -> Self {
        Self { elbo, accuracy: None }
    }
}
