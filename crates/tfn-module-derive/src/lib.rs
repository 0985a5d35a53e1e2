//! The derive macro of tfn-module: [`macro@Module`].

mod attributes;
mod bounds;
mod expand;
mod input;
mod manifest;
mod problems;

use proc_macro::TokenStream;

/// Implements `Module` and `DeepCopy` for a struct or an enum.
///
/// Each field is an attribute under its own name (in a tuple, under its index); it must be a `Property`: a
/// variable, a module, a collection of such, or plain data. The copy copies field by field.
///
/// On a field:
///
/// | attribute | meaning |
/// |---|---|
/// | `#[module(skip)]` | no attribute: the walk does not look inside, and the copy clones it |
/// | `#[module(rename = "x")]` | the attribute is called `x`: in paths, and for the order |
/// | `#[module(name)]` | this `String` is what `name()` returns |
/// | `#[module(scope)]` | this `NameScope` is what `name_scope()` returns |
///
/// Above the type:
///
/// | attribute | meaning |
/// |---|---|
/// | `#[module(name = "x")]` | `name()` returns `x`, not the type's name in snake case |
/// | `#[module(no_deep_copy)]` | leave out `DeepCopy` |
/// | `#[module(crate = path)]` | where `tfn-module` is found |
///
/// Without the last one, the package's manifest decides: `tfn-module` if it is a direct dependency, else
/// `module` in `tfn`, `tfn-layers`, `tfn-util` or `tfn-distributions`, the first of these that is one.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    input::Input::new(&input)
        .map_or_else(|error| error.to_compile_error(), |input| expand::expand(&input))
        .into()
}
