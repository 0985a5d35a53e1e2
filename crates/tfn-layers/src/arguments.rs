//! The arguments that all variational layers share.

use std::sync::Arc;

use tfn_distributions::{Distribution, DistributionError};
use tfn_module::NameScope;
use tfn_module::describe::{self, Data, Field, FunctionId, Loader, Saver};
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{
    AnyError, Initializer, KernelBias, KernelBiasSpec, UtilError, initializers,
    make_kernel_bias_posterior_mvn_diag, make_kernel_bias_prior_spike_and_slab,
    unpack_kernel_and_bias,
};

use crate::activation::Activation;
use crate::divergence::{Divergence, kl_divergence_monte_carlo};

/// Factory of a posterior or prior.
pub(crate) type WeightsFn =
    Arc<dyn Fn(&KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> + Send + Sync>;
/// The function of a [`ValueFn`].
type DrawFn = dyn Fn(&dyn Distribution, &Key) -> Result<Vec<Tensor>, UtilError> + Send + Sync;

/// How weights are drawn from the posterior.
#[derive(Clone)]
pub(crate) struct ValueFn {
    draw: Arc<DrawFn>,
    id: FunctionId,
}

impl ValueFn {
    pub(crate) fn new<E: Into<AnyError>>(
        draw: impl Fn(&dyn Distribution, &Key) -> Result<Vec<Tensor>, E> + Send + Sync + 'static,
    ) -> Self {
        let id = FunctionId::of(&draw);
        let draw = move |q: &dyn Distribution, key: &Key| {
            draw(q, key).map_err(|error| UtilError::of_any(error.into()))
        };
        Self { draw: Arc::new(draw), id }
    }

    pub(crate) fn id(&self) -> FunctionId {
        self.id
    }

    pub(crate) fn draw(&self, q: &dyn Distribution, key: &Key) -> Result<Vec<Tensor>, UtilError> {
        (self.draw)(q, key)
    }
}

/// A sample of all parts: how weights are drawn if nothing else is said.
pub(crate) fn sample(q: &dyn Distribution, key: &Key) -> Result<Vec<Tensor>, DistributionError> {
    q.sample_parts(&[], key)
}

/// How such a function is given a name.
const HOW: &str = "pass a function or a closure without captures, and name it by \
                   `tfn_layers::describe::add_posterior_value` in the registry with which the file is saved and loaded";

/// By its name in the registry.
impl Field for ValueFn {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        saver.function::<Self>(self.id, HOW)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        loader.function::<Self>(&data, HOW).cloned()
    }
}

/// Which parts are kernel and bias.
pub(crate) type UnpackFn =
    Arc<dyn Fn(&[Option<&str>]) -> Result<KernelBias<usize>, UtilError> + Send + Sync>;

/// The arguments that all of TFP's variational layers share, with TFP's names and defaults. What else a class has, its
/// geometry, belongs to its [`LinearMap`](crate::LinearMap).
///
/// | argument | default |
/// |---|---|
/// | `kernel_initializer` | [`glorot_uniform`](initializers::glorot_uniform) |
/// | `bias_initializer` | [`zeros`](initializers::zeros) |
/// | `make_posterior_fn` | [`make_kernel_bias_posterior_mvn_diag`] |
/// | `make_prior_fn` | [`make_kernel_bias_prior_spike_and_slab`] |
/// | `posterior_value_fn` | a sample ([`Distribution::sample_parts`]) |
/// | `unpack_weights_fn` | [`unpack_kernel_and_bias`] |
/// | `dtype` | [`DType::F32`] |
/// | `activation_fn` | none |
/// | `seed` | drawn from the system |
/// | `validate_args` | `false` |
/// | `name` | name of the class |
///
/// TFP's classes lack `divergence` (the default is what their documentation computes,
/// [`kl_divergence_monte_carlo`](crate::losses::kl_divergence_monte_carlo)) and `use_bias` (default `true`), and take
/// the `scope` of names from the thread (default [`NameScope::root`]).
#[derive(Clone)]
#[non_exhaustive]
pub struct VariationalArguments {
    pub(crate) kernel_initializer: Initializer,
    pub(crate) bias_initializer: Initializer,
    pub(crate) make_posterior_fn: WeightsFn,
    pub(crate) make_prior_fn: WeightsFn,
    pub(crate) posterior_value_fn: ValueFn,
    pub(crate) unpack_weights_fn: UnpackFn,
    pub(crate) dtype: DType,
    pub(crate) activation_fn: Option<Activation>,
    pub(crate) seed: Option<u64>,
    pub(crate) validate_args: bool,
    pub(crate) name: Option<String>,
    pub(crate) divergence: Divergence,
    pub(crate) use_bias: bool,
    pub(crate) scope: NameScope,
}

impl Default for VariationalArguments {
    fn default() -> Self {
        Self {
            kernel_initializer: initializers::glorot_uniform(),
            bias_initializer: initializers::zeros(),
            make_posterior_fn: Arc::new(make_kernel_bias_posterior_mvn_diag),
            make_prior_fn: Arc::new(make_kernel_bias_prior_spike_and_slab),
            posterior_value_fn: ValueFn::new(sample),
            unpack_weights_fn: Arc::new(unpack_kernel_and_bias),
            dtype: DType::F32,
            activation_fn: None,
            seed: None,
            validate_args: false,
            name: None,
            divergence: Divergence::new(kl_divergence_monte_carlo),
            use_bias: true,
            scope: NameScope::root(),
        }
    }
}
