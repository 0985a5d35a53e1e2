//! The builder of layers without uncertainty.

use std::sync::Arc;

use tfn_module::{Variable, layer_name};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{AnyError, Initializer, KernelBias, KernelBiasSpec, UtilError, make_kernel_bias};

use super::{KernelBiasLayer, class_of};
use crate::activation::Activation;
use crate::error::Result;
use crate::linear::{ConvArguments, ConvMap, Dense, IntoMap, LinearMap, check_ids, conv_setters};

type MakeFn = Arc<dyn Fn(&KernelBiasSpec) -> Result<KernelBias<Variable>, UtilError> + Send + Sync>;

/// Sets the arguments of a [`KernelBiasLayer`], then builds it. `S` is the layer's linear map, or its arguments.
#[must_use]
pub struct KernelBiasBuilder<S> {
    source: Result<S>,
    pub(crate) spec: KernelBiasSpec,
    make: MakeFn,
    pub(crate) activation: Option<Activation>,
    pub(crate) seed: Option<u64>,
    pub(crate) name: Option<String>,
}

conv_setters!(impl<M: ConvMap> KernelBiasBuilder<ConvArguments<M>>);

impl<M: ConvMap> KernelBiasBuilder<ConvArguments<M>> {
    /// Shape of a batch of kernels and biases; none by default.
    pub fn batch_shape(mut self, shape: &[usize]) -> Self {
        self.source = self.source.map(|arguments| arguments.batch_shape(shape));
        self
    }
}

impl KernelBiasBuilder<()> {
    /// These arguments for a layer over `map`, which is to have no activation, with another name and seed.
    pub(crate) fn over_map<M>(&self, map: M, name: &str, seed: u64) -> KernelBiasBuilder<M> {
        KernelBiasBuilder {
            source: Ok(map),
            spec: self.spec.clone(),
            make: self.make.clone(),
            activation: None,
            seed: Some(seed),
            name: Some(name.to_owned()),
        }
    }
}

impl KernelBiasBuilder<Dense> {
    /// Shape of a batch of kernels and biases; none by default.
    pub fn batch_shape(mut self, shape: &[usize]) -> Self {
        self.source = self.source.and_then(|map| map.batch_shape(shape));
        self
    }
}

impl<S> KernelBiasBuilder<S> {
    pub(crate) fn of(source: Result<S>) -> Self {
        Self {
            source,
            spec: KernelBiasSpec::new(&[], &[]),
            make: Arc::new(make_kernel_bias),
            activation: None,
            seed: None,
            name: None,
        }
    }

    /// What the layer is made of, and the other arguments.
    pub(crate) fn split(self) -> Result<(S, KernelBiasBuilder<()>)> {
        let Self { source, spec, make, activation, seed, name } = self;
        Ok((source?, KernelBiasBuilder { source: Ok(()), spec, make, activation, seed, name }))
    }

    pub(crate) fn with(self, set: impl FnOnce(&mut S)) -> Self {
        let source = self.source.map(|mut source| {
            set(&mut source);
            source
        });
        Self { source, ..self }
    }

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

    /// Function of the pre-activation, `[.., batch, ..output]`, entry by entry or along the last axis.
    pub fn activation_fn(
        mut self,
        activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Self {
        self.activation = Some(Activation::new(activation));
        self
    }

    /// Whether there is a bias; `true` by default. Not among TFP's arguments.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.spec.use_bias = use_bias;
        self
    }

    /// Seed of the initial weights; drawn from the system by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Name of the layer; that of the class by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<S: IntoMap> KernelBiasBuilder<S> {
    /// The layer.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero and what else the map's arguments lack, [`LayerError::Argument`](crate::LayerError::Argument) for more
    /// [ids](LinearMap::ids) than the type tells apart, [`LayerError::Module`](crate::LayerError::Module) for a name that cannot be made valid, [`LayerError::WeightShape`](crate::LayerError::WeightShape) for variables of other shapes, and what the initializers report.
    pub fn build(mut self) -> Result<KernelBiasLayer<S::Map>> {
        let map = self.source?.into_map()?;
        check_ids(&map, &class_of(&map), self.spec.dtype)?;
        let name = layer_name(&self.name.unwrap_or_else(|| class_of(&map)))?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => tfn_tensor::random::seed_from_entropy()?,
        };
        let spec = &mut self.spec;
        spec.key = Key::from_seed(seed).child(&name);
        (spec.kernel_shape, spec.bias_shape) = (map.kernel_shape(), map.bias_shape());
        (spec.kernel_batch_ndims, spec.bias_batch_ndims) = (map.batch_ndims(), map.batch_ndims());
        let KernelBias { kernel, bias } = (self.make)(spec)?;
        KernelBiasLayer { name, kernel, bias, map, activation: self.activation }.checked()
    }
}
