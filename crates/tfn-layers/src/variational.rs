//! Layers of weights with a posterior: a linear map under an estimator, and TFP's names for pairs of the two.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, NameScope, Properties};
use tfn_tensor::Tensor;
use tfn_util::KernelBiasSpec;

use crate::activation::Activation;
use crate::arguments::VariationalArguments;
use crate::contract::{Layer, Moments, Pass, VariationalLayer, Weights};
use crate::error::Result;
use crate::estimator::{Estimated, Estimator, Flipout, Local, Reparameterization};
use crate::linear::{Conv, ConvTranspose, ConvV2, Dense, LinearMap, check_ids};

/// A layer of weights with a posterior: the linear map `M` under the estimator `E`, and an activation.
///
/// `E` is the estimator that the layer is built with; [`set_estimator`](Self::set_estimator) changes it at any time.
///
/// # Shapes
/// Input `[.., batch, ..input]` with at least one axis before those of an example; output
/// `[.., batch, ..output]`. An empty batch gives an empty output.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`](crate::LayerError::Input) for examples that the map
/// does not take and for a missing batch axis; [`LayerError::Tensor`](crate::LayerError::Tensor) for another type;
/// under `validate_args` [`LayerError::Entries`](crate::LayerError::Entries) for input that is not finite and for
/// scales that are not positive. Building: see [`Builder::build`](crate::Builder::build).
pub struct Variational<M, E> {
    estimated: Estimated,
    map: M,
    activation: Option<Activation>,
    estimator: PhantomData<fn() -> E>,
}

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
/// [`losses`](crate::Layer::losses) is the divergence of the posterior from the prior, summed over all weights: by
/// default its Monte Carlo estimate at a draw of the weights that the output does not use. It belongs once to a whole
/// pass over the training set. When it is added to the *mean* negative log-likelihood of a batch, it has to be divided
/// by the number of training examples, whatever the size of the batch:
///
/// ```text
/// loss = mean(−log p(y | x, w)) + losses / num_examples
/// ```
///
/// # Posteriors, biases
/// The kernel's posterior need only say that its entries are independent normals
/// ([`Distribution::elementwise_normal`](tfn_distributions::Distribution::elementwise_normal)), whatever family it is
/// and whatever parameters `M` and `S` are computed from; any other is refused with
/// [`LayerError::Kernel`](crate::LayerError::Kernel). A bias with such a posterior takes part in `var`. A bias with
/// another posterior is drawn once for the batch and added. There need not be a bias.
///
/// Where `var` is zero (a row of zeros without a bias scale) the gradient of its root counts as zero; TFP's is
/// NaN there, and in the whole kernel scale with it.
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
pub type AffineVariationalReparameterizationLocal = Variational<Dense, Local>;

/// A dense layer that draws its weights once a call, shared by the batch.
///
/// Counterpart: `tfp.experimental.nn.AffineVariationalReparameterization`.
///
/// ```text
/// W, b ~ posterior        y = activation(x·W + b)
/// ```
///
/// It takes any posterior whose samples carry gradients, a user's own too. Where the posterior is
/// elementwise normal, [`AffineVariationalReparameterizationLocal`] gives
/// gradients of lower variance. The loss is scaled as that layer's documentation says.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalReparameterization, Layer, losses};
///
/// let layer = AffineVariationalReparameterization::builder(3, 2).seed(1).build()?;
/// let y = layer.call(&Tensor::ones(&[5, 3], DType::F32))?;
/// // One draw for the batch: equal rows give equal outputs.
/// assert_eq!(y.narrow(0, 0, 1).to_vec::<f32>()?, y.narrow(0, 4, 1).to_vec::<f32>()?);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Kingma & Welling 2014, [arXiv 1312.6114](https://arxiv.org/abs/1312.6114), section 2.4.
pub type AffineVariationalReparameterization = Variational<Dense, Reparameterization>;

/// A dense layer that draws one perturbation of its weights a call, whose signs each example flips.
///
/// Counterpart: `tfp.experimental.nn.AffineVariationalFlipout`.
///
/// ```text
/// y = activation(x·M + ((x∘r)·(S∘ε))∘s + b),   r, s signs for each example,  b drawn once
/// ```
///
/// The kernel's posterior is elementwise normal, as that of [`AffineVariationalReparameterizationLocal`], whose noise is
/// independent at the same cost. The loss is scaled as that layer's documentation says.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{AffineVariationalFlipout, Layer};
///
/// let layer = AffineVariationalFlipout::builder(3, 2).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 3], DType::F32))?.shape()?, [5, 2]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Wen, Vicol, Ba, Tran & Grosse 2018, [arXiv 1803.04386](https://arxiv.org/abs/1803.04386), equation 4.
pub type AffineVariationalFlipout = Variational<Dense, Flipout>;

