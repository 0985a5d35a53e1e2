//! The dense layer with the local reparameterization estimator.

use tfn_tensor::{DType, Key, Tensor};

use crate::arguments::{FromArguments, VariationalArguments};
use crate::error::{LayerError, Result};
use crate::layer::{Prepared, along_keys};
use crate::variational::variational_layer;
use crate::weights::Weights;

const CLASS: &str = "AffineVariationalReparameterizationLocal";

/// A dense layer that draws its pre-activations instead of its weights.
///
/// Counterpart: `tfp.experimental.nn.AffineVariationalReparameterizationLocal`.
///
/// For a posterior of independent normals, kernel `N(M, S²)` and bias `N(m_b, s_b²)`, the pre-activations
/// of one example are themselves normal, and independent from example to example:
///
/// ```text
/// loc = x·M + m_b        var = (x∘x)·(S∘S) + s_b∘s_b        y = activation(loc + sqrt(var)∘ε),  ε ~ N(0, 1)
/// ```
///
/// Drawing them costs two products instead of one, and the gradient's variance falls with the size of the
/// batch, where a draw of the weights shared by the batch leaves a part that does not.
///
/// # Two parameterizations
/// *Additive* (this layer; Molchanov et al.): a weight is `w = M + S·ε`, with `M` and `S` learned apart.
/// *Multiplicative* (Kingma et al.): `w = M·(1 + sqrt(α)·ε)`, Gaussian dropout with a rate `α` that is
/// learned. They are the same family of normals with `S² = α·M²`; but in the second the gradient of `M`
/// carries the noise of `w`, which is large where `α` is, and in the first it does not.
///
/// # The loss
/// [`losses`](crate::Layer::losses) is the divergence of the posterior from the prior, summed over all
/// weights: by default its Monte Carlo estimate at a draw of the weights that the output does not use. It
/// belongs once to a whole pass over the training set. Beside a *mean* negative log-likelihood of a batch
/// it is divided by the number of training examples, whatever the size of the batch:
///
/// ```text
/// loss = mean(−log p(y | x, w)) + losses / num_examples
/// ```
///
/// # Posteriors, biases
/// The kernel's posterior need only say that its entries are independent normals
/// ([`Distribution::elementwise_normal`](tfn_distributions::Distribution::elementwise_normal)), whatever
/// family it is and whatever parameters `M` and `S` are computed from. A bias of such a posterior takes part
/// in `var`; any other is drawn once for the batch and added; none is fine too.
///
/// Where `var` is zero (a row of zeros without a bias scale) the gradient of its root counts as zero; TFP's is
/// NaN there, and in the whole kernel scale with it.
///
/// # Shapes
/// Input `[.., batch, input_size]` with at least one axis before the last; output
/// `[.., batch, output_size]`. An empty batch gives an empty output.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Tensor`] for another inner size, a missing batch
/// axis or another type; [`LayerError::Kernel`] for a kernel posterior that is not elementwise normal; under
/// `validate_args` [`LayerError::Entries`] for input that is not finite and for scales that are not
/// positive. Building: see [`Builder::build`](crate::Builder::build).
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterizationLocal, Layer, VariationalLayer};
///
/// let hidden = AffineVariationalReparameterizationLocal::builder(784, 300)
///     .activation_fn(Tensor::relu)
///     .seed(1)
///     .name("hidden")
///     .build()?;
/// let x = Tensor::ones(&[32, 784], DType::F32);
/// assert_eq!(hidden.call(&x)?.shape()?, [32, 300]);
///
/// let loss = hidden.losses()? / 60_000.0;
/// assert_eq!(loss.gradients()?.len(), 4);
/// assert_eq!(hidden.kernel_posterior().event_shape()?, [784, 300]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// - Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), equation 6.
/// - Molchanov, Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.2.
pub struct AffineVariationalReparameterizationLocal {
    weights: Weights,
    input_size: usize,
}

variational_layer!(AffineVariationalReparameterizationLocal, prepared, output_each);

impl FromArguments for AffineVariationalReparameterizationLocal {
    fn from_arguments(arguments: &VariationalArguments) -> Result<Self> {
        let (inputs, outputs) = arguments.sizes(CLASS)?;
        let weights = Weights::new(CLASS, arguments, &[inputs, outputs], &[outputs])?;
        let layer = Self { weights, input_size: inputs };
        layer.kernel()?;
        Ok(layer)
    }
}

