//! What a factory of kernels and biases is told.

use tfn_tensor::{DType, Key};

use crate::initializers::{self, Initializer};

/// Shapes, initializers, type and key of one kernel and one bias.
///
/// The one argument of every factory of a posterior, a prior or plain weights: TFP hands the same
/// things over as up to nine positional arguments. The fields carry TFP's names.
///
/// # Examples
/// ```
/// use tfn_tensor::DType;
/// use tfn_util::{KernelBiasSpec, initializers};
///
/// let mut spec = KernelBiasSpec::new(&[784, 10], &[10]);
/// spec.kernel_initializer = initializers::he_normal();
/// spec.dtype = DType::F64;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KernelBiasSpec {
    /// Shape of the kernel, `[in, out]` for a dense layer.
    pub kernel_shape: Vec<usize>,
    /// Shape of the bias, `[out]`.
    pub bias_shape: Vec<usize>,
    /// Fills the kernel; default [`initializers::glorot_uniform`].
    pub kernel_initializer: Initializer,
    /// Fills the bias; default [`initializers::zeros`].
    pub bias_initializer: Initializer,
    /// Leading axes of the kernel that index a batch of kernels; default 0.
    pub kernel_batch_ndims: usize,
    /// Leading axes of the bias that index a batch of biases; default 0.
    pub bias_batch_ndims: usize,
    /// Type of the weights; default [`DType::F32`].
    pub dtype: DType,
    /// Where initializers draw from.
    pub key: Key,
    /// Name of the kernel's variables; by default the factory's own.
    pub kernel_name: Option<String>,
    /// Name of the bias's variables; by default the factory's own.
    pub bias_name: Option<String>,
}

impl KernelBiasSpec {
    /// The defaults for a kernel and a bias of these shapes, drawing from seed 0.
    pub fn new(kernel_shape: &[usize], bias_shape: &[usize]) -> Self {
        Self {
            kernel_shape: kernel_shape.to_vec(),
            bias_shape: bias_shape.to_vec(),
            kernel_initializer: initializers::glorot_uniform(),
            bias_initializer: initializers::zeros(),
            kernel_batch_ndims: 0,
            bias_batch_ndims: 0,
            dtype: DType::F32,
            key: Key::from_seed(0),
            kernel_name: None,
            bias_name: None,
        }
    }

    /// The initial kernel.
    pub(crate) fn initial_kernel(&self) -> crate::Result<tfn_tensor::Tensor> {
        let key = self.key.child("kernel");
        self.kernel_initializer.make(&self.kernel_shape, self.kernel_batch_ndims, self.dtype, &key)
    }

    /// The initial bias.
    pub(crate) fn initial_bias(&self) -> crate::Result<tfn_tensor::Tensor> {
        let key = self.key.child("bias");
        self.bias_initializer.make(&self.bias_shape, self.bias_batch_ndims, self.dtype, &key)
    }
}