/// A convolution that draws its pre-activations instead of its weights, in one, two or three dimensions.
///
/// TFP has no counterpart; the arguments are those of [`ConvolutionVariationalReparameterization`].
///
/// ```text
/// loc = conv(x, M) + m_b    var = conv(x∘x, S∘S) + s_b∘s_b    y = activation(loc + sqrt(var)∘ε),  ε ~ N(0, 1)
/// ```
///
/// Mean and variance of each entry are exact. What is left out is the covariance between positions of one example, which
/// see the same weights: here they are drawn independently of each other. The noise of a gradient so falls with the number of
/// positions too; the spread of what a later layer sums over positions, as a mean over the image does, is smaller than
/// under a draw of the weights. The estimators that keep it are [`ConvolutionVariationalFlipout`] and
/// [`PerExample`](crate::PerExample).
///
/// # Shapes
/// Input `[.., batch, ..image, input_size]`, output `[.., batch, ..positions, output_size]`; kernel `filter_shape +
/// [input_size / groups, output_size]`, bias `[output_size]`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{ConvolutionVariationalReparameterizationLocal as Bayesian, Layer};
///
/// let layer = Bayesian::builder(1, 6, 5).padding(Padding::Same).activation_fn(Tensor::relu).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[8, 28, 28, 1], DType::F32))?.shape()?, [8, 28, 28, 6]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// - Kingma, Salimans & Welling 2015, [arXiv 1506.02557](https://arxiv.org/abs/1506.02557), equation 6.
/// - Molchanov, Ashukha & Vetrov 2017, [arXiv 1701.05369](https://arxiv.org/abs/1701.05369), section 4.2, for convolutions.
pub type ConvolutionVariationalReparameterizationLocal = Variational<Conv, Local>;

/// A convolution that draws its weights once a call, shared by the batch, in one, two or three dimensions.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionVariationalReparameterization`; beyond it, causal and explicit padding,
/// dilations together with strides, and groups.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{ConvolutionVariationalReparameterization as Bayesian, Layer};
///
/// let layer = Bayesian::builder(3, 8, [5, 3]).strides(2).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[4, 28, 28, 3], DType::F32))?.shape()?, [4, 12, 13, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type ConvolutionVariationalReparameterization = Variational<Conv, Reparameterization>;

/// A convolution that draws one perturbation of its weights a call, whose signs each example flips, one for each channel.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionVariationalFlipout`, which flips signs at each position too, and so leaves
/// out the covariance between positions.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{ConvolutionVariationalFlipout, Layer};
///
/// let layer = ConvolutionVariationalFlipout::builder(3, 8, 3).rank(1).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[4, 20, 3], DType::F32))?.shape()?, [4, 18, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
///
/// # References
/// Wen, Vicol, Ba, Tran & Grosse 2018, [arXiv 1803.04386](https://arxiv.org/abs/1803.04386), section 3.1.
pub type ConvolutionVariationalFlipout = Variational<Conv, Flipout>;

/// [`ConvolutionVariationalReparameterization`] with the axes of version 2, which differ for a batch of kernels only.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionVariationalReparameterizationV2`.
pub type ConvolutionVariationalReparameterizationV2 = Variational<ConvV2, Reparameterization>;

/// [`ConvolutionVariationalFlipout`] with the axes of version 2, which differ for a batch of kernels only.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionVariationalFlipoutV2`.
pub type ConvolutionVariationalFlipoutV2 = Variational<ConvV2, Flipout>;

/// A transposed convolution that draws its pre-activations instead of its weights, each entry by itself: see
/// [`ConvolutionVariationalReparameterizationLocal`]. TFP has no counterpart.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{ConvolutionTransposeVariationalReparameterizationLocal as Bayesian, Layer};
///
/// let layer = Bayesian::builder(8, 1, 4).strides(2).padding(Padding::Same).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[4, 7, 7, 8], DType::F32))?.shape()?, [4, 14, 14, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type ConvolutionTransposeVariationalReparameterizationLocal = Variational<ConvTranspose, Local>;

/// A transposed convolution that draws its weights once a call, shared by the batch.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionTransposeVariationalReparameterization`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{ConvolutionTransposeVariationalReparameterization as Bayesian, Layer};
///
/// let layer = Bayesian::builder(8, 1, 3).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[4, 7, 7, 8], DType::F32))?.shape()?, [4, 9, 9, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type ConvolutionTransposeVariationalReparameterization =
    Variational<ConvTranspose, Reparameterization>;

