use std::fs;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use tfn_distributions::Categorical;
use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Model, Sequential};
use tfn_module::{Module, ModuleError, read_metadata};
use tfn_tensor::{DType, Key, Tensor, Variable};

use super::*;
use crate::data::Dataset;
use crate::{Adam, AdamW, Event, KlWeight, Sgd, StepLoss};

const ROWS: usize = 7;

fn data() -> &'static Dataset {
    static DATA: LazyLock<Dataset> = LazyLock::new(|| {
        let x = Key::from_seed(8).stream().normal(&[ROWS, 3], DType::F32);
        let labels = [0.0_f32, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        Dataset::new(x, Tensor::from_vec(labels.to_vec(), &[ROWS])).unwrap()
    });
    &DATA
}

fn fit_of(data: &Dataset, batch_size: usize, epochs: u64) -> Fit<'_> {
    let fit = Fit::new(data).unwrap().batch_size(batch_size).unwrap().epochs(epochs);
    fit.key(Key::from_seed(3))
}

/// Four steps an epoch, the last of one row.
fn fit() -> Fit<'static> {
    fit_of(data(), 2, 3).kl_weight(KlWeight::linear_warmup(2.0).unwrap())
}

fn model() -> Model {
    let layer = Bayesian::builder(3, 2).seed(5).build().unwrap();
    Sequential::of(layer).with_head(|logits| Categorical::from_logits(logits))
}

fn bits(variables: &[Variable]) -> Vec<u64> {
    let of = |v: &Variable| v.value().to_f64_vec().unwrap();
    variables.iter().flat_map(of).map(f64::to_bits).collect()
}

type Outcome = Result<(Vec<u64>, FitReport)>;

/// Trains a fresh model until after the step `last`.
fn train(fit: &Fit, optimizer: &mut dyn Optimizer, last: u64) -> Outcome {
    let model = model();
    let report = fit.run_model(&model, optimizer, stop_at(last))?;
    Ok((bits(&model.variables()), report))
}

fn stop_at(last: u64) -> impl FnMut(Event) -> ControlFlow<()> + Send {
    move |event| match event {
        Event::Step { index, .. } if index == last => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    }
}

fn adam() -> Adam {
    Adam::builder(0.05).clip_norm(0.5).build().unwrap()
}

#[test]
fn a_run_goes_on_from_any_step_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let optimizers: [fn() -> Box<dyn Optimizer>; 3] = [
        || Box::new(adam()),
        || Box::new(AdamW::new(0.05).unwrap()),
        || Box::new(Sgd::builder(0.05).momentum(0.9).build().unwrap()),
    ];
    for make in optimizers {
        let whole = train(&fit(), &mut *make(), u64::MAX).unwrap();
        let saving = fit().checkpoint(&file, Every::Epochs(1)).unwrap();
        for last in 0..12 {
            let part = train(&saving, &mut *make(), last).unwrap();
            assert!(part.1.ending == Ending::Observer && part.1.steps == last + 1);
            let resumed = train(&fit().resume_from(&file), &mut *make(), u64::MAX).unwrap();
            assert_eq!(resumed, whole, "after step {last}");
        }
    }
}

#[test]
fn a_run_of_a_list_goes_on_too_and_so_does_one_that_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let run = |fit: &Fit, last: u64| {
        let list = ["loc", "rho"]
            .map(|name| Variable::new(name, Tensor::from_vec(vec![0.5, -1.0, 2.0], &[3])).unwrap());
        let [loc, rho] = list.clone();
        let step = move |batch: &Dataset, step: &crate::Step| {
            let noise = step.key.stream().normal(&[3], DType::F64);
            let w = loc.tensor() + rho.tensor().softplus() * noise;
            let x = batch.features().cast(DType::F64);
            let nll = (x * w.clone()).square().sum_axes(&[1], false);
            Ok(StepLoss::from(step.loss(&nll, &w.square().sum())?).with_accuracy(0.25))
        };
        let report = fit.run(&list, &mut adam(), step, stop_at(last)).unwrap();
        (bits(&list), report)
    };
    let whole = run(&fit(), u64::MAX);
    let saving = fit().checkpoint(&file, Every::Steps(3)).unwrap();
    run(&saving, 6);
    assert_eq!(run(&saving.clone().resume_from(&file), u64::MAX), whole);
    assert_eq!(run(&fit().resume_from(&file), u64::MAX), whole);
    let longer = fit().epochs(5);
    assert_eq!(run(&longer.clone().resume_from(&file), u64::MAX), run(&longer, u64::MAX));
}

