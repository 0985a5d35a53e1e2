//! Convolutions as maps, and under every estimator.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::Module;
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{
    KernelBiasSpec, Padding, UtilError, make_kernel_bias_posterior_mvn_diag_with_scale,
};

use super::*;
use crate::testing::{check_layer, check_linear_map};
use crate::{
    Convolution, ConvolutionTranspose, ConvolutionV2, Estimated, Estimator, Flipout, Layer,
    LayerError, Local, Mean, PerExample, Reparameterization, Variational, VariationalLayer,
};

fn normal(label: &str, shape: &[usize]) -> Tensor {
    Key::from_seed(8).child(label).stream().normal(shape, DType::F64)
}

fn conv(filter: impl Into<tfn_util::TupleArgument>) -> ConvArguments<Conv> {
    ConvArguments::new(4, 2, filter)
}

fn transposed(filter: impl Into<tfn_util::TupleArgument>) -> ConvArguments<ConvTranspose> {
    ConvArguments::new(4, 2, filter)
}

/// Maps with the shape of a batch of examples each.
fn maps() -> Vec<(Box<dyn LinearMap>, Vec<usize>)> {
    fn boxed<S: IntoMap>(source: S) -> Box<dyn LinearMap> {
        Box::new(source.into_map().unwrap())
    }
    let v2 = || ConvArguments::<ConvV2>::new(4, 2, [2, 1]);
    vec![
        (boxed(conv([2, 3])), vec![2, 3, 4, 4]),
        (boxed(conv(2).strides([2, 1]).padding(Padding::Same)), vec![2, 3, 3, 4]),
        (boxed(conv(3).rank(1).padding(Padding::Causal).dilations(2)), vec![2, 5, 4]),
        (boxed(conv([2, 1, 2]).groups(2)), vec![1, 2, 2, 3, 4]),
        (boxed(conv(2).padding(Padding::Explicit(vec![(1, 0), (0, 2)]))), vec![1, 2, 2, 4]),
        (boxed(conv([2, 1]).batch_shape(&[3])), vec![2, 3, 2, 3, 4]),
        (boxed(conv([2, 1]).batch_shape(&[2, 2]).groups(2)), vec![1, 3, 1, 2, 2, 4]),
        (boxed(v2()), vec![2, 3, 2, 4]),
        (boxed(v2().batch_shape(&[3])), vec![2, 3, 3, 2, 4]),
        (boxed(v2().batch_shape(&[3])), vec![2, 1, 3, 2, 4]),
        (boxed(v2().batch_shape(&[2, 2]).groups(2)), vec![1, 2, 2, 2, 1, 4]),
        (boxed(transposed(3).strides(2).padding(Padding::Same)), vec![2, 2, 2, 4]),
        (boxed(transposed([2, 3]).dilations(2)), vec![1, 2, 2, 4]),
        (boxed(transposed(3).strides(2).output_padding([0, 1]).groups(2)), vec![1, 2, 2, 4]),
        (boxed(transposed(4).rank(1).strides(3)), vec![2, 3, 4]),
        (boxed(Scaling::new(4).unwrap()), vec![3, 4]),
        (boxed(Dense::new(4, 2).unwrap().batch_shape(&[3]).unwrap()), vec![2, 3, 4]),
    ]
}

#[test]
fn all_are_linear_and_have_the_moments_of_independent_weights() {
    for (map, x) in maps() {
        check_linear_map(map.as_ref(), &normal("x", &x)).unwrap_or_else(|e| panic!("{map:?}: {e}"));
    }
}

/// A batch of kernels is each kernel by itself, in either version, and the two versions differ in their axes alone.
#[test]
fn batches_of_kernels_are_kernels_one_by_one() {
    let first = conv([2, 3]).batch_shape(&[3]).into_map().unwrap();
    let second = ConvArguments::<ConvV2>::new(4, 2, [2, 3]).batch_shape(&[3]).into_map().unwrap();
    let one = conv([2, 3]).into_map().unwrap();
    let (x, kernel) = (normal("x", &[2, 4, 5, 3, 4]), normal("kernel", &first.kernel_shape()));
    let (y, moved) = (first.apply(&x, &kernel), x.permute(&[0, 3, 1, 2, 4]));
    let same = second.apply(&moved, &kernel).permute(&[0, 2, 3, 1, 4]);
    assert_eq!(y.to_vec::<f64>().unwrap(), same.to_vec::<f64>().unwrap());
    for i in 0..3 {
        let alone = one.apply(&x.narrow(3, i, 1).squeeze(3), &kernel.narrow(0, i, 1).squeeze(0));
        let part = y.narrow(3, i, 1).squeeze(3);
        let apart = (alone - part).abs().to_f64_vec().unwrap();
        assert!(apart.iter().all(|apart| *apart < 1e-13));
    }
}