/// A transposed convolution that draws one perturbation of its weights a call, whose signs each example flips, one for each
/// channel.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionTransposeVariationalFlipout`; see [`ConvolutionVariationalFlipout`].
pub type ConvolutionTransposeVariationalFlipout = Variational<ConvTranspose, Flipout>;

impl<M: LinearMap, E: Estimator + Default> Variational<M, E> {
    pub(crate) fn from_arguments(map: M, arguments: &VariationalArguments) -> Result<Self> {
        let estimator = E::default();
        let class = format!("{}{}{}", map.class(), estimator.class(), map.class_suffix());
        check_ids(&map, &class, arguments.dtype)?;
        let mut spec = KernelBiasSpec::new(&map.kernel_shape(), &map.bias_shape());
        spec.kernel_batch_ndims = map.batch_ndims();
        spec.bias_batch_ndims = map.batch_ndims();
        let weights = Weights::new(&class, arguments, spec)?;
        let estimated = Estimated::new(weights, estimator)?;
        let activation = arguments.activation_fn.clone();
        Ok(Self { estimated, map, activation, estimator: PhantomData })
    }
}

impl<E> Variational<Dense, E> {
    /// Size of the input's last axis.
    pub fn input_size(&self) -> usize {
        self.map.input_size()
    }
}

impl<M: LinearMap, E> Variational<M, E> {
    /// The linear map.
    pub fn map(&self) -> &M {
        &self.map
    }

    /// The estimator in use.
    pub fn estimator(&self) -> Arc<dyn Estimator> {
        self.estimated.estimator()
    }

    /// Sets the estimator that is used from now on. The weights stay as they are.
    ///
    /// # Errors
    /// [`LayerError::Kernel`](crate::LayerError::Kernel) if it does not support the layer's posterior; then nothing
    /// changes.
    pub fn set_estimator(&self, estimator: impl Estimator) -> Result<()> {
        self.estimated.set_estimator(Arc::new(estimator))
    }

    pub(crate) fn estimated(&self) -> &Estimated {
        &self.estimated
    }

    /// Mean and standard deviation of the pre-activation at `x` for a posterior of independent normals, before the
    /// bias if that is not normal.
    ///
    /// # Errors
    /// As a call; [`LayerError::Kernel`](crate::LayerError::Kernel) for another posterior.
    pub fn pre_activation(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        self.estimated.moments(&self.map, x)
    }
}

impl<M: LinearMap, E: 'static> Module for Variational<M, E> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.flatten(&self.estimated);
    }

    fn name(&self) -> String {
        self.estimated.name()
    }

    fn name_scope(&self) -> NameScope {
        self.estimated.weights().name_scope()
    }
}

impl<M, E> Describe for Variational<M, E>
where
    M: LinearMap + Describe,
    E: Estimator + Describe,
{
    fn class() -> String {
        let (map, estimator) = (<M as Describe>::class(), <E as Describe>::class());
        format!("tfn.layers.Variational<{map}, {estimator}>")
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("map", &self.map)?
            .field("estimated", &self.estimated)?
            .field("activation_fn", &self.activation)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let (map, estimated): (M, Estimated) = (reader.field("map")?, reader.field("estimated")?);
        estimated.weights().check_shapes(&map.kernel_shape(), &map.bias_shape())?;
        let activation = reader.field("activation_fn")?;
        Ok(Self { estimated, map, activation, estimator: PhantomData })
    }
}

impl<M: Clone, E> DeepCopy for Variational<M, E> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            estimated: self.estimated.deep_copy_with(copies),
            map: self.map.clone(),
            activation: self.activation.clone(),
            estimator: PhantomData,
        }
    }
}

impl<M, E> fmt::Debug for Variational<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights = self.estimated.weights();
        write!(f, "<{}: name={}>", weights.class(), weights.name())
    }
}

impl<M: LinearMap + Clone, E: 'static> VariationalLayer for Variational<M, E> {
    fn weights(&self) -> &Weights {
        self.estimated.weights()
    }
}

impl<M: LinearMap + Clone, E: 'static> Layer for Variational<M, E> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let y = self.estimated.output(&self.map, x, pass)?;
        Ok(match &self.activation {
            Some(activation) if pass.is_output_of_each() => activation.apply_each(&y),
            Some(activation) => activation.apply(&y),
            None => y,
        }
        .check()?)
    }

    fn draws_together(&self) -> bool {
        self.estimated.estimator().draws_together()
    }

    /// Whatever the estimator: all have the same moments.
    fn forward_moments(&self, x: &Moments, _pass: &Pass) -> Result<Moments> {
        self.estimated.forward_moments(&self.map, x)?.behind(self.activation.as_ref())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