#[test]
fn a_run_is_saved_as_often_as_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    // Where the file is after each event, and at the end.
    let saved = |every: Every| {
        let _ = fs::remove_file(&file);
        let at = || match read_metadata(&file) {
            Ok(facts) => facts["steps"].parse().unwrap(),
            Err(_) => 0,
        };
        let mut seen = vec![0_u32];
        let fit = fit().checkpoint(&file, every).unwrap();
        let observe = |event: Event| {
            if matches!(event, Event::Step { .. }) && seen.last() != Some(&at()) {
                seen.push(at());
            }
            ControlFlow::Continue(())
        };
        fit.run_model(&model(), &mut adam(), observe).unwrap();
        seen.push(at());
        seen
    };
    assert_eq!(saved(Every::Steps(3)), [0, 3, 6, 9, 12]);
    assert_eq!(saved(Every::Steps(4)), [0, 4, 8, 12]);
    assert_eq!(saved(Every::Steps(100)), [0, 12]);
    assert_eq!(saved(Every::Epochs(1)), [0, 4, 8, 12]);
    assert_eq!(saved(Every::Epochs(2)), [0, 8, 12]);
    assert_eq!(saved(Every::Seconds(1e-9)).len(), 13);
    assert_eq!(saved(Every::Seconds(1e9)), [0, 12]);
    for every in [Every::Steps(0), Every::Epochs(0), Every::Seconds(f64::NAN)] {
        let error = fit().checkpoint(&file, every).unwrap_err().to_string();
        assert!(error.contains("expected a positive finite number"), "{error}");
    }
}

/// Goes on from `file`, which must be refused and change nothing.
fn refused(fit: &Fit, file: &Path, optimizer: &mut dyn Optimizer) -> TrainError {
    let model = model();
    let before = bits(&model.variables());
    let fit = fit.clone().resume_from(file);
    let error = fit.run_model(&model, optimizer, stop_at(0)).unwrap_err();
    assert_eq!((bits(&model.variables()), optimizer.iterations()), (before, 0));
    error
}

