//! Layers of a kernel and a bias without uncertainty: a linear map with weights that are numbers.

mod builder;

use std::fmt;
use std::sync::Arc;

use tfn_distributions::bijectors::Softplus;
use tfn_distributions::{Independent, Normal};
use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Copies, DeepCopy, Module, Properties, Variable, layer_name};
use tfn_tensor::Tensor;
use tfn_util::{Initializer, TupleArgument};

use crate::activation::Activation;
use crate::builder::Builder;
use crate::contract::{Conversion, Layer, Moments, Pass};
use crate::divergence::kl_divergence_exact;
use crate::error::{LayerError, Result};
use crate::estimator::{Local, applied, check_certain, check_example};
use crate::linear::{
    Conv, ConvArguments, ConvMap, ConvTranspose, ConvV2, Dense, IntoMap, LinearMap,
};

pub use builder::KernelBiasBuilder;

/// A layer `y = activation(M(x, kernel) + bias)` of a linear map `M`, without uncertainty.
///
/// Counterpart: `tfp.experimental.nn.KernelBiasLayer`, under whose names [`Affine`], [`Convolution`] and the others are.
///
/// # Shapes
/// Input `[.., ..input]`, output `[.., ..output]`, as the map says.
///
/// # Errors
/// Calls fail, under the layer's name, with [`LayerError::Input`] for examples that the map does not take and with
/// [`LayerError::Tensor`] for another type.
pub struct KernelBiasLayer<M> {
    name: String,
    kernel: Variable,
    bias: Option<Variable>,
    map: M,
    activation: Option<Activation>,
}

/// A dense layer, `y = activation(x·W + b)`, without uncertainty.
///
/// Counterpart: `tfp.experimental.nn.Affine`.
///
/// # Shapes
/// Input `[.., input_size]`, output `[.., output_size]`. With a `batch_shape` `[B]` there are `B` kernels
/// and biases, and the axes before the input's last broadcast with it.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{Affine, Layer};
///
/// let layer = Affine::builder(3, 2).activation_fn(Tensor::relu).seed(1).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 3], DType::F32))?.shape()?, [5, 2]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type Affine = KernelBiasLayer<Dense>;

/// A convolution without uncertainty, in one, two or three dimensions.
///
/// Counterpart: `tfp.experimental.nn.Convolution`; beyond it, all arguments in all dimensions, causal and explicit padding,
/// and groups.
///
/// # Shapes
/// Input `[.., ..image, input_size]`, output `[.., ..positions, output_size]`; kernel `filter_shape + [input_size / groups,
/// output_size]`. For a `batch_shape` see [`Conv`].
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{Convolution, Layer};
///
/// let images = Tensor::ones(&[5, 28, 28, 1], DType::F32);
/// let layer = Convolution::builder(1, 6, 5).strides(2).padding(Padding::Same).seed(1).build()?;
/// assert_eq!(layer.call(&images)?.shape()?, [5, 14, 14, 6]);
///
/// let series = Convolution::builder(3, 8, 4).rank(1).padding(Padding::Causal).dilations(2).build()?;
/// assert_eq!(series.call(&Tensor::ones(&[5, 100, 3], DType::F32))?.shape()?, [5, 100, 8]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type Convolution = KernelBiasLayer<Conv>;

/// A convolution without uncertainty whose batch of kernels, if it has one, stands before the image.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionV2`, whose bias `batch_shape + [1, ..] + [output_size]` it has.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::{ConvolutionV2, Layer};
///
/// let layer = ConvolutionV2::builder(1, 6, 5).batch_shape(&[3]).build()?;
/// let images = Tensor::ones(&[7, 1, 28, 28, 1], DType::F32);
/// assert_eq!(layer.call(&images)?.shape()?, [7, 3, 24, 24, 6]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type ConvolutionV2 = KernelBiasLayer<ConvV2>;

/// A transposed convolution without uncertainty, in one, two or three dimensions: from few positions to a larger image.
///
/// Counterpart: `tfp.experimental.nn.ConvolutionTranspose`; beyond it, all arguments in all dimensions, dilations together
/// with strides, explicit padding, `output_padding` (which TFP takes and ignores), and groups.
///
/// # Shapes
/// Input `[.., ..positions, input_size]`, output `[.., ..image, output_size]`; kernel `[filter entries · input_size,
/// output_size / groups]`.
///
/// # Examples
/// ```
/// use tfn_layers::tensor::{DType, Tensor};
/// use tfn_layers::util::Padding;
/// use tfn_layers::{ConvolutionTranspose, Layer};
///
/// let layer = ConvolutionTranspose::builder(8, 1, 4).strides(2).padding(Padding::Same).build()?;
/// assert_eq!(layer.call(&Tensor::ones(&[5, 14, 14, 8], DType::F32))?.shape()?, [5, 28, 28, 1]);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
pub type ConvolutionTranspose = KernelBiasLayer<ConvTranspose>;

