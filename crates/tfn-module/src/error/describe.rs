//! Why an object could not be described, or did not come back.

use std::error::Error;

/// Why a described file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// An object of a type that the registry does not know.
    #[error(
        "`{path}` is a {class}, which is not described: implement `Describe` for it and add it to the registry"
    )]
    NotDescribed {
        /// Fields from the outermost object to it.
        path: String,
        /// Its type.
        class: String,
    },
    /// A function without a name, such as a closure.
    #[error(
        "`{path}` (of `{module}`) is a function without a name, so that no file can hold it: {how}"
    )]
    Unnamed {
        /// Fields from the outermost object to it.
        path: String,
        /// Name of the module that has it.
        module: String,
        /// How it is given a name.
        how: &'static str,
    },
    /// A tensor that was computed from variables, whose history no file holds.
    #[error("`{path}` is a tensor that was computed from variables: hand over the variable itself")]
    Tracked {
        /// Fields from the outermost object to it.
        path: String,
    },
    /// An `Arc` that leads back to itself.
    #[error("`{path}` is a {class} that leads back to itself; such a ring cannot be described")]
    Cycle {
        /// Fields from the outermost object to it.
        path: String,
        /// Its type.
        class: String,
    },
    /// More objects, or deeper ones, than any model has.
    #[error("`{path}` has {given} {what}, expected at most {expected}")]
    Extent {
        /// Fields from the outermost object to it.
        path: String,
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// The most that there may be.
        expected: usize,
    },
    /// A type that cannot stand where a trait object is asked for.
    #[error(
        "`{path}` is a `{class}`, which the registry does not know as {expected}: say so by `seen_as` where it is added"
    )]
    NotA {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
        /// The trait object or type asked for.
        expected: &'static str,
    },
    /// A class that nobody registered.
    #[error(
        "`{path}` is of the class `{class}`, which the registry does not know: add it by the crate that has it"
    )]
    UnknownClass {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
    },
    /// A function name that nobody registered.
    #[error(
        "`{path}`, of the class `{class}`: `{field}` is the function `{given}`, which the registry does not know: {how}"
    )]
    UnknownName {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
        /// Its field.
        field: String,
        /// The name.
        given: String,
        /// How it is given a name.
        how: &'static str,
    },
    /// A field that is not what it should be.
    #[error("`{path}`, of the class `{class}`: `{field}` is {given}, expected {expected}")]
    Field {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
        /// Its field.
        field: String,
        /// What is there, in the file's words.
        given: String,
        /// What should be there.
        expected: String,
    },
    /// Fields that nobody asked for.
    #[error("`{path}`, of the class `{class}`, has the fields {}, which it does not take", extra.join(", "))]
    ExtraFields {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
        /// Their names.
        extra: Vec<String>,
    },
    /// Tensors that the description does not name.
    #[error("the file has the tensors {}, which its description does not name", extra.join(", "))]
    ExtraTensors {
        /// Their names.
        extra: Vec<String>,
    },
    /// A tensor of a type or shape that there is no use for.
    #[error("tensor `{name}` is {given}, expected {expected}")]
    Tensor {
        /// Its name.
        name: String,
        /// What it is.
        given: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The fields of an object were read, and its constructor refused them; or an object refused to be described.
    #[error("`{path}`, of the class `{class}`: {source}")]
    Refused {
        /// Fields from the outermost object to it.
        path: String,
        /// Its class.
        class: String,
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nothing of this name is in the file.
    #[error("the file has no `{given}`, but {}", expected.join(", "))]
    NoModule {
        /// The name asked for.
        given: String,
        /// The names that there are.
        expected: Vec<String>,
    },
    /// Two of one name were to be saved.
    #[error("two of the name `{name}`, expected one")]
    TwoModules {
        /// The name.
        name: String,
    },
    /// A file of variables without a description of what they belong to.
    #[error(
        "{origin} has no description of its objects; `load` reads its variables into a module that is there"
    )]
    NoDescription {
        /// Where the bytes came from.
        origin: String,
    },
    /// Described by a later version of this crate.
    #[error(
        "{origin} is described in version {given}, by tfn-module {by}; expected at most {expected}"
    )]
    Version {
        /// Where the bytes came from.
        origin: String,
        /// Version of the description.
        given: u64,
        /// Version of the crate that wrote it.
        by: String,
        /// The latest version that this crate reads.
        expected: u64,
    },
}
