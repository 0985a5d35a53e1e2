//! Trait objects as attributes.

/// Makes `Arc<dyn Trait>` an attribute of modules, for a trait that has [`Module`](crate::Module) as supertrait:
/// the walk goes through it, [`deep_copy`](crate::deep_copy) copies it, and a [described file](crate::describe) holds it.
///
/// `open_trait!(Trait, TraitCopy)` stands beside the trait, in its crate, and declares the helper trait
/// `TraitCopy`, which `Trait` names as supertrait. Whoever implements `Trait` need not know of it: every type
/// that is `DeepCopy` has it, and `#[derive(Module)]` gives that. A visibility, `pub(crate)` say, may stand before `Trait`; without one
/// the helper is public.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use tfn_module::{Module, Tensor, Variable, deep_copy, open_trait};
///
/// trait Activation: Module + ActivationCopy {
///     fn apply(&self, x: f64) -> f64;
/// }
/// open_trait!(pub(crate) Activation, ActivationCopy);
///
/// #[derive(Module)]
/// struct Leaky { slope: Variable }
///
/// impl Activation for Leaky {
///     fn apply(&self, x: f64) -> f64 {
///         if x < 0.0 { 0.1 * x } else { x }
///     }
/// }
///
/// #[derive(Module)]
/// struct Net { activations: Vec<Arc<dyn Activation>> }
///
/// let leaky = Arc::new(Leaky { slope: Variable::new("slope", Tensor::scalar(0.1))? });
/// let net = Net { activations: vec![leaky.clone(), leaky] };
/// assert_eq!(net.submodules().len(), 1);
/// let copy = deep_copy(&net)?;
/// assert!(Arc::ptr_eq(&copy.activations[0], &copy.activations[1]));
/// assert_ne!(copy.variables(), net.variables());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! open_trait {
    ($Trait:ident, $Copy:ident $(,)?) => {
        $crate::open_trait!(pub $Trait, $Copy);
    };
    ($vis:vis $Trait:ident, $Copy:ident $(,)?) => {
        #[doc = concat!("Copying behind `Arc<dyn ", stringify!($Trait), ">`; every type with `DeepCopy` has it.")]
        #[doc(hidden)]
        #[diagnostic::on_unimplemented(
            message = "`{Self}` cannot be copied with its variables",
            note = "write `#[derive(Module)]` above `{Self}`, or implement `DeepCopy` for it"
        )]
        $vis trait $Copy {
            /// The copy; `None` if this value is being copied just now.
            fn copy_shared(
                &self,
                copies: &mut $crate::Copies,
            ) -> ::core::option::Option<::std::sync::Arc<dyn $Trait>>;
        }

        impl<T: $Trait + $crate::DeepCopy> $Copy for T {
            fn copy_shared(
                &self,
                copies: &mut $crate::Copies,
            ) -> ::core::option::Option<::std::sync::Arc<dyn $Trait>> {
                copies.share(self).map(|copy| copy as ::std::sync::Arc<dyn $Trait>)
            }
        }

        impl $crate::Property for dyn $Trait {
            fn visit<'a>(&'a self, properties: &mut $crate::Properties<'a>) {
                properties.module(self);
            }
        }

        impl $crate::CopyArc for dyn $Trait {
            fn copy_arc(
                &self,
                copies: &mut $crate::Copies,
            ) -> ::core::option::Option<::std::sync::Arc<Self>> {
                $Copy::copy_shared(self, copies)
            }
        }

        impl $crate::describe::SharedField for dyn $Trait {
            fn write_shared(
                &self,
                saver: &mut $crate::describe::Saver<'_>,
            ) -> $crate::describe::Result<$crate::describe::Data> {
                saver.shared::<Self>(self)
            }

            fn read_shared(
                data: $crate::describe::Data,
                loader: &mut $crate::describe::Loader<'_>,
            ) -> $crate::describe::Result<::std::sync::Arc<Self>> {
                loader.shared(&data)
            }
        }
    };
}
