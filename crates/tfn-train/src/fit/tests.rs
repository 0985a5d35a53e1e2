use std::ops::ControlFlow;

use tfn_tensor::Tensor;

use super::*;
use crate::Sgd;

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

fn data(n: usize) -> Dataset {
    let y = Tensor::from_vec((0..n).map(|i| i as f64).collect(), &[n]);
    Dataset::new(y.clone(), y).unwrap()
}

fn fit(data: &Dataset, batch_size: usize, epochs: u64) -> Fit<'_> {
    Fit::new(data).unwrap().batch_size(batch_size).unwrap().epochs(epochs)
}

fn variable() -> Variable {
    Variable::new("w", Tensor::scalar(0.0)).unwrap()
}

/// nll of a row is w + y, KL is w²: simple enough to follow by hand.
fn linear(w: &Variable, batch: &Dataset, step: &Step) -> Result<StepLoss> {
    let nll = batch.targets() + w.tensor();
    Ok(step.loss(&nll, &w.tensor().square())?.into())
}

#[test]
fn steps_scale_and_means_by_hand() {
    let w = variable();
    let mut sgd = Sgd::new(1.0).unwrap();
    let mut seen = Vec::new();
    let data = data(3);
    let fit = fit(&data, 2, 2);
    let report = fit
        .run(
            std::slice::from_ref(&w),
            &mut sgd,
            |batch, step| Ok(linear(&w, batch, step)?.with_accuracy(batch.len() as f64)),
            |event| {
                if let Event::Step { index, of, epoch, metrics, kl_weight } = event {
                    seen.push((index, of, epoch, metrics.kl, kl_weight));
                }
                GO_ON
            },
        )
        .unwrap();
    // w ← w − (1 + 2 w / 3), from 0: 0, -1, -4/3, -13/9
    let w_at: Vec<f64> = (0..5)
        .scan(0.0, |w, _| {
            let now = *w;
            *w -= 1.0 + 2.0 * *w / 3.0;
            Some(now)
        })
        .collect();
    for (i, &(index, of, epoch, kl, weight)) in seen.iter().enumerate() {
        assert_eq!((index, of, epoch, weight), (i as u64, 4, i as u64 / 2, 1.0));
        assert!((kl - w_at[i] * w_at[i]).abs() < 1e-14);
    }
    assert!((w.value().item().unwrap() - w_at[4]).abs() < 1e-14);
    // The mean of y over all rows is 1; the first step has 2 of the 3 rows.
    let nll = 1.0 + (2.0 * w_at[0] + w_at[1]) / 3.0;
    assert!((report.epochs[0].nll - nll).abs() < 1e-14);
    let kl = (2.0 * w_at[0] * w_at[0] + w_at[1] * w_at[1]) / 3.0;
    assert!((report.epochs[0].kl - kl).abs() < 1e-14);
    assert!((report.epochs[0].loss - (nll + kl / 3.0)).abs() < 1e-14);
    assert_eq!(report.epochs[0].accuracy, Some(5.0 / 3.0));
    assert_eq!((report.steps, report.ending, fit.steps()), (4, Ending::Complete, 4));
}

#[test]
fn a_gradient_that_is_not_finite_ends_the_run_before_anything_changes() {
    use crate::{Adam, AdamW, Optimizer};

    let data = data(4);
    let optimizers: [Box<dyn Optimizer>; 5] = [
        Box::new(Sgd::new(0.1).unwrap()),
        Box::new(Sgd::builder(0.1).momentum(0.9).build().unwrap()),
        Box::new(Adam::new(0.1).unwrap()),
        Box::new(Adam::builder(0.1).clip_norm(1.0).build().unwrap()),
        Box::new(AdamW::new(0.1).unwrap()),
    ];
    for mut optimizer in optimizers {
        // √u is finite at 0, its slope is not.
        let (w, u) = (variable(), Variable::new("u", Tensor::scalar(0.0)).unwrap());
        let both = [w.clone(), u.clone()];
        let step = |batch: &Dataset, step: &Step| {
            let nll = batch.targets() + w.tensor() + u.tensor().powf(0.5);
            Ok(step.loss(&nll, &w.tensor().square())?.into())
        };
        let error = fit(&data, 2, 2).run(&both, &mut *optimizer, step, ()).unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "step 0: the gradient of `1/u` is inf, expected a finite number");
        assert_eq!((w.value().item().unwrap(), u.value().item().unwrap()), (0.0, 0.0));
        assert_eq!(optimizer.iterations(), 0);
    }
}

