//! The trait that everything with variables implements, and the types of its signatures.

use std::any::{Any, TypeId};
use std::borrow::Cow;

use tfn_tensor::Variable;

use crate::name::{class_of, snake_case};
use crate::scope::NameScope;
use crate::summary::summary;

/// An object that holds variables and other modules.
///
/// Counterpart: `tf.Module`. One method is required, [`properties`](Self::properties);
/// `#[derive(Module)]` writes it. All else follows: which variables an object holds, directly and
/// through others, and in which order.
///
/// The order: a module's direct leaves (variables and modules) first, sorted by the name of the
/// attribute they are reached by, byte by byte; then, recursively, each direct submodule in turn. Lists and
/// tuples keep the order of their items, maps are sorted by key, options and `Arc`s are looked
/// through. Each object is listed once, the module itself not at all, and modules may point to each other
/// in a circle. A variable is the same as its clones; a module is the same where address and type are.
///
/// # Examples
/// Derived:
/// ```
/// use std::sync::Arc;
/// use tfn_module::{Module, Tensor, Variable};
///
/// #[derive(Module)]
/// struct Dense { kernel: Variable, bias: Variable }
///
/// #[derive(Module)]
/// struct Net { hidden: Vec<Arc<Dense>>, head: Dense, depth: usize }
///
/// # fn dense() -> Result<Dense, tfn_module::TensorError> {
/// #     Ok(Dense {
/// #         kernel: Variable::new("kernel", Tensor::from_vec(vec![1.0, 2.0], &[1, 2]))?,
/// #         bias: Variable::new("bias", Tensor::from_vec(vec![0.0, 0.0], &[2]))?,
/// #     })
/// # }
/// let shared = Arc::new(dense()?);
/// let net = Net { hidden: vec![shared.clone(), shared], head: dense()?, depth: 2 };
/// assert_eq!(net.name(), "net");
/// assert_eq!(net.submodules().len(), 2);
/// let names: Vec<_> = net.variables().iter().map(|v| v.name().to_owned()).collect();
/// assert_eq!(names, ["bias", "kernel", "bias", "kernel"]);
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
/// By hand, for a type that computes or hides its attributes:
/// ```
/// use tfn_module::{Module, Properties, Tensor, Variable};
///
/// struct Poly { coefficients: [Variable; 2] }
///
/// impl Module for Poly {
///     fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
///         properties.add("coefficients", &self.coefficients);
///     }
/// }
///
/// let c = |name: &str| Variable::new(name, Tensor::scalar(1.0));
/// let poly = Poly { coefficients: [c("c0")?, c("c1")?.non_trainable()] };
/// assert_eq!(poly.trainable_variables(), [poly.coefficients[0].clone()]);
/// assert_eq!(poly.non_trainable_variables(), [poly.coefficients[1].clone()]);
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "write `#[derive(Module)]` above `{Self}`, or implement `Module::properties` for it"
)]
pub trait Module: Any + Send + Sync {
    /// Hands over the attributes that hold variables or modules, in any order.
    fn properties<'a>(&'a self, properties: &mut Properties<'a>);

