//! The traits by which an object is described and comes back, and the types of their signatures.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::{Map, Value};
use tfn_tensor::{Tensor, Variable, VariableId};

use super::extent::Extent;
use super::tensors::Tensors;

/// An error of any type, as describing and restoring an object may report it.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What a [`Description`] or a [`Reader`] gives.
pub type Result<T, E = AnyError> = std::result::Result<T, E>;

/// What is behind an `Arc`, whatever it is.
pub(super) type Shared = Arc<dyn Any + Send + Sync>;

/// An object that a [file](super::FileWriter) can describe, so that it comes back without the code that made it.
///
/// What is described is the object, not how it was made: its fields one by one, each a [`Field`]. So what a closure
/// made comes back as long as the types of what it made are known.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use tfn_module::describe::{AnyError, Describe, Description, FileReader, FileWriter, Reader, Registry};
/// use tfn_module::{Tensor, Variable};
///
/// struct Gain { gain: Variable, offset: f64 }
///
/// impl Describe for Gain {
///     fn class() -> String {
///         "mine.Gain".to_owned()
///     }
///     fn describe(&self, description: &mut Description<'_, '_>) -> Result<(), AnyError> {
///         description.field("gain", &self.gain)?.field("offset", &self.offset)?;
///         Ok(())
///     }
///     fn restore(reader: &mut Reader<'_, '_>) -> Result<Self, AnyError> {
///         Ok(Self { gain: reader.field("gain")?, offset: reader.field("offset")? })
///     }
/// }
///
/// let mut registry = Registry::new();
/// registry.add::<Gain>();
/// let gain = Gain { gain: Variable::new("gain", Tensor::scalar(0.1))?.non_trainable(), offset: 1e-5 };
/// let bytes = FileWriter::new(&registry).add("gain", &gain)?.to_bytes()?;
///
/// let same: Gain = FileReader::from_bytes(&bytes, &registry)?.take("gain")?;
/// assert_eq!(same.gain.name(), "gain");
/// assert!(!same.gain.is_trainable());
/// assert_eq!((same.gain.value().item()?, same.offset), (0.1, 1e-5));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub trait Describe: Any + Send + Sync + Sized {
    /// The name by which a file knows the type: crate and type, `"mine.Gain"`. It does not change when code moves.
    fn class() -> String;

    /// Writes down all fields that [`restore`](Self::restore) reads.
    ///
    /// # Errors
    /// What the fields report.
    fn describe(&self, description: &mut Description<'_, '_>) -> Result<()>;

    /// The object of these fields, which may come from anywhere: what a constructor would refuse is an error.
    ///
    /// # Errors
    /// What the fields and the constructor report.
    fn restore(reader: &mut Reader<'_, '_>) -> Result<Self>;
}

