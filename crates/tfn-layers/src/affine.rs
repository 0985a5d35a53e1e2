//! The plain dense layer.

use std::fmt;
use std::sync::Arc;

use tfn_module::describe::{self, Describe, Description, Reader};
use tfn_module::{Module, Variable, layer_name};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{AnyError, Initializer, KernelBias, KernelBiasSpec, UtilError, make_kernel_bias};

use crate::activation::Activation;
use crate::contract::{Layer, Moments, Pass};
use crate::error::{LayerError, Result};

const CLASS: &str = "Affine";

type MakeFn = Arc<dyn Fn(&KernelBiasSpec) -> Result<KernelBias<Variable>, UtilError> + Send + Sync>;

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
#[derive(Module)]
#[module(crate = tfn_module)]
pub struct Affine {
    #[module(name)]
    name: String,
    kernel: Variable,
    bias: Option<Variable>,
    #[module(skip)]
    activation: Option<Activation>,
}

impl Describe for Affine {
    fn class() -> String {
        "tfn.layers.Affine".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description
            .field("name", &self.name)?
            .field("kernel", &self.kernel)?
            .field("bias", &self.bias)?
            .field("activation_fn", &self.activation)?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        let name: String = reader.field("name")?;
        let (kernel, bias): (Variable, Option<Variable>) =
            (reader.field("kernel")?, reader.field("bias")?);
        let fits = |bias: &Variable| match kernel.shape() {
            [batch @ .., _, outputs] => bias.shape() == [batch, &[*outputs]].concat(),
            _ => false,
        };
        if kernel.shape().len() < 2 || !bias.as_ref().is_none_or(fits) {
            let given = bias.as_ref().map_or(kernel.shape(), Variable::shape).to_vec();
            let expected = "a kernel [.., inputs, outputs] and a bias [.., outputs]".to_owned();
            return Err(LayerError::Input { given, expected }.into());
        }
        let activation = reader.field("activation_fn")?;
        Ok(Self { name: layer_name(&name)?, kernel, bias, activation })
    }
}

/// Sets the arguments of [`Affine`], then builds it.
#[must_use]
pub struct AffineBuilder {
    sizes: [usize; 2],
    batch_shape: Vec<usize>,
    spec: KernelBiasSpec,
    make: MakeFn,
    activation: Option<Activation>,
    seed: Option<u64>,
    name: Option<String>,
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
    pub fn builder(input_size: usize, output_size: usize) -> AffineBuilder {
        AffineBuilder {
            sizes: [input_size, output_size],
            batch_shape: Vec::new(),
            spec: KernelBiasSpec::new(&[], &[]),
            make: Arc::new(make_kernel_bias),
            activation: None,
            seed: None,
            name: None,
        }
    }

    /// The kernel, `batch_shape + [input_size, output_size]`.
    pub fn kernel(&self) -> &Variable {
        &self.kernel
    }

    /// The bias, `batch_shape + [output_size]`.
    pub fn bias(&self) -> Option<&Variable> {
        self.bias.as_ref()
    }

    fn pre_activation(&self, x: &Tensor) -> Result<Tensor> {
        let y = applied(x, &self.kernel.tensor())?;
        Ok(match &self.bias {
            Some(bias) => y + bias.tensor(),
            None => y,
        })
    }
}

/// Rows, or a batch of vectors, times the kernel.
fn applied(x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
    let rows = x.ndims()? >= 2 && kernel.ndims()? == 2;
    let y = if rows {
        x.matmul(kernel)
    } else {
        // Each vector by itself, so that the axes before it broadcast with the batch of kernels.
        x.expand_dims(-2).matmul(kernel).squeeze(-2)
    };
    Ok(y)
}

impl AffineBuilder {
    /// Fills the kernel; [`glorot_uniform`](tfn_util::initializers::glorot_uniform) by default.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.spec.kernel_initializer = initializer;
        self
    }

    /// Fills the bias; zeros by default.
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.spec.bias_initializer = initializer;
        self
    }

    /// Makes the variables; [`make_kernel_bias`] by default.
    pub fn make_kernel_bias_fn<E: Into<AnyError>>(
        mut self,
        make: impl Fn(&KernelBiasSpec) -> Result<KernelBias<Variable>, E> + Send + Sync + 'static,
    ) -> Self {
        self.make = Arc::new(move |spec| make(spec).map_err(|e| UtilError::of_any(e.into())));
        self
    }

    /// Type of the weights; [`DType::F32`] by default.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.spec.dtype = dtype;
        self
    }

    /// Shape of a batch of kernels and biases; none by default.
    pub fn batch_shape(mut self, shape: &[usize]) -> Self {
        self.batch_shape = shape.to_vec();
        self
    }

    /// Function of the pre-activation, `[.., batch, output_size]`, entry by entry or along the last axis.
    pub fn activation_fn(
        mut self,
        activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Self {
        self.activation = Some(Activation::new(activation));
        self
    }

    /// Seed of the initial weights; drawn from the system by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Name of the layer; `Affine` by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// [`LayerError::Size`] for a size of zero, [`LayerError::Module`] for a name that cannot be made valid, and
    /// what the initializers report.
    pub fn build(mut self) -> Result<Affine> {
        for (argument, given) in ["input_size", "output_size"].into_iter().zip(self.sizes) {
            if given == 0 {
                return Err(LayerError::Size { layer: CLASS.to_owned(), argument, given });
            }
        }
        let name = layer_name(self.name.as_deref().unwrap_or(CLASS))?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        let spec = &mut self.spec;
        spec.key = Key::from_seed(seed).child(&name);
        spec.kernel_shape = [&self.batch_shape[..], &self.sizes].concat();
        spec.bias_shape = [&self.batch_shape[..], &self.sizes[1..]].concat();
        spec.kernel_batch_ndims = self.batch_shape.len();
        spec.bias_batch_ndims = self.batch_shape.len();
        let KernelBias { kernel, bias } = (self.make)(spec)?;
        Ok(Affine { name, kernel, bias, activation: self.activation })
    }
}

impl Layer for Affine {
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
        let kernel = self.kernel.tensor().square();
        let variance = x.variance.as_ref().map(|variance| applied(variance, &kernel));
        let mean = self.pre_activation(&x.mean)?;
        Moments { mean, variance: variance.transpose()? }.behind(self.activation.as_ref())
    }

    /// A single kernel takes any axes before the batch.
    fn draws_together(&self) -> bool {
        self.kernel.shape().len() == 2
    }
}

impl fmt::Debug for Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{CLASS}: name={}>", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
        assert!(error.to_string().starts_with("first: matmul"), "{error}");
        assert!(layer.call(&Tensor::scalar(1.0_f32)).is_err());
    }
}