#[test]
fn a_checkpoint_of_another_run_is_refused_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let new = |batch| fit_of(data(), batch, 3);
    let saving = new(2).checkpoint(&file, Every::Epochs(1)).unwrap();
    train(&saving, &mut adam(), 9).unwrap();
    let warmup = KlWeight::linear_warmup(0.5).unwrap();
    for (fit, message) in [
        (new(3), "another run: batch size is 2, expected 3"),
        (new(2).key(Key::from_seed(4)), "another run: key is "),
        (new(2).drop_last(), "drop_last is false, expected true"),
        (new(2).draws(3).unwrap(), "draws is 1, expected 3"),
        (new(2).kl_weight(warmup), "Once(0.5)"),
        (new(2).validation(data()).unwrap(), "validation is none, every 1 epochs, expected a"),
        (
            new(2).validation(data()).unwrap().early_stopping(2).unwrap(),
            "validation is none, every 1 epochs, expected a",
        ),
        (new(2).epochs(2), "number of steps done is 10, expected at most 8"),
    ] {
        let error = refused(&fit, &file, &mut adam());
        let is_typed = matches!(error, TrainError::Checkpoint(CheckpointError::OtherRun { .. }));
        assert!(is_typed && error.to_string().contains(message), "{error}");
    }
    let rows = data().rows(&[0, 1, 2]).unwrap();
    let error = refused(&fit_of(&rows, 2, 3), &file, &mut adam()).to_string();
    assert!(error.contains("number of examples is 7, expected 3"), "{error}");
    let mut x = data().features().to_vec::<f32>().unwrap();
    x[20] += 1e-6;
    let other = Tensor::from_vec(x, &[ROWS, 3]);
    let other = Dataset::new(other, data().targets().clone()).unwrap();
    let error = refused(&fit_of(&other, 2, 3), &file, &mut adam()).to_string();
    assert!(error.contains("another run: checksum of the data is"), "{error}");

    let fit = new(2);
    let error = refused(&fit, &file, &mut Sgd::builder(0.1).momentum(0.5).build().unwrap());
    assert!(matches!(error, TrainError::Module(ModuleError::Mismatch(_))), "{error}");
    assert!(error.to_string().contains("missing: `optimizer/slots/velocity/"), "{error}");
    let error = refused(&fit, &folder.path().join("none"), &mut adam());
    assert!(matches!(error, TrainError::Module(ModuleError::Io { .. })), "{error}");
    let w = Variable::new("w", Tensor::scalar(1.0)).unwrap();
    let fit = fit.resume_from(&file);
    let step = |_: &Dataset, _: &crate::Step| unreachable!();
    let error = fit.run(&[w], &mut adam(), step, stop_at(0)).unwrap_err();
    assert!(error.to_string().contains("missing: `variables/0/w`"), "{error}");
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let saving = fit().checkpoint(&file, Every::Epochs(1)).unwrap();
    train(&saving, &mut adam(), 5).unwrap();
    let whole = fs::read(&file).unwrap();
    let damaged = folder.path().join("damaged");
    for length in (0..whole.len()).step_by(13).chain([whole.len() - 1]) {
        fs::write(&damaged, &whole[..length]).unwrap();
        let error = refused(&fit(), &damaged, &mut adam());
        assert!(matches!(error, TrainError::Module(ModuleError::Format { .. })), "{error}");
    }
    let resumed = |file: &Path| train(&fit().resume_from(file), &mut adam(), u64::MAX);
    let end = resumed(&file).unwrap();
    let text = String::from_utf8_lossy(&whole).into_owned();
    // The names of variables, which are for readers only, and the version of the file's form.
    let place_of = |word: &str| text.find(word).unwrap();
    let names = place_of("names")..place_of("user");
    let version = place_of("version") - 4..place_of("version") + 12;
    let mut by_checksum = 0;
    for place in 0..whole.len() {
        // What is harmless is trained to the end, which takes time.
        if names.contains(&place) && place % 16 != 0 {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 7);
        fs::write(&damaged, bytes).unwrap();
        match resumed(&damaged) {
            Err(TrainError::Checkpoint(CheckpointError::Damaged { .. })) => by_checksum += 1,
            Err(TrainError::Module(_)) => {}
            Err(error) => panic!("{place}: {error}"),
            Ok(same) => {
                assert_eq!(same, end);
                assert!(names.contains(&place) || version.contains(&place), "{place}");
            }
        }
    }
    let bytes_of_tensors = 8 + 3 * 4 * bits(&model().variables()).len();
    assert!(by_checksum >= bytes_of_tensors, "{by_checksum}");
}

#[test]
fn a_variable_given_twice_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let run = |fit: &Fit, last: u64| {
        let w = Variable::new("w", Tensor::scalar(1.0)).unwrap();
        let step = |batch: &Dataset, step: &crate::Step| {
            let nll = batch.targets().cast(DType::F64) * w.tensor();
            Ok(step.loss(&nll, &w.tensor().square())?.into())
        };
        let list = [w.clone(), w.clone()];
        fit.run(&list, &mut adam(), step, stop_at(last)).unwrap();
        bits(&list)
    };
    let whole = run(&fit(), u64::MAX);
    run(&fit().checkpoint(&file, Every::Epochs(1)).unwrap(), 6);
    assert_eq!(run(&fit().resume_from(&file), u64::MAX), whole);
}

#[test]
fn a_file_that_cannot_be_written_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let fit = fit().checkpoint(folder.path().join("none/run"), Every::Steps(5)).unwrap();
    let mut adam = adam();
    let error = train(&fit, &mut adam, u64::MAX).unwrap_err();
    assert!(matches!(error, TrainError::Module(ModuleError::Io { .. })), "{error}");
    assert_eq!(adam.iterations(), 5);
}
