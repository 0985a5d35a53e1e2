//! Rows that a run is judged by, and ends by.

use tfn_layers::Model;
use tfn_tensor::Key;

use super::Fit;
use super::loader::{Check, in_row_of, read};
use super::progress::Progress;
use super::saved::{Best, Trained};
use crate::check::Argument;
use crate::data::{Batches, Dataset};
use crate::error::Result;
use crate::predict::MonteCarlo;

/// Draws of the weights by which a validation set is judged, the same after each epoch.
const DRAWS: usize = 16;
/// Rows that are judged at a time.
const ROWS: usize = 8192;

/// Where the rows come from that a run is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeldOut<'a> {
    /// A set of their own.
    Set(&'a Dataset),
    /// That share of the data.
    Share(f64),
}

/// Rows that are held out.
pub(super) struct Held {
    pub(super) data: Dataset,
    /// Their numbers in the data of the run, if they are from there.
    rows: Option<Vec<usize>>,
}

impl HeldOut<'_> {
    /// How many of the rows of the data are held out.
    pub(super) fn taken(&self, rows: usize) -> usize {
        match self {
            Self::Set(_) => 0,
            Self::Share(share) => (share * rows as f64).round() as usize,
        }
    }
}

impl<'a> Fit<'a> {
    /// Judges the run after each epoch by these rows: the mean negative log-density of their targets under the model's
    /// predictive distribution, a mixture over 16 draws of the weights that are the same each time. It stands
    /// in [`Metrics::validation`](crate::Metrics::validation).
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) if there are no rows.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
    /// use tfn_tensor::{DType, Key, Tensor};
    /// use tfn_train::{Adam, Ending, Fit, data::Dataset};
    ///
    /// let mut stream = Key::from_seed(1).stream();
    /// let x = stream.normal(&[120, 1], DType::F32);
    /// let y = (&x * 2.0 + stream.normal(&[120, 1], DType::F32) * 0.1).squeeze(1);
    /// let data = Dataset::new(x, y)?;
    /// let model = Sequential::of(Bayesian::builder(1, 1).seed(2).build()?)
    ///     .with_likelihood(likelihoods::Normal::new()?);
    ///
    /// // Of 120 rows 24 are held out; without progress for 30 epochs the run ends, at its best weights.
    /// let fit = Fit::new(&data)?.epochs(2000).validation_split(0.2)?.early_stopping(30)?;
    /// assert_eq!(fit.num_examples(), 96);
    /// let report = fit.run_model(&model, &mut Adam::new(0.05)?, ())?;
    /// let best = report.best_epoch.ok_or("not judged")?;
    /// assert_eq!((report.ending, report.epochs.len() as u64), (Ending::EarlyStopping, best + 31));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validation(self, data: &'a Dataset) -> Result<Self> {
        let rows = Argument::new("Fit::validation", "data", data.len() as f64);
        rows.require(!data.is_empty(), "at least 1 row")?;
        Ok(Self { held_out: Some(HeldOut::Set(data)), ..self })
    }

    /// [`validation`](Self::validation) by a share of the data, which is not trained on: rows that the key chooses.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a share that leaves no row to train on or none to be judged by.
    pub fn validation_split(self, share: f64) -> Result<Self> {
        let held_out = HeldOut::Share(share);
        let (rows, taken) = (self.data.len(), held_out.taken(self.data.len()));
        Argument::new("Fit::validation_split", "share", share).require(
            (0.0..1.0).contains(&share) && taken > 0 && taken < rows,
            "a share of the rows that leaves at least 1 to train on and 1 to validate",
        )?;
        Ok(Self { held_out: Some(held_out), ..self })
    }

    /// Judges by the validation rows only after each so many epochs.
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for 0.
    pub fn validate_every(self, epochs: u64) -> Result<Self> {
        Argument::new("Fit::validate_every", "epochs", epochs as f64).positive()?;
        Ok(Self { validate_every: epochs, ..self })
    }

    /// Ends the run when the validation rows are looked at `patience` or more epochs after the best epoch, and no epoch
    /// since was better. The model then becomes what it was after the best epoch; it does so too if the run ends in any
    /// other way than by an error.
    ///
    /// Only epochs at whose end the KL term has its [full weight](crate::KlWeight) count, because before that another
    /// loss is minimised. A run that ends before that leaves the model as it was last. The rows are those of
    /// [`validation`](Self::validation); without them the run fails with
    /// [`TrainError::NoValidation`](crate::TrainError::NoValidation).
    ///
    /// # Errors
    /// [`TrainError::Value`](crate::TrainError::Value) for a patience of 0.
    pub fn early_stopping(self, patience: u64) -> Result<Self> {
        Argument::new("Fit::early_stopping", "patience", patience as f64).positive()?;
        Ok(Self { patience: Some(patience), ..self })
    }

    /// The rows that are trained on, if it is not all of the data, and those that are held out.
    pub(super) fn split(&self) -> Result<(Option<Vec<usize>>, Option<Held>)> {
        let rows = self.data.len();
        match &self.held_out {
            None => Ok((None, None)),
            Some(HeldOut::Set(set)) => Ok((None, Some(Held { data: (*set).clone(), rows: None }))),
            Some(held_out) => {
                let order = Batches::new(rows, rows)?.shuffled(self.key.child("validation"));
                let mut order = order.epoch(0).concat();
                let mut trained = order.split_off(held_out.taken(rows));
                trained.sort_unstable();
                order.sort_unstable();
                let data = read(self.data, &order)?;
                Ok((Some(trained), Some(Held { data, rows: Some(order) })))
            }
        }
    }

    /// Whether the epoch, counted from 0, is one after which validation rows are looked at.
    pub(super) fn is_judged(&self, epoch: u64) -> bool {
        (epoch + 1).is_multiple_of(self.validate_every)
    }

    /// Whether the run has gone on for long enough without getting better.
    pub(super) fn is_patience_over(&self, progress: &Progress) -> bool {
        let report = &progress.report;
        let last = report.epochs.iter().rposition(|epoch| epoch.validation.is_some());
        let since =
            last.zip(report.best_epoch).map(|(last, best)| (last as u64).saturating_sub(best));
        self.patience.is_some_and(|patience| since >= Some(patience))
    }
}

