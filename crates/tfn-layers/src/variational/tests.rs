use super::AffineVariationalReparameterizationLocal;
use crate::testing::check_layer;
use crate::{Layer, LayerError, Result, VariationalLayer, losses};
use std::sync::Arc;
use tfn_distributions::{
    Deterministic, Distribution, DistributionError, Independent, JointDistributionSequential,
    Laplace, MultivariateNormalDiag, Normal, Sample,
};
use tfn_module::{Module, Variable, deep_copy};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{
    KernelBias, KernelBiasSpec, OtherWeight, UtilError,
    make_kernel_bias_posterior_mvn_diag_with_scale,
};

type Local = AffineVariationalReparameterizationLocal;
type Part = Result<Arc<dyn Distribution>, DistributionError>;
type Joint = Result<JointDistributionSequential, DistributionError>;

fn wide(spec: &KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> {
    make_kernel_bias_posterior_mvn_diag_with_scale(spec, 0.3)
}

fn layer(validate: bool) -> Local {
    Local::builder(3, 2)
        .make_posterior_fn(wide)
        .dtype(DType::F64)
        .activation_fn(Tensor::tanh)
        .validate_args(validate)
        .seed(1)
        .name("layer")
        .build()
        .unwrap()
}

fn ramp(shape: &[usize]) -> Tensor {
    let len: usize = shape.iter().product();
    Tensor::from_vec((0..len).map(|i| ((i * 5) % 7) as f64 * 0.3 - 0.8).collect(), shape)
}

fn variables(kernel: &Tensor) -> Result<(Variable, Variable), DistributionError> {
    let scale = kernel * 0.0 + 0.4;
    Ok((Variable::new("loc", kernel)?, Variable::new("scale", scale)?))
}

/// A kernel posterior of one family and a bias posterior of another, with a prior for both.
fn with_bias(bias: fn(&[usize]) -> Part) -> Local {
    Local::builder(3, 2)
        .dtype(DType::F64)
        .seed(1)
        .make_posterior_fn(move |spec| -> Joint {
            let (loc, scale) = variables(&ramp(&spec.kernel_shape))?;
            let kernel: Arc<dyn Distribution> =
                Arc::new(Independent::new(Normal::new(loc, scale)?, 2)?);
            JointDistributionSequential::new([kernel, bias(&spec.bias_shape)?])
        })
        .make_prior_fn(|spec| -> Joint {
            let part = |shape: &[usize]| -> Part {
                Ok(Sample::new(Normal::new(0.0, 1.0)?, shape)?.into())
            };
            JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
        })
        .build()
        .unwrap()
}

#[test]
fn the_laws_hold_for_every_kind_of_bias() {
    check_layer(&layer(false), &ramp(&[4, 3])).unwrap();
    check_layer(&layer(true), &ramp(&[2, 2, 3])).unwrap();
    let laplace = with_bias(|shape| {
        let (loc, scale) = variables(&ramp(shape))?;
        Ok(Arc::new(Independent::new(Laplace::new(loc, scale)?, 1)?))
    });
    check_layer(&laplace, &ramp(&[4, 3])).unwrap();
    let deterministic = with_bias(|shape| {
        let loc = Variable::new("loc", ramp(shape))?;
        Ok(Arc::new(Independent::new(Deterministic::new(loc)?, 1)?))
    });
    check_layer(&deterministic, &ramp(&[4, 3])).unwrap();
}

#[test]
fn a_diagonal_multivariate_normal_is_elementwise_normal() {
    let layer = Local::builder(3, 2)
        .dtype(DType::F64)
        .make_posterior_fn(|spec| -> Joint {
            let part = |shape: &[usize]| -> Part {
                let (loc, scale) = variables(&ramp(shape))?;
                Ok(MultivariateNormalDiag::new(loc, scale)?.into())
            };
            JointDistributionSequential::new([part(&spec.kernel_shape)?, part(&spec.bias_shape)?])
        })
        .seed(1)
        .build()
        .unwrap();
    check_layer(&layer, &ramp(&[4, 3])).unwrap();
}

#[test]
fn no_bias_works() {
    let layer = Local::builder(3, 2)
        .dtype(DType::F64)
        .make_posterior_fn(|spec| -> Result<_, DistributionError> {
            let (loc, scale) = variables(&ramp(&spec.kernel_shape))?;
            Independent::new(Normal::new(loc, scale)?, 2)
        })
        .make_prior_fn(|spec| -> Result<_, DistributionError> {
            Sample::new(Normal::new(0.0, 1.0)?, &spec.kernel_shape)
        })
        .divergence(losses::kl_divergence_exact)
        .seed(1)
        .build()
        .unwrap();
    assert!(layer.bias_posterior().is_none());
    check_layer(&layer, &ramp(&[4, 3])).unwrap();
    // A part that `unpack_weights_fn` leaves out takes no part in the output, but counts in the loss.
    let dropped = Local::builder(3, 2)
        .dtype(DType::F64)
        .make_posterior_fn(wide)
        .unpack_weights_fn(|_| Ok::<_, UtilError>(KernelBias { kernel: 0, bias: None }))
        .seed(1)
        .build()
        .unwrap();
    let (zero, key) = (Tensor::zeros(&[1, 3], DType::F64), Key::from_seed(1));
    assert_eq!(dropped.call_at(&zero, &key).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0]);
    assert_eq!(dropped.losses_at(&key).unwrap().gradients().unwrap().len(), 4);
}