fn wide(spec: &KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> {
    make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.3)
}

fn layer<S: IntoMap, E: Estimator + Default>(source: S) -> Variational<S::Map, E> {
    let builder = crate::Builder::<S, E>::over(source).make_posterior_fn(wide);
    builder.dtype(DType::F64).seed(1).build().unwrap()
}

fn all() -> [Arc<dyn Estimator>; 5] {
    [
        Arc::new(Reparameterization),
        Arc::new(PerExample),
        Arc::new(Local),
        Arc::new(Flipout),
        Arc::new(Mean),
    ]
}

#[test]
fn the_laws_hold_for_every_estimator_over_convolutions() {
    let two = layer::<_, Local>(conv(2).strides(2).padding(Padding::Same));
    let grouped = layer::<_, Local>(conv(2).rank(1).groups(2));
    let many = layer::<_, Local>(conv([2]).rank(1).batch_shape(&[2]));
    let back = layer::<_, Local>(transposed(2).rank(1).strides(2));
    let nets: [(&dyn Layer, &[usize]); 4] = [
        (&two, &[2, 3, 2, 4]),
        (&grouped, &[2, 1, 3, 4]),
        (&many, &[2, 3, 2, 4]),
        (&back, &[2, 2, 4]),
    ];
    for (net, shape) in nets {
        for estimator in all() {
            for (_, estimated) in tfn_module::find::<Estimated>(net) {
                estimated.set_estimator(estimator.clone()).unwrap();
            }
            let checked = check_layer(net, &normal("x", shape));
            assert!(checked.is_ok(), "{} of {net:?}: {checked:?}", estimator.name());
        }
    }
}

/// Covariance of two positions of one example, against `Σ x_p x_q s²` over the weights that both see, and the bias's
/// variance.
fn covariance_of_positions<E: Estimator + Default>(expected: fn(kernel: f64, bias: f64) -> f64) {
    const DRAWS: usize = 4000;
    let (layer, x) = (layer::<_, E>(conv(2).rank(1)), normal("x", &[1, 4, 4]) + 1.0);
    let loc = layer.pre_activation(&x).unwrap().0.to_vec::<f64>().unwrap();
    // Output [1, 3, 2]: column 0 at positions 0 and 1 are entries 0 and 2.
    let products: Vec<f64> = (0..DRAWS as u64)
        .map(|i| {
            let y =
                layer.call_at(&x, &Key::from_seed(3).index(i)).unwrap().to_vec::<f64>().unwrap();
            (y[0] - loc[0]) * (y[2] - loc[2])
        })
        .collect();
    let mean = products.iter().sum::<f64>() / DRAWS as f64;
    let square = products.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / DRAWS as f64;
    let error = (square / DRAWS as f64).sqrt();
    let stddev = |part: &Arc<dyn Distribution>| part.stddev().unwrap().to_vec::<f64>().unwrap();
    let kernel = stddev(layer.kernel_posterior());
    let bias = stddev(layer.bias_posterior().unwrap())[0].powi(2);
    let x = x.to_vec::<f64>().unwrap();
    let shared = (0..8).map(|i| x[i] * x[4 + i] * kernel[2 * i].powi(2)).sum::<f64>();
    assert!(shared > 0.1, "{shared} cannot be told from 0");
    let expected = expected(shared, bias);
    assert!((mean - expected).abs() < 5.0 * error, "{mean}, not {expected} ± {error}");
}

#[test]
fn all_but_the_local_estimator_keep_what_positions_share() {
    covariance_of_positions::<Reparameterization>(|kernel, bias| kernel + bias);
    covariance_of_positions::<PerExample>(|kernel, bias| kernel + bias);
    covariance_of_positions::<Flipout>(|kernel, bias| kernel + bias);
    covariance_of_positions::<Local>(|_, _| 0.0);
}

