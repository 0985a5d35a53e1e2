//! Bounds that the generated implementations put on the type's parameters.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, TypeParam, TypeParamBound, WherePredicate, parse_quote};

use crate::input::{Field, Input};

/// The type's generics with the bounds that `Module` needs.
///
/// A parameter is bounded by what the fields that mention it need, as the derives of the standard
/// library do; bounds on the fields' own types would never end for a type that mentions itself.
pub(crate) fn for_module(input: &Input<'_>) -> Generics {
    let krate = &input.krate;
    let always = quote!(::core::marker::Send + ::core::marker::Sync + 'static);
    extended(input, &always, |field, _| field.is_attribute().then(|| quote!(#krate::Property)))
}

/// The type's generics with the bounds that `DeepCopy` needs.
pub(crate) fn for_deep_copy(input: &Input<'_>) -> Generics {
    let krate = &input.krate;
    extended(input, &quote!('static), |field, is_sized| match (field.is_attribute(), is_sized) {
        (true, true) => Some(quote!(#krate::DeepCopy)),
        (true, false) => Some(quote!(#krate::CopyArc)),
        (false, true) => Some(quote!(::core::clone::Clone)),
        (false, false) => None,
    })
}

/// Adds to each parameter the bound `always`, and what `need` says for a field that mentions it.
fn extended(
    input: &Input<'_>,
    always: &TokenStream,
    need: impl Fn(&Field<'_>, bool) -> Option<TokenStream>,
) -> Generics {
    let mut generics = input.generics.clone();
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for parameter in input.generics.type_params() {
        let ident = &parameter.ident;
        predicates.push(parse_quote!(#ident: #always));
        let is_sized = !is_unsized(parameter, input.generics);
        let mut bounds = BTreeMap::new();
        for field in input.fields() {
            let mentioned = mentions(&field.ty.to_token_stream(), ident);
            if let (true, Some(bound)) = (mentioned.through, need(field, true)) {
                let ty = field.ty;
                predicates.push(parse_quote!(#ty: #bound));
            }
            if let (true, Some(bound)) =
                (mentioned.alone && !is_phantom(field), need(field, is_sized))
            {
                bounds.insert(bound.to_string(), bound);
            }
        }
        predicates.extend(
            bounds.values().map(|bound| -> WherePredicate { parse_quote!(#ident: #bound) }),
        );
    }
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

/// Whether a parameter is `?Sized`, by its declaration or in the where clause.
fn is_unsized(parameter: &TypeParam, generics: &Generics) -> bool {
    let maybe = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => bound.maybe.is_some(),
        _ => false,
    };
    let ident = parameter.ident.to_token_stream().to_string();
    let clauses = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    parameter.bounds.iter().any(maybe)
        || clauses.into_iter().any(|predicate| match predicate {
            WherePredicate::Type(predicate) => {
                predicate.bounded_ty.to_token_stream().to_string() == ident
                    && predicate.bounds.iter().any(maybe)
            }
            _ => false,
        })
}

fn is_phantom(field: &Field<'_>) -> bool {
    let syn::Type::Path(path) = field.ty else {
        return false;
    };
    path.path.segments.last().is_some_and(|segment| segment.ident == "PhantomData")
}

/// How a type mentions a parameter `T`.
#[derive(Default)]
struct Mention {
    /// As `T`.
    alone: bool,
    /// As `T::Item` or `<T as Trait>::Item`: then the field's whole type is bounded.
    through: bool,
}

fn mentions(tokens: &TokenStream, parameter: &syn::Ident) -> Mention {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let punct = |index: usize, c: char| match tokens.get(index) {
        Some(TokenTree::Punct(punct)) => punct.as_char() == c,
        _ => false,
    };
    let mut found = Mention::default();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == parameter => {
                let after_path = index >= 2 && punct(index - 1, ':') && punct(index - 2, ':');
                let projected = punct(index + 1, ':') && punct(index + 2, ':');
                let cast =
                    matches!(tokens.get(index + 1), Some(TokenTree::Ident(next)) if next == "as");
                found.through |= projected || cast;
                found.alone |= !(projected || cast || after_path);
            }
            TokenTree::Group(group) => {
                let inner = mentions(&group.stream(), parameter);
                found.alone |= inner.alone;
                found.through |= inner.through;
            }
            _ => {}
        }
    }
    found
}
