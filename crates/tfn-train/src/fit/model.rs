//! Training a model as a whole.

use tfn_layers::{Model, Pass};
use tfn_tensor::{Key, Tensor};

use super::run::{self, OfModel};
use super::saved::Trained;
use super::{Fit, FitReport, Observer, Step, StepLoss};
use crate::check::check_finite;
use crate::data::Dataset;
use crate::elbo::ElboLoss;
use crate::error::Result;
use crate::optimizers::Optimizer;

impl Fit<'_> {
    /// [`run`](Self::run) for a model: all its trainable variables, by [`Step::of_model`].
    ///
    /// Before the first step all rows are looked at, or, if they are not in memory, those of each minibatch when it is read: a
    /// number that no training could use is named by its row in the data.
    ///
    /// # Errors
    /// As [`run`](Self::run) and [`Step::of_model`]; [`TrainError::Entry`](crate::TrainError::Entry) for features that are not finite,
    /// [`LayerError::Target`](tfn_layers::LayerError::Target) for targets that the likelihood does not take;
    /// [`TrainError::ForeignVariables`](crate::TrainError::ForeignVariables) if the loss depends on variables that the walk over the model does not
    /// find, which would never be trained; [`TrainError::NoValidation`](crate::TrainError::NoValidation) for early stopping without validation rows.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::distributions::OneHotCategorical;
    /// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
    /// use tfn_tensor::{DType, Key, Tensor};
    /// use tfn_train::{Adam, Fit, MonteCarlo, data::Dataset};
    ///
    /// let labels = Tensor::from_vec([0.0_f32, 1.0].repeat(30), &[60]);
    /// let centres = (&labels * 4.0 - 2.0).expand_dims(1);
    /// let x = Key::from_seed(1).stream().normal(&[60, 2], DType::F32) + centres;
    /// let data = Dataset::new(x.clone(), labels.one_hot(2))?;
    ///
    /// let model = Sequential::of(Bayesian::builder(2, 2).seed(1).build()?)
    ///     .with_head(|logits| OneHotCategorical::from_logits(logits));
    /// let fit = Fit::new(&data)?.batch_size(20)?.epochs(30);
    /// let report = fit.run_model(&model, &mut Adam::new(0.02)?, ())?;
    /// assert!(report.epochs[29].accuracy > Some(0.9));
    ///
    /// let monte_carlo = MonteCarlo::new(10)?;
    /// let prediction = monte_carlo.classify(&model, &x, &Key::from_seed(2))?;
    /// assert!(prediction.scores(&labels)?.accuracy() > 0.9);
    /// # Ok::<(), tfn_train::TrainError>(())
    /// ```
    pub fn run_model(
        &self,
        model: &Model,
        optimizer: &mut dyn Optimizer,
        observer: impl Observer + Send,
    ) -> Result<FitReport> {
        let check = |rows: &Dataset| {
            check_finite("Fit", "features", rows.features())?;
            Ok(model.head().check_targets(rows.targets())?)
        };
        if let Some(data) = self.data.in_memory() {
            check(data)?;
        }
        let trained = Trained::of_module(model);
        let step = |batch: &Dataset, step: &Step| step.of_model(model, batch);
        let of_model = OfModel { model, check: &check };
        run::run(self, &trained, optimizer, step, Some(of_model), observer)
    }
}

impl Step {
    /// The loss of a model at a minibatch: a training pass, its negative log-likelihood and its losses, all
    /// of the draws of this step's key; of several [draws](Self::draws) the mean.
    ///
    /// The log-probabilities of a row's own entries, if the distribution has more batch dimensions
    /// than the rows, are added. Right answers are counted where the distribution is one over classes
    /// ([`class_log_probs`](tfn_distributions::Distribution::class_log_probs)): those that are most probable. Of counts, as
    /// of any other number, none are.
    ///
    /// # Errors
    /// What the model and its distribution report, and those of [`loss`](Self::loss).
    pub fn of_model(&self, model: &Model, batch: &Dataset) -> Result<StepLoss> {
        if self.draws == 1 {
            return self.of_draw(model, batch, &self.key);
        }
        let of = |draw| self.of_draw(model, batch, &self.key.child("draw").index(draw as u64));
        let draws = (0..self.draws).map(of).collect::<Result<Vec<_>>>()?;
        let mean = |part: fn(&ElboLoss) -> &Tensor| {
            let parts: Vec<&Tensor> = draws.iter().map(|draw| part(&draw.elbo)).collect();
            Tensor::stack(&parts, 0).mean()
        };
        let elbo = ElboLoss { loss: mean(|e| &e.loss), nll: mean(|e| &e.nll), kl: mean(|e| &e.kl) };
        let right: Option<Vec<f64>> = draws.iter().map(|draw| draw.accuracy).collect();
        let accuracy = right.map(|right| right.iter().sum::<f64>() / right.len() as f64);
        Ok(StepLoss { elbo, accuracy })
    }

