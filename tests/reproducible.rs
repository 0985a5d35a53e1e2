//! The same seed gives the same bits: on any number of threads, in any order of calls, from a file.

// The lint's exception for tests does not reach the functions that tests share.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use tfn::distributions::OneHotCategorical;
use tfn::train::data::Dataset;
use tfn::train::{Adam, Fit, FitReport, KlWeight, MonteCarlo};
use tfn::util::make_kernel_bias_posterior_mvn_diag_with_scale;
use tfn::{
    AffineVariationalReparameterization as Shared,
    AffineVariationalReparameterizationLocal as Local, DType, Key, Layer, Model, Module,
    Sequential, Tensor, load, save,
};

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().unwrap().into_iter().map(f64::to_bits).collect()
}

fn images(rows: usize) -> Tensor {
    Key::from_seed(40).stream().uniform(&[rows, 784], DType::F32)
}

/// 784-300-10 with both kinds of variational layer, large enough for every parallel path.
fn net(seed: u64) -> Sequential {
    let hidden = Local::builder(784, 300)
        .make_posterior_fn(|spec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.05))
        .activation_fn(Tensor::relu)
        .seed(seed);
    let output = Shared::builder(300, 10)
        .make_posterior_fn(|spec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.05))
        .seed(seed);
    Sequential::of(hidden.build().unwrap()).then(output.build().unwrap())
}

#[test]
fn two_threads_with_keys_in_any_order_give_the_bits_of_one() {
    const KEYS: u64 = 8;
    let (net, x, root) = (net(1), images(64), Key::from_seed(9));
    let both = |i: u64| {
        let key = root.index(i);
        (bits(&net.call_at(&x, &key).unwrap()), bits(&net.losses_at(&key).unwrap()))
    };
    let alone: Vec<_> = (0..KEYS).map(both).collect();
    assert!((1..alone.len()).all(|i| alone[i].0 != alone[0].0 && alone[i].1 != alone[0].1));
    let orders: [Vec<u64>; 2] =
        [(0..KEYS).collect(), (0..KEYS).map(|i| (5 * i + 3) % KEYS).collect()];
    std::thread::scope(|scope| {
        let threads = orders.map(|order| {
            let both = &both;
            scope.spawn(move || order.into_iter().map(|i| (i, both(i))).collect::<Vec<_>>())
        });
        for thread in threads {
            for (i, given) in thread.join().unwrap() {
                assert!(given == alone[i as usize], "key {i}: other bits than on one thread");
            }
        }
    });
}

#[test]
fn layers_of_equal_name_and_seed_in_one_net_draw_different_noise() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let layer = || {
        let seen = seen.clone();
        // Each layer gets zeros, so that its pre-activation is nothing but the noise of its bias.
        let record = move |y: &Tensor| {
            seen.lock().unwrap().push(y.to_vec::<f64>().unwrap());
            y * 0.0
        };
        let builder = Local::builder(4, 4).dtype(DType::F64).seed(1).name("same");
        builder.activation_fn(record).build().unwrap()
    };
    let inner = Sequential::of(layer()).then(layer());
    let net = Sequential::of(layer()).then(layer()).then(inner);
    net.call(&Tensor::zeros(&[50, 4], DType::F64)).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    for (i, noise) in seen.iter().enumerate() {
        let size = noise.iter().map(|v| v * v).sum::<f64>();
        assert!(size > 0.0);
        for (j, other) in seen.iter().enumerate().take(i) {
            assert!(noise.iter().zip(other).all(|(a, b)| a != b), "layers {j} and {i}");
            // 200 independent pairs: a correlation above 0.45 comes up in less than one of 10⁹ cases.
            let product = noise.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
            assert!((product / size).abs() < 0.45, "layers {j} and {i}: {}", product / size);
        }
    }
}

#[test]
fn calls_in_sequence_repeat_from_the_seed() {
    let x = images(3);
    let run = |seed| {
        let net = net(seed);
        let call = |_| {
            let y = bits(&net.call(&x).unwrap());
            (y, bits(&net.losses().unwrap()))
        };
        (0..3).map(call).collect::<Vec<_>>()
    };
    let first = run(1);
    assert!(first == run(1));
    assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    assert!(first[0] != run(2)[0]);
}

/// Labels that depend on the images: the brighter of two pixels.
fn data(rows: usize) -> Dataset {
    let x = images(rows);
    let brighter = x.narrow(1, 0, 1).gt(&x.narrow(1, 1, 1)).squeeze(1);
    Dataset::new(x, brighter.one_hot(10)).unwrap()
}

fn model(seed: u64) -> Model {
    net(seed).with_head(|logits| OneHotCategorical::from_logits(logits))
}

/// Some steps of training, and what comes out: the report, and the bits of all variables and predictions.
fn trained() -> (FitReport, Vec<Vec<u64>>) {
    let (model, data) = (model(3), data(160));
    let fit = Fit::new(&data).unwrap().batch_size(64).unwrap().epochs(2).key(Key::from_seed(8));
    let fit = fit.kl_weight(KlWeight::linear_warmup(1.0).unwrap());
    let report = fit.run_model(&model, &mut Adam::new(1e-2).unwrap(), ()).unwrap();
    let (samples, key) = (MonteCarlo::new(3).unwrap(), Key::from_seed(2));
    let samples = samples.batch_size(100).unwrap();
    let prediction = samples.classify(&model, data.features(), &key).unwrap();
    let mut numbers: Vec<_> = model.variables().iter().map(|v| bits(&v.value())).collect();
    numbers.push(bits(&prediction.probs));
    (report, numbers)
}

#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    let start: Vec<_> = model(3).variables().iter().map(|v| bits(&v.value())).collect();
    const THREADS: [usize; 4] = [1, 2, 3, 8];
    let runs = THREADS.map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(trained)
    });
    assert_eq!(runs[0].0.steps, 6);
    assert!(start.iter().zip(&runs[0].1).all(|(start, end)| start != end), "nothing was learned");
    for (run, threads) in runs.iter().zip(THREADS).skip(1) {
        assert_eq!(run.0, runs[0].0, "report on {threads} threads");
        for (i, (given, expected)) in run.1.iter().zip(&runs[0].1).enumerate() {
            assert!(given == expected, "variable {i} has other bits on {threads} threads");
        }
    }
}

#[test]
fn a_loaded_net_gives_the_outputs_of_the_saved_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let (saved, loaded, x, key) = (net(1), net(2), images(5), Key::from_seed(6));
    let both = |net: &Sequential| {
        (bits(&net.call_at(&x, &key).unwrap()), bits(&net.losses_at(&key).unwrap()))
    };
    save(&saved, &path).unwrap();
    let (expected, before) = (both(&saved), both(&loaded));
    assert!(before.0 != expected.0 && before.1 != expected.1);
    load(&loaded, &path).unwrap();
    assert!(both(&loaded) == expected);
}