#[test]
fn the_last_call_can_be_asked_about() {
    let layer = layer(false);
    let of = |error: LayerError| matches!(error.root(), LayerError::NotCalled { .. });
    assert!(of(layer.losses().unwrap_err()) && of(layer.posterior_value().unwrap_err()));
    layer.call(&ramp(&[4, 3])).unwrap();
    let value = layer.posterior_value().unwrap();
    assert_eq!((value[0].shape().unwrap(), value[1].shape().unwrap()), (&[3, 2][..], &[2][..]));
    let (q, p) = (layer.posterior(), layer.prior());
    let kl = q.log_prob_parts(&value).unwrap() - p.log_prob_parts(&value).unwrap();
    let loss = layer.losses().unwrap().item().unwrap();
    assert!((kl.item().unwrap() - loss).abs() < 1e-12 * loss.abs());
    layer.call(&ramp(&[4, 3])).unwrap();
    assert_ne!(layer.losses().unwrap().item().unwrap(), loss);
}

#[test]
fn a_copy_trains_apart() {
    let layer = layer(false);
    let copy = deep_copy(&layer).unwrap();
    let (x, key) = (ramp(&[4, 3]), Key::from_seed(2));
    let before = layer.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap();
    assert_eq!(copy.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap(), before);
    for variable in copy.trainable_variables() {
        variable.assign(&(variable.value() + 1.0)).unwrap();
    }
    assert_eq!(layer.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap(), before);
    assert_ne!(copy.call_at(&x, &key).unwrap().to_vec::<f64>().unwrap(), before);
}

#[test]
fn an_empty_batch_gives_an_empty_output() {
    let layer = layer(true);
    let y = layer.call(&Tensor::zeros(&[0, 3], DType::F64)).unwrap();
    assert_eq!(y.shape().unwrap(), [0, 2]);
    assert!(
        (y.sum() + layer.losses().unwrap())
            .gradients()
            .unwrap()
            .get(&layer.variables()[0])
            .is_some()
    );
}

#[test]
fn bad_inputs_are_named() {
    let layer = layer(true);
    for (x, word) in [
        (ramp(&[4, 5]), "argument `x` has shape [4, 5]"),
        (ramp(&[3]), "argument `x` has shape [3]"),
        (ramp(&[4, 3]).cast(DType::F32), "dtypes f32 and f64 differ"),
        (
            Tensor::from_vec(vec![0.0, f64::NAN, 1.0], &[1, 3]),
            "`x` has 1 entries that are not finite",
        ),
        (Tensor::from_vec(vec![0.0, f64::INFINITY, 1.0], &[1, 3]), "flat index 1"),
    ] {
        let error = layer.call(&x).unwrap_err().to_string();
        assert!(error.starts_with("layer: ") && error.contains(word), "{error}");
    }
}

#[test]
fn scales_are_checked_under_validate_args() {
    let layer = Local::builder(3, 2)
        .dtype(DType::F64)
        .make_posterior_fn(|spec| -> Joint {
            let part = |shape: &[usize], ndims| -> Part {
                let (loc, scale) = variables(&ramp(shape))?;
                Ok(Independent::new(Normal::new(loc, scale)?, ndims)?.into())
            };
            JointDistributionSequential::new([
                part(&spec.kernel_shape, 2)?,
                part(&spec.bias_shape, 1)?,
            ])
        })
        .validate_args(true)
        .build()
        .unwrap();
    layer.call(&ramp(&[4, 3])).unwrap();
    layer.variables()[1].assign(&(ramp(&[3, 2]) * 0.0 - 1.0)).unwrap();
    let error = layer.call(&ramp(&[4, 3])).unwrap_err().to_string();
    assert!(error.contains("scale of the kernel posterior") && error.contains("-1"), "{error}");
}