impl<M: LinearMap> KernelBiasLayer<M> {
    /// A builder for a layer whose linear map is `map`, or is made of these arguments.
    pub fn over<S: IntoMap<Map = M>>(map: S) -> KernelBiasBuilder<S> {
        KernelBiasBuilder::of(Ok(map))
    }

    /// The linear map.
    pub fn map(&self) -> &M {
        &self.map
    }

    /// The kernel, `batch_shape + [input_size, output_size]` for [`Affine`].
    pub fn kernel(&self) -> &Variable {
        &self.kernel
    }

    /// The bias, `batch_shape + [output_size]` for [`Affine`].
    pub fn bias(&self) -> Option<&Variable> {
        self.bias.as_ref()
    }

    fn pre_activation(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.with_axes(x)?;
        check_example(&self.map, &x)?;
        let bias = self.bias.as_ref().map(Variable::tensor);
        applied(&self.map, &x, &self.kernel.tensor(), bias.as_ref())
    }

    /// The input with axes of 1 in front, where it lacks those that broadcast with a batch of kernels.
    fn with_axes(&self, x: &Tensor) -> Result<Tensor> {
        let shape = x.shape()?;
        let lacking = self.map.input_ndims().saturating_sub(shape.len());
        // Those of a batch may come behind the positions, where nothing can be told to be lacking.
        let positions = self.map.positions();
        let first = positions.is_empty() || positions.start >= self.map.batch_ndims();
        if shape.is_empty() || lacking == 0 || lacking > self.map.batch_ndims() || !first {
            return Ok(x.clone());
        }
        Ok(x.reshape(&[&vec![1; lacking][..], shape].concat()))
    }

    fn checked(self) -> Result<Self> {
        let expected = (self.map.kernel_shape(), self.map.bias_shape());
        let bias = self.bias.as_ref().map(|bias| bias.shape().to_vec());
        let weights = [
            ("kernel", Some(self.kernel.shape().to_vec()), expected.0),
            ("bias", bias, expected.1),
        ];
        for (part, given, expected) in weights {
            if let Some(given) = given.filter(|given| *given != expected) {
                return Err(LayerError::WeightShape {
                    layer: class_of(&self.map),
                    argument: "make_kernel_bias_fn",
                    part: part.to_owned(),
                    given,
                    expected,
                });
            }
        }
        Ok(self)
    }
}

fn class_of(map: &impl LinearMap) -> String {
    format!("{}{}", map.class(), map.class_suffix())
}

impl Affine {
    /// The layer with all defaults.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero.
    pub fn new(input_size: usize, output_size: usize) -> Result<Self> {
        Self::builder(input_size, output_size).build()
    }

    /// A builder that sets the other arguments, by TFP's names.
    pub fn builder(input_size: usize, output_size: usize) -> KernelBiasBuilder<Dense> {
        KernelBiasBuilder::of(Dense::new(input_size, output_size))
    }
}

impl<M: ConvMap> KernelBiasLayer<M> {
    /// The layer with all defaults; `filter_shape` is one number, or one for each axis.
    ///
    /// # Errors
    /// As for [`ConvMap::from_arguments`].
    pub fn new(
        input_size: usize,
        output_size: usize,
        filter_shape: impl Into<TupleArgument>,
    ) -> Result<Self> {
        Self::builder(input_size, output_size, filter_shape).build()
    }

    /// A builder that sets the other arguments, by TFP's names.
    pub fn builder(
        input_size: usize,
        output_size: usize,
        filter_shape: impl Into<TupleArgument>,
    ) -> KernelBiasBuilder<ConvArguments<M>> {
        let arguments = ConvArguments::new(input_size, output_size, filter_shape);
        KernelBiasBuilder::of(Ok(arguments.with_wide_bias()))
    }
}

impl<M: LinearMap> Module for KernelBiasLayer<M> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("kernel", &self.kernel);
        properties.add("bias", &self.bias);
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl<M: LinearMap + Describe> Describe for KernelBiasLayer<M> {
    fn class() -> String {
        match <M as Describe>::class() {
            dense if dense == <Dense as Describe>::class() => "tfn.layers.Affine".to_owned(),
            map => format!("tfn.layers.KernelBiasLayer<{map}>"),
        }
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("map", &self.map)?
            .field("kernel", &self.kernel)?
            .field("bias", &self.bias)?
            .field("activation_fn", &self.activation)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let name: String = reader.field("name")?;
        let kernel: Variable = reader.field("kernel")?;
        // Files of the first version have dense layers only, without their map.
        let map = match M::from_kernel_shape(kernel.shape()) {
            Some(map) if !reader.has("map") => map,
            _ => reader.field("map")?,
        };
        let layer = Self {
            name: layer_name(&name)?,
            map,
            kernel,
            bias: reader.field("bias")?,
            activation: reader.field("activation_fn")?,
        };
        Ok(layer.checked()?)
    }
}

