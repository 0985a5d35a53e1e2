//! Draws have the distribution that they are named for.
//!
//! Each check has a fixed seed, so it passes or fails for good. Bounds are five standard errors.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::DType::{F32, F64};
use crate::random::{Key, Stream};
use crate::{DType, Tensor};

const MANY: usize = 1_000_000;
const BOTH: [DType; 2] = [F32, F64];

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64_vec().unwrap()
}

fn stream(name: &str) -> Stream {
    Key::from_seed(20).child(name).stream()
}

/// Kolmogorov's statistic, scaled so that it exceeds 2.5 with probability 7e-6.
fn kolmogorov(mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    let distance = draws.iter().enumerate().map(|(i, &x)| {
        let level = cdf(x);
        (level - i as f64 / n).max((i + 1) as f64 / n - level)
    });
    distance.fold(0.0, f64::max) * n.sqrt()
}

/// The mean of `f` over `draws`, less `expected`, in standard errors of `spread / sqrt(n)`.
fn standard_errors(draws: &[f64], f: impl Fn(f64) -> f64, expected: f64, spread: f64) -> f64 {
    let n = draws.len() as f64;
    (draws.iter().map(|&x| f(x)).sum::<f64>() / n - expected).abs() / (spread / n.sqrt())
}

#[test]
fn normals_follow_the_normal_cdf() {
    let normal = Normal::standard();
    for dtype in BOTH {
        let draws = values(&stream("ks").normal(&[MANY], dtype));
        assert!(kolmogorov(draws, |x| normal.cdf(x)) < 2.5, "{dtype}");
    }
}

#[test]
fn uniforms_follow_the_uniform_cdf() {
    for dtype in BOTH {
        let mut stream = stream("ks uniform");
        for tensor in [stream.uniform(&[MANY], dtype), stream.uniform_open(&[MANY], dtype)] {
            assert!(kolmogorov(values(&tensor), |x| x) < 2.5, "{dtype}");
        }
    }
}

#[test]
fn normals_have_the_moments_of_the_normal() {
    // E z^k, and the variance of z^k: E z^2k less the square of that.
    let moment = |k: i32| {
        if k % 2 == 1 { 0.0 } else { (1..k).step_by(2).map(f64::from).product() }
    };
    for dtype in BOTH {
        let draws = values(&stream("moments").normal(&[MANY], dtype));
        for k in 1..=6 {
            let spread = f64::sqrt(moment(2 * k) - moment(k) * moment(k));
            let off = standard_errors(&draws, |x| x.powi(k), moment(k), spread);
            assert!(off < 5.0, "moment {k} of {dtype} is off by {off} standard errors");
        }
    }
}

#[test]
fn uniforms_have_the_moments_of_the_uniform() {
    for dtype in BOTH {
        let mut stream = stream("moments uniform");
        for tensor in [stream.uniform(&[MANY], dtype), stream.uniform_open(&[MANY], dtype)] {
            let draws = values(&tensor);
            for k in 1..=6 {
                let (mean, square) = (1.0 / f64::from(k + 1), 1.0 / f64::from(2 * k + 1));
                let spread = (square - mean * mean).sqrt();
                let off = standard_errors(&draws, |x| x.powi(k), mean, spread);
                assert!(off < 5.0, "moment {k} of {dtype} is off by {off} standard errors");
            }
        }
    }
}

#[test]
fn tails_are_as_heavy_as_they_should_be() {
    // Normal upper tails Q(4), Q(4.5), Q(5), from their tables, and twice them for both sides.
    const TAILS: [(f64, f64); 3] =
        [(4.0, 3.167_124_183_312e-5), (4.5, 3.397_673_124_730e-6), (5.0, 2.866_515_718_791e-7)];
    for dtype in BOTH {
        let mut stream = stream("tails");
        let mut counts = [[0_u32; 2]; 3];
        for _ in 0..10 {
            for x in values(&stream.normal(&[MANY], dtype)) {
                for ((bound, _), count) in TAILS.iter().zip(&mut counts) {
                    count[0] += u32::from(x > *bound);
                    count[1] += u32::from(x < -bound);
                }
            }
        }
        for ((bound, tail), [above, below]) in TAILS.iter().zip(counts) {
            let expected = tail * 10.0 * MANY as f64;
            for count in [above, below] {
                let off = (f64::from(count) - expected).abs() / expected.sqrt();
                assert!(off < 4.0, "{count} beyond {bound}, expected {expected} ({dtype})");
            }
        }
    }
}

