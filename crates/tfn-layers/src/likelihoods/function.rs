//! A function as a likelihood.

use std::fmt;
use std::sync::Arc;

use tfn_distributions::{Distribution, IntoDistribution};
use tfn_module::{Copies, DeepCopy, Module, Properties, Property};
use tfn_tensor::Tensor;
use tfn_util::AnyError;

use crate::contract::{Likelihood, Pass};
use crate::error::{LayerError, Result};

type Function<S> = Arc<dyn Fn(&S, &Tensor) -> Result<Arc<dyn Distribution>> + Send + Sync>;

/// The likelihood that [`from_fn`] makes.
pub struct FromFn<S> {
    state: S,
    function: Function<S>,
}

/// The likelihood `function(state, output)`.
///
/// The variables of `state` are the likelihood's: they are trained, copied and saved with the model. The function itself
/// cannot capture any, for it has to be `Copy`: a variable that nobody knows of cannot be forgotten.
///
/// # Examples
/// ```
/// use tfn_layers::distributions::Normal;
/// use tfn_layers::module::{Module, Variable};
/// use tfn_layers::tensor::Tensor;
/// use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential, likelihoods};
///
/// let log_noise = Variable::new("log_noise", Tensor::scalar(0.0_f32))?;
/// let head = likelihoods::from_fn(log_noise, |log_noise, output| Normal::new(output, log_noise.tensor().exp()));
/// let model = Sequential::of(Bayesian::new(3, 1)?).with_likelihood(head);
/// assert_eq!(model.trainable_variables().len(), 5);
/// # Ok::<(), tfn_layers::LayerError>(())
/// ```
/// What captures a variable does not compile:
/// ```compile_fail
/// # use tfn_layers::distributions::Normal;
/// # use tfn_layers::module::Variable;
/// # use tfn_layers::tensor::Tensor;
/// # use tfn_layers::{AffineVariationalReparameterizationLocal as Bayesian, Sequential};
/// let log_noise = Variable::new("log_noise", Tensor::scalar(0.0_f32)).unwrap();
/// let net = Sequential::of(Bayesian::new(3, 1).unwrap());
/// net.with_head(move |output| Normal::new(output, log_noise.tensor().exp()));
/// ```
pub fn from_fn<S, F, D, E>(state: S, function: F) -> FromFn<S>
where
    S: Property + DeepCopy + fmt::Debug + Send + Sync + 'static,
    F: Fn(&S, &Tensor) -> Result<D, E> + Copy + Send + Sync + 'static,
    D: IntoDistribution,
    E: Into<AnyError>,
{
    let function = move |state: &S, output: &Tensor| -> Result<Arc<dyn Distribution>> {
        let made = function(state, output).map_err(|error| LayerError::of_any(error.into()));
        Ok(made?.into_distribution())
    };
    FromFn { state, function: Arc::new(function) }
}

impl<S> Likelihood for FromFn<S>
where
    S: Property + DeepCopy + fmt::Debug + Send + Sync + 'static,
{
    fn distribution(&self, output: &Tensor, _pass: &Pass) -> Result<Arc<dyn Distribution>> {
        (self.function)(&self.state, output)
    }

    fn check_targets(&self, _targets: &Tensor) -> Result<()> {
        // Which targets a function takes only its distribution knows.
        Ok(())
    }
}

impl<S: Property + Send + Sync + 'static> Module for FromFn<S> {
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("state", &self.state);
    }

    fn class_name(&self) -> &'static str {
        "FromFn"
    }
}

impl<S: DeepCopy> DeepCopy for FromFn<S> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self { state: self.state.deep_copy_with(copies), function: self.function.clone() }
    }
}

impl<S: fmt::Debug> fmt::Debug for FromFn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").field("state", &self.state).finish_non_exhaustive()
    }
}
