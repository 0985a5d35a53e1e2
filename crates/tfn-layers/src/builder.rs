//! The builder of variational layers.

use std::marker::PhantomData;
use std::sync::Arc;

use tfn_distributions::{Distribution, IntoDistribution};
use tfn_module::NameScope;
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{AnyError, Initializer, KernelBias, KernelBiasSpec, TupleArgument, UtilError};

use crate::activation::Activation;
use crate::arguments::{ValueFn, VariationalArguments};
use crate::divergence::{Divergence, PosteriorValue};
use crate::error::Result;
use crate::estimator::Estimator;
use crate::linear::{ConvArguments, ConvMap, Dense, IntoMap, LinearMap, conv_setters};
use crate::variational::Variational;

impl<M: LinearMap, E: Estimator + Default> Variational<M, E> {
    /// A builder for a layer whose linear map is `map`, or is made of these arguments.
    pub fn over<S: IntoMap<Map = M>>(map: S) -> Builder<S, E> {
        Builder::over(map)
    }
}

impl<E: Estimator + Default> Variational<Dense, E> {
    /// The layer with all defaults.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero.
    pub fn new(input_size: usize, output_size: usize) -> Result<Self> {
        Self::builder(input_size, output_size).build()
    }

    /// A builder that sets the other arguments, by TFP's names.
    pub fn builder(input_size: usize, output_size: usize) -> Builder<Dense, E> {
        Builder::new(input_size, output_size)
    }
}

impl<M: ConvMap, E: Estimator + Default> Variational<M, E> {
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
    ) -> Builder<ConvArguments<M>, E> {
        Builder::over(ConvArguments::new(input_size, output_size, filter_shape))
    }
}

conv_setters!(impl<M: ConvMap, E: Estimator + Default> Builder<ConvArguments<M>, E>);

/// Sets the arguments of a [`Variational`] layer, then builds it. `S` is the layer's linear map, or its arguments.
///
/// See [`VariationalArguments`] for the defaults.
#[must_use]
pub struct Builder<S, E> {
    source: Result<S>,
    arguments: VariationalArguments,
    estimator: PhantomData<fn() -> E>,
}

impl<S: IntoMap, T: Estimator + Default> Builder<S, T> {
    /// A builder with all defaults, for a layer whose linear map is `map`, or is made of these arguments.
    pub fn over(map: S) -> Self {
        Self::of(Ok(map))
    }

    /// The layer.
    ///
    /// # Errors
    /// [`LayerError::Size`](crate::LayerError::Size) for a size of zero, [`LayerError::Argument`](crate::LayerError::Argument) for more
    /// [ids](LinearMap::ids) than the type tells apart, [`LayerError::Module`](crate::LayerError::Module) for a name that cannot be made valid,
    /// [`LayerError::WeightShape`](crate::LayerError::WeightShape),
    /// [`LayerError::WeightDType`](crate::LayerError::WeightDType),
    /// [`LayerError::Structure`](crate::LayerError::Structure) or [`LayerError::Part`](crate::LayerError::Part) for factories whose
    /// results do not fit, and what the factories report.
    pub fn build(self) -> Result<Variational<S::Map, T>> {
        Variational::from_arguments(self.source?.into_map()?, &self.arguments)
    }
}

impl<S, T> Builder<S, T> {
    pub(crate) fn of(source: Result<S>) -> Self {
        Self { source, arguments: VariationalArguments::default(), estimator: PhantomData }
    }

    /// What the layer is made of, and the other arguments.
    pub(crate) fn split(self) -> Result<(S, VariationalArguments)> {
        Ok((self.source?, self.arguments))
    }

    pub(crate) fn with(self, set: impl FnOnce(&mut S)) -> Self {
        let source = self.source.map(|mut source| {
            set(&mut source);
            source
        });
        Self { source, ..self }
    }

