//! What a factory of kernels and biases is told.

use tfn_distributions::{IntoDistribution, JointDistributionSequential};
use tfn_module::NameScope;
use tfn_tensor::{DType, Key};

use crate::error::Result;
use crate::initializers::{self, Initializer};
use crate::weight_spec::WeightSpec;

/// Shapes, initializers, type and key of a kernel, of a bias if there is one, and of further weights.
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
    /// Whether there is to be a bias; default `true`.
    pub use_bias: bool,
    /// Weights beside kernel and bias, in order; default none.
    pub others: Vec<OtherWeight>,
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
    /// What all names of variables begin with; default nothing.
    pub scope: NameScope,
    /// Name of the kernel's variables; by default the factory's own.
    pub kernel_name: Option<String>,
    /// Name of the bias's variables; by default the factory's own.
    pub bias_name: Option<String>,
}

/// A weight beside a layer's kernel and bias.
#[derive(Clone, Debug)]
pub struct OtherWeight {
    /// Its name, such as `recurrent_kernel`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Fills it.
    pub initializer: Initializer,
}

impl KernelBiasSpec {
    /// The defaults for a kernel and a bias of these shapes, drawing from seed 0.
    pub fn new(kernel_shape: &[usize], bias_shape: &[usize]) -> Self {
        Self {
            kernel_shape: kernel_shape.to_vec(),
            bias_shape: bias_shape.to_vec(),
            use_bias: true,
            others: Vec::new(),
            kernel_initializer: initializers::glorot_uniform(),
            bias_initializer: initializers::zeros(),
            kernel_batch_ndims: 0,
            bias_batch_ndims: 0,
            dtype: DType::F32,
            key: Key::from_seed(0),
            scope: NameScope::root(),
            kernel_name: None,
            bias_name: None,
        }
    }

    /// What it says of the kernel. Unless the spec has a name for it, that is `kernel` after `prefix`.
    pub fn kernel(&self, prefix: &str) -> WeightSpec<'_> {
        WeightSpec {
            name: self.name_of(self.kernel_name.as_deref(), prefix, "kernel"),
            shape: &self.kernel_shape,
            initializer: &self.kernel_initializer,
            batch_ndims: self.kernel_batch_ndims,
            dtype: self.dtype,
            key: self.key.child("kernel"),
        }
    }

    /// What it says of the bias. Unless the spec has a name for it, that is `bias` after `prefix`.
    pub fn bias(&self, prefix: &str) -> WeightSpec<'_> {
        WeightSpec {
            name: self.name_of(self.bias_name.as_deref(), prefix, "bias"),
            shape: &self.bias_shape,
            initializer: &self.bias_initializer,
            batch_ndims: self.bias_batch_ndims,
            dtype: self.dtype,
            key: self.key.child("bias"),
        }
    }

    /// What it says of all weights that are asked for: the kernel, the bias if there is one, and the others.
    pub fn weights(&self, prefix: &str) -> Vec<WeightSpec<'_>> {
        let mut weights = vec![self.kernel(prefix)];
        weights.extend(self.use_bias.then(|| self.bias(prefix)));
        weights.extend(self.others.iter().map(|other| WeightSpec {
            name: self.name_of(None, prefix, &other.name),
            shape: &other.shape,
            initializer: &other.initializer,
            batch_ndims: 0,
            dtype: self.dtype,
            key: self.key.child(&other.name),
        }));
        weights
    }

    /// Names of the weights that are asked for, in their order.
    pub fn part_names(&self) -> Vec<&str> {
        let bias = self.use_bias.then_some("bias");
        let others = self.others.iter().map(|other| other.name.as_str());
        std::iter::once("kernel").chain(bias).chain(others).collect()
    }

    fn name_of(&self, given: Option<&str>, prefix: &str, weight: &str) -> String {
        let scope = self.scope.name();
        given.map_or_else(|| format!("{scope}{prefix}{weight}"), |name| format!("{scope}{name}"))
    }

    /// The distribution of all weights whose parts `make` gives for each: the body of most factories.
    ///
    /// Names of their variables begin with `prefix`, unless the spec has names for kernel and bias.
    ///
    /// # Errors
    /// Those of `make`, and what the joint distribution reports of parts that do not fit each other.
    ///
    /// # Examples
    /// ```
    /// use tfn_util::KernelBiasSpec;
    /// use tfn_util::distributions::Laplace;
    ///
    /// let posterior = KernelBiasSpec::new(&[3, 2], &[2]).joint("posterior_", |weight| {
    ///     let loc = weight.variable("loc", weight.initial()?)?;
    ///     Ok(Laplace::new(loc, 0.1_f32)?)
    /// })?;
    /// let names: Vec<_> = posterior.variables().iter().map(|v| v.name().to_string()).collect();
    /// assert_eq!(names, ["posterior_kernel_loc", "posterior_bias_loc"]);
    /// # use tfn_util::module::Module;
    /// # Ok::<(), tfn_util::UtilError>(())
    /// ```
    pub fn joint<D: IntoDistribution>(
        &self,
        prefix: &str,
        make: impl Fn(&WeightSpec<'_>) -> Result<D>,
    ) -> Result<JointDistributionSequential> {
        let parts = self.weights(prefix).iter().map(make).collect::<Result<Vec<_>>>()?;
        let parts = parts.into_iter().map(IntoDistribution::into_distribution);
        Ok(JointDistributionSequential::new(parts)?)
    }
}