/// What can be a field of a described object.
///
/// Implemented for numbers, strings, tensors, variables, options and lists of such, for every type with
/// [`Describe`] (an object of its own, by value), and for `Arc`s of such and of traits that
/// [`open_trait!`](crate::open_trait) was called for, which stay shared.
///
/// # Examples
/// By hand, for what is data in another form:
/// ```
/// use tfn_module::describe::{Data, Field, FileReader, FileWriter, Loader, Registry, Result, Saver};
/// use tfn_module::describe_fields;
///
/// #[derive(Debug, PartialEq)]
/// enum Padding { Same, Valid }
///
/// impl Field for Padding {
///     fn write(&self, saver: &mut Saver<'_>) -> Result<Data> {
///         match self {
///             Self::Same => "same".to_owned().write(saver),
///             Self::Valid => "valid".to_owned().write(saver),
///         }
///     }
///     fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self> {
///         match String::read(data.clone(), loader)?.as_str() {
///             "same" => Ok(Self::Same),
///             "valid" => Ok(Self::Valid),
///             _ => Err(loader.wrong(&data, "\"same\" or \"valid\"")),
///         }
///     }
/// }
///
/// struct Convolution { padding: Padding, strides: [usize; 2] }
/// describe_fields!(Convolution as "mine.Convolution" { padding, strides });
///
/// let mut registry = Registry::new();
/// registry.add::<Convolution>();
/// let convolution = Convolution { padding: Padding::Valid, strides: [2, 1] };
/// let bytes = FileWriter::new(&registry).add("it", &convolution)?.to_bytes()?;
/// let same: Convolution = FileReader::from_bytes(&bytes, &registry)?.take("it")?;
/// assert_eq!((same.padding, same.strides), (Padding::Valid, [2, 1]));
/// # Ok::<(), tfn_module::ModuleError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a described object",
    note = "implement `Describe` for it"
)]
pub trait Field: Sized {
    /// The field as data.
    ///
    /// # Errors
    /// [`DescribeError`](crate::error::DescribeError) for what has no form as data.
    fn write(&self, saver: &mut Saver<'_>) -> Result<Data>;

    /// The field from data.
    ///
    /// # Errors
    /// [`DescribeError`](crate::error::DescribeError) for what is no such field.
    fn read(data: Data, loader: &mut Loader<'_>) -> Result<Self>;
}

/// A field as data: what a [`Saver`] gives and a [`Loader`] takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Data(pub(super) Value);

/// What an `Arc` can point to so that the `Arc` is a [`Field`].
#[diagnostic::on_unimplemented(
    message = "`Arc<{Self}>` cannot be a field of a described object",
    note = "implement `Describe` for the type, or call `tfn_module::open_trait!` beside the trait"
)]
pub trait SharedField {
    /// The field as data: which object it is.
    ///
    /// # Errors
    /// As [`Field::write`].
    fn write_shared(&self, saver: &mut Saver<'_>) -> Result<Data>;

    /// The same `Arc` for all who ask for one object.
    ///
    /// # Errors
    /// As [`Field::read`].
    fn read_shared(data: Data, loader: &mut Loader<'_>) -> Result<Arc<Self>>;
}

/// Which types files can hold, and which functions have names.
///
/// It is asked both when a file is written and when it is read: what a registry saves it can load. Every crate has a
/// function that adds its own types, and a user adds others. See [`Describe`].
#[derive(Default)]
pub struct Registry {
    pub(super) classes: HashMap<String, Class>,
    pub(super) types: HashMap<TypeId, String>,
    /// From the type of an object and that of an `Arc` of a trait, how the one becomes the other.
    pub(super) casts: HashMap<(TypeId, TypeId), Cast>,
    /// Named values, by their type and name.
    pub(super) named: HashMap<(TypeId, String), Shared>,
    /// Names of functions, by the type of the named value and that of the function.
    pub(super) functions: HashMap<(TypeId, TypeId), String>,
}

/// How an object is described and comes back.
#[derive(Clone, Copy)]
pub(super) struct Class {
    pub(super) kind: TypeId,
    pub(super) describe: fn(&dyn Any, &mut Description<'_, '_>) -> Result<()>,
    pub(super) restore: fn(&mut Reader<'_, '_>) -> Result<Shared>,
}

/// An `Arc` of a type as an `Arc` of a trait, in a box.
pub(super) type Cast = Box<dyn Fn(&Shared) -> Option<Box<dyn Any>> + Send + Sync>;

/// A type just added to a [`Registry`].
pub struct Added<'r, T> {
    pub(super) registry: &'r mut Registry,
    pub(super) kind: PhantomData<fn() -> T>,
}

/// Which function it is, if its type says so: a function item or a closure without captures has a type of its own and
/// nothing else.
///
/// # Examples
/// ```
/// use tfn_module::describe::FunctionId;
///
/// let two = 2.0;
/// assert!(FunctionId::of(&f64::sqrt).is_known());
/// assert!(!FunctionId::of(&move |x: f64| x * two).is_known());
/// assert!(!FunctionId::of(&(f64::sqrt as fn(f64) -> f64)).is_known());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionId(pub(super) Option<TypeId>);

/// What is being saved: the objects, variables and tensors that have been met.
pub struct Saver<'r> {
    pub(super) registry: &'r Registry,
    /// Names of the fields that lead to the one being written.
    pub(super) path: Vec<String>,
    /// By address and type; `None` while it is being described.
    pub(super) seen: HashMap<(usize, TypeId), Option<usize>>,
    pub(super) objects: Vec<Object>,
    pub(super) variables: Vec<(String, Variable)>,
    pub(super) known: HashMap<VariableId, usize>,
    pub(super) tensors: BTreeMap<String, Tensor>,
    /// Of the object being described.
    pub(super) extent: Extent,
    /// Names of the objects of which the description has begun and not ended, as far as they are modules.
    pub(super) open: Vec<Option<String>>,
}

/// An object that has been described.
pub(super) struct Object {
    pub(super) class: String,
    pub(super) path: String,
    /// What a module calls itself: for people.
    pub(super) name: Option<String>,
    pub(super) fields: Map<String, Value>,
    pub(super) extent: Extent,
}

/// The fields of one object, while it is described.
pub struct Description<'s, 'r> {
    pub(super) saver: &'s mut Saver<'r>,
    pub(super) fields: Map<String, Value>,
}

/// What is being loaded: the objects so far, and what is left in the file.
pub struct Loader<'f> {
    pub(super) registry: &'f Registry,
    pub(super) tensors: Tensors,
    /// Bytes of the file.
    pub(super) size: usize,
    pub(super) variables: Vec<Variable>,
    pub(super) objects: Vec<Loaded>,
    /// Of the object that comes back now.
    pub(super) extent: Extent,
    pub(super) path: String,
    pub(super) class: String,
    /// Its field that is read now.
    pub(super) field: String,
}

/// An object that has come back.
pub(super) struct Loaded {
    pub(super) class: String,
    pub(super) kind: TypeId,
    /// `None` once it was taken by value.
    pub(super) object: Option<Shared>,
    pub(super) extent: Extent,
}

/// The fields of one object, while it comes back. What has not been read in the end is an error.
pub struct Reader<'l, 'f> {
    pub(super) loader: &'l mut Loader<'f>,
    pub(super) fields: Map<String, Value>,
}
