//! Rows that a run is judged by, and ends by.

use tfn_layers::Model;
use tfn_tensor::Key;

use super::Fit;
use super::loader::{in_row_of, read};
use super::progress::Progress;
use super::saved::{Best, Trained};
use crate::check::{Argument, check_finite};
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
    /// in [`Figures::validation`](crate::Figures::validation).
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

    /// Ends the run once the validation rows have been looked at `patience` or more epochs after the best one so far without
    /// finding a better one, and gives the model back as it was after the best, however the run ends without an error.
    ///
    /// Only epochs count whose end has the [full weight](crate::KlWeight) of the KL term: before, the model is another one. A run that ends before
    /// that leaves the model as it was last. Judged are the rows of [`validation`](Self::validation), without which the
    /// run fails with [`TrainError::NoValidation`](crate::TrainError::NoValidation).
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
pub(super) fn check(model: &Model, held_out: &Held) -> Result<()> {
    let data = &held_out.data;
    let of_rows = || -> Result<()> {
        check_finite("Fit::validation", "features", data.features())?;
        Ok(model.head().check_targets(data.targets())?)
    };
    of_rows().map_err(|error| match &held_out.rows {
        Some(rows) => in_row_of(error, rows),
        None => error,
    })?;
    if let Some(weights) = data.weights() {
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
mod tests {
    use std::ops::ControlFlow;

    use tfn_layers::{
        AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods,
    };
    use tfn_module::Module;
    use tfn_tensor::{DType, Tensor};

    use super::*;
    use crate::{Adam, Ending, Event, Every, Figures, FitReport, KlWeight, TrainError};

    /// Few rows and many weights, so that a long training gets worse on other rows.
    fn data(seed: u64, rows: usize) -> Dataset {
        let mut stream = Key::from_seed(seed).stream();
        let x = stream.normal(&[rows, 12], DType::F32);
        let y = x.narrow(1, 0, 1) + stream.normal(&[rows, 1], DType::F32);
        Dataset::new(x, y).unwrap()
    }

    fn model() -> Model {
        let hidden = Bayesian::builder(12, 30).activation_fn(Tensor::tanh).seed(1).build().unwrap();
        Sequential::of(hidden)
            .then(Bayesian::builder(30, 1).seed(2).build().unwrap())
            .with_likelihood(likelihoods::Normal::new().unwrap())
    }

    fn fit(data: &Dataset) -> Fit<'_> {
        let key = Key::from_seed(5);
        Fit::new(data).unwrap().batch_size(10).unwrap().epochs(60).key(key)
    }

    fn bits(model: &Model) -> Vec<u64> {
        let of = |v: &tfn_tensor::Variable| v.value().to_f64_vec().unwrap();
        model.variables().iter().flat_map(of).map(f64::to_bits).collect()
    }

    fn adam() -> Adam {
        Adam::new(0.05).unwrap()
    }

    #[test]
    fn the_best_weights_come_back() {
        let (train, held_out) = (data(1, 30), data(2, 40));
        let fit = fit(&train).validation(&held_out).unwrap().early_stopping(5).unwrap();
        let stopped = model();
        let mut after: Vec<Vec<u64>> = Vec::new();
        let watch = |event: Event| {
            if let Event::Epoch { .. } = event {
                after.push(bits(&stopped));
            }
            ControlFlow::Continue(())
        };
        let report = fit.run_model(&stopped, &mut adam(), watch).unwrap();
        let judged: Vec<f64> = report.epochs.iter().map(|e| e.validation.unwrap()).collect();
        let best = (0..judged.len()).min_by(|&a, &b| judged[a].total_cmp(&judged[b])).unwrap();
        assert_eq!(report.best_epoch, Some(best as u64));
        assert_eq!((report.ending, judged.len()), (Ending::EarlyStopping, best + 6));
        assert_eq!(bits(&stopped), after[best]);
        assert_ne!(after[best], after[best + 5]);
        // The same key judges the restored weights alike.
        assert_eq!(judge(&stopped, &held_out, &Key::from_seed(5)).unwrap(), judged[best]);
        assert!(report.to_string().contains(&format!("weights after epoch {}", best + 1)));
    }

    #[test]
    fn a_stopped_run_goes_on_with_the_same_bits() {
        let (train, held_out) = (data(1, 30), data(2, 40));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run");
        let fit = fit(&train).validation(&held_out).unwrap().early_stopping(5).unwrap();
        let run = |fit: &Fit, last: u64| -> (Vec<u64>, FitReport) {
            let model = model();
            let stop = |event: Event| match event {
                Event::Step { index, .. } if index == last => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            let report = fit.run_model(&model, &mut adam(), stop).unwrap();
            (bits(&model), report)
        };
        let whole = run(&fit, u64::MAX);
        let saving = fit.clone().checkpoint(&file, Every::Epochs(1)).unwrap();
        for last in (0..whole.1.steps).step_by(4) {
            run(&saving, last);
            assert_eq!(run(&fit.clone().resume_from(&file), u64::MAX), whole, "after step {last}");
        }
        // A run that is over, too.
        assert_eq!(run(&saving, u64::MAX), whole);
        assert_eq!(run(&fit.clone().resume_from(&file), u64::MAX), whole);
    }

    #[test]
    fn warm_up_epochs_are_no_candidates() {
        let (train, held_out) = (data(1, 30), data(2, 40));
        let fit = fit(&train).validation(&held_out).unwrap().early_stopping(3).unwrap();
        let fit = fit.kl_weight(KlWeight::linear_warmup(20.0).unwrap());
        let report = fit.run_model(&model(), &mut adam(), ()).unwrap();
        assert!(report.best_epoch.unwrap() >= 19, "{:?}", report.best_epoch);
        let fit = fit.kl_weight(KlWeight::linear_warmup(100.0).unwrap());
        let report = fit.run_model(&model(), &mut adam(), ()).unwrap();
        assert_eq!((report.best_epoch, report.ending), (None, Ending::Complete));
    }

    #[test]
    fn a_split_takes_rows_away_and_no_more() {
        let all = data(1, 30);
        let fit = fit(&all).validation_split(0.3).unwrap().validate_every(7).unwrap().epochs(10);
        let (trained, held_out) = fit.split().unwrap();
        let (trained, held_out) = (trained.unwrap(), held_out.unwrap().data);
        assert_eq!((trained.len(), held_out.len(), fit.num_examples()), (21, 9, 21));
        let row = |set: &Dataset, row: usize| set.rows(&[row]).unwrap().targets().item().unwrap();
        let mut rows: Vec<f64> = trained.iter().map(|&i| row(&all, i)).collect();
        rows.extend((0..9).map(|i| row(&held_out, i)));
        rows.sort_by(f64::total_cmp);
        let mut expected = all.targets().to_f64_vec().unwrap();
        expected.sort_by(f64::total_cmp);
        assert_eq!(rows, expected);
        let report = fit.run_model(&model(), &mut adam(), ()).unwrap();
        let judged: Vec<usize> =
            (0..10).filter(|&i| report.epochs[i].validation.is_some()).collect();
        assert_eq!(judged, [6]);
        // Trained on the rows of the split alone, with their number.
        let rest = all.rows(&trained).unwrap();
        let alone = Fit { held_out: None, data: &rest, ..fit.clone() };
        let without = |report: FitReport| -> Vec<Figures> {
            report.epochs.into_iter().map(|e| Figures { validation: None, ..e }).collect()
        };
        assert_eq!(without(alone.run_model(&model(), &mut adam(), ()).unwrap()), without(report));
    }

    #[test]
    fn rarely_judged_runs_wait_for_a_second_look() {
        let (train, held_out) = (data(1, 30), data(2, 40));
        let fit = fit(&train).validation(&held_out).unwrap().early_stopping(5).unwrap();
        let fit = fit.validate_every(10).unwrap();
        let report = fit.run_model(&model(), &mut adam(), ()).unwrap();
        let best = report.best_epoch.unwrap();
        assert!((best + 1).is_multiple_of(10), "{best}");
        assert_eq!((report.ending, report.epochs.len() as u64), (Ending::EarlyStopping, best + 11));
    }

    #[test]
    fn weights_count_in_the_judgement() {
        let model = model();
        let held_out = data(2, 3);
        let key = Key::from_seed(5);
        let of = |weights: [f64; 3]| {
            judge(&model, &held_out.clone().with_weights(&weights).unwrap(), &key).unwrap()
        };
        let each = [of([1.0, 0.0, 0.0]), of([0.0, 1.0, 0.0]), of([0.0, 0.0, 1.0])];
        let mean = (each[0] + 2.0 * each[1] + 0.5 * each[2]) / 3.5;
        assert!((of([1.0, 2.0, 0.5]) - mean).abs() < 1e-12);
    }

    #[test]
    fn early_stopping_needs_rows_and_a_tempered_run_says_so() {
        let train = data(1, 10);
        let fit = fit(&train).epochs(1);
        let stopping = fit.clone().early_stopping(2).unwrap();
        let error = stopping.run_model(&model(), &mut adam(), ()).unwrap_err();
        assert!(matches!(error, TrainError::NoValidation), "{error}");
        let uncounted = data(2, 4).with_weights(&[1.0, 0.0, 0.0, 0.0]).unwrap();
        let uncounted = uncounted.rows(&[1, 2]).unwrap();
        let nothing = fit.clone().validation(&uncounted).unwrap();
        let error = nothing.run_model(&model(), &mut adam(), ()).unwrap_err().to_string();
        assert!(error.contains("`weights` is 0, expected a positive"), "{error}");
        let mut bad = data(2, 4).targets().to_vec::<f32>().unwrap();
        bad[2] = f32::NAN;
        let bad = Dataset::new(data(2, 4).features().clone(), Tensor::from_vec(bad, &[4])).unwrap();
        let fit = fit.validation(&bad).unwrap();
        let error = fit.run_model(&model(), &mut adam(), ()).unwrap_err().to_string();
        assert!(error.contains("`targets` is NaN in row 2"), "{error}");
        let cold = Fit { held_out: None, ..fit }.kl_weight(KlWeight::constant(0.1).unwrap());
        let report = cold.run_model(&model(), &mut adam(), ()).unwrap();
        assert_eq!(report.tempered, Some(0.1));
        let halfway = cold.clone().kl_weight(KlWeight::linear_warmup(2.0).unwrap());
        let report = halfway.run_model(&model(), &mut adam(), ()).unwrap();
        assert_eq!(report.tempered, Some(0.5));
        let report = cold.clone().kl_weight(KlWeight::linear_warmup(1.0).unwrap());
        assert_eq!(report.run_model(&model(), &mut adam(), ()).unwrap().tempered, None);
        let report = cold.clone().run_model(&model(), &mut adam(), ()).unwrap();
        assert!(report.to_string().ends_with("tempered posterior: the KL term has the weight 0.1"));
    }
}