    fn of_draw(&self, model: &Model, batch: &Dataset, key: &Key) -> Result<StepLoss> {
        let pass = Pass::new(model.net().as_ref(), key).training(true);
        let distribution = model.forward(batch.features(), &pass)?;
        let nll = -model.log_prob(distribution.as_ref(), batch.targets())?;
        let kl = model.losses_at(key)?;
        let elbo = match batch.weights() {
            None => self.loss(&nll, &kl)?,
            Some(weights) => self.elbo.weighted_loss(&nll, weights, &kl, self.kl_weight)?,
        };
        let loss = StepLoss::from(elbo);
        Ok(match distribution.class_log_probs() {
            Some(log_probs) => {
                loss.with_accuracy(share_of_right_rows(&log_probs?.detach(), batch.targets())?)
            }
            None => loss,
        })
    }
}

/// The share of rows whose most probable class, in every label, is that of the targets.
fn share_of_right_rows(log_probs: &Tensor, targets: &Tensor) -> Result<f64> {
    let predicted = log_probs.argmax(-1);
    // Rows of shares have an entry for each class; all other targets are labels.
    let is_rows = targets.shape()? == log_probs.shape()?;
    let wanted = if is_rows { targets.argmax(-1) } else { targets.clone() };
    let rows = predicted.shape()?.first().copied().unwrap_or(1).max(1);
    let (a, b) = (predicted.to_f64_vec()?, wanted.to_f64_vec()?);
    let width = (a.len() / rows).max(1);
    let equal = a.chunks_exact(width).zip(b.chunks_exact(width)).filter(|(a, b)| a == b).count();
    Ok(equal as f64 / rows as f64)
}

#[cfg(test)]
mod tests {
    use tfn_distributions::{Categorical, Normal, OneHotCategorical};
    use tfn_layers::AffineVariationalReparameterizationLocal as Bayesian;
    use tfn_layers::{Affine, Sequential, likelihoods};
    use tfn_tensor::{DType, Key};

    use super::*;
    use crate::{Elbo, KlWeight, Sgd};

    fn step(num_examples: usize, kl_weight: f64) -> Step {
        let key = Key::from_seed(3);
        let elbo = Elbo::new(num_examples).unwrap();
        Step { index: 0, epoch: 0, key, draws: 1, weights: None, kl_weight, elbo }
    }

    fn bayesian(inputs: usize, outputs: usize) -> Sequential {
        Sequential::of(
            Bayesian::builder(inputs, outputs).seed(5).dtype(DType::F64).build().unwrap(),
        )
    }

    fn inputs(rows: usize) -> Tensor {
        Key::from_seed(8).stream().normal(&[rows, 3], DType::F64)
    }

    #[test]
    fn the_parts_are_those_of_the_same_draws() {
        let labels = Tensor::from_vec(vec![0.0, 1.0, 3.0, 1.0], &[4]);
        let batch = Dataset::new(inputs(4), labels.one_hot(4)).unwrap();
        let model = bayesian(3, 4).with_head(|logits| OneHotCategorical::from_logits(logits));
        let step = step(50, 0.25);
        let got = step.of_model(&model, &batch).unwrap();

        let logits = model.net().call_at(batch.features(), &step.key).unwrap();
        let log_p = logits.log_softmax(-1).to_f64_vec().unwrap();
        let nll = -[0, 5, 11, 13].iter().map(|&i| log_p[i]).sum::<f64>() / 4.0;
        let kl = model.net().losses_at(&step.key).unwrap().item().unwrap();
        assert!((got.elbo.nll.item().unwrap() - nll).abs() < 1e-13);
        assert_eq!(got.elbo.kl.item().unwrap(), kl);
        let loss = got.elbo.loss.item().unwrap();
        assert!((loss - (nll + 0.25 * kl / 50.0)).abs() < 1e-13 * loss.abs());
        let best = logits.argmax(-1).to_f64_vec().unwrap();
        let right = best.iter().zip([0.0, 1.0, 3.0, 1.0]).filter(|(a, b)| **a == *b).count();
        assert_eq!(got.accuracy, Some(right as f64 / 4.0));

        let by_number = Dataset::new(inputs(4), labels).unwrap();
        let model = bayesian(3, 4).with_head(|logits| Categorical::from_logits(logits));
        let same = step.of_model(&model, &by_number).unwrap();
        assert!((same.elbo.nll.item().unwrap() - nll).abs() < 1e-13);
        assert_eq!(same.accuracy, got.accuracy);
    }