impl<M: Clone> DeepCopy for KernelBiasLayer<M> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self {
            name: self.name.clone(),
            kernel: self.kernel.deep_copy_with(copies),
            bias: self.bias.deep_copy_with(copies),
            map: self.map.clone(),
            activation: self.activation.clone(),
        }
    }
}

impl<M: LinearMap + Clone> Layer for KernelBiasLayer<M> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let y = self.pre_activation(x)?;
        Ok(match &self.activation {
            Some(activation) if pass.is_output_of_each() => activation.apply_each(&y),
            Some(activation) => activation.apply(&y),
            None => y,
        }
        .check()?)
    }

    fn forward_moments(&self, x: &Moments, _pass: &Pass) -> Result<Moments> {
        check_certain(&self.map, x)?;
        let mean = self.pre_activation(&x.mean)?;
        let kernel = self.kernel.tensor().square();
        let variance = x
            .variance
            .as_ref()
            .map(|variance| applied(&self.map, &self.with_axes(variance)?, &kernel, None));
        Moments { mean, variance: variance.transpose()? }.behind(self.activation.as_ref())
    }

    /// One kernel for each example takes any axes before the batch.
    fn draws_together(&self) -> bool {
        self.map.batch_ndims() == 0
    }

    /// The same map under the local estimator.
    fn to_bayesian(&self, conversion: &mut Conversion) -> Result<Option<Arc<dyn Layer>>> {
        if !conversion.takes(self) {
            return Ok(None);
        }
        let kernel = self.kernel.value();
        let bias = self.bias.as_ref().map(Variable::value);
        let (dtype, moped) = (kernel.dtype()?, conversion.moped());
        let of = |value: Option<&Tensor>| {
            let value = value.cloned();
            Initializer::new("trained", move |shape, _, dtype, _| {
                Ok(value.clone().unwrap_or_else(|| Tensor::zeros(shape, dtype)))
            })
        };
        let layer = Builder::<M, Local>::over(self.map.clone())
            .kernel_initializer(of(Some(&kernel)))
            .bias_initializer(of(bias.as_ref()))
            .use_bias(bias.is_some())
            .make_posterior_fn(move |spec| {
                spec.joint("posterior_", |weight| {
                    let loc = weight.initial()?;
                    let scale = moped.posterior_scale(&loc);
                    let scale = weight.transformed("scale", scale, Softplus::above(SHIFT)?)?;
                    let normal = Normal::new(weight.variable("loc", loc)?, scale)?;
                    Ok(Independent::new(normal, weight.event_ndims())?)
                })
            })
            .make_prior_fn(move |spec| {
                spec.joint("prior_", |weight| {
                    let loc = weight.initial()?;
                    let scale = Tensor::full(weight.shape, moped.prior_stddev(), weight.dtype);
                    Ok(Independent::new(Normal::new(loc, scale)?, weight.event_ndims())?)
                })
            })
            .divergence(kl_divergence_exact)
            .dtype(dtype)
            .name(self.name.clone())
            .with_activation(self.activation.clone());
        let layer = match conversion.seed() {
            Some(seed) => layer.seed(seed),
            None => layer,
        };
        Ok(Some(Arc::new(layer.build()?)))
    }
}

/// What softplus is shifted by, so that a scale never reaches zero.
const SHIFT: f64 = 1e-5;

impl<M: LinearMap> fmt::Debug for KernelBiasLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}: name={}>", class_of(&self.map), self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tfn_tensor::DType;

    #[test]
    fn vectors_batches_and_batches_of_kernels() {
        let plain = Affine::builder(3, 2).dtype(DType::F64).seed(1).build().unwrap();
        for (given, expected) in
            [(&[3][..], &[2][..]), (&[4, 3], &[4, 2]), (&[5, 4, 3], &[5, 4, 2])]
        {
            let y = plain.call(&Tensor::ones(given, DType::F64)).unwrap();
            assert_eq!(y.shape().unwrap(), expected);
        }
        let many = Affine::builder(3, 2).batch_shape(&[4]).seed(1).build().unwrap();
        assert_eq!(many.kernel().shape(), [4, 3, 2]);
        assert_eq!(
            many.call(&Tensor::ones(&[6, 4, 3], DType::F32)).unwrap().shape().unwrap(),
            [6, 4, 2]
        );
        assert!(many.call(&Tensor::ones(&[6, 5, 3], DType::F32)).is_err());
    }

    #[test]
    fn wrong_arguments_and_inputs_are_errors() {
        assert!(matches!(Affine::new(0, 2), Err(LayerError::Size { argument: "input_size", .. })));
        let layer = Affine::builder(3, 2).name("first").build().unwrap();
        let error = layer.call(&Tensor::ones(&[4, 5], DType::F32)).unwrap_err();
        assert!(error.to_string().starts_with("first: argument `x`"), "{error}");
        assert!(layer.call(&Tensor::scalar(1.0_f32)).is_err());
    }
}
