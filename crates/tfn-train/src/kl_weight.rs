//! The weight of the KL term, which may rise while training.

use crate::check::Argument;
use crate::error::Result;

/// The weight of the KL term while training, as a function of the epochs done.
///
/// With weight 1 the loss is the (negative) evidence lower bound. A weight below 1 at the beginning lets the data shape
/// the posterior before the prior pulls it in: a warm-up, once or in cycles. A full weight below 1 trains a *tempered* ("cold") posterior,
/// which claims more certainty than the data and the prior give: [`tempered`](Self::tempered) says so, and so does the
/// [report](crate::FitReport::tempered) of a run.
///
/// # Examples
/// ```
/// use tfn_train::KlWeight;
///
/// let weight = KlWeight::linear_warmup(10.0)?;
/// assert_eq!(weight.at(0.0), 0.0);
/// assert_eq!(weight.at(2.5), 0.25);
/// assert_eq!(weight.at(40.0), 1.0);
/// // Cycles of 20 epochs: a rise through the first half, then 1.
/// let weight = KlWeight::cyclical(20.0, 0.5)?;
/// assert_eq!([5.0, 10.0, 19.0, 20.0, 25.0].map(|epochs| weight.at(epochs)), [0.5, 1.0, 1.0, 0.0, 0.5]);
/// assert_eq!(KlWeight::constant(0.1)?.tempered(), Some(0.1));
/// # Ok::<(), tfn_train::TrainError>(())
/// ```
///
/// # References
/// Bowman et al., *Generating sentences from a continuous space*, CoNLL 2016, section 3.1 (warm-up); Fu et al., *Cyclical
/// annealing schedule*, NAACL 2019, equation 6 (cycles); Wenzel et al., *How good is the Bayes posterior in deep neural networks really?*,
/// ICML 2020 (tempering).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlWeight {
    full: f64,
    rise: Rise,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rise {
    None,
    /// Within so many epochs.
    Once(f64),
    /// Within that share of each period of so many epochs.
    Cycles {
        period: f64,
        share: f64,
    },
}

impl KlWeight {
    /// Weight 1 from the first step on: the ELBO itself.
    pub const ONE: Self = Self { full: 1.0, rise: Rise::None };

    /// The same weight from the first step on.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `weight` is negative, NaN or infinite.
    pub fn constant(weight: f64) -> Result<Self> {
        Self::ONE.with_full(weight)
    }

    /// A straight rise from 0 to 1 within so many epochs, counted by the step, not in stairs.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `epochs` is negative, NaN or infinite.
    pub fn linear_warmup(epochs: f64) -> Result<Self> {
        let epochs = Argument::new("KlWeight", "epochs", epochs).not_negative()?;
        Ok(Self { full: 1.0, rise: Rise::Once(epochs) })
    }

    /// Again and again, in periods of so many epochs: a straight rise from 0 to 1 through the first `share` of the
    /// period, then 1 to its end.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a period that is not positive, or a share outside 0 to 1.
    pub fn cyclical(period: f64, share: f64) -> Result<Self> {
        let period = Argument::new("KlWeight", "period", period).positive()?;
        let share = Argument::new("KlWeight", "share", share).fraction()?;
        Ok(Self { full: 1.0, rise: Rise::Cycles { period, share } })
    }

    /// Sets another full weight than 1.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if `full` is negative, NaN or infinite.
    pub fn with_full(self, full: f64) -> Result<Self> {
        let full = Argument::new("KlWeight", "full", full).not_negative()?;
        Ok(Self { full, ..self })
    }

    /// The weight after so many epochs; parts of an epoch count.
    pub fn at(&self, epochs_done: f64) -> f64 {
        let epochs = epochs_done.max(0.0);
        match self.rise {
            Rise::Once(within) if epochs < within => self.full * epochs / within,
            Rise::Cycles { period, share } if epochs % period < share * period => {
                self.full * (epochs % period) / (share * period)
            }
            _ => self.full,
        }
    }

    /// The full weight, if it is not 1: what is trained then is a tempered posterior.
    pub fn tempered(&self) -> Option<f64> {
        (self.full != 1.0).then_some(self.full)
    }

    /// The weight that has been reached after so many epochs: at the end of a period that of its last step, which stands
    /// before it.
    pub(crate) fn reached(&self, epochs_done: f64) -> f64 {
        const ROUNDING: f64 = 1e-9;
        match self.rise {
            Rise::Cycles { period, .. } => {
                let periods = epochs_done / period;
                let is_end = (periods - periods.round()).abs() < ROUNDING * periods.max(1.0);
                if is_end && periods > 0.5 { self.full } else { self.at(epochs_done) }
            }
            _ => self.at(epochs_done),
        }
    }

    /// Whether the weight has its full height at the end of an epoch, counted from 0.
    pub(crate) fn is_full_after(&self, epoch: u64) -> bool {
        self.reached(epoch as f64 + 1.0) == self.full
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
        assert_eq!((half.tempered(), KlWeight::ONE.tempered()), (Some(0.5), None));
    }

    #[test]
    fn cycles_begin_anew() {
        let weight = KlWeight::cyclical(4.0, 0.5).unwrap();
        let at = |epochs: [f64; 6]| epochs.map(|epochs| weight.at(epochs));
        assert_eq!(at([0.0, 1.0, 2.0, 3.5, 4.0, 5.0]), [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]);
        let full: Vec<bool> = (0..8).map(|epoch| weight.is_full_after(epoch)).collect();
        assert_eq!(full, [false, true, true, true, false, true, true, true]);
        assert!((0..8).all(|epoch| KlWeight::ONE.is_full_after(epoch)));
        for (period, share) in [(1.0 / 3.0, 0.5), (0.2, 1.0), (0.1, 0.9)] {
            let weight = KlWeight::cyclical(period, share).unwrap();
            assert!((0..50).all(|epoch| weight.is_full_after(epoch)), "{period}");
        }
        let all = KlWeight::cyclical(3.0, 0.0).unwrap();
        assert_eq!([0.0, 1.0, 2.9].map(|epochs| all.at(epochs)), [1.0; 3]);
        assert!(KlWeight::cyclical(0.0, 0.5).is_err() && KlWeight::cyclical(1.0, 1.5).is_err());
        assert!(KlWeight::ONE.with_full(f64::NAN).is_err());
    }
}