impl AffineVariationalReparameterizationLocal {
    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.input_size
    }

    /// Mean and standard deviation of the pre-activation at `x`, before the bias if that is not normal.
    ///
    /// # Errors
    /// As a call.
    pub fn pre_activation(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let (loc, scale) = self.kernel()?;
        let bias = self.weights.posteriors().bias.and_then(|bias| bias.elementwise_normal());
        self.weights.validate(CLASS, "x", x, false)?;
        self.weights.validate(CLASS, "scale of the kernel posterior", &scale, true)?;
        if let Some((_, scale)) = &bias {
            self.weights.validate(CLASS, "scale of the bias posterior", scale, true)?;
        }
        let bias = bias.as_ref().map(|(loc, scale)| (loc, scale));
        let (loc, scale) = Tensor::affine_local(x, &loc, &scale, bias);
        Ok((loc.check()?, scale))
    }

    fn kernel(&self) -> Result<(Tensor, Tensor)> {
        let kernel = self.weights.posteriors().kernel;
        kernel
            .elementwise_normal()
            .ok_or_else(|| LayerError::Kernel { layer: CLASS, given: kernel.family() })
    }

    fn output(&self, x: &Tensor, key: &Key) -> Result<Tensor> {
        let (loc, scale) = self.pre_activation(x)?;
        self.drawn(&loc, &scale, key)
    }

    /// All draws at one input have one mean and one deviation.
    fn prepared(&self, x: &Tensor) -> Result<Prepared<'_>> {
        let (loc, scale) = self.pre_activation(&x.detach())?;
        let (loc, scale, shape) = (loc.detach(), scale.detach(), loc.shape()?.to_vec());
        Ok(Box::new(move |keys| {
            let drawn = self.drawn_each(&loc, &scale, &shape, keys);
            Ok(drawn.map_err(|error| error.within(self.weights.name()))?.detach())
        }))
    }

    /// Rows do not know of each other: the inputs of all keys go through one product.
    fn output_each(&self, x: &Tensor, keys: &[Key]) -> Result<Tensor> {
        let (loc, scale) = self.pre_activation(&x.detach())?;
        let shape = loc.shape()?.get(1..).unwrap_or_default();
        Ok(self.drawn_each(&loc, &scale, shape, keys)?.detach())
    }

    fn drawn(&self, loc: &Tensor, scale: &Tensor, key: &Key) -> Result<Tensor> {
        let mut y = Tensor::normal_sample(loc, scale, &noise(key, loc.shape()?, loc.dtype()?));
        if let Some(bias) = self.drawn_bias() {
            y = y + &self.weights.value_at(key)?[bias];
        }
        Ok(self.weights.activate(y).check()?)
    }

    /// A draw of `shape` for each key, stacked; `loc` and `scale` are those of all, or stacked too.
    fn drawn_each(
        &self,
        loc: &Tensor,
        scale: &Tensor,
        shape: &[usize],
        keys: &[Key],
    ) -> Result<Tensor> {
        let dtype = loc.dtype()?;
        let noise: Vec<Tensor> = keys.iter().map(|key| noise(key, shape, dtype)).collect();
        let mut y = Tensor::normal_sample(loc, scale, &along_keys(&noise));
        if let Some(bias) = self.drawn_bias() {
            let draw = |key| -> Result<Tensor> {
                let draw = &self.weights.value_at(key)?[bias];
                Ok(draw.broadcast_to(shape).check()?)
            };
            let draws = keys.iter().map(draw).collect::<Result<Vec<_>>>()?;
            y = y + along_keys(&draws);
        }
        Ok(self.weights.activate(y).check()?)
    }

    /// Number of the part that is a bias whose posterior is not normal.
    fn drawn_bias(&self) -> Option<usize> {
        let posterior = self.weights.posteriors().bias?;
        self.weights.parts().bias.filter(|_| posterior.elementwise_normal().is_none())
    }
}

/// What the pre-activations of one call are drawn with.
fn noise(key: &Key, shape: &[usize], dtype: DType) -> Tensor {
    key.child("output").stream().normal(shape, dtype)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::testing::check_layer;
    use crate::{Layer, VariationalLayer, losses};
    use std::sync::Arc;
    use tfn_distributions::{
        Deterministic, Distribution, DistributionError, Independent, JointDistributionSequential,
        Laplace, MultivariateNormalDiag, Normal, Sample,
    };
    use tfn_module::{Module, Variable, deep_copy};
    use tfn_util::{
        KernelBias, KernelBiasSpec, UtilError, make_kernel_bias_posterior_mvn_diag_with_scale,
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
                JointDistributionSequential::new([
                    part(&spec.kernel_shape)?,
                    part(&spec.bias_shape)?,
                ])
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
                JointDistributionSequential::new([
                    part(&spec.kernel_shape)?,
                    part(&spec.bias_shape)?,
                ])
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
        assert!(matches!(layer.losses(), Err(LayerError::NotCalled { method: "losses", .. })));
        assert!(matches!(layer.posterior_value(), Err(LayerError::NotCalled { .. })));
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
            Err(LayerError::WeightShape { argument: "make_posterior_fn", part: "kernel", .. })
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
}