/// The mean negative log-density of targets under the model's predictive distribution.
pub(super) fn judge(model: &Model, data: &Dataset, key: &Key) -> Result<f64> {
    let monte_carlo = MonteCarlo::new(DRAWS)?;
    let (mut sum, mut weight) = (0.0, 0.0);
    for (part, start) in (0..data.len()).step_by(ROWS).enumerate() {
        let rows = data.range(start, start + ROWS)?;
        let key = key.child("validation").index(part as u64);
        let predictive = monte_carlo.predict(model, rows.features(), &key)?;
        let log_prob = predictive.log_prob(rows.targets())?.to_f64_vec()?;
        for (row, log_prob) in log_prob.into_iter().enumerate() {
            let counts = rows.weights().map_or(1.0, |weights| weights[row]);
            // A row that does not count may be impossible.
            if counts > 0.0 {
                sum -= counts * log_prob;
                weight += counts;
            }
        }
    }
    Ok(sum / weight)
}

/// Checks rows that cannot be judged before a run spends time on others.
pub(super) fn check(check: Check, held_out: &Held) -> Result<()> {
    check(&held_out.data).map_err(|error| match &held_out.rows {
        Some(rows) => in_row_of(error, rows),
        None => error,
    })?;
    if let Some(weights) = held_out.data.weights() {
        Argument::new("Fit::validation", "weights", weights.iter().sum()).positive()?;
    }
    Ok(())
}

impl Best {
    /// Takes down how an epoch was judged that has just been reported, and keeps the variables' values if it is the best.
    pub(super) fn consider(&mut self, fit: &Fit, trained: &Trained, progress: &mut Progress) {
        let report = &mut progress.report;
        let Some(epoch) = (report.epochs.len() as u64).checked_sub(1) else { return };
        let of = |epoch: u64| report.epochs.get(epoch as usize).and_then(|e| e.validation);
        let Some(nll) = of(epoch).filter(|nll| nll.is_finite()) else { return };
        if !fit.kl_weight.is_full_after(epoch) {
            return;
        }
        if report.best_epoch.and_then(of).is_none_or(|best| nll < best) {
            report.best_epoch = Some(epoch);
            if fit.patience.is_some() {
                self.0 = Some(trained.values());
            }
        }
    }
}

#[cfg(test)]
mod tests;
