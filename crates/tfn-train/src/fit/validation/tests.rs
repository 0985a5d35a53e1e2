use std::ops::ControlFlow;

use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
use tfn_module::Module;
use tfn_tensor::{DType, Tensor};

use super::*;
use crate::{Adam, Ending, Event, Every, FitReport, KlWeight, Metrics, TrainError};

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
    let judged: Vec<usize> = (0..10).filter(|&i| report.epochs[i].validation.is_some()).collect();
    assert_eq!(judged, [6]);
    // Trained on the rows of the split alone, with their number.
    let rest = all.rows(&trained).unwrap();
    let alone = Fit { held_out: None, data: &rest, ..fit.clone() };
    let without = |report: FitReport| -> Vec<Metrics> {
        report.epochs.into_iter().map(|e| Metrics { validation: None, ..e }).collect()
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