    /// Name of the type, without its path and its arguments.
    ///
    /// Counterpart: `type(self).__name__`.
    fn class_name(&self) -> &'static str {
        class_of(std::any::type_name::<Self>())
    }

    /// Name of this module; the type's name in snake case if it was not given one.
    fn name(&self) -> String {
        snake_case(self.class_name())
    }

    /// The scope in which this module names its variables.
    ///
    /// `name/` at the top; a module that was made in another's scope keeps its own (the derive's
    /// `#[module(scope)]`).
    fn name_scope(&self) -> NameScope {
        NameScope::of_module(self.name())
    }

    /// All variables that this module holds, directly or through others.
    fn variables(&self) -> Vec<Variable> {
        (&self as &dyn Root<'_>).variables()
    }

    /// Those of [`variables`](Self::variables) that training changes.
    fn trainable_variables(&self) -> Vec<Variable> {
        (&self as &dyn Root<'_>).trainable_variables()
    }

    /// Those of [`variables`](Self::variables) that training leaves alone.
    fn non_trainable_variables(&self) -> Vec<Variable> {
        (&self as &dyn Root<'_>).non_trainable_variables()
    }

    /// All modules that this one holds, directly or through others; itself not among them.
    fn submodules(&self) -> Vec<&dyn Module> {
        (&self as &dyn Root<'_>).submodules()
    }

    /// Runs `make` with this module's [`name_scope`](Self::name_scope).
    ///
    /// The scope is a value that is handed on, not a state of the thread. For a trait object call
    /// `name_scope()` and use the scope it returns.
    ///
    /// Counterpart: the decorator `tf.Module.with_name_scope`.
    ///
    /// ```
    /// use tfn_module::{Module, Tensor};
    ///
    /// #[derive(Module)]
    /// struct Outer;
    ///
    /// let w = Outer.with_name_scope(|scope| scope.variable("w", Tensor::scalar(1.0)))?;
    /// assert_eq!(w.name(), "outer/w");
    /// # Ok::<(), tfn_module::TensorError>(())
    /// ```
    fn with_name_scope<R>(&self, make: impl FnOnce(&NameScope) -> R) -> R
    where
        Self: Sized,
    {
        make(&self.name_scope())
    }

    /// A table of the variables (entries, shape, trainable, name) and the total to be trained.
    ///
    /// Counterpart: `tfn.Layer.summary`, of the same form.
    fn summary(&self) -> String {
        summary(self.name(), (&self as &dyn Root<'_>).variables_by_path())
    }
}

/// A value that an attribute of a [`Module`] can have.
///
/// Implemented for variables, for every module, for options, lists, tuples, maps and `Arc`s of such,
/// and for plain data (numbers, strings, tensors), which hold neither. So a type of your own implements
/// [`Module`] and has this too. A field of a type that is no property does not compile: whether it
/// hides variables must be said, by `#[module(skip)]` on the field or by an implementation.
///
/// # Trait objects
/// A trait whose objects are held as `Arc<dyn Trait>` needs an implementation for `dyn Trait` in the crate of
/// the trait; [`open_trait!`](crate::open_trait) writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an attribute of a module",
    label = "neither a variable, nor a module, nor a collection of these, nor plain data",
    note = "if it holds no variables, write `#[module(skip)]` on the field",
    note = "if it does, write `#[derive(Module)]` above its definition, or implement `Property` for it; for a `dyn Trait` call `tfn_module::open_trait!` beside the trait"
)]
pub trait Property {
    /// Says what this is: a variable, a module, or a container whose parts it adds.
    fn visit<'a>(&'a self, properties: &mut Properties<'a>);

    /// Whether no value of this type has leaves: a list of numbers is not gone through one by one.
    #[doc(hidden)]
    fn is_plain() -> bool
    where
        Self: Sized,
    {
        false
    }
}

/// Collects the attributes of one object; the walk over a tree of modules is made of these.
///
/// A [`Module`] names its attributes by [`add`](Self::add), in any order: the walk sorts them by name,
/// byte by byte, and goes through a list in the order of its items. A [`Property`] says what it is:
/// a [`variable`](Self::variable), a [`module`](Self::module), or a container of further ones.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Properties, Tensor, Variable};
///
/// struct Dense { kernel: Variable, bias: Option<Variable> }
///
/// impl Module for Dense {
///     fn properties<'a>(&'a self, properties: &mut Properties<'a>) {
///         properties.add("kernel", &self.kernel).add("bias", &self.bias);
///     }
/// }
///
/// let kernel = Variable::new("kernel", Tensor::from_vec(vec![1.0, 2.0], &[1, 2]))?;
/// let bias = Variable::new("bias", Tensor::from_vec(vec![0.0, 0.0], &[2]))?;
/// let dense = Dense { kernel: kernel.clone(), bias: Some(bias.clone()) };
/// assert_eq!(dense.variables(), [bias, kernel]);
/// assert_eq!(dense.name_scope().name(), "dense/");
/// # Ok::<(), tfn_module::TensorError>(())
/// ```
pub struct Properties<'a> {
    pub(super) children: Vec<(Segment<'a>, &'a dyn Property)>,
    pub(super) leaves: Vec<(String, Leaf<'a>)>,
    pub(super) path: String,
    pub(super) paths_wanted: bool,
    pub(super) sought: Option<TypeId>,
    pub(super) behind_arc: bool,
}

/// One step of a path. Items of a list come before named entries, by index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment<'a> {
    Index(usize),
    Name(Cow<'a, str>),
}

/// Where a path ends.
pub(super) enum Leaf<'a> {
    Variable(Variable),
    Module { module: &'a dyn Module, behind_arc: bool },
}

/// The module where a walk begins, whatever its type, so that a walk is compiled once and not for each type: a
/// given method of [`Module`] cannot make a `&dyn Module` of `self`, which need not be sized, but this of `&self`.
pub(super) trait Root<'a> {
    fn module_properties(&self, properties: &mut Properties<'a>);
    fn module_address(&self) -> usize;
    fn module_type(&self) -> TypeId;
}
