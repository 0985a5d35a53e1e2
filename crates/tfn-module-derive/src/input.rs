//! The type that the macro stands above, understood and checked.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Generics, Ident, LitStr, Member, Path, Type};

use crate::attributes::{FieldAttributes, TypeAttributes};
use crate::manifest;
use crate::problems::Problems;

pub(crate) struct Input<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) krate: Path,
    pub(crate) name: Option<LitStr>,
    pub(crate) deep_copy: bool,
    pub(crate) variants: Vec<Variant<'a>>,
}

/// A variant of an enum, or the one shape that a struct has.
pub(crate) struct Variant<'a> {
    /// `None` for a struct.
    pub(crate) ident: Option<&'a Ident>,
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    pub(crate) role: Role,
}

/// What a field is to the module.
pub(crate) enum Role {
    /// An attribute of this name.
    Named(String),
    /// An attribute of this index.
    Item(usize),
    Skipped,
    Name,
    Scope,
}

impl<'a> Input<'a> {
    pub(crate) fn new(input: &'a DeriveInput) -> syn::Result<Self> {
        let mut problems = Problems::default();
        let attributes = TypeAttributes::read(&input.attrs, &mut problems);
        for lifetime in input.generics.lifetimes() {
            problems.at(
                lifetime.span(),
                "a module owns its attributes: it cannot have lifetime parameters",
            );
        }
        let variants = variants(input, &mut problems);
        for variant in &variants {
            refuse_equal_names(variant, &mut problems);
        }
        refuse_second_name(&attributes, &variants, input, &mut problems);
        problems.finish()?;
        Ok(Self {
            ident: &input.ident,
            generics: &input.generics,
            krate: attributes.krate.unwrap_or_else(manifest::module_path),
            name: attributes.name,
            deep_copy: attributes.no_deep_copy.is_none(),
            variants,
        })
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        self.variants.iter().flat_map(|variant| &variant.fields)
    }
}

impl Field<'_> {
    /// Whether the walk sees it, and the copy goes through it.
    pub(crate) fn is_attribute(&self) -> bool {
        matches!(self.role, Role::Named(_) | Role::Item(_))
    }

    /// Where a complaint about its type points to.
    pub(crate) fn span(&self) -> Span {
        self.ty.span().resolved_at(Span::call_site())
    }
}

fn variants<'a>(input: &'a DeriveInput, problems: &mut Problems) -> Vec<Variant<'a>> {
    match &input.data {
        Data::Struct(data) => vec![Variant { ident: None, fields: fields(&data.fields, problems) }],
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                refuse_on_variant(variant, problems);
                Variant { ident: Some(&variant.ident), fields: fields(&variant.fields, problems) }
            })
            .collect(),
        Data::Union(data) => {
            let why =
                "a union cannot be a module: which field is alive cannot be seen; use an enum";
            problems.at(data.union_token.span, why);
            Vec::new()
        }
    }
}

fn refuse_on_variant(variant: &syn::Variant, problems: &mut Problems) {
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
        problems.at(
            attribute.span(),
            "`#[module(...)]` goes above the type or on a field, not on a variant",
        );
    }
}

fn fields<'a>(fields: &'a Fields, problems: &mut Problems) -> Vec<Field<'a>> {
    fields
        .members()
        .zip(fields)
        .enumerate()
        .map(|(index, (member, field))| {
            let attributes = FieldAttributes::read(&field.attrs, problems);
            let role = match (&attributes, &field.ident) {
                (FieldAttributes { skip: Some(_), .. }, _) => Role::Skipped,
                (FieldAttributes { name: Some(_), .. }, _) => Role::Name,
                (FieldAttributes { scope: Some(_), .. }, _) => Role::Scope,
                (FieldAttributes { rename: Some(name), .. }, _) => Role::Named(name.value()),
                (_, Some(ident)) => Role::Named(ident.unraw().to_string()),
                (_, None) => Role::Item(index),
            };
            Field { member, ty: &field.ty, role }
        })
        .collect()
}

fn refuse_equal_names(variant: &Variant<'_>, problems: &mut Problems) {
    let mut seen = BTreeMap::new();
    for field in &variant.fields {
        let name = match &field.role {
            Role::Named(name) => name.clone(),
            Role::Item(index) => index.to_string(),
            _ => continue,
        };
        if seen.insert(name.clone(), ()).is_some() {
            problems.at(field.member.span(), format!("two attributes are called `{name}`"));
        }
    }
}

/// At most one source for the name and one for the scope, and none in an enum.
fn refuse_second_name(
    attributes: &TypeAttributes,
    variants: &[Variant<'_>],
    input: &DeriveInput,
    problems: &mut Problems,
) {
    let (mut named, mut scoped) = (attributes.name.is_some(), false);
    for field in variants.iter().flat_map(|variant| &variant.fields) {
        let (what, before) = match field.role {
            Role::Name => ("name", &mut named),
            Role::Scope => ("scope", &mut scoped),
            _ => continue,
        };
        if matches!(input.data, Data::Enum(_)) {
            problems.at(
                field.member.span(),
                format!("an enum cannot keep its {what} in a field; use a struct around it"),
            );
        } else if std::mem::replace(before, true) {
            problems.at(field.member.span(), format!("the {what} is given twice"));
        }
    }
}
