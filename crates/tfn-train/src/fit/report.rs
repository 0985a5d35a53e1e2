//! What a run tells: figures of steps and epochs.

use std::fmt;

use tfn_tensor::Tensor;

use super::StepLoss;
use crate::error::{Result, TrainError};

/// Figures of one step, or means over one epoch (each row counting once).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// The loss that was minimised.
    pub loss: f64,
    /// Mean negative log-likelihood of a row.
    pub nll: f64,
    /// KL divergence of all weights, neither weighted nor divided.
    pub kl: f64,
    /// Share of right answers, if the step counts them.
    pub accuracy: Option<f64>,
    /// Of an epoch after which the [validation](crate::Fit::validation) rows were looked at: their mean negative
    /// log-density under the predictive distribution.
    pub validation: Option<f64>,
}

/// What the loop tells its observer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step is done, its update included.
    Step {
        /// Number of the step, counted from 0 over all epochs.
        index: u64,
        /// Number of all steps of the run.
        of: u64,
        /// Number of the epoch, counted from 0.
        epoch: u64,
        /// Figures before the update.
        metrics: Metrics,
        /// Weight of the KL term.
        kl_weight: f64,
    },
    /// An epoch is done.
    Epoch {
        /// Number of the epoch, counted from 0.
        epoch: u64,
        /// Number of all epochs of the run.
        of: u64,
        /// Means over the epoch's rows.
        metrics: Metrics,
    },
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FitReport {
    /// Means over each epoch, in order; an epoch that was not finished is left out.
    pub epochs: Vec<Metrics>,
    /// Number of steps done.
    pub steps: u64,
    /// Why the run ended.
    pub ending: Ending,
    /// The best epoch by the validation rows, counted from 0, of those after which the KL term had its full weight. With
    /// [early stopping](crate::Fit::early_stopping) the variables are those after it.
    pub best_epoch: Option<u64>,
    /// The weight of the KL term at the end of the run, if it is not 1: of a tempered ("cold") posterior, or of a
    /// warm-up that was not over. Below 1 the posterior is more certain than the data and the prior make it.
    pub tempered: Option<f64>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// All epochs are done.
    #[default]
    Complete,
    /// The observer ended it.
    Observer,
    /// It did not get [better](crate::Fit::early_stopping) for long enough.
    EarlyStopping,
}

/// One line: steps, the last epoch's figures, what ended the run, and whether the posterior is tempered.
impl fmt::Display for FitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps, {} epochs", self.steps, self.epochs.len())?;
        match (self.ending, self.best_epoch) {
            (Ending::Observer, _) => f.write_str(", stopped by its observer")?,
            (Ending::EarlyStopping, Some(best)) => {
                write!(f, ", stopped early with the weights after epoch {}", best + 1)?;
            }
            _ => {}
        }
        if let Some(last) = self.epochs.last() {
            write!(f, ": {last}")?;
        }
        match self.tempered {
            Some(weight) => write!(f, "; tempered posterior: the KL term has the weight {weight}"),
            None => Ok(()),
        }
    }
}

/// `nll 0.1234  kl 5678  accuracy 98.76 %  validation 0.1234`, as far as there is.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nll {:.4}  kl {:.0}", self.nll, self.kl)?;
        if let Some(accuracy) = self.accuracy {
            write!(f, "  accuracy {:.2} %", 100.0 * accuracy)?;
        }
        if let Some(validation) = self.validation {
            write!(f, "  validation {validation:.4}")?;
        }
        Ok(())
    }
}

impl Metrics {
    /// The numbers of a step's loss, refused if one is not finite.
    pub(super) fn of(loss: &StepLoss, step: u64) -> Result<Self> {
        let finite = |what: &str, tensor: &Tensor| {
            let given = tensor.item()?;
            if given.is_finite() {
                return Ok(given);
            }
            let what = what.to_owned();
            Err(TrainError::NotFinite { step, what, given })
        };
        // The parts first: they say more than their sum.
        let nll = finite("negative log-likelihood", &loss.elbo.nll)?;
        let kl = finite("KL divergence", &loss.elbo.kl)?;
        let (accuracy, validation) = (loss.accuracy, None);
        Ok(Self { loss: finite("loss", &loss.elbo.loss)?, nll, kl, accuracy, validation })
    }
}

/// Running sums over an epoch, each row counting once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Means {
    pub(super) rows: f64,
    pub(super) loss: f64,
    pub(super) nll: f64,
    pub(super) kl: f64,
    pub(super) accuracy: Option<f64>,
}

impl Means {
    pub(super) fn add(&mut self, metrics: &Metrics, rows: usize) {
        let rows = rows as f64;
        self.rows += rows;
        self.loss += rows * metrics.loss;
        self.nll += rows * metrics.nll;
        self.kl += rows * metrics.kl;
        if let Some(accuracy) = metrics.accuracy {
            *self.accuracy.get_or_insert(0.0) += rows * accuracy;
        }
    }

    pub(super) fn metrics(&self) -> Metrics {
        Metrics {
            loss: self.loss / self.rows,
            nll: self.nll / self.rows,
            kl: self.kl / self.rows,
            accuracy: self.accuracy.map(|sum| sum / self.rows),
            validation: None,
        }
    }
}