    /// Initializer of the kernel's locations.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.arguments.kernel_initializer = initializer;
        self
    }

    /// Initializer of the bias's locations.
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.arguments.bias_initializer = initializer;
        self
    }

    /// The factory of the posterior: a joint distribution of kernel and bias, or of a kernel alone.
    pub fn make_posterior_fn<D: IntoDistribution, E: Into<AnyError>>(
        mut self,
        make: impl Fn(&KernelBiasSpec) -> Result<D, E> + Send + Sync + 'static,
    ) -> Self {
        self.arguments.make_posterior_fn =
            Arc::new(move |spec| Ok(make(spec).map_err(any)?.into_distribution()));
        self
    }

    /// The factory of the prior, of as many parts as the posterior.
    pub fn make_prior_fn<D: IntoDistribution, E: Into<AnyError>>(
        mut self,
        make: impl Fn(&KernelBiasSpec) -> Result<D, E> + Send + Sync + 'static,
    ) -> Self {
        self.arguments.make_prior_fn =
            Arc::new(move |spec| Ok(make(spec).map_err(any)?.into_distribution()));
        self
    }

    /// How weights are drawn from the posterior: a sample by default, its mean for a deterministic pass.
    pub fn posterior_value_fn<E: Into<AnyError>>(
        mut self,
        value: impl Fn(&dyn Distribution, &Key) -> Result<Vec<Tensor>, E> + Send + Sync + 'static,
    ) -> Self {
        self.arguments.posterior_value_fn = ValueFn::new(value);
        self
    }

    /// A function that says which parts of the weights are kernel and bias. It is given the names of the parts.
    pub fn unpack_weights_fn<E: Into<AnyError>>(
        mut self,
        unpack: impl Fn(&[Option<&str>]) -> Result<KernelBias<usize>, E> + Send + Sync + 'static,
    ) -> Self {
        self.arguments.unpack_weights_fn = Arc::new(move |parts| unpack(parts).map_err(any));
        self
    }

    /// Type of the weights, and so of inputs and outputs.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.arguments.dtype = dtype;
        self
    }

    /// Function of the pre-activation `[.., batch, ..output]`, such as [`Tensor::relu`]; see [`Activation`].
    pub fn activation_fn(
        mut self,
        activation: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Self {
        self.arguments.activation_fn = Some(Activation::new(activation));
        self
    }

    pub(crate) fn with_activation(mut self, activation: Option<Activation>) -> Self {
        self.arguments.activation_fn = activation;
        self
    }

    /// Seed of the initial weights and of the draws of [`Layer::call`](crate::Layer::call).
    pub fn seed(mut self, seed: u64) -> Self {
        self.arguments.seed = Some(seed);
        self
    }

    /// Whether each call checks its input and the weights' scales.
    pub fn validate_args(mut self, validate_args: bool) -> Self {
        self.arguments.validate_args = validate_args;
        self
    }

    /// Name of the layer; characters that a name may not have are replaced.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.arguments.name = Some(name.into());
        self
    }

    /// The divergence of posterior from prior used by the losses, such as
    /// [`kl_divergence_exact`](crate::losses::kl_divergence_exact). Not among TFP's arguments.
    pub fn divergence(
        mut self,
        divergence: impl Fn(&dyn Distribution, &dyn Distribution, &PosteriorValue<'_>) -> Result<Tensor>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.arguments.divergence = Divergence::new(divergence);
        self
    }

    /// Whether the factories are asked for a bias. Not among TFP's arguments.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.arguments.use_bias = use_bias;
        self
    }

    /// The scope that the layer is made in: names of its variables begin with it, as under an outer `tf.name_scope`.
    ///
    /// # Examples
    /// ```
    /// use tfn_layers::AffineVariationalReparameterizationLocal as Bayesian;
    /// use tfn_layers::module::{Module, NameScope};
    ///
    /// let scope = NameScope::root().child("encoder");
    /// let layer = Bayesian::builder(3, 2).scope(&scope).name("hidden").build()?;
    /// assert_eq!(layer.variables()[0].name(), "encoder/posterior_kernel_loc");
    /// assert_eq!(layer.name_scope().name(), "encoder/hidden/");
    /// # Ok::<(), tfn_layers::LayerError>(())
    /// ```
    pub fn scope(mut self, scope: &NameScope) -> Self {
        self.arguments.scope = scope.clone();
        self
    }
}

impl<E: Estimator + Default> Builder<Dense, E> {
    /// A builder with all defaults, for a dense layer of these sizes.
    pub fn new(input_size: usize, output_size: usize) -> Self {
        Self::of(Dense::new(input_size, output_size))
    }
}

/// The error of a user's function.
fn any(error: impl Into<AnyError>) -> UtilError {
    UtilError::of_any(error.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::LayerError;
    use crate::{
        AffineVariationalReparameterization as Shared,
        AffineVariationalReparameterizationLocal as Local, Layer, VariationalLayer,
    };
    use tfn_module::Module;

    #[test]
    fn defaults_are_tfps() {
        let arguments = VariationalArguments::default();
        assert_eq!(arguments.kernel_initializer.name(), "glorot_uniform");
        assert_eq!(arguments.bias_initializer.name(), "zeros");
        assert_eq!(arguments.dtype, DType::F32);
        assert!(arguments.activation_fn.is_none() && arguments.seed.is_none());
        assert!(!arguments.validate_args && arguments.name.is_none());
        let layer = Local::new(3, 2).unwrap();
        assert_eq!(layer.name(), "AffineVariationalReparameterizationLocal");
        assert_eq!(Shared::new(3, 2).unwrap().name(), "AffineVariationalReparameterization");
        let (q, p) = (layer.kernel_posterior(), layer.kernel_prior());
        assert!(
            q.stddev().unwrap().to_f64_vec().unwrap().iter().all(|s| (s / 1e-3 - 1.0).abs() < 1e-6)
        );
        assert_eq!(p.variance().unwrap().to_f64_vec().unwrap()[0], 2_000_000.5);
        assert!(layer.weights().seed() != Local::new(3, 2).unwrap().weights().seed());
    }

    #[test]
    fn sizes_of_zero_are_errors() {
        for (inputs, outputs, name) in [(0, 2, "input_size"), (2, 0, "output_size")] {
            let error = Local::new(inputs, outputs).unwrap_err();
            assert!(
                matches!(error, LayerError::Size { argument, given: 0, .. } if argument == name)
            );
        }
    }

    #[test]
    fn names_are_mended_or_refused() {
        assert_eq!(Local::builder(1, 1).name("a b").build().unwrap().name(), "a_b");
        assert!(matches!(Local::builder(1, 1).name("1a").build(), Err(LayerError::Module(_))));
    }

    #[test]
    fn a_value_function_can_take_the_mean() {
        let layer = Shared::builder(2, 1)
            .posterior_value_fn(|q, _| {
                q.parts().unwrap_or_default().iter().map(|part| part.mean()).collect()
            })
            .seed(1)
            .build()
            .unwrap();
        let x = Tensor::ones(&[4, 2], DType::F32);
        let first = layer.call(&x).unwrap().to_f64_vec().unwrap();
        assert_eq!(first, layer.call(&x).unwrap().to_f64_vec().unwrap());
    }
}