#[test]
fn a_gradient_is_named_by_its_path() {
    use tfn_layers::{Affine, Sequential, likelihoods};
    use tfn_module::Module;

    // All pre-activations are 0, where the slope of the root is infinite, and so are the features.
    let x = Tensor::zeros(&[4, 2], tfn_tensor::DType::F32);
    let data = Dataset::new(x.clone(), x.narrow(1, 0, 1) + 1.0).unwrap();
    let root = |x: &Tensor| x.powf(0.5);
    let hidden = Affine::builder(2, 3).activation_fn(root).build().unwrap();
    let model = Sequential::of(hidden)
        .then(Affine::builder(3, 1).build().unwrap())
        .with_likelihood(likelihoods::Normal::new().unwrap());
    let bits = || -> Vec<Vec<f64>> {
        model.variables().iter().map(|v| v.value().to_f64_vec().unwrap()).collect()
    };
    let before = bits();
    let error = fit(&data, 2, 2).run_model(&model, &mut Sgd::new(0.1).unwrap(), ()).unwrap_err();
    let TrainError::NotFinite { step: 0, what, given } = &error else { panic!("{error}") };
    assert!(what.starts_with("the gradient of `net/layers/0/") && !given.is_finite(), "{error}");
    assert_eq!(bits(), before);
}

#[test]
fn the_kl_weight_rises_by_the_step() {
    let w = variable();
    let mut weights = Vec::new();
    let data = data(4);
    let fit = fit(&data, 2, 3).kl_weight(KlWeight::linear_warmup(2.0).unwrap());
    fit.run(
        std::slice::from_ref(&w),
        &mut Sgd::new(0.1).unwrap(),
        |batch, step| {
            weights.push(step.kl_weight);
            linear(&w, batch, step)
        },
        |_| GO_ON,
    )
    .unwrap();
    assert_eq!(weights, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]);
}

