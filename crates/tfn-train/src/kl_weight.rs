//! The weight of the KL term, which may rise while training.

use crate::check::Argument;
use crate::error::Result;

/// The weight of the KL term while training, as a function of the epochs done; it ends at its full
/// weight.
///
/// A warm-up lets the data shape the posterior before the prior pulls it in.
///
/// # Examples
/// ```
/// use tfn_train::KlWeight;
///
/// let weight = KlWeight::linear_warmup(10.0)?;
/// assert_eq!(weight.at(0.0), 0.0);
/// assert_eq!(weight.at(2.5), 0.25);
/// assert_eq!(weight.at(40.0), 1.0);
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Bowman et al., *Generating sentences from a continuous space*, CoNLL 2016, section 3.1; Sønderby
/// et al., *Ladder variational autoencoders*, NeurIPS 2016, section 2.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlWeight {
    full: f64,
    warmup_epochs: f64,
}

impl KlWeight {
    /// Weight 1 from the first step on: the ELBO itself.
    pub const ONE: Self = Self { full: 1.0, warmup_epochs: 0.0 };

    /// A straight rise from 0 to 1 within so many epochs, counted by the step, not in stairs.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `epochs` is negative, NaN or infinite.
    pub fn linear_warmup(epochs: f64) -> Result<Self> {
        let warmup_epochs = Argument::new("KlWeight", "epochs", epochs).not_negative()?;
        Ok(Self { full: 1.0, warmup_epochs })
    }

    /// Sets another full weight than 1: below it a "cold" posterior, no longer a bound of the
    /// evidence above it.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `full` is negative, NaN or infinite.
    pub fn with_full(self, full: f64) -> Result<Self> {
        let full = Argument::new("KlWeight", "full", full).not_negative()?;
        Ok(Self { full, ..self })
    }

    /// The weight after so many epochs; parts of an epoch count.
    pub fn at(&self, epochs_done: f64) -> f64 {
        if epochs_done >= self.warmup_epochs {
            return self.full;
        }
        self.full * epochs_done.max(0.0) / self.warmup_epochs
    }
}

impl Default for KlWeight {
    fn default() -> Self {
        Self::ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kl_weight_rises_to_its_full_weight() {
        assert_eq!(KlWeight::default().at(0.0), 1.0);
        assert_eq!(KlWeight::linear_warmup(0.0).unwrap().at(0.0), 1.0);
        let half = KlWeight::linear_warmup(4.0).unwrap().with_full(0.5).unwrap();
        assert_eq!(
            [half.at(-1.0), half.at(1.0), half.at(4.0), half.at(9.0)],
            [0.0, 0.125, 0.5, 0.5]
        );
        assert!(KlWeight::linear_warmup(-1.0).is_err());
        assert!(KlWeight::ONE.with_full(f64::NAN).is_err());
    }
}
