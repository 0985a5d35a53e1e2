//! The generated code.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;

use crate::bounds;
use crate::input::{Field, Input, Role, Variant};

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let module = module(input);
    let deep_copy = if input.deep_copy { deep_copy(input) } else { TokenStream::new() };
    quote!(#module #deep_copy)
}

fn module(input: &Input<'_>) -> TokenStream {
    let Input { ident, krate, .. } = input;
    let generics = bounds::for_module(input);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let arms = input.variants.iter().map(|variant| {
        let (pattern, bindings) = pattern(variant);
        let added = variant.fields.iter().zip(&bindings).map(|(f, b)| added(f, b));
        quote!(#pattern => { #(#added)* })
    });
    let body = matched(input, arms);
    let class = ident.unraw().to_string();
    let name = name(input);
    let scope = scope(input);
    quote! {
        #[automatically_derived]
        #[allow(private_bounds)]
        impl #impl_generics #krate::Module for #ident #type_generics #where_clause {
            fn properties<'__tfn>(&'__tfn self, __properties: &mut #krate::Properties<'__tfn>) {
                #body
            }

            fn class_name(&self) -> &'static str {
                #class
            }

            #name
            #scope
        }
    }
}

fn deep_copy(input: &Input<'_>) -> TokenStream {
    let Input { ident, krate, .. } = input;
    let generics = bounds::for_deep_copy(input);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let arms = input.variants.iter().map(|variant| {
        let (pattern, bindings) = pattern(variant);
        let path = path(variant);
        let members = variant.fields.iter().map(|field| &field.member);
        let copied = variant.fields.iter().zip(&bindings).map(|(f, b)| copied(f, b, krate));
        quote!(#pattern => #path { #(#members: #copied),* })
    });
    let body = matched(input, arms);
    quote! {
        #[automatically_derived]
        #[allow(private_bounds)]
        impl #impl_generics #krate::DeepCopy for #ident #type_generics #where_clause {
            fn deep_copy_with(&self, __copies: &mut #krate::Copies) -> Self {
                #body
            }
        }
    }
}

fn matched(input: &Input<'_>, arms: impl Iterator<Item = TokenStream>) -> TokenStream {
    if input.variants.is_empty() {
        quote!(match *self {})
    } else {
        quote!(match self { #(#arms,)* })
    }
}

fn path(variant: &Variant<'_>) -> TokenStream {
    match variant.ident {
        Some(ident) => quote!(Self::#ident),
        None => quote!(Self),
    }
}

fn pattern(variant: &Variant<'_>) -> (TokenStream, Vec<Ident>) {
    let path = path(variant);
    let members = variant.fields.iter().map(|field| &field.member);
    let bindings: Vec<Ident> = variant
        .fields
        .iter()
        .enumerate()
        .map(|(i, f)| format_ident!("__{i}", span = f.span()))
        .collect();
    (quote!(#path { #(#members: #bindings),* }), bindings)
}

fn added(field: &Field<'_>, binding: &Ident) -> TokenStream {
    // The span makes a complaint about the type point to the field.
    let span = field.span();
    let value = quote_spanned!(span=> #binding);
    match &field.role {
        Role::Named(name) => quote_spanned!(span=> __properties.add(#name, #value);),
        Role::Item(index) => quote_spanned!(span=> __properties.item(#index, #value);),
        Role::Skipped | Role::Name | Role::Scope => quote!(let _ = #binding;),
    }
}

fn copied(field: &Field<'_>, binding: &Ident, krate: &syn::Path) -> TokenStream {
    let span = field.span();
    let krate = moved_to(span, krate);
    if field.is_attribute() {
        quote_spanned!(span=> #krate::DeepCopy::deep_copy_with(#binding, __copies))
    } else {
        quote_spanned!(span=> ::core::clone::Clone::clone(#binding))
    }
}

/// The path with its place, not its meaning, changed: a complaint then underlines the field alone.
fn moved_to(span: Span, path: &syn::Path) -> TokenStream {
    let moved = |mut token: TokenTree| {
        token.set_span(span.resolved_at(token.span()));
        token
    };
    path.to_token_stream().into_iter().map(moved).collect()
}

fn name(input: &Input<'_>) -> TokenStream {
    let value = if let Some(name) = &input.name {
        quote!(::std::string::String::from(#name))
    } else if let Some(field) = input.fields().find(|field| matches!(field.role, Role::Name)) {
        let member = &field.member;
        let clone = quote!(<::std::string::String as ::core::clone::Clone>::clone);
        quote_spanned!(field.span()=> #clone(&self.#member))
    } else {
        return TokenStream::new();
    };
    quote! {
        fn name(&self) -> ::std::string::String {
            #value
        }
    }
}

fn scope(input: &Input<'_>) -> TokenStream {
    let krate = &input.krate;
    let Some(field) = input.fields().find(|field| matches!(field.role, Role::Scope)) else {
        return TokenStream::new();
    };
    let member = &field.member;
    let clone = quote!(<#krate::NameScope as ::core::clone::Clone>::clone);
    let value = quote_spanned!(field.span()=> #clone(&self.#member));
    quote! {
        fn name_scope(&self) -> #krate::NameScope {
            #value
        }
    }
}
