//! Deep copies: the same structure over fresh variables.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use tfn_tensor::{Variable, VariableId};

use crate::error::{ModuleError, Result};

/// A value that can be copied together with the variables it holds.
///
/// `#[derive(Module)]` implements it field by field; skipped fields are cloned. What the original holds
/// in several places, a variable or an `Arc`, the copy holds in the same places, once.
///
/// Counterpart: `copy.deepcopy` of a `tf.Module`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be copied with its variables",
    label = "no `DeepCopy`",
    note = "if it holds no variables, write `#[module(skip)]` on the field (it is cloned then)",
    note = "if it does, write `#[derive(Module)]` above its definition, or implement `DeepCopy` for it",
    note = "a module that need not be copied says so by `#[module(no_deep_copy)]`"
)]
pub trait DeepCopy: Sized {
    /// A copy, with the variables and `Arc`s that `copies` has already copied.
    fn deep_copy_with(&self, copies: &mut Copies) -> Self;
}

/// Copies a value with its variables: new cells of the same names, values and trainability.
///
/// # Errors
/// [`ModuleError::Cycle`] if an `Arc` inside leads back to itself: such a ring is fine for the walk, but
/// cannot be built anew from the outside in.
///
/// # Examples
/// ```
/// use tfn_module::{Module, Tensor, Variable, deep_copy};
///
/// #[derive(Module)]
/// struct Tied { encoder: Variable, decoder: Variable }
///
/// let w = Variable::new("w", Tensor::scalar(1.0))?;
/// let tied = Tied { encoder: w.clone(), decoder: w };
/// let copy = deep_copy(&tied)?;
/// copy.encoder.assign(&Tensor::scalar(5.0))?;
/// assert_eq!(copy.decoder.value().item()?, 5.0);
/// assert_eq!(tied.decoder.value().item()?, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn deep_copy<T: DeepCopy>(value: &T) -> Result<T> {
    let mut copies = Copies::default();
    let copy = value.deep_copy_with(&mut copies);
    match copies.cycle {
        Some(class) => Err(ModuleError::Cycle { class }),
        None => Ok(copy),
    }
}

/// What has been copied so far, by identity of the original.
#[derive(Default)]
pub struct Copies {
    variables: HashMap<VariableId, Variable>,
    // `None` while the copy is in the making.
    shared: HashMap<(usize, TypeId), Option<Box<dyn Any>>>,
    cycle: Option<&'static str>,
    /// What is to change in a copy over the same variables.
    change: Option<Box<dyn Any>>,
}

impl Copies {
    /// For a copy over the variables of the original in which something else changes.
    ///
    /// The implementations of [`DeepCopy`] that know the type of `change` ask for it ([`change`](Self::change)) and
    /// copy accordingly; all others copy as always.
    pub fn changing<T: 'static>(change: T) -> Self {
        Self { change: Some(Box::new(change)), ..Self::default() }
    }

    /// What is to change in this copy, if it is a `T`.
    pub fn change<T: 'static>(&mut self) -> Option<&mut T> {
        self.change.as_mut()?.downcast_mut()
    }

    /// The copy of a variable; the same one for the same variable. In a [changed](Self::changing) copy the variable
    /// itself.
    pub fn variable(&mut self, original: &Variable) -> Variable {
        if self.change.is_some() {
            return original.clone();
        }
        self.variables.entry(original.id()).or_insert_with(|| original.deep_copy()).clone()
    }

    /// The copy of what an `Arc` points to; the same one for the same original, through whichever trait
    /// object it is held. `None`, and [`deep_copy`] fails, if the original is being copied just now.
    pub fn share<T: DeepCopy + 'static>(&mut self, original: &T) -> Option<Arc<T>> {
        let key = (std::ptr::from_ref(original).addr(), TypeId::of::<T>());
        let make = |copies: &mut Self| -> Box<dyn Any> {
            Box::new(Arc::new(original.deep_copy_with(copies)))
        };
        self.shared_by(key, std::any::type_name::<T>(), &make)?.downcast_ref::<Arc<T>>().cloned()
    }

    /// What [`share`](Self::share) does for objects of all types.
    fn shared_by(
        &mut self,
        key: (usize, TypeId),
        class: &'static str,
        make: &dyn Fn(&mut Self) -> Box<dyn Any>,
    ) -> Option<&dyn Any> {
        match self.shared.get(&key) {
            Some(Some(_)) => {}
            Some(None) => {
                self.cycle.get_or_insert(class);
            }
            None => {
                self.shared.insert(key, None);
                let copy = make(self);
                self.shared.insert(key, Some(copy));
            }
        }
        self.shared.get(&key)?.as_deref()
    }
}

/// What an `Arc` can point to so that the `Arc` is [`DeepCopy`]: every sized such value, and trait
/// objects that [`open_trait!`](crate::open_trait) was called for.
#[diagnostic::on_unimplemented(
    message = "`Arc<{Self}>` cannot be copied with its variables",
    label = "no `CopyArc`",
    note = "for a type of your own write `#[derive(Module)]` above it, for a trait call `tfn_module::open_trait!` beside it",
    note = "a module that need not be copied says so by `#[module(no_deep_copy)]`"
)]
pub trait CopyArc {
    /// The copy; `None` if this value is being copied just now ([`Copies::share`]).
    fn copy_arc(&self, copies: &mut Copies) -> Option<Arc<Self>>;
}

#[diagnostic::do_not_recommend]
impl<T: DeepCopy + 'static> CopyArc for T {
    fn copy_arc(&self, copies: &mut Copies) -> Option<Arc<Self>> {
        copies.share(self)
    }
}

impl<T: DeepCopy> CopyArc for [T] {
    fn copy_arc(&self, copies: &mut Copies) -> Option<Arc<Self>> {
        Some(self.iter().map(|item| item.deep_copy_with(copies)).collect())
    }
}

impl CopyArc for str {
    fn copy_arc(&self, _: &mut Copies) -> Option<Arc<Self>> {
        Some(self.into())
    }
}

impl<T: CopyArc + ?Sized> DeepCopy for Arc<T> {
    fn deep_copy_with(&self, copies: &mut Copies) -> Self {
        // In a ring the original stands in; `deep_copy` drops the result and reports the ring.
        self.as_ref().copy_arc(copies).unwrap_or_else(|| Self::clone(self))
    }
}
