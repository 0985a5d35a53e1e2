//! Distributions and bijectors in files that describe them: see [`tfn_module::describe`].
//!
//! All families and bijectors of this crate come back from such a file with their parameters, be these numbers, tensors,
//! variables or transformed variables. What has no form as data is an error when it is saved: parts of a joint
//! distribution that depend on others, and functions of a user's inside [`Masked`](crate::Masked) and
//! [`MaskedAutoregressive`](crate::bijectors::MaskedAutoregressive).
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use tfn_distributions::bijectors::Softplus;
//! use tfn_distributions::module::describe::{FileReader, FileWriter, Registry};
//! use tfn_distributions::tensor::Tensor;
//! use tfn_distributions::{Distribution, Independent, Normal, TransformedVariable, describe};
//!
//! let mut registry = Registry::new();
//! describe::register(&mut registry);
//! let scale = TransformedVariable::new(&Tensor::from_vec(vec![0.5, 2.0], &[2]), Softplus::new(), "scale")?;
//! let posterior: Arc<dyn Distribution> = Independent::new(Normal::new(0.1, scale)?, 1)?.into();
//! let bytes = FileWriter::new(&registry).add("posterior", &posterior)?.to_bytes()?;
//!
//! let mut file = FileReader::from_bytes(&bytes, &registry)?;
//! let same: Arc<dyn Distribution> = file.take("posterior")?;
//! let x = Tensor::from_vec(vec![0.0, 1.0], &[2]);
//! assert_eq!(same.log_prob(&x)?.item()?, posterior.log_prob(&x)?.item()?);
//! assert_eq!(same.variables()[0].name(), "scale");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bijectors;
mod bounds;
mod families;
mod source;
mod wrappers;

use tfn_module::describe::{Describe, Registry};

use crate::bijectors::{AutoregressiveNetwork, Bijector};
use crate::distribution::Distribution;
use crate::parameter_source::ParameterSource;

/// Adds all families, bijectors and transformed variables of this crate.
pub fn register(registry: &mut Registry) {
    families::register(registry);
    wrappers::register(registry);
    bijectors::register(registry);
    add_source::<crate::transformed_variable::Inner>(registry);
}

/// Adds a family.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use tfn_distributions::module::Module;
/// use tfn_distributions::module::describe::{self, Describe, Description, FileReader, FileWriter, Reader, Registry};
/// use tfn_distributions::tensor::{Stream, Tensor};
/// use tfn_distributions::{Distribution, Independent, Parameter, ParameterSpec, Result};
///
/// #[derive(Clone, Debug, Module)]
/// struct Centred {
///     scale: Parameter,
/// }
///
/// impl Distribution for Centred {
///     fn parameters(&self) -> Vec<ParameterSpec<'_>> {
///         vec![self.scale.positive("scale")]
///     }
///     fn log_prob_of(&self, x: &Tensor) -> Result<Tensor> {
///         let scale = self.scale.value();
///         Ok(Tensor::normal_log_prob(x, &(&scale * 0.0), &scale))
///     }
///     fn sample_of(&self, shape: &[usize], stream: &mut Stream) -> Result<Tensor> {
///         Ok(self.scale.value() * stream.normal(shape, self.dtype()?))
///     }
/// }
///
/// impl Describe for Centred {
///     fn class() -> String {
///         "mine.Centred".to_owned()
///     }
///     fn describe(&self, description: &mut Description<'_, '_>) -> describe::Result<()> {
///         description.field("scale", &self.scale)?;
///         Ok(())
///     }
///     fn restore(reader: &mut Reader<'_, '_>) -> describe::Result<Self> {
///         Ok(Self { scale: reader.field("scale")? }.checked()?)
///     }
/// }
///
/// let mut registry = Registry::new();
/// tfn_distributions::describe::register(&mut registry);
/// tfn_distributions::describe::add_distribution::<Centred>(&mut registry);
/// let scale = Tensor::from_vec(vec![1.0, 2.0], &[2]);
/// let vector = Independent::new(Centred { scale: scale.into() }, 1)?;
/// let bytes = FileWriter::new(&registry).add("prior", &vector)?.to_bytes()?;
/// let same: Independent = FileReader::from_bytes(&bytes, &registry)?.take("prior")?;
/// assert_eq!(same.event_shape()?, [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn add_distribution<D: Distribution + Describe>(registry: &mut Registry) {
    registry.add::<D>().seen_as::<dyn Distribution>(|distribution| distribution);
}

/// Adds a bijector.
pub fn add_bijector<B: Bijector + Describe>(registry: &mut Registry) {
    registry.add::<B>().seen_as::<dyn Bijector>(|bijector| bijector);
}

/// Adds what parameters can read besides numbers, tensors and variables.
pub fn add_source<S: ParameterSource + Describe>(registry: &mut Registry) {
    registry.add::<S>().seen_as::<dyn ParameterSource>(|source| source);
}

/// Adds the network of a [`MaskedAutoregressive`](crate::bijectors::MaskedAutoregressive) flow.
pub fn add_network<N: AutoregressiveNetwork + Describe>(registry: &mut Registry) {
    registry.add::<N>().seen_as::<dyn AutoregressiveNetwork>(|network| network);
}
