//! Scopes: where the name of a variable comes from.

use std::fmt;
use std::sync::Arc;

use tfn_tensor::{Result, Tensor, Variable};

/// A prefix for the names of variables: `outer/inner/`.
///
/// Counterpart: `tf.name_scope`; but a value that is handed on, not a state of the thread. Names need
/// not be unique: two modules of one name give their variables the same names.
///
/// # Examples
/// A module that is made in another's scope keeps its own scope:
/// ```
/// use tfn_module::{Module, NameScope, Tensor, TensorError, Variable};
///
/// #[derive(Module)]
/// struct Inner { #[module(scope)] scope: NameScope, #[module(name)] name: String, w: Variable }
///
/// impl Inner {
///     fn new(outside: &NameScope, name: &str) -> Result<Self, TensorError> {
///         let scope = outside.child(name);
///         let w = scope.variable("w", Tensor::scalar(0.0))?;
///         Ok(Self { scope, name: name.to_owned(), w })
///     }
/// }
///
/// #[derive(Module)]
/// struct Outer { inside: Inner }
///
/// let scope = NameScope::root().child("outer");
/// let outer = Outer { inside: Inner::new(&scope, "inside")? };
/// assert_eq!(outer.inside.name_scope().name(), "outer/inside/");
/// assert_eq!(outer.variables()[0].name(), "outer/inside/w");
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameScope(Arc<str>);

impl NameScope {
    /// The scope outside of all others; its name is empty.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The scope `name` inside this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}{name}/", self.0).into())
    }

    /// The scope of a module that was not made in another's.
    ///
    /// It takes the name as its own, so that the callers, one for each type of module, have nothing to free.
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) fn of_module(name: String) -> Self {
        Self::root().child(&name)
    }

    /// Its full name: empty for the root, else with a `/` at the end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// A trainable variable whose name begins with this scope's.
    ///
    /// # Errors
    /// The error that `value` carries.
    pub fn variable(&self, name: &str, value: impl Into<Tensor>) -> Result<Variable> {
        Variable::new(format!("{}{name}", self.0), value)
    }
}

impl fmt::Display for NameScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nested() -> Result<()> {
        let root = NameScope::root();
        assert_eq!(root.name(), "");
        assert_eq!(root.variable("w", Tensor::scalar(1.0))?.name(), "w");
        let inner = root.child("outer").child("inner");
        assert_eq!(inner.to_string(), "outer/inner/");
        assert_eq!(inner.variable("w", Tensor::scalar(1.0))?.name(), "outer/inner/w");
        assert!(inner.variable("w", Tensor::from_vec(vec![1.0], &[2])).is_err());
        Ok(())
    }
}
