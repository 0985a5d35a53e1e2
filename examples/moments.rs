//! How far moments in place of draws are off, and what they cost: `MomentMatching` beside a million draws.
//!
//! ```text
//! cargo run --release --example moments
//! ```
//!
//! Random nets of one to four Bayesian layers, 32 units wide, at 8 random inputs; posteriors of deviation 0.2. The error of a mean is in
//! standard deviations of the output, that of a deviation relative; the largest over inputs. The time is that of 512 inputs of
//! 784-300-100-10.

use std::time::Instant;

use tfn::util::make_kernel_bias_posterior_mvn_diag_with_scale;
use tfn::{
    AffineVariationalReparameterizationLocal as Bayesian, DType, Key, Layer, MomentMatching,
    Result, Sequential, Tensor,
};

const DRAWS: u64 = 1_000_000;
const WIDTH: usize = 32;

fn main() -> Result<()> {
    println!("| layers | activation | error of the mean | error of the deviation |");
    println!("|---|---|---|---|");
    for name in ["relu", "tanh"] {
        for layers in 1..=4 {
            let sizes: Vec<usize> = std::iter::repeat_n(WIDTH, layers).chain([1]).collect();
            let net = MomentMatching::new(net(&sizes, name)?);
            let x = Key::from_seed(9).stream().normal(&[8, WIDTH], DType::F64);
            let [mean, deviation] = errors(&net, &x)?;
            println!("| {layers} | {name} | {mean:.4} | {:.2} % |", 100.0 * deviation);
        }
    }
    time()
}

fn net(sizes: &[usize], activation: &str) -> Result<Sequential> {
    let layer = |i: usize| {
        let layer = Bayesian::builder(sizes[i], sizes[i + 1])
            .make_posterior_fn(|spec| make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.2))
            .dtype(DType::F64)
            .seed(i as u64);
        match activation {
            _ if i + 2 == sizes.len() => layer.build(),
            "relu" => layer.activation_fn(Tensor::relu).build(),
            _ => layer.activation_fn(Tensor::tanh).build(),
        }
    };
    (1..sizes.len() - 1).try_fold(Sequential::of(layer(0)?), |net, i| Ok(net.then(layer(i)?)))
}

/// Largest errors of mean and deviation.
fn errors(net: &MomentMatching, x: &Tensor) -> Result<[f64; 2]> {
    let moments = net.moments(x)?;
    let deviation = moments.stddev().unwrap_or_else(|| Tensor::scalar(0.0)).to_vec::<f64>()?;
    let mean = moments.mean.to_vec::<f64>()?;
    let draws = net.net().prepare(x);
    let mut sums = vec![[0.0; 2]; mean.len()];
    for group in 0..DRAWS / 2000 {
        let key = Key::from_seed(5).index(group);
        let keys: Vec<Key> = (0..2000).map(|i| key.index(i)).collect();
        let y = draws(&keys)?.to_vec::<f64>()?;
        for (i, y) in y.iter().enumerate() {
            // Around the mean that is claimed, so that no digits are lost.
            let y = y - mean[i % mean.len()];
            let [sum, squares] = &mut sums[i % mean.len()];
            *sum += y;
            *squares += y * y;
        }
    }
    let mut largest = [0.0_f64; 2];
    for (i, [sum, squares]) in sums.into_iter().enumerate() {
        let (offset, n) = (sum / DRAWS as f64, DRAWS as f64);
        let drawn = (squares / n - offset * offset).sqrt();
        largest[0] = largest[0].max(offset.abs() / drawn);
        largest[1] = largest[1].max((deviation[i] / drawn - 1.0).abs());
    }
    Ok(largest)
}

fn time() -> Result<()> {
    let layer = |inputs, outputs, seed| Bayesian::builder(inputs, outputs).seed(seed);
    let net = Sequential::of(layer(784, 300, 1).activation_fn(Tensor::relu).build()?)
        .then(layer(300, 100, 2).activation_fn(Tensor::relu).build()?)
        .then(layer(100, 10, 3).build()?);
    let net = MomentMatching::new(net);
    let x = Key::from_seed(2).stream().normal(&[512, 784], DType::F32);
    let keys: Vec<Key> = (0..32).map(|i| Key::from_seed(3).index(i)).collect();
    let median = |run: &dyn Fn() -> Result<()>| -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..21 {
            let started = Instant::now();
            run()?;
            times.push(started.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        Ok(1e3 * times[10])
    };
    let one = median(&|| net.moments(&x)?.mean.check().map(drop).map_err(Into::into))?;
    let from_moments = median(&|| net.prepare(&x)(&keys)?.check().map(drop).map_err(Into::into))?;
    let draws = median(&|| net.net().prepare(&x)(&keys)?.check().map(drop).map_err(Into::into))?;
    println!(
        "\nmoments {one:.2} ms, with 32 draws of the output {from_moments:.2} ms, 32 draws through the net {draws:.2} ms"
    );
    Ok(())
}