    #[test]
    fn outputs_of_a_row_add_up() {
        let targets = inputs(5).narrow(1, 0, 2);
        let batch = Dataset::new(inputs(5), targets.clone()).unwrap();
        let model = bayesian(3, 2).with_head(|loc| Normal::new(loc, 0.5));
        let step = step(5, 1.0);
        let got = step.of_model(&model, &batch).unwrap();
        let loc = model.net().call_at(batch.features(), &step.key).unwrap();
        // −log N(y; μ, ½) = 2 (y − μ)² + ½ ln(π / 2)
        let constant = 0.5 * std::f64::consts::FRAC_PI_2.ln();
        let nll = ((targets - loc).square() * 2.0 + constant).sum() / 5.0;
        assert!((got.elbo.nll.item().unwrap() - nll.item().unwrap()).abs() < 1e-13);
        assert_eq!(got.accuracy, None);
    }

    #[test]
    fn rows_that_cannot_be_trained_on_are_named_before_the_first_step() {
        let model = bayesian(3, 1).with_likelihood(likelihoods::Poisson::new());
        let train = |x: Tensor, y: Tensor| {
            let data = Dataset::new(x, y).unwrap();
            let fit = Fit::new(&data).unwrap().batch_size(2).unwrap().epochs(1);
            fit.run_model(&model, &mut Sgd::new(0.1).unwrap(), ())
        };
        let counts = |last| Tensor::from_vec(vec![0.0, 1.0, 2.0, 0.0, 3.0, last], &[6]);
        let report = train(inputs(6), counts(1.0)).unwrap();
        // A count is no class, and has no accuracy.
        assert_eq!(report.epochs[0].accuracy, None);
        let error = train(inputs(6), counts(-1.0)).unwrap_err().to_string();
        assert!(error.contains("`targets` is -1 in row 5, expected a whole number"), "{error}");
        // Only the net's output says how many classes there are.
        let classes = bayesian(3, 3).with_likelihood(likelihoods::Categorical::new());
        let data = Dataset::new(inputs(6), counts(1.0)).unwrap();
        for seed in 0..5 {
            let fit = Fit::new(&data).unwrap().batch_size(2).unwrap().key(Key::from_seed(seed));
            let error = fit.run_model(&classes, &mut Sgd::new(0.1).unwrap(), ()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("`targets` is 3 in row 4, expected a label below"), "{text}");
        }
        let mut x = inputs(6).to_vec::<f64>().unwrap();
        x[13] = f64::NAN;
        let error = train(Tensor::from_vec(x, &[6, 3]), counts(1.0)).unwrap_err().to_string();
        assert!(error.contains("`features` is NaN in row 4, expected a finite number"), "{error}");
    }

    #[test]
    fn plain_layers_behind_statistics_of_another_type_train() {
        let x = inputs(12).cast(DType::F32).detach();
        let data = Dataset::new(x.clone(), x.narrow(1, 0, 1).squeeze(1)).unwrap();
        let net = Sequential::of(crate::data::Standardizer::fit(&x).unwrap());
        let net = net.then(Affine::builder(3, 1).seed(1).build().unwrap());
        let model = net.with_likelihood(likelihoods::Normal::new().unwrap());
        let fit = Fit::new(&data).unwrap().epochs(20);
        let report = fit.run_model(&model, &mut Sgd::new(0.05).unwrap(), ()).unwrap();
        assert!(report.epochs[19].loss < report.epochs[0].loss);
    }

    #[test]
    fn targets_written_flat_are_those_of_a_column() {
        let y = inputs(5).narrow(1, 0, 1);
        let model = bayesian(3, 1).with_head(|loc| Normal::new(loc, 0.5));
        let nll = |targets: Tensor| {
            let batch = Dataset::new(inputs(5), targets).unwrap();
            step(5, 1.0).of_model(&model, &batch).unwrap().elbo.nll.item().unwrap()
        };
        assert_eq!(nll(y.clone()), nll(y.squeeze(1)));
        let wide = Dataset::new(inputs(5), inputs(5)).unwrap();
        assert!(step(5, 1.0).of_model(&model, &wide).is_err());
    }

    #[test]
    fn a_run_is_reproducible_and_a_model_without_losses_trains() {
        let rows = inputs(12);
        let labels = rows.narrow(1, 0, 1).squeeze(1).ge(&Tensor::scalar(0.0));
        let data = Dataset::new(rows, labels).unwrap();
        let run = |net: Sequential| {
            let model = net.with_head(|logits| Categorical::from_logits(logits));
            let mut sgd = Sgd::new(0.1).unwrap();
            let fit = Fit::new(&data).unwrap().batch_size(5).unwrap().epochs(4);
            let fit = fit.kl_weight(KlWeight::linear_warmup(2.0).unwrap());
            fit.run_model(&model, &mut sgd, ()).unwrap()
        };
        assert_eq!(run(bayesian(3, 2)), run(bayesian(3, 2)));
        let plain = Affine::builder(3, 2).dtype(DType::F64).seed(1).build().unwrap();
        let report = run(Sequential::of(plain));
        assert_eq!(report.epochs[0].kl, 0.0);
        assert!(report.epochs[3].loss < report.epochs[0].loss);
    }
}