#[test]
fn factories_that_do_not_fit_are_errors() {
    let normal = |shape: &[usize]| -> Result<_, DistributionError> {
        let part: Arc<dyn Distribution> =
            Arc::new(Sample::new(Normal::new(0.0_f32, 1.0_f32)?, shape)?);
        Ok(part)
    };
    let wrong_shape = Local::builder(3, 2)
        .make_posterior_fn(move |_| -> Joint {
            JointDistributionSequential::new([normal(&[2, 3])?, normal(&[2])?])
        })
        .build();
    assert!(matches!(
        wrong_shape,
        Err(LayerError::WeightShape { argument: "make_posterior_fn", ref part, .. }) if part == "kernel"
    ));
    let wrong_prior = Local::builder(3, 2).make_prior_fn(move |_| normal(&[3, 2])).build();
    assert!(matches!(wrong_prior, Err(LayerError::Structure { posterior: 2, prior: 1, .. })));
    let laplace = Local::builder(3, 2)
        .make_posterior_fn(move |_| -> Joint {
            let kernel = Sample::new(Laplace::new(0.0_f32, 1.0_f32)?, &[3, 2])?;
            JointDistributionSequential::new([
                Arc::new(kernel) as Arc<dyn Distribution>,
                normal(&[2])?,
            ])
        })
        .build();
    let Err(LayerError::Kernel { given, .. }) = laplace else { panic!("{laplace:?}") };
    assert_eq!(given, "Sample");
    let out_of_range = Local::builder(3, 2)
        .unpack_weights_fn(|_| Ok::<_, UtilError>(KernelBias { kernel: 5, bias: None }))
        .build();
    assert!(matches!(out_of_range, Err(LayerError::Part { given: 5, parts: 2, .. })));
}

#[test]
fn a_layer_can_be_without_a_bias() {
    let layer = Local::builder(3, 2).dtype(DType::F64).make_posterior_fn(wide).use_bias(false);
    let layer = layer.seed(1).build().unwrap();
    assert!(layer.bias_posterior().is_none() && layer.bias_prior().is_none());
    assert_eq!(layer.variables().len(), 2);
    check_layer(&layer, &ramp(&[4, 3])).unwrap();
}

#[test]
fn a_prior_of_another_type_is_refused_when_the_layer_is_built() {
    let tensors = |spec: &KernelBiasSpec| {
        let scale = Tensor::scalar(1.0_f64);
        spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0, &scale)?, weight.shape)?))
    };
    let error = Local::builder(3, 2).make_prior_fn(tensors).name("hidden").build().unwrap_err();
    let LayerError::WeightDType { argument: "make_prior_fn", part: 0, given, expected, .. } = error
    else {
        panic!("{error}")
    };
    assert_eq!((given, expected), (DType::F64, DType::F32));
    Local::builder(3, 2).make_prior_fn(tensors).dtype(DType::F64).build().unwrap();
}

#[test]
fn a_prior_of_bare_numbers_is_of_the_layer_s_type() {
    let numbers = |spec: &KernelBiasSpec| {
        spec.joint("prior_", |weight| Ok(Sample::new(Normal::new(0.0, 0.5)?, weight.shape)?))
    };
    for dtype in [DType::F32, DType::F64] {
        let builder = || Local::builder(3, 2).make_prior_fn(numbers).dtype(dtype).seed(3);
        let loss_of = |layer: Local| {
            assert_eq!(layer.weights().prior().dtype().unwrap(), dtype);
            layer.call(&ramp(&[4, 3]).cast(dtype)).unwrap();
            let loss = layer.losses().unwrap();
            assert_eq!(loss.dtype().unwrap(), dtype);
            loss.item().unwrap()
        };
        let exact = loss_of(builder().divergence(losses::kl_divergence_exact).build().unwrap());
        let drawn = loss_of(builder().build().unwrap());
        assert!((exact - drawn).abs() < 0.2 * exact, "{exact} {drawn}");
    }
}

#[test]
fn factories_may_return_any_error() {
    let made = Local::builder(3, 2)
        .make_prior_fn(|_| -> Result<Arc<dyn Distribution>, std::io::Error> {
            Err(std::io::Error::other("no such prior"))
        })
        .build();
    assert!(matches!(&made, Err(LayerError::Util(UtilError::External(_)))), "{made:?}");
    assert_eq!(made.unwrap_err().to_string(), "no such prior");
    let made = Local::builder(3, 2)
        .make_posterior_fn(|_| -> Result<Arc<dyn Distribution>, LayerError> {
            Err(DistributionError::from(Tensor::scalar(1.0).reshape(&[2]).check().unwrap_err())
                .into())
        })
        .build();
    assert!(made.unwrap_err().to_string().starts_with("reshape"), "our own errors stay readable");
}

#[test]
fn a_layer_has_further_weights() {
    let mut spec = KernelBiasSpec::new(&[3, 2], &[2]);
    spec.others.push(OtherWeight {
        name: "recurrent_kernel".into(),
        shape: vec![2, 2],
        initializer: tfn_util::initializers::glorot_uniform(),
    });
    let arguments = crate::VariationalArguments::default();
    let weights = crate::Weights::new("Recurrent", &arguments, spec).unwrap();
    let names: Vec<String> =
        weights.variables().iter().map(|variable| variable.name().to_owned()).collect();
    assert!(names.contains(&"posterior_recurrent_kernel_loc".to_owned()), "{names:?}");
    let value = weights.value_at(&Key::from_seed(1)).unwrap();
    assert_eq!(value.len(), 3);
    assert_eq!(value[2].shape().unwrap(), [2, 2]);
}
