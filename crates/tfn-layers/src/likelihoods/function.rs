//! A function as a likelihood.

use std::fmt;
use std::sync::Arc;

use tfn_distributions::{Distribution, IntoDistribution};
use tfn_module::describe::{
    self, Data, Describe, Description, Field, FunctionId, Loader, Reader, Saver,
};
use tfn_module::{Copies, DeepCopy, Module, Properties, Property};
use tfn_tensor::Tensor;
use tfn_util::AnyError;

use crate::contract::{Likelihood, Pass};
use crate::error::{LayerError, Result};
use crate::lambda::Stateless;

type Function<S> = Arc<dyn Fn(&S, &Tensor) -> Result<Arc<dyn Distribution>> + Send + Sync>;

/// The likelihood that [`from_fn`] makes.
pub struct FromFn<S> {
    state: S,
    function: Function<S>,
    id: FunctionId,
}

/// The likelihood `function(state, output)`.
///
/// The variables of `state` are the likelihood's: they are trained, copied and saved with the model. The function
/// itself cannot capture any, because it has to be `Copy`. So there can be no hidden variable that training and files
/// would miss.
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
    let id = FunctionId::of(&function);
    let function = move |state: &S, output: &Tensor| -> Result<Arc<dyn Distribution>> {
        let made = function(state, output).map_err(|error| LayerError::of_any(error.into()));
        Ok(made?.into_distribution())
    };
    FromFn { state, function: Arc::new(function), id }
}

/// The likelihood of a function that has no state.
pub(crate) fn of_output<D, E>(
    head: impl Fn(&Tensor) -> Result<D, E> + Copy + Send + Sync + 'static,
) -> FromFn<Stateless>
where
    D: IntoDistribution,
    E: Into<AnyError>,
{
    let id = FunctionId::of(&head);
    FromFn { id, ..from_fn(Stateless, move |_, output| head(output)) }
}

impl FromFn<Stateless> {
    /// Which function of the output it is, if its type says so.
    pub(crate) fn id(&self) -> FunctionId {
        self.id
    }
}

/// How a head is given a name.
const HOW: &str = "write a `Likelihood` of its own, or pass `with_head` a function without captures, and name it by \
                   `tfn_layers::describe::add_head` in the registry with which the file is saved and loaded";

/// By the name of its function in the registry.
impl Describe for FromFn<Stateless> {
    fn class() -> String {
        "tfn.likelihoods.FromFn".to_owned()
    }

    fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
        description.field("function", &Head(self.clone()))?;
        Ok(())
    }

    fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
        Ok(reader.field::<Head>("function")?.0)
    }
}

/// A function of the output, as a registry has it.
#[derive(Clone)]
pub(crate) struct Head(pub(crate) FromFn<Stateless>);

impl Field for Head {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        saver.function::<Self>(self.0.id, HOW)
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        loader.function::<Self>(&data, HOW).cloned()
    }
}

impl<S: Clone> Clone for FromFn<S> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), function: self.function.clone(), id: self.id }
    }
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
        let function = self.function.clone();
        Self { state: self.state.deep_copy_with(copies), function, id: self.id }
    }
}

impl<S: fmt::Debug> fmt::Debug for FromFn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").field("state", &self.state).finish_non_exhaustive()
    }
}
