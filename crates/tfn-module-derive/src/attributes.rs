//! Reads `#[module(...)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, LitStr, Path, Token};

use crate::problems::Problems;

const ON_FIELDS: &str = "`skip`, `rename = \"...\"`, `name`, `scope`";
const ON_TYPES: &str = "`name = \"...\"`, `no_deep_copy`, `crate = path`";

/// What stands above the type.
#[derive(Default)]
pub(crate) struct TypeAttributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) no_deep_copy: Option<Span>,
    pub(crate) krate: Option<Path>,
}

/// What stands above a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) skip: Option<Span>,
    pub(crate) name: Option<Span>,
    pub(crate) scope: Option<Span>,
    pub(crate) rename: Option<LitStr>,
}

impl TypeAttributes {
    pub(crate) fn read(attributes: &[Attribute], problems: &mut Problems) -> Self {
        let mut found = Self::default();
        for_each_key(attributes, problems, |key, meta, problems| match key {
            "name" if has_value(meta) => {
                let name = name_literal(meta, problems)?;
                set(&mut found.name, name, meta, problems)
            }
            "no_deep_copy" => set(&mut found.no_deep_copy, meta.path.span(), meta, problems),
            "crate" => set(&mut found.krate, meta.value()?.parse()?, meta, problems),
            "name" => {
                let how = "above a type it is `name = \"...\"`; `name` alone marks a field";
                refuse(how, meta, problems)
            }
            "skip" | "rename" | "scope" => {
                let where_to = format!("`{key}` belongs on a field; above a type go {ON_TYPES}");
                refuse(&where_to, meta, problems)
            }
            _ => {
                let known = format!("unknown attribute `{key}`; above a type go {ON_TYPES}");
                refuse(&known, meta, problems)
            }
        });
        found
    }
}

impl FieldAttributes {
    pub(crate) fn read(attributes: &[Attribute], problems: &mut Problems) -> Self {
        let mut found = Self::default();
        for_each_key(attributes, problems, |key, meta, problems| match key {
            "skip" | "name" | "scope" if has_value(meta) => {
                let rename = "; to call the attribute otherwise, write `rename = \"...\"`";
                let hint = if key == "name" { rename } else { "" };
                let plain = format!("`{key}` takes no value on a field{hint}");
                refuse(&plain, meta, problems)
            }
            "skip" => set(&mut found.skip, meta.path.span(), meta, problems),
            "name" => set(&mut found.name, meta.path.span(), meta, problems),
            "scope" => set(&mut found.scope, meta.path.span(), meta, problems),
            "rename" => {
                let name = rename_literal(meta, problems)?;
                set(&mut found.rename, name, meta, problems)
            }
            "crate" | "no_deep_copy" => {
                let where_to = format!("`{key}` belongs above the type; on a field go {ON_FIELDS}");
                refuse(&where_to, meta, problems)
            }
            _ => {
                let known = format!("unknown attribute `{key}`; on a field go {ON_FIELDS}");
                refuse(&known, meta, problems)
            }
        });
        found.refuse_conflicts(problems);
        found
    }

    fn refuse_conflicts(&self, problems: &mut Problems) {
        if let (Some(_), Some(rename)) = (self.skip, &self.rename) {
            problems.at(
                rename.span(),
                "a skipped field has no attribute name: drop `skip` or `rename`",
            );
        }
        if let (Some(_), Some(scope)) = (self.name, self.scope) {
            problems.at(scope, "one field cannot be both the name and the scope");
        }
        for (key, span) in [("name", self.name), ("scope", self.scope)] {
            if let (Some(span), true) = (span, self.skip.is_some() || self.rename.is_some()) {
                let why = format!(
                    "neither `skip` nor `rename` goes with `{key}`, which is no attribute anyway"
                );
                problems.at(span, why);
            }
        }
    }
}

/// Calls `read` for each key in each `#[module(...)]`.
fn for_each_key(
    attributes: &[Attribute],
    problems: &mut Problems,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>, &mut Problems) -> syn::Result<()>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("module")) {
        let parsed = attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            read(&key, &meta, problems)
        });
        if let Err(error) = parsed {
            problems.add(error);
        }
    }
}

fn set<T>(
    slot: &mut Option<T>,
    value: T,
    meta: &ParseNestedMeta<'_>,
    problems: &mut Problems,
) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        let key = meta.path.to_token_stream();
        problems.at(meta.path.span(), format!("`{key}` is given twice"));
    }
    Ok(())
}

/// Notes what is wrong with a key and reads past its value, so that the next key is read as well.
fn refuse(why: &str, meta: &ParseNestedMeta<'_>, problems: &mut Problems) -> syn::Result<()> {
    problems.at(meta.path.span(), why);
    consume(meta)
}

fn has_value(meta: &ParseNestedMeta<'_>) -> bool {
    meta.input.peek(Token![=])
}

fn consume(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if has_value(meta) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        syn::parenthesized!(inside in meta.input);
        inside.parse::<TokenStream>()?;
    }
    Ok(())
}

fn rename_literal(meta: &ParseNestedMeta<'_>, problems: &mut Problems) -> syn::Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    if literal.value().is_empty() || literal.value().contains('/') {
        problems.at(
            literal.span(),
            "an attribute's name is not empty and has no `/`, which separates the steps of a path",
        );
    }
    Ok(literal)
}

fn name_literal(meta: &ParseNestedMeta<'_>, problems: &mut Problems) -> syn::Result<LitStr> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        problems.at(
            literal.span(),
            "a module's name has ASCII letters, digits and `_` only, no digit first",
        );
    }
    Ok(literal)
}