#[test]
fn uniforms_stay_in_their_interval_and_reach_into_its_ends() {
    for (dtype, step) in [(F32, 24), (F64, 53)] {
        let mut stream = stream("ends");
        let half_open = values(&stream.uniform(&[4 * MANY], dtype));
        let open = values(&stream.uniform_open(&[4 * MANY], dtype));
        assert!(half_open.iter().all(|x| (0.0..1.0).contains(x)));
        assert!(open.iter().all(|&x| x > 0.0 && x < 1.0));
        let scale = f64::exp2(f64::from(step));
        assert!(half_open.iter().all(|x| (x * scale).fract() == 0.0));
        assert!(open.iter().all(|x| (x * scale) % 2.0 == 1.0));
        for draws in [half_open, open] {
            assert!(draws.iter().any(|&x| x < 1e-6) && draws.iter().any(|&x| x > 1.0 - 1e-6));
        }
    }
}

#[test]
fn signs_are_fair() {
    let draws = values(&stream("signs").signs(&[MANY], F32));
    assert!(draws.iter().all(|x| x.abs() == 1.0));
    assert!(standard_errors(&draws, |x| x, 0.0, 1.0) < 5.0);
}

/// The correlation of two sequences of mean 0, in standard errors of independent ones.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    product(a, b).abs() / (product(a, a) * product(b, b)).sqrt() * (n as f64).sqrt()
}

#[test]
fn entries_are_not_correlated_at_any_lag() {
    // Lags within a pair, a tile, a block of words and a block of entries.
    const LAGS: [usize; 14] = [1, 2, 3, 4, 8, 15, 16, 32, 64, 128, 256, 1024, 4096, 8192];
    for dtype in BOTH {
        let mut stream = stream("lags");
        let centred = |x: &f64| x - 0.5;
        let normals = values(&stream.normal(&[MANY], dtype));
        let uniforms = values(&stream.uniform(&[MANY], dtype)).iter().map(centred).collect();
        let signs = values(&stream.signs(&[MANY], dtype));
        let squares = normals.iter().map(|x| x * x - 1.0).collect();
        for (name, draws) in [("z", normals), ("u", uniforms), ("sign", signs), ("z^2", squares)] {
            for lag in LAGS {
                let off = correlation(&draws, &draws[lag..]);
                assert!(off < 5.0, "{name} of {dtype}: lag {lag} is off by {off}");
            }
        }
    }
}

#[test]
fn streams_calls_and_seeds_are_not_correlated() {
    let key = Key::from_seed(0).child("siblings");
    let keys = [
        key.index(0),
        key.index(1),
        key.index(2),
        key.index(0).index(0),
        Key::from_seed(1).child("siblings").index(0),
        key,
    ];
    let mut draws = Vec::new();
    for key in &keys {
        let mut stream = key.stream();
        draws.extend([0; 2].map(|_| values(&stream.normal(&[100_000], F32))));
        draws.push(values(&stream.signs(&[100_000], F32)));
    }
    for (i, a) in draws.iter().enumerate() {
        for b in &draws[..i] {
            assert!(correlation(a, b) < 5.0);
        }
    }
}

#[test]
fn first_entries_over_many_keys_are_normal_too() {
    // What a training run sees: one short draw from each of many neighbouring keys.
    let key = Key::from_seed(11);
    let draws: Vec<f64> =
        (0..100_000).map(|i| key.index(i).stream().normal(&[1], F32).item().unwrap()).collect();
    assert!(correlation(&draws, &draws[1..]) < 5.0);
    let normal = Normal::standard();
    assert!(kolmogorov(draws, |x| normal.cdf(x)) < 2.5);
}