/// Under Flipout two examples share the bias alone.
#[test]
fn flipped_examples_of_a_convolution_are_uncorrelated() {
    let (layer, x) = (layer::<_, Flipout>(conv(2).rank(1)), normal("x", &[1, 3, 4]) + 1.0);
    let x = Tensor::concat(&[&x, &x], 0);
    let loc = layer.pre_activation(&x).unwrap().0.to_vec::<f64>().unwrap();
    let products: Vec<f64> = (0..4000)
        .map(|i| {
            let y =
                layer.call_at(&x, &Key::from_seed(3).index(i)).unwrap().to_vec::<f64>().unwrap();
            (y[0] - loc[0]) * (y[4] - loc[4])
        })
        .collect();
    let mean = products.iter().sum::<f64>() / 4000.0;
    let square = products.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4000.0;
    let bias = 0.3_f64.powi(2);
    assert!((mean - bias).abs() < 5.0 * (square / 4000.0).sqrt(), "{mean}, not {bias}");
}

#[test]
fn names_and_shapes_are_tfps() {
    let weights = |layer: &dyn VariationalLayer| -> (String, Vec<usize>) {
        (layer.name(), layer.kernel_posterior().event_shape().unwrap())
    };
    let flipout = crate::ConvolutionVariationalFlipoutV2::new(3, 8, 5).unwrap();
    assert_eq!(weights(&flipout), ("ConvolutionVariationalFlipoutV2".into(), vec![5, 5, 3, 8]));
    assert_eq!(flipout.bias_posterior().unwrap().event_shape().unwrap(), [8]);
    let back = crate::ConvolutionTransposeVariationalReparameterization::new(3, 8, 5).unwrap();
    let name = "ConvolutionTransposeVariationalReparameterization";
    assert_eq!(weights(&back), (name.into(), vec![75, 8]));
    let plain = ConvolutionV2::new(3, 8, 5).unwrap();
    assert_eq!(
        (plain.name(), plain.bias().unwrap().shape()),
        ("ConvolutionV2".into(), &[1, 1, 8][..])
    );
    assert_eq!(ConvolutionTranspose::new(3, 8, 5).unwrap().kernel().shape(), [75, 8]);
    let many = Convolution::builder(3, 8, 5).batch_shape(&[4]).build().unwrap();
    assert_eq!(
        (many.kernel().shape(), many.bias().unwrap().shape()),
        (&[4, 5, 5, 3, 8][..], &[4, 8][..])
    );
}

#[test]
fn what_does_not_fit_is_an_error_that_names_it() {
    fn error<T: std::fmt::Debug>(made: crate::Result<T>, text: &str) {
        let error = made.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    error(Convolution::new(0, 2, 3), "argument `input_size` is 0");
    error(Convolution::builder(4, 6, 3).groups(3).build(), "argument `groups` is [3]");
    error(Convolution::builder(4, 6, 3).groups(0).build(), "argument `groups` is [0]");
    error(Convolution::builder(4, 6, 3).strides(0).build(), "argument `strides` is [0, 0]");
    error(Convolution::builder(4, 6, 0).build(), "argument `filter_shape` is [0, 0]");
    error(Convolution::builder(4, 6, 3).rank(4).build(), "argument `rank` is [4]");
    error(Convolution::builder(4, 6, [3, 3, 3]).rank(2).build(), "argument `filter_shape`");
    error(Convolution::builder(4, 6, 3).padding(Padding::Causal).build(), "rank 1 for causal");
    error(Convolution::builder(4, 6, 3).batch_shape(&[0]).build(), "`batch_shape` is 0");
    error(
        ConvolutionTranspose::builder(4, 6, 3).strides(2).output_padding(2).build(),
        "output_padding",
    );
    error(
        ConvolutionTranspose::builder(4, 6, 3).rank(1).padding(Padding::Causal).build(),
        "causal",
    );
    error(ConvolutionTranspose::builder(4, 6, 3).batch_shape(&[2]).build(), "batch_shape");
    let layer = Convolution::builder(4, 6, 3).name("first").build().unwrap();
    let image = |shape: &[usize]| layer.call(&Tensor::ones(shape, DType::F32));
    error(
        image(&[2, 5, 5, 3]),
        "first: argument `x` has shape [2, 5, 5, 3], expected [.., at least 3, at least 3, 4]",
    );
    error(image(&[2, 2, 5, 4]), "first: argument `x`");
    error(image(&[4]), "first: argument `x`");
    assert_eq!(image(&[5, 5, 4]).unwrap().shape().unwrap(), [3, 3, 6]);
    let bayesian = crate::ConvolutionVariationalReparameterizationLocal::new(4, 6, 3).unwrap();
    let missing = bayesian.call(&Tensor::ones(&[5, 5, 4], DType::F32));
    error(missing, "expected [.., batch, 5, 5, 4]");
    let error = layer.call(&Tensor::ones(&[1, 5, 5, 4], DType::F64)).unwrap_err();
    assert!(matches!(error.root(), LayerError::Tensor(_)), "{error}");
}
