//! The trait that everything with variables implements.

use std::any::Any;

use tfn_tensor::Variable;

use crate::name::{class_of, snake_case};
use crate::summary::summary;
use crate::{NameScope, Properties, walk};

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
        walk::variables(&self)
    }

    /// Those of [`variables`](Self::variables) that training changes.
    fn trainable_variables(&self) -> Vec<Variable> {
        walk::trainable_variables(&self)
    }

    /// Those of [`variables`](Self::variables) that training leaves alone.
    fn non_trainable_variables(&self) -> Vec<Variable> {
        walk::non_trainable_variables(&self)
    }

    /// All modules that this one holds, directly or through others; itself not among them.
    fn submodules(&self) -> Vec<&dyn Module> {
        walk::submodules(&self)
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
        summary(self.name(), walk::variables_by_path(&self))
    }
}
