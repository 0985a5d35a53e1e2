//! A part of a joint distribution, which may depend on those before it.

use std::fmt::{self, Debug};
use std::sync::Arc;

use tfn_module::describe::{self, Data, Field, Loader, Saver};
use tfn_module::{Copies, DeepCopy, Module, Properties, Property, open_trait};
use tfn_tensor::Tensor;

use super::{Distribution, IntoDistribution};
use crate::error::{DistributionError, Result};

/// A part of a joint distribution: a distribution, or how one is made of the values of the parts before it.
///
/// Counterpart: a distribution, or a callable that returns one, in the `model` of
/// `tfp.distributions.JointDistributionSequential` and `JointDistributionNamed`.
///
/// # Examples
/// ```
/// use tfn_distributions::{JointPart, Normal};
/// use tfn_tensor::{Tensor, Variable};
///
/// let slope = Variable::new("slope", Tensor::scalar(2.0))?;
/// let first = JointPart::from(Normal::new(0.0, 1.0)?);
/// let second = JointPart::given(slope, |slope, earlier| {
///     Normal::new(slope.tensor() * earlier.at(0)?, 0.5)
/// });
/// # Ok::<(), tfn_distributions::DistributionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JointPart(Source);

#[derive(Clone, Debug)]
enum Source {
    Plain(Arc<dyn Distribution>),
    Given(Arc<dyn Conditional>),
}

impl JointPart {
    /// The part whose distribution is `make(state, values of the parts before it)`.
    ///
    /// The variables of `state` are variables of the part. Variables that `make` captures are not found.
    pub fn given<S, D, F>(state: S, make: F) -> Self
    where
        S: Property + DeepCopy + Debug + Send + Sync + 'static,
        D: IntoDistribution,
        F: Fn(&S, &Earlier<'_>) -> Result<D> + Send + Sync + 'static,
    {
        let make =
            move |state: &S, earlier: &Earlier<'_>| Ok(make(state, earlier)?.into_distribution());
        Self(Source::Given(Arc::new(Given { state, make: Arc::new(make) })))
    }

    /// Its distribution; `None` if that depends on other parts.
    pub fn distribution(&self) -> Option<&Arc<dyn Distribution>> {
        match &self.0 {
            Source::Plain(distribution) => Some(distribution),
            Source::Given(_) => None,
        }
    }

    /// Its distribution after those values.
    pub(super) fn after(&self, earlier: &Earlier<'_>) -> Result<Arc<dyn Distribution>> {
        match &self.0 {
            Source::Plain(distribution) => Ok(distribution.clone()),
            Source::Given(given) => given.make(earlier),
        }
    }
}

impl<D: Distribution> From<D> for JointPart {
    fn from(distribution: D) -> Self {
        Self(Source::Plain(Arc::new(distribution)))
    }
}

impl From<Arc<dyn Distribution>> for JointPart {
    fn from(distribution: Arc<dyn Distribution>) -> Self {
        Self(Source::Plain(distribution))
    }
}

impl Property for JointPart {
    fn visit<'a>(&'a self, properties: &mut Properties<'a>) {
        match &self.0 {
            Source::Plain(distribution) => distribution.visit(properties),
            Source::Given(given) => given.visit(properties),
        }
    }
}

impl DeepCopy for JointPart {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self(match &self.0 {
            Source::Plain(distribution) => Source::Plain(distribution.deep_copy_with(copies)),
            Source::Given(given) => Source::Given(given.deep_copy_with(copies)),
        })
    }
}

/// One that depends on others is a function, and so no data.
impl Field for JointPart {
    fn write(&self, saver: &mut Saver<'_>) -> describe::Result<Data> {
        match &self.0 {
            Source::Plain(distribution) => distribution.write(saver),
            Source::Given(given) => given.write(saver),
        }
    }

    fn read(data: Data, loader: &mut Loader<'_>) -> describe::Result<Self> {
        Ok(Self(Source::Plain(Field::read(data, loader)?)))
    }
}

pub(crate) trait Conditional: Module + Debug + ConditionalCopy {
    fn make(&self, earlier: &Earlier<'_>) -> Result<Arc<dyn Distribution>>;
}
open_trait!(pub(crate) Conditional, ConditionalCopy);

/// A [`Conditional`] with the variables of `state`.
struct Given<S, F> {
    state: S,
    make: Arc<F>,
}

impl<S, F> Conditional for Given<S, F>
where
    S: Property + DeepCopy + Debug + Send + Sync + 'static,
    F: Fn(&S, &Earlier<'_>) -> Result<Arc<dyn Distribution>> + Send + Sync + 'static,
{
    fn make(&self, earlier: &Earlier<'_>) -> Result<Arc<dyn Distribution>> {
        (self.make)(&self.state, earlier)
    }
}

impl<S, F> Module for Given<S, F>
where
    S: Property + Send + Sync + 'static,
    F: Send + Sync + 'static,
{
    fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
        properties.add("state", &self.state);
    }

    fn class_name(&self) -> &'static str {
        "Given"
    }
}

impl<S: DeepCopy, F> DeepCopy for Given<S, F> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        Self { state: self.state.deep_copy_with(copies), make: self.make.clone() }
    }
}

impl<S: Debug, F> Debug for Given<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The values of the parts before one.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    pub(super) family: &'static str,
    pub(super) names: &'a [String],
    pub(super) values: &'a [Tensor],
}

impl Earlier<'_> {
    /// The value of the part at `index`, counted from the first.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if it does not come before.
    pub fn at(&self, index: usize) -> Result<&Tensor> {
        self.values.get(index).ok_or_else(|| DistributionError::Argument {
            family: self.family,
            argument: "model",
            given: format!("a part that depends on the part at {index}"),
            expected: format!("one of the {} parts before it", self.values.len()),
        })
    }

    /// The value of the part called `name`.
    ///
    /// # Errors
    /// [`DistributionError::Argument`] if none of that name comes before.
    pub fn named(&self, name: &str) -> Result<&Tensor> {
        let found = self.names.iter().position(|other| other == name);
        found.and_then(|index| self.values.get(index)).ok_or_else(|| DistributionError::Argument {
            family: self.family,
            argument: "model",
            given: format!("a part that depends on `{name}`"),
            expected: format!(
                "one of the parts before it ({})",
                self.names.get(..self.values.len()).unwrap_or_default().join(", ")
            ),
        })
    }
}
