//! The arguments that all variational layers share.

use std::sync::Arc;

use tfn_distributions::Distribution;
use tfn_module::NameScope;
use tfn_tensor::{DType, Key, Tensor};
use tfn_util::{
    Initializer, KernelBias, KernelBiasSpec, UtilError, initializers,
    make_kernel_bias_posterior_mvn_diag, make_kernel_bias_prior_spike_and_slab,
    unpack_kernel_and_bias,
};

use crate::activation::Activation;
use crate::divergence::{Divergence, kl_divergence_monte_carlo};

/// Factory of a posterior or prior.
pub(crate) type WeightsFn =
    Arc<dyn Fn(&KernelBiasSpec) -> Result<Arc<dyn Distribution>, UtilError> + Send + Sync>;
/// How weights are drawn from the posterior.
pub(crate) type ValueFn =
    Arc<dyn Fn(&dyn Distribution, &Key) -> Result<Vec<Tensor>, UtilError> + Send + Sync>;
/// Which parts are kernel and bias.
pub(crate) type UnpackFn =
    Arc<dyn Fn(&[Option<&str>]) -> Result<KernelBias<usize>, UtilError> + Send + Sync>;

/// The arguments that all of TFP's variational layers share, with TFP's names and defaults. What a class has beside
/// them, its geometry, is its [`LinearMap`](crate::LinearMap)'s.
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
            posterior_value_fn: Arc::new(|q, key| Ok(q.sample_parts(&[], key)?)),
            unpack_weights_fn: Arc::new(unpack_kernel_and_bias),
            dtype: DType::F32,
            activation_fn: None,
            seed: None,
            validate_args: false,
            name: None,
            divergence: Arc::new(kl_divergence_monte_carlo),
            use_bias: true,
            scope: NameScope::root(),
        }
    }
}