#[test]
fn a_run_is_a_function_of_its_key() {
    let run = |seed| {
        let w = variable();
        let mut drawn = Vec::new();
        let data = data(10);
        let fit = fit(&data, 3, 2).key(Key::from_seed(seed));
        fit.run(
            std::slice::from_ref(&w),
            &mut Sgd::new(0.1).unwrap(),
            |batch, step| {
                drawn.push(step.key.stream().next_u64());
                drawn.extend(batch.targets().to_vec::<f64>()?.iter().map(|&y| y as u64));
                linear(&w, batch, step)
            },
            |_| GO_ON,
        )
        .unwrap();
        drawn
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_observer_may_stop_the_run() {
    let w = variable();
    let data = data(4);
    let fit = fit(&data, 1, 5);
    let stop_when = |stop: fn(&Event) -> bool| {
        let step = |batch: &Dataset, step: &Step| linear(&w, batch, step);
        let observe = |event: Event| {
            if stop(&event) { ControlFlow::Break(()) } else { GO_ON }
        };
        let mut sgd = Sgd::new(0.0).unwrap();
        fit.run(std::slice::from_ref(&w), &mut sgd, step, observe).unwrap()
    };
    let report = stop_when(|event| matches!(event, Event::Epoch { epoch: 1, .. }));
    assert_eq!((report.epochs.len(), report.steps, report.ending), (2, 8, Ending::Observer));
    let report = stop_when(|event| matches!(event, Event::Step { index: 5, .. }));
    assert_eq!((report.epochs.len(), report.steps, report.ending), (1, 6, Ending::Observer));
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_before_the_update() {
    let w = variable();
    let data = data(2);
    let error = fit(&data, 2, 3)
        .run(
            std::slice::from_ref(&w),
            &mut Sgd::new(1.0).unwrap(),
            |batch, step| {
                let bad = if step.index == 1 { f64::NAN } else { 0.0 };
                Ok(step.loss(&(batch.targets() + w.tensor() + bad), &w.tensor())?.into())
            },
            |_| GO_ON,
        )
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("step 1: negative log-likelihood is NaN"), "{text}");
    assert_eq!(w.value().item().unwrap(), -1.5);
}

#[test]
fn what_leaves_nothing_to_train_on_is_refused() {
    let w = variable();
    let step = |batch: &Dataset, step: &Step| linear(&w, batch, step);
    let (none, three, five) = (data(0), data(3), data(5));
    let error = Fit::new(&none).unwrap_err().to_string();
    assert!(error.contains("`data` is 0, expected at least 1 row"), "{error}");
    assert!(Fit::new(&three).unwrap().batch_size(0).is_err());
    assert!(Fit::new(&three).unwrap().draws(0).is_err());
    let list = std::slice::from_ref(&w);
    let short = fit(&three, 4, 1).drop_last();
    assert!(short.run(list, &mut Sgd::new(1.0).unwrap(), step, ()).is_err());
    assert_eq!(fit(&five, 2, 3).drop_last().steps(), 6);
    for share in [0.0, 0.05, 1.0, -0.5, f64::NAN] {
        let error = fit(&five, 2, 3).validation_split(share).unwrap_err().to_string();
        assert!(error.contains("`share` is"), "{error}");
    }
    let held_out = fit(&five, 2, 3).validation_split(0.4).unwrap();
    assert_eq!((held_out.num_examples(), held_out.steps()), (3, 6));
    let error = held_out.run(list, &mut Sgd::new(1.0).unwrap(), step, ());
    assert!(matches!(error, Err(TrainError::NoModel)));
}

#[test]
fn a_row_of_weight_two_is_two_rows() {
    // The loss of all rows together: its gradient is the same however the second row is counted.
    let y = |rows: Vec<f64>| {
        let y = Tensor::from_vec(rows.clone(), &[rows.len()]);
        Dataset::new(y.clone(), y).unwrap()
    };
    let run = |data: &Dataset| {
        let w = variable();
        let step = |batch: &Dataset, step: &Step| {
            let nll = (batch.targets() - w.tensor()).square();
            let kl = w.tensor().square() * 3.0;
            Ok(step.loss(&nll, &kl)?.into())
        };
        let list = std::slice::from_ref(&w);
        let report = fit(data, 10, 4).run(list, &mut Sgd::new(0.1).unwrap(), step, ()).unwrap();
        (w.value().item().unwrap(), report.epochs[3].loss)
    };
    let twice = run(&y(vec![1.0, 4.0, 4.0, -2.0]));
    let weighted = y(vec![1.0, 4.0, -2.0, 7.0]).with_weights(&[1.0, 2.0, 1.0, 0.0]).unwrap();
    let weighted = run(&weighted);
    assert!((twice.0 - weighted.0).abs() < 1e-14 && (twice.1 - weighted.1).abs() < 1e-13);
}

/// The same rows, from somewhere else than memory, their weights apart.
#[derive(Debug)]
struct Elsewhere(Dataset);

impl Examples for Elsewhere {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn rows(&self, indices: &[usize]) -> Result<Dataset> {
        assert!(indices.iter().all(|&row| self.0.targets().to_f64_vec().unwrap()[row] >= 0.0));
        let rows = self.0.rows(indices)?;
        Dataset::new(rows.features().clone(), rows.targets().clone())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.0.weights()
    }
}

#[test]
fn rows_read_on_another_thread_are_the_same() {
    let run = |data: &dyn Examples, stop: u64| {
        let w = variable();
        let fit = Fit::new(data).unwrap().batch_size(3).unwrap().epochs(4);
        let list = std::slice::from_ref(&w);
        let step = |batch: &Dataset, step: &Step| {
            let nll = (batch.targets() - w.tensor()).square();
            Ok(step.loss(&nll, &w.tensor().square())?.into())
        };
        let observe = |event: Event| match event {
            Event::Step { index, .. } if index == stop => ControlFlow::Break(()),
            _ => GO_ON,
        };
        let report = fit.run(list, &mut Sgd::new(0.1).unwrap(), step, observe).unwrap();
        (w.value().item().unwrap().to_bits(), report)
    };
    let weighted: Vec<f64> = (0..10).map(|row| f64::from(row % 3)).collect();
    for data in [data(10), data(10).with_weights(&weighted).unwrap()] {
        for stop in [u64::MAX, 0, 5] {
            assert_eq!(run(&data, stop), run(&Elsewhere(data.clone()), stop));
        }
    }
}

#[test]
fn a_source_that_panics_ends_the_run_and_spoils_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    let y = Tensor::from_vec((0..9).map(|i| if i == 7 { -1.0 } else { 1.0 }).collect(), &[9]);
    let source = Elsewhere(Dataset::new(y.clone(), y).unwrap());
    let w = variable();
    let fit = Fit::new(&source).unwrap().batch_size(1).unwrap().epochs(3);
    let fit = fit.checkpoint(&file, Every::Steps(1)).unwrap();
    let run = || {
        let step = |batch: &Dataset, step: &Step| linear(&w, batch, step);
        fit.run(std::slice::from_ref(&w), &mut Sgd::new(0.1).unwrap(), step, ())
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    let steps = tfn_module::read_metadata(&file).map(|facts| facts["steps"].clone());
    let epochs = tfn_module::read_metadata(&file).map(|facts| facts["epochs"].clone());
    assert_eq!(epochs.unwrap_or_default(), "");
    assert!(steps.is_err() || steps.unwrap().parse::<u64>().unwrap() < 9);
}

#[test]
fn as_many_runs_on_files_as_threads_do_not_wait_for_each_other() {
    // Wide enough that looking at a minibatch is work for several threads.
    let wide = Dataset::new(
        Tensor::zeros(&[64, 4000], tfn_tensor::DType::F64),
        Tensor::zeros(&[64], tfn_tensor::DType::F64),
    );
    let source = Elsewhere(wide.unwrap());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let run = |_| {
        let w = variable();
        let step = |batch: &Dataset, step: &Step| {
            assert!(batch.features().all_finite()?);
            linear(&w, batch, step)
        };
        let fit = Fit::new(&source).unwrap().batch_size(16).unwrap().epochs(4);
        fit.run(std::slice::from_ref(&w), &mut Sgd::new(0.1).unwrap(), step, ()).unwrap().steps
    };
    use rayon::prelude::*;
    let steps: Vec<u64> = pool.install(|| (0..4).into_par_iter().map(run).collect());
    assert_eq!(steps, [16; 4]);
}

#[test]
fn a_run_without_an_end_has_the_most_steps_that_can_be_counted() {
    let data = data(5);
    assert_eq!(fit(&data, 2, u64::MAX).steps(), u64::MAX);
}
